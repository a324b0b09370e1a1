import type { Observed, Probe } from '../stack/stack.ts'
import type { Conclusion } from './conclusion.ts'
import { outputsOf } from './outputs.ts'

/** The report file: everything the summary says, for programs. Holds no secret: environments are not in it. */
export function reportOf(conclusion: Conclusion, redact: (text: string) => string): string {
  const { stack, steps, checks, plan, ...rest } = conclusion
  const report = {
    schema: 1,
    ...rest,
    outputs: outputsOf(conclusion, ''),
    plan,
    steps,
    checks,
    stack: stack && {
      account: stack.account,
      region: stack.region,
      cluster: stack.cluster,
      url: stack.url,
      images: { web: stack.web.image, worker: stack.worker.image, clickhouse: stack.clickhouse.image },
      health: stack.health,
      clickhouse: stack.clickhouseStore,
      postgres: stack.postgres,
      discovery: stack.discovery,
      files: stack.files,
      probe: withoutSchemas(stack.probe),
    },
  }
  const clean = (_key: string, value: unknown) => (typeof value === 'string' ? redact(value) : value)
  return `${JSON.stringify(report, clean, 2)}\n`
}

/** Hundreds of kilobytes of which the check has said what differs. */
function withoutSchemas(probe: Probe): object {
  const { deepProbe, ...rest } = probe
  const { postgresSchema, clickhouseSchema } = deepProbe
  const counted = <Value extends object>(seen: Observed<Value>) =>
    seen.known ? { ...seen, value: { objects: Object.keys(seen.value).length } } : seen
  const counts = { postgresSchema: counted(postgresSchema), clickhouseSchema: counted(clickhouseSchema) }
  // The member's name in the report, which programs read.
  return { ...rest, closely: { ...deepProbe, ...counts } }
}

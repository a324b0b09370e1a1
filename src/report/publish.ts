import { countOf } from '../checks/run.ts'
import { RESTORE_FILE } from '../plan/runbook.ts'
import type { Artifact } from '../ports/github.ts'
import type { Runner } from '../ports/runner.ts'
import type { Observed, Probe } from '../stack/stack.ts'
import { type Conclusion, isSuccess } from './conclusion.ts'
import { restoreDocument } from './restore-document.ts'
import { summaryOf } from './summary.ts'

/** Publishes the conclusion: report file, outputs, job summary, and the run's one annotation. */
export async function publish(conclusion: Conclusion, runner: Runner): Promise<void> {
  const path = await runner.file(
    `${conclusion.action}-report.json`,
    reportOf(conclusion, text => runner.redact(text)),
  )
  if (conclusion.restore !== undefined) {
    const restore = await runner.file(RESTORE_FILE, runner.redact(restoreDocument(conclusion.restore)))
    runner.info(`The commands of the restore are in ${restore} and in the job summary.`)
  }
  for (const [name, value] of Object.entries(outputsOf(conclusion, path))) runner.output(name, value)
  await runner.summary(summaryOf(conclusion))
  for (const warning of unannounced(conclusion)) runner.info(`Warning: ${warning}`)
  for (const step of conclusion.next) runner.info(`Next: ${step}`)
  const sentence = [conclusion.headline, ...conclusion.problems].join('\n')
  if (isSuccess(conclusion)) runner.info(sentence)
  else runner.annotate('error', `Langfuse ${conclusion.action}: ${conclusion.outcome}`, sentence)
}

/** The log has the plan's own warnings already. */
function unannounced({ warnings, plan }: Conclusion): readonly string[] {
  return warnings.filter(warning => !plan?.warnings.includes(warning))
}

/** The report file: the summary's content for programs. It contains no environment variables, so no secret. */
export function reportOf(conclusion: Conclusion, redact: (text: string) => string): string {
  // Two of them are among the outputs, and the restore has a document of its own.
  const { stack, steps, checks, plan, unrelated: _, regressions: __, restore: ___, ...rest } = conclusion
  const report = {
    schema: 1,
    ...rest,
    outputs: outputsOf(conclusion, ''),
    plan: plan && { ...plan, restore: undefined },
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

/** Schemas take hundreds of kilobytes, and their check reports what differs. */
function withoutSchemas(probe: Probe): object {
  const { deepProbe, ...rest } = probe
  const { postgresSchema, clickhouseSchema } = deepProbe
  const counted = <Value extends object>(seen: Observed<Value>) =>
    seen.known ? { ...seen, value: { objects: Object.keys(seen.value).length } } : seen
  const counts = { postgresSchema: counted(postgresSchema), clickhouseSchema: counted(clickhouseSchema) }
  // The member's name in the report, which programs read.
  return { ...rest, closely: { ...deepProbe, ...counts } }
}

/** Every output of the action, on every path; '' where it has no value. `report` is a path. */
export function outputsOf(conclusion: Conclusion, report: string): Readonly<Record<string, string>> {
  switch (conclusion.action) {
    case 'deploy':
      return {
        ...versionOutputs(conclusion),
        'plan-digest': conclusion.plan?.digest ?? '',
        'snapshot-id': artifactOf(conclusion, 'aurora-snapshot') || artifactOf(conclusion, 'rds-snapshot'),
        'deployment-id': conclusion.deploymentId ?? '',
        'unrelated-checks': conclusion.unrelated.join(','),
        report,
      }
    case 'verify':
      return {
        outcome: conclusion.outcome,
        passed: String(countOf(conclusion.checks, 'passed')),
        failed: String(countOf(conclusion.checks, 'failed')),
        warned: String(countOf(conclusion.checks, 'warning')),
        inconclusive: String(countOf(conclusion.checks, 'inconclusive')),
        skipped: String(countOf(conclusion.checks, 'skipped')),
        regressions: conclusion.regressions.join(','),
        drift: String(conclusion.differences.length > 0),
        'issue-number': conclusion.issue ?? '',
        'current-version': conclusion.versions.current ?? '',
        report,
      }
    case 'rollback':
      return { ...versionOutputs(conclusion), ...undoOutputs(conclusion), report }
  }
}

function artifactOf({ steps }: Conclusion, kind: Artifact['kind']): string {
  return steps.find(step => step.artifact?.kind === kind)?.artifact?.id ?? ''
}

function versionOutputs({ outcome, versions, plan }: Conclusion): Readonly<Record<string, string>> {
  return {
    outcome,
    'previous-version': versions.previous ?? '',
    'current-version': versions.current ?? '',
    'target-version': versions.target ?? '',
    'rollback-class': plan?.rollbackClass ?? '',
  }
}

function undoOutputs({ steps }: Conclusion): Readonly<Record<string, string>> {
  const sum = (key: 'postgres' | 'clickhouse' | 'archivedRows') =>
    steps.reduce((total, step) => total + step.counts[key], 0)
  return {
    'postgres-reverted': String(sum('postgres')),
    'clickhouse-reverted': String(sum('clickhouse')),
    'archived-rows': String(sum('archivedRows')),
    'archive-schema': sum('archivedRows') > 0 ? 'langfuse_rollout' : '',
  }
}

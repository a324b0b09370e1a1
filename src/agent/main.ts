import { createClickHouse } from '../adapters/clickhouse.ts'
import { systemClock } from '../adapters/clock.ts'
import { http } from '../adapters/http.ts'
import { names } from '../adapters/names.ts'
import { createPostgres } from '../adapters/postgres.ts'
import { createValkey, valkeyAt } from '../adapters/valkey.ts'
import type { ClickHouse, Postgres, Valkey } from '../ports/databases.ts'
import { redact } from '../report/redact.ts'
import type { Spec } from './job.ts'
import { createReporter, type Reporter } from './protocol.ts'
import { clickhouseOf, databaseUrlOf, type Environment, secretsIn, valkeyOf } from './stores.ts'
import { failureOf, work } from './work.ts'

/**
 * The program that runs inside the VPC, in a one-off task that stands where the worker stands: does one job with the
 * worker's environment and answers on standard output. Ends by itself, with 0, or with 3 when the job failed.
 */
export async function agent(spec: Spec): Promise<void> {
  const secrets = secretsIn(process.env)
  const clean = (_key: string, value: unknown) => (typeof value === 'string' ? redact(value, secrets) : value)
  const reporter = createReporter(spec.nonce, line => process.stdout.write(`${line}\n`))
  const cancel = new AbortController()
  const stop = (why: string, code: number) => {
    cancel.abort(new Error(why))
    reporter.say(why)
    end(code)
  }
  // As the first process of its container it has no default for signals.
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => stop(`the agent was stopped (${signal})`, 143))
  setTimeout(() => stop('the agent ran out of time', 4), spec.timeoutMs).unref()
  end(await answer(spec, { reporter, clean, signal: cancel.signal }))
}

type Means = {
  readonly reporter: Reporter
  readonly clean: (key: string, value: unknown) => unknown
  readonly signal: AbortSignal
}

async function answer(spec: Spec, { reporter, clean, signal }: Means): Promise<number> {
  const tidy = (value: unknown): unknown => JSON.parse(JSON.stringify(value, clean))
  try {
    const result = await work(spec.job, {
      ...connections(process.env),
      http,
      names,
      missing: MISSING,
      clock: systemClock,
      deadline: systemClock.now() + spec.timeoutMs,
      signal,
      say: line => reporter.say(String(clean('', line))),
    })
    reporter.result(tidy(result))
    return 0
  } catch (error) {
    reporter.failure(tidy(failureOf(error)) as ReturnType<typeof failureOf>)
    return 3
  } finally {
    reporter.end()
  }
}

const MISSING = {
  postgres: "the worker's task definition does not say where PostgreSQL is (DATABASE_URL)",
  clickhouse: "the worker's task definition does not say where ClickHouse is (CLICKHOUSE_URL)",
  valkey: "the worker's task definition does not say where Valkey is (REDIS_HOST or REDIS_CONNECTION_STRING)",
}

/** What the worker is told, and what to look at when it does not answer. */
function connections(environment: Environment): {
  postgres: Postgres | undefined
  clickhouse: ClickHouse | undefined
  valkey: Valkey | undefined
} {
  const url = databaseUrlOf(environment)
  const clickhouse = clickhouseOf(environment)
  const valkey = valkeyOf(environment)
  return {
    postgres:
      url !== undefined && URL.canParse(url)
        ? createPostgres(
            url,
            'cannot be reached from where the worker stands: check its DATABASE_URL and the security groups between them',
          )
        : undefined,
    clickhouse:
      clickhouse &&
      createClickHouse(
        clickhouse,
        'cannot be reached from where the worker stands: check its CLICKHOUSE_URL, Cloud Map and the security groups between them',
      ),
    valkey: valkey && createValkey({ ...valkeyAt(valkey.url, valkey.prefix), verify: valkey.verify }),
  }
}

/** Once standard output has taken everything. */
function end(code: number): void {
  process.stdout.write('', () => process.exit(code))
}

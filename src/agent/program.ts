import { createClickHouse } from '../adapters/clickhouse.ts'
import { systemClock } from '../adapters/machine.ts'
import { createPostgres } from '../adapters/postgres.ts'
import { explain } from '../errors/errors.ts'
import { StepFailed, type Undoing } from '../execute/execution.ts'
import { type ClickHouse, type Postgres, sqlState } from '../ports/databases.ts'
import { redact } from '../report/redact.ts'
import type { JobFailure, Spec } from './job.ts'
import { createReporter, type Reporter } from './protocol.ts'
import { clickhouseOf, databaseUrlOf, type Environment, secretsIn } from './stores.ts'

export type Tools = Pick<Undoing, 'postgres' | 'clickhouse' | 'clock' | 'deadline' | 'signal' | 'say'> & {
  readonly environment: Environment
}

/**
 * Runs inside the VPC, in a one-off task in the worker's network: does one job with the worker's environment and answers
 * on standard output. Exits with 0, or with 3 if the job failed.
 */
export async function runProgram(spec: Spec, work: (tools: Tools) => Promise<unknown>): Promise<void> {
  const secrets = secretsIn(process.env)
  const clean = (_key: string, value: unknown) => (typeof value === 'string' ? redact(value, secrets) : value)
  const reporter = createReporter(spec.nonce, line => process.stdout.write(`${line}\n`))
  const cancel = new AbortController()
  const stop = (why: string, code: number) => {
    cancel.abort(new Error(why))
    reporter.say(why)
    end(code)
  }
  // The first process of a container has no default signal handlers.
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => stop(`the agent was stopped (${signal})`, 143))
  setTimeout(() => stop('the agent ran out of time', 4), spec.timeoutMs).unref()
  end(await answer({ spec, work, reporter, clean, signal: cancel.signal }))
}

type Run = {
  readonly spec: Spec
  readonly work: (tools: Tools) => Promise<unknown>
  readonly reporter: Reporter
  readonly clean: (key: string, value: unknown) => unknown
  readonly signal: AbortSignal
}

async function answer({ spec, work, reporter, clean, signal }: Run): Promise<number> {
  const tidy = (value: unknown): unknown => JSON.parse(JSON.stringify(value, clean))
  try {
    const result = await work({
      ...connections(process.env),
      environment: process.env,
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

function connections(environment: Environment): {
  postgres: Postgres | undefined
  clickhouse: ClickHouse | undefined
} {
  const url = databaseUrlOf(environment)
  const clickhouse = clickhouseOf(environment)
  return {
    postgres:
      url !== undefined && URL.canParse(url)
        ? createPostgres(
            url,
            "cannot be reached from the worker's network: check its DATABASE_URL and the security groups between them",
          )
        : undefined,
    clickhouse:
      clickhouse &&
      createClickHouse(
        clickhouse,
        "cannot be reached from the worker's network: check its CLICKHOUSE_URL, Cloud Map and the security groups between them",
      ),
  }
}

/** Exits once standard output is flushed. */
function end(code: number): void {
  process.stdout.write('', () => process.exit(code))
}

export function failureOf(error: unknown): JobFailure {
  return {
    sentence: explain(error),
    name: error instanceof Error ? error.name : 'Error',
    sqlState: stateIn(error),
    evidence: error instanceof StepFailed ? error.evidence : [],
  }
}

function stateIn(error: unknown): string | undefined {
  return sqlState(error) ?? (error instanceof Error && error.cause ? stateIn(error.cause) : undefined)
}

export function givenPostgres({ postgres }: { readonly postgres: Postgres | undefined }): Postgres {
  if (postgres !== undefined) return postgres
  throw new StepFailed(
    "There is no connection to PostgreSQL: the worker's task definition sets neither DATABASE_URL nor its parts.",
  )
}

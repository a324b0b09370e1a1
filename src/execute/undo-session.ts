import type { Postgres, PostgresSession } from '../ports/databases.ts'
import { sqlNotes, sqlState } from '../ports/databases.ts'
import { overrideSettings, requireForeignKeys } from '../schema/postgres-session.ts'
import { takeLock } from '../schema/run-lock.ts'
import type { Undoing as Execution } from './execution.ts'
import { StepFailed } from './execution.ts'
import { waitFor } from './wait.ts'

/** Prisma's advisory lock: no web container migrates while we hold it (schema-engine, `ADVISORY_LOCK_KEY`). */
const PRISMA_LOCK = 72_707_369

/** How long one statement may wait for a table lock and block others behind it. */
const LOCK_TIMEOUT = '300ms'
const LOCK_ATTEMPTS = 60

/**
 * PostgreSQL cancels an autovacuum for a statement that has waited for `deadlock_timeout` (1 s by default), so some
 * attempts wait that long. Only a superuser can change that setting.
 */
const LONG_TIMEOUT_ATTEMPT = 5
const longTimeoutSql = `SELECT set_config('lock_timeout', (setting::integer + 300)::text, false)
  FROM pg_settings WHERE name = 'deadlock_timeout'`

/** https://www.postgresql.org/docs/15/errcodes-appendix.html */
const STATES = {
  lockNotAvailable: '55P03',
  deadlock: '40P01',
  privilege: '42501',
  canceled: '57014',
} as const

/** Runs `work` on a session that holds Prisma's lock and has the archive; closing the session frees the lock. */
export async function withUndoSession<Result>(
  postgres: Postgres,
  execution: Execution,
  work: (session: PostgresSession) => Promise<Result>,
): Promise<Result> {
  const session = await postgres.connect()
  try {
    await overrideSettings(session)
    await requireForeignKeys(session)
    if (execution.claim !== undefined) await takeLock(session, execution.claim)
    await holdMigrationLock(session, execution)
    await runNamed(
      session,
      execution.facts.toolbox('postgres'),
      'PostgreSQL could not create the archive (schema langfuse_rollout)',
    )
    return await work(session)
  } finally {
    await session.close()
  }
}

async function holdMigrationLock(session: PostgresSession, execution: Execution): Promise<void> {
  await waitFor(
    async () => {
      const [row] = await session.run('SELECT pg_try_advisory_lock($1) AS held', [PRISMA_LOCK])
      return row?.['held'] === true
        ? { state: 'settled', value: undefined }
        : { state: 'waiting', note: "another process holds Prisma's migration lock" }
    },
    { ...execution, what: "Prisma's migration lock" },
  )
}

/** One transaction, retried while a table or row is locked. Deferred constraints would block changes of a table. */
export async function transaction<Result>(
  session: PostgresSession,
  execution: Execution,
  work: () => Promise<Result>,
): Promise<Result> {
  return retried(execution, async attempt => {
    await limitToDeadline(session, execution)
    await session.run(
      attempt % LONG_TIMEOUT_ATTEMPT === 0 ? longTimeoutSql : `SET lock_timeout = '${LOCK_TIMEOUT}'`,
    )
    await session.run('BEGIN; SET CONSTRAINTS ALL IMMEDIATE')
    try {
      const result = await work()
      await session.run('COMMIT')
      return result
    } catch (error) {
      // A lost connection has rolled back already; report the first error.
      await session.run('ROLLBACK').catch(() => undefined)
      throw error
    }
  })
}

/** A statement that cannot run in a transaction; it waits for older transactions and blocks none. */
export async function alone(
  session: PostgresSession,
  execution: Execution,
  sql: string,
  what: string,
): Promise<void> {
  await limitToDeadline(session, execution)
  await session.run('SET lock_timeout = 0')
  await runNamed(session, sql, what)
}

async function retried<Result>(
  execution: Execution,
  work: (attempt: number) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt)
    } catch (error) {
      if (!isLockConflict(error)) throw error
      if (attempt >= LOCK_ATTEMPTS || execution.clock.now() >= execution.deadline) {
        throw new StepFailed(
          `A table or row was still locked after ${attempt} attempts, so nothing was changed: end the long-running query that holds it, then run the rollback again.`,
          sqlNotes(error),
          error,
        )
      }
      execution.say(
        `a table or row is locked, so nothing was changed; retrying (${attempt} of ${LOCK_ATTEMPTS})`,
      )
      await execution.clock.sleep(500 + 1_000 * execution.clock.random(), execution.signal)
    }
  }
}

function isLockConflict(error: unknown): boolean {
  const state = sqlState(error)
  return state === STATES.lockNotAvailable || state === STATES.deadlock
}

async function limitToDeadline(session: PostgresSession, { deadline, clock }: Execution): Promise<void> {
  const left = Math.min(Math.max(Math.ceil(deadline - clock.now()), 1_000), 2_147_483_647)
  await session.run(`SET statement_timeout = ${left}`)
}

/** Runs SQL; an error says what failed, quotes PostgreSQL, and says what to do if that is known. */
export async function runNamed(session: PostgresSession, sql: string, what: string): Promise<void> {
  try {
    await session.run(sql)
  } catch (error) {
    if (isLockConflict(error)) throw error
    const state = sqlState(error)
    const advice =
      state === STATES.privilege
        ? " The database user must own Langfuse's tables and be allowed to create a schema."
        : state === STATES.canceled
          ? ' It exceeded the timeout of this run.'
          : ''
    throw new StepFailed(`${what}; PostgreSQL rolled back its transaction.${advice}`, sqlNotes(error), error)
  }
}

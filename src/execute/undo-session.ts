import type { Postgres, PostgresSession } from '../ports/databases.ts'
import { sqlNotes, sqlState } from '../ports/databases.ts'
import type { Undoing as Execution } from './execution.ts'
import { StepFailed } from './execution.ts'
import { waitFor } from './wait.ts'

/** Prisma's advisory lock: while it is held no web container migrates (schema-engine, `ADVISORY_LOCK_KEY`). */
const PRISMA_LOCK = 72_707_369

/** How long one statement may wait for a table's lock, and make others wait behind it, before it steps back. */
const LOCK_TIMEOUT = '300ms'
const LOCK_ATTEMPTS = 60

/**
 * An autovacuum holds a table for as long as it takes, but PostgreSQL ends it for someone who has waited for
 * `deadlock_timeout` (1 s by default), which only a superuser can change: so some attempts wait that long.
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

/** Runs `work` on a session that holds Prisma's lock and has the archive; the end of the session frees the lock. */
export async function withUndoSession<Result>(
  postgres: Postgres,
  execution: Execution,
  work: (session: PostgresSession) => Promise<Result>,
): Promise<Result> {
  const session = await postgres.connect()
  try {
    await session.run(sessionSql)
    await holdMigrationLock(session, execution)
    await runNamed(session, execution.facts.toolbox('postgres'), 'The archive could not be made')
    return await work(session)
  } finally {
    await session.close()
  }
}

/**
 * A role or a database may have settings of its own; none of them may decide what down SQL does or end it early.
 * Names without a schema are those of `public`, also where the role has a schema of its own name.
 */
const sessionSql = `
SET search_path = public;
SET standard_conforming_strings = on;
SET timezone = 'UTC';
SET default_transaction_isolation = 'read committed';
SET default_transaction_read_only = off;
SET client_min_messages = warning;
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET row_security = off;
`

async function holdMigrationLock(session: PostgresSession, execution: Execution): Promise<void> {
  await waitFor(
    async () => {
      const [row] = await session.run('SELECT pg_try_advisory_lock($1) AS held', [PRISMA_LOCK])
      return row?.['held'] === true
        ? { state: 'settled', value: undefined }
        : { state: 'waiting', note: 'a web container holds the lock that Prisma migrates under' }
    },
    { ...execution, what: "Prisma's migration lock" },
  )
}

/**
 * One transaction, begun again while a table or a row is in use. With constraints deferred, rows that were changed
 * would stand in the way of changing their table.
 */
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
      // A lost connection has rolled back by itself; the first error is the one to tell.
      await session.run('ROLLBACK').catch(() => undefined)
      throw error
    }
  })
}

/** A statement that has to be outside a transaction; it waits for older transactions, and nobody waits for it. */
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
          `A table or a row stayed in use in ${attempt} attempts, and nothing was changed: end what uses it for long, and run the rollback again.`,
          sqlNotes(error),
          error,
        )
      }
      execution.say(
        `a table or a row was in use, so nothing was changed; trying again (${attempt} of ${LOCK_ATTEMPTS})`,
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

/** Runs SQL; an error says what failed, why in PostgreSQL's words, and what to do where that is known. */
export async function runNamed(session: PostgresSession, sql: string, what: string): Promise<void> {
  try {
    await session.run(sql)
  } catch (error) {
    if (isLockConflict(error)) throw error
    const state = sqlState(error)
    const advice =
      state === STATES.privilege
        ? " The database user of this run has to own Langfuse's tables, and to be allowed to create a schema."
        : state === STATES.canceled
          ? ' It took longer than the timeout of this run allows.'
          : ''
    throw new StepFailed(
      `${what}; what it had done in its transaction was rolled back.${advice}`,
      sqlNotes(error),
      error,
    )
  }
}

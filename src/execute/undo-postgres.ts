import type { UndoSchema } from '../plan/plan.ts'
import type { Postgres, PostgresSession } from '../ports/databases.ts'
import { sqlState } from '../ports/databases.ts'
import { clickhouseName } from '../release/facts.ts'
import { archiveSql } from '../schema/archive.ts'
import { statementsOfSection } from '../schema/down-sql.ts'
import { journalSql } from '../schema/journal.ts'
import type { Execution, UndoCounts } from './execution.ts'
import { StepFailed } from './execution.ts'
import { waitFor } from './wait.ts'

/** Prisma's advisory lock: while it is held no web container migrates (schema-engine, `ADVISORY_LOCK_KEY`). */
const PRISMA_LOCK = 72_707_369

/** How long one statement may wait for a table's lock, and make others wait behind it, before it steps back. */
const LOCK_TIMEOUT = '2s'
const LOCK_ATTEMPTS = 20

/**
 * One phase on PostgreSQL: expand and contract in one transaction each, validate outside of one. `between` is
 * ClickHouse's part, run before the journal says that the phase is over.
 */
export async function undoPostgres(
  step: UndoSchema,
  postgres: Postgres,
  execution: Execution,
  between: () => Promise<void>,
): Promise<UndoCounts> {
  const session = await postgres.connect()
  try {
    await holdMigrationLock(session, execution)
    await session.run(archiveSql + journalSql)
    if (step.phase === 'validate') await validate(session, step, execution)
    else await runPhase(session, step, execution)
    await between()
    await writeJournal(session, step, 'clickhouse', execution)
    return await count(session, step, execution)
  } finally {
    // Ends the session and with it the lock.
    await session.close()
  }
}

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

async function runPhase(session: PostgresSession, step: UndoSchema, execution: Execution): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await inTransaction(session, () => phaseStatements(session, step, execution))
      return
    } catch (error) {
      if (!isLockConflict(error) || attempt >= LOCK_ATTEMPTS) throw error
      execution.say(
        `a table was in use for ${LOCK_TIMEOUT}, so nothing was changed; trying again (${attempt} of ${LOCK_ATTEMPTS})`,
      )
      await execution.clock.sleep(500 + 1_000 * execution.clock.random(), execution.signal)
    }
  }
}

/** lock_not_available and deadlock_detected: https://www.postgresql.org/docs/15/errcodes-appendix.html */
function isLockConflict(error: unknown): boolean {
  const state = sqlState(error)
  return state === '55P03' || state === '40P01'
}

async function phaseStatements(
  session: PostgresSession,
  step: UndoSchema,
  execution: Execution,
): Promise<void> {
  await session.run(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`)
  await session.run("SELECT set_config('langfuse_rollout.rollback_id', $1, true)", [execution.rollbackId])
  for (const migration of step.postgres) {
    const sql = execution.facts.downSql('postgres', migration)?.sections[step.phase] ?? ''
    if (sql.trim() === '') continue
    execution.say(`${migration}: ${step.phase}`)
    await runNamed(session, sql, `${migration}, ${step.phase}`)
  }
  if (step.phase === 'contract' && step.postgres.length > 0) {
    await session.run('DELETE FROM "_prisma_migrations" WHERE migration_name = ANY($1)', [step.postgres])
  }
  await writeJournal(session, step, 'postgres', execution)
}

/** Foreign keys are validated after the contract transaction: that only takes a lock which nobody waits for. */
async function validate(session: PostgresSession, step: UndoSchema, execution: Execution): Promise<void> {
  for (const migration of step.postgres) {
    const sql = execution.facts.downSql('postgres', migration)?.sections.validate ?? ''
    for (const statement of statementsOfSection(sql, 'postgres')) {
      execution.say(`${migration}: ${statement}`)
      await runNamed(session, statement, `${migration}, validate`)
    }
  }
  await writeJournal(session, step, 'postgres', execution)
}

async function runNamed(session: PostgresSession, sql: string, what: string): Promise<void> {
  try {
    await session.run(sql)
  } catch (error) {
    if (isLockConflict(error)) throw error
    throw new StepFailed(
      `The down SQL of ${what} failed; what it had done in its transaction was rolled back.`,
      [],
      error,
    )
  }
}

async function writeJournal(
  session: PostgresSession,
  step: UndoSchema,
  store: 'postgres' | 'clickhouse',
  execution: Execution,
): Promise<void> {
  const migrations = store === 'postgres' ? step.postgres : step.clickhouse.map(clickhouseName)
  if (migrations.length === 0) return
  await session.run(
    `INSERT INTO langfuse_rollout.journal (store, migration, rollback_id, phase)
     SELECT $1, name, $2, $3 FROM unnest($4::text[]) AS name
     ON CONFLICT (store, migration) DO UPDATE SET rollback_id = excluded.rollback_id, phase = excluded.phase, at = now()`,
    [store, execution.rollbackId, step.phase, migrations],
  )
}

async function inTransaction(session: PostgresSession, work: () => Promise<void>): Promise<void> {
  await session.run('BEGIN')
  try {
    await work()
    await session.run('COMMIT')
  } catch (error) {
    // A lost connection has rolled back by itself; the first error is the one to tell.
    await session.run('ROLLBACK').catch(() => undefined)
    throw error
  }
}

async function count(session: PostgresSession, step: UndoSchema, execution: Execution): Promise<UndoCounts> {
  const [row] = await session.run(
    'SELECT count(*)::int AS archived FROM langfuse_rollout.archived_rows WHERE rollback_id = $1',
    [execution.rollbackId],
  )
  const contract = step.phase === 'contract'
  return {
    postgres: contract ? step.postgres.length : 0,
    clickhouse: contract ? step.clickhouse.length : 0,
    archivedRows: contract ? Number(row?.['archived'] ?? 0) : 0,
  }
}

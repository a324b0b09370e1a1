import type { KeepData, UndoSchema } from '../plan/plan.ts'
import type { Postgres, PostgresSession } from '../ports/databases.ts'
import { sqlState } from '../ports/databases.ts'
import { clickhouseName } from '../release/facts.ts'
import { concurrentIndex, type DownSections } from '../schema/down-sql.ts'
import { splitStatements } from '../schema/sql-text.ts'
import type { Undoing as Execution, UndoCounts } from './execution.ts'
import { lockTables } from './table-locks.ts'
import { alone, runNamed, transaction, withUndoSession } from './undo-session.ts'

/** Rows that the toolbox changes in one transaction of `prepare`, so that row locks stay short. */
const BATCH = 5_000

/**
 * One phase on PostgreSQL, newest migration first: expand and contract in one transaction each; `prepare` before
 * contract and validate statement by statement. `between` is ClickHouse's part, under the same id; it may write its
 * journal early.
 */
export async function undoPostgres(
  step: UndoSchema,
  postgres: Postgres,
  given: Execution,
  between: (journal: () => Promise<void>, rollbackId: string) => Promise<void>,
): Promise<UndoCounts> {
  return withUndoSession(postgres, given, async session => {
    const execution = { ...given, rollbackId: await idOf(step, session, given.rollbackId) }
    const undo = { step, session, execution, before: await newestArchived(session) }
    if (step.phase === 'contract') await prepare(undo)
    if (step.phase === 'validate') await validate(undo)
    else await runPhase(undo, step.phase)
    await refill(undo)
    const journal = () => writeJournal(undo, 'clickhouse')
    await between(journal, execution.rollbackId)
    if (step.phase === 'expand' && step.clickhouse.length > 0) await noteGivenBack(step, session)
    await journal()
    return await count(undo)
  })
}

/** A run that resumes a killed one archives under its id, so that the archive is one, and one restore puts it back. */
async function idOf(step: UndoSchema, session: PostgresSession, given: string): Promise<string> {
  const [row] = await session.run(
    `SELECT rollback_id FROM langfuse_rollout.journal
     WHERE phase = $1 AND (store = 'postgres' AND migration = ANY($2) OR store = 'clickhouse' AND migration = ANY($3))
     ORDER BY at DESC, rollback_id LIMIT 1`,
    [step.phase === 'validate' ? 'contract' : 'expand', step.postgres, step.clickhouse.map(clickhouseName)],
  )
  return String(row?.['rollback_id'] ?? given)
}

/** Expand has put back what a deploy kept of ClickHouse's tables. */
async function noteGivenBack({ clickhouse }: UndoSchema, session: PostgresSession): Promise<void> {
  await session.run(
    `UPDATE langfuse_rollout.kept SET given_back_at = now()
     WHERE migration = ANY($1) AND closed_at IS NOT NULL AND given_back_at IS NULL`,
    [clickhouse.map(clickhouseName)],
  )
}

type Undo = {
  readonly step: UndoSchema
  /** Newer archive entries belong to this step. */
  readonly before: Archived
  readonly session: PostgresSession
  readonly execution: Execution
}

async function runPhase(undo: Undo, phase: 'expand' | 'contract'): Promise<void> {
  const { step, session, execution } = undo
  const sections = step.postgres.map(migration => sectionOf(undo, migration, phase))
  await transaction(session, execution, async () => {
    await lockTables(session, sections)
    if (phase === 'expand') await repairRows(undo)
    for (const migration of step.postgres) await runSection(undo, migration, phase)
    await nameAsBefore(undo)
    await writeJournal(undo, 'postgres')
  })
}

/** No release's web starts while a migration is neither finished nor rolled back (P3009). */
async function repairRows({ step, session }: Undo): Promise<void> {
  if (step.repair === undefined) return
  await session.run(
    `UPDATE public."_prisma_migrations" SET finished_at = now(), applied_steps_count = 1
     WHERE migration_name = ANY($1) AND finished_at IS NULL AND rolled_back_at IS NULL`,
    [step.repair.finish],
  )
  await session.run(
    `UPDATE public."_prisma_migrations" SET rolled_back_at = now()
     WHERE migration_name = ANY($1) AND finished_at IS NULL AND rolled_back_at IS NULL`,
    [step.repair.forget],
  )
}

/**
 * Expand adds the older release's names, before its web starts; contract deletes names that only the newer one knows.
 * Contract adds the older names again, because a web of the newer release that starts in between deletes them.
 */
async function nameAsBefore({ step, session }: Undo): Promise<void> {
  const { from = [], to = [] } = step.renamed ?? {}
  if (to.length > 0) {
    await session.run(
      `INSERT INTO public."_prisma_migrations" (id, checksum, migration_name, finished_at, applied_steps_count)
       SELECT gen_random_uuid()::text, checksum, name, now(), 1 FROM unnest($1::text[], $2::text[]) AS older (name, checksum)
       WHERE NOT EXISTS (
         SELECT FROM public."_prisma_migrations" WHERE migration_name = name AND finished_at IS NOT NULL AND rolled_back_at IS NULL)`,
      [to.map(({ name }) => name), to.map(({ checksum }) => checksum)],
    )
  }
  const gone = [...step.postgres, ...from]
  if (step.phase === 'contract' && gone.length > 0) {
    await session.run('DELETE FROM public."_prisma_migrations" WHERE migration_name = ANY($1)', [gone])
  }
}

/** Before ClickHouse's part, so that no killed run leaves finished rows without their data. May run again. */
async function refill({ step, session, execution }: Undo): Promise<void> {
  const { open = [], hold = [] } = step.refill ?? {}
  const change = async (call: string, names: readonly string[], reason: string | null): Promise<void> => {
    const rows = await session.run(
      `SELECT name FROM unnest($1::text[]) AS name WHERE langfuse_rollout.${call}_background_migration(name, $2)`,
      [names, reason],
    )
    for (const { name } of rows) execution.say(`background migration ${name}: ${call}`)
  }
  if (open.length + hold.length === 0) return
  await transaction(session, execution, async () => {
    if (step.phase === 'expand') await change('hold', hold, HELD)
    if (step.phase === 'contract') {
      await change('reset', open, null)
      await change('reset', hold, HELD)
    }
  })
}

const HELD =
  'held by a rollback, which archives the tables of this background migration: retry it after the next upgrade'

/** Needs no journal: prepare can be repeated. */
async function prepare(undo: Undo): Promise<void> {
  for (const migration of undo.step.postgres) {
    for (const statement of statementsOf(undo, migration, 'prepare')) {
      await runInBatches(undo, { migration, phase: 'prepare', statement })
    }
  }
}

/** Validates constraints after the contract transaction, under a lock that blocks no reads or writes. */
async function validate(undo: Undo): Promise<void> {
  const { step, session, execution } = undo
  for (const [position, migration] of step.postgres.entries()) {
    const older = step.postgres.slice(position + 1)
    for (const statement of statementsOf(undo, migration, 'validate')) {
      if (!isObsolete(undo, statement, older))
        await validateOne(undo, { migration, phase: 'validate', statement })
    }
  }
  await transaction(session, execution, () => writeJournal(undo, 'postgres'))
}

type Part = {
  readonly migration: string
  readonly phase: 'prepare' | 'validate' | KeepData['phase']
  readonly statement: string
}

async function validateOne(undo: Undo, part: Part): Promise<void> {
  const { session, execution } = undo
  try {
    if (concurrentIndex(part.statement) === undefined) return await runInBatches(undo, part)
    announce(undo, part)
    await alone(session, execution, part.statement, failed(part))
  } catch (error) {
    if (!isMissing(error)) throw error
    execution.say('skipped: the object of this statement no longer exists')
  }
}

type Session = Pick<Undo, 'session' | 'execution'>

/** A statement in its own transaction. If the toolbox reports more rows, the same statement runs again: short row locks. */
export async function runInBatches({ session, execution }: Session, part: Part): Promise<void> {
  const once = async (): Promise<boolean> => {
    await nameUndo({ session, execution }, part.migration)
    await session.run(
      `SELECT set_config('langfuse_rollout.batch', '${BATCH}', true), set_config('langfuse_rollout.more', '', true)`,
    )
    await runNamed(session, part.statement, failed(part))
    const [row] = await session.run(`SELECT current_setting('langfuse_rollout.more') AS more`)
    return row?.['more'] === 'yes'
  }
  announce({ execution }, part)
  while (await transaction(session, execution, once));
  await session.run('SELECT langfuse_rollout.forget_todo_lists()')
}

async function runSection(undo: Undo, migration: string, phase: 'expand' | 'contract'): Promise<void> {
  const { session, execution } = undo
  const sql = sectionOf(undo, migration, phase)
  if (sql === '') return
  await nameUndo(undo, migration)
  execution.say(`${migration}: ${phase}`)
  await runNamed(session, sql, failed({ migration, phase }))
}

function statementsOf(undo: Undo, migration: string, phase: keyof DownSections): readonly string[] {
  return splitStatements(sectionOf(undo, migration, phase), 'postgres')
}

function sectionOf({ execution }: Undo, migration: string, phase: keyof DownSections): string {
  return execution.facts.downSql('postgres', migration)?.sections[phase] ?? ''
}

/** The toolbox archives under these two names. */
async function nameUndo({ session, execution }: Session, migration: string): Promise<void> {
  await session.run(
    `SELECT set_config('langfuse_rollout.rollback_id', $1, true), set_config('langfuse_rollout.migration', $2, true)`,
    [execution.rollbackId, migration],
  )
}

function announce({ execution }: Pick<Undo, 'execution'>, { migration, phase, statement }: Part): void {
  const lines = statement.split('\n').map(line => line.trim())
  const [first = '', ...more] = lines.filter(line => line !== '' && !line.startsWith('--'))
  execution.say(`${migration}: ${phase}: ${first}${more.length > 0 ? ' …' : ''}`)
}

function failed({ migration, phase }: { readonly migration: string; readonly phase: string }): string {
  return `The ${phase} down SQL of ${migration} failed`
}

/** An index is not recreated if an older migration, which is also undone, created it. */
function isObsolete(undo: Undo, statement: string, older: readonly string[]): boolean {
  const made = concurrentIndex(statement)
  if (made === undefined) return false
  const dropped = `drop_index('${made.index.replaceAll("'", "''")}')`
  return older.some(migration => sectionOf(undo, migration, 'contract').includes(dropped))
}

/** undefined_table, undefined_column and undefined_object: an older migration's contract dropped it. */
function isMissing(error: unknown): boolean {
  const state = error instanceof Error ? sqlState(error.cause) : undefined
  return state === '42P01' || state === '42703' || state === '42704'
}

async function writeJournal(
  { step, session, execution }: Undo,
  store: 'postgres' | 'clickhouse',
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

type Archived = { readonly row: string; readonly table: string }

async function newestArchived(session: PostgresSession): Promise<Archived> {
  const [newest] = await session.run(`SELECT
    (SELECT coalesce(max(id), 0) FROM langfuse_rollout.archived_rows) AS row,
    (SELECT coalesce(max(id), 0) FROM langfuse_rollout.archived_tables) AS table`)
  return { row: String(newest?.['row'] ?? 0), table: String(newest?.['table'] ?? 0) }
}

async function count(undo: Undo): Promise<UndoCounts> {
  const { step, session, execution, before } = undo
  await transaction(session, execution, () => session.run('SELECT langfuse_rollout.count_archived_tables()'))
  await reportWhatIsNotBack(undo)
  const [row] = await session.run(
    `SELECT (SELECT count(*) FROM langfuse_rollout.archived_rows WHERE id > $1 AND kind <> 'definition')
       + (SELECT coalesce(sum(rows), 0) FROM langfuse_rollout.archived_tables WHERE id > $2) AS archived`,
    [before.row, before.table],
  )
  const isOver = step.phase === 'contract'
  return {
    postgres: isOver ? step.postgres.length : 0,
    clickhouse: isOver ? step.clickhouse.length : 0,
    archivedRows: Number(row?.['archived'] ?? 0),
  }
}

/** A user's index or check on a removed enum label must be recreated by the user. */
async function reportWhatIsNotBack({ session, execution, before }: Undo): Promise<void> {
  const rows = await session.run(
    `SELECT row ->> 'definition' AS statement FROM langfuse_rollout.archived_rows
     WHERE id > $1 AND kind = 'definition' AND row ->> 'kind' = 'statement' ORDER BY id`,
    [before.row],
  )
  for (const { statement } of rows) {
    execution.say(`not recreated, because it uses an enum label that no longer exists: ${statement}`)
  }
}

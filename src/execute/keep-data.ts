import type { KeepData } from '../plan/plan.ts'
import type { ClickHouse, Postgres, PostgresSession } from '../ports/databases.ts'
import { clickhouseName } from '../release/facts.ts'
import type { KeptTable } from '../schema/clickhouse-keep.ts'
import { KEPT_DAYS } from '../schema/keep-calls.ts'
import { quoteLiteral } from '../schema/quote.ts'
import { splitStatements } from '../schema/sql-text.ts'
import type { UndoCounts, Undoing } from './execution.ts'
import { StepFailed } from './execution.ts'
import { keepInClickHouse } from './undo-clickhouse.ts'
import { runInBatches } from './undo-postgres.ts'
import { transaction, withUndoSession } from './undo-session.ts'

/**
 * Keeps what migrations are about to delete on both stores, closes it after them, reverses it, or drops what is old. Every
 * statement may run again. The manifest of both stores is `langfuse_rollout.kept` in PostgreSQL.
 * @throws StepFailed if something cannot be kept, or is not complete where it must be
 */
export async function keepStores(step: KeepData, postgres: Postgres, undoing: Undoing): Promise<UndoCounts> {
  const { clickhouse } = undoing
  if (step.clickhouse.length > 0 && clickhouse === undefined)
    throw new StepFailed('There is no connection to ClickHouse.')
  return withUndoSession(postgres, undoing, async session => {
    const before = await rowsOf(step, session)
    for (const [migration, statement] of statementsOf(step, undoing))
      await runInBatches({ session, execution: undoing }, { migration, phase: step.phase, statement })
    if (clickhouse !== undefined && step.clickhouse.length > 0)
      await keepClickHouse(step, { clickhouse, session, undoing })
    const needed = step.phase === 'keep' ? namesOf(step) : (step.mustBeWhole ?? [])
    const missing = await problemsOf(needed, session)
    if (missing.length > 0)
      throw new StepFailed(`${step.phase === 'keep' ? NOT_KEPT : NOT_WHOLE} ${missing.join('; ')}.`)
    const problems = step.phase === 'close' ? await problemsOf(namesOf(step), session) : []
    const rows = step.phase === 'drop' ? before : await rowsOf(step, session)
    return { postgres: 0, clickhouse: 0, archivedRows: 0, kept: { rows, problems } }
  })
}

const NOT_KEPT = 'What the migrations delete cannot be kept. Nothing else was changed.'
const NOT_WHOLE =
  'What the deploy kept is not complete. Nothing was undone. Run again: the plan then has the class without it.'

function statementsOf(step: KeepData, { facts }: Undoing): readonly (readonly [string, string])[] {
  if (step.phase === 'drop') return [['kept', `SELECT langfuse_rollout.drop_kept(now() - ${KEPT_INTERVAL})`]]
  const forget: readonly (readonly [string, string])[] = step.phase === 'keep' ? [FORGET_GIVEN_BACK] : []
  const own = step.postgres.flatMap(migration => {
    const statements =
      step.phase === 'keep'
        ? splitStatements(facts.downSql('postgres', migration)?.sections.keep ?? '', 'postgres')
        : [`SELECT langfuse_rollout.${step.phase}_keep(${quoteLiteral(migration)})`]
    return statements.map(statement => [migration, statement] as const)
  })
  return [...forget, ...own]
}

/** What a rollback has given back is no longer kept. */
const FORGET_GIVEN_BACK = ['kept', "SELECT langfuse_rollout.drop_kept('-infinity')"] as const
const KEPT_INTERVAL = `interval '${KEPT_DAYS} days'`

type Both = {
  readonly clickhouse: ClickHouse
  readonly session: PostgresSession
  readonly undoing: Undoing
}

/** The manifest is open before the first table is kept, so that a killed run leaves nothing unnoticed. */
async function keepClickHouse(step: KeepData, { clickhouse, session, undoing }: Both): Promise<void> {
  const migrations = step.clickhouse.map(clickhouseName)
  const write = (sql: string, values: readonly unknown[] = []) =>
    transaction(session, undoing, async () => {
      if (step.phase === 'keep') await session.run(FORGET_OPEN, [migrations])
      await session.run(sql, [migrations, ...values])
    })
  if (step.phase === 'keep') await write(BEGIN_KEPT, [undoing.rollbackId])
  const tables = await keepInClickHouse(step, clickhouse, undoing)
  switch (step.phase) {
    case 'keep':
      return void (await write(END_KEPT, [undoing.rollbackId, ...columnsOf(tables)]))
    case 'close':
      return void (await write(CLOSE_KEPT, columnsOf(tables)))
    case 'reverse':
      return void (await write(FORGET_OPEN))
    case 'drop':
      return void (await write(
        `DELETE FROM langfuse_rollout.kept WHERE migration = ANY($1) AND closed_at < now() - ${KEPT_INTERVAL}`,
      ))
  }
}

const FORGET_OPEN = 'DELETE FROM langfuse_rollout.kept WHERE migration = ANY($1) AND closed_at IS NULL'

const BEGIN_KEPT = `INSERT INTO langfuse_rollout.kept (run_id, migration, relation, kind)
  SELECT $2, migration, '', 'table' FROM unnest($1::text[]) AS migration`

const TABLES = (first: number) =>
  `unnest($${first}::text[], $${first + 1}::text[], $${first + 2}::text[], $${first + 3}::bigint[]) AS t (migration, relation, stored_as, rows)`

const END_KEPT = `INSERT INTO langfuse_rollout.kept (run_id, kept_at, kind, how, migration, relation, stored_as, rows)
  SELECT $2, now(), 'table', 'copied', t.* FROM ${TABLES(3)} WHERE t.migration = ANY($1)`

/** What a killed run did not keep to the end never becomes complete. */
const CLOSE_KEPT = `UPDATE langfuse_rollout.kept AS k
  SET closed_at = now(), rows = coalesce(t.rows, k.rows, 0),
    problem = CASE WHEN k.kept_at IS NULL THEN 'the migration ran before all was kept'
      WHEN t.rows = 0 AND k.rows > 0 THEN 'ClickHouse does not have it any more' END
  FROM langfuse_rollout.kept AS this LEFT JOIN ${TABLES(2)} USING (migration, relation)
  WHERE k.id = this.id AND k.migration = ANY($1) AND k.closed_at IS NULL`

function columnsOf(tables: readonly (KeptTable & { readonly migration: string })[]): readonly unknown[] {
  return [
    tables.map(({ migration }) => migration),
    tables.map(({ relation }) => relation),
    tables.map(({ storedAs }) => storedAs),
    tables.map(({ rows }) => rows),
  ]
}

/** Of the newest manifest of each thing that is kept for these migrations. */
const NEWEST = `(SELECT DISTINCT ON (migration, kind, relation, column_name) * FROM langfuse_rollout.kept
  WHERE migration = ANY($1) ORDER BY migration, kind, relation, column_name, id DESC) AS newest
  WHERE given_back_at IS NULL`

async function rowsOf(step: KeepData, session: PostgresSession): Promise<number> {
  const [row] = await session.run(`SELECT coalesce(sum(rows), 0) AS rows FROM ${NEWEST}`, [namesOf(step)])
  return Number(row?.['rows'] ?? 0)
}

async function problemsOf(
  migrations: readonly string[],
  session: PostgresSession,
): Promise<readonly string[]> {
  const rows = await session.run(
    `SELECT concat_ws(': ', nullif(relation, ''), problem) AS problem FROM ${NEWEST} AND problem IS NOT NULL ORDER BY id`,
    [migrations],
  )
  return rows.map(({ problem }) => String(problem))
}

function namesOf({ postgres, clickhouse }: KeepData): readonly string[] {
  return [...postgres, ...clickhouse.map(clickhouseName)]
}

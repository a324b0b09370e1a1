import type { KeepData } from '../plan/plan.ts'
import { KEPT_DAYS } from '../plan/plan-keep.ts'
import type { ClickHouse, Postgres, PostgresSession } from '../ports/databases.ts'
import { clickhouseName } from '../release/facts.ts'
import type { KeptTable } from '../schema/clickhouse-keep.ts'
import { quoteLiteral } from '../schema/quote.ts'
import { splitStatements } from '../schema/sql-text.ts'
import type { UndoCounts, Undoing } from './execution.ts'
import { StepFailed } from './execution.ts'
import { keepInClickHouse } from './undo-clickhouse.ts'
import { runInBatches } from './undo-postgres.ts'
import { transaction, withUndoSession } from './undo-session.ts'

/**
 * Keeps what migrations are about to delete on both stores, closes it after them, or reverses it. Every statement may run
 * again. The manifest of both stores is `langfuse_rollout.kept` in PostgreSQL.
 */
export async function keepStores(step: KeepData, postgres: Postgres, undoing: Undoing): Promise<UndoCounts> {
  const { clickhouse } = undoing
  if (step.clickhouse.length > 0 && clickhouse === undefined)
    throw new StepFailed('There is no connection to ClickHouse.')
  return withUndoSession(postgres, undoing, async session => {
    const context = { session, execution: undoing }
    if (step.phase === 'keep') {
      const old = `SELECT langfuse_rollout.drop_kept(now() - interval '${KEPT_DAYS} days')`
      await runInBatches(context, { migration: 'kept', phase: 'keep', statement: old })
    }
    for (const migration of step.postgres) {
      for (const statement of statementsOf(step.phase, migration, undoing))
        await runInBatches(context, { migration, phase: step.phase, statement })
    }
    if (clickhouse !== undefined && step.clickhouse.length > 0)
      await keepClickHouse(step, { clickhouse, session, undoing })
    return count(step, session)
  })
}

function statementsOf(phase: KeepData['phase'], migration: string, { facts }: Undoing): readonly string[] {
  const keep = facts.downSql('postgres', migration)?.sections.keep ?? ''
  return phase === 'keep'
    ? splitStatements(keep, 'postgres')
    : [`SELECT langfuse_rollout.${phase}_keep(${quoteLiteral(migration)})`]
}

type Both = {
  readonly clickhouse: ClickHouse
  readonly session: PostgresSession
  readonly undoing: Undoing
}

/** The manifest is open before the first table is kept, so that a killed run leaves nothing unnoticed. */
async function keepClickHouse(step: KeepData, { clickhouse, session, undoing }: Both): Promise<void> {
  const migrations = step.clickhouse.map(clickhouseName)
  const write = (tables: Manifest['tables'], isWhole: boolean) =>
    transaction(session, undoing, () =>
      writeManifest(step.phase, { migrations, tables, isWhole, run: undoing.rollbackId }, session),
    )
  const begun = migrations.map(migration => ({ migration, relation: '', storedAs: '', rows: 0 }))
  if (step.phase === 'keep') await write(begun, false)
  await write(await keepInClickHouse(step, clickhouse, undoing), true)
}

type Manifest = {
  readonly migrations: readonly string[]
  readonly tables: readonly (KeptTable & { readonly migration: string })[]
  readonly isWhole: boolean
  readonly run: string
}

async function writeManifest(
  phase: KeepData['phase'],
  { migrations, tables, isWhole, run }: Manifest,
  session: PostgresSession,
): Promise<void> {
  await session.run('DELETE FROM langfuse_rollout.kept WHERE migration = ANY($1) AND closed_at IS NULL', [
    migrations,
  ])
  if (phase === 'reverse') return
  const closed = phase === 'close' ? 'now()' : 'NULL'
  await session.run(
    `INSERT INTO langfuse_rollout.kept (run_id, kept_at, migration, relation, kind, how, stored_as, rows, closed_at)
     SELECT $1, CASE WHEN $2::boolean THEN now() END, migration, relation, 'table', 'copied', stored_as, rows, ${closed}
     FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[]) AS kept (migration, relation, stored_as, rows)`,
    [
      run,
      isWhole,
      tables.map(table => table.migration),
      tables.map(({ relation }) => relation),
      tables.map(({ storedAs }) => storedAs),
      tables.map(({ rows }) => rows),
    ],
  )
}

async function count({ postgres, clickhouse }: KeepData, session: PostgresSession): Promise<UndoCounts> {
  const [row] = await session.run(
    `SELECT coalesce(sum(rows), 0) AS rows FROM langfuse_rollout.kept
     WHERE migration = ANY($1) AND given_back_at IS NULL`,
    [[...postgres, ...clickhouse.map(clickhouseName)]],
  )
  return { postgres: 0, clickhouse: 0, archivedRows: Number(row?.['rows'] ?? 0) }
}

import type { Execution, UndoCounts } from '../../src/execute/execution.ts'
import { undoPostgres } from '../../src/execute/undo-postgres.ts'
import type { UndoSchema } from '../../src/plan/plan.ts'
import type { Postgres, Row } from '../../src/ports/databases.ts'
import type { Catalog } from '../../src/schema/catalog.ts'
import { applyDelta } from '../../src/schema/diff.ts'
import { renderDelta } from '../../src/schema/postgres-sql.ts'
import { quoteIdentifier, quoteLiteral } from '../../src/schema/quote.ts'
import { keyOf, type Snapshot } from '../../src/schema/snapshot.ts'
import type { Database, Rows } from '../schema/databases.ts'
import { executionOf } from '../support/execution.ts'
import { FACTS } from '../support/stack.ts'

/** What 3.0.0 has and 2.93.7 has not, oldest first. */
export const migrations = [
  '20241124115100_add_projects_deleted_at',
  '20241206115829_remove_trace_score_observation_constraints',
] as const

/** Where an undo reads its files: the catalog, or a test's own. */
export type DownFiles = Pick<Catalog, 'downSql'>

/**
 * Undoes Postgres migrations with the executor itself: all expands, prepares, contracts and validates, each newest
 * first. Answers what the executor counted in all of them.
 * @param names newest first
 */
export async function undo(
  database: Database,
  catalog: DownFiles,
  names: readonly string[],
  rollbackId: string,
  over: Partial<Execution> = {},
): Promise<UndoCounts> {
  let counts: UndoCounts = { postgres: 0, clickhouse: 0, archivedRows: 0 }
  for (const phase of ['expand', 'contract', 'validate'] as const) {
    const done = await undoPhase(database, catalog, names, rollbackId, phase, over)
    counts = {
      postgres: counts.postgres + done.postgres,
      clickhouse: counts.clickhouse + done.clickhouse,
      archivedRows: counts.archivedRows + done.archivedRows,
    }
  }
  return counts
}

/** One phase alone; `contract` with its `prepare`. */
export async function undoPhase(
  database: Database,
  catalog: DownFiles,
  names: readonly string[],
  rollbackId: string,
  phase: UndoSchema['phase'],
  over: Partial<Execution> = {},
): Promise<UndoCounts> {
  // Prisma's own table, in databases that no web container has migrated; it is no part of a snapshot.
  await database.run('CREATE TABLE IF NOT EXISTS public._prisma_migrations (migration_name text)')
  const step: UndoSchema = {
    kind: 'undo-schema',
    phase,
    postgres: names,
    clickhouse: [],
    clickhouseHead: undefined,
    reason: '',
  }
  const facts = { ...FACTS, downSql: catalog.downSql }
  const port = postgresOf(database)
  const execution = executionOf([step], {}, { rollbackId, facts, postgres: port, ...over })
  return undoPostgres(step, execution.postgres ?? port, execution, async () => undefined)
}

/** The executor's port to a test's database: each session is a connection of its own. */
export function postgresOf(database: Database): Postgres {
  return {
    address: database.name,
    at: { host: 'db', port: 5432, database: 'langfuse', schema: 'public' },
    connect: async () => {
      const client = await database.connect()
      return {
        run: async (sql, parameters) => {
          const result = await client.query(sql, parameters === undefined ? undefined : [...parameters])
          const last: { rows: Row[] } | undefined = Array.isArray(result) ? result.at(-1) : result
          return last?.rows ?? []
        },
        close: () => client.end(),
      }
    },
  }
}

/** What the web container of 3.0.0 does when it starts. */
export async function upgrade(database: Database, catalog: Catalog): Promise<void> {
  let schema = catalog.postgresSnapshot('2.93.7')
  for (const name of migrations) {
    const step = catalog.postgresStep(name)
    const next = applyDelta(schema, step)
    for (const { sql } of renderDelta(step, schema, next)) await database.run(sql)
    schema = next
  }
}

export type Values = Readonly<Record<string, string | number | boolean | null>>

/** An INSERT of a row with `values`; other columns that must have a value get one of their type. */
export function insertSql(schema: Snapshot, table: string, values: Values): string {
  const needed = Object.entries(schema).flatMap(([key, facts]) => {
    const [, name = '', rest] = /^column public\.([^.]+)\.(.+)$/.exec(key) ?? []
    const isNeeded = name === table && facts['notNull'] === true && (facts['default'] ?? null) === null
    return isNeeded && rest !== undefined && !(rest in values)
      ? [[rest, fillerOf(schema, String(facts['type']))] as const]
      : []
  })
  const given = Object.entries(values).map(([name, value]) => [name, literal(value)] as const)
  const columns = [...given, ...needed]
  return `INSERT INTO public.${quoteIdentifier(table)} (${columns.map(([name]) => quoteIdentifier(name)).join(', ')})
    VALUES (${columns.map(([, value]) => value).join(', ')});`
}

function fillerOf(schema: Snapshot, type: string): string {
  if (/^public\./.test(type)) {
    const labels =
      schema[
        keyOf({ kind: 'enum', names: ['public', type.replace(/^public\.|"/g, '').replaceAll('"', '')] })
      ]?.['labels']
    return quoteLiteral(Array.isArray(labels) ? String(labels[0]) : '')
  }
  if (/^json/.test(type)) return `'{}'`
  if (/^(integer|bigint|double|numeric)/.test(type)) return '0'
  if (/^timestamp/.test(type)) return `'2024-12-01'`
  return type === 'boolean' ? 'false' : `'some'`
}

function literal(value: string | number | boolean | null): string {
  return typeof value === 'string' ? quoteLiteral(value) : String(value)
}

/**
 * Every row of every table of `public`, by table, as JSON texts with sorted keys. A value of type json is in it as its
 * text, as in the archive.
 */
export async function allRows(database: Database): Promise<ReadonlyMap<string, readonly string[]>> {
  const tables = await database.run(`SELECT format('%I', c.relname) AS name,
      string_agg(format(CASE WHEN a.atttypid = 'json'::regtype THEN '%1$I::text AS %1$I' ELSE '%1$I' END, a.attname), ', ')
        AS columns
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> '_prisma_migrations'
    GROUP BY c.relname ORDER BY 1`)
  const rows = new Map<string, readonly string[]>()
  for (const { name, columns } of tables) {
    const all = await database.run(
      `SELECT to_jsonb(t) AS row FROM (SELECT ${columns} FROM public.${name}) AS t`,
    )
    rows.set(String(name), jsonOf(all))
  }
  return rows
}

/** Everything in the archive but definitions. */
export async function archivedRows(database: Database): Promise<Rows> {
  return database.run(
    `SELECT rollback_id, migration, relation, reason, kind, row FROM langfuse_rollout.archived_rows
     WHERE kind <> 'definition' ORDER BY id`,
  )
}

export function jsonOf(rows: Rows): readonly string[] {
  return rows.map(({ row }) => JSON.stringify(row)) // jsonb keeps its keys in one order
}

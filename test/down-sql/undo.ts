import { archiveSql } from '../../src/schema/archive.ts'
import type { Catalog } from '../../src/schema/catalog.ts'
import { applyDelta } from '../../src/schema/diff.ts'
import { statementsOfSection } from '../../src/schema/down-sql.ts'
import { renderDelta } from '../../src/schema/postgres-sql.ts'
import { quoteIdentifier, quoteLiteral } from '../../src/schema/quote.ts'
import { keyOf, type Snapshot } from '../../src/schema/snapshot.ts'
import type { Database, Rows } from '../schema/databases.ts'

/** What 3.0.0 has and 2.93.7 has not, oldest first. */
export const migrations = [
  '20241124115100_add_projects_deleted_at',
  '20241206115829_remove_trace_score_observation_constraints',
] as const

/** As the executor does it: the newest first, one transaction, and then every statement of validate by itself. */
export async function undo(database: Database, catalog: Catalog, rollbackId: string): Promise<void> {
  const files = migrations.toReversed().map(name => {
    const file = catalog.downSql('postgres', name)
    if (file === undefined) throw new Error(`${name} has no down SQL.`)
    return file
  })
  await database.run(archiveSql)
  await database.run('BEGIN')
  await database.run(`SELECT set_config('langfuse_rollout.rollback_id', ${quoteLiteral(rollbackId)}, true)`)
  for (const phase of ['expand', 'contract'] as const) {
    for (const file of files) await database.run(file.sections[phase])
  }
  await database.run('COMMIT')
  for (const file of files) {
    for (const statement of statementsOfSection(file.sections.validate, 'postgres'))
      await database.run(statement)
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

/** Every row of every table of `public`, by table, as JSON texts with sorted keys. */
export async function allRows(database: Database): Promise<ReadonlyMap<string, readonly string[]>> {
  const tables = await database.run(`SELECT format('%I', relname) AS name FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1`)
  const rows = new Map<string, readonly string[]>()
  for (const { name } of tables) {
    rows.set(String(name), jsonOf(await database.run(`SELECT to_jsonb(t) AS row FROM public.${name} AS t`)))
  }
  return rows
}

/** Everything in the archive. */
export async function archivedRows(database: Database): Promise<Rows> {
  return database.run(
    'SELECT rollback_id, migration, relation, reason, row FROM langfuse_rollout.archived_rows ORDER BY id',
  )
}

export function jsonOf(rows: Rows): readonly string[] {
  return rows.map(({ row }) => JSON.stringify(row)) // jsonb keeps its keys in one order
}

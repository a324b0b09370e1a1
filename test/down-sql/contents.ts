import type { Query } from '../../src/schema/snapshot.ts'

/** A row as PostgreSQL's jsonb text, which has the columns in one order. */
export type Row = string

/** All rows of `public` by table. */
export type Contents = ReadonlyMap<string, readonly Row[]>

export type Archive = {
  /** Whole rows, as they were, by table. */
  readonly rows: Contents
  /** Single columns of rows, each with the row's key, by table. */
  readonly values: Contents
  /** Tables that were moved, by the name they had. */
  readonly tables: Contents
}

/** Every row of every table of `public`, but for Prisma's own. */
export async function readContents(query: Query): Promise<Contents> {
  return rowsOf(
    query,
    await query(`SELECT oid, relname AS name FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> '_prisma_migrations' ORDER BY 2`),
  )
}

/** What one rollback put into the archive. */
export async function readArchive(query: Query, rollbackId: string): Promise<Archive> {
  const ofRollback = `rollback_id = '${rollbackId.replaceAll("'", "''")}'`
  const archived = await query(`SELECT relation, kind, row::text AS row
    FROM langfuse_rollout.archived_rows WHERE ${ofRollback} ORDER BY id`)
  const moved = await query(`SELECT to_regclass(stored_as)::oid AS oid, relation AS name
    FROM langfuse_rollout.archived_tables WHERE ${ofRollback} ORDER BY id`)
  const ofKind = (wanted: string): Contents =>
    grouped(
      archived
        .filter(({ kind }) => kind === wanted)
        .map(({ relation, row }) => [tableName(String(relation)), String(row)]),
    )
  return { rows: ofKind('row'), values: ofKind('values'), tables: await rowsOf(query, moved) }
}

export function countOf(contents: Contents): number {
  return [...contents.values()].reduce((sum, rows) => sum + rows.length, 0)
}

/** A row by column, each value as JSON text: numbers have more digits in PostgreSQL than in this program. */
export function columnsOf(row: Row): Readonly<Record<string, string>> {
  const exact: Record<string, unknown> = JSON.parse(row, keepDigits)
  return Object.fromEntries(Object.entries(exact).map(([column, value]) => [column, JSON.stringify(value)]))
}

/** https://tc39.es/proposal-json-parse-with-source/: the third argument has the number as it was written. */
function keepDigits(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' ? { number: context?.source ?? String(value) } : value
}

/** One query for all tables: a hundred small ones would be a hundred round trips. */
async function rowsOf(query: Query, tables: readonly Record<string, unknown>[]): Promise<Contents> {
  if (tables.length === 0) return new Map()
  const names = new Map(tables.map(({ oid, name }) => [String(oid), tableName(String(name))]))
  // A value of type json is its text: jsonb would put its keys in order, and refuses \u0000.
  const selects =
    await query(`SELECT string_agg(format('SELECT %s AS oid, to_jsonb(t)::text AS row FROM (SELECT %s FROM %s) AS t',
      c.oid, a.columns, c.oid::regclass), ' UNION ALL ') AS sql
    FROM pg_class AS c, LATERAL (
      SELECT string_agg(format(CASE atttypid WHEN 'json'::regtype THEN '%1$I::text AS %1$I' ELSE '%1$I' END, attname), ', ') AS columns
      FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
    ) AS a
    WHERE c.oid IN (${[...names.keys()].join(', ')})`)
  const rows = await query(String(selects[0]?.['sql']))
  return grouped([
    ...[...names.values()].map(name => [name] as const),
    ...rows.map(({ oid, row }) => [names.get(String(oid)) ?? '', String(row)] as const),
  ])
}

/** `public."a.b"` and `"a.b"` are `a.b`. */
function tableName(relation: string): string {
  const name = relation.replace(/^public\./, '')
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name
}

function grouped(entries: Iterable<readonly [table: string, row?: Row]>): Contents {
  const groups = new Map<string, Row[]>()
  for (const [table, row] of entries) {
    const group = groups.get(table) ?? []
    if (row !== undefined) group.push(row)
    groups.set(table, group)
  }
  return groups
}

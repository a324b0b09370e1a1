import { quoteClickHouseLiteral } from './quote.ts'
import { type Facts, keyOf, type Query, type Snapshot, toSnapshot } from './snapshot.ts'
import { piecesOf } from './sql-text.ts'

/**
 * Reads the schema of one ClickHouse database, without golang-migrate's own table.
 * Keys have no database name (`column traces.id`); in a view's text it is `{database}`.
 * Definitions are ClickHouse's own text, which can differ between its versions.
 */
export async function readClickHouseSnapshot(query: Query, database: string): Promise<Snapshot> {
  const inDatabase = `database = ${quoteClickHouseLiteral(database)} AND table <> 'schema_migrations'`
  const [tables, columns, indexes] = [
    await query(
      `SELECT name, engine, engine_full, as_select, create_table_query FROM system.tables WHERE ${inDatabase}
       AND NOT is_temporary AND NOT startsWith(name, '.inner')`,
    ),
    await query(
      `SELECT table, name, type, default_kind, default_expression, compression_codec FROM system.columns
       WHERE ${inDatabase} AND NOT startsWith(table, '.inner')`,
    ),
    await query(
      `SELECT table, name, type_full, expr, granularity FROM system.data_skipping_indices WHERE ${inDatabase}`,
    ),
  ]
  const views = new Set(tables.filter(isView).map(row => text(row['name'])))
  return toSnapshot([
    ...tables.map(row => (isView(row) ? viewOf(row, database) : tableOf(row))),
    ...columns.filter(row => !views.has(text(row['table']))).map(columnOf),
    ...indexes.map(indexOf),
  ])
}

type Row = Readonly<Record<string, unknown>>

function isView(row: Row): boolean {
  return /View$/.test(text(row['engine']))
}

function tableOf(row: Row): readonly [string, Facts] {
  const clauses = clausesOf(text(row['engine_full']))
  return [
    keyOf({ kind: 'table', names: [text(row['name'])] }),
    {
      engine: clauses.get('ENGINE') ?? '',
      partitionKey: clauses.get('PARTITION BY') ?? null,
      primaryKey: clauses.get('PRIMARY KEY') ?? null,
      sortingKey: clauses.get('ORDER BY') ?? null,
      ...(clauses.has('SAMPLE BY') ? { samplingKey: clauses.get('SAMPLE BY') ?? null } : {}),
      ...(clauses.has('TTL') ? { ttl: clauses.get('TTL') ?? null } : {}),
      // Sorted, because ClickHouse keeps the order in which they were set.
      settings: (clauses.get('SETTINGS') ?? '')
        .split(', ')
        .filter(setting => setting !== '')
        .sort(),
    },
  ]
}

const clauseNames = ['PARTITION BY', 'PRIMARY KEY', 'ORDER BY', 'SAMPLE BY', 'TTL', 'SETTINGS'] as const

/** ClickHouse writes the clauses of `engine_full` in one order, with keywords in capitals. */
function clausesOf(engine: string): ReadonlyMap<string, string> {
  const clauses = new Map<string, string>()
  const words = new RegExp(` (${clauseNames.join('|')}) `)
  let name = 'ENGINE'
  for (const piece of piecesOf(engine, 'clickhouse')) {
    const parts = piece.kind === 'code' ? piece.text.split(words) : [piece.text]
    for (const [index, part] of parts.entries()) {
      if (index % 2 === 1) name = part
      else clauses.set(name, (clauses.get(name) ?? '') + part)
    }
  }
  return clauses
}

function columnOf(row: Row): readonly [string, Facts] {
  const kind = text(row['default_kind'])
  const codec = /^CODEC\((.*)\)$/.exec(text(row['compression_codec']))?.[1]
  return [
    keyOf({ kind: 'column', names: [text(row['table']), text(row['name'])] }),
    {
      type: text(row['type']),
      default: kind === '' ? null : `${kind} ${text(row['default_expression'])}`,
      codec: codec ?? null,
    },
  ]
}

function indexOf(row: Row): readonly [string, Facts] {
  return [
    keyOf({ kind: 'index', names: [text(row['table']), text(row['name'])] }),
    { type: text(row['type_full']), expression: text(row['expr']), granularity: Number(row['granularity']) },
  ]
}

function viewOf(row: Row, database: string): readonly [string, Facts] {
  const target = /^CREATE MATERIALIZED VIEW \S+ TO (\S+)/.exec(text(row['create_table_query']))?.[1]
  return [
    keyOf({ kind: 'view', names: [text(row['name'])] }),
    {
      engine: text(row['engine']),
      select: withoutDatabase(text(row['as_select']), database),
      ...(target === undefined ? {} : { target: withoutDatabase(target, database) }),
    },
  ]
}

/** ClickHouse qualifies a view's tables, but the database's name differs between stacks. */
function withoutDatabase(sql: string, database: string): string {
  if (!/^\w+$/.test(database)) return sql
  return piecesOf(sql, 'clickhouse')
    .map(({ kind, text: part }) =>
      kind === 'code' ? part.replaceAll(new RegExp(`(?<![\\w.])${database}\\.`, 'g'), '{database}.') : part,
    )
    .join('')
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : String(value ?? '')
}

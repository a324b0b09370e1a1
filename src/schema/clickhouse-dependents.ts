import { type ClickHouseStatement, wordsOf } from './clickhouse-statement.ts'
import type { Query } from './snapshot.ts'

/**
 * What users have made that stands in the way of these statements, a sentence each: a materialized view or an index
 * that reads a column which goes (ClickHouse would refuse to drop it: codes 524 and 47), and a materialized view that
 * writes into a table which goes (every insert that feeds it would fail from then on).
 */
export async function findDependents(
  query: Query,
  statements: readonly ClickHouseStatement[],
): Promise<readonly string[]> {
  const gone = statements.flatMap(statement => (statement.kind === 'drop-table' ? [statement.table] : []))
  const columns = statements.flatMap(statement =>
    statement.kind === 'drop-columns' && !gone.includes(statement.table)
      ? statement.columns.map(column => ({ table: statement.table, column }))
      : [],
  )
  const own = wordsOf(statements.map(statement => (statement.kind === 'sql' ? statement.sql : '')).join(' '))
  return [...(await viewsOn(query, { gone, columns, own })), ...(await indexesOn(query, { columns, own }))]
}

type Going = {
  readonly columns: readonly { readonly table: string; readonly column: string }[]
  /** Names in the statements themselves: what they know of, they change or drop. */
  readonly own: ReadonlySet<string>
}

async function viewsOn(query: Query, { gone, columns, own }: Going & { readonly gone: readonly string[] }) {
  const rows = await query(
    `SELECT database, name, as_select, create_table_query, currentDatabase() AS here FROM system.tables
     WHERE engine = 'MaterializedView' AND database NOT IN ('system', 'langfuse_rollout')`,
  )
  return rows.flatMap(row => {
    const { database, name, here } = row
    if (database === here && own.has(String(name))) return []
    const select = String(row['as_select'])
    const reads = wordsOf(select.replaceAll(alias, ' '))
    if (!reads.has(String(here))) return []
    const all = /(?:\bSELECT|,)\s*(?:\w+\.)?\*/i.test(select)
    const view = `the materialized view ${database}.${name}`
    const read = columns.filter(({ table, column }) => reads.has(table) && (all || reads.has(column)))
    const feeds = feedsOf(String(row['create_table_query']), String(here))
    return [
      ...read.map(({ table, column }) => `${view} reads ${table}.${column}`),
      ...gone
        .filter(table => table === feeds && !reads.has(table))
        .map(table => `${view} writes into ${table}`),
    ]
  })
}

/** A name that a query gives to something, not one of a column. */
const alias = /\bAS\s+(?:\w+|`(?:[^`\\]|\\.)*`)/g

/** The table of a database that a materialized view writes into. */
function feedsOf(create: string, database: string): string | undefined {
  const target = /\sTO\s+(?<database>`(?:[^`\\]|\\.)+`|\w+)\.(?<table>`(?:[^`\\]|\\.)+`|\w+)\s/.exec(
    create,
  )?.groups
  const unquoted = (name = ''): string => [...wordsOf(name)][0] ?? ''
  return unquoted(target?.['database']) === database ? unquoted(target?.['table']) : undefined
}

async function indexesOn(query: Query, { columns, own }: Going): Promise<readonly string[]> {
  const rows = await query(
    'SELECT table, name, expr FROM system.data_skipping_indices WHERE database = currentDatabase()',
  )
  return rows.flatMap(({ table, name, expr }) => {
    if (own.has(String(name))) return []
    const words = wordsOf(String(expr))
    return columns
      .filter(going => going.table === table && words.has(going.column))
      .map(going => `the index ${name} on ${table} is about ${going.column}`)
  })
}

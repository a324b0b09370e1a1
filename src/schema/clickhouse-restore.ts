import { inArchive } from './clickhouse-archive.ts'
import { quoteClickHouseLiteral as literal, quoteClickHouseIdentifier as quote } from './quote.ts'
import type { Query } from './snapshot.ts'

/** What is to be put back of one entry of the manifest: a statement, or why there is none. */
export type ClickHouseRestore = {
  readonly relation: string
  /** Empty for a whole table. */
  readonly column: string
  readonly rows: number
  readonly sql: string | undefined
  readonly why: string
}

/**
 * The statements that put back what a rollback archived in ClickHouse, after a later upgrade; in the order in which
 * they are to be run, in the database of Langfuse. Each may be run again. Nothing leaves the archive.
 *
 * A value comes back by writing its row once more under the same version: of rows with one sorting key and one version
 * a ReplacingMergeTree keeps the one that was inserted last
 * (https://clickhouse.com/docs/engines/table-engines/mergetree-family/replacingmergetree).
 */
export async function clickhouseRestore(
  query: Query,
  rollbackId: string,
): Promise<readonly ClickHouseRestore[]> {
  const entries = await query(
    `SELECT relation, \`column\` AS name, stored_as, rows FROM langfuse_rollout.archived
     WHERE rollback_id = ${literal(rollbackId)} AND stored_as != ''
     ORDER BY \`column\` != '', migration DESC, relation, name, stored_as`,
  )
  const targets = await viewTargets(query)
  const isTarget = (entry: Readonly<Record<string, unknown>>): boolean =>
    targets.has(String(entry['relation']))
  const ordered = [...entries.filter(entry => !isTarget(entry)), ...entries.filter(isTarget)]
  const restores: ClickHouseRestore[] = []
  for (const entry of ordered) {
    const relation = String(entry['relation'])
    const [column, stored] = [String(entry['name']), String(entry['stored_as'])]
    const table = await readTable(query, 'currentDatabase()', relation)
    const archive = await readTable(query, `'langfuse_rollout'`, stored)
    const planned =
      column === ''
        ? copyTable({ relation, table, stored, archive, isTarget: isTarget(entry) })
        : writeColumn(relation, table, stored, column)
    restores.push({ relation, column, rows: Number(entry['rows']), ...planned })
  }
  return restores
}

/** For people: the statements as a script, with what it cannot do as comments. */
export function clickhouseRestoreScript(restores: readonly ClickHouseRestore[]): string {
  return restores
    .map(({ relation, column, rows, sql, why }) => {
      const what = `-- ${relation}${column === '' ? '' : `.${column}`}: ${rows} rows${why === '' ? '' : `: ${why}`}`
      return sql === undefined ? what : `${what}\n${sql};`
    })
    .join('\n\n')
}

type Planned = Pick<ClickHouseRestore, 'sql' | 'why'>
type Column = { readonly name: string; readonly type: string; readonly base: string; readonly isKey: boolean }
type Table = { readonly engine: string; readonly columns: readonly Column[] }

/**
 * Tables that a materialized view writes: what is put into its source arrives there as well, as the view computes it,
 * so their own rows come after that.
 */
async function viewTargets(query: Query): Promise<ReadonlySet<string>> {
  const rows = await query(
    `SELECT DISTINCT extract(create_table_query, ' TO (?:[^ (]*[.])?[^A-Za-z0-9_]?([A-Za-z0-9_]+)') AS target
     FROM system.tables WHERE database = currentDatabase() AND engine = 'MaterializedView'`,
  )
  return new Set(rows.map(row => String(row['target'])))
}

/**
 * A row whose key is there already stays out: it was written since, or by this very statement. Where a key says
 * nothing, rows are compared as a whole.
 */
function copyTable(copy: {
  readonly relation: string
  readonly table: Table
  readonly stored: string
  readonly archive: Table
  readonly isTarget: boolean
}): Planned {
  const { relation, table, stored, archive, isTarget } = copy
  if (table.engine === '') return refused('there is no such table')
  if (!table.engine.endsWith('MergeTree')) return refused(`it is a ${table.engine} now`)
  const there = new Set(archive.columns.map(({ name }) => name))
  const both = table.columns.filter(({ name }) => there.has(name))
  const list = namesOf(both)
  const isWhole = table.engine === 'MergeTree' || (isTarget && table.engine === 'ReplacingMergeTree')
  const key = isWhole
    ? `cityHash64(toString(tuple(${list})))` // a NULL would make NOT IN unknown
    : `tuple(${namesOf(both.filter(({ isKey }) => isKey))})`
  return {
    sql: `INSERT INTO ${quote(relation)} (${list})
SELECT ${list} FROM ${inArchive(stored)} WHERE ${key} NOT IN (SELECT ${key} FROM ${quote(relation)})
SETTINGS ${bounded}`,
    why: '',
  }
}

function writeColumn(relation: string, table: Table, stored: string, column: string): Planned {
  const target = table.columns.find(({ name }) => name === column)
  if (target === undefined) return refused('the table has no such column')
  if (target.isKey) return refused('the column tells rows from each other now')
  if (table.engine !== 'ReplacingMergeTree')
    return refused(`a ${table.engine} keeps both rows: to be updated by hand`)
  const key = table.columns.filter(({ isKey }) => isKey)
  const list = table.columns.map(({ name }) =>
    name === column ? `kept.${quote(name)}` : `this.${quote(name)}`,
  )
  const same = key.map(({ name }) => `this.${quote(name)} = kept.${quote(name)}`)
  return {
    sql: `INSERT INTO ${quote(relation)} (${namesOf(table.columns)})
SELECT ${list.join(', ')} FROM (SELECT * FROM ${quote(relation)} FINAL WHERE ${isUntouched(target)}) AS this
INNER JOIN (SELECT * FROM ${inArchive(stored)} LIMIT 1 BY ${namesOf(key)}) AS kept ON ${same.join(' AND ')}
SETTINGS ${bounded}`,
    why: 'where the column has its default, and the row no newer version',
  }
}

/** A column that could not be NULL in the older release has the default of its type where it was NULL. */
function isUntouched({ name, type, base }: Column): string {
  const inner = /^Nullable\((.*)\)$/.exec(type)?.[1] ?? /^LowCardinality\(Nullable\((.*)\)\)$/.exec(type)?.[1]
  const column = quote(name)
  if (base !== '') return `${column} = CAST(${base} AS ${type})`
  if (inner === undefined) return `${column} = defaultValueOfTypeName(${literal(type)})`
  return `(${column} IS NULL OR ${column} = defaultValueOfTypeName(${literal(inner)}))`
}

const bounded = 'max_threads = 1, max_insert_threads = 1, max_block_size = 4096, max_execution_time = 0'

function refused(why: string): Planned {
  return { sql: undefined, why }
}

function namesOf(columns: readonly Column[]): string {
  return columns.map(({ name }) => quote(name)).join(', ')
}

/** Columns that are computed are left out: they are so again. */
async function readTable(query: Query, database: string, name: string): Promise<Table> {
  const ofTable = `database = ${database} AND name = ${literal(name)}`
  const [found] = await query(
    `SELECT engine, extract(engine_full, '^ReplacingMergeTree\\\\(([^,)]+)') AS version FROM system.tables WHERE ${ofTable}`,
  )
  const rows = await query(
    `SELECT name, type, default_expression AS base, is_in_sorting_key AS sorts FROM system.columns
     WHERE database = ${database} AND table = ${literal(name)} AND default_kind IN ('', 'DEFAULT') ORDER BY position`,
  )
  const columns = rows.map(row => ({
    name: String(row['name']),
    type: String(row['type']),
    base: String(row['base']),
    isKey: Number(row['sorts']) === 1 || row['name'] === found?.['version'],
  }))
  return { engine: String(found?.['engine'] ?? ''), columns }
}

import {
  type Archived,
  inArchive,
  isArchived,
  storedName,
  unrecorded,
  writeManifest,
} from './clickhouse-archive.ts'
import { giveBackTable, keepTable } from './clickhouse-keep.ts'
import { requireAllRows, requireWholeCopy } from './clickhouse-rows.ts'
import type { ClickHouseStatement } from './clickhouse-statement.ts'
import { quoteClickHouseLiteral as literal, quoteClickHouseIdentifier as quote } from './quote.ts'
import type { Query } from './snapshot.ts'
import { codeOnly } from './sql-text.ts'

export type Toolbox = {
  readonly query: Query
  readonly rollbackId: string
  /** In four digits. */
  readonly migration: string
  readonly say: (line: string) => void
}

/**
 * Runs one statement. Each may run again after a kill at any moment: a copy gets its final name when it is complete, the
 * manifest is written last, and only what the manifest contains is dropped.
 */
export async function runClickHouseStatement(
  statement: ClickHouseStatement,
  toolbox: Toolbox,
): Promise<void> {
  switch (statement.kind) {
    case 'archive-column':
      return archiveColumn(statement, toolbox)
    case 'drop-columns':
      return dropColumns(statement, toolbox)
    case 'drop-table':
      return dropTable(statement.table, toolbox)
    case 'keep-table':
      return keepTable(statement.table, toolbox)
    case 'give-back-table':
      return giveBackTable(statement.table, toolbox)
    case 'replace-view':
      return replaceView(statement, toolbox)
    case 'sql':
      await toolbox.query(statement.sql)
  }
}

type Of<Kind extends ClickHouseStatement['kind']> = Extract<ClickHouseStatement, { readonly kind: Kind }>

async function archiveColumn(
  { table, column, condition }: Of<'archive-column'>,
  toolbox: Toolbox,
): Promise<void> {
  const { query, rollbackId, migration } = toolbox
  const entry = { rollbackId, migration, relation: table, column }
  if (await isArchived(query, entry)) return
  const name = storedName(entry)
  if ((await unrecorded(query, [name])).length === 0) {
    const columns = await columnsOf(table, query)
    if (columns.every(present => present.name !== column)) return
    await copyColumn({ entry, name, condition, columns }, toolbox)
  }
  await record(entry, name, toolbox)
}

/** An interrupted copy is dropped and made again. */
async function copyColumn(
  copy: {
    readonly entry: Archived
    readonly name: string
    readonly condition: string
    readonly columns: readonly Column[]
  },
  { query }: Toolbox,
): Promise<void> {
  const { entry, name, condition, columns } = copy
  const unfinished = inArchive(`${name}__copying`)
  const kept = columns.filter(({ name: present, isKey }) => isKey || present === entry.column)
  const list = kept.map(present => quote(present.name)).join(', ')
  const key = kept.filter(({ inSortingKey }) => inSortingKey).map(present => quote(present.name))
  // A killed run's INSERT continues into its own table, which is then not the new one of this name.
  await query(`DROP TABLE IF EXISTS ${unfinished}`)
  await query(
    `CREATE TABLE ${unfinished} (${kept.map(({ name: present, type, codec }) => `${quote(present)} ${type} ${codec}`).join(', ')})
     ENGINE = MergeTree ORDER BY (${key.join(', ')}) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
  )
  await query(
    `INSERT INTO ${unfinished} (${list}) SELECT ${list} FROM ${quote(entry.relation)} WHERE ${condition}
     SETTINGS ${boundedMemory}`,
  )
  const source = quote(entry.relation)
  await requireAllRows(query, { table: source, name: entry.relation })
  const what = `${entry.relation}.${entry.column}`
  await requireWholeCopy(query, { source, copy: unfinished, condition, what })
  await query(`RENAME TABLE ${unfinished} TO ${inArchive(name)}`)
}

/** Blocks of a few megabytes: large values at the default of 65,000 rows a block would exceed a small task's memory. */
const boundedMemory =
  'max_threads = 1, max_insert_threads = 1, max_block_size = 4096, preferred_block_size_bytes = 1000000, preferred_max_column_in_block_size_bytes = 1000000, min_insert_block_size_rows = 262144, min_insert_block_size_bytes = 33554432'

async function dropColumns({ table, columns }: Of<'drop-columns'>, toolbox: Toolbox): Promise<void> {
  const { query, rollbackId, migration } = toolbox
  const present = new Set((await columnsOf(table, query)).map(({ name }) => name))
  const going = columns.filter(column => present.has(column))
  for (const column of going) {
    if (await isArchived(query, { rollbackId, migration, relation: table, column })) continue
    throw new Error(`Column ${table}.${column} is not in the archive, so it was not dropped.`)
  }
  if (going.length === 0) return
  const drops = going.map(column => `DROP COLUMN IF EXISTS ${quote(column)}`).join(', ')
  await query(`ALTER TABLE ${quote(table)} ${drops}${await settingsToAlter(table, query)}`)
}

/**
 * Moves the table, which needs no time and no space. An empty table is dropped after the move, when nothing can insert.
 */
async function dropTable(table: string, toolbox: Toolbox): Promise<void> {
  const { query, rollbackId, migration } = toolbox
  const entry = { rollbackId, migration, relation: table, column: '' }
  const names = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(number => storedName(entry, number))
  const [found] = await query(
    `SELECT engine, engine_full FROM system.tables WHERE database = currentDatabase() AND name = ${literal(table)}`,
  )
  if (found !== undefined) await moveTable({ table, found, names }, toolbox)
  for (const name of await unrecorded(query, names)) await record(entry, name, toolbox)
}

async function moveTable(
  move: { readonly table: string; readonly found: Row; readonly names: readonly string[] },
  { query }: Toolbox,
): Promise<void> {
  const { table, found, names } = move
  if (found['engine'] === 'Null') {
    await query(`DROP TABLE ${quote(table)}`)
    return
  }
  if (/\bTTL\b/.test(codeOnly(String(found['engine_full']), 'clickhouse'))) {
    // Archived rows must not expire.
    await query(`ALTER TABLE ${quote(table)} REMOVE TTL${await settingsToAlter(table, query)}`)
  }
  const taken = await query(
    `SELECT name FROM system.tables WHERE database = 'langfuse_rollout' AND name IN (${names.map(literal).join(', ')})`,
  )
  const free = names.find(name => taken.every(row => row['name'] !== name))
  if (free === undefined)
    throw new Error(
      `Cannot archive table ${table}: the archive already has ${names.length} tables of this rollback for it.`,
    )
  await query(`RENAME TABLE ${quote(table)} TO ${inArchive(free)}`)
}

/**
 * Atomic where the file system can exchange files. EFS cannot (it has no flags of renameat2): there one statement renames
 * both views, and the name does not exist for milliseconds
 * (https://clickhouse.com/docs/sql-reference/statements/rename).
 */
async function replaceView({ table: view, by }: Of<'replace-view'>, { query }: Toolbox): Promise<void> {
  const [name, other, aside] = [view, by, `${view}__replaced`].map(quote)
  // Left by a server that stopped between the two renames.
  await query(`DROP VIEW IF EXISTS ${aside}`)
  if ((await identityOf(view, query)) === undefined) await query(`RENAME TABLE ${other} TO ${name}`)
  else if (!(await isExchanged(view, by, query))) {
    await query(`RENAME TABLE ${name} TO ${aside}, ${other} TO ${name}`)
  }
  for (const left of [other, aside]) await query(`DROP VIEW IF EXISTS ${left}`)
}

/** The error text differs between versions, so this compares the view's identity instead. */
async function isExchanged(view: string, by: string, query: Query): Promise<boolean> {
  const before = await identityOf(by, query)
  await query(`EXCHANGE TABLES ${quote(view)} AND ${quote(by)}`).catch(() => undefined)
  return (await identityOf(view, query)) === before
}

async function identityOf(name: string, query: Query): Promise<string | undefined> {
  const [row] = await query(
    `SELECT toString(uuid) AS uuid FROM system.tables WHERE database = currentDatabase() AND name = ${literal(name)}`,
  )
  return row === undefined ? undefined : String(row['uuid'])
}

async function record(entry: Archived, name: string, { query, say }: Toolbox): Promise<void> {
  await requireAllRows(query, { table: inArchive(name), name, database: 'langfuse_rollout' })
  const [row] = await query(`SELECT count() AS rows FROM ${inArchive(name)}`)
  const rows = Number(row?.['rows'])
  if (rows > 0) {
    await writeManifest(query, entry, { as: name, rows })
    const what = entry.column === '' ? entry.relation : `${entry.relation}.${entry.column}`
    say(`archived ${rows} rows of ${what} in ${inArchive(name)}`)
    return
  }
  // The entry allows the drop of a column without values.
  if (entry.column !== '') await writeManifest(query, entry, { as: '', rows: 0 })
  await query(`DROP TABLE IF EXISTS ${inArchive(name)}`)
}

type Row = Readonly<Record<string, unknown>>
type Column = {
  readonly name: string
  readonly type: string
  readonly codec: string
  readonly inSortingKey: boolean
  /** Identifies a row: the sorting key, and the version of a ReplacingMergeTree. */
  readonly isKey: boolean
}

async function columnsOf(table: string, query: Query): Promise<readonly Column[]> {
  const rows = await query(
    `SELECT c.name AS name, c.type AS type, c.compression_codec AS codec, c.is_in_sorting_key AS sorts,
       extract(t.engine_full, '^ReplacingMergeTree\\\\(([^,)]+)') AS version
     FROM system.columns AS c
     INNER JOIN (SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND name = ${literal(table)}) AS t
       ON t.name = c.table
     WHERE c.database = currentDatabase() AND c.table = ${literal(table)} ORDER BY c.position`,
  )
  return rows.map(row => {
    const inSortingKey = Number(row['sorts']) === 1
    const name = String(row['name'])
    const isKey = inSortingKey || name === row['version']
    return { name, type: String(row['type']), codec: String(row['codec']), inSortingKey, isKey }
  })
}

/**
 * Before ClickHouse 26.2, altering a table with a full-text index needs this setting. Servers without full-text indexes
 * do not know it.
 */
async function settingsToAlter(table: string, query: Query): Promise<string> {
  const [row] = await query(
    `SELECT count() AS found FROM system.data_skipping_indices
     WHERE database = currentDatabase() AND table = ${literal(table)} AND type = 'text'`,
  )
  return Number(row?.['found']) > 0 ? ' SETTINGS enable_full_text_index = 1' : ''
}

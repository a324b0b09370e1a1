import { inArchive } from './clickhouse-archive.ts'
import type { Toolbox } from './clickhouse-toolbox.ts'
import { quoteClickHouseLiteral as literal, quoteClickHouseIdentifier as quote } from './quote.ts'
import type { Query } from './snapshot.ts'

/** A table that ClickHouse keeps, or has nothing of. */
export type KeptTable = { readonly relation: string; readonly storedAs: string; readonly rows: number }

/** Rows kept for a migration are in one table: `kept__event_log__0044`. */
export function keptName(table: string, migration: string): string {
  return `kept__${table}__${migration}`
}

/** The view that carries what is written from then on. */
function carryName(table: string, migration: string): string {
  return `${keptName(table, migration)}__carry`
}

/**
 * Keeps the rows of a table without copying them: its partitions are attached to a second table, which shares their files
 * (hard links) and outlives the first one. A view carries later writes. Readers notice nothing. May run again: the table
 * itself never changes.
 */
export async function keepTable(table: string, { query, migration, say }: Toolbox): Promise<void> {
  if (!(await exists(LIVE, table, query))) return
  const kept = inArchive(keptName(table, migration))
  await dropKept([table], { query, migration })
  await query(`CREATE TABLE ${kept} AS ${quote(table)}`)
  // Before the partitions: they replace what it has carried of them, so that no row is missing or there twice.
  await query(
    `CREATE MATERIALIZED VIEW ${inArchive(carryName(table, migration))} TO ${kept} AS SELECT * FROM ${quote(table)}`,
  )
  const rows = await countOf(quote(table), query)
  await attachAll({ database: LIVE, name: table, from: quote(table), to: kept }, query)
  await requireAll({ table, to: kept, rows }, query)
  say(`kept ${rows} rows of ${table} in ${kept}`)
}

/** Puts the kept rows into the table, which exists again and is empty. Without kept rows it stays empty. */
export async function giveBackTable(table: string, { query, migration, say }: Toolbox): Promise<void> {
  const name = keptName(table, migration)
  if (!(await exists(ARCHIVE, name, query))) return
  await endCarrying(table, { query, migration })
  const kept = inArchive(name)
  const rows = await countOf(kept, query)
  await attachAll({ database: ARCHIVE, name, from: kept, to: quote(table) }, query)
  await requireAll({ table, to: quote(table), rows }, query)
  await query(`DROP TABLE ${kept} ${ANY_SIZE}`)
  say(`gave ${rows} kept rows back to ${table}`)
}

/** What is kept of these tables for a migration. */
export async function keptTables(
  tables: readonly string[],
  { query, migration }: Kept,
): Promise<readonly KeptTable[]> {
  const found: KeptTable[] = []
  for (const relation of tables) {
    const storedAs = keptName(relation, migration)
    const isThere = await exists(ARCHIVE, storedAs, query)
    found.push({ relation, storedAs, rows: isThere ? await countOf(inArchive(storedAs), query) : 0 })
  }
  return found
}

/** The migration has run: nothing is written any more. */
export async function closeKept(tables: readonly string[], kept: Kept): Promise<void> {
  for (const table of tables) await endCarrying(table, kept)
}

/** Drops what was kept for a migration that did not run: the table itself was never changed. */
export async function dropKept(tables: readonly string[], { query, migration }: Kept): Promise<void> {
  for (const table of tables) {
    await endCarrying(table, { query, migration })
    await query(`DROP TABLE IF EXISTS ${inArchive(keptName(table, migration))} ${ANY_SIZE}`)
  }
}

type Kept = Pick<Toolbox, 'query' | 'migration'>

async function endCarrying(table: string, { query, migration }: Kept): Promise<void> {
  await query(`DROP VIEW IF EXISTS ${inArchive(carryName(table, migration))} SYNC`)
}

/** A server may refuse to drop big tables; these share their files or were given back. */
const ANY_SIZE = 'SYNC SETTINGS max_table_size_to_drop = 0'

const LIVE = 'currentDatabase()'
const ARCHIVE = literal('langfuse_rollout')

/**
 * REPLACE is atomic for each partition, and the same when it runs again. The server lists the partitions: a row policy
 * could hide one.
 */
async function attachAll(
  tables: { readonly database: string; readonly name: string; readonly from: string; readonly to: string },
  query: Query,
): Promise<void> {
  const { database, name, from, to } = tables
  const rows = await query(
    `SELECT DISTINCT partition_id AS id FROM system.parts
     WHERE active AND database = ${database} AND table = ${literal(name)} ORDER BY id`,
  )
  for (const { id } of rows)
    await query(`ALTER TABLE ${to} REPLACE PARTITION ID ${literal(String(id))} FROM ${from}`)
}

/** Where rows expire, some may be gone by now. */
async function requireAll(
  { table, to, rows }: { readonly table: string; readonly to: string; readonly rows: number },
  query: Query,
): Promise<void> {
  const there = await countOf(to, query)
  if (there >= rows) return
  const [live] = await query(
    `SELECT create_table_query AS created FROM system.tables WHERE database = ${LIVE} AND name = ${literal(table)}`,
  )
  if (/\bTTL\b/.test(String(live?.['created']))) return
  throw new Error(`Of ${rows} rows that are kept of table ${table}, ${to} has only ${there}.`)
}

async function exists(database: string, table: string, query: Query): Promise<boolean> {
  const [row] = await query(
    `SELECT count() AS found FROM system.tables WHERE database = ${database} AND name = ${literal(table)}`,
  )
  return Number(row?.['found']) > 0
}

/** As they are read: whether ClickHouse has united rows of a key by now makes no difference. */
async function countOf(table: string, query: Query): Promise<number> {
  const [row] = await query(`SELECT count() AS rows FROM ${table} SETTINGS final = 1`)
  return Number(row?.['rows'])
}

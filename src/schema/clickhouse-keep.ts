import { inArchive } from './clickhouse-archive.ts'
import type { Toolbox } from './clickhouse-toolbox.ts'
import { quoteClickHouseLiteral as literal, quoteClickHouseIdentifier as quote } from './quote.ts'
import type { Query } from './snapshot.ts'

/** A table that ClickHouse keeps, or has nothing of. */
export type KeptTable = { readonly relation: string; readonly storedAs: string; readonly rows: number }

/** Rows kept for a migration are in one table: `kept__event_log__0044`. It has its name once it is complete. */
export function keptName(table: string, migration: string): string {
  return `kept__${table}__${migration}`
}

/**
 * Keeps the rows of a table without copying them: its partitions are attached to a second table, which shares their files
 * (hard links) and outlives the first one. Readers notice nothing. May run again.
 */
export async function keepTable(table: string, { query, migration, say }: Toolbox): Promise<void> {
  if (!(await hasRows(table, query))) return
  const name = keptName(table, migration)
  const unfinished = inArchive(`${name}__keeping`)
  await query(`DROP TABLE IF EXISTS ${unfinished} ${ANY_SIZE}`)
  await query(`CREATE TABLE ${unfinished} AS ${quote(table)}`)
  await attachAll(quote(table), unfinished, query)
  const [rows, kept] = [await countOf(quote(table), query), await countOf(unfinished, query)]
  if (kept < rows)
    throw new Error(`Table ${table} has ${rows} rows, but only ${kept} were kept, so nothing was changed.`)
  // What an earlier deploy kept is in the table still, because the migration has not run.
  await query(`DROP TABLE IF EXISTS ${inArchive(name)} ${ANY_SIZE}`)
  await query(`RENAME TABLE ${unfinished} TO ${inArchive(name)}`)
  say(`kept ${kept} rows of ${table} in ${inArchive(name)}`)
}

/** Puts the kept rows into the table, which exists again and is empty. Without kept rows it stays empty. */
export async function giveBackTable(table: string, { query, migration, say }: Toolbox): Promise<void> {
  const name = keptName(table, migration)
  if (!(await exists('langfuse_rollout', name, query))) return
  const rows = await countOf(inArchive(name), query)
  await attachAll(inArchive(name), quote(table), query)
  const back = await countOf(quote(table), query)
  if (back < rows)
    throw new Error(`${inArchive(name)} keeps ${rows} rows, but table ${table} has only ${back} of them.`)
  await query(`DROP TABLE ${inArchive(name)} ${ANY_SIZE}`)
  say(`gave ${rows} kept rows back to ${table}`)
}

/** What is kept of these tables for a migration. */
export async function keptTables(
  tables: readonly string[],
  { query, migration }: Pick<Toolbox, 'query' | 'migration'>,
): Promise<readonly KeptTable[]> {
  const found: KeptTable[] = []
  for (const relation of tables) {
    const storedAs = keptName(relation, migration)
    const rows = (await exists('langfuse_rollout', storedAs, query))
      ? await countOf(inArchive(storedAs), query)
      : 0
    found.push({ relation, storedAs, rows })
  }
  return found
}

/** Drops what was kept for a migration that did not run: the table itself was never changed. */
export async function dropKept(tables: readonly string[], { query, migration }: Toolbox): Promise<void> {
  for (const table of tables)
    await query(`DROP TABLE IF EXISTS ${inArchive(keptName(table, migration))} ${ANY_SIZE}`)
}

/** A server may refuse to drop big tables; these share their files or were given back. */
const ANY_SIZE = 'SYNC SETTINGS max_table_size_to_drop = 0'

/** REPLACE is atomic for each partition, and the same when it runs again. */
async function attachAll(from: string, to: string, query: Query): Promise<void> {
  const rows = await query(`SELECT DISTINCT _partition_id AS id FROM ${from} ORDER BY id SETTINGS final = 0`)
  for (const { id } of rows)
    await query(`ALTER TABLE ${to} REPLACE PARTITION ID ${literal(String(id))} FROM ${from}`)
}

async function hasRows(table: string, query: Query): Promise<boolean> {
  if (!(await exists('currentDatabase()', table, query))) return false
  return (await countOf(quote(table), query)) > 0
}

async function exists(database: string, table: string, query: Query): Promise<boolean> {
  const where = database === 'currentDatabase()' ? database : literal(database)
  const [row] = await query(
    `SELECT count() AS found FROM system.tables WHERE database = ${where} AND name = ${literal(table)}`,
  )
  return Number(row?.['found']) > 0
}

async function countOf(table: string, query: Query): Promise<number> {
  const [row] = await query(`SELECT count() AS rows FROM ${table} SETTINGS final = 0`)
  return Number(row?.['rows'])
}

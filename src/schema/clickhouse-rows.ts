import { quoteClickHouseLiteral as literal } from './quote.ts'
import type { Query } from './snapshot.ts'

/** Rows come and go between two questions. */
const ATTEMPTS = 5

/**
 * Compares the rows that a query reads with those in the table's parts: a row policy hides rows from every query, and
 * what it hides would neither be archived nor keep a table from being dropped.
 * @param table as in SQL; `name` and `database` as in system.parts
 * @throws Error with both numbers
 */
export async function requireAllRows(
  query: Query,
  { table, name, database }: { readonly table: string; readonly name: string; readonly database?: string },
): Promise<void> {
  let before = await storedRows(query, name, database)
  let read = 0
  let after = 0
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    read = await numberOf(query, `SELECT count() AS n FROM ${table} SETTINGS apply_deleted_mask = 0`)
    after = await storedRows(query, name, database)
    if (read >= Math.min(before, after)) return
    before = after
  }
  throw new Error(
    `Queries read ${read} of the ${after} rows in the parts of ${table}, so a row policy hides rows from this user. Nothing of it was dropped. Drop the policy (SHOW ROW POLICIES), or add one with USING 1 for this user.`,
  )
}

/** Patch parts of lightweight updates hold no rows of their own. Tables of other engines have no parts. */
async function storedRows(query: Query, name: string, database: string | undefined): Promise<number> {
  return numberOf(
    query,
    `SELECT sum(rows) AS n FROM system.parts WHERE database = ${database === undefined ? 'currentDatabase()' : literal(database)}
     AND table = ${literal(name)} AND active AND NOT startsWith(name, 'patch-')`,
  )
}

/**
 * Compares a copy with its source before anything of the source is dropped. Merges may remove replaced rows from the
 * source meanwhile, but nobody adds any.
 * @throws Error with both numbers
 */
export async function requireWholeCopy(
  query: Query,
  { source, copy, condition, what }: Readonly<Record<'source' | 'copy' | 'condition' | 'what', string>>,
): Promise<void> {
  const copied = await numberOf(query, `SELECT count() AS n FROM ${copy}`)
  const there = await numberOf(query, `SELECT count() AS n FROM ${source} WHERE ${condition}`)
  if (copied >= there) return
  throw new Error(
    `The archive received ${copied} of ${there} rows of ${what}, so nothing of it was dropped. Run again: the copy is made anew.`,
  )
}

async function numberOf(query: Query, sql: string): Promise<number> {
  const [row] = await query(sql)
  const number = Number(row?.['n'] ?? Number.NaN)
  if (Number.isSafeInteger(number)) return number
  throw new Error(`ClickHouse gave no number to ${sql}.`)
}

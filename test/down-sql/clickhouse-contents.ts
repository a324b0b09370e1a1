import { createHash } from 'node:crypto'
import {
  quoteClickHouseLiteral as literal,
  quoteClickHouseIdentifier as quote,
} from '../../src/schema/quote.ts'
import type { Query } from '../../src/schema/snapshot.ts'

/** A row's values by column, as JSON; a long one, or a long item of a list, is its hash. */
export type Row = Readonly<Record<string, string>>

export type Contents = {
  readonly engine: string
  /** Columns that tell a row: the sorting key; and the version of a ReplacingMergeTree. */
  readonly key: readonly string[]
  readonly version: string | undefined
  readonly rows: readonly Row[]
}

/** What is stored in a database's tables, physically: also versions of a row that are superseded. */
export async function readContents(
  query: Query,
  database: string,
  only: readonly string[] = [],
): Promise<ReadonlyMap<string, Contents>> {
  const chosen = only.length === 0 ? '' : `AND name IN (${only.map(literal).join(', ')})`
  const tables = await query(
    `SELECT name, engine, extract(engine_full, '^ReplacingMergeTree\\\\(([^,)]+)') AS version FROM system.tables
     WHERE database = ${literal(database)} AND engine LIKE '%MergeTree' ${chosen}
       AND name != 'schema_migrations' AND NOT startsWith(name, '.inner') ORDER BY name`,
  )
  const keys = await query(
    `SELECT table, groupArray(name) AS key FROM system.columns WHERE database = ${literal(database)} AND is_in_sorting_key GROUP BY table`,
  )
  const keyOf = new Map(keys.map(row => [String(row['table']), row['key'] as readonly string[]]))
  const contents = new Map<string, Contents>()
  for (const row of tables) {
    const [name, engine] = [String(row['name']), String(row['engine'])]
    // Rows of one key are united when they are merged, sooner or later: FINAL shows them united.
    const final = engine === 'AggregatingMergeTree' ? ' FINAL' : ''
    const rows = await query(`SELECT * FROM ${quote(database)}.${quote(name)}${final}`)
    contents.set(name, {
      engine,
      key: keyOf.get(name) ?? [],
      version: String(row['version']) || undefined,
      rows: rows.map(textsOf),
    })
  }
  return contents
}

function textsOf(row: Readonly<Record<string, unknown>>): Row {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, textOf(value)]))
}

function textOf(value: unknown): string {
  const items = Array.isArray(value) ? value.map(hashed) : hashed(value)
  return JSON.stringify(items)
}

function hashed(value: unknown): unknown {
  const text = JSON.stringify(value)
  return text.length > 100 ? createHash('sha256').update(text).digest('hex') : value
}

import { createHash } from 'node:crypto'
import { Client } from 'pg'
import { type ClickHouseAccess, clickhouseClient } from './langfuse/clickhouse-http.ts'

export type TableFingerprint = {
  readonly rows: number
  /** One hash over all rows, whatever their order. */
  readonly hash: string
  /** Hash of each row by its key. */
  readonly keys: Readonly<Record<string, string>>
}
/** By table: `postgres traces`, `clickhouse traces`. */
export type Fingerprint = Readonly<Record<string, TableFingerprint>>

export type TableComparison = {
  readonly table: string
  readonly before: number
  readonly after: number
  /** Rows whose key is gone, rows with another content, rows with a new key. */
  readonly lost: number
  readonly changed: number
  readonly added: number
}

/**
 * What is in both stores, row by row: every table of Postgres' schema `public` but `_prisma_migrations`, and every
 * table of the ClickHouse database but `schema_migrations` (rows as FINAL sees them). Columns that are NULL do not
 * count, so a nullable column that a release added and nothing filled makes no difference.
 */
export async function fingerprint(databaseUrl: string, clickhouse?: ClickHouseAccess): Promise<Fingerprint> {
  const inPostgres = await postgresFingerprint(databaseUrl)
  return clickhouse === undefined
    ? inPostgres
    : { ...inPostgres, ...(await clickhouseFingerprint(clickhouse)) }
}

/** Table by table what happened between two fingerprints; a table that is gone has lost all its rows. */
export function compareFingerprints(before: Fingerprint, after: Fingerprint): readonly TableComparison[] {
  const tables = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return tables.map(table => {
    const was = before[table]?.keys ?? {}
    const is = after[table]?.keys ?? {}
    const kept = Object.keys(was).filter(key => key in is)
    return {
      table,
      before: Object.keys(was).length,
      after: Object.keys(is).length,
      lost: Object.keys(was).length - kept.length,
      changed: kept.filter(key => was[key] !== is[key]).length,
      added: Object.keys(is).length - kept.length,
    }
  })
}

async function postgresFingerprint(databaseUrl: string): Promise<Fingerprint> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    // One snapshot for all tables, so that rows written meanwhile are in none or in all of them.
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const tables = await client.query<{ table: string; relation: string; key: string | null }>(tablesWithKeys)
    const fingerprints: [string, TableFingerprint][] = []
    for (const { table, relation, key } of tables.rows) {
      const hash = 'md5(jsonb_strip_nulls(to_jsonb(t))::text)'
      // Without a primary key the content is the key; equal rows are counted.
      const keyed = key ?? `jsonb_build_array(${hash}, row_number() OVER (PARTITION BY ${hash}))`
      const { rows } = await client.query<{ key: string; hash: string }>(
        `SELECT ${keyed}::text AS key, ${hash} AS hash FROM ${relation} t`,
      )
      fingerprints.push([`postgres ${table}`, summarise(rows.map(row => [row.key, row.hash]))])
    }
    return Object.fromEntries(fingerprints)
  } finally {
    await client.end()
  }
}

const tablesWithKeys = `
SELECT c.relname AS table, c.oid::regclass::text AS relation,
       (SELECT 'jsonb_build_array(' || string_agg(format('t.%I', a.attname), ', ' ORDER BY a.attnum) || ')'
          FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
         WHERE i.indrelid = c.oid AND i.indisprimary) AS key
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> '_prisma_migrations'
 ORDER BY c.relname COLLATE "C"`

async function clickhouseFingerprint(access: ClickHouseAccess): Promise<Fingerprint> {
  const client = clickhouseClient(access)
  const tables = await client.query(
    `SELECT name, engine, sorting_key FROM system.tables
      WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name <> 'schema_migrations' ORDER BY name`,
  )
  const fingerprints: [string, TableFingerprint][] = []
  for (const table of tables) {
    const final = String(table.engine).includes('Replacing') ? 'FINAL' : ''
    const key = String(table.sorting_key) === '' ? `''` : `toJSONString(tuple(${String(table.sorting_key)}))`
    const rows = await client.query(`SELECT ${key} AS key_of_row, * FROM \`${String(table.name)}\` ${final}`)
    const pairs = rows.map(({ key_of_row, ...row }): [string, string] => [String(key_of_row), hashOfRow(row)])
    fingerprints.push([`clickhouse ${String(table.name)}`, summarise(pairs)])
  }
  return Object.fromEntries(fingerprints)
}

function hashOfRow(row: Readonly<Record<string, unknown>>): string {
  const present = Object.entries(row).filter(([, value]) => value !== null)
  return md5(JSON.stringify(present.sort(([one], [other]) => (one < other ? -1 : 1))))
}

function summarise(pairs: readonly (readonly [string, string])[]): TableFingerprint {
  const keys = Object.fromEntries(pairs)
  const sorted = Object.entries(keys).sort(([one], [other]) => (one < other ? -1 : 1))
  return { rows: pairs.length, hash: md5(JSON.stringify(sorted)), keys }
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}

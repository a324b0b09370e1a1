import { readFileSync } from 'node:fs'
import { afterAll, expect, test } from '@jest/globals'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { splitStatements } from '../../src/schema/sql-text.ts'
import { type ClickHouseDatabase, useClickHouse } from '../schema/databases.ts'
import {
  fill,
  type Ground,
  newestOf,
  rendered,
  tablesOf,
  undoPhase,
  versionsBetween,
} from './clickhouse-proof.ts'
import { hostileClickHouse } from './data/clickhouse.ts'

const MINUTES = 60_000
const catalog = loadCatalog(new URL('../../', import.meta.url))
const newest = newestOf(catalog)
const clickhouse = useClickHouse()
const lines: string[] = []

afterAll(() => {
  process.stdout.write(`\n${lines.join('\n')}\n`)
})

test(
  'down from the newest head over rows, up again, and the script puts every row and value back, also when run twice',
  async () => {
    const older = 8
    const versions = versionsBetween(newest, older)
    const ground = await groundOf('restored')
    const { database } = ground
    for (let head = 1; head <= newest; head++) await ground.up(head)
    const tables = tablesOf(catalog, versions)
    await fill(ground, newest, tables)
    const before = await rowsOf(database, tables)
    await undoPhase(ground, 'expand', versions, 'r')
    await undoPhase(ground, 'contract', versions, 'r')
    for (const version of versions.toReversed()) await ground.up(version)
    const missing = lackOf(before, await rowsOf(database, tables))

    const script = await restoreScript(database, 'r')
    for (const sql of splitStatements(script, 'clickhouse')) await database.run(sql)
    const after = await rowsOf(database, tables)
    const lack = lackOf(before, after)
    const count = [...before.values()].flat().length
    const entries = script.split('\n\n')
    const without = entries.filter(entry => !entry.includes('\n'))
    lines.push(
      `${newest} → ${older} → ${newest}: of ${count} rows ${missing.length} were gone or changed, after the script ${lack.length}; ${entries.length} entries, ${without.length} without a statement`,
      ...without,
    )
    expect(without).toEqual(['-- project_environments: 6 rows: there is no such table'])
    expect(missing.length).toBeGreaterThan(0)
    expect(lack).toEqual([])

    for (const sql of splitStatements(script, 'clickhouse')) await database.run(sql)
    expect(await rowsOf(database, tables)).toEqual(after)
  },
  15 * MINUTES,
)

/** What `clickhouse-client --param_rollback_id` prints. */
async function restoreScript(database: ClickHouseDatabase, rollbackId: string): Promise<string> {
  const file = readFileSync(new URL('../../down-sql/restore-clickhouse.sql', import.meta.url), 'utf8')
  const query = file.replace('{rollback_id:String}', `'${rollbackId}'`).replace(/FORMAT TSVRaw;\n$/, '')
  const rows = await database.rows(query)
  return rows
    .map(row => String(row['script']))
    .join('\n')
    .trim()
}

async function groundOf(name: string): Promise<Ground> {
  const database = await clickhouse.fresh(name)
  return { catalog, name, database, up: rendered(catalog, database, name), data: hostileClickHouse }
}

/** What a query of Langfuse sees: the newest version of each row. */
async function rowsOf(
  database: ClickHouseDatabase,
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = await database.rows(
    `SELECT name, engine FROM system.tables WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree')`,
  )
  const contents = new Map<string, readonly string[]>()
  for (const { name, engine } of found.filter(row => names.includes(String(row['name'])))) {
    const rows = await database.rows(`SELECT * FROM ${name}${engine === 'MergeTree' ? '' : ' FINAL'}`)
    contents.set(String(name), rows.map(row => JSON.stringify(row)).toSorted())
  }
  return contents
}

function lackOf(
  before: ReadonlyMap<string, readonly string[]>,
  after: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  return [...before].flatMap(([table, rows]) => {
    const there = new Set(after.get(table))
    return rows.filter(row => !there.has(row)).map(row => `${table}: ${row.slice(0, 300)}`)
  })
}

import { expect, test } from '@jest/globals'
import { keepInClickHouse } from '../../src/execute/undo-clickhouse.ts'
import type { KeepData } from '../../src/plan/plan.ts'
import { clickhouseName } from '../../src/release/facts.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { type ClickHouseDatabase, type Rows, useClickHouse } from '../schema/databases.ts'
import { breaking, isKill } from './clickhouse-breaking.ts'
import { fill, type Ground, rendered, runAny, undoPhase } from './clickhouse-proof.ts'
import { hostileClickHouse } from './data/clickhouse.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const clickhouse = useClickHouse()

/** The migrations that drop tables, and these tables. */
const DROPS = [
  [29, ['traces_all_amt', 'traces_7d_amt', 'traces_30d_amt']],
  [44, ['event_log']],
  [46, ['dataset_run_items']],
] as const

/** A database just before a migration, with hostile rows in the tables that it drops. */
async function before(version: number, tables: readonly string[], name: string): Promise<Ground> {
  const database = await clickhouse.fresh(name)
  const ground = { catalog, name, database, up: rendered(catalog, database, name), data: hostileClickHouse }
  for (let head = 1; head < version; head++) await ground.up(head)
  await fill(ground, version - 1, tables)
  return ground
}

function keep(
  database: ClickHouseDatabase,
  phase: KeepData['phase'],
  version: number,
  run: (sql: string) => Promise<Rows> = sql => runAny(database, sql),
) {
  const step = { kind: 'keep-data', phase, postgres: [], clickhouse: [version], reason: '' } as const
  const clock = { now: () => 0, random: () => 0, every: () => () => undefined, sleep: async () => undefined }
  const context = { facts: catalog, clock, deadline: 600_000, rollbackId: 'keep', say: () => undefined }
  return keepInClickHouse(step, { address: 'here', ping: async () => true, run }, context)
}

async function contents(database: ClickHouseDatabase, tables: readonly string[]): Promise<readonly string[]> {
  const found: string[] = []
  for (const table of tables) {
    const rows = await database.rows(`SELECT * FROM ${table} SETTINGS final = 0`)
    found.push(...rows.map(row => `${table} ${JSON.stringify(Object.entries(row).sort())}`))
  }
  return found.sort()
}

test.each(DROPS)('what migration %d drops was kept, and comes back exactly', async (version, tables) => {
  const ground = await before(version, tables, `kept_${version}`)
  const { database } = ground
  const [rows, schema] = [await contents(database, tables), await database.snapshot()]
  expect(rows.length).toBeGreaterThan(0)

  await keep(database, 'keep', version)
  expect(differences(await contents(database, tables), rows)).toEqual([])
  expect(await database.snapshot()).toEqual(schema)
  await ground.up(version)
  const kept = await keep(database, 'close', version)
  expect(kept.map(({ rows: number }) => number).reduce((sum, number) => sum + number)).toBe(rows.length)
  for (const phase of ['expand', 'contract'] as const) await undoPhase(ground, phase, [version], 'kept')

  expect(differences(await contents(database, tables), rows)).toEqual([])
  expect(await database.snapshot()).toEqual(schema)
  expect(await keptTables(database, version)).toEqual([])
})

test.each(DROPS)('without a deploy that kept it, what %d drops comes back empty', async (version, tables) => {
  const ground = await before(version, tables, `lost_${version}`)
  await ground.up(version)
  expect((await keep(ground.database, 'close', version)).map(({ rows }) => rows)).toEqual(tables.map(() => 0))
  for (const phase of ['expand', 'contract'] as const) await undoPhase(ground, phase, [version], 'lost')
  expect(await contents(ground.database, tables)).toHaveLength(0)
})

test('a deploy whose migration did not run leaves no trace, and the next one keeps what is there by then', async () => {
  const [version, tables] = [44, ['event_log']] as const
  const ground = await before(version, tables, 'reversed')
  const { database } = ground
  await keep(database, 'keep', version)
  await keep(database, 'reverse', version)
  expect(await keptTables(database, version)).toEqual([])
  await keep(database, 'keep', version)
  await fill(ground, version - 1, tables) // written before the deploy is run again
  const rows = await contents(database, tables)
  await keep(database, 'keep', version)
  await ground.up(version)
  await undoPhase(ground, 'expand', [version], 'reversed')
  expect(differences(await contents(database, tables), rows)).toEqual([])
})

test('killed at any statement of keeping and giving back, and run again: the same rows', async () => {
  const [version, tables] = [46, ['dataset_run_items']] as const
  const ground = await before(version, tables, 'killed')
  const { database } = ground
  const rows = await contents(database, tables)
  const until = async (work: (run: (sql: string) => Promise<Rows>) => Promise<unknown>): Promise<number> => {
    for (let at = 1; ; at++) {
      const run = breaking(database, at)
      const killed = await work(run).then(
        () => false,
        error => isKill(error) || Promise.reject(error),
      )
      expect(differences(await contents(database, tables), rows)).toEqual([])
      if (!killed) return at
    }
  }
  expect(await until(run => keep(database, 'keep', version, run))).toBeGreaterThan(5)
  await ground.up(version)
  for (let at = 1, isKilled = true; isKilled; at++) {
    isKilled = await undoPhase(ground, 'expand', [version], 'killed', breaking(database, at)).then(
      () => false,
      error => isKill(error) || Promise.reject(error),
    )
  }
  expect(differences(await contents(database, tables), rows)).toEqual([])
})

function differences(found: readonly string[], wanted: readonly string[]): readonly string[] {
  const without = (some: readonly string[], others: readonly string[]) =>
    some.filter(row => !others.includes(row)).map(row => row.slice(0, 200))
  return [
    ...without(found, wanted).map(row => `more: ${row}`),
    ...without(wanted, found).map(row => `less: ${row}`),
    ...(found.length === wanted.length ? [] : [`${found.length} rows, not ${wanted.length}`]),
  ]
}

async function keptTables(database: ClickHouseDatabase, version: number): Promise<readonly unknown[]> {
  return database.rows(
    `SELECT name FROM system.tables WHERE database = 'langfuse_rollout' AND endsWith(name, '${clickhouseName(version)}')`,
  )
}

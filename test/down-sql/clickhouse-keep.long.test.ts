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
  [45, ['project_environments']],
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

async function contents(
  database: ClickHouseDatabase,
  tables: readonly string[],
  final = 0,
): Promise<readonly string[]> {
  const found: string[] = []
  for (const table of tables) {
    const rows = await database.rows(`SELECT * FROM ${table} SETTINGS final = ${final}`)
    found.push(...rows.map(row => `${table} ${JSON.stringify(Object.entries(row).sort())}`))
  }
  return found.sort()
}

test.each(DROPS)('what migration %d drops was kept, and comes back exactly', async (version, tables) => {
  const ground = await before(version, tables, `kept_${version}`)
  const { database } = ground
  const [rows, schema] = [await contents(database, tables), await database.snapshot()]
  const read = (await contents(database, tables, 1)).length
  expect(rows.length).toBeGreaterThan(0)

  await keep(database, 'keep', version)
  expect(differences(await contents(database, tables), rows)).toEqual([])
  expect(await database.snapshot()).toEqual(schema)
  await ground.up(version)
  const kept = await keep(database, 'close', version)
  expect(kept.map(({ rows: number }) => number).reduce((sum, number) => sum + number)).toBe(read)
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

test('what is written at any moment of keeping is kept, and merges in between lose nothing', async () => {
  const [version, tables] = [44, ['event_log']] as const
  const ground = await before(version, tables, 'written')
  const { database } = ground
  const run = async (sql: string): Promise<Rows> => {
    await fill(ground, version - 1, tables)
    const rows = await runAny(database, sql)
    await fill(ground, version - 1, tables)
    return rows
  }
  await keep(database, 'keep', version, run)
  await fill(ground, version - 1, tables)
  const rows = await contents(database, tables)
  expect(rows.length).toBeGreaterThan(20)
  await ground.up(version)
  await keep(database, 'close', version)
  await undoPhase(ground, 'expand', [version], 'written')
  expect(differences(await contents(database, tables), rows)).toEqual([])
})

test.each(DROPS)(
  'merges while the tables of %d are kept and given back change no row',
  async (version, tables) => {
    const ground = await before(version, tables, `merged_${version}`)
    const { database } = ground
    await fill(ground, version - 1, tables)
    // Only the side that is written is merged, so it has fewer rows than the other.
    const merging =
      (where: string) =>
      async (sql: string): Promise<Rows> => {
        const rows = await runAny(database, sql)
        const found = await database.rows(
          `SELECT database || '.' || name AS name FROM system.tables WHERE engine LIKE '%MergeTree' AND database = ${where}`,
        )
        for (const { name } of found)
          if (tables.some(table => String(name).includes(table)))
            await database.run(`OPTIMIZE TABLE ${name} FINAL`)
        return rows
      }
    const read = () => contents(database, tables, 1)
    const rows = await read()
    await keep(database, 'keep', version, merging("'langfuse_rollout'"))
    await ground.up(version)
    await keep(database, 'close', version)
    await undoPhase(ground, 'expand', [version], 'merged', merging('currentDatabase()'))
    expect(differences(await read(), rows)).toEqual([])
  },
)

test('rows that expire while they are kept do not hinder it; others that are missing do', async () => {
  const [version, tables] = [29, ['traces_7d_amt', 'traces_all_amt']] as const
  const ground = await before(version, tables, 'expired')
  const { database } = ground
  const losing =
    (table: string) =>
    async (sql: string): Promise<Rows> => {
      const rows = await runAny(database, sql)
      if (sql.includes('REPLACE PARTITION') && sql.includes(`kept__${table}__`))
        await database.run(`TRUNCATE TABLE langfuse_rollout.kept__${table}__0029`)
      return rows
    }
  await keep(database, 'keep', version, losing('traces_7d_amt'))
  await expect(keep(database, 'keep', version, losing('traces_all_amt'))).rejects.toThrow('0029 failed')
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

import { beforeAll, expect, test } from '@jest/globals'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { renderDelta, renderEffects } from '../../src/schema/clickhouse-sql.ts'
import { diffSnapshots } from '../../src/schema/diff.ts'
import { statementsOfSection } from '../../src/schema/down-sql.ts'
import { emptySnapshot, type Snapshot } from '../../src/schema/snapshot.ts'
import { type ClickHouseDatabase, useClickHouse } from '../schema/databases.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const [older, newer] = [catalog.clickhouseSnapshot(5), catalog.clickhouseSnapshot(6)]
const clickhouse = useClickHouse()
let database: ClickHouseDatabase

const rows = "SELECT id, user_id, input FROM traces WHERE user_id IS NULL OR user_id != 'nobody' ORDER BY id"

async function change(from: Snapshot, to: Snapshot): Promise<void> {
  for (const { sql } of renderDelta(diffSnapshots(from, to), from, to)) await database.run(sql)
}

async function undo(): Promise<void> {
  for (const phase of ['expand', 'contract', 'validate'] as const) {
    const section = catalog.downSql('clickhouse', 6)?.sections[phase] ?? ''
    for (const statement of statementsOfSection(section, 'clickhouse')) await database.run(statement)
  }
}

beforeAll(async () => {
  database = await clickhouse.fresh('default')
  await change(emptySnapshot, newer)
  await database.run(
    `CREATE TABLE \`odd; "table" -- \` (id String, INDEX idx_user_id id TYPE minmax) ENGINE = MergeTree ORDER BY id`,
  )
  await database.run(`INSERT INTO traces (id, project_id, timestamp, event_ts, user_id, input)
    VALUES ('1', 'p', '2024-12-01', now(), 'u', 'it''s'), ('2', 'p', '2024-12-02', now(), NULL, NULL)`)
})

test('head 6 undone is head 5 exactly, also the second time; rows and what users made stay', async () => {
  const [rowsBefore, before] = [await database.rows(rows), await database.snapshot()]
  const own = Object.fromEntries(Object.entries(before).filter(([key]) => newer[key] === undefined))
  for (const _ of ['once', 'twice']) {
    await undo()
    expect(await database.snapshot()).toEqual({ ...older, ...own })
    expect(await database.rows(rows)).toEqual(rowsBefore)
  }
})

test('the upgrade works again, with the rows in place', async () => {
  await change(older, newer)
  for (const sql of renderEffects(catalog.clickhouseStep(6).effects)) await database.run(sql)
  expect(await database.snapshot()).toMatchObject(newer)
  expect(await database.rows(rows)).toHaveLength(2)
})

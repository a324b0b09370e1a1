import { expect, test } from '@jest/globals'
import { clickhouseName } from '../../src/release/facts.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { renderDelta, renderEffects } from '../../src/schema/clickhouse-sql.ts'
import { applyDelta } from '../../src/schema/diff.ts'
import { useClickHouse } from '../schema/databases.ts'
import { fill, type Ground, proveDown, tablesOf, type Verdict } from './clickhouse-proof.ts'
import {
  type ClickHouseData,
  emptyClickHouse,
  hostileClickHouse,
  ordinaryClickHouse,
} from './data/clickhouse.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const newest = catalog.clickhouseMigrations(Number.POSITIVE_INFINITY).at(-1)?.version ?? 0
const clickhouse = useClickHouse()

async function groundOf(name: string, data: ClickHouseData): Promise<Ground> {
  const database = await clickhouse.fresh(name)
  const up = async (version: number): Promise<void> => {
    const before = catalog.clickhouseSnapshot(version - 1)
    const step = catalog.clickhouseStep(version)
    for (const { sql } of renderDelta(step, before, applyDelta(before, step), name)) await database.run(sql)
    for (const sql of renderEffects(step.effects)) await database.run(sql)
  }
  return { catalog, name, database, up, data }
}

/** The tables that users build upon stay from version 4 on. */
async function raise(ground: Ground, version: number): Promise<void> {
  await ground.up(version)
  if (version === 4) for (const sql of ground.data.own) await ground.database.run(sql)
  await fill(ground, version, tablesOf(catalog, [version]))
}

const isExact = (verdict: Verdict): boolean => verdict.differences.length === 0 && verdict.lost.length === 0

const table: string[] = []

test.each([emptyClickHouse, ordinaryClickHouse, hostileClickHouse])(
  'each migration undone by itself, on $name data: the older schema exactly, nothing lost, and up again',
  async data => {
    const ground = await groundOf(`alone_${data.name}`, data)
    const verdicts: Verdict[] = []
    for (let head = 1; head <= newest; head++) {
      await raise(ground, head)
      verdicts.push(await proveDown(ground, head, head - 1, `alone-${data.name}-${head}`))
    }
    const exact = verdicts.filter(isExact).length
    table.push(
      `| ${data.name} | ${exact}/${newest} | ${verdicts.reduce((sum, { archived }) => sum + archived, 0)} | ${verdicts.flatMap(({ lost }) => lost).length} |`,
    )
    console.log(`ClickHouse, each alone, ${data.name} data: ${exact}/${newest} exact`)
    expect(verdicts.flatMap(({ differences }) => differences)).toEqual([])
    expect(verdicts.flatMap(({ from, lost }) => lost.map(row => `${clickhouseName(from)}: ${row}`))).toEqual(
      [],
    )
    expect(verdicts.flatMap(({ miscounted }) => miscounted)).toEqual([])
  },
)

import { expect, test } from '@jest/globals'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { useClickHouse } from '../schema/databases.ts'
import { breaking, isKill } from './clickhouse-breaking.ts'
import {
  fill,
  type Ground,
  isExact,
  problemsOf,
  proveDown,
  rendered,
  tablesOf,
  type Undo,
  undoPhase,
  versionsBetween,
} from './clickhouse-proof.ts'
import { hostileClickHouse, ordinaryClickHouse } from './data/clickhouse.ts'

const MINUTES = 60_000
const catalog = loadCatalog(new URL('../../', import.meta.url))
const clickhouse = useClickHouse()

async function groundAt(name: string, head: number, data = ordinaryClickHouse): Promise<Ground> {
  const database = await clickhouse.fresh(name)
  const ground = { catalog, name, database, up: rendered(catalog, database, name), data }
  for (let version = 1; version <= head; version++) await ground.up(version)
  for (const sql of data.own) await database.run(sql)
  return ground
}

/** Killed at its first write, then at its second, and so on, each time gone on with by a run of another id. */
function killedEverywhere({ database }: Ground, kills: string[]): Undo {
  return async (phase, versions, name) => {
    for (let attempt = 1; attempt < 200; attempt++) {
      const run = breaking(database, phase === 'expand' ? attempt : Math.ceil(attempt / 3) + 3)
      try {
        return await undoPhase({ catalog, database }, phase, versions, `${name}-${phase}-${attempt}`, run)
      } catch (error) {
        if (!isKill(error)) throw error
        kills.push(`${phase} ${attempt}`)
      }
    }
    throw new Error('It never ends.')
  }
}

test.each([
  [46, 37],
  [18, 9],
] as const)(
  'killed again and again from %i to %i: nothing lost, nothing twice',
  async (from, to) => {
    const ground = await groundAt(`killed_${from}`, from)
    await fill(ground, from, tablesOf(catalog, versionsBetween(from, to)))
    const kills: string[] = []
    const verdict = await proveDown(ground, from, to, `killed-${from}`, killedEverywhere(ground, kills))
    expect(kills.length).toBeGreaterThan(15)
    expect(problemsOf(verdict)).toEqual([])
    const ids = await ground.database.rows(
      `SELECT DISTINCT rollback_id FROM langfuse_rollout.archived WHERE startsWith(rollback_id, 'killed-${from}-')`,
    )
    expect(ids).toHaveLength(1)
    const left = await ground.database.rows(
      "SELECT name FROM system.tables WHERE database = 'langfuse_rollout' AND name LIKE '%copying%'",
    )
    expect(left).toEqual([])
    const expiring = await ground.database.rows(
      "SELECT name FROM system.tables WHERE database = 'langfuse_rollout' AND engine_full LIKE '% TTL %'",
    )
    expect(expiring).toEqual([])
  },
  10 * MINUTES,
)

test(
  'a second rollback of the same id, after an upgrade, keeps what the first one archived',
  async () => {
    const ground = await groundAt('twice', 12, hostileClickHouse)
    const touched = tablesOf(catalog, versionsBetween(12, 9))
    for (const round of [1, 2, 3]) {
      await fill(ground, 12, touched)
      const verdict = await proveDown(ground, 12, 9, 'same-id')
      expect(isExact(verdict) ? [] : problemsOf(verdict)).toEqual([])
      const rows = await ground.database.rows(
        "SELECT DISTINCT rollback_id FROM langfuse_rollout.archived WHERE startsWith(rollback_id, 'same-id') ORDER BY 1",
      )
      expect(rows.map(row => row['rollback_id'])).toEqual(
        ['same-id', 'same-id-2', 'same-id-3'].slice(0, round),
      )
    }
  },
  10 * MINUTES,
)

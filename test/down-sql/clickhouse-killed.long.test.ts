import { expect, test } from '@jest/globals'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { useClickHouse } from '../schema/databases.ts'
import { breaking, isKill } from './clickhouse-breaking.ts'
import {
  fill,
  problemsOf,
  proveDown,
  rendered,
  tablesOf,
  type Undo,
  undoPhase,
  versionsBetween,
} from './clickhouse-proof.ts'
import { ordinaryClickHouse as data } from './data/clickhouse.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const clickhouse = useClickHouse()

test.each([
  [46, 37],
  [37, 33],
  [14, 9],
] as const)(
  'killed once at every single write from %i to %i, and gone on with by another run',
  async (from, to) => {
    const name = `killed_once_${from}`
    const database = await clickhouse.fresh(name)
    const ground = { catalog, name, database, up: rendered(catalog, database, name), data }
    for (let version = 1; version <= from; version++) await ground.up(version)
    const touched = tablesOf(catalog, versionsBetween(from, to))
    let killed = 0
    for (const phase of ['expand', 'contract'] as const) {
      for (const when of ['before', 'after'] as const) {
        for (let at = 1; ; at++) {
          let isKilled = false
          const undo: Undo = async (current, versions, id) => {
            if (current !== phase) return undoPhase(ground, current, versions, id)
            try {
              return await undoPhase(ground, current, versions, id, breaking(database, at, when))
            } catch (error) {
              if (!isKill(error)) throw error
              isKilled = true
              return undoPhase(ground, current, versions, `${id}-again`)
            }
          }
          for (const table of touched)
            await database.run(`TRUNCATE TABLE IF EXISTS ${table}`).catch(() => undefined)
          await fill(ground, from, touched)
          const verdict = await proveDown(ground, from, to, `${phase}-${when}-${at}-of-${from}`, undo)
          expect(problemsOf(verdict)).toEqual([])
          if (!isKilled) break
          killed += 1
        }
      }
    }
    process.stdout.write(`\nClickHouse, ${from} to ${to}: killed at ${killed} places\n`)
    expect(killed).toBeGreaterThan(from === 37 ? 10 : 30)
  },
  60 * 60_000,
)

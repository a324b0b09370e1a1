import { beforeEach, expect, test } from '@jest/globals'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { type ClickHouseDatabase, type Rows, useClickHouse } from '../schema/databases.ts'
import { breaking, isKill } from './clickhouse-breaking.ts'
import { rendered, runAny, undoPhase } from './clickhouse-proof.ts'

/** Migration 36 is the one whose undoing replaces a view which the older release has too. */
const catalog = loadCatalog(new URL('../../', import.meta.url))
const clickhouse = useClickHouse()
const older = catalog.clickhouseSnapshot(35)
let number = 0
let database: ClickHouseDatabase

beforeEach(async () => {
  number += 1
  database = await clickhouse.fresh(`view_${number}`)
  const up = rendered(catalog, database, `view_${number}`)
  for (let version = 1; version <= 36; version++) await up(version)
}, 60_000)

/** Expand has no statement of this migration, and opens the journal. */
const begin = (id: string) =>
  undoPhase({ catalog, database }, 'expand', [36], id, sql => runAny(database, sql))
const goOn = (run: (sql: string) => Promise<Rows>, id: string) =>
  undoPhase({ catalog, database }, 'contract', [36], id, run)
const undo = async (run: (sql: string) => Promise<Rows>, id = 'view') => {
  await begin(id)
  return goOn(run, id)
}

/** On EFS renameat2 knows no flags, so ClickHouse refuses to exchange two names. */
const onEfs = async (sql: string): Promise<Rows> => {
  if (/^EXCHANGE/.test(sql)) throw new Error('Code: 1. DB::Exception: RENAME EXCHANGE is not supported')
  return runAny(database, sql)
}

/** Three readers who ask again and again for as long as `work` goes on. */
async function readWhile(work: () => Promise<unknown>): Promise<{ reads: number; failures: string[] }> {
  const seen = { reads: 0, failures: [] as string[] }
  let isOver = false
  const read = async () => {
    while (!isOver) {
      seen.reads += 1
      await database.run('SELECT countScores FROM analytics_scores LIMIT 1 FORMAT Null').catch(error => {
        seen.failures.push(String(error))
      })
    }
  }
  const readers = [read(), read(), read()]
  await work().finally(() => {
    isOver = true
  })
  await Promise.all(readers)
  return seen
}

test('whoever reads the view while it is replaced finds one', async () => {
  for (let round = 1; round <= 5; round++) {
    const { reads, failures } = await readWhile(() => undo(sql => runAny(database, sql), `round-${round}`))
    expect(await database.snapshot()).toEqual(older)
    expect(failures).toEqual([])
    expect(reads).toBeGreaterThan(3)
    await rendered(catalog, database, `view_${number}`)(36)
  }
}, 120_000)

test('on EFS, which cannot exchange two names, it ends the same', async () => {
  await undo(onEfs)
  expect(await database.snapshot()).toEqual(older)
}, 60_000)

test.each([
  ['where names can be exchanged', (sql: string) => runAny(database, sql)],
  ['on EFS', onEfs],
])(
  'killed at every statement and run again, %s: the older view, and nothing else left',
  async (_, send) => {
    for (const when of ['before', 'after'] as const) {
      for (let at = 1; ; at++) {
        const broken = breaking({ ...database, run: async sql => void (await send(sql)) }, at, when)
        await begin(`killed-${when}-${at}`)
        const killed = await goOn(broken, `killed-${when}-${at}`).then(
          () => false,
          error => isKill(error) || Promise.reject(error),
        )
        if (killed) await goOn(send, `again-${when}-${at}`)
        expect(await database.snapshot()).toEqual(older)
        if (!killed) break
        await rendered(catalog, database, `view_${number}`)(36)
      }
    }
  },
  120_000,
)

test('a server that went down between two renames: the view is there again', async () => {
  await database.run('RENAME TABLE analytics_scores TO analytics_scores__replaced')
  await undo(onEfs)
  expect(await database.snapshot()).toEqual(older)
}, 60_000)

import { expect, test } from '@jest/globals'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { useClickHouse } from '../schema/databases.ts'
import {
  fill,
  type Ground,
  problemsOf,
  proveDown,
  rendered,
  runAny,
  type Undo,
  undoPhase,
  versionsBetween,
} from './clickhouse-proof.ts'
import { ordinaryClickHouse as data } from './data/clickhouse.ts'

const MINUTES = 60_000
const catalog = loadCatalog(new URL('../../', import.meta.url))
const clickhouse = useClickHouse()

async function groundAt(name: string, head: number): Promise<Ground> {
  const database = await clickhouse.fresh(name)
  const ground = { catalog, name, database, up: rendered(catalog, database, name), data }
  for (let version = 1; version <= head; version++) await ground.up(version)
  return ground
}

test(
  'both releases write after every single statement, and no insert fails',
  async () => {
    const [from, to] = [29, 8]
    const ground = await groundAt('writing', from)
    const undo: Undo = (phase, versions, id) =>
      undoPhase(ground, phase, versions, id, async sql => {
        const rows = await runAny(ground.database, sql)
        const isWrite =
          !/^\s*SELECT\b/.test(sql) && !/^\s*\w+ [^(]*langfuse_rollout\.(archived|journal)/.test(sql)
        if (isWrite) await fill(ground, phase === 'expand' ? from : to, ['traces', 'observations', 'scores'])
        return rows
      })
    expect(problemsOf(await proveDown(ground, from, to, 'writing', undo))).toEqual([])
  },
  10 * MINUTES,
)

test('environments that came while nothing fed their list are in it again', async () => {
  const ground = await groundAt('environments', 46)
  await ground.database.run(
    `INSERT INTO traces (id, project_id, timestamp, environment, event_ts, is_deleted)
     VALUES ('t', 'p', now(), 'new', now(), 0)`,
  )
  await ground.database.run(
    `INSERT INTO scores (id, project_id, timestamp, environment, event_ts, is_deleted)
     VALUES ('s', 'p', now(), 'of a score', now(), 0)`,
  )
  await undoPhase(ground, 'expand', versionsBetween(46, 26), 'environments')
  await undoPhase(ground, 'expand', versionsBetween(46, 26), 'environments again')
  await ground.database.run(
    `INSERT INTO observations (id, project_id, start_time, environment, event_ts, is_deleted)
     VALUES ('o', 'p', now(), 'of v4', now(), 0)`,
  )
  await undoPhase(ground, 'contract', versionsBetween(46, 26), 'environments')
  expect(
    await ground.database.rows(
      'SELECT project_id, arraySort(environments) AS environments FROM project_environments FINAL',
    ),
  ).toEqual([{ project_id: 'p', environments: ['new', 'of a score', 'of v4'] }])
})

test('a value of the archive finds its row again', async () => {
  const ground = await groundAt('back', 10)
  await ground.database.run(
    `INSERT INTO scores (id, project_id, timestamp, name, metadata, event_ts, is_deleted)
     VALUES ('a', 'p', '2026-11-01', 'n', map('k', 'v'), '2026-11-01', 0), ('b', 'p', '2026-11-01', 'n', map(), '2026-11-01', 0)`,
  )
  await undoPhase(ground, 'expand', [10], 'back')
  await undoPhase(ground, 'contract', [10], 'back')
  await ground.up(10)
  const [{ stored_as }] = (await ground.database.rows(
    "SELECT stored_as FROM langfuse_rollout.archived WHERE rollback_id = 'back'",
  )) as [{ stored_as: string }]
  // The row again with its value, a moment newer than it was: ReplacingMergeTree keeps the newest.
  await ground.database.run(
    `INSERT INTO scores (id, project_id, timestamp, name, metadata, event_ts, is_deleted)
     SELECT id, project_id, timestamp, s.name, a.metadata, s.event_ts + INTERVAL 1 MILLISECOND, is_deleted
     FROM scores AS s INNER JOIN langfuse_rollout.${stored_as} AS a USING (project_id, timestamp, name, id, event_ts)`,
  )
  expect(await ground.database.rows('SELECT id, metadata FROM scores FINAL ORDER BY id')).toEqual([
    { id: 'a', metadata: { k: 'v' } },
    { id: 'b', metadata: {} },
  ])
})

test('what v4 wrote after the cut-over is counted beforehand', async () => {
  const ground = await groundAt('cut_over', 46)
  const before = "'2026-11-01 10:00:00'"
  await ground.database.run(
    `INSERT INTO traces (id, project_id, timestamp, created_at, event_ts, is_deleted) VALUES ('t', 'p', ${before}, ${before}, ${before}, 0)`,
  )
  await ground.database.run(
    `INSERT INTO events_full (project_id, span_id, trace_id, start_time, created_at, event_ts, is_deleted)
     VALUES ('p', 's', 't', ${before}, ${before}, ${before}, 0), ('p', 's2', 't2', now(), now(), now(), 0)`,
  )
  const counts = catalog.downSql('clickhouse', 39)?.counts ?? []
  const numbers = await Promise.all(counts.map(({ sql }) => ground.database.rows(sql)))
  expect(numbers.map(([row]) => Number(Object.values(row ?? {})[0]))).toEqual([2, 1])
})

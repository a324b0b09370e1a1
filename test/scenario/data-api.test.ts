import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { Client } from 'pg'
import type { DbCluster } from '../../sandbox/aws/rds.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { HOSTED, OUTSIDE } from './agent-support.ts'
import { comparable, INSIDE, openUndoStage, stepsOf, type UndoStage } from './agent-undo-support.ts'
import { isWrite } from './support.ts'

/** A runner that reaches ClickHouse and not PostgreSQL, or nothing: Aurora's Data API stands in for PostgreSQL. */
let undo: UndoStage
let cluster: DbCluster
let secret: string | undefined

beforeAll(async () => {
  undo = await openUndoStage({ dataApi: true })
  const { rds, dataApi } = undo.stage.stack.sandbox.world
  const [only] = rds.clusters.values()
  if (only === undefined) throw new Error('The stage has no Aurora cluster')
  cluster = only
  secret = only.masterSecret
  dataApi.limits.idleSeconds = 400 // 20 s of real time: a killed run's lock is gone after it
}, 240_000)

afterAll(() => undo?.close())

afterEach(() => {
  undo.stage.stack.sandbox.world.faults.clear()
  cluster.httpEndpoint = true
  cluster.masterSecret = secret
})

const WITHOUT_POSTGRES = { ...INSIDE, to: '2.93.7', 'database-url': '' }
const rollback = (more = {}, options = {}): Promise<RunResult> =>
  undo.stage.run('rollback', { ...WITHOUT_POSTGRES, ...more }, options)
/** Each test begins on 3.0.0, also when it is run by itself. */
const beOn3 = async (): Promise<void> => {
  const [row] = await undo.query(
    `SELECT count(*)::int AS count FROM _prisma_migrations WHERE migration_name LIKE '20241206115829%'`,
  )
  if (row?.['count'] === 0) await undo.upgrade()
}
const journal = (): Promise<readonly unknown[]> =>
  undo.query('SELECT store, migration, phase FROM langfuse_rollout.journal ORDER BY 1, 2')
const archive = (): Promise<readonly unknown[]> =>
  undo.query(
    `SELECT migration, relation, kind, reason, row - 'created_at' - 'updated_at' - 'timestamp' AS row
     FROM langfuse_rollout.archived_rows
     WHERE rollback_id = (SELECT rollback_id FROM langfuse_rollout.archived_rows ORDER BY id DESC LIMIT 1)
     ORDER BY migration, relation, kind, row::text`,
  )
const shapeOf = (rows: readonly unknown[]): readonly string[] =>
  (rows as readonly Record<string, unknown>[]).map(({ migration, relation, kind, reason }) =>
    [migration, relation, kind, reason].join(' '),
  )

test('where the Data API is of no use the rollback is refused as without it, with the reason', async () => {
  await beOn3()
  const { world } = undo.stage.stack.sandbox
  const bad = world.secrets.put('raw', 'K7w_tR2!mZ9qLx4e')
  const cases: readonly (readonly [RegExp, () => void])[] = [
    [/langfuse-postgres has its Data API off/, () => Object.assign(cluster, { httpEndpoint: false })],
    [/RDS keeps no secret for the master user/, () => Object.assign(cluster, { masterSecret: undefined })],
    [/credentials cannot be found in the secret/, () => Object.assign(cluster, { masterSecret: bad })],
    [
      /AWS denied rds-data:ExecuteStatement/,
      () => world.faults.add({ operation: 'ExecuteStatement', kind: 'access-denied', times: 1 }),
    ],
    [
      /AWS denied rds:DescribeDBClusters/,
      () => world.faults.add({ operation: 'DescribeDBClusters', kind: 'access-denied', times: 1 }),
    ],
  ]
  for (const [reason, spoil] of cases) {
    spoil()
    const from = undo.stage.stack.sandbox.requests.length
    const result = await rollback()
    expect(result.outputs['outcome']).toBe('refused')
    const problem = String(result.commands.at(-1)?.message)
    expect(problem).toMatch(/2 migrations have to be undone|3 migrations have to be undone/)
    expect(problem).toContain('set `network: direct` with `database-url`')
    expect(problem).toMatch(reason)
    expect(undo.stage.stack.sandbox.requests.slice(from).filter(isWrite)).toEqual([])
    Object.assign(cluster, { httpEndpoint: true, masterSecret: secret })
  }
}, 240_000)

test('where no agent may stand, PostgreSQL is seen through the Data API and ClickHouse is not', async () => {
  await beOn3()
  const { world } = undo.stage.stack.sandbox
  world.faults.add({ operation: 'RegisterTaskDefinition', kind: 'access-denied', times: 9 })
  const outside = { ...OUTSIDE, network: 'auto' }
  const verify = await undo.stage.run('verify', outside, { env: HOSTED })
  const states = new Map(
    (verify.report as { checks: readonly { id: string; state: string }[] }).checks.map(check => [
      check.id,
      check.state,
    ]),
  )
  expect(states.get('postgres-migrations')).toBe('passed')
  expect(states.get('clickhouse-schema')).toBe('skipped')
  expect(verify.stdout).toContain("PostgreSQL is read through Aurora's Data API (cluster langfuse-postgres")
  const refused = await undo.stage.run('rollback', { ...outside, to: '2.93.7' }, { env: HOSTED })
  expect(refused.outputs['outcome']).toBe('refused')
  expect(String(refused.commands.at(-1)?.message)).toMatch(/1 ClickHouse migration has to be undone, but/)
}, 240_000)

test('the rollback is that of a runner with a connection: schemas, rows, journal and report', async () => {
  await beOn3()
  const through = await rollback()
  expect(through.outputs).toMatchObject({
    outcome: 'rolled-back',
    'postgres-reverted': '2',
    'clickhouse-reverted': '1',
  })
  await undo.isBack()
  const seen = { journal: await journal(), archive: shapeOf(await archive()) }
  await undo.upgrade()
  const inside = await undo.stage.run('rollback', { ...INSIDE, to: '2.93.7' })
  await undo.isBack()
  expect(comparable(through)).toEqual(comparable(inside))
  expect(seen).toEqual({ journal: await journal(), archive: shapeOf(await archive()) })
}, 240_000)

test('a table in use makes it step back and try again', async () => {
  await beOn3()
  const client = new Client({ connectionString: undo.stage.stack.databaseUrlLocal })
  await client.connect()
  let holds: Promise<unknown> | undefined
  const end = undo.stage.stack.sandbox.world.onRequest(({ phase, input }) => {
    const isKey = String(input['sql']).includes('LOCK TABLE public.traces ')
    if (phase !== 'before' || !isKey || holds !== undefined) return
    holds = client.query('BEGIN; LOCK TABLE traces IN ROW EXCLUSIVE MODE; SELECT pg_sleep(5); COMMIT')
    return new Promise(resolve => setTimeout(resolve, 300))
  })
  const result = await rollback()
  end()
  await holds
  await client.end()
  expect(result.outputs['outcome']).toBe('rolled-back')
  expect(result.stdout).toContain('a table or a row was in use')
  await undo.isBack()
}, 240_000)

test('a run that is killed in the middle of contract is gone on with, once its locks are gone', async () => {
  await beOn3()
  const lost = new AbortController()
  const ended = Promise.withResolvers<void>()
  const stop = undo.stage.stack.sandbox.world.onRequest(async ({ phase, input }) => {
    if (lost.signal.aborted) return 'drop'
    if (phase !== 'after' || !String(input['sql']).includes('DELETE FROM "_prisma_migrations"'))
      return undefined
    lost.abort()
    await ended.promise
    return 'drop'
  })
  await rollback({}, { lost: lost.signal })
  ended.resolve()
  stop()
  expect(lost.signal.aborted).toBe(true)
  const again = await rollback()
  expect(again.outputs['outcome']).toBe('rolled-back')
  expect(stepsOf(again)).toContain('undo-schema contract done')
  await undo.isBack()
}, 240_000)

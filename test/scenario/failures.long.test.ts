import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import { arrangeEcs } from '../../sandbox/aws/outcomes.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import { compareSnapshots, type StackSnapshot, takeSnapshot } from '../../sandbox/stack-snapshot.ts'
import { watchStatements } from '../../sandbox/statements.ts'
import { breakWebAtUpdate, cancelledAt, ecsService, lostAt, putBack, setupOf } from './support.ts'

/** Runs that are cut off on the way to 3.0.0 and back: each test begins and ends on 2.93.7. */
let folder: string
let stage: Stage
let before: StackSnapshot

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'failures-'))
  stage = await openStage({ folder })
  before = await takeSnapshot(stage.stack)
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

const UPGRADE = { version: '3.0.0', backup: 'false' }

type Plan = {
  readonly plan: { readonly steps: readonly { readonly component?: string; readonly follow?: string }[] }
}

test('a deploy that was killed in the middle is gone on with: the rollout is followed, the record kept', async () => {
  const killed = await lostAt(stage, {
    at: ({ operation }) => operation === 'UpdateService',
    run: options => stage.run('deploy', UPGRADE, options),
  })
  expect(killed.exitCode).not.toBe(0)
  const records = stage.github.deployments.length
  const again = await stage.run('deploy', UPGRADE)
  expect((again.report as Plan).plan.steps[0]).toMatchObject({
    component: 'worker',
    follow: expect.stringMatching(/^ecs-svc\//),
  })
  expect(again.outputs).toMatchObject({
    outcome: 'deployed',
    'previous-version': '2.93.7',
    'current-version': '3.0.0',
  })
  expect(stage.github.deployments).toHaveLength(records)
  expect(stage.github.deployments.at(-1)).toMatchObject({
    payload: { from: '2.93.7' },
    statuses: [{ state: 'success' }, {}, {}],
  })
  expect((await stage.run('rollback')).outputs).toMatchObject({ outcome: 'rolled-back' })
})

test('a rollback that is cancelled says what is still rolling, within the time that the runner gives; that one, and one that is killed before contract, are gone on with to the end', async () => {
  expect((await stage.run('deploy', UPGRADE)).outputs).toMatchObject({ outcome: 'deployed' })
  let rolls = false
  // No time passes from here on: a run that paused would be killed.
  const cancelled = await cancelledAt(stage, {
    at: ({ service, operation }) => {
      rolls ||= service === 'apprunner' && operation === 'UpdateService'
      return rolls && operation === 'ListOperations'
    },
    run: options => stage.run('rollback', {}, options),
  })
  expect(cancelled.exitCode).toBe(1)
  expect(cancelled.outputs).toMatchObject({ outcome: 'failed' })
  expect(cancelled.commands.at(-1)?.message).toMatch(
    /cancelled while waiting for operation .*Still in progress: web/,
  )
  expect(cancelled.summary).toMatch(/⏳&nbsp;still&nbsp;rolling/)
  const stateOf = () => stage.github.deployments.at(-1)?.statuses[0]?.state
  expect(stateOf()).toBe('failure')

  const killed = await lostBeforeContract()
  expect(killed.exitCode).not.toBe(0)
  expect(stateOf()).toBe('in_progress')
  const again = await stage.run('rollback', { to: '2.93.7' })
  expect(again.outputs).toMatchObject({ outcome: 'rolled-back', 'current-version': '2.93.7' })
  expect(stateOf()).toBe('inactive')
  const comparison = compareSnapshots(before, await takeSnapshot(stage.stack))
  expect(comparison.rows.filter(([, , , same]) => !same)).toEqual([])
})

test('a ClickHouse that is down with its new image: the rollback action brings its image back first, then undoes the rest', async () => {
  const { world } = stage.stack.sandbox
  const setup = setupOf(world)
  const image = `${REGISTRY}/clickhouse:24.12.3`
  await arrangeEcs(world, {
    cluster: 'langfuse',
    service: 'clickhouse',
    image,
    outcome: 'never-starts',
  })
  const bad = { ...UPGRADE, 'clickhouse-version': '24.12.3', 'on-failure': 'stop' }
  expect((await stage.run('deploy', bad)).outputs).toMatchObject({ outcome: 'failed' })
  const dry = await stage.run('rollback', { 'dry-run': 'true' })
  expect(dry.outputs).toMatchObject({ outcome: 'planned' })
  expect((dry.report as Plan).plan.steps.map(({ component }) => component)).toEqual(['clickhouse'])
  expect(dry.summary).toMatch(/only its first step, because ClickHouse at .*plans the rest/)
  const result = await stage.run('rollback')
  expect(result.outputs).toMatchObject({
    outcome: 'rolled-back',
    'current-version': '2.93.7',
    'postgres-reverted': '2',
    'clickhouse-reverted': '1',
  })
  expect(stage.github.deployments.at(-1)?.statuses[0]?.state).toBe('inactive')
  const comparison = compareSnapshots(before, await takeSnapshot(stage.stack))
  expect(comparison.rows.filter(([, , , same]) => !same)).toEqual([])
  await putBack(stage, setup)
})

test('migrations that were there before a deploy, though its web does not know them, are there after its undo', async () => {
  const { world } = stage.stack.sandbox
  const setup = setupOf(world)
  await arrangeEcs(world, {
    cluster: 'langfuse',
    service: 'langfuse_worker',
    image: `${REGISTRY}/langfuse-worker:3.0.0`,
    outcome: 'breaker-rolled-back',
  })
  // Its record is not the one of the deploy that follows.
  const elsewhere = { ...UPGRADE, 'on-failure': 'stop', environment: 'elsewhere' }
  expect((await stage.run('deploy', elsewhere)).outputs).toMatchObject({ outcome: 'failed' })
  await putBack(stage, setup)
  const halfWay = await takeSnapshot(stage.stack)
  expect(halfWay.clickhouseHead).not.toBe(before.clickhouseHead)
  const spoiled = breakWebAtUpdate(world)
  const result = await stage.run('deploy', UPGRADE)
  spoiled.repair()
  expect(result.outputs).toMatchObject({ outcome: 'rolled-back', 'current-version': '2.93.7' })
  const { clickhouseHead, postgresMigrations } = await takeSnapshot(stage.stack)
  expect({ clickhouseHead, postgresMigrations }).toEqual({
    clickhouseHead: halfWay.clickhouseHead,
    postgresMigrations: halfWay.postgresMigrations,
  })
  const record = stage.github.deployments.at(-1)
  expect(record?.payload).toMatchObject({ postgresAhead: [expect.any(String), expect.any(String)] })
  expect((await stage.run('rollback', { to: '2.93.7' })).outputs['outcome']).toBe('rolled-back')
  const comparison = compareSnapshots(before, await takeSnapshot(stage.stack))
  expect(comparison.rows.filter(([, , , same]) => !same)).toEqual([])
})

test('a cancelled deploy stops no deployment that somebody else began meanwhile', async () => {
  const { world, requests } = stage.stack.sandbox
  const setup = setupOf(world)
  const from = requests.length
  let other: Promise<unknown> | undefined
  const cancelled = await cancelledAt(stage, {
    at: ({ operation, input }) => operation === 'UpdateService' && input['service'] === 'langfuse_worker',
    run: options => {
      options.signal?.addEventListener('abort', () => {
        const { taskDefinition } = ecsService(world, 'langfuse_worker')
        const again = { cluster: 'langfuse', service: 'langfuse_worker', forceNewDeployment: true }
        other = world.call('ecs', 'UpdateService', { ...again, taskDefinition: taskDefinition.arn })
      })
      return stage.run('deploy', UPGRADE, options)
    },
  })
  await other
  expect(cancelled.outputs).toMatchObject({ outcome: 'failed' })
  expect(cancelled.commands.at(-1)?.message).not.toMatch(/asked to roll/)
  expect(requests.slice(from).map(({ operation }) => operation)).not.toContain('StopServiceDeployment')
  await putBack(stage, setup)
  expect((await stage.run('rollback')).outputs['outcome']).toBe('rolled-back')
})

/** Its machine is lost when all images are back, and no statement of contract has run. */
async function lostBeforeContract() {
  const lost = new AbortController()
  const ended = Promise.withResolvers<void>()
  const { databaseUrlLocal: databaseUrl, clickhouseUrlLocal: clickhouseUrl } = stage.stack
  const stores = await watchStatements({
    databaseUrl,
    clickhouseUrl,
    watch: async ({ store, sql }) => {
      // Contract begins with what is done in batches before its transaction.
      const begins = store === 'postgres' && sql.includes('langfuse_rollout.batch')
      if (!lost.signal.aborted && !begins) return undefined
      lost.abort()
      await ended.promise
      return 'drop'
    },
  })
  const urls = { 'database-url': stores.databaseUrl, 'clickhouse-url': stores.clickhouseUrl }
  const killed = await stage.run('rollback', { to: '2.93.7', ...urls }, { lost: lost.signal })
  ended.resolve()
  await stores.stop()
  expect(lost.signal.aborted).toBe(true)
  return killed
}

test('a stage that stops ends the action that still runs on it', async () => {
  const other = await openStage({ folder: join(folder, 'other'), seed: false })
  const begun = Promise.withResolvers<void>()
  other.stack.sandbox.world.onRequest(({ operation }) => {
    if (operation === 'RegisterTaskDefinition') begun.resolve()
  })
  const running = other.run('deploy', UPGRADE)
  await begun.promise
  await other.stop()
  expect((await running).exitCode).toBe(137)
})

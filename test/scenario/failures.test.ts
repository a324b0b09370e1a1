import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import { arrangeEcs } from '../../sandbox/aws/outcomes.ts'
import { startGitHub } from '../../sandbox/github.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { compareSnapshots, type StackSnapshot, takeSnapshot } from '../../sandbox/stack-snapshot.ts'
import {
  breakWebAtUpdate,
  cancelledAt,
  ecsService,
  hangingWeb,
  imageNamed,
  isWrite,
  putBack,
  rollTo,
  type Setup,
  setupOf,
} from './support.ts'

/** What goes wrong on the way to 3.0.0: each test leaves the stage as it found it. */
let folder: string
let stage: Stage
let before: StackSnapshot
let setup: Setup

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'failures-'))
  stage = await openStage({ folder })
  before = await takeSnapshot(stage.stack)
  setup = setupOf(stage.stack.sandbox.world)
})

afterEach(() => putBack(stage, setup))

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** What is not a test's subject is left out, to be fast: a snapshot takes minutes. */
const UPGRADE = { version: '3.0.0', backup: 'false' }
const STOP = { ...UPGRADE, 'on-failure': 'stop' }

test('a worker that dies: the deploy stops before anything else, names the cause, and the old worker still runs; then it can be undone', async () => {
  const { world } = stage.stack.sandbox
  const log = ['Error: Cannot find module ./queues', 'node:internal/process exited']
  world.pushImage({
    repository: 'langfuse-worker',
    tags: ['3.0.0'],
    program: { kind: 'scripted', startSeconds: 1, exitAfter: 2, exitCode: 7, log },
  })
  const result = await stage.run('deploy', STOP)
  expect(result.exitCode).toBe(1)
  expect(result.outputs).toMatchObject({ outcome: 'failed', 'current-version': '2.93.7' })
  const message = result.commands.filter(({ command }) => command === 'error').map(error => error.message)
  expect(message).toEqual([
    expect.stringMatching(
      /exit code 7.*Done: Postgres and ClickHouse migrations \(one-off task\)\..*Not started: deployment settings of ECS service clickhouse, web/,
    ),
  ])
  expect(result.summary).toMatch(/Cannot find module/)
  expect(result.summary).toMatch(/the web of Langfuse .* still serves but cannot restart/)
  expect(result.summary).toMatch(/⬜&nbsp;not&nbsp;started.*web/)
  expect(stage.github.deployments.at(-1)?.statuses[0]?.state).toBe('failure')

  // The service stops starting what dies.
  const undone = await stage.run('rollback')
  expect(undone.outputs).toMatchObject({ outcome: 'rolled-back', 'current-version': '2.93.7' })
  const service = stage.stack.sandbox.world.ecs.clusters.get('langfuse')?.services.get('langfuse_worker')
  expect(service?.deployments.map(({ status, rolloutState }) => [status, rolloutState])).toEqual([
    ['PRIMARY', 'COMPLETED'],
  ])
})

test('ECS takes half-way stack back by itself for two minutes: the undo waits, sends nothing to it, and calls that success', async () => {
  const { world } = stage.stack.sandbox
  const service = ecsService(world, 'langfuse_worker')
  // Somebody left web and worker on two releases.
  const { program } = imageNamed(world, `${REGISTRY}/langfuse-worker:2.93.7`)
  const { digest } = world.pushImage({ repository: 'langfuse-worker', tags: ['2.93.6'], program })
  await rollTo(world, 'langfuse_worker', `${REGISTRY}/langfuse-worker:2.93.6`)
  const image = `${REGISTRY}/langfuse-worker:3.0.0`
  await arrangeEcs(world, {
    cluster: 'langfuse',
    service: 'langfuse_worker',
    image,
    outcome: 'breaker-rolled-back',
  })
  service.rollbackSeconds = 120
  const from = stage.stack.sandbox.requests.length
  const result = await stage.run('deploy', UPGRADE)
  service.rollbackSeconds = undefined
  expect(result.outputs).toMatchObject({ outcome: 'rolled-back', 'current-version': '2.93.7' })
  expect(result.commands.at(-1)?.message).toMatch(
    /^worker did not roll out.*Still in progress: nothing\..*Rolled back: Langfuse 2\.93\.7 is running again\. AWS took worker back by itself\.$/,
  )
  const updates = stage.stack.sandbox.requests
    .slice(from)
    .filter(({ operation, input }) => operation === 'UpdateService' && input['service'] === 'langfuse_worker')
  expect(updates).toHaveLength(1)
  expect(service.serviceDeployments[0]?.status).toBe('ROLLBACK_SUCCESSFUL')
  const running = [...(world.ecs.clusters.get('langfuse')?.tasks.values() ?? [])].filter(
    task => task.service === service && task.desiredStatus === 'RUNNING',
  )
  expect(running.map(task => task.containers[0]?.imageDigest)).toEqual([digest])
})

test('a deploy that is cancelled while the web hangs stops what it began and says so in time; right after, it is gone on with', async () => {
  const web = await hangingWeb('2.93.7')
  try {
    const from = stage.stack.sandbox.requests.length
    const cancelled = await cancelledAt(stage, {
      at: ({ operation, input }) => operation === 'UpdateService' && input['service'] === 'langfuse_worker',
      run: options => {
        options.signal?.addEventListener('abort', () => web.hang(), { once: true })
        // Also a deploy that would undo nothing by itself stops what it began.
        return stage.run('deploy', { ...STOP, url: web.url }, options)
      },
    })
    expect(cancelled.outputs).toMatchObject({ outcome: 'failed' })
    expect(cancelled.commands.at(-1)?.message).toMatch(
      /cancelled while waiting for deployment ecs-svc\/\d+ of ECS service langfuse_worker.*Still in progress: worker \(ECS is rolling langfuse_worker back.*ECS was asked to roll langfuse_worker back/,
    )
    const stops = stage.stack.sandbox.requests
      .slice(from)
      .filter(call => call.operation === 'StopServiceDeployment')
    expect(stops).toHaveLength(1)
    expect(stage.github.deployments.at(-1)?.statuses[0]?.state).toBe('failure')
  } finally {
    await web.stop()
  }
  const records = stage.github.deployments.length
  const again = await stage.run('deploy', UPGRADE)
  expect(again.outputs).toMatchObject({ outcome: 'deployed', 'previous-version': '2.93.7' })
  expect(stage.github.deployments).toHaveLength(records)
  expect(stage.github.deployments.at(-1)?.statuses[0]?.state).toBe('success')
  expect((await stage.run('rollback')).outputs).toMatchObject({ outcome: 'rolled-back' })
})

test('a write that IAM denies names the step, the permission and the policy', async () => {
  stage.stack.sandbox.world.faults.add({ operation: 'RunTask', kind: 'access-denied' })
  const result = await stage.run('deploy', STOP)
  expect(result.outputs['outcome']).toBe('failed')
  expect(result.commands.at(-1)?.message).toMatch(
    /^AWS denied `ecs:RunTask` to step "Postgres and ClickHouse migrations \(one-off task\)": grant it to the role of this job, as docs\/iam\/deploy\.json does/,
  )
})

test('a second run beside the first is refused by the name of the first, and refused where GitHub hides the first', async () => {
  const { world } = stage.stack.sandbox
  const { github } = stage
  const others = Promise.withResolvers<readonly RunResult[]>()
  const blind = Promise.withResolvers<RunResult>()
  const withoutRecords = Promise.withResolvers<RunResult>()
  // The first has written its record, and comes no further while the others are at it.
  const end = world.onRequest(async ({ phase, operation }) => {
    if (phase !== 'before' || operation !== 'RegisterTaskDefinition') return
    end()
    const both = [stage.run('deploy', UPGRADE), stage.run('rollback', { to: '2.93.7' })]
    others.resolve(Promise.all(both))
    await Promise.allSettled(both)
    github.refuses.rateLimit = 2 * 60 * 60
    blind.resolve(stage.run('rollback', { to: '2.93.7' }))
    await blind.promise.catch(() => undefined)
    github.refuses.rateLimit = false
    const apart = stage.run('rollback', { to: '2.93.7', 'github-token': '' })
    withoutRecords.resolve(apart)
    await apart.catch(() => undefined)
  })
  const first = await stage.run('deploy', UPGRADE)
  end()
  expect(first.outputs).toMatchObject({ outcome: 'deployed' })
  for (const result of await others.promise) {
    expect(result.outputs['outcome']).toBe('refused')
    expect(result.commands.at(-1)?.message).toMatch(
      /is deploying Langfuse 3\.0\.0 on this stack|is already being deployed|is busy/,
    )
  }
  const apart = await withoutRecords.promise
  expect(apart.outputs['outcome']).toBe('refused')
  expect(apart.commands.at(-1)?.message).toMatch(
    /^Workflow run \d+ changes this stack \(deploy of Langfuse 3\.0\.0, since .*\): it holds the lock in PostgreSQL\./m,
  )
  const unseeing = await blind.promise
  expect(unseeing.outputs['outcome']).toBe('refused')
  expect(unseeing.commands.at(-1)?.message).toMatch(/rate limit.*cannot see whether another run changes/)
  expect((await stage.run('rollback')).outputs).toMatchObject({ outcome: 'rolled-back' })
})

test('a web that does not become healthy: everything goes back by itself, the cause first, the outcome a failure', async () => {
  const { world } = stage.stack.sandbox
  const spoiled = breakWebAtUpdate(stage.stack.sandbox.world)
  const result = await stage.run('deploy', UPGRADE)
  spoiled.repair()
  expect(result.outputs).toMatchObject({ outcome: 'rolled-back', 'current-version': '2.93.7' })
  expect(result.exitCode).toBe(1)
  expect(result.commands.at(-1)?.message).toMatch(
    /^web did not roll out: App Runner rolled back automatically.*Rolled back: Langfuse 2\.93\.7 is running again/,
  )
  const comparison = compareSnapshots(before, await takeSnapshot(stage.stack))
  expect(comparison.rows.filter(([, , , same]) => !same)).toEqual([])
  expect(stage.github.deployments.at(-1)?.statuses[0]?.state).toBe('inactive')
  expect([...world.appRunner.services.values()][0]?.status).toBe('RUNNING')
  const previous = await stage.run('rollback')
  expect(previous.commands.at(-1)?.message).toMatch(
    /There is nothing to go back to: the last deploy \(Langfuse 3\.0\.0\) was already rolled back to 2\.93\.7/,
  )
})

test('a token that may not write deployments: refused; with an empty token the record is in a file', async () => {
  const denied = await startGitHub({ allowed: false })
  const env = { GITHUB_API_URL: denied.url }
  const before = stage.stack.sandbox.requests.length
  try {
    const refused = await stage.run('deploy', UPGRADE, { env })
    expect(refused.outputs).toMatchObject({ outcome: 'refused' })
    expect(refused.commands.at(-1)?.message).toMatch(
      /`permissions: deployments: write`.*cannot see whether another run.*`github-token` to an empty text/,
    )
    expect(stage.stack.sandbox.requests.slice(before).filter(isWrite)).toEqual([])
    const result = await stage.run('deploy', { ...UPGRADE, 'github-token': '' }, { env })
    expect(result.outputs).toMatchObject({ outcome: 'deployed', 'deployment-id': '' })
    expect(result.summary).toMatch(/record exists only in the file .*`github-token` is empty/)
  } finally {
    await stage.run('rollback', { to: '2.93.7' })
    await denied.stop()
  }
})

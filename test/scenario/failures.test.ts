import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { startGitHub } from '../../sandbox/github.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { compareSnapshots, type StackSnapshot, takeSnapshot } from '../../sandbox/stack-snapshot.ts'
import { breakWebAtUpdate, isWrite, putBack, type Setup, setupOf } from './support.ts'

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

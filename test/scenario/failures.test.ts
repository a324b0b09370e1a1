import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startGitHub } from '../../sandbox/github.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import { compareSnapshots, type StackSnapshot, takeSnapshot } from '../../sandbox/stack-snapshot.ts'
import { breakWebAtUpdate } from './support.ts'

/** What goes wrong on the way to 3.0.0 and back, one thing after the other on one stage. */
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

/** What is not a test's subject is left out, to be fast: a snapshot takes minutes. */
const UPGRADE = { version: '3.0.0', backup: 'false' }
const STOP = { ...UPGRADE, 'on-failure': 'stop' }

/** Aborts when the log says a line: the moment at which the run is hit. */
function hitAt(line: RegExp): { readonly signal: AbortSignal; readonly onLine: (text: string) => void } {
  const controller = new AbortController()
  return { signal: controller.signal, onLine: text => line.test(text) && controller.abort() }
}

type Plan = {
  readonly plan: { readonly steps: readonly { readonly component?: string; readonly follow?: string }[] }
}

test('a worker that dies: the deploy stops before anything else, names the cause, and the old worker still runs', async () => {
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
  expect(result.summary).toMatch(/the web of Langfuse .* serves on, but cannot start again/)
  expect(result.summary).toMatch(/⬜&nbsp;not&nbsp;started.*web/)
  expect(stage.github.deployments[0]?.statuses[0]?.state).toBe('failure')
})

test('the failed deploy can be undone: the service stops starting what dies', async () => {
  const result = await stage.run('rollback')
  expect(result.outputs).toMatchObject({ outcome: 'rolled-back', 'current-version': '2.93.7' })
  const service = stage.stack.sandbox.world.ecs.clusters.get('langfuse')?.services.get('langfuse_worker')
  expect(service?.deployments.map(({ status, rolloutState }) => [status, rolloutState])).toEqual([
    ['PRIMARY', 'COMPLETED'],
  ])
})

test('a second run beside the first is refused by the name of the first', async () => {
  const { world } = stage.stack.sandbox
  world.pushImage({
    repository: 'langfuse-worker',
    tags: ['3.0.0'],
    program: { kind: 'worker', release: '3.0.0' },
  })
  const started = Promise.withResolvers<void>()
  const first = stage.run('deploy', UPGRADE, {
    onLine: line => /Deployment record/.test(line) && started.resolve(),
  })
  await started.promise
  const [second, back] = await Promise.all([
    stage.run('deploy', UPGRADE),
    stage.run('rollback', { to: '2.93.7' }),
  ])
  for (const result of [second, back]) {
    expect(result.outputs['outcome']).toBe('refused')
    expect(result.commands.at(-1)?.message).toMatch(
      /is deploying Langfuse 3\.0\.0 on this stack|is already being deployed|is busy/,
    )
  }
  expect((await first).outputs).toMatchObject({ outcome: 'deployed' })
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
    /^web did not roll out: App Runner rolled back by itself.*Rolled back: Langfuse 2\.93\.7 is running again/,
  )
  const comparison = compareSnapshots(before, await takeSnapshot(stage.stack))
  expect(comparison.rows.filter(([, , , same]) => !same)).toEqual([])
  expect(stage.github.deployments.at(-1)?.statuses[0]?.state).toBe('inactive')
  expect([...world.appRunner.services.values()][0]?.status).toBe('RUNNING')
})

test('a deploy that was killed in the middle is gone on with: the rollout is followed, the record kept', async () => {
  const hit = hitAt(/ECS started deployment/)
  const killed = await stage.run('deploy', UPGRADE, { lost: hit.signal, onLine: hit.onLine })
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
})

test('a cancelled rollback says what is still rolling, within the time that the runner gives', async () => {
  const hit = hitAt(/App Runner started operation/)
  const started = Date.now()
  const cancelled = await stage.run('rollback', {}, { signal: hit.signal, onLine: hit.onLine })
  expect(Date.now() - started).toBeLessThan(20_000)
  expect(cancelled.outputs).toMatchObject({ outcome: 'failed' })
  expect(cancelled.commands.at(-1)?.message).toMatch(
    /cancelled while waiting for operation .*Still rolling: web/,
  )
  expect(cancelled.summary).toMatch(/⏳&nbsp;still&nbsp;rolling/)
})

test('the rollback that was cancelled, and one that is killed before contract, are gone on with to the end', async () => {
  const hit = hitAt(/group\]down SQL, contract phase/)
  const killed = await stage.run('rollback', { to: '2.93.7' }, { lost: hit.signal, onLine: hit.onLine })
  expect(killed.exitCode).not.toBe(0)
  const again = await stage.run('rollback', { to: '2.93.7' })
  expect(again.outputs).toMatchObject({ outcome: 'rolled-back', 'current-version': '2.93.7' })
  const comparison = compareSnapshots(before, await takeSnapshot(stage.stack))
  expect(comparison.rows.filter(([, , , same]) => !same)).toEqual([])
})

test('a token that may not write deployments: a warning with the permission to give, and the record in a file', async () => {
  const denied = await startGitHub({ allowed: false })
  try {
    const result = await stage.run('deploy', UPGRADE, { env: { GITHUB_API_URL: denied.url } })
    expect(result.outputs).toMatchObject({ outcome: 'deployed', 'deployment-id': '' })
    expect(result.summary).toMatch(/permissions: deployments: write/)
  } finally {
    await denied.stop()
  }
})

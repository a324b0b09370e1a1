import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { CACHE, CACHE_TOKEN } from '../../sandbox/article/settings.ts'
import { openStage, type Stage, type StageRun } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import {
  checksOf,
  expectDenied,
  FAMILY,
  HOSTED,
  nothingIsLeft,
  OUTSIDE,
  verifyOutside,
} from './agent-support.ts'
import { cancelledAt } from './support.ts'

/** `network: task` through `dist/`: a runner outside of the VPC sees what one inside of it sees. */
let folder: string
let stage: Stage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-'))
  stage = await openStage({ folder, seed: false })
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

afterEach(() => {
  stage.stack.sandbox.world.faults.clear()
  stage.stack.sandbox.world.taskFaults.clear()
})

const verify = (inputs: Readonly<Record<string, string>> = {}, options: StageRun = {}) =>
  verifyOutside(stage, inputs, options)

const operations = (from: number) =>
  stage.stack.sandbox.requests.slice(from).map(request => request.operation)

test('verify sees the same from outside as from inside, with a task that looks and one that mounts', async () => {
  const from = stage.stack.sandbox.requests.length
  const outside = await verify()
  const writes = operations(from).filter(name => /^(Register|Deregister|Run|Stop|Update|Create)/.test(name))
  expect(writes.toSorted()).toEqual(
    ['DeregisterTaskDefinition', 'RegisterTaskDefinition', 'RunTask'].flatMap(name => [name, name]),
  )
  const inside = await stage.run('verify', {
    'redis-url': `redis://:${CACHE_TOKEN}@${CACHE}:6379`,
  })
  const facts = (result: RunResult) =>
    checksOf(result)
      // A runner mounts nothing.
      .filter(({ id }) => id !== 'efs-mounted')
      .map(({ id, state, sentence }) => [
        id,
        state,
        // Only a runner has to prove that the databases are the worker's.
        sentence.replaceAll(/[\d.]+ GiB|\d+ of \d+ connections|(?<=databases are this stack's: ).*/g, 'x'),
      ])
  expect(facts(outside)).toEqual(facts(inside))
  expect(outside.outputs).toMatchObject({ outcome: 'passed', failed: '0' })
  expect(checksOf(outside, 'inside').map(check => `${check.id} ${check.state}`)).toEqual([
    'efs-mounted passed',
    'database-identity passed',
    'clickhouse-ping passed',
    'clickhouse-schema passed',
    'postgres-migrations passed',
    'background-migrations passed',
    'clickhouse-name passed',
    'clickhouse-disk passed',
    'valkey warning',
    'worker-health passed',
    'postgres-schema passed',
    'postgres-load passed',
    'clickhouse-tables passed',
    'clickhouse-data passed',
    'clickhouse-parts passed',
    'clickhouse-mutations passed',
    'clickhouse-memory passed',
    'clickhouse-logs passed',
    'valkey-queues passed',
    'valkey-cluster passed',
  ])
  await nothingIsLeft(stage)
})

test('the agent stands where the worker stands, and is told only what leads to the stores', async () => {
  const { requests } = stage.stack.sandbox
  const from = requests.length
  await verify()
  const registered = requests
    .slice(from)
    .find(
      ({ operation, input }) => operation === 'RegisterTaskDefinition' && input['family'] === FAMILY,
    )?.input
  expect(registered).toMatchObject({
    family: FAMILY,
    executionRoleArn: expect.any(String),
    containerDefinitions: [
      {
        name: 'agent',
        image: expect.stringMatching(/langfuse-worker@sha256:/),
        entryPoint: ['node', '-e', expect.any(String)],
        secrets: expect.arrayContaining([{ name: 'DATABASE_URL', valueFrom: expect.any(String) }]),
      },
    ],
  })
  const { containerDefinitions } = registered as {
    containerDefinitions: { environment: { name: string }[] }[]
  }
  const names = containerDefinitions[0]?.environment.map(variable => variable.name) ?? []
  expect(names).toEqual(expect.arrayContaining(['CLICKHOUSE_URL', 'REDIS_HOST']))
  expect(names.filter(name => !/^(CLICKHOUSE|REDIS|LANGFUSE_ROLLOUT)_/.test(name))).toEqual([])
  expect(Buffer.byteLength(JSON.stringify(registered))).toBeLessThan(64 * 1024)
})

test('the agent that mounts stands where ClickHouse stands, with its volume read-only and nothing else', async () => {
  const { requests, world } = stage.stack.sandbox
  await verify()
  const family = 'clickhouse-agent'
  const registered = requests.find(
    ({ operation, input }) => operation === 'RegisterTaskDefinition' && input['family'] === family,
  )?.input
  const own = world.ecs.clusters.get('langfuse')?.services.get('clickhouse')
  expect(registered).toMatchObject({
    taskRoleArn: own?.taskDefinition.document['taskRoleArn'],
    volumes: own?.taskDefinition.document['volumes'],
    containerDefinitions: [
      {
        image: expect.stringMatching(/langfuse-worker@sha256:/),
        user: '101:101',
        mountPoints: [{ sourceVolume: 'clickhouse_data', containerPath: '/mnt/clickhouse', readOnly: true }],
        environment: [{ name: 'LANGFUSE_ROLLOUT_AGENT', value: expect.any(String) }],
        secrets: [],
      },
    ],
  })
  const run = requests.find(
    ({ operation, input }) => operation === 'RunTask' && JSON.stringify(input).includes(`/${family}:`),
  )?.input
  expect(run?.['networkConfiguration']).toMatchObject(Object(own?.settings['networkConfiguration']))
})

test('lines that come late are waited for', async () => {
  stage.stack.sandbox.world.taskFaults.add({ family: FAMILY, logLag: 5 })
  const result = await verify()
  expect(result.outputs['outcome']).toBe('passed')
  expect(checksOf(result, 'inside').filter(({ state }) => state === 'skipped')).toEqual([])
  await nothingIsLeft(stage)
})

test('where IAM denies RunTask', async () => {
  await expectDenied(stage, 'RunTask', 'ecs:RunTask')
})

test('a dry run looks inside too with at most 50 calls, and says that it only looks', async () => {
  const from = stage.stack.sandbox.requests.length
  const result = await stage.run(
    'deploy',
    { ...OUTSIDE, network: 'auto', version: '3.0.0', 'dry-run': 'true' },
    { env: HOSTED },
  )
  expect(result.outputs['outcome']).toBe('planned')
  expect(result.stdout).toMatch(/ECS started agent task .* to observe the databases \(read-only\)/)
  // The second task looks at what hangs on the objects that an undo would change.
  expect(operations(from).filter(name => name === 'RunTask')).toHaveLength(2)
  expect(operations(from).length).toBeLessThanOrEqual(50)
})

test('checks that need no look inside start no agent', async () => {
  const from = stage.stack.sandbox.requests.length
  const result = await verify({ checks: 'control-plane,public' })
  expect(result.outputs['outcome']).toBe('passed')
  expect(operations(from)).not.toContain('RunTask')
})

test('a store that does not answer inside is a failure, not a gap', async () => {
  const { network } = stage.stack.sandbox.world
  const { allows } = network
  network.allows = asked => asked.port !== 5432 && allows(asked)
  try {
    const result = await verify()
    expect(result.outputs).toMatchObject({ outcome: 'failed' })
    expect(checksOf(result).find(check => check.id === 'postgres-migrations')).toMatchObject({
      state: 'failed',
      sentence: expect.stringMatching(/PostgreSQL at .* cannot be reached from the worker's network: check/),
    })
    expect(checksOf(result).find(check => check.id === 'clickhouse-schema')).toMatchObject({
      state: 'passed',
    })
  } finally {
    network.allows = allows
  }
})

test('a run that is cancelled stops its agent', async () => {
  const from = stage.stack.sandbox.requests.length
  let started = false
  const result = await cancelledAt(stage, {
    at: ({ operation }) => {
      started ||= operation === 'RunTask'
      return started && operation === 'DescribeTasks'
    },
    run: options => verify({}, options),
  })
  expect(result.outputs['outcome']).toBe('inconclusive')
  expect(operations(from)).toContain('StopTask')
  await nothingIsLeft(stage)
})

test('nothing secret is in the logs, of the run or of the agent', async () => {
  const { stack } = stage
  const result = await verify()
  const agent = stack.sandbox.world.logs.text('/aws/ecs/langfuse_worker_log', 'langfuse-worker/agent')
  expect(agent.length).toBeGreaterThan(10_000)
  for (const secret of [new URL(stack.databaseUrl).password, stack.clickhousePassword, CACHE_TOKEN]) {
    expect(agent).not.toContain(secret)
    expect(`${result.rawStdout}${result.rawSummary}${JSON.stringify(result.report)}`).not.toContain(secret)
  }
})

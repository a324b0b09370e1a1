import { expect, test } from '@jest/globals'
import { execute } from '../../src/execute/execute.ts'
import type { StepResult } from '../../src/execute/execution.ts'
import type { Migrate } from '../../src/plan/plan.ts'
import type { DerivedTask, TaskRequest } from '../../src/ports/cloud.ts'
import type { Postgres, Row } from '../../src/ports/databases.ts'
import type { Clock } from '../../src/ports/runner.ts'
import type { Stack } from '../../src/stack/stack.ts'
import { executionOf, jumpingClock } from '../support/execution.ts'
import { DIGEST, FACTS, REGISTRY, stackOn2 } from '../support/stack.ts'
import { type Script, taskWorld } from '../support/tasks.ts'

const IMAGE = `${REGISTRY}/langfuse-web@${DIGEST.web3}`
const STEP: Migrate = {
  kind: 'migrate',
  image: IMAGE,
  architecture: 'X86_64',
  postgres: ['20241124115100_a', '20241206115829_b'],
  clickhouse: [6],
  reason: 'Something is to be migrated.',
}

const HAPPY: Script = {
  exitCode: 0,
  seconds: 20,
  log: [
    [1, 'Script executed successfully.'],
    [2, '273 migrations found in prisma/migrations'],
    [3, 'Applying migration `20241124115100_a`'],
    [5, 'Applying migration `20241206115829_b`'],
    [9, 'All migrations have been successfully applied.'],
    [18, '6/u add_something (120.5ms)'],
  ],
}

function stack(): Stack {
  const two = stackOn2()
  const container = {
    ...two.worker.container,
    environment: { CLICKHOUSE_USER: 'clickhouse', REDIS_AUTH: 'hunter2hunter2' },
    secrets: { DATABASE_URL: 'arn:db' },
    logGroup: '/ecs/worker',
    logStreamPrefix: 'langfuse-worker',
  }
  return { ...two, worker: { ...two.worker, container } }
}

type Options = {
  readonly step?: Migrate
  readonly postgres?: Postgres
  readonly minutes?: number
  /** Called with every line; may cancel the run. */
  readonly onLine?: (line: string, cancel: () => void) => void
  readonly arrange?: (world: ReturnType<typeof taskWorld>) => void
}

async function run(script: Script, options: Options = {}) {
  const clock: Clock = jumpingClock(0)
  const world = taskWorld(clock, script)
  options.arrange?.(world)
  const controller = new AbortController()
  const said: string[] = []
  const say = (line: string) => {
    said.push(line)
    options.onLine?.(line, () => controller.abort())
  }
  const execution = executionOf([options.step ?? STEP], world.cloud, {
    clock,
    stack: stack(),
    postgres: options.postgres,
    deadline: (options.minutes ?? 45) * 60_000,
    signal: controller.signal,
    say,
  })
  const [result] = await execute(execution, (_title, work) => work())
  return { result: result as StepResult, said, world }
}

const activeOf = (world: ReturnType<typeof taskWorld>) =>
  [...world.definitions.values()].filter(definition => definition.active)

test('the task stands where the worker stands, migrates, and leaves nothing behind', async () => {
  const { result, said, world } = await run(HAPPY)
  expect(result).toMatchObject({
    state: 'done',
    sentence: '2 Postgres migrations and 1 ClickHouse migration applied (task task-1, exit code 0)',
  })
  expect([...world.definitions.values()]).toEqual([
    {
      family: 'langfuse_worker-migrate',
      from: 'worker',
      name: 'migrate',
      image: IMAGE,
      command: ['true'],
      architecture: 'X86_64',
      environment: expect.objectContaining({ CLICKHOUSE_USER: 'clickhouse', REDIS_AUTH: 'hunter2hunter2' }),
      secrets: expect.objectContaining({ DATABASE_URL: 'arn:db' }),
      tags: { 'langfuse-rollout': 'migrate' },
      active: false,
    },
  ])
  expect(world.tasks()).toHaveLength(1)
  // Every line once, as it came.
  const shown = said.filter(line => line.startsWith('│ ')).map(line => line.slice(2))
  expect(shown).toEqual(HAPPY.log.map(([, line]) => line))
})

test('databases that had everything: no migrations were pending', async () => {
  const log = [
    [1, 'No pending migrations to apply.'],
    [2, 'no change'],
  ] as const
  const { result } = await run({ exitCode: 0, seconds: 3, log })
  expect(result).toMatchObject({
    state: 'done',
    sentence: expect.stringMatching(/no migrations were pending/),
  })
})

test('a dirty ClickHouse: cause and fix first, then what the log shows', async () => {
  const { result, world } = await run({
    exitCode: 1,
    seconds: 10,
    log: [
      [1, 'No pending migrations to apply.'],
      [2, 'error: Dirty database version 5. Fix and force version.'],
      [3, 'Applying clickhouse migrations failed. This is mostly caused by the database being unavailable.'],
      [3, 'Exiting...'],
    ],
  })
  expect(result).toMatchObject({
    state: 'failed',
    sentence: expect.stringMatching(
      /^ClickHouse's schema is dirty: migration 5 .*force the schema version to 4.* exit code 1\./,
    ),
    evidence: expect.arrayContaining(['error: Dirty database version 5. Fix and force version.']),
  })
  expect(activeOf(world)).toEqual([])
})

test('a task that dies of something unknown: its last ten lines, safe to print', async () => {
  const { result } = await run({
    exitCode: 7,
    seconds: 5,
    log: [
      ...Array.from({ length: 12 }, (_, at) => [at / 10, `line ${at} of AUTH hunter2hunter2`] as const),
      [3, ''],
      [4, '::error::##[group]x'],
    ],
  })
  const [, ...lines] = result.sentence.split('\n')
  expect(lines).toEqual([
    ...Array.from({ length: 9 }, (_, at) => `│ line ${at + 3} of AUTH ***`),
    '│ ::error::## [group]x',
  ])
})

test.each([
  [
    "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'",
    /no variant for linux\/amd64: push .* did not start \(CannotPull.*nothing was migrated/,
  ],
  [
    'ResourceInitializationError: unable to pull secrets or registry auth: … AccessDeniedException: not authorized',
    /execution role is not allowed to read a secret/,
  ],
])('a task that never starts: %s', async (stoppedReason, sentence) => {
  const { result, world } = await run({ exitCode: undefined, seconds: 0, log: [], stoppedReason })
  expect(result).toMatchObject({ state: 'failed', sentence: expect.stringMatching(sentence) })
  expect(activeOf(world)).toEqual([])
})

test('exit code 0 of an image that migrated nothing is no success', async () => {
  const { result } = await run({ exitCode: 0, seconds: 1, log: [[0, 'hello']] })
  expect(result).toMatchObject({
    state: 'failed',
    sentence: expect.stringMatching(/its log does not show that Prisma ran/),
  })
})

test('without a log that can be read the exit code is believed', async () => {
  const { result } = await run({ exitCode: 0, seconds: 1, log: [] })
  expect(result.state).toBe('done')
})

/** A PostgreSQL with these finished migrations. */
function postgresWith(names: () => readonly string[]): Postgres {
  const answer = (sql: string): readonly Row[] => {
    if (sql.includes('to_regclass')) return [{ present: true }]
    if (!sql.includes('_prisma_migrations')) return []
    return names().map(name => ({ migration_name: name, checksum: 'x', finished: true, rolled_back: false }))
  }
  return {
    address: 'aurora:5432/langfuse',
    at: { host: 'db', port: 5432, database: 'langfuse', schema: 'public' },
    connect: async () => ({ run: async sql => answer(sql), close: async () => undefined }),
  }
}

test('where PostgreSQL is seen the migrations have to be there afterwards', async () => {
  let names = FACTS.postgresMigrations('2.93.7').map(({ name }) => name)
  const postgres = postgresWith(() => names)
  const without = await run(HAPPY, { postgres })
  expect(without.result).toMatchObject({
    state: 'failed',
    sentence: expect.stringMatching(
      /the databases lack Postgres migration 20241124115100_a, .*different databases/,
    ),
  })
  const effect = () => {
    names = FACTS.postgresMigrations('3.0.0').map(({ name }) => name)
  }
  expect((await run({ ...HAPPY, effect }, { postgres })).result.state).toBe('done')
})

test('a cancelled run stops the task and says what may be half done', async () => {
  const { result, world } = await run(HAPPY, {
    onLine: (line, cancel) => line.includes('20241206115829_b') && cancel(),
  })
  expect(result).toMatchObject({
    state: 'rolling',
    sentence: expect.stringMatching(
      /cancelled while waiting for migration task task-1.*asked ECS to stop migration task task-1.*ends with Postgres migration 20241206115829_b.*P3009/,
    ),
  })
  expect(world.tasks().map(task => task.lastStatus)).toEqual(['STOPPED'])
  expect(activeOf(world)).toEqual([])
})

test('the timeout does the same', async () => {
  const { result, world } = await run({ ...HAPPY, seconds: 3_600 }, { minutes: 10 })
  expect(result.sentence).toMatch(
    /timeout passed .*asked ECS to stop.*Postgres migrations finished and that ClickHouse is at version 6/,
  )
  expect(world.tasks().map(task => task.lastStatus)).toEqual(['STOPPED'])
})

/** The task that a killed run left, as its own run had ordered it. */
async function left(image: string): Promise<{ order: TaskRequest; derived: DerivedTask }> {
  const orders: TaskRequest[] = []
  const { world } = await run(HAPPY, {
    step: { ...STEP, image },
    arrange: ({ cloud }) => {
      const { runTask } = cloud.ecs
      Object.assign(cloud.ecs, {
        runTask: (order: TaskRequest) => {
          orders.push(order)
          return runTask(order)
        },
      })
    },
  })
  const [derived] = world.definitions.values()
  const [order] = orders
  if (order === undefined || derived === undefined) throw new Error('nothing was ordered')
  return { order, derived }
}

test('a task that a killed run left is followed: no second migrator', async () => {
  const { order, derived } = await left(IMAGE)
  const { result, said, world } = await run(HAPPY, { arrange: item => item.leave(order, derived) })
  expect(result).toMatchObject({ state: 'done' })
  expect(said).toContain(
    'this run follows migration task task-1, which an earlier run started with the same image',
  )
  expect(world.tasks()).toHaveLength(1)
  expect(activeOf(world)).toEqual([])
})

test('a task with another image has to end before another starts', async () => {
  const { order, derived } = await left(`${REGISTRY}/langfuse-web@${DIGEST.web2}`)
  const { result, said, world } = await run(HAPPY, { arrange: item => item.leave(order, derived) })
  expect(result).toMatchObject({ state: 'done' })
  expect(said).toContainEqual(expect.stringMatching(/migration task task-1 of langfuse-web@sha256:.* is /))
  expect(world.tasks()).toHaveLength(2)
})

test('task definitions that killed runs left are tidied away, those of others stay', async () => {
  const { order, derived } = await left(IMAGE)
  const { world } = await run(HAPPY, {
    arrange: ({ definitions }) => {
      definitions.set('arn:ours:7', { ...derived, active: true })
      definitions.set('arn:theirs:1', { ...derived, tags: {}, active: true })
    },
  })
  expect(order.startedBy).toMatch(/^[\w/-]{1,36}$/)
  expect([...world.definitions].filter(([, item]) => item.active).map(([arn]) => arn)).toEqual([
    'arn:theirs:1',
  ])
})

test('a task definition that cannot be deregistered is a warning', async () => {
  const { result, said } = await run(HAPPY, {
    arrange: ({ cloud }) =>
      Object.assign(cloud.ecs, {
        deregister: async () => {
          throw new Error('not authorized to perform ecs:DeregisterTaskDefinition')
        },
      }),
  })
  expect(result.state).toBe('done')
  expect(said).toContainEqual(
    expect.stringMatching(/^Warning: could not deregister task definition .* \(not authorized/),
  )
})

test('a task that ECS does not start: nothing was migrated, nothing is left', async () => {
  const { result, world } = await run(HAPPY, {
    arrange: ({ cloud }) =>
      Object.assign(cloud.ecs, {
        runTask: async () => {
          throw new Error('Capacity is unavailable at this time')
        },
      }),
  })
  expect(result).toMatchObject({
    state: 'failed',
    sentence: expect.stringMatching(
      /ECS could not start the migration task, so nothing was migrated.*Capacity is unavailable/,
    ),
  })
  expect(activeOf(world)).toEqual([])
})

test('what the container prints shows no secret and commands no runner', async () => {
  const { said, result } = await run({
    exitCode: 1,
    seconds: 5,
    log: [
      [
        1,
        'error: failed to open database, "clickhouse://ch:9000?username=u&password=s3cret&database=default": code: 516, message: Authentication failed',
      ],
      [2, 'redis://:hunter2hunter2@cache AUTH hunter2hunter2'],
      [3, '::error::##[group]x'],
    ],
  })
  const shown = JSON.stringify([said, result])
  expect(shown).not.toMatch(/s3cret|hunter2/)
  expect(said.filter(line => line.startsWith('::') || line.includes('##['))).toEqual([])
})

import { expect, test } from '@jest/globals'
import { readDeployConfig } from '../../src/inputs/config.ts'
import type { Migrate, RollAppRunner, RollEcs } from '../../src/plan/plan.ts'
import {
  bootWarnings,
  migrateEnvironment,
  migrateProblems,
  unreachedWarnings,
  withMigrations,
} from '../../src/plan/plan-migrate.ts'
import type { Stack } from '../../src/stack/stack.ts'
import { known, unknown } from '../../src/stack/stack.ts'
import type { TargetImage } from '../../src/stack/targets.ts'
import { fakeRunner } from '../support/runner.ts'
import { DIGEST, FACTS, onRelease, REGISTRY, stackOn2, stackOn3 } from '../support/stack.ts'

function web(over: Partial<TargetImage> = {}): TargetImage {
  return {
    asked: `${REGISTRY}/langfuse-web:3.0.0`,
    reference: `${REGISTRY}/langfuse-web@${DIGEST.web3}`,
    digest: DIGEST.web3,
    version: '3.0.0',
    presence: 'present',
    ...over,
  }
}

const WORKER: RollEcs = {
  kind: 'roll-ecs',
  component: 'worker',
  service: 'langfuse_worker',
  from: 'a',
  to: 'b',
  settings: undefined,
  follow: undefined,
  reason: 'x.',
}
const CLICKHOUSE: RollEcs = { ...WORKER, component: 'clickhouse', service: 'clickhouse' }
const WEB: RollAppRunner = {
  kind: 'roll-app-runner',
  component: 'web',
  service: 'langfuse_web',
  from: 'a',
  to: 'b',
  follow: undefined,
  reason: 'x.',
}

function question(stack: Stack, inputs: Record<string, string> = {}, image: TargetImage = web()) {
  const config = readDeployConfig(fakeRunner('deploy', { version: '3.0.0', ...inputs }))
  return { config, stack, targets: { web: image }, facts: FACTS }
}

function migration(stack: Stack, inputs?: Record<string, string>, image?: TargetImage): Migrate | undefined {
  const steps = withMigrations([WORKER, CLICKHOUSE, WEB], question(stack, inputs, image))
  return steps.find((step): step is Migrate => step.kind === 'migrate')
}

const BLIND = {
  postgres: unknown<never>('no url', 'not-asked'),
  clickhouseStore: unknown<never>('no url', 'not-asked'),
}

test('what the databases lack is migrated before any component, with the web image by digest', () => {
  const steps = withMigrations([WORKER, CLICKHOUSE, WEB], question(stackOn2()))
  expect(steps.map(step => step.kind)).toEqual(['migrate', 'roll-ecs', 'roll-ecs', 'roll-app-runner'])
  expect(steps[0]).toMatchObject({
    image: `${REGISTRY}/langfuse-web@${DIGEST.web3}`,
    postgres: ['20241124115100_a', '20241206115829_b'],
    clickhouse: [6],
    reason: expect.stringMatching(/brings 2 Postgres migrations and 1 ClickHouse migration\. .*\.$/),
  })
})

test.each<readonly [string, Stack, Partial<Migrate> | undefined]>([
  ['databases that have everything already', stackOn2({ ...stackOn3() }), undefined],
  ['the target itself, with databases that nobody sees', stackOn3(BLIND), undefined],
  [
    'databases that nobody sees: the catalog counts',
    stackOn2(BLIND),
    { postgres: ['20241124115100_a', '20241206115829_b'], clickhouse: [6] },
  ],
  [
    'a current release that nobody knows: it is run, for it is idempotent',
    onRelease(stackOn2(BLIND), '2.90.1'),
    { postgres: undefined, clickhouse: undefined },
  ],
  [
    'a half migrated stack: only what is missing',
    stackOn2({ postgres: stackOn3().postgres }),
    { postgres: [], clickhouse: [6] },
  ],
  [
    'a migration that was rolled back by hand: it is missing',
    stackOn3({
      postgres: known(
        {
          migrations: FACTS.postgresMigrations('3.0.0').map(({ name, checksum }, index) => ({
            name,
            checksum,
            state: index === 1 ? ('rolled-back' as const) : ('applied' as const),
          })),
          backgroundMigrations: [],
          pending: [],
        },
        'x',
      ),
    }),
    { postgres: ['20241124115100_a'], clickhouse: [] },
  ],
])('%s', (_name, stack, expected) => {
  const step = migration(stack)
  if (expected === undefined) expect(step).toBeUndefined()
  else expect(step).toMatchObject(expected)
})

const BOTH = 'This run cannot reach PostgreSQL and ClickHouse, so it cannot run the checks inside the VPC'
const NO_UNDO = ' or undo the migrations if the deploy fails.'

test.each<readonly [string, Stack, readonly string[]]>([
  ['both databases', stackOn2(), []],
  ['neither, with migrations to run', stackOn2(BLIND), [BOTH + NO_UNDO]],
  ['neither, with nothing to migrate', stackOn3(BLIND), [`${BOTH}.`]],
  [
    'PostgreSQL alone',
    stackOn2({ clickhouseStore: BLIND.clickhouseStore }),
    [`This run cannot reach ClickHouse, so it cannot run the checks inside the VPC${NO_UNDO}`],
  ],
  [
    'ClickHouse alone',
    stackOn2({ postgres: BLIND.postgres }),
    [`This run cannot reach PostgreSQL, so it cannot run the checks inside the VPC${NO_UNDO}`],
  ],
])('a plan that reaches %s says what it costs', (_reached, stack, sentences) => {
  expect(unreachedWarnings(question(stack))).toEqual(sentences)
})

test('with `boot` the web migrates, and the plan says what that risks', () => {
  expect(migration(stackOn2(), { migrate: 'boot' })).toBeUndefined()
  expect(bootWarnings(question(stackOn2(), { migrate: 'boot' }))).toEqual([
    expect.stringMatching(/must finish before its health check times out .*`migrate: task`/),
  ])
  expect(bootWarnings(question(stackOn2()))).toEqual([])
})

test('a web that is being started from this image already migrates itself: no second migrator', () => {
  const steps = withMigrations([WORKER, { ...WEB, follow: 'op-1' }], question(stackOn2()))
  expect(steps.map(step => step.kind)).toEqual(['roll-ecs', 'roll-app-runner'])
})

test('a ClickHouse that is too old for the target is replaced before the migrations need it', () => {
  const stack = stackOn2({
    clickhouseStore: known({ version: '23.8.1', timezone: 'UTC', head: 5, dirty: false }, 'x'),
  })
  const steps = withMigrations([CLICKHOUSE, WORKER, WEB], question(stack))
  expect(steps.map(step => ('component' in step ? step.component : step.kind))).toEqual([
    'clickhouse',
    'migrate',
    'worker',
    'web',
  ])
})

test.each<readonly [string, string, readonly string[] | undefined, Migrate['architecture']]>([
  ['unknown platforms: what App Runner runs', 'ARM64', undefined, 'X86_64'],
  ['amd64 only', 'ARM64', ['linux/amd64'], 'X86_64'],
  ['arm64 only', 'X86_64', ['linux/arm64'], 'ARM64'],
  ['both, worker on X86_64', 'X86_64', ['linux/amd64', 'linux/arm64'], 'X86_64'],
  [
    'both, worker on ARM64, but the arm64 image of 3.0.0 cannot migrate',
    'ARM64',
    ['linux/amd64', 'linux/arm64'],
    'X86_64',
  ],
])('architecture: %s', (_name, architecture, platforms, expected) => {
  const stack = stackOn2()
  const worker = { ...stack.worker, taskDefinition: { ...stack.worker.taskDefinition, architecture } }
  const image = web(platforms === undefined ? {} : { platforms })
  expect(migration({ ...stack, worker }, {}, image)?.architecture).toBe(expected)
})

test('from 3.1.1 on the worker decides the architecture, where the image has it', () => {
  const both = web({ platforms: ['linux/amd64', 'linux/arm64'] })
  expect(migration(stackOn2(), { version: '3.1.1' }, both)?.architecture).toBe('ARM64')
})

test('a worker without subnets cannot lend its place: refused with the way round', () => {
  const stack = stackOn2()
  const service = { ...stack.worker.service, subnets: [] }
  const asked = question({ ...stack, worker: { ...stack.worker, service } })
  const steps = withMigrations([WORKER], asked)
  expect(migrateProblems(steps, asked)).toEqual([
    expect.stringMatching(/\(it has no subnets\).*`migrate: boot`/),
  ])
  expect(migrateProblems([WORKER], asked)).toEqual([])
})

/** A stack whose containers have these variables. */
function withVariables(
  worker: { environment?: Record<string, string>; secrets?: Record<string, string> },
  webOf: { environment?: Record<string, string>; secrets?: Record<string, string> },
): Stack {
  const stack = stackOn2()
  return {
    ...stack,
    worker: {
      ...stack.worker,
      container: { ...stack.worker.container, environment: {}, secrets: {}, ...worker },
    },
    web: { ...stack.web, environment: {}, secrets: {}, ...webOf },
  }
}

test('the task gets what the worker has, and from the web what its entry point reads and the worker lacks', () => {
  const stack = withVariables(
    {
      environment: { CLICKHOUSE_URL: 'http://worker:8123', SALT: 's' },
      secrets: { DATABASE_URL: 'arn:worker-db' },
    },
    {
      environment: {
        CLICKHOUSE_URL: 'http://web:8123',
        CLICKHOUSE_MIGRATION_URL: 'clickhouse://web:9000',
        NEXTAUTH_SECRET: 'n',
        DATABASE_HOST: 'db',
      },
      secrets: { DATABASE_URL: 'arn:web-db', DIRECT_URL: 'arn:direct', ADMIN_API_KEY: 'arn:admin' },
    },
  )
  expect(migrateEnvironment(stack)).toEqual({
    environment: {
      CLICKHOUSE_URL: 'http://worker:8123',
      SALT: 's',
      CLICKHOUSE_MIGRATION_URL: 'clickhouse://web:9000',
    },
    secrets: { DATABASE_URL: 'arn:worker-db', DIRECT_URL: 'arn:direct' },
    fromWeb: ['CLICKHOUSE_MIGRATION_URL', 'DIRECT_URL'],
    left: [],
  })
})

test('what would turn the migrations off, or name a module of the worker, is left out', () => {
  const stack = withVariables(
    {
      environment: {
        LANGFUSE_AUTO_CLICKHOUSE_MIGRATION_DISABLED: 'true',
        NODE_OPTIONS: '--require x',
        A: '1',
      },
    },
    { environment: { LANGFUSE_AUTO_POSTGRES_MIGRATION_DISABLED: 'true' } },
  )
  expect(migrateEnvironment(stack)).toEqual({
    environment: { A: '1' },
    secrets: {},
    fromWeb: [],
    left: ['LANGFUSE_AUTO_CLICKHOUSE_MIGRATION_DISABLED', 'NODE_OPTIONS'],
  })
})

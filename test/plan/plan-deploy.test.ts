import { expect, test } from '@jest/globals'
import { readDeployConfig } from '../../src/inputs/config.ts'
import type { Plan, Refusal } from '../../src/plan/plan.ts'
import { planDeploy } from '../../src/plan/plan-deploy.ts'
import type { EcsDeployment } from '../../src/ports/cloud.ts'
import type { PostgresIdentity } from '../../src/stack/identity.ts'
import type { AppRunnerWeb, Stack } from '../../src/stack/stack.ts'
import { known, unknown } from '../../src/stack/stack.ts'
import type { TargetImage, Targets } from '../../src/stack/targets.ts'
import { fakeRunner } from '../support/runner.ts'
import {
  appRunnerService,
  DIGEST,
  ecsService,
  FACTS,
  identity,
  REGISTRY,
  stackOn2,
  stackOn3,
  withWeb,
} from '../support/stack.ts'

function image(name: string, tag: string, digest: string): TargetImage {
  return {
    asked: `${REGISTRY}/${name}:${tag}`,
    reference: `${REGISTRY}/${name}@${digest}`,
    digest,
    version: tag,
    presence: 'present',
  }
}

const TO_3: Targets = {
  web: image('langfuse-web', '3.0.0', DIGEST.web3),
  worker: image('langfuse-worker', '3.0.0', DIGEST.worker3),
}

function plan(stack: Stack, targets: Targets = TO_3, inputs: Record<string, string> = {}): Plan | Refusal {
  const config = readDeployConfig(fakeRunner('deploy', { version: '3.0.0', ...inputs }))
  return planDeploy({ config, stack, targets, facts: FACTS })
}

/** The steps without the migrations that come before them. */
function componentsOf(result: Plan | Refusal) {
  return stepsOf(result).filter(step => step.kind !== 'migrate')
}

function stepsOf(result: Plan | Refusal) {
  if (result.kind === 'refusal') throw new Error(result.problems.join('\n'))
  return result.steps
}

test("the article's upgrade: migrations, worker, ClickHouse's settings, web; each pinned by digest, each with its reason", () => {
  const [migrate, ...steps] = stepsOf(plan(stackOn2()))
  expect(migrate).toMatchObject({ kind: 'migrate', image: `${REGISTRY}/langfuse-web@${DIGEST.web3}` })
  expect(steps.map(step => step.kind)).toEqual(['roll-ecs', 'set-deployment-settings', 'roll-app-runner'])
  expect(steps[0]).toMatchObject({ component: 'worker', to: `${REGISTRY}/langfuse-worker@${DIGEST.worker3}` })
  expect(steps[1]).toMatchObject({ settings: { minimumHealthyPercent: 0, maximumPercent: 100 } })
  expect(steps[2]).toMatchObject({ component: 'web', to: `${REGISTRY}/langfuse-web@${DIGEST.web3}` })
  expect(steps.every(step => step.reason.endsWith('.'))).toBe(true)
})

test('ClickHouse with a new version gets 0 % and 100 % with the same call', () => {
  const targets = { ...TO_3, clickhouse: image('clickhouse', '24.12.3', DIGEST.clickhouseNew) }
  const steps = componentsOf(plan(stackOn2(), targets, { 'clickhouse-version': '24.12.3' }))
  expect(steps[1]).toMatchObject({
    kind: 'roll-ecs',
    component: 'clickhouse',
    settings: { minimumHealthyPercent: 0, maximumPercent: 100 },
  })
  expect(steps).toHaveLength(3)
})

test('the order is the one that was asked for', () => {
  const steps = componentsOf(plan(stackOn2(), TO_3, { order: 'clickhouse,web,worker' }))
  expect(steps.map(step => step.kind)).toEqual(['set-deployment-settings', 'roll-app-runner', 'roll-ecs'])
})

test('the plan says what the way back will take', () => {
  expect(plan(stackOn2())).toMatchObject({ rollbackClass: 'schema', from: '2.93.7', to: '3.0.0' })
})

test('where the target runs already there is nothing to do', () => {
  const stack = stackOn3()
  const safe = {
    ...stack.clickhouse.service,
    settings: { ...stack.clickhouse.service.settings, minimumHealthyPercent: 0, maximumPercent: 100 },
  }
  expect(stepsOf(plan({ ...stack, clickhouse: { ...stack.clickhouse, service: safe } }))).toEqual([])
})

test('two looks at one stack give one digest; another image, another digest', () => {
  const [first, second] = [plan(stackOn2()), plan(stackOn2())]
  const other = plan(stackOn2(), { ...TO_3, web: image('langfuse-web', '3.0.0', DIGEST.clickhouseNew) })
  expect(first).toMatchObject({ digest: (second as Plan).digest })
  expect((other as Plan).digest).not.toBe((first as Plan).digest)
})

test('a plan that was approved and is another by now is refused as stale', () => {
  const approved = (plan(stackOn2()) as Plan).digest
  expect(plan(stackOn2(), TO_3, { 'plan-digest': approved }).kind).toBe('plan')
  expect(plan(stackOn3(), TO_3, { 'plan-digest': approved })).toMatchObject({
    kind: 'refusal',
    problems: [expect.stringMatching(/^The approved plan is stale: .* is now sha256:/)],
  })
})

type Spoil = (stack: Stack) => Stack
const web =
  (over: Partial<AppRunnerWeb>): Spoil =>
  stack =>
    withWeb(stack, over)
const store =
  (over: object): Spoil =>
  stack => ({
    ...stack,
    clickhouseStore: known({ version: '24.8.7', timezone: 'UTC', head: 5, dirty: false, ...over }, 'x'),
  })
const migration =
  (state: 'failed' | 'applied', name = '20241124115100_a'): Spoil =>
  stack => ({
    ...stack,
    postgres: known(
      { migrations: [{ name, checksum: 'x', state }], backgroundMigrations: [], pending: [] },
      'x',
    ),
  })

test.each<readonly [string, Spoil, Record<string, string>, RegExp]>([
  ['an unknown release', s => s, { version: '3.1.0' }, /3\.1\.0 is not in this action's catalog/],
  [
    'an older release',
    () => stackOn3(),
    { version: '2.93.7' },
    /2\.93\.7 is older\. A deploy never downgrades/,
  ],
  [
    'an operation under way on App Runner',
    web({ operation: { id: 'op', type: 'UPDATE_SERVICE', status: 'IN_PROGRESS' } }),
    {},
    /langfuse_web is busy: UPDATE_SERVICE/,
  ],
  [
    'a paused web',
    web({ service: appRunnerService({ status: 'PAUSED' }) }),
    {},
    /is PAUSED, but only a RUNNING service/,
  ],
  ['a dirty ClickHouse', store({ dirty: true }), {}, /dirty at version 5, .*`force 4`/],
  [
    'a failed Postgres migration',
    migration('failed'),
    {},
    /20241124115100_a was started but never finished, .*P3009/,
  ],
  [
    'a ClickHouse that is too old',
    store({ version: '23.8.1' }),
    {},
    /needs ClickHouse 24\.3 or newer, .* Set `clickhouse-version`/,
  ],
  [
    'a ClickHouse schema from the future',
    store({ head: 7 }),
    {},
    /schema is at version 7, but Langfuse 3\.0\.0 knows only 6/,
  ],
  [
    'a store that was given and is out of reach',
    stack => ({ ...stack, postgres: unknown('PostgreSQL cannot be reached', 'unreachable') }),
    {},
    /PostgreSQL cannot be reached/,
  ],
  [
    'two ClickHouse tasks',
    stack => ({
      ...stack,
      clickhouse: { ...stack.clickhouse, service: ecsService('clickhouse', { desiredCount: 2 }) },
    }),
    {},
    /has desired count 2, but ClickHouse on EFS needs exactly one task/,
  ],
])('refuses %s, and says what to do', (_name, spoil, inputs, sentence) => {
  const result = plan(spoil(stackOn2()), TO_3, inputs)
  expect(result.kind).toBe('refusal')
  expect((result as Refusal).problems).toEqual([expect.stringMatching(sentence)])
})

/** The worker in the middle of a deployment of `image`. */
function workerRolling(image: string, over: Partial<EcsDeployment> = {}): Stack {
  const stack = stackOn2()
  const [deployment] = stack.worker.service.deployments
  const rolling = { ...(deployment as EcsDeployment), id: 'ecs-svc/2', rolloutState: 'IN_PROGRESS', ...over }
  const service = ecsService('langfuse_worker', { deployments: [rolling] })
  return { ...stack, worker: { ...stack.worker, service, container: { ...stack.worker.container, image } } }
}

test("somebody else's ECS deployment under way is waited for", () => {
  expect(plan(workerRolling('other:1'))).toMatchObject({
    problems: [expect.stringMatching(/langfuse_worker is already being deployed \(ecs-svc\/2\)/)],
  })
})

test('a deployment of this very image, begun by a run that was killed, is followed', () => {
  const steps = componentsOf(plan(workerRolling(TO_3.worker?.reference ?? '')))
  expect(steps[0]).toMatchObject({ component: 'worker', follow: 'ecs-svc/2' })
})

test('an operation of App Runner that brings this very image is followed too', () => {
  const stack = stackOn2()
  const operation = { id: 'op', type: 'UPDATE_SERVICE', status: 'IN_PROGRESS' }
  const service = appRunnerService({ status: 'OPERATION_IN_PROGRESS', image: TO_3.web?.reference ?? '' })
  const steps = stepsOf(plan(withWeb(stack, { operation, service })))
  expect(steps.at(-1)).toMatchObject({ component: 'web', follow: 'op' })
})

test('a deployment that fails for ever is replaced, whatever it was', () => {
  for (const image of ['other:1', TO_3.worker?.reference ?? '']) {
    const steps = componentsOf(plan(workerRolling(image, { failedTasks: 3, runningCount: 0 })))
    expect(steps[0]).toMatchObject({
      component: 'worker',
      follow: undefined,
      reason: expect.stringMatching(/keeps failing, so this step replaces it/),
    })
  }
})

test('refuses an image that does not exist, by the reference that was looked for', () => {
  const missing = { ...image('langfuse-web', '3.0.0', DIGEST.web3), presence: 'missing' as const }
  expect(plan(stackOn2(), { ...TO_3, web: missing })).toMatchObject({
    problems: [expect.stringMatching(/web image `.*\/langfuse-web:3\.0\.0` does not exist .*`web-image`/)],
  })
})

test("the wrong database is refused: another stack's, one without migrations; a re-run needs proof", () => {
  const { postgres, proofs } = stackOn2()
  if (!postgres.known) throw new Error('unknown')
  const other = { ...proofs, postgres: { state: 'other', why: 'a is not b' } } as const
  expect(plan(stackOn2({ proofs: other }))).toMatchObject({
    problems: [
      expect.stringMatching(
        /was given the PostgreSQL database of another stack: a is not b\. Set `database-url`/,
      ),
    ],
  })
  expect(
    plan(stackOn2({ postgres: known({ ...postgres.value, migrations: [] }, 'db:5432/x') })),
  ).toMatchObject({
    problems: [
      expect.stringMatching(
        /^Langfuse 2\.93\.7 is running, but db:5432\/x has no Postgres migration in schema `public`/,
      ),
    ],
  })
  const unproven = { ...proofs, postgres: { state: 'unproven', why: 'nothing was seen' } } as const
  const result = plan(stackOn2({ proofs: unproven })) as Plan
  expect(result.goesBack).toMatchObject({
    answer: 'no',
    because: expect.stringMatching(
      /^nothing proves that the PostgreSQL database .*: nothing was seen\. .*`network: task`/,
    ),
  })
})

test('the digest is of the database, too: host, port, name, schema and system identifier', () => {
  const digestWith = (over: Partial<PostgresIdentity>) => {
    const { probe } = stackOn2()
    return (plan(stackOn2({ probe: { ...probe, identity: known(identity(over), 'db') } })) as Plan).digest
  }
  const others = [{ host: 'b' }, { port: 6432 }, { database: 'b' }, { schema: 'b' }, { system: '8' }]
  expect(new Set([{}, ...others].map(digestWith)).size).toBe(others.length + 1)
  expect(digestWith({ names: ['a', 'b'], server: 'after a failover', usedBy: ['t'] })).toBe(digestWith({}))
})

test('refuses to deploy over a rollback that was not finished', () => {
  const { postgres } = stackOn2()
  if (!postgres.known) throw new Error('unknown')
  const stack = stackOn2({
    postgres: known(
      { ...postgres.value, pending: [{ store: 'clickhouse', migration: '0006', phase: 'expand' }] },
      'x',
    ),
  })
  expect(plan(stack)).toMatchObject({
    problems: [expect.stringMatching(/rollback was started but not finished \(0006\)/)],
  })
})

test('what was not looked at is a warning, not a silence', () => {
  const blind = stackOn2({
    postgres: unknown('no url', 'not-asked'),
    clickhouseStore: unknown('no url', 'not-asked'),
  })
  expect((plan(blind) as Plan).warnings).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/PostgreSQL was not checked/),
      expect.stringMatching(/ClickHouse was not checked/),
      expect.stringMatching(/cannot reach PostgreSQL and ClickHouse/),
    ]),
  )
})

const elsewhere = stackOn2({ health: known({ status: 200, version: '3.0.0' }, 'x') })

test('a URL that reports another release than the images is refused, and accepted it decides nothing', () => {
  expect(plan(elsewhere)).toMatchObject({
    kind: 'refusal',
    from: '2.93.7',
    problems: [
      expect.stringMatching(/reports Langfuse 3\.0\.0, but .* is 2\.93\.7.*set `accept: contradiction`\.$/),
    ],
  })
  const accepted = plan(elsewhere, TO_3, { accept: 'contradiction' })
  expect(accepted).toMatchObject({ kind: 'plan', from: '2.93.7', rollbackClass: 'schema' })
  expect(accepted).toMatchObject({
    warnings: expect.arrayContaining([expect.stringMatching(/This run follows the images\.$/)]),
  })
})

test('a floating tag that has the new image already does not prove that the web runs it', () => {
  const moved = { ...stackOn2().web.image, digest: DIGEST.web3, version: '3.0.0' }
  for (const health of [stackOn2().health, unknown<never>('a login', 'no-evidence')])
    expect(componentsOf(plan(withWeb(stackOn2({ health }), { image: moved }))).at(-1)).toMatchObject({
      kind: 'roll-app-runner',
      to: `${REGISTRY}/langfuse-web@${DIGEST.web3}`,
    })
})

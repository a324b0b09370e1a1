import { expect, test } from '@jest/globals'
import { readRollbackConfig } from '../../src/inputs/config.ts'
import { planClickHouseBack, planClickHouseFirst } from '../../src/plan/clickhouse-first.ts'
import type { Plan, Refusal, Step } from '../../src/plan/plan.ts'
import { planRollback, planUndo } from '../../src/plan/plan-rollback.ts'
import type { ReleaseFacts } from '../../src/release/facts.ts'
import type { Release } from '../../src/release/release.ts'
import type { Facts } from '../../src/schema/snapshot.ts'
import type { RollbackTarget } from '../../src/stack/rollback-target.ts'
import type { BackgroundMigration, PendingUndo, Stack } from '../../src/stack/stack.ts'
import { known, unknown } from '../../src/stack/stack.ts'
import type { Targets } from '../../src/stack/targets.ts'
import { fakeRunner } from '../support/runner.ts'
import { DIGEST, FACTS, identity, REGISTRY, stackOn2, stackOn3 } from '../support/stack.ts'

const TARGETS = {
  web: {
    asked: 'web:2.93.7',
    reference: `${REGISTRY}/langfuse-web@${DIGEST.web2}`,
    digest: DIGEST.web2,
    version: '2.93.7',
    presence: 'present',
  },
  worker: {
    asked: 'worker:2.93.7',
    reference: `${REGISTRY}/langfuse-worker@${DIGEST.worker2}`,
    digest: DIGEST.worker2,
    version: '2.93.7',
    presence: 'present',
  },
} as const

function plan(
  stack: Stack,
  inputs: Record<string, string> = {},
  facts: ReleaseFacts = FACTS,
  decide: typeof planRollback = planRollback,
): Plan | Refusal {
  const config = readRollbackConfig(fakeRunner('rollback', { to: '2.93.7', ...inputs }))
  const target: RollbackTarget = {
    release: (config.to === 'previous' ? '2.93.7' : config.to) as Release,
    wanted: {},
    source: 'test',
    record: undefined,
    warnings: [],
  }
  return decide({ config, stack, target, targets: TARGETS, facts })
}

test('down SQL runs only in a database that is proven to be of this stack, and only in schema public', () => {
  const { proofs, probe } = stackOn3()
  const unproven = { state: 'unproven', why: 'a tunnel' } as const
  for (const store of ['postgres', 'clickhouse'] as const) {
    expect(plan(stackOn3({ proofs: { ...proofs, [store]: unproven } }))).toMatchObject({
      kind: 'refusal',
      problems: [
        expect.stringMatching(/^Nothing proves that .*: a tunnel\. So this run writes nothing there/),
      ],
    })
  }
  const noSql = stackOn2({ proofs: { ...proofs, postgres: unproven } })
  expect(plan(noSql)).toMatchObject({ kind: 'plan' })
  const elsewhere = { ...probe, identity: known(identity({ schema: 'elsewhere' }), 'db') }
  expect(plan(stackOn3({ probe: elsewhere }))).toMatchObject({
    problems: [
      expect.stringMatching(
        /in schema `elsewhere`, but this action's down SQL works only in schema `public`/,
      ),
    ],
  })
})

test('ClickHouse going back to an older version is planned with a warning', () => {
  const clickhouse = {
    asked: 'ch@x',
    reference: 'ch@x',
    digest: 'sha256:old',
    version: '24.3.1',
    presence: 'present',
  } as const
  const config = readRollbackConfig(fakeRunner('rollback', { to: '2.93.7' }))
  const target: RollbackTarget = {
    release: '2.93.7' as Release,
    wanted: {},
    source: 'test',
    record: '1',
    warnings: [],
  }
  const result = planRollback({
    config,
    stack: stackOn3(),
    target,
    targets: { ...TARGETS, clickhouse },
    facts: FACTS,
  }) as Plan
  expect(result.steps.map(nameOf)).toEqual(['expand', 'web', 'clickhouse', 'worker', 'contract', 'validate'])
  expect(result.warnings).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/changes from 24\.8\.7 to the older 24\.3\.1 on the same data/),
    ]),
  )

  // A copy that the newer worker may be running would fail when ClickHouse stops.
  const background = [{ name: '20241024_a', state: 'unfinished' as const, gate: undefined }]
  const copying = planRollback({
    config,
    stack: stackOn3({ postgres: withBackground(background) }),
    target,
    targets: { ...TARGETS, clickhouse },
    facts: FACTS,
  }) as Plan
  expect(copying.steps.map(nameOf)).toEqual(['expand', 'web', 'worker', 'clickhouse', 'contract', 'validate'])
  expect(copying.steps[3]?.reason).toMatch(/ClickHouse goes back last, because the worker may be running/)
})

test('a ClickHouse that does not answer with its new image gets the recorded one first; one that answers, or has it, does not', () => {
  const question = {
    config: readRollbackConfig(fakeRunner('rollback', { to: '2.93.7' })),
    target: { release: '2.93.7' as Release, wanted: {}, source: 'test', record: '1', warnings: [] },
    targets: {
      ...TARGETS,
      clickhouse: { ...TARGETS.web, digest: 'sha256:old', reference: 'ch@sha256:old', version: '24.3.1' },
    },
    facts: FACTS,
  }
  const down = stackOn3({ clickhouseStore: unknown('ClickHouse cannot be reached', 'unreachable') })
  const first = planClickHouseBack({ ...question, stack: down })
  expect(first?.steps).toEqual([
    expect.objectContaining({
      component: 'clickhouse',
      to: 'ch@sha256:old',
      reason: expect.stringMatching(/ClickHouse goes back first, because it does not answer/),
    }),
  ])
  expect(planClickHouseBack({ ...question, stack: stackOn3() })).toBeUndefined()
  expect(planClickHouseBack({ ...question, targets: TARGETS, stack: down })).toBeUndefined()
})

test('a person who rolls back a ClickHouse that is down gets its image back first, if ECS or the agent shows that it is down', () => {
  const why = 'ClickHouse at clickhouse:8123 cannot be reached'
  const { service } = stackOn3().clickhouse
  const [deployment] = service.deployments
  if (deployment === undefined) throw new Error('no deployment')
  const failing = { ...deployment, rolloutState: 'IN_PROGRESS', failedTasks: 9, runningCount: 0 } as const
  const first = (
    over: Partial<Stack>,
    inputs: Record<string, string> = {},
    targets: Targets = WITH_CLICKHOUSE,
  ) =>
    planClickHouseFirst({
      config: readRollbackConfig(fakeRunner('rollback', { to: '2.93.7', ...inputs })),
      stack: stackOn3({ clickhouseStore: unknown(why, 'unreachable'), ...over }),
      target: { release: '2.93.7' as Release, wanted: {}, source: 'test', record: '1', warnings: [] },
      targets,
      facts: FACTS,
    })
  const direct = {
    'database-url': 'postgresql://u:p@db/langfuse',
    'clickhouse-url': 'http://clickhouse:8123',
  }
  const down = { clickhouse: { ...stackOn3().clickhouse, service: { ...service, deployments: [failing] } } }
  for (const planned of [first({}), first(down, { ...direct, 'clickhouse-password': 'p' })]) {
    expect(planned).toMatchObject({
      kind: 'plan',
      steps: [{ component: 'clickhouse', to: 'ch@sha256:old' }],
      warnings: [
        expect.stringMatching(/only its first step, because ClickHouse at .*plans the rest as soon as/),
      ],
    })
  }
  // A wrong address or password, no recorded image, a ClickHouse that answers.
  expect(first({}, { ...direct, 'clickhouse-password': 'p' })).toBeUndefined()
  expect(first(down, {}, TARGETS)).toBeUndefined()
  expect(first({ ...down, clickhouseStore: stackOn3().clickhouseStore })).toBeUndefined()
  // What else is in the way is refused before ClickHouse is touched.
  const { postgres } = stackOn3()
  const unfinished = postgres.known && { ...postgres.value, migrations: [] }
  expect(first({ ...down, postgres: known(unfinished || never(), 'aurora') })).toMatchObject({
    kind: 'refusal',
    problems: [expect.stringMatching(/^Langfuse 3\.0\.0 is running, but aurora has no Postgres migration/)],
  })
})

function never(): never {
  throw new Error('the stack has no PostgreSQL')
}

const WITH_CLICKHOUSE: Targets = {
  ...TARGETS,
  clickhouse: {
    asked: 'ch@sha256:old',
    reference: 'ch@sha256:old',
    digest: 'sha256:old',
    version: '24.3.1',
    presence: 'present',
  },
}

function withBackground(backgroundMigrations: readonly BackgroundMigration[]): Stack['postgres'] {
  const { postgres } = stackOn3()
  if (!postgres.known) throw new Error('unreachable')
  return known({ ...postgres.value, backgroundMigrations }, 'x')
}

test('the plan says what is undone in which order, what becomes of new data, and who waits how long', () => {
  const result = plan(stackOn3()) as Plan
  expect(result.steps[0]?.reason).toBe(
    'Recreate the schema that Langfuse 2.93.7 needs. The newer release keeps working (2 Postgres migrations, 20241206115829_b first and 20241124115100_a last; 1 ClickHouse migration, 0006).',
  )
  expect(result.losses).toEqual([
    expect.stringMatching(
      /^Langfuse 2\.93\.7 reads PostgreSQL only, .* Traces \(not counted\), .* will not be visible/,
    ),
    'Longest lock: no table is locked for more than about 1 s.',
  ])
  expect(result.warnings.join()).not.toContain('may fail')
})

test('where the site may fail, the plan says so, before and after it was accepted', () => {
  const facts: ReleaseFacts = {
    ...FACTS,
    downSql: (store, name) => {
      const file = FACTS.downSql(store, name)
      return file && { ...file, class: 'lossy', loses: 'colours' }
    },
  }
  const sentence = /Requests may fail during this rollback/
  expect((plan(stackOn3(), {}, facts) as Refusal).problems).toEqual([expect.stringMatching(sentence)])
  expect((plan(stackOn3(), { accept: 'lossy' }, facts) as Plan).warnings).toContainEqual(
    expect.stringMatching(sentence),
  )
  const dry = plan(stackOn3(), { 'dry-run': 'true' }, facts) as Plan
  expect(dry.warnings).toContainEqual(expect.stringMatching(/Set `accept: lossy` to accept this/))
  expect(dry.steps.length).toBeGreaterThan(0)
})

const nameOf = (step: Step) =>
  step.kind === 'undo-schema' ? step.phase : 'component' in step ? step.component : step.kind

test('expand, images in reverse order, contract, validate', () => {
  const result = plan(stackOn3()) as Plan
  expect(result.steps.map(nameOf)).toEqual(['expand', 'web', 'worker', 'contract', 'validate'])
  expect(result.steps[0]).toMatchObject({
    postgres: ['20241206115829_b', '20241124115100_a'],
    clickhouse: [6],
    clickhouseHead: 5,
  })
  expect(result).toMatchObject({ rollbackClass: 'schema', from: '3.0.0', to: '2.93.7' })
})

test('what the record says was there before the deploy stays, but for a ClickHouse schema on which no older web starts', () => {
  const migrations = { postgresAhead: ['20241124115100_a'], clickhouseHead: 6 }
  const question = {
    config: readRollbackConfig(fakeRunner('rollback', { to: '2.93.7' })),
    target: {
      release: '2.93.7' as Release,
      wanted: {},
      source: 'test',
      record: '1',
      warnings: [],
      migrations,
    },
    targets: TARGETS,
    facts: FACTS,
  }
  const whole = planRollback({ ...question, stack: stackOn3() }) as Plan
  expect(whole.steps[0]).toMatchObject({ postgres: ['20241206115829_b'], clickhouse: [6] })
  expect(whole.warnings).toContainEqual(
    expect.stringMatching(
      /^1 Postgres migration that Langfuse 2\.93\.7 does not know stays applied, .*_a\.$/,
    ),
  )
  const { web, health } = stackOn2()
  const left = planRollback({ ...question, stack: stackOn3({ web, health }) }) as Plan
  expect(left.steps.map(nameOf)).toEqual(['expand', 'worker', 'contract', 'validate'])
  expect(left.steps[0]).toMatchObject({ postgres: ['20241206115829_b'], clickhouse: [] })
})

test('what to undo is a set difference: a migration with an older name that the target does not know goes too', () => {
  const stack = stackOn3()
  if (!stack.postgres.known) throw new Error('unreachable')
  const late = { name: '20230101000000_inserted_late', checksum: 'x', state: 'applied' as const }
  const postgres = known(
    { ...stack.postgres.value, migrations: [late, ...stack.postgres.value.migrations] },
    'x',
  )
  expect((plan({ ...stack, postgres }) as Plan).steps[0]).toMatchObject({
    postgres: ['20241206115829_b', '20241124115100_a', '20230101000000_inserted_late'],
  })
})

test('a rollback to what runs already has nothing to do', () => {
  expect((plan(stackOn2()) as Plan).steps).toEqual([])
})

test.each<readonly [string, readonly PendingUndo[], readonly string[]]>([
  [
    'between expand and contract',
    [{ store: 'clickhouse', migration: '0006', phase: 'expand' }],
    ['contract'],
  ],
  [
    'between contract and validate',
    [{ store: 'postgres', migration: '20241206115829_b', phase: 'contract' }],
    ['validate'],
  ],
])('a run that was killed %s is gone on with', (_name, pending, steps) => {
  const stack = stackOn2()
  if (!stack.postgres.known) throw new Error('unreachable')
  const result = plan({ ...stack, postgres: known({ ...stack.postgres.value, pending }, 'x') }) as Plan
  expect(result.steps.map(nameOf)).toEqual(steps)
})

test('images only, where the older web could not start, is refused with what it would have said', () => {
  expect(plan(stackOn3(), { sql: 'images-only' })).toMatchObject({
    kind: 'refusal',
    problems: [expect.stringMatching(/"no migration found for version 6"/)],
  })
})

test('images only, where only Postgres is ahead, is planned with a warning', () => {
  const stack = stackOn3({
    clickhouseStore: known({ version: '24.8.7', timezone: 'UTC', head: 5, dirty: false }, 'x'),
  })
  const result = plan(stack, { sql: 'images-only' }) as Plan
  expect(result.steps.map(nameOf)).toEqual(['web', 'worker'])
  expect(result.warnings).toEqual(
    expect.arrayContaining([expect.stringMatching(/2 Postgres migrations stay applied/)]),
  )
})

test('databases that are not seen are refused when there is something to undo', () => {
  const blind = stackOn3({
    postgres: unknown('no way', 'not-asked'),
    clickhouseStore: unknown('no way', 'not-asked'),
  })
  expect((plan(blind) as Refusal).problems).toEqual([
    expect.stringMatching(/Cannot undo 3 migrations: no way/),
    expect.stringMatching(/Cannot undo 1 ClickHouse migration: no way/),
  ])
})

test('a newer target, and one that the catalog does not know, are refused', () => {
  expect(plan(stackOn2(), { to: '3.0.0' })).toMatchObject({
    problems: [expect.stringMatching(/A rollback never upgrades/)],
  })
  expect(plan(stackOn3(), { to: '2.90.0' })).toMatchObject({
    problems: [expect.stringMatching(/2\.90\.0 is not in this action's catalog/)],
  })
})

test('a lossy rollback needs to be accepted, and says what is lost', () => {
  const facts: ReleaseFacts = {
    ...FACTS,
    downSql: (store, name) => {
      const file = FACTS.downSql(store, name)
      return (
        file && {
          ...file,
          class: name === '20241206115829_b' ? 'lossy' : 'schema',
          loses: 'the colour of every trace',
        }
      )
    },
  }
  expect(plan(stackOn3(), {}, facts)).toMatchObject({
    problems: [
      expect.stringMatching(
        /class `lossy` \(20241206115829_b: the colour of every trace\)\. Set `accept: lossy`/,
      ),
    ],
  })
  expect(plan(stackOn3(), { accept: 'lossy' }, facts)).toMatchObject({ kind: 'plan', rollbackClass: 'lossy' })
})

test('a rollback does not wait for an ECS deployment, not even when the old tasks still run', () => {
  const stack = stackOn2()
  const [deployment] = stack.worker.service.deployments
  const service = {
    ...stack.worker.service,
    deployments: [
      {
        ...(deployment as NonNullable<typeof deployment>),
        rolloutState: 'IN_PROGRESS',
        failedTasks: 5,
        runningCount: 0,
      },
    ],
  }
  const result = plan({ ...stack, worker: { ...stack.worker, service } }) as Plan
  expect(result.steps.map(nameOf)).toEqual(['worker'])
})

function stackWithFailed(schema: Readonly<Record<string, Facts>>): Stack {
  const stack = stackOn3()
  if (!stack.postgres.known) throw new Error('unreachable')
  const migrations = stack.postgres.value.migrations.map(row =>
    row.name === '20241206115829_b' ? { ...row, state: 'failed' as const } : row,
  )
  return { ...stack, postgres: known({ ...stack.postgres.value, migrations, schema }, 'x') }
}

test('a failed Postgres migration that left nothing is forgotten before the older web starts', () => {
  expect((plan(stackWithFailed({})) as Plan).steps[0]).toMatchObject({
    phase: 'expand',
    postgres: ['20241124115100_a'],
    repair: { finish: [], forget: ['20241206115829_b'] },
  })
})

test('a failed Postgres migration whose changes are all there is undone like a finished one', () => {
  const schema = { 'column public.projects.of_20241206115829_b': { type: 'text', notNull: false } }
  expect((plan(stackWithFailed(schema)) as Plan).steps[0]).toMatchObject({
    postgres: ['20241206115829_b', '20241124115100_a'],
    repair: { finish: ['20241206115829_b'], forget: [] },
  })
})

test('a failed Postgres migration that cannot be judged is refused with what to do', () => {
  const schema = { 'column public.projects.of_20241206115829_b': { type: 'integer', notNull: false } }
  expect((plan(stackWithFailed(schema)) as Refusal).problems).toEqual([
    expect.stringMatching(/20241206115829_b was started but never finished.*prisma migrate resolve/),
  ])
})

test('`images-only` repairs nothing', () => {
  const result = plan(stackWithFailed({}), { sql: 'images-only' }) as Refusal
  expect(result.problems).toEqual(expect.arrayContaining([expect.stringMatching(/P3009/)]))
})

test('a dirty ClickHouse is refused: how much of its migration was applied is not known', () => {
  const stack = stackOn3()
  if (!stack.clickhouseStore.known) throw new Error('unreachable')
  const dirty = known({ ...stack.clickhouseStore.value, dirty: true }, 'x')
  expect((plan({ ...stack, clickhouseStore: dirty }) as Refusal).problems).toEqual([
    expect.stringMatching(/dirty at version 6.*`force 5`/),
  ])
})

const ofClass = (rollbackClass: 'lossy' | 'restore'): ReleaseFacts => ({
  ...FACTS,
  downSql: (store, name) => {
    const file = FACTS.downSql(store, name)
    return file && { ...file, class: rollbackClass, loses: 'all traces' }
  },
})

test('class `restore` is refused with the `accept` to give and the runbook; class `lossy` has no runbook', () => {
  const restore = plan(stackOn3(), {}, ofClass('restore')) as Refusal
  expect(restore.problems).toEqual([expect.stringMatching(/class `restore`.*all traces.*`accept: restore`/)])
  expect(restore.next?.join('\n')).toMatch(/Restore PostgreSQL's snapshot/)
  const lossy = plan(stackOn3(), {}, ofClass('lossy')) as Refusal
  expect(lossy.problems).toEqual([expect.stringMatching(/`accept: lossy`/)])
  expect(lossy.next).toBeUndefined()
  expect(plan(stackOn3(), { accept: 'restore' }, ofClass('restore'))).toMatchObject({
    kind: 'plan',
    rollbackClass: 'restore',
  })
})

test('an image that is gone from its repository is refused before anything happens, with the command that brings it back', () => {
  const gone = { ...TARGETS.worker, presence: 'missing' as const }
  const config = readRollbackConfig(fakeRunner('rollback', { to: '2.93.7' }))
  const target = { release: '2.93.7' as Release, wanted: {}, source: 'x', record: undefined, warnings: [] }
  const targets = { ...TARGETS, worker: gone, web: { ...gone, asked: `${REGISTRY}/langfuse-web:2.93.7` } }
  const result = planRollback({ config, stack: stackOn3(), target, targets, facts: FACTS }) as Refusal
  expect(result.problems).toEqual([
    expect.stringMatching(/worker image.*lifecycle policy deleted it/),
    expect.stringContaining(
      `imagetools create --tag ${REGISTRY}/langfuse-web:2.93.7 docker.io/langfuse/langfuse:2.93.7`,
    ),
  ])
  expect(result.problems[0]).not.toMatch(/worker-image/)
})

test('a URL that reports another release than the images is refused; accepted, and in an automatic rollback, it decides nothing', () => {
  const elsewhere = stackOn3({ health: known({ status: 200, version: '2.93.7' }, 'x') })
  expect(plan(elsewhere)).toMatchObject({
    kind: 'refusal',
    from: '3.0.0',
    problems: [
      expect.stringMatching(/reports Langfuse 2\.93\.7, but .* is 3\.0\.0.*`accept: contradiction`\.$/),
    ],
  })
  for (const whole of [plan(elsewhere, { accept: 'contradiction' }), plan(elsewhere, {}, FACTS, planUndo)])
    expect(whole).toMatchObject({ kind: 'plan', from: '3.0.0', steps: (plan(stackOn3()) as Plan).steps })
})

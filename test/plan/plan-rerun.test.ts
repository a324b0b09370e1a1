import { expect, test } from '@jest/globals'
import { readDeployConfig } from '../../src/inputs/config.ts'
import type { Plan, Refusal } from '../../src/plan/plan.ts'
import { planRerun } from '../../src/plan/plan-background.ts'
import { planDeploy } from '../../src/plan/plan-deploy.ts'
import type { BackgroundMigration, Stack } from '../../src/stack/stack.ts'
import { known, unknown } from '../../src/stack/stack.ts'
import { fakeRunner } from '../support/runner.ts'
import { FACTS, stackOn3 } from '../support/stack.ts'

const ROWS: readonly BackgroundMigration[] = [
  { name: '2024_a', state: 'finished', gate: undefined, active: false },
  { name: '2024_b', state: 'failed', gate: undefined, active: false },
  { name: '2024_c', state: 'unfinished', gate: undefined, active: true },
  { name: '2024_d', state: 'unfinished', gate: undefined, active: false },
]

/** 3.0.0 runs, and nothing is to be deployed. */
function settled(rows: readonly BackgroundMigration[] = ROWS): Stack {
  const stack = stackOn3()
  if (!stack.postgres.known) throw new Error('the healthy stack knows its database')
  const settings = { ...stack.clickhouse.service.settings, minimumHealthyPercent: 0, maximumPercent: 100 }
  const service = { ...stack.clickhouse.service, settings }
  const postgres = known({ ...stack.postgres.value, backgroundMigrations: rows }, 'aurora')
  return { ...stack, postgres, clickhouse: { ...stack.clickhouse, service } }
}

function plan(names: string, stack: Stack = settled()): Plan | Refusal {
  const inputs = {
    version: '3.0.0',
    'rerun-background-migrations': names,
    'database-url': 'postgresql://langfuse:secret@aurora/langfuse',
  }
  const config = readDeployConfig(fakeRunner('deploy', inputs))
  return planDeploy({ config, stack, targets: {}, facts: FACTS })
}

test('a deploy whose version runs already can run background migrations again', () => {
  expect(plan('2024_b, 2024_a, 2024_b')).toMatchObject({
    kind: 'plan',
    steps: [
      {
        kind: 'rerun-background-migrations',
        service: 'langfuse_worker',
        names: ['2024_b', '2024_a'],
      },
    ],
  })
})

test('no name, no step', () => {
  expect(plan('')).toMatchObject({ kind: 'plan', steps: [] })
})

test('one that is open and that nobody is at can be taken up: it is stalled', () => {
  expect(plan('2024_d')).toMatchObject({ kind: 'plan', steps: [{ names: ['2024_d'] }] })
})

test.each<readonly [string, string, Stack, RegExp]>([
  [
    'a name that is not there',
    '2024_x',
    settled(),
    /names 2024_x, which table background_migrations does not contain\. It contains: 2024_a, 2024_b, 2024_c, 2024_d\./,
  ],
  ['one that is active', '2024_c', settled(), /2024_c is currently running in a worker\. Wait until/],
  [
    'a database that is not seen',
    '2024_a',
    { ...settled(), postgres: unknown('the databases are not reached: set `network: direct`', 'not-asked') },
    /^Cannot re-run 2024_a \(input `rerun-background-migrations`\): the databases are not reached: set `network: direct`\.$/,
  ],
])('%s is refused with the remedy', (_what, names, stack, problem) => {
  expect(plan(names, stack)).toMatchObject({
    kind: 'refusal',
    problems: expect.arrayContaining([expect.stringMatching(problem)]),
  })
})

test('one behind a gate is dormant until the worker is told otherwise', () => {
  const gate = 'LANGFUSE_BACKGROUND_MIGRATION_V4_DROP_PID_TID_SORTING_TABLES'
  const stack = settled([{ name: '2026_e', state: 'finished', gate, active: false }])
  expect(planRerun(['2026_e'], stack, '3.203.0').problems).toEqual([
    expect.stringMatching(/2026_e is turned off: the worker runs it only if its LANGFUSE_BACK/),
  ])
  const { container } = stack.worker
  const environment = { ...container.environment, [gate]: 'true' }
  const worker = { ...stack.worker, container: { ...container, environment } }
  expect(planRerun(['2026_e'], { ...stack, worker }, '3.203.0')).toMatchObject({ problems: [], steps: [{}] })
})

test('a worker that is older than the gates runs what is behind one', () => {
  const rows = settled([{ name: '2026_e', state: 'finished', gate: 'LANGFUSE_X', active: false }])
  expect(planRerun(['2026_e'], rows, '3.202.0')).toMatchObject({ problems: [], steps: [{}] })
})

test('a worker that is told to run none cannot be asked to', () => {
  const stack = settled()
  const environment = {
    ...stack.worker.container.environment,
    LANGFUSE_ENABLE_BACKGROUND_MIGRATIONS: 'false',
  }
  const worker = { ...stack.worker, container: { ...stack.worker.container, environment } }
  expect(plan('2024_a', { ...stack, worker })).toMatchObject({
    kind: 'refusal',
    problems: expect.arrayContaining([
      expect.stringMatching(
        /runs no background migrations, because its LANGFUSE_ENABLE_BACKGROUND_MIGRATIONS is not `true`/,
      ),
    ]),
  })
})

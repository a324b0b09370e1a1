import { expect, test } from '@jest/globals'
import { readDeployConfig, readRollbackConfig } from '../../src/inputs/config.ts'
import type { Plan, Refusal } from '../../src/plan/plan.ts'
import { planDeploy } from '../../src/plan/plan-deploy.ts'
import { planRollback, planUndo } from '../../src/plan/plan-rollback.ts'
import { type ReleaseFacts, withRelease } from '../../src/release/facts.ts'
import type { Release } from '../../src/release/release.ts'
import { known, type PostgresMigration, type Stack } from '../../src/stack/stack.ts'
import { fakeRunner } from '../support/runner.ts'
import { DIGEST, FACTS, stackOn3 } from '../support/stack.ts'
import { CATALOG, image, stackOn, targetsFor } from '../support/stack-on.ts'

/** A release that is newer than the catalog: its migrations are known by name, and nobody has reviewed down SQL. */
const NEW = '20990101000000_newer'

function newer({
  postgres = [NEW],
  clickhouse = 0,
}: {
  readonly postgres?: readonly string[]
  readonly clickhouse?: number
}): ReleaseFacts {
  const head = CATALOG.clickhouseHead('4.16.0') + clickhouse
  return withRelease(CATALOG, {
    version: '4.17.0',
    tree: {
      postgres: [...CATALOG.postgresMigrations('4.16.0').map(({ name }) => name), ...postgres],
      clickhouse: Array.from({ length: head }, (_, index) => index + 1),
    },
    readFrom: 'https://github.com/langfuse/langfuse',
  })
}

function deploy(facts: ReleaseFacts, inputs: Record<string, string> = {}): Plan {
  const config = readDeployConfig(fakeRunner('deploy', { version: '4.17.0', ...inputs }))
  const stack = stackOn('4.16.0', { clickhouse: '25.12.3' })
  const result = planDeploy({ config, stack, targets: targetsFor('4.17.0'), facts })
  if (result.kind === 'refusal') throw new Error(result.problems.join('\n'))
  return result
}

test('a deploy of a release that the catalog does not know says before it what going back needs', () => {
  const plan = deploy(newer({ clickhouse: 1 }), { backup: 'false' })
  expect(plan.rollbackClass).toBe('restore')
  const about = plan.warnings.filter(warning => warning.includes('down SQL'))
  expect(about).toEqual([
    `Langfuse 4.17.0 adds Postgres migration ${NEW} and ClickHouse migration 0047, which have no reviewed down SQL. A rollback needs a PostgreSQL backup and a ClickHouse backup from before this deploy. \`backup\` is \`false\`, so take one yourself before you approve.`,
  ])
})

test('with `backup` the deploy takes the snapshot itself, and ClickHouse is not named where only PostgreSQL changes', () => {
  expect(deploy(newer({})).warnings).toContainEqual(
    `Langfuse 4.17.0 adds Postgres migration ${NEW}, which has no reviewed down SQL. A rollback needs a PostgreSQL backup from before this deploy.`,
  )
})

test('a newer release without migrations goes back by its images', () => {
  const plan = deploy(newer({ postgres: [] }))
  expect(plan.rollbackClass).toBe('images')
  expect(plan.warnings.join()).not.toContain('down SQL')
})

const BACK = {
  web: image('langfuse-web', '2.93.7', DIGEST.web2),
  worker: image('langfuse-worker', '2.93.7', DIGEST.worker2),
}

function question(
  stack: Stack,
  inputs: Record<string, string> = {},
  facts: ReleaseFacts = FACTS,
): Parameters<typeof planUndo>[0] {
  const config = readRollbackConfig(fakeRunner('rollback', { to: '2.93.7', ...inputs }))
  const target = {
    release: '2.93.7' as Release,
    wanted: {},
    source: 'test',
    record: undefined,
    snapshot: 'before-3-0-0',
    warnings: [],
  }
  return { config, stack, target, targets: BACK, facts }
}

/** 3.0.0 with a Postgres migration that has no file; ClickHouse as 2.93.7 knows it. */
function stackWith(clickhouseHead: number): Stack {
  const stack = stackOn3({
    clickhouseStore: known({ version: '24.8.7', timezone: 'UTC', head: clickhouseHead, dirty: false }, 'x'),
  })
  if (!stack.postgres.known) throw new Error('unreachable')
  const row: PostgresMigration = { name: NEW, checksum: 'x', state: 'applied' }
  const migrations = [...stack.postgres.value.migrations, row]
  return { ...stack, postgres: known({ ...stack.postgres.value, migrations }, 'x') }
}

const without = (...names: readonly string[]): ReleaseFacts => ({
  ...FACTS,
  downSql: (store, name) => (names.includes(String(name)) ? undefined : FACTS.downSql(store, name)),
})

test.each([{}, { accept: 'restore' }])(
  'a rollback over it is refused with the restore steps (%j)',
  inputs => {
    const result = planRollback(question(stackWith(5), inputs, without(NEW))) as Refusal
    expect(result.problems).toEqual([
      `No reviewed down SQL exists for Postgres migration ${NEW}, so this action cannot undo it. Follow the restore steps in the job summary.`,
    ])
    expect(result.next?.join('\n')).not.toContain('accept')
    expect(result.next?.[0]).toBe(
      `Restore 1. Run the rollback action with \`to: 2.93.7\` and \`sql: images-only\`. It rolls back the images. The databases keep Postgres migration ${NEW}.`,
    )
    expect(result.restore?.steps[1]?.what).toContain('`before-3-0-0`')
    expect(result.next?.[3]).toContain('Swap the names of the two clusters')
    expect(result.restore?.steps.map(({ script }) => script !== undefined)).toEqual([
      false,
      ...[true, true, true, true],
      false,
      ...[true, true, true],
    ])
  },
)

test('what the first restore step says is possible', () => {
  expect(planRollback(question(stackWith(5), { sql: 'images-only' }, without(NEW)))).toMatchObject({
    kind: 'plan',
    steps: [{ component: 'web' }, { component: 'worker' }],
  })
})

test('where the older web cannot start on ClickHouse, the databases are restored before the images', () => {
  const { next = [] } = planRollback(question(stackWith(6), {}, without(NEW, '0006'))) as Refusal
  expect(next.join('\n')).not.toContain('accept')
  const at = (text: RegExp) => next.findIndex(line => text.test(line))
  const sequence = [
    at(/Restore the recovery point of ClickHouse's files/),
    at(/Stop the worker/),
    at(/Stop ClickHouse, move the restored files/),
    at(/with `to: 2\.93\.7` and `sql: images-only`\. ClickHouse's restored schema matches this release/),
    at(/Swap the names of the two clusters/),
  ]
  expect(sequence).toEqual([...sequence].sort((a, b) => a - b))
  expect(sequence).not.toContain(-1)
})

test('after a deploy that failed, the images go back alone where the older release starts on what is there', () => {
  const plan = planUndo(question(stackWith(5), {}, without(NEW))) as Plan
  expect(plan.steps.map(step => ('component' in step ? step.component : step.kind))).toEqual([
    'web',
    'worker',
  ])
  expect(plan.warnings).toContainEqual(
    `This rollback changes only the images, because no reviewed down SQL exists for Postgres migration ${NEW}.`,
  )
})

test.each<readonly [string, Stack, ReleaseFacts]>([
  ['ClickHouse is ahead of it', stackWith(6), without(NEW, '0006')],
  [
    'another migration took what it needs',
    stackWith(5),
    {
      ...without(NEW),
      downSql: (store, name) => {
        const file = without(NEW).downSql(store, name)
        return file && { ...file, sections: { ...file.sections, expand: 'SELECT 1' } }
      },
    },
  ],
])('where the older release may not start (%s), the undo says what to restore', (_why, stack, facts) => {
  const result = planUndo(question(stack, {}, facts))
  expect(result).toMatchObject({ kind: 'refusal', problems: [expect.stringContaining(NEW)] })
  expect(JSON.stringify((result as Refusal).restore)).toContain('restore-db-cluster-from-snapshot')
})

test('where all is reviewed, the undo is the rollback', () => {
  const asked = question(stackOn3())
  expect(planUndo(asked)).toEqual(planRollback(asked))
})

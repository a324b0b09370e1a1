import { expect, test } from '@jest/globals'
import { readDeployConfig, readRollbackConfig } from '../../src/inputs/config.ts'
import { dependentsQuestion, notesOf, questionBeforeDeploy, refusalsOf } from '../../src/plan/dependents.ts'
import { planDeploy, undoAfter } from '../../src/plan/plan-deploy.ts'
import { planRollback } from '../../src/plan/plan-rollback.ts'
import type { Release } from '../../src/release/release.ts'
import {
  type Dependent,
  type Dependents,
  NO_DEPENDENTS,
  partsThatFit,
} from '../../src/stack/observe-dependents.ts'
import { fakeRunner } from '../support/runner.ts'
import { CATALOG, stackOn, targetsFor } from '../support/stack-on.ts'

const VIEW: Dependent = {
  store: 'postgres',
  verdict: 'refused',
  object: 'view public.bi',
  clause: 'reads public.projects.deleted_at, which the rollback drops',
  remedy: 'DROP VIEW public.bi',
}
const INDEX: Dependent = { ...VIEW, verdict: 'taken', object: 'index public.own', clause: 'goes with it' }
const withFound = (...found: readonly Dependent[]): Dependents => ({ ...NO_DEPENDENTS, found })

const deployOf = (dependents: Dependents | undefined) => {
  const config = readDeployConfig(fakeRunner('deploy', { version: '3.0.0' }))
  return planDeploy({
    config,
    stack: stackOn('2.93.7'),
    targets: targetsFor('3.0.0'),
    facts: CATALOG,
    dependents,
  })
}
const rollbackOf = (dependents: Dependents, inputs: Record<string, string> = {}) =>
  planRollback({
    config: readRollbackConfig(fakeRunner('rollback', { to: '2.93.7', ...inputs })),
    stack: stackOn('3.0.0'),
    target: { release: '2.93.7' as Release, wanted: {}, source: 'test', record: undefined, warnings: [] },
    targets: targetsFor('2.93.7'),
    facts: CATALOG,
    dependents,
  })

test('a refused object refuses the rollback, in the dry run too, with what clears the way', () => {
  const problem =
    'View public.bi reads public.projects.deleted_at, which the rollback drops. Run `DROP VIEW public.bi;`, then run again.'
  expect(refusalsOf(withFound(VIEW, INDEX))).toEqual([problem])
  for (const inputs of [{}, { 'dry-run': 'true' }])
    expect(rollbackOf(withFound(VIEW), inputs)).toMatchObject({ kind: 'refusal', problems: [problem] })
})

test("what is taken along, left alone or not checked is said in the plan; what is Langfuse's own is not", () => {
  const own = { ...INDEX, key: 'index public.projects.projects_org_id_idx' }
  const dependents = {
    found: [INDEX, own],
    unseen: ['whether x is y'],
    failed: ['PostgreSQL was not checked'],
  }
  const notes = notesOf(dependents, CATALOG)
  expect(notes).toEqual([
    'Taken along: index public.own goes with it.',
    'It was not checked whether x is y.',
    'Your own objects: PostgreSQL was not checked. The run checks them before its first change.',
  ])
  expect(rollbackOf(dependents)).toMatchObject({ kind: 'plan', warnings: expect.arrayContaining([...notes]) })
})

test('a deploy whose undo would be refused does not go back by itself, and says what clears the way', () => {
  expect(deployOf(withFound(INDEX))).toMatchObject({ goesBack: { answer: 'yes' } })
  expect(deployOf(withFound(VIEW, { ...VIEW, object: 'view public.more', remedy: undefined }))).toMatchObject(
    {
      goesBack: {
        answer: 'no',
        because: 'view public.bi reads public.projects.deleted_at, which the rollback drops (and 1 more).',
        instead: expect.stringMatching(
          /^Run `DROP VIEW public\.bi;` before you approve\. After a failure, run the/,
        ),
      },
    },
  )
})

test('a deploy that could not check its undo does not promise it', () => {
  expect(
    deployOf({ ...NO_DEPENDENTS, failed: ['PostgreSQL was not checked, because it is away'] }),
  ).toMatchObject({
    goesBack: {
      answer: 'no',
      because: 'what depends on the schema is unknown: PostgreSQL was not checked, because it is away.',
    },
  })
})

test('before a deploy nothing has the name of what its undo makes, and an enum still lacks its new label', () => {
  const config = readDeployConfig(fakeRunner('deploy', { version: '4.16.0' }))
  const question = { config, stack: stackOn('3.174.0'), targets: targetsFor('4.16.0'), facts: CATALOG }
  const touches = questionBeforeDeploy(undoAfter(question), CATALOG).postgres?.touches ?? []
  expect(touches.filter(({ call }) => /^create_|^add_column|^rename_/.test(call))).toEqual([])
  expect(
    touches.find(({ call, name }) => call === 'rebuild_enum' && name === 'MonitorSeverity')?.labels,
  ).toContain('')
  expect(touches.some(({ call }) => call === 'drop_column')).toBe(true)
})

test('a question that does not fit into one task definition is asked in parts', () => {
  const touches = Array.from({ length: 7 }, (_, at) => ({
    migration: 'm',
    call: 'drop_table',
    name: `t${at}`,
  }))
  const question = { postgres: { sql: 'SELECT', touches, own: [] } }
  const parts = partsThatFit(question, ({ postgres }) => (postgres?.touches.length ?? 0) <= 2)
  expect(parts.map(({ postgres }) => postgres?.touches.length)).toEqual([2, 2, 2, 1])
  expect(parts.flatMap(({ postgres }) => postgres?.touches ?? [])).toEqual(touches)
})

test('a ClickHouse of several servers is no rollback of this action', () => {
  const stack = stackOn('3.0.0')
  const clustered = { ...stack, web: { ...stack.web, environment: { CLICKHOUSE_CLUSTER_ENABLED: 'true' } } }
  const target = { release: '2.93.7' as Release, wanted: {}, source: 'test', record: undefined, warnings: [] }
  const config = readRollbackConfig(fakeRunner('rollback', { to: '2.93.7' }))
  const question = { config, target, targets: targetsFor('2.93.7'), facts: CATALOG }
  expect(planRollback({ ...question, stack: clustered })).toMatchObject({
    problems: [
      expect.stringMatching(/^`CLICKHOUSE_CLUSTER_ENABLED` is true, but this action changes one ClickHouse/),
    ],
  })
  expect(planRollback({ ...question, stack })).toMatchObject({ kind: 'plan' })
})

test("what down SQL for ClickHouse touches, and what is Langfuse's own", () => {
  const question = dependentsQuestion({ postgres: [], clickhouse: [12, 7] }, CATALOG)
  expect(question.clickhouse).toMatchObject({
    gone: ['event_log'],
    columns: [{ table: 'scores', column: 'session_id' }],
    own: expect.arrayContaining(['analytics_scores', 'events_full', 'idx_created_at']),
  })
})

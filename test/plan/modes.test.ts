import { expect, test } from '@jest/globals'
import { CHECKS, runChecks } from '../../src/checks/run.ts'
import { readRollbackConfig } from '../../src/inputs/config.ts'
import type { Plan, Refusal } from '../../src/plan/plan.ts'
import { planRollback, planUndo } from '../../src/plan/plan-rollback.ts'
import type { RollbackQuestion } from '../../src/plan/rollback-class.ts'
import type { Release } from '../../src/release/release.ts'
import { EVENTS_TABLES } from '../../src/release/v4-flags.ts'
import { known } from '../../src/stack/stack.ts'
import { fakeRunner } from '../support/runner.ts'
import { CATALOG, stackOn, targetsFor } from '../support/stack-on.ts'

const MODE = 'LANGFUSE_MIGRATION_V4_WRITE_MODE'

/** From v4 to `to`, with a mode that web and worker keep. */
function question(mode: string | undefined, to = '3.225.4'): RollbackQuestion {
  const stack = stackOn('4.0.0', { clickhouse: '25.12.1' })
  const more = mode === undefined ? {} : { [MODE]: mode }
  const { web, worker } = stack
  const container = { ...worker.container, environment: { ...worker.container.environment, ...more } }
  return {
    config: readRollbackConfig(fakeRunner('rollback', { to, accept: 'restore,lossy' })),
    stack: {
      ...stack,
      web: { ...web, environment: { ...web.environment, ...more } },
      worker: { ...worker, container },
    },
    target: { release: to as Release, wanted: {}, source: 'x', record: undefined, warnings: [] },
    targets: targetsFor(to),
    facts: CATALOG,
  }
}

const named = (sentences: readonly string[]) => sentences.filter(sentence => sentence.includes(MODE))

test('from v4 to v3 with mode dual: the plan says before it which variables to change', () => {
  const plan = planRollback(question('dual')) as Plan
  expect(plan.kind).toBe('plan')
  expect(named(plan.warnings)).toEqual([
    expect.stringMatching(
      /`\S+WRITE_MODE` is `dual` on web and worker\. ClickHouse has no events tables under Langfuse 3\.225\.4.*fails every trace deletion.*Set `\S+WRITE_MODE=legacy`, `\S+OTEL_BEHAVIOUR=dual_write`/,
    ),
  ])
})

test('with events_only, written out, the older release would lose all it receives: refused; an undo only warns', () => {
  const refusal = planRollback(question('events_only')) as Refusal
  expect(refusal.kind).toBe('refusal')
  expect(named(refusal.problems)).toEqual([expect.stringContaining('loses all traces')])
  const undo = planUndo(question('events_only')) as Plan
  expect(undo.kind).toBe('plan')
  expect(named(undo.warnings)).toHaveLength(1)
})

test('without a mode, or with legacy, or to a release that does not read it, nothing is said', () => {
  for (const asked of [question(undefined), question('legacy'), question('events_only', '3.170.0')]) {
    const plan = planRollback(asked) as Plan
    expect([plan.kind, named(plan.warnings ?? [])]).toEqual(['plan', []])
  }
})

test('verify: a v3 that runs in mode dual without the tables is failed, although its health is good', async () => {
  const asked = question('dual')
  const on3 = { ...stackOn('3.225.4'), web: asked.stack.web, worker: asked.stack.worker }
  const tables = [{ database: 'default', name: 'traces', engine: 'MergeTree', rows: 1, bytes: 1 }]
  const stack = { ...on3, probe: { ...on3.probe, tables: known(tables, 'x') } }
  const subject = { stack, expected: '3.225.4' as Release, facts: CATALOG }
  const values = (await runChecks(CHECKS, subject)).find(({ id }) => id === 'environment-values')
  expect(values).toMatchObject({
    state: 'failed',
    sentence: expect.stringContaining('fails every trace deletion'),
  })
  const seen = { ...stack, probe: { ...stack.probe, tables: known(ALL, 'x') } }
  const again = (await runChecks(CHECKS, { ...subject, stack: seen })).find(
    ({ id }) => id === 'environment-values',
  )
  expect(again?.sentence).not.toContain('events tables')
})

const ALL = EVENTS_TABLES.names.map(name => ({
  database: 'default',
  name,
  engine: 'MergeTree',
  rows: 0,
  bytes: 0,
}))

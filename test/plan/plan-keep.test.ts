import { expect, test } from '@jest/globals'
import { readDeployConfig } from '../../src/inputs/config.ts'
import { wholeIn } from '../../src/plan/kept-data.ts'
import { goesBackLine, type Plan, titleOf } from '../../src/plan/plan.ts'
import { planDeploy } from '../../src/plan/plan-deploy.ts'
import { keptBefore, planKeep } from '../../src/plan/plan-keep.ts'
import { planRollback, planUndo } from '../../src/plan/plan-rollback.ts'
import type { Release } from '../../src/release/release.ts'
import { type PostgresState, type Stack, unknown } from '../../src/stack/stack.ts'
import { fakeRunner } from '../support/runner.ts'
import { CATALOG, keptOf, stackOn, targetsFor, withKept } from '../support/stack-on.ts'

const NEWEST_CLICKHOUSE = { clickhouse: '25.12.3' }

function deployed(stack: Stack, version: string): Plan {
  const config = {
    ...readDeployConfig(fakeRunner('deploy', { version: '3.0.0' })),
    version: version as Release,
  }
  const plan = planDeploy({ config, stack, targets: targetsFor(version), facts: CATALOG })
  if (plan.kind === 'refusal') throw new Error(plan.problems.join('\n'))
  return plan
}

function question(stack: Stack, to: string) {
  const config = { to: to as Release, sql: 'auto', accept: new Set<string>(), dryRun: false } as const
  const target = {
    release: to as Release,
    wanted: {},
    source: 'input `to`',
    record: undefined,
    snapshot: undefined,
    snapshotOf: undefined,
    warnings: [],
  }
  return { config, stack, target, targets: targetsFor(to), facts: CATALOG } as unknown as Parameters<
    typeof planRollback
  >[0]
}

/** Everything that the upgrade from v3 to v4 keeps. */
const ALL = CATALOG.postgresMigrations('4.16.0')
  .map(({ name }) => name)
  .filter(name => (CATALOG.downSql('postgres', name)?.sections.keep ?? '') !== '')
  .concat('0029', '0044', '0045', '0046')
const ALL_KEPT = ALL.flatMap(migration => keptOf(migration))

test('what the migrations delete is kept after the backup and before they run, and closed right after them', () => {
  const { steps } = deployed(stackOn('3.225.4', NEWEST_CLICKHOUSE), '4.16.0')
  const titles = steps.map(titleOf)
  const [keep, migrate, close] = [
    'keep what the migrations delete',
    'Postgres and ClickHouse migrations (one-off task)',
    'close what was kept',
  ].map(title => titles.indexOf(title))
  expect([keep, (keep ?? 0) + 1, (keep ?? 0) + 2]).toEqual([keep, migrate, close])
  expect(steps[keep ?? -1]).toMatchObject({ phase: 'keep', clickhouse: [46, 45, 44] })
})

test('an upgrade that deletes nothing keeps nothing', () => {
  expect(deployed(stackOn('2.93.7'), '3.0.0').steps.filter(({ kind }) => kind === 'keep-data')).toEqual([])
})

test('with everything kept the deploy goes back by itself, and says what v4 alone has written', () => {
  const plan = deployed(stackOn('3.225.4', NEWEST_CLICKHOUSE), '4.16.0')
  expect(goesBackLine(plan.goesBack)).toMatch(
    /^Goes back by itself: yes, because it can undo \d+ migrations\. What only the new release writes until then stays in the archive, and Langfuse 3\.225\.4 does not show it\./,
  )
})

test('where a store is not reached, nothing of it is kept and the class is that of the files', () => {
  const stack = {
    ...stackOn('3.225.4', NEWEST_CLICKHOUSE),
    postgres: unknown('it was not asked', 'not-asked'),
  }
  const plan = deployed(stack as Stack, '4.16.0')
  expect(plan.steps.filter(({ kind }) => kind === 'keep-data')).toEqual([])
  expect(plan.goesBack.answer).toBe('no')
})

test('a rollback of a stack that was upgraded without keeping has its old class', () => {
  const plan = planRollback(question(stackOn('4.16.0', NEWEST_CLICKHOUSE), '3.225.4'))
  expect(plan).toMatchObject({ kind: 'refusal', problems: [expect.stringContaining('class `restore`')] })
})

test("a deploy's own undo goes on when everything is kept; of what v4 wrote it says that it does not show", () => {
  const stack = withKept(stackOn('4.16.0', NEWEST_CLICKHOUSE), ALL_KEPT)
  const undo = planUndo(question(stack, '3.225.4'))
  expect(undo.kind).toBe('plan')
  const { losses } = undo as Plan
  expect(losses.join('\n')).toContain('events_only')
  expect(losses.join('\n')).toContain(
    '0044: what the deploy of 2026-11-30 kept comes back: event_log (7 rows). Rows that users or retention deleted since then come back too.',
  )
})

test('a person rolls back without accepting a loss only if v4 has written nothing of its own', () => {
  const stack = withKept(stackOn('4.16.0', NEWEST_CLICKHOUSE), ALL_KEPT)
  const written = CATALOG.downSql('clickhouse', 39)?.written
  const counted = (count: number | undefined) =>
    written === undefined ? [] : [{ store: 'clickhouse' as const, migration: '0039', ...written, count }]
  const planOf = (count: number | undefined) =>
    planRollback({ ...question(stack, '3.225.4'), counted: counted(count) })
  expect(planOf(0)).toMatchObject({ kind: 'plan', rollbackClass: 'schema' })
  expect(planOf(3)).toMatchObject({ kind: 'refusal' })
  expect(planOf(undefined)).toMatchObject({ kind: 'refusal' })
})

test('data that was kept for migrations that did not run goes back to its place first', () => {
  const stack = withKept(stackOn('3.225.4', NEWEST_CLICKHOUSE), keptOf('0044', { state: 'open' }))
  const [first] = (planUndo(question(stack, '3.225.4')) as Plan).steps
  expect([first]).toMatchObject([{ kind: 'keep-data', phase: 'reverse', clickhouse: [44] }])
  // Another deploy that brings the migration keeps it again instead.
  const again = deployed(stack, '4.16.0').steps.filter(({ kind }) => kind === 'keep-data')
  expect(again).toMatchObject([{ phase: 'keep' }, { phase: 'close' }])
})

test('a run that was killed after the migrations is closed before its data is given back', () => {
  const kept = ALL_KEPT.map(row => (row.migration === '0044' ? { ...row, state: 'open' as const } : row))
  const stack = withKept(stackOn('4.16.0', NEWEST_CLICKHOUSE), kept)
  const [first, second] = (planUndo(question(stack, '3.225.4')) as Plan).steps
  expect(first).toMatchObject({ kind: 'keep-data', phase: 'close', clickhouse: [44] })
  expect(second).toMatchObject({ kind: 'undo-schema', phase: 'expand' })
})

test('only whole data counts as kept', () => {
  const stack = stackOn('4.16.0', NEWEST_CLICKHOUSE)
  const states = ['begun', 'open', 'complete', 'incomplete', 'given-back'] as const
  const isWhole = (seen: Stack) => wholeIn(seen, CATALOG).has('0044')
  const whole = (over: Partial<PostgresState> = {}) =>
    states.filter(state => isWhole(withKept(stack, keptOf('0044', { state }), over)))
  expect(whole()).toEqual(['open', 'complete'])
  // The rollback that gave it back was killed, and is run again.
  const pending = [{ store: 'clickhouse', migration: '0044', phase: 'expand' }] as const
  expect(whole({ pending })).toEqual(['open', 'complete', 'given-back'])
  expect(isWhole(withKept(stack, [...keptOf('0044'), ...keptOf('0044', { state: 'incomplete' })]))).toBe(
    false,
  )
})

test('a run that was killed after the first of three tables has kept nothing whole', () => {
  const stack = stackOn('4.16.0', NEWEST_CLICKHOUSE)
  const traces = '20260723150000_drop_legacy_tracing_tables'
  const [first, ...rest] = keptOf(traces, { state: 'open' })
  if (first === undefined) throw new Error('unreachable')
  expect(rest.length).toBeGreaterThan(1)
  expect([...wholeIn(withKept(stack, [first, ...rest]), CATALOG)]).toEqual([traces])
  expect([...wholeIn(withKept(stack, [first]), CATALOG)]).toEqual([])
})

test('what ClickHouse keeps counts only where ClickHouse has it', () => {
  const stack = withKept(stackOn('4.16.0', NEWEST_CLICKHOUSE), keptOf('0044'))
  const without = (clickhouseStore: Stack['clickhouseStore']) => [
    ...wholeIn({ ...stack, clickhouseStore }, CATALOG),
  ]
  if (!stack.clickhouseStore.known) throw new Error('unreachable')
  expect(without(stack.clickhouseStore)).toEqual(['0044'])
  expect(without({ ...stack.clickhouseStore, value: { ...stack.clickhouseStore.value, kept: [] } })).toEqual(
    [],
  )
  expect(without(unknown('it was not asked', 'not-asked'))).toEqual([])
  const empty = withKept(stack, keptOf('0044', { rows: 0, storedAs: undefined }))
  expect([...wholeIn(empty, CATALOG)]).toEqual(['0044'])
})

test('a ClickHouse that nothing proves to be of this stack is not written to', () => {
  const kept = [...keptOf('0044', { state: 'open' }), ...keptOf('0046', { isOld: true })]
  const stack = withKept(stackOn('3.225.4', NEWEST_CLICKHOUSE), kept)
  const proofs = { ...stack.proofs, clickhouse: { state: 'unproven', why: 'the names differ' } } as const
  expect(keptBefore(stack, CATALOG)).toMatchObject([{ phase: 'reverse', clickhouse: [44] }])
  expect(keptBefore({ ...stack, proofs }, CATALOG)).toEqual([])
  const { old, before, after } = planKeep(
    { postgres: [], clickhouse: [44] },
    { stack: { ...stack, proofs }, facts: CATALOG },
  )
  expect([old, before, after]).toEqual([[], [], []])
})

test('what is kept for more than thirty days is dropped by a deploy that changes something, and its plan lists it', () => {
  const stack = withKept(stackOn('3.225.4', NEWEST_CLICKHOUSE), [
    ...keptOf('0029', { isOld: true }),
    ...keptOf('20250211123300_drop_events_table', { isOld: true }),
  ])
  expect(deployed(stack, '4.16.0').steps[0]).toEqual({
    kind: 'keep-data',
    phase: 'drop',
    postgres: ['20250211123300_drop_events_table'],
    clickhouse: [29],
    reason:
      'traces_all_amt (7 rows), traces_7d_amt (7 rows), traces_30d_amt (7 rows), events (7 rows) of 2026-11-30: it was kept more than 30 days ago, and goes for good.',
  })
})

test('the plan says that the backfill starts again after the next upgrade, or that v3 must not run it', () => {
  const planWith = (environment: Readonly<Record<string, string>>): Plan => {
    const stack = withKept(stackOn('4.16.0', NEWEST_CLICKHOUSE), ALL_KEPT)
    const { worker } = stack
    const variables = { ...worker.container.environment, ...environment }
    const container = { ...worker.container, environment: variables }
    return planUndo(question({ ...stack, worker: { ...worker, container } }, '3.225.4')) as Plan
  }
  const phases = ({ steps }: Plan) =>
    steps.flatMap(step => (step.kind === 'undo-schema' ? [[step.phase, step.refill?.hold.length]] : []))
  const closed = planWith({})
  expect(closed.losses.at(-1)).toMatch(
    /^Background migrations 20260701_v4_step_1.* start from their beginning/,
  )
  expect(phases(closed)).toEqual([
    ['expand', 0],
    ['contract', 0],
    ['validate', undefined],
  ])
  const open = planWith({ LANGFUSE_BACKGROUND_MIGRATION_V4_ENABLE_HISTORIC_BACKFILL: 'true' })
  expect(open.warnings.at(-1)).toMatch(
    /let Langfuse 3\.225\.4 run .*rerun-background-migrations: 20260701_v4_step_1/,
  )
  expect(phases(open)).toEqual([
    ['expand', 4],
    ['contract', 4],
    ['validate', undefined],
  ])
})

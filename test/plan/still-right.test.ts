import { expect, test } from '@jest/globals'
import type { Component } from '../../src/inputs/config.ts'
import type { Step } from '../../src/plan/plan.ts'
import { whyNoLongerRight } from '../../src/plan/still-right.ts'

const image = (component: Component): Step => ({
  kind: 'roll-ecs',
  component,
  service: component,
  from: 'a',
  to: 'b',
  settings: undefined,
  follow: undefined,
  reason: '',
})
const sql = (phase: 'expand' | 'contract' | 'validate', clickhouse: readonly number[] = []): Step => ({
  kind: 'undo-schema',
  phase,
  postgres: ['20241124115100_a'],
  clickhouse,
  clickhouseHead: undefined,
  reason: '',
})

/** Down SQL on PostgreSQL only, or on both. */
const plans = {
  postgres: [
    sql('expand'),
    image('web'),
    image('clickhouse'),
    image('worker'),
    sql('contract'),
    sql('validate'),
  ],
  both: [
    sql('expand', [6]),
    image('web'),
    image('clickhouse'),
    image('worker'),
    sql('contract', [6]),
    sql('validate'),
  ],
}

function nameOf(step: Step): string {
  return step.kind === 'undo-schema' ? step.phase : 'component' in step ? step.component : step.kind
}

/** Which steps of a rollback still run if the named ones fail. */
function runs(steps: readonly Step[], fail: readonly string[], restoring: readonly Component[] = []) {
  const results: { readonly step: Step; readonly state: string }[] = []
  const tried: string[] = []
  for (const step of steps) {
    const why = whyNoLongerRight(step, { results, restoring: new Set(restoring) })
    if (why === undefined) tried.push(nameOf(step))
    results.push({
      step,
      state: why !== undefined ? 'not-started' : fail.includes(nameOf(step)) ? 'failed' : 'done',
    })
  }
  return tried.join(' ')
}

test.each([
  ['nothing fails', 'postgres', [], 'expand web clickhouse worker contract validate'],
  ['expand fails: no older image could run', 'postgres', ['expand'], 'expand'],
  [
    'the web fails: a newer one may run on the newer ClickHouse and schema',
    'postgres',
    ['web'],
    'expand web worker',
  ],
  [
    'ClickHouse fails: the down SQL of PostgreSQL is still right',
    'postgres',
    ['clickhouse'],
    'expand web clickhouse worker contract validate',
  ],
  ['ClickHouse fails, and has down SQL of its own', 'both', ['clickhouse'], 'expand web clickhouse worker'],
  [
    'the worker fails: a newer one needs what contract drops',
    'both',
    ['worker'],
    'expand web clickhouse worker',
  ],
  [
    'contract fails: what it repairs cannot be validated',
    'both',
    ['contract'],
    'expand web clickhouse worker contract',
  ],
] as const)('%s', (_when, plan, fail, tried) => {
  expect(runs(plans[plan], fail)).toBe(tried)
})

test('nothing is sent to a service that AWS is still restoring, and contract waits for it even without a step for it', () => {
  expect(runs(plans.both, [], ['worker'])).toBe('expand web clickhouse')
  expect(runs([sql('expand'), image('web'), sql('contract')], [], ['worker'])).toBe('expand web')
})

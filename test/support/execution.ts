import type { Execution } from '../../src/execute/execution.ts'
import { makePlan, type Step } from '../../src/plan/plan.ts'
import type { Cloud } from '../../src/ports/cloud.ts'
import type { Clock } from '../../src/ports/runner.ts'
import { FACTS, stackOn2 } from './stack.ts'

/** A clock that jumps: sleeping takes no time, and `tick` tells the world how late it is. */
export function jumpingClock(start: number, tick: (now: number) => void = () => undefined): Clock {
  let now = start
  return {
    now: () => now,
    random: () => 0.5,
    every: () => () => undefined,
    sleep: async milliseconds => {
      now += milliseconds
      tick(now)
    },
  }
}

/** What a step needs, with a cloud that has only the given parts. */
export function executionOf(
  steps: readonly Step[],
  cloud: Partial<Cloud>,
  over: Partial<Execution> = {},
): Execution & { readonly said: readonly string[] } {
  const said: string[] = []
  const clock = over.clock ?? jumpingClock(Date.UTC(2026, 10, 22, 22, 34, 0))
  return {
    plan: makePlan(stackOn2(), {
      action: 'deploy',
      from: '2.93.7',
      to: '3.0.0',
      rollbackClass: 'schema',
      goesBack: { answer: 'yes', because: 'it is a test.', instead: '' },
      steps,
      warnings: [],
      losses: [],
    }),
    stack: stackOn2(),
    facts: FACTS,
    cloud: cloud as Cloud,
    postgres: undefined,
    clickhouse: undefined,
    clock,
    deadline: clock.now() + 45 * 60_000,
    signal: new AbortController().signal,
    rollbackId: '',
    say: line => said.push(line),
    ...over,
    said,
  }
}

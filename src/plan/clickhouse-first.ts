import { currentRelease } from '../stack/stack.ts'
import { ecsState, ecsStep } from './image-steps.ts'
import { makePlan, type Plan, type Refusal } from './plan.ts'
import { planRollback, STOPS } from './plan-rollback.ts'
import { unprovenStore } from './preflight.ts'
import type { RollbackQuestion } from './rollback-class.ts'

/**
 * The first part of a rollback whose ClickHouse is down with its new image; undefined: ClickHouse is not the obstacle. The
 * rest is planned from what ClickHouse then shows: no down SQL is chosen without that evidence. A refusal names what else
 * is in the way. Pure.
 */
export function planClickHouseFirst(question: RollbackQuestion): Plan | Refusal | undefined {
  const { config, stack } = question
  const { clickhouse, clickhouseStore: store } = stack
  if (store.known || store.because !== 'unreachable') return undefined
  // A wrong address or password looks the same; the agent has the worker's own.
  const isDown = ecsState(clickhouse.service).kind !== 'settled' || config.databases === undefined
  const first = isDown ? planClickHouseBack(question) : undefined
  const whole = planRollback(question)
  if (first === undefined || whole.kind === 'plan') return undefined
  const unproven = unprovenStore('clickhouse', stack)
  const problems = whole.problems.filter(
    problem => problem !== unproven && !problem.includes(store.reason.replace(/\.$/, '')),
  )
  return problems.length > 0 ? { ...whole, problems } : { ...first, warnings: [restFollows(store.reason)] }
}

function restFollows(reason: string): string {
  return `This plan shows only its first step, because ${reason.replace(/\.$/, '')}. The run plans the rest as soon as ClickHouse answers: down SQL, web and worker.`
}

/**
 * The first part of an undo if ClickHouse does not answer with its new image: only with the recorded one can a run read
 * its schema and undo its migrations. Pure.
 */
export function planClickHouseBack({ stack, target, targets, facts }: RollbackQuestion): Plan | undefined {
  const step = ecsStep(stack.clickhouse, targets.clickhouse)
  if (step === undefined || stack.clickhouseStore.known) return undefined
  const reason = `${step.reason} ClickHouse goes back first, because it does not answer, and the rest needs it.`
  return makePlan(stack, {
    action: 'rollback',
    from: currentRelease(stack, facts),
    to: target.release,
    rollbackClass: 'images',
    goesBack: { ...STOPS, instead: '' },
    steps: [{ ...step, reason }],
    warnings: [],
    losses: [],
  })
}

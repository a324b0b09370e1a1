import { changedParts } from '../checks/compare.ts'
import { type Before, evaluateBefore, isGood, settleChecks } from '../checks/run.ts'
import { explain } from '../errors/errors.ts'
import type { StepResult } from '../execute/execution.ts'
import { type RollbackConfig, readRollbackConfig } from '../inputs/config.ts'
import { questionsOf } from '../plan/losses.ts'
import type { Plan } from '../plan/plan.ts'
import { MAY_FAIL, planRollback } from '../plan/plan-rollback.ts'
import { repairFrom, undoFrom } from '../plan/rollback-class.ts'
import { runbook } from '../plan/runbook.ts'
import { ROLLED_BACK } from '../ports/github.ts'
import { releaseOf } from '../release/release.ts'
import { type Conclusion, conclude } from '../report/conclusion.ts'
import { findRollbackTarget, type RollbackTarget } from '../stack/rollback-target.ts'
import { currentRelease, type Stack } from '../stack/stack.ts'
import { resolveTargets } from '../stack/targets.ts'
import {
  announce,
  endingOf,
  NOT_SETTLED,
  planned,
  progressOf,
  refused,
  remarks,
  unchanged,
  whatIsDone,
} from './conclusions.ts'
import { assertCredentialsLast } from './credentials.ts'
import { claimOf, FREE, holdingLock, turnOf } from './hold-lock.ts'
import { keepBaseline } from './keep-baseline.ts'
import { withNewerReleases } from './newer-releases.ts'
import { observeReady } from './observe-ready.ts'
import { type Connections, connect, type Ports } from './ports.ts'
import { awaitGitHub } from './record.ts'
import { runPlan } from './run-plan.ts'

/** inputs → observe → plan → execute → checks → conclusion. */
export async function rollback(given: Ports): Promise<Conclusion> {
  const config = readRollbackConfig(given.runner)
  const deadline = given.clock.now() + config.timeoutMs
  assertCredentialsLast(config, given)
  if (!config.dryRun) await awaitGitHub(given.records(config), given, deadline)
  const connections = connect(config, given)
  const stack = await observeReady(config, connections, { ports: given, deadline })
  const target = await findRollbackTarget(config, stack, {
    cloud: connections.cloud,
    records: given.records(config),
  })
  const ports = await withNewerReleases(given, [target.release, currentRelease(stack, given.facts)])
  const targets = await resolveTargets(stack, target.wanted, connections.cloud)
  const question = { config, stack, target, facts: ports.facts }
  const undo = undoFrom(question, repairFrom(question))
  const releases = { from: currentRelease(stack, ports.facts), to: target.release }
  const asked = config.sql === 'auto' ? questionsOf(undo, releases, ports.facts) : []
  const counted = await connections.countLosses(asked, stack.worker)
  const plan = planRollback({ ...question, targets, counted })
  // A stack in the middle of another run looks broken, so that run is reported before the plan's own problems.
  const turn = config.dryRun ? FREE : await turnOf(stack, ports.records(config), ports)
  if (turn.busy !== undefined)
    return refused('rollback', { ...plan, kind: 'refusal', problems: [turn.busy] }, stack)
  if (plan.kind === 'refusal') return refused('rollback', plan, stack)
  ports.runner.info(`Target: Langfuse ${target.release}, from ${target.source}`)
  announce(plan, ports.runner)
  if (plan.steps.length === 0) return unchanged(plan, stack)
  if (config.dryRun) {
    const restore = plan.rollbackClass === 'restore' ? runbook({ stack, target }) : []
    return { ...planned(plan, stack), next: restore }
  }
  const locking = { plan, stack, turn, connections, deadline }
  const claim = claimOf(locking, ports)
  return holdingLock(claim, locking, ports, async () => {
    const observed = await evaluateBefore(stack, releaseOf(plan.from), ports.facts)
    const steps = await runPlan({ plan, stack, claim, connections, ports, deadline })
    const last = connections.releasing(claim)
    return finish({ plan, observed, steps, target, config, connections: last, ports, deadline })
  })
}

type Finish = {
  readonly plan: Plan
  readonly observed: Before
  readonly steps: readonly StepResult[]
  readonly target: RollbackTarget
  readonly config: RollbackConfig
  readonly connections: Connections
  readonly ports: Ports
  readonly deadline: number
}

async function finish(run: Finish): Promise<Conclusion> {
  const { plan, observed, steps, target, config, connections, ports, deadline } = run
  const complete = steps.every(step => step.state === 'done')
  const settled = ports.signal.aborted
    ? NOT_SETTLED
    : await settleChecks(
        {
          config,
          connections,
          facts: ports.facts,
          expected: complete ? target.release : undefined,
          before: observed,
          changed: changedParts(plan.steps),
          repairs: true,
        },
        { clock: ports.clock, deadline, signal: ports.signal, untilSettled: complete },
      )
  const { stack, checks } = settled
  const good = complete && isGood(settled)
  const rest = {
    versions: { previous: plan.from, current: stack && currentRelease(stack, ports.facts), target: plan.to },
    plan,
    warnings: [
      ...plan.warnings.filter(warning => !good || warning !== MAY_FAIL),
      ...(good ? await closeRecords(stack, target, { config, ports }) : []),
    ],
    steps,
    checks,
    stack,
    deploymentId: target.record,
  }
  return good
    ? conclude(
        'rollback',
        'rolled-back',
        `Langfuse ${plan.to} is running again on web and worker.${remarks(settled)}`,
        {
          ...rest,
          next: plan.rollbackClass === 'restore' && stack ? runbook({ stack, target }).slice(1) : [],
        },
      )
    : conclude(
        'rollback',
        endingOf(complete, settled).outcome,
        whatIsDone(steps, settled, await progressOf(steps, observed.stack, connections.cloud)),
        {
          ...rest,
          next: ['Fix the cause above, then re-run this rollback: it resumes where it stopped.'],
        },
      )
}

async function closeRecords(
  stack: Stack | undefined,
  target: RollbackTarget,
  { config, ports }: Pick<Finish, 'config' | 'ports'>,
): Promise<readonly string[]> {
  const undone = await markUndone(target, config, ports)
  return [...undone, ...(await keepBaseline(stack, { by: 'rollback', config, ports }))]
}

/** `to: previous` must no longer use the record that was rolled back. */
async function markUndone(
  target: RollbackTarget,
  config: RollbackConfig,
  ports: Ports,
): Promise<readonly string[]> {
  if (target.record === undefined) return []
  try {
    await ports.records(config)?.mark(target.record, 'inactive', `${ROLLED_BACK}${target.release}`)
    return []
  } catch (error) {
    return [`Could not mark deployment record ${target.record} as rolled back: ${explain(error)}`]
  }
}

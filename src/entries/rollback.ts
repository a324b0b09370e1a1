import { changedParts } from '../checks/compare.ts'
import { type Before, evaluateBefore, isGood, settleChecks } from '../checks/run.ts'
import { explain } from '../errors/errors.ts'
import type { StepResult } from '../execute/execution.ts'
import { type RollbackConfig, readRollbackConfig } from '../inputs/config.ts'
import { planClickHouseFirst } from '../plan/clickhouse-first.ts'
import { dependentsQuestion } from '../plan/dependents.ts'
import { questionsOf } from '../plan/losses.ts'
import type { Plan, Refusal } from '../plan/plan.ts'
import { MAY_FAIL, planRollback } from '../plan/plan-rollback.ts'
import { type RollbackQuestion, repairFrom, undoFrom } from '../plan/rollback-class.ts'
import { linesOf } from '../plan/runbook.ts'
import { type RecordState, ROLLED_BACK } from '../ports/github.ts'
import { releaseOf } from '../release/release.ts'
import { type Conclusion, conclude } from '../report/conclusion.ts'
import { keepProofs } from '../stack/proof.ts'
import { findRollbackTarget, type RollbackTarget } from '../stack/rollback-target.ts'
import { currentRelease } from '../stack/stack.ts'
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
import { factsOfRestore } from './facts-of-restore.ts'
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
  const question = { config, stack, target, targets, facts: ports.facts }
  const first = planClickHouseFirst(question)
  const plan = first ?? (await planWhole(question, connections))
  // A stack in the middle of another run looks broken, so that run is reported before the plan's own problems.
  const turn = config.dryRun ? FREE : await turnOf(stack, ports.records(config), ports)
  if (turn.busy !== undefined)
    return refused('rollback', { ...plan, kind: 'refusal', problems: [turn.busy] }, stack)
  if (plan.kind === 'refusal') return refused('rollback', plan, stack)
  ports.runner.info(`Target: Langfuse ${target.release}, from ${target.source}`)
  announce(plan, ports.runner)
  const record = recordOf(target, config, ports)
  if (plan.steps.length === 0) {
    // An earlier run may have come this far without seeing its end.
    const closed = config.dryRun ? [] : await record('inactive', undone(target))
    return unchanged(plan, stack, closed)
  }
  if (config.dryRun) {
    return { ...planned(plan, stack), ...restoreOf(plan) }
  }
  const locking = { plan, stack, turn, connections, deadline }
  const claim = claimOf(locking, ports)
  return holdingLock(claim, locking, ports, async () => {
    const observed = await evaluateBefore(stack, releaseOf(plan.from), ports.facts)
    const begun = await record('in_progress', `Langfuse ${plan.from} is being rolled back to ${plan.to}`)
    const run = { claim, connections, ports, deadline }
    const steps = await runPlan({ ...run, plan, stack })
    const ran = first === undefined ? { plan, steps } : await runRest({ plan, steps }, question, run)
    const last = connections.releasing(claim)
    return finish({ ...ran, observed, target, record, begun, config, connections: last, ports, deadline })
  })
}

async function planWhole(
  question: Omit<RollbackQuestion, 'counted' | 'dependents'>,
  { countLosses, observeDependents, cloud }: Connections,
): Promise<Plan | Refusal> {
  const { config, stack, target, facts } = question
  const undo = undoFrom(question, repairFrom(question))
  const releases = { from: currentRelease(stack, facts), to: target.release }
  const isAsked = config.sql === 'auto'
  const [counted, dependents, restore] = await Promise.all([
    countLosses(isAsked ? questionsOf(undo, releases, facts) : [], stack.worker),
    observeDependents(isAsked && stack.postgres.known ? dependentsQuestion(undo, facts) : {}, stack.worker),
    factsOfRestore(question, cloud),
  ])
  return planRollback({ ...question, counted, dependents, restore })
}

type Ran = {
  readonly plan: Plan
  readonly steps: readonly StepResult[]
  /** Why the rest of the rollback was not begun. */
  readonly refusal?: Refusal
}

/** The rest of a rollback, once ClickHouse runs its recorded image and can be observed. */
async function runRest(
  first: Ran,
  question: RollbackQuestion,
  run: Pick<Parameters<typeof runPlan>[0], 'claim' | 'connections' | 'ports' | 'deadline'>,
): Promise<Ran> {
  const { connections, ports, deadline } = run
  if (ports.signal.aborted || first.steps.some(({ state }) => state !== 'done')) return first
  const seen = await observeReady(question.config, connections, { ports, deadline })
  const stack = { ...seen, proofs: keepProofs(question.stack.proofs, seen.proofs) }
  const rest = await planWhole({ ...question, stack }, connections)
  if (rest.kind === 'refusal') return { ...first, refusal: rest }
  announce(rest, ports.runner)
  const steps = await runPlan({ ...run, plan: rest, stack })
  const plan = { ...rest, steps: [...first.plan.steps, ...rest.steps] }
  return { plan, steps: [...first.steps, ...steps] }
}

type Finish = Ran & {
  readonly observed: Before
  readonly target: RollbackTarget
  readonly record: MarkRecord
  /** What could not be written to the record when this rollback began. */
  readonly begun: readonly string[]
  readonly config: RollbackConfig
  readonly connections: Connections
  readonly ports: Ports
  readonly deadline: number
}

async function finish(run: Finish): Promise<Conclusion> {
  const { plan, observed, steps, refusal, target, record, begun, config, connections, ports, deadline } = run
  const complete = refusal === undefined && steps.every(step => step.state === 'done')
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
    warnings: [...plan.warnings.filter(warning => !good || warning !== MAY_FAIL), ...begun],
    steps,
    checks,
    stack,
    deploymentId: target.record,
  }
  if (good) {
    const closed = await record('inactive', undone(target))
    const kept = await keepBaseline(stack, { by: 'rollback', config, ports })
    const headline = `Langfuse ${plan.to} is running again on web and worker.${remarks(settled)}`
    return conclude('rollback', 'rolled-back', headline, {
      ...rest,
      warnings: [...rest.warnings, ...closed, ...kept],
      ...restoreOf(plan, 1),
    })
  }
  const progress = await progressOf(steps, observed.stack, connections.cloud)
  const headline = refusal === undefined ? whatIsDone(steps, settled, progress) : ONLY_CLICKHOUSE
  const closed = await record('failure', headline)
  return conclude('rollback', endingOf(complete, settled).outcome, headline, {
    ...rest,
    warnings: [...rest.warnings, ...closed],
    problems: refusal?.problems ?? [],
    restore: refusal?.restore,
    next: [
      ...(refusal?.next ?? []),
      'Fix the cause above, then re-run this rollback: it resumes where it stopped.',
    ],
  })
}

/** What a person restores, but for the first steps that this run has done. */
function restoreOf({ restore }: Plan, done = 0): Partial<Conclusion> {
  return restore === undefined ? {} : { next: linesOf(restore).slice(done), restore }
}

function undone({ release }: RollbackTarget): string {
  return `${ROLLED_BACK}${release}`
}

const ONLY_CLICKHOUSE =
  'ClickHouse runs its recorded image again. The rest of this rollback was refused, and nothing else was changed.'

/** Sets the status of the record that is rolled back, if there is one. Returns what could not be written. */
type MarkRecord = (state: RecordState, sentence: string) => Promise<readonly string[]>

/**
 * The record shows other runs that this one changes the stack, and the next run how it ended: `to: previous` must not use
 * an undone record again, and a deploy resumes one that is not a success. A record never stops a rollback.
 */
function recordOf({ record }: RollbackTarget, config: RollbackConfig, ports: Ports): MarkRecord {
  return async (state, sentence) => {
    if (record === undefined) return []
    try {
      await ports.records(config)?.mark(record, state, sentence)
      return []
    } catch (error) {
      return [`Could not set deployment record ${record} to ${state}: ${explain(error)}`]
    }
  }
}

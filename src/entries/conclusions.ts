import { type CheckResult, type Settled, verdictOf } from '../checks/run.ts'
import { explain } from '../errors/errors.ts'
import { hasBegun, type StepResult } from '../execute/execution.ts'
import { stillInProgress } from '../execute/own-rollback.ts'
import { rollbackTo } from '../plan/goes-back.ts'
import { amountOf, goesBackLine, isRollout, type Plan, type Refusal, titleOf } from '../plan/plan.ts'
import { isOfWeb, type OldWeb, oldWebRemedy } from '../plan/plan-migrate.ts'
import type { Cloud } from '../ports/cloud.ts'
import type { Runner } from '../ports/runner.ts'
import { type Conclusion, conclude } from '../report/conclusion.ts'
import type { Stack } from '../stack/stack.ts'

/** Logs the plan before the first step. */
export function announce(plan: Plan, runner: Runner): void {
  runner.info(
    `Plan ${plan.digest} (${plan.from ?? 'unknown release'} → ${plan.to}, rollback class ${plan.rollbackClass})`,
  )
  runner.info(`  ${goesBackLine(plan.goesBack)}`)
  plan.steps.forEach((step, index) => {
    runner.info(`  ${index + 1}. ${titleOf(step)}: ${step.reason}`)
  })
  for (const loss of plan.losses) runner.info(`  ${loss}`)
  for (const warning of plan.warnings) runner.info(`  Warning: ${warning}`)
}

export function refused(action: 'deploy' | 'rollback', refusal: Refusal, stack: Stack): Conclusion {
  return conclude(action, 'refused', 'Nothing was changed.', {
    versions: { previous: refusal.from, current: refusal.from, target: refusal.to },
    problems: refusal.problems,
    next: refusal.next ?? [],
    restore: refusal.restore,
    stack,
  })
}

export function planned(plan: Plan, stack: Stack): Conclusion {
  const steps = amountOf(plan.steps.length, 'step')
  return conclude(plan.action, 'planned', `Dry run: the plan has ${steps}. Nothing was changed.`, {
    versions: { previous: plan.from, current: plan.from, target: plan.to },
    plan,
    warnings: plan.warnings,
    stack,
  })
}

export function unchanged(plan: Plan, stack: Stack, warnings: readonly string[] = []): Conclusion {
  return conclude(plan.action, 'unchanged', `Langfuse ${plan.to} already runs. Nothing was changed.`, {
    versions: { previous: plan.from, current: plan.from, target: plan.to },
    plan,
    warnings: [...plan.warnings, ...warnings],
    stack,
  })
}

/** Nothing is left to change, but the run that changed it did not see it work, and neither does this one. */
export function notComplete(plan: Plan, stack: Stack, checks: readonly CheckResult[]): Conclusion {
  const outcome = verdictOf(checks, 'failed') === 'failed' ? 'failed' : 'inconclusive'
  const bad = checks.find(({ state }) => state === outcome)
  const headline = `Langfuse ${plan.to} is deployed already, but its last deploy is not complete: ${bad?.sentence ?? 'no check ran.'} Nothing was changed.`
  return conclude('deploy', outcome, headline, {
    versions: { previous: plan.from, current: plan.from, target: plan.to },
    plan,
    warnings: plan.warnings,
    checks,
    stack,
    next: ['Fix the cause above and re-run this deploy, or run the rollback action.'],
  })
}

/**
 * Partial success in one paragraph: the failure, then which steps are done, what is still in progress, and which are
 * not started.
 * @param progress what `progressOf` returned
 */
export function whatIsDone(steps: readonly StepResult[], settled: Settled, progress: string): string {
  const titles = (state: StepResult['state']) =>
    steps
      .filter(step => step.state === state)
      .map(step => titleOf(step.step))
      .join(', ') || 'nothing'
  const why = failureOf(steps, settled).replace(/[.:]?$/, '.')
  return `${why} Done: ${titles('done')}. Still in progress: ${progress}. Not started: ${titles('not-started')}.`
}

/**
 * What is still in progress, as AWS says it now: a failed rollout may be rolling back, and a service without a circuit
 * breaker restarts its tasks forever.
 */
export async function progressOf(steps: readonly StepResult[], stack: Stack, cloud: Cloud): Promise<string> {
  // One-off tasks and backups are not part of the services.
  const others = steps.filter(({ step, state }) => state === 'rolling' && !isRollout(step))
  const seen = await stillInProgress(stack, cloud).catch(error => [
    `unknown, because AWS could not be asked (${explain(error)})`,
  ])
  return [...seen, ...others.map(({ step }) => titleOf(step))].join(', ') || 'nothing'
}

/** Of a cancelled run: it evaluates nothing any more. */
export const NOT_SETTLED: Settled = {
  stack: undefined,
  checks: [],
  problem: undefined,
  comparison: { worse: [], other: [], unseen: [], old: [] },
}

function failureOf(steps: readonly StepResult[], { checks, comparison, problem }: Settled): string {
  const bad = steps.find(step => step.state === 'failed' || step.state === 'rolling')
  if (bad !== undefined) return bad.sentence
  if (steps.every(step => step.state === 'not-started')) return 'Cancelled before any change.'
  if (steps.some(step => step.state === 'not-started')) return 'Cancelled between two steps.'
  if (checks.length === 0 && problem === undefined)
    return 'Cancelled after the last step: the checks did not run.'
  const { worse, other, unseen } = comparison
  const [broken] = [...worse, ...other, ...unseen]
  return `All steps are done, but the checks after them did not pass: ${problem ?? broken?.sentence ?? 'no check ran'}`
}

type Ending = {
  readonly outcome: 'failed' | 'inconclusive'
  /** Complete, and no check became worse for what was changed: nothing is undone. */
  readonly stays: boolean
  readonly why: string
}

/** How a change ends that is not a success. */
export function endingOf(complete: boolean, { comparison: { worse, other } }: Settled): Ending {
  if (!complete || worse.length > 0) return { outcome: 'failed', stays: false, why: '' }
  return other.length > 0
    ? { outcome: 'failed', stays: true, why: ' Nothing was undone, because this run did not cause it.' }
    : { outcome: 'inconclusive', stays: true, why: ' Nothing was undone for what was not observed.' }
}

/** What a success does not show, and what failed before it too. */
export function remarks({ stack, comparison: { old } }: Settled): string {
  const unread = stack?.health.known === false ? ` ${webEvidence(stack, stack.health.reason)}` : ''
  const [first, ...more] = old
  if (first === undefined) return unread
  const others = more.length === 0 ? '' : ` (and ${amountOf(more.length, 'check')} more)`
  return `${unread} As before this run, check \`${first.id}\` does not pass${others}: ${first.sentence}`
}

/** What counts for a web that this runner cannot read. */
function webEvidence({ probe: { web } }: Stack, reason: string): string {
  return web.known
    ? `The web answered inside the VPC only (${web.source}): ${reason}.`
    : `This run did not see the web answer, only its platform and its image: ${reason}.`
}

type Stopped = {
  readonly plan: Plan
  readonly steps: readonly StepResult[]
  readonly oldWeb: OldWeb | undefined
}

/** What to do after a deploy that failed or was interrupted. */
export function nextSteps(stopped: Stopped): readonly string[] {
  const { from, rollbackClass } = stopped.plan
  const restore =
    rollbackClass === 'restore'
      ? ' It lists what to restore from the snapshot before it changes anything.'
      : ''
  return [
    ...betweenTheReleases(stopped),
    'Fix the cause above, then re-run this deploy: it resumes where it stopped.',
    `Or ${rollbackTo(from)} (class \`${rollbackClass}\`).${restore}`,
  ]
}

/** What to do after a rollback that failed: once its down SQL began, a deploy is refused until that is finished. */
export function nextAfterUndo(
  failed: readonly string[],
  { from }: Plan,
  undone: readonly StepResult[],
): readonly string[] {
  return hasBegun(undone, 'undo-schema')
    ? [
        `Fix the cause above, then run the rollback action with \`to: ${from}\`: it resumes where this rollback stopped. Only then deploy again.`,
      ]
    : failed
}

/** The migrations were started, and the target's web does not run yet. */
function betweenTheReleases({ steps, oldWeb }: Stopped): readonly string[] {
  const webIsNew = steps.some(({ step, state }) => isOfWeb(step) && state === 'done')
  return oldWeb === undefined || !hasBegun(steps, 'migrate') || webIsNew ? [] : [oldWebRemedy(oldWeb)]
}

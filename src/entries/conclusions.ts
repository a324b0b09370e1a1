import type { Settled } from '../checks/run.ts'
import type { StepResult } from '../execute/execution.ts'
import { amountOf, goesBackLine, type Plan, type Refusal, titleOf } from '../plan/plan.ts'
import { isOfWeb, type OldWeb, oldWebRemedy } from '../plan/plan-migrate.ts'
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

/** Partial success in one paragraph: the failure, then which steps are done, still rolling and not started. */
export function whatIsDone(steps: readonly StepResult[], settled: Settled): string {
  const titles = (state: StepResult['state']) =>
    steps
      .filter(step => step.state === state)
      .map(step => titleOf(step.step))
      .join(', ') || 'nothing'
  const why = failureOf(steps, settled).replace(/[.:]?$/, '.')
  return `${why} Done: ${titles('done')}. Still in progress: ${titles('rolling')}. Not started: ${titles('not-started')}.`
}

function failureOf(steps: readonly StepResult[], { comparison, problem }: Settled): string {
  const bad = steps.find(step => step.state === 'failed' || step.state === 'rolling')
  if (bad !== undefined) return bad.sentence
  if (steps.every(step => step.state === 'not-started')) return 'Cancelled before any change.'
  if (steps.some(step => step.state === 'not-started')) return 'Cancelled between two steps.'
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
  const to = from === undefined ? '`to` set to the release that ran before' : `\`to: ${from}\``
  const restore =
    rollbackClass === 'restore'
      ? ' It lists what to restore from the snapshot before it changes anything.'
      : ''
  return [
    ...betweenTheReleases(stopped),
    'Fix the cause above, then re-run this deploy: it resumes where it stopped.',
    `Or run the rollback action with ${to} (class \`${rollbackClass}\`).${restore}`,
  ]
}

/** The migrations were started, and the target's web does not run yet. */
function betweenTheReleases({ steps, oldWeb }: Stopped): readonly string[] {
  const migrated = steps.some(({ step, state }) => step.kind === 'migrate' && state !== 'not-started')
  const webIsNew = steps.some(({ step, state }) => isOfWeb(step) && state === 'done')
  return oldWeb === undefined || !migrated || webIsNew ? [] : [oldWebRemedy(oldWeb)]
}

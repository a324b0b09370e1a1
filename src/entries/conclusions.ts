import type { Settled } from '../checks/settle.ts'
import type { StepResult } from '../execute/execution.ts'
import type { Plan, Refusal } from '../plan/plan.ts'
import { titleOf } from '../plan/plan.ts'
import type { Runner } from '../ports/runner.ts'
import type { Conclusion } from '../report/conclusion.ts'
import { conclude } from '../report/conclusion.ts'
import type { Stack } from '../stack/stack.ts'

/** The plan in the log, before anything is done. */
export function announce(plan: Plan, runner: Runner): void {
  runner.info(
    `Plan ${plan.digest} (${plan.from ?? 'unknown release'} → ${plan.to}, rollback class ${plan.rollbackClass})`,
  )
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
  const steps = plan.steps.length === 1 ? '1 step' : `${plan.steps.length} steps`
  return conclude(plan.action, 'planned', `A dry run: ${steps} would be done, nothing was changed.`, {
    versions: { previous: plan.from, current: plan.from, target: plan.to },
    plan,
    warnings: plan.warnings,
    stack,
  })
}

export function unchanged(plan: Plan, stack: Stack, warnings: readonly string[] = []): Conclusion {
  return conclude(plan.action, 'unchanged', `Langfuse ${plan.to} runs already: nothing was changed.`, {
    versions: { previous: plan.from, current: plan.from, target: plan.to },
    plan,
    warnings: [...plan.warnings, ...warnings],
    stack,
  })
}

/** Partial success in one paragraph: what failed, what is done, what is still rolling, what was not begun. */
export function whatIsDone(steps: readonly StepResult[], { checks, problem }: Settled): string {
  const titles = (state: StepResult['state']) =>
    steps
      .filter(step => step.state === state)
      .map(step => titleOf(step.step))
      .join(', ') || 'nothing'
  const bad = steps.find(step => step.state === 'failed' || step.state === 'rolling')
  const broken = checks.find(check => check.state === 'failed' || check.state === 'inconclusive')
  const after = problem ?? broken?.sentence
  const complete = steps.every(step => step.state === 'done')
  const why =
    bad?.sentence ??
    (complete
      ? `All steps are done, but the stack is not as it should be: ${after ?? 'no check passed'}`
      : 'The run was cancelled before it began to change anything.')
  return `${why.replace(/[.:]?$/, '.')} Done: ${titles('done')}. Still rolling: ${titles('rolling')}. Not started: ${titles('not-started')}.`
}

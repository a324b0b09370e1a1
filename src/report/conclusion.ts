import type { CheckResult } from '../checks/run.ts'
import type { StepResult } from '../execute/execution.ts'
import type { Plan } from '../plan/plan.ts'
import type { Runbook } from '../plan/runbook.ts'
import type { Difference } from '../stack/baseline.ts'
import type { Stack } from '../stack/stack.ts'

export type ActionName = 'deploy' | 'verify' | 'rollback'

export type Outcome =
  | 'deployed'
  | 'rolled-back'
  | 'unchanged'
  | 'planned'
  | 'refused'
  | 'failed'
  | 'passed'
  | 'inconclusive'

/** The result of a run: the only source of the summary, the outputs, the report file and the exit status. */
export type Conclusion = {
  readonly action: ActionName
  readonly outcome: Outcome
  /** The result in one sentence. */
  readonly headline: string
  readonly versions: {
    readonly previous: string | undefined
    readonly current: string | undefined
    readonly target: string | undefined
  }
  readonly plan: Plan | undefined
  /** Why the run was refused, or what failed before there was a plan. */
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
  readonly steps: readonly StepResult[]
  readonly checks: readonly CheckResult[]
  readonly stack: Stack | undefined
  readonly deploymentId: string | undefined
  readonly differences: readonly Difference[]
  readonly issue: string | undefined
  /** Checks whose findings the deploy did not cause. */
  readonly unrelated: readonly string[]
  /** Checks of verify that are a reason to go back. */
  readonly regressions: readonly string[]
  readonly next: readonly string[]
  /** A document of its own, which the summary contains too. */
  readonly restore: Runbook | undefined
}

/** Fills the members that are not given with empty values. */
export function conclude(
  action: ActionName,
  outcome: Outcome,
  headline: string,
  rest: Partial<Omit<Conclusion, 'action' | 'outcome' | 'headline'>> = {},
): Conclusion {
  return {
    action,
    outcome,
    headline,
    versions: { previous: undefined, current: undefined, target: undefined },
    plan: undefined,
    problems: [],
    warnings: [],
    steps: [],
    checks: [],
    stack: undefined,
    deploymentId: undefined,
    differences: [],
    issue: undefined,
    unrelated: [],
    regressions: [],
    next: [],
    restore: undefined,
    ...rest,
  }
}

/** Whether the job succeeds: `rolled-back` is a failure of deploy and the success of rollback. */
export function isSuccess({ action, outcome }: Pick<Conclusion, 'action' | 'outcome'>): boolean {
  if (outcome === 'rolled-back') return action === 'rollback'
  return outcome === 'deployed' || outcome === 'unchanged' || outcome === 'planned' || outcome === 'passed'
}

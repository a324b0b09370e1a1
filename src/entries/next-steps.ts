import type { StepResult } from '../execute/execution.ts'
import type { Plan, Step } from '../plan/plan.ts'
import { type OldWeb, oldWebRemedy } from '../plan/plan-migrate.ts'

type Stopped = {
  readonly plan: Plan
  readonly steps: readonly StepResult[]
  readonly oldWeb: OldWeb | undefined
}

/** What to do now, after a deploy that did not come to its end. */
export function nextSteps(stopped: Stopped): readonly string[] {
  const { plan } = stopped
  return [
    ...betweenTheReleases(stopped),
    'Find the cause above, remove it, and run this deploy again: it goes on from where it stopped.',
    `Or go back with the rollback action and \`to: ${plan.from ?? 'the release before'}\` (class \`${plan.rollbackClass}\`).${plan.rollbackClass === 'restore' ? ' Before it changes anything, it says what has to be restored from the snapshot.' : ''}`,
  ]
}

/** The migrations were begun, and the new web is not there. */
function betweenTheReleases({ steps, oldWeb }: Stopped): readonly string[] {
  const migrated = steps.some(({ step, state }) => step.kind === 'migrate' && state !== 'not-started')
  const webIsNew = steps.some(({ step, state }) => isWeb(step) && state === 'done')
  return oldWeb === undefined || !migrated || webIsNew ? [] : [oldWebRemedy(oldWeb)]
}

function isWeb(step: Step): boolean {
  return 'component' in step && step.component === 'web'
}

import type { RerunBackgroundMigrations } from '../plan/plan.ts'
import type { Done, Execution } from './execution.ts'
import { StepFailed } from './execution.ts'
import { followDeployment } from './follow-ecs.ts'
import { rearm, type TakenUp, watchTakeUp } from './rearm.ts'

/** Re-arms background migrations, restarts the worker, and waits until it has taken them up. */
export async function rerunBackgroundMigrations(
  step: RerunBackgroundMigrations,
  execution: Execution,
): Promise<Done> {
  const table = tableOf(execution)
  const armed = await table.rearm(step.names)
  execution.say(armed.length === 0 ? 'all of them are open already' : `re-armed ${armed.join(', ')}`)
  await restart(step, execution)
  const seen = await table.takenUp(step.names)
  const failed = seen.filter(item => ['failed', 'gone', 'idle'].includes(item.state))
  if (failed.length > 0) throw new StepFailed(failed.map(describeFailure).join(' '), [])
  return { sentence: seen.map(item => `${item.name} is ${item.state}`).join(', ') }
}

type Table = {
  rearm(names: readonly string[]): Promise<readonly string[]>
  takenUp(names: readonly string[]): Promise<readonly TakenUp[]>
}

/** The table, from here or from inside the VPC. */
function tableOf(execution: Execution): Table {
  const { postgres, rearmInside } = execution
  if (postgres !== undefined) {
    return {
      rearm: names => rearm(names, postgres),
      takenUp: names => watchTakeUp(names, { ...execution, postgres }),
    }
  }
  if (rearmInside === undefined) throw new StepFailed('There is no connection to PostgreSQL.', [])
  return {
    rearm: names => rearmInside.rearm(names, execution),
    takenUp: names => rearmInside.takenUp(names, execution),
  }
}

async function restart(step: RerunBackgroundMigrations, execution: Execution): Promise<void> {
  const { cloud, stack } = execution
  // Not of the plan's picture: the worker may have been rolled out since.
  const service = await cloud.ecs.service(stack.cluster, step.service)
  if (service === undefined) throw new StepFailed(`ECS does not show service ${step.service} any more.`, [])
  const { deploymentId } = await cloud.ecs.updateService({
    cluster: stack.cluster,
    service: step.service,
    force: true,
  })
  execution.say(`ECS started deployment ${deploymentId}, which restarts the worker`)
  await followDeployment(step, { deploymentId, taskDefinition: service.taskDefinition }, execution)
}

function describeFailure({ name, state, reason }: TakenUp): string {
  switch (state) {
    case 'gone':
      return `Background migration ${name} is not in the table any more: a migration of this release has removed it.`
    case 'idle':
      return `The worker was restarted and did not take up background migration ${name}: look for "Error running background migrations" in its log (a script that its image does not have stops all of them), then run again.`
    default:
      return `Background migration ${name} failed again: ${reason}. Remove that cause, then run again.`
  }
}

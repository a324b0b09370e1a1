import type { RerunBackgroundMigrations } from '../plan/plan.ts'
import type { Done, Execution } from './execution.ts'
import { StepFailed } from './execution.ts'
import { followDeployment } from './follow-ecs.ts'
import { rearm, type TakenUp, watchTakeUp } from './rearm.ts'

/** Re-arms background migrations, restarts the worker, and waits until it has started them. */
export async function rerunBackgroundMigrations(
  step: RerunBackgroundMigrations,
  execution: Execution,
): Promise<Done> {
  const table = tableOf(execution)
  const armed = await table.rearm(step.names)
  execution.say(armed.length === 0 ? 'all of them were already re-armed' : `re-armed ${armed.join(', ')}`)
  await restart(step, execution)
  const seen = await table.takenUp(step.names)
  const failed = seen.filter(item => ['failed', 'gone', 'idle'].includes(item.state))
  if (failed.length > 0) throw new StepFailed(failed.map(describeFailure).join(' '))
  return { sentence: seen.map(item => `${item.name} is ${item.state}`).join(', ') }
}

type Table = {
  rearm(names: readonly string[]): Promise<readonly string[]>
  takenUp(names: readonly string[]): Promise<readonly TakenUp[]>
}

/** The table, from the runner or through the agent. */
function tableOf(execution: Execution): Table {
  const { postgres, claim, rearmInside } = execution
  if (postgres !== undefined) {
    return {
      rearm: names => rearm(names, { postgres, claim }),
      takenUp: names => watchTakeUp(names, { ...execution, postgres }),
    }
  }
  if (rearmInside === undefined) throw new StepFailed('There is no connection to PostgreSQL.')
  return {
    rearm: names => rearmInside.rearm(names, execution),
    takenUp: names => rearmInside.takenUp(names, execution),
  }
}

async function restart(step: RerunBackgroundMigrations, execution: Execution): Promise<void> {
  const { cloud, stack } = execution
  // Read again: the plan may have rolled out the worker since.
  const service = await cloud.ecs.service(stack.cluster, step.service)
  if (service === undefined) throw new StepFailed(`ECS no longer shows service ${step.service}.`)
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
      return `Background migration ${name} is no longer in table background_migrations: a migration of this release removed it.`
    case 'idle':
      return `The restarted worker did not start background migration ${name}: search its log for "Error running background migrations", then run again. A script that is missing from the image stops all of them.`
    default:
      return `Background migration ${name} failed again: ${reason}. Fix the cause, then run again.`
  }
}

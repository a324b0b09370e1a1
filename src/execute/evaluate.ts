import { isHopeless } from '../plan/image-steps.ts'
import type {
  AppRunnerOperation,
  AppRunnerService,
  EcsService,
  EcsTask,
  ServiceDeployment,
} from '../ports/cloud.ts'

/** The state of a rollout. Only `succeeded` is a success, and it needs positive evidence. */
export type Verdict = Rolling | { readonly verdict: 'succeeded' } | Failure

/** `stale`: no evidence while AWS's reads lag. */
type Rolling = { readonly verdict: 'rolling'; readonly note: string; readonly stale?: true }

export type Failure = { readonly verdict: 'failed'; readonly ending: Ending; readonly sentence: string }

type Ending = 'rolled-back' | 'failed' | 'superseded' | 'stopped' | 'stuck' | 'gone'

/**
 * Evaluates one ECS deployment by its id. A `services-stable` waiter is not enough: a service is also stable after its
 * circuit breaker rolled back.
 */
export function evaluateEcs(
  service: EcsService,
  { deploymentId, taskDefinition }: { readonly deploymentId: string; readonly taskDefinition: string },
): Verdict {
  const ours = service.deployments.find(deployment => deployment.id === deploymentId)
  if (ours?.rolloutState === 'FAILED') {
    return failed(
      'failed',
      `ECS marked deployment ${deploymentId} as FAILED: ${reasonOf(ours.rolloutStateReason)}`,
    )
  }
  if (ours === undefined || ours.status !== 'PRIMARY') return displaced(service, deploymentId, taskDefinition)
  const old = [ours.taskDefinition, service.taskDefinition].find(shown => shown !== taskDefinition)
  if (old !== undefined) {
    return stale(
      `deployment ${deploymentId} of ECS service ${service.name} has task definition ${old} instead of ${taskDefinition}`,
    )
  }
  if (
    ours.rolloutState === 'COMPLETED' &&
    service.deployments.length === 1 &&
    ours.runningCount === ours.desiredCount
  ) {
    return { verdict: 'succeeded' }
  }
  if (isHopeless(service, ours)) {
    return failed(
      'stuck',
      `deployment ${deploymentId} has ${ours.failedTasks} failed tasks and no running task; ECS retries forever because the service has no circuit breaker`,
    )
  }
  const { runningCount, desiredCount, failedTasks } = ours
  const failures = failedTasks > 0 ? `, ${failedTasks} failed` : ''
  return { verdict: 'rolling', note: `${runningCount} of ${desiredCount} tasks running${failures}` }
}

/** What its service deployment adds to what the service shows. */
export function withReason(seen: Verdict, detail: ServiceDeployment | undefined): Verdict {
  const { status = '', statusReason } = detail ?? {}
  if (status === 'ROLLBACK_REQUESTED')
    return failed('rolled-back', `someone asked ECS to roll the deployment back (${status})`)
  if (status.startsWith('ROLLBACK_'))
    return failed(
      'rolled-back',
      `ECS is rolling back or has rolled back (${status}): ${reasonOf(statusReason)}`,
    )
  // A replaced deployment is also STOPPED, although no person stopped it; a FAILED one has its own reason.
  return seen.verdict === 'rolling' && /^STOP/.test(status)
    ? failed('stopped', `someone stopped the deployment (${status}): ${reasonOf(statusReason)}`)
    : seen
}

/** Without AWS's full stop, because it is quoted inside a sentence. */
function reasonOf(reason: string | undefined): string {
  return reason?.replace(/\.$/, '') ?? 'no reason given'
}

function displaced(service: EcsService, deploymentId: string, taskDefinition: string): Verdict {
  const primary = service.deployments.find(deployment => deployment.status === 'PRIMARY')
  if (primary === undefined) return failed('gone', `ECS service ${service.name} no longer has a deployment`)
  if (primary.taskDefinition === taskDefinition) {
    return failed(
      'superseded',
      `deployment ${primary.id} of the same task definition replaced ${deploymentId}`,
    )
  }
  const rolledBack = service.events.some(event =>
    event.message.includes(`rolling back to deployment ${primary.id}`),
  )
  return rolledBack || (primary.rolloutStateReason ?? '').includes('rolled back')
    ? failed('rolled-back', `ECS rolled back to deployment ${primary.id} (${primary.taskDefinition})`)
    : failed('superseded', `deployment ${primary.id} (${primary.taskDefinition}) replaced ${deploymentId}`)
}

/**
 * Evaluates an App Runner update by its operation, then by the service's image: after a failed health check the service
 * is RUNNING again with the old image.
 */
export function evaluateAppRunner(
  operation: AppRunnerOperation | undefined,
  shown: Pick<AppRunnerService, 'image' | 'status'> | undefined,
  image: string,
): Verdict {
  if (operation === undefined)
    return { verdict: 'rolling', note: 'App Runner does not list the operation yet' }
  switch (operation.status) {
    case 'SUCCEEDED':
      return shown?.image === image && shown.status === 'RUNNING'
        ? { verdict: 'succeeded' }
        : stale(
            `App Runner's operation ${operation.id} succeeded, but the service has image ${shown?.image} and is ${shown?.status}`,
          )
    case 'ROLLBACK_IN_PROGRESS':
    case 'ROLLBACK_SUCCEEDED':
    case 'ROLLBACK_FAILED':
      return failed(
        'rolled-back',
        `App Runner rolled back automatically (operation ${operation.id}: ${operation.status})`,
      )
    case 'FAILED':
      return failed('failed', `App Runner's operation ${operation.id} failed`)
    default:
      return { verdict: 'rolling', note: `operation ${operation.status}` }
  }
}

/** The task that ClickHouse's name must resolve to: the only one, on the new task definition. */
export function onlyRunningTask(tasks: readonly EcsTask[], taskDefinition: string): EcsTask | undefined {
  const running = tasks.filter(task => task.lastStatus === 'RUNNING')
  const [task] = running
  return running.length === 1 && task?.taskDefinition === taskDefinition ? task : undefined
}

/** AWS does not show the change that it accepted. */
export function stale(note: string): Rolling {
  return { verdict: 'rolling', note, stale: true }
}

function failed(ending: Ending, sentence: string): Failure {
  return { verdict: 'failed', ending, sentence }
}

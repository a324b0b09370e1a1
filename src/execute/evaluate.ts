import { isHopeless } from '../plan/image-steps.ts'
import type {
  AppRunnerOperation,
  AppRunnerService,
  EcsService,
  EcsTask,
  ServiceDeployment,
} from '../ports/cloud.ts'
import type { Progress } from './follow-ecs.ts'

/** The state of a rollout. Only `succeeded` is a success, and it needs positive evidence. */
export type Verdict = Rolling | { readonly verdict: 'succeeded' } | Failure

export type Rolling = { readonly verdict: 'rolling'; readonly note: string; readonly progress?: Progress }

type Failure = { readonly verdict: 'failed'; readonly ending: Ending; readonly sentence: string }

type Ending = 'rolled-back' | 'failed' | 'superseded' | 'stopped' | 'stuck' | 'gone'

/**
 * Evaluates one ECS deployment by its id; `detail` is its service deployment. A `services-stable` waiter is not enough:
 * a service is also stable after its circuit breaker rolled back.
 */
export function evaluateEcs(
  service: EcsService,
  deploymentId: string,
  expected: { readonly taskDefinition: string },
  detail: ServiceDeployment | undefined,
): Verdict {
  const ours = service.deployments.find(deployment => deployment.id === deploymentId)
  const primary = service.deployments.find(deployment => deployment.status === 'PRIMARY')
  if (ours?.rolloutState === 'FAILED') {
    return failed(
      'failed',
      `ECS marked deployment ${deploymentId} as FAILED: ${reasonOf(ours.rolloutStateReason)}`,
    )
  }
  const ended = evaluateServiceDeployment(detail)
  const replaced = primary !== undefined && primary.id !== deploymentId
  // A replaced deployment is also STOPPED, although no person stopped it.
  if (ended !== undefined && !(replaced && ended.ending === 'stopped')) return ended
  if (ours === undefined || primary === undefined || ours.status !== 'PRIMARY') {
    return displaced(service, deploymentId, expected.taskDefinition)
  }
  if (service.taskDefinition !== expected.taskDefinition) {
    return { verdict: 'rolling', note: 'ECS does not show the new task definition yet' }
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
  const others = service.deployments.filter(deployment => deployment.id !== deploymentId)
  return rolling({
    wanted: ours.desiredCount,
    running: ours.runningCount,
    pending: service.pendingCount,
    older: others.reduce((sum, deployment) => sum + deployment.runningCount, 0),
    failures: ours.failedTasks,
    threshold: THRESHOLD,
  })
}

/** A service deployment that is still running; undefined: it ended or may never end, so the service must be read. */
export function evaluateOpen({
  status,
  tasks,
  olderRunning,
  breaker,
}: ServiceDeployment): Rolling | undefined {
  if (tasks === undefined || !/^(PENDING|IN_PROGRESS)$/.test(status)) return undefined
  const { failures = 0, threshold = THRESHOLD } = breaker ?? {}
  return failures >= threshold ? undefined : rolling({ ...tasks, older: olderRunning, failures, threshold })
}

/** ECS's own for a service of one task (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html). */
const THRESHOLD = 3

function rolling(progress: Progress): Rolling {
  const { running, wanted, failures } = progress
  const failed = failures > 0 ? `, ${failures} failed` : ''
  return {
    verdict: 'rolling',
    note: `${running} of ${wanted} tasks running${failed}`,
    progress,
  }
}

function evaluateServiceDeployment(detail: ServiceDeployment | undefined): Failure | undefined {
  const reason = reasonOf(detail?.statusReason)
  switch (detail?.status) {
    case 'ROLLBACK_REQUESTED':
    case 'ROLLBACK_IN_PROGRESS':
    case 'ROLLBACK_SUCCESSFUL':
    case 'ROLLBACK_FAILED':
      return failed('rolled-back', `ECS is rolling back or has rolled back (${detail.status}): ${reason}`)
    case 'STOPPED':
    case 'STOP_REQUESTED':
      return failed('stopped', `someone stopped the deployment (${detail.status}): ${reason}`)
    default:
      return undefined
  }
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
  service: AppRunnerService,
  image: string,
): Verdict {
  if (operation === undefined)
    return { verdict: 'rolling', note: 'App Runner does not list the operation yet' }
  switch (operation.status) {
    case 'SUCCEEDED':
      return service.image === image
        ? { verdict: 'succeeded' }
        : failed(
            'superseded',
            `App Runner's operation ${operation.id} succeeded, but the service has image ${service.image}`,
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

function failed(ending: Ending, sentence: string): Failure {
  return { verdict: 'failed', ending, sentence }
}

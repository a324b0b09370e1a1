import type { Clock } from '../clock.ts'
import type { Ids } from '../ids.ts'
import { reader } from '../json.ts'
import { containersOf } from './container.ts'
import { beginRollback, finish, serviceDeploymentOf } from './deployments.ts'
import { type CanaryStage, canaryStage } from './express.ts'
import { nextMoves } from './rollout.ts'
import type { Tasks } from './tasks.ts'
import type { Deployment, Service, Task } from './types.ts'

/** One look at a service: count failures, trip the breaker, replace the unhealthy, move the rollout on, see if it is done. */
export function schedule(service: Service, parts: SchedulerParts) {
  if (service.status === 'DRAINING' && tasksOf(service).every(task => !containersRun(task)))
    service.status = 'INACTIVE'
  if (service.status === 'INACTIVE') return
  begin(service, parts)
  countFailures(service, parts)
  replaceUnhealthy(service, parts)
  tripBreaker(service, parts)
  moveOn(service, parts)
  dropDrained(service)
  conclude(service, parts)
}

export type SchedulerParts = {
  readonly clock: Clock
  readonly ids: Ids
  readonly tasks: Tasks
  readonly pace: Pace
}

/** How slow ECS is, in virtual seconds; a test may change it at any time. */
export type Pace = {
  /** Before the second attempt of a task that failed; doubled for each further one. */
  retrySeconds: number
}

/** Reports tell of 8 to 12 minutes until the breaker trips (facts/aws.md 2.2). */
export const PACE: Readonly<Pace> = { retrySeconds: 150 }

/** Half the desired count, at least 3 and at most 200 [MODEL, facts/aws.md 2.2]. */
export const breakerThreshold = (desired: number) => Math.min(200, Math.max(3, Math.ceil(desired / 2)))

export function addEvent(service: Service, parts: Pick<SchedulerParts, 'clock' | 'ids'>, message: string) {
  const event = {
    id: parts.ids.uuid(),
    createdAt: parts.clock.now(),
    message: `(service ${service.name}) ${message}`,
  }
  service.events.unshift(event)
  // DescribeServices shows the last hundred.
  service.events.length = Math.min(service.events.length, 100)
}

export function tasksOf(service: Service): readonly Task[] {
  return [...service.cluster.tasks.values()].filter(task => task.service === service)
}

/** Running, and its essential containers pass their health checks where they have one. */
export function isHealthy(task: Task): boolean {
  const runs = task.lastStatus === 'RUNNING' && task.desiredStatus === 'RUNNING'
  return runs && checksPass(task) && (task.target ?? 'HEALTHY') === 'HEALTHY'
}

function checksPass(task: Task): boolean {
  return containersOf(task.taskDefinition).every((view, index) => {
    const container = task.containers[index]
    if (!view.essential || !view.healthCheck) return container?.lastStatus !== 'STOPPED' || !view.essential
    return container?.health === 'HEALTHY'
  })
}

/** Without a health check a task has to stay up for a while before ECS believes it [KNOW]. */
const BELIEVED_AFTER = 20

function isProven(task: Task, now: Date): boolean {
  if (!isHealthy(task)) return false
  if (task.target || containersOf(task.taskDefinition).some(view => view.healthCheck)) return true
  return now.getTime() - (task.times.startedAt?.getTime() ?? 0) >= BELIEVED_AFTER * 1000
}

function begin(service: Service, parts: SchedulerParts) {
  const [primary] = service.deployments
  const record = primary && serviceDeploymentOf(service, primary)
  if (record?.status !== 'PENDING') return
  record.status = 'IN_PROGRESS'
  record.startedAt = parts.clock.now()
  record.updatedAt = record.startedAt
  record.lifecycleStage = 'SCALE_UP'
}

const FAILURES = ['TaskFailedToStart', 'EssentialContainerExited']

function countFailures(service: Service, parts: SchedulerParts) {
  for (const task of tasksOf(service)) {
    if (task.counted || task.desiredStatus !== 'STOPPED') continue
    task.counted = true
    const unhealthy = /^Task failed .* health checks/.test(task.stoppedReason ?? '')
    if (!unhealthy && !FAILURES.includes(task.stopCode ?? '')) continue
    failed(service, task.deployment, parts)
  }
  const [primary] = service.deployments
  const now = parts.clock.now()
  if (primary && tasksOf(service).some(task => task.deployment === primary && isProven(task, now))) {
    primary.failureCount = 0
    service.failuresInRow = 0
  }
}

function failed(service: Service, deployment: Deployment | undefined, parts: SchedulerParts) {
  service.failuresInRow += 1
  // At most 15 min between attempts; ECS documents only that it slows down [KNOW].
  const delay = Math.min(900, parts.pace.retrySeconds * 2 ** (service.failuresInRow - 1))
  service.nextStartAt = parts.clock.now().getTime() + delay * 1000
  if (service.failuresInRow % 3 === 0) addEvent(service, parts, UNABLE)
  if (deployment?.rolloutState !== 'IN_PROGRESS') return
  deployment.failedTasks += 1
  deployment.failureCount += 1
  deployment.updatedAt = parts.clock.now()
}

const UNABLE =
  'is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.'

const UNHEALTHY = 'Task failed container health checks'

function replaceUnhealthy(service: Service, parts: SchedulerParts) {
  for (const task of tasksOf(service)) {
    const sick = task.containers.some(container => container.health === 'UNHEALTHY')
    if (task.desiredStatus === 'STOPPED' || !(sick || task.target === 'UNHEALTHY')) continue
    addEvent(
      service,
      parts,
      sick ? `(task ${task.id}) failed container health checks.` : unhealthyTarget(service, task),
    )
    parts.tasks.stop(task, 'ServiceSchedulerInitiated', sick ? UNHEALTHY : unhealthyForBalancer(service))
    addEvent(service, parts, `has stopped 1 running tasks: (task ${task.id}).`)
  }
}

const targetGroupOf = (service: Service) =>
  String(reader(service.settings).objects('loadBalancers')[0]?.targetGroupArn)

// [KNOW] Texts of a service behind a load balancer.
const unhealthyForBalancer = (service: Service) =>
  `Task failed ELB health checks in (target-group ${targetGroupOf(service)})`

const unhealthyTarget = (service: Service, task: Task) =>
  `(port ${containersOf(task.taskDefinition)[0]?.ports[0]}) is unhealthy in (target-group ${targetGroupOf(service)}) due to (reason Health checks failed).`

function tripBreaker(service: Service, parts: SchedulerParts) {
  const [primary] = service.deployments
  const breaker = service.deploymentConfiguration.deploymentCircuitBreaker
  if (primary?.rolloutState !== 'IN_PROGRESS' || !breaker.enable) return
  if (primary.failureCount < breakerThreshold(service.desiredCount)) return
  failDeployment(service, primary, parts)
  const record = serviceDeploymentOf(service, primary)
  if (record) record.breaker = 'TRIGGERED'
  const reason = 'Service deployment rolled back because the circuit breaker threshold was exceeded.'
  if (primary.rollbackOf) {
    if (record) finish(record, 'ROLLBACK_FAILED', parts.clock.now())
  } else if (breaker.rollback && service.lastCompleted) {
    rollBack(service, service.lastCompleted, { parts, reason })
  } else if (record) {
    finish(
      record,
      'STOPPED',
      parts.clock.now(),
      'Service deployment stopped because the circuit breaker threshold was exceeded.',
    )
  }
}

function failDeployment(service: Service, deployment: Deployment, parts: SchedulerParts) {
  deployment.rolloutState = 'FAILED'
  deployment.rolloutStateReason = 'ECS deployment circuit breaker: tasks failed to start.'
  deployment.updatedAt = parts.clock.now()
  addEvent(service, parts, `(deployment ${deployment.id}) deployment failed: tasks failed to start.`)
}

/** Also what StopServiceDeployment asks for. */
export function rollBack(
  service: Service,
  target: Deployment,
  how: { parts: SchedulerParts; reason: string },
) {
  addEvent(service, how.parts, `rolling back to deployment ${target.id}.`)
  beginRollback(service, target, { now: how.parts.clock.now(), reason: how.reason })
}

function moveOn(service: Service, parts: SchedulerParts) {
  const [primary] = service.deployments
  if (!primary) return
  const all = tasksOf(service)
  const wanted = all.filter(task => task.desiredStatus === 'RUNNING')
  const view = (task: Task) => ({ id: task.id, healthy: isHealthy(task) })
  const moves = nextMoves({
    desired: service.desiredCount,
    ...service.deploymentConfiguration,
    primary: wanted.filter(task => task.deployment === primary).map(view),
    older: wanted.filter(task => task.deployment !== primary).map(view),
    ending: all.filter(task => task.desiredStatus === 'STOPPED' && containersRun(task)).length,
    mayStart: primary.rolloutState !== 'FAILED' && parts.clock.now().getTime() >= service.nextStartAt,
  })
  const stage = bake(service, primary, parts)
  // While a canary bakes, what ran before keeps running.
  const mayStop = (task: Task) => stage === 'CLEAN_UP' || task.deployment === primary || !isHealthy(task)
  stopTasks(
    service,
    wanted.filter(task => moves.stop.includes(task.id) && mayStop(task)),
    parts,
  )
  startTasks(service, primary, { count: moves.start, parts })
}

function bake(service: Service, primary: Deployment, parts: SchedulerParts): CanaryStage {
  const now = parts.clock.now()
  const healthy = tasksOf(service).filter(task => task.deployment === primary && isHealthy(task)).length
  if (healthy < service.desiredCount) primary.healthySince = undefined
  else primary.healthySince ??= now
  const stage = canaryStage(service, primary, now)
  const record = serviceDeploymentOf(service, primary)
  if (record?.finishedAt === undefined && record?.lifecycleStage !== undefined && service.express)
    record.lifecycleStage = stage
  return stage
}

/** A stopping task holds its place until its containers have ended, so a single writer never has company. */
const containersRun = (task: Task) => task.lastStatus !== 'DEPROVISIONING' && task.lastStatus !== 'STOPPED'

function stopTasks(service: Service, tasks: readonly Task[], parts: SchedulerParts) {
  if (tasks.length === 0) return
  service.steady = false
  const pending = tasks.filter(task => task.lastStatus !== 'RUNNING').length
  if (pending > 0) addEvent(service, parts, `stopped ${pending} pending tasks.`)
  const running = tasks.filter(task => task.lastStatus === 'RUNNING')
  if (running.length > 0)
    addEvent(service, parts, `has stopped ${running.length} running tasks: ${names(running)}.`)
  const reason = `Scaling activity initiated by (deployment ${service.deployments[0]?.id})`
  for (const task of tasks) parts.tasks.stop(task, 'ServiceSchedulerInitiated', reason)
}

function startTasks(service: Service, primary: Deployment, how: { count: number; parts: SchedulerParts }) {
  if (how.count === 0) return
  service.steady = false
  const tasks = Array.from({ length: how.count }, () => startTask(service, primary, how.parts))
  primary.updatedAt = how.parts.clock.now()
  addEvent(service, how.parts, `has started ${tasks.length} tasks: ${names(tasks)}.`)
}

function startTask(service: Service, primary: Deployment, parts: SchedulerParts): Task {
  const settings = reader(primary.settings)
  const vpc = reader(reader(settings.object('networkConfiguration')).object('awsvpcConfiguration'))
  const subnets = vpc.texts('subnets')
  const propagated = settings.text('propagateTags')
  return parts.tasks.start({
    cluster: service.cluster,
    taskDefinition: primary.taskDefinition,
    service,
    deployment: primary,
    subnetId: subnets[tasksOf(service).length % subnets.length] ?? 'subnet-none',
    tags:
      propagated === 'SERVICE'
        ? service.tags
        : propagated === 'TASK_DEFINITION'
          ? primary.taskDefinition.tags
          : [],
    input: {
      overrides: {},
      group: `service:${service.name}`,
      startedBy: primary.id,
      launchType: settings.text('launchType'),
      platformVersion: '1.4.0',
      enableExecuteCommand: settings.flag('enableExecuteCommand') ?? false,
      securityGroups: vpc.texts('securityGroups'),
      capacityProvider: reader(settings.objects('capacityProviderStrategy')[0]).text('capacityProvider'),
    },
  })
}

const names = (tasks: readonly Task[]) => tasks.map(task => `(task ${task.id})`).join(' ')

/** A deployment that is no longer primary leaves the list when its last task has ended. */
function dropDrained(service: Service) {
  const used = new Set(
    tasksOf(service)
      .filter(containersRun)
      .map(task => task.deployment),
  )
  for (const deployment of service.deployments)
    if (deployment.status === 'ACTIVE' && !used.has(deployment)) deployment.status = 'INACTIVE'
  service.deployments = service.deployments.filter(deployment => deployment.status !== 'INACTIVE')
}

function conclude(service: Service, parts: SchedulerParts) {
  const [primary] = service.deployments
  const now = parts.clock.now()
  if (!primary || primary.rolloutState === 'FAILED' || service.steady) return
  const active = tasksOf(service).filter(containersRun)
  const done =
    active.length === service.desiredCount && active.every(t => t.deployment === primary && isProven(t, now))
  if (!done || service.deployments.length > 1 || rollsBackStill(service, primary, parts)) return
  if (primary.rolloutState === 'IN_PROGRESS') complete(service, primary, parts)
  service.steady = true
  addEvent(service, parts, 'has reached a steady state.')
}

/** What ran before may run all the while: ECS itself still takes its time. */
function rollsBackStill(service: Service, primary: Deployment, { clock }: SchedulerParts): boolean {
  const since = primary.rollbackOf?.rollback?.startedAt
  const seconds = service.rollbackSeconds ?? primary.rolloutSeconds ?? 0
  return since !== undefined && clock.now().getTime() < since.getTime() + seconds * 1000
}

function complete(service: Service, primary: Deployment, parts: SchedulerParts) {
  const now = parts.clock.now()
  primary.rolloutState = 'COMPLETED'
  primary.rolloutStateReason = `ECS deployment ${primary.id} completed.`
  primary.updatedAt = now
  primary.rolloutSeconds ??= (now.getTime() - primary.createdAt.getTime()) / 1000
  service.lastCompleted = primary
  addEvent(service, parts, `(deployment ${primary.id}) deployment completed.`)
  const record = serviceDeploymentOf(service, primary)
  if (record && record.finishedAt === undefined)
    finish(record, primary.rollbackOf ? 'ROLLBACK_SUCCESSFUL' : 'SUCCESSFUL', now)
  primary.rollbackOf = undefined
}

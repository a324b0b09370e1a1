import type { Network } from '../../vpc/network.ts'
import type { Clock } from '../clock.ts'
import type { CloudMap, MapService } from '../cloudmap.ts'
import type { Efs } from '../efs.ts'
import type { Ids } from '../ids.ts'
import type { Images } from '../images.ts'
import type { Logs } from '../logs.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Secrets } from '../secrets.ts'
import { type ContainerView, containersOf } from './container.ts'
import { watchHealth } from './health.ts'
import { newTask } from './new-task.ts'
import { instanceAttributes, registryOf } from './registration.ts'
import { launch, prepare } from './starting.ts'
import type { TaskFaults } from './task-faults.ts'
import type {
  Cluster,
  Deployment,
  Service,
  Tag,
  Task,
  TaskContainer,
  TaskDefinition,
  TaskInput,
  TaskStatus,
} from './types.ts'

/** Starts Fargate tasks and takes each through its life, in virtual time. */
export function makeTasks(parts: TaskParts): Tasks {
  const stops = new Map<Task, () => void>()
  const start = (spec: TaskSpec) => {
    const task = newTask(parts, spec)
    spec.cluster.tasks.set(task.id, task)
    const stopping = new Promise<void>(resolve => void stops.set(task, resolve))
    void live(parts, task, stopping).finally(() => stops.delete(task))
    return task
  }
  const stop = (task: Task, code: string, reason: string) => {
    if (task.desiredStatus === 'STOPPED') return
    requestStop(parts, task, code, reason)
    stops.get(task)?.()
  }
  return { start, stop }
}

export type TaskParts = {
  readonly ids: Ids
  readonly clock: Clock
  readonly images: Images
  readonly efs: Efs
  readonly secrets: Secrets
  readonly logs: Logs
  readonly cloudMap: CloudMap
  readonly network: Network
  readonly runtime: Runtime
  readonly taskFaults: TaskFaults
  /** A sandbox without a VPC has every subnet. */
  readonly hasSubnet: (id: string) => boolean
  /** Called after every change of a task, so that the scheduler looks again. */
  readonly changed: (task: Task) => void
}

export type TaskSpec = {
  readonly cluster: Cluster
  readonly taskDefinition: TaskDefinition
  readonly input: TaskInput
  readonly subnetId: string
  readonly tags: readonly Tag[]
  readonly service?: Service
  readonly deployment?: Deployment
}

export type Tasks = {
  start(spec: TaskSpec): Task
  /** Sets the desired status to STOPPED; the containers get SIGTERM when the task comes to it. */
  stop(task: Task, code: string, reason: string): void
}

/** Virtual seconds. Fargate takes 30-60 s from PROVISIONING to RUNNING with an image of this size. */
const TIMES = {
  provision: 10,
  pull: 15,
  pullRetries: 20,
  activate: 3,
  deactivate: 3,
  deprovision: 10,
  forget: 3600,
}

async function live(parts: TaskParts, task: Task, stopping: Promise<void>) {
  const pause = (seconds: number) => Promise.race([parts.clock.sleep(seconds), stopping])
  await pause(TIMES.provision)
  const started = task.desiredStatus === 'RUNNING' && (await startContainers(parts, task, pause))
  const endings: (() => void)[] = []
  if (started) {
    await activate(parts, task, endings, pause)
    await Promise.race([stopping, essentialExit(parts, task)])
    await deactivate(parts, task, endings)
  }
  await stopContainers(parts, task)
  for (const ending of endings) ending()
  move(parts, task, 'DEPROVISIONING', 'executionStoppedAt')
  await parts.clock.sleep(TIMES.deprovision)
  move(parts, task, 'STOPPED', 'stoppedAt')
  await parts.clock.sleep(TIMES.forget)
  task.cluster.tasks.delete(task.id)
}

type Pause = (seconds: number) => Promise<void>

/** Mounts, pulls and starts; false when the task failed to start and was told why. */
async function startContainers(parts: TaskParts, task: Task, pause: Pause): Promise<boolean> {
  task.times.connectivityAt = parts.clock.now()
  move(parts, task, 'PENDING', 'pullStartedAt')
  const prepared = prepare(parts, task)
  if ('problem' in prepared) {
    await pause(prepared.problem.startsWith('CannotPull') ? TIMES.pullRetries : 5)
    if (task.desiredStatus === 'RUNNING') requestStop(parts, task, 'TaskFailedToStart', prepared.problem)
    return false
  }
  const pulls = prepared.containers.map(({ image }) => parts.images.pullSeconds.get(image.repository))
  await pause(Math.max(...pulls.map(seconds => seconds ?? TIMES.pull)))
  task.times.pullStoppedAt = parts.clock.now()
  if (task.desiredStatus !== 'RUNNING') return false
  await Promise.all(prepared.containers.map(prepared => launch(parts, task, prepared)))
  return true
}

/** Opens the ports, registers in Cloud Map, watches health, and calls the task running. */
async function activate(parts: TaskParts, task: Task, endings: (() => void)[], pause: Pause) {
  for (const container of task.containers)
    for (const [port, loopback] of container.running?.ports ?? [])
      endings.push(parts.network.publish(task.address, port, loopback))
  const registry = registryOf(parts.cloudMap, task)
  if (registry) {
    move(parts, task, 'ACTIVATING')
    parts.cloudMap.register(registry, task.id, instanceAttributes(task))
    await pause(TIMES.activate)
  }
  if (task.desiredStatus === 'RUNNING') move(parts, task, 'RUNNING', 'startedAt')
  for (const [index, view] of containersOf(task.taskDefinition).entries()) {
    const container = task.containers[index]
    if (container?.running && view.healthCheck)
      endings.push(watch(parts, task, { view, container }, registry))
  }
  const target = watchTarget(parts, task)
  if (target) endings.push(target)
}

/** The load balancer's health check of a service of Express Mode; its times are [KNOW]. */
function watchTarget(parts: TaskParts, task: Task): (() => void) | undefined {
  const running = task.containers[0]?.running
  const ports = containersOf(task.taskDefinition)[0]?.ports ?? []
  const path = task.deployment?.revision.express?.healthCheckPath
  if (task.target === undefined || !running) return undefined
  return watchHealth({
    check: { command: `http://target:${ports[0]}${path ?? '/'}`, ...TARGET_CHECK },
    running,
    ports,
    clock: parts.clock,
    changed: healthy => {
      task.target = healthy ? 'HEALTHY' : 'UNHEALTHY'
      parts.changed(task)
    },
  })
}

const TARGET_CHECK = { interval: 10, timeout: 5, retries: 3, startPeriod: 30 }

function watch(
  parts: TaskParts,
  task: Task,
  watched: { view: ContainerView; container: TaskContainer },
  registry: MapService | undefined,
): () => void {
  const { view, container } = watched
  if (!view.healthCheck || !container.running) return () => undefined
  return watchHealth({
    check: view.healthCheck,
    running: container.running,
    ports: view.ports,
    clock: parts.clock,
    changed: healthy => {
      const health = healthy ? 'HEALTHY' : 'UNHEALTHY'
      if (container.health === health) return
      container.health = health
      if (registry) parts.cloudMap.reportHealth(registry, task.id, health)
      parts.changed(task)
    },
  })
}

async function deactivate(parts: TaskParts, task: Task, endings: (() => void)[]) {
  const registry = registryOf(parts.cloudMap, task)
  if (!registry) return
  move(parts, task, 'DEACTIVATING')
  await parts.clock.sleep(TIMES.deactivate)
  parts.cloudMap.deregister(registry, task.id)
  endings.push(() => parts.cloudMap.deregister(registry, task.id))
}

/** Ends when the first essential container does; the task then has to stop. */
async function essentialExit(parts: TaskParts, task: Task) {
  const essential = containersOf(task.taskDefinition).flatMap((view, index) =>
    view.essential ? (task.containers[index]?.running ?? []) : [],
  )
  await Promise.race(essential.map(running => running.exited))
  if (task.desiredStatus === 'RUNNING')
    requestStop(parts, task, 'EssentialContainerExited', 'Essential container in task exited')
}

async function stopContainers(parts: TaskParts, task: Task) {
  move(parts, task, 'STOPPING')
  const views = containersOf(task.taskDefinition)
  for (const [index, container] of task.containers.entries())
    if (container.exitCode === undefined) container.running?.stop(views[index]?.stopTimeout ?? 30)
  await Promise.all(task.containers.map(container => container.running?.exited))
  for (const container of task.containers) container.lastStatus = 'STOPPED'
}

function requestStop(parts: TaskParts, task: Task, code: string, reason: string) {
  task.desiredStatus = 'STOPPED'
  task.stopCode = code
  task.stoppedReason = reason
  task.times.stoppingAt = parts.clock.now()
  task.version += 1
  if (code === 'TaskFailedToStart')
    for (const container of task.containers)
      container.reason = reason.startsWith('CannotPull') ? reason : undefined
  parts.changed(task)
}

function move(parts: TaskParts, task: Task, status: TaskStatus, time?: keyof Task['times']) {
  task.lastStatus = status
  task.version += 1
  if (time) task.times[time] = parts.clock.now()
  parts.changed(task)
}

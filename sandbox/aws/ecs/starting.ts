import type { Image } from '../images.ts'
import { isObject } from '../json.ts'
import type { Mount } from '../runtime/program.ts'
import { type ContainerView, containersOf, efsVolume } from './container.ts'
import { containerEnvironment, overrideOf, platformOf, pullProblem } from './launch.ts'
import type { TaskParts } from './tasks.ts'
import type { Task, TaskContainer } from './types.ts'

/** Everything that can go wrong before a container starts, in the order in which Fargate meets it. */
export function prepare(
  parts: TaskParts,
  task: Task,
): { containers: readonly Prepared[] } | { problem: string } {
  const arranged = parts.taskFaults.of(task)?.stoppedReason
  if (arranged !== undefined) return { problem: arranged }
  const containers: Prepared[] = []
  for (const [index, view] of containersOf(task.taskDefinition).entries()) {
    const container = task.containers[index]
    if (!container) continue
    const one = prepareContainer(parts, task, view, container)
    if ('problem' in one) return one
    containers.push(one)
  }
  return { containers }
}

export type Prepared = {
  readonly view: ContainerView
  readonly container: TaskContainer
  readonly image: Image
  readonly environment: Readonly<Record<string, string>>
  readonly mount: Mount | undefined
}

function prepareContainer(
  parts: TaskParts,
  task: Task,
  view: ContainerView,
  container: TaskContainer,
): Prepared | { problem: string } {
  const point = view.mounts.find(({ volume }) => isObject(efsVolume(task.taskDefinition, volume)))
  const volume = point && efsVolume(task.taskDefinition, point.volume)
  const { subnetId, address, input } = task
  const place = { subnetId, address, securityGroups: input.securityGroups }
  const mounted = volume ? parts.efs.mount({ volume, ...place }) : undefined
  if (mounted && 'problem' in mounted) return mounted
  const environment = containerEnvironment(parts.secrets, view, overrideOf(task, view.name))
  if ('problem' in environment) return environment
  const group = view.logs?.['awslogs-group']
  if (group && view.logs?.['awslogs-create-group'] !== 'true' && !parts.logs.groups.has(group))
    return { problem: missingLogGroup(group) }
  const found = parts.images.find(container.image)
  const problem = pullProblem(found, platformOf(task.taskDefinition))
  if (problem !== undefined || !found.found) return { problem: problem ?? 'CannotPullContainerError' }
  const mount = point && mounted && { ...mounted, path: point.path, readOnly: point.readOnly }
  return { view, container, image: found.image, environment: environment.values, mount }
}

const missingLogGroup = (group: string) =>
  `ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : log group ${group}: exit status 1`

export async function launch(parts: TaskParts, task: Task, prepared: Prepared) {
  const { view, container } = prepared
  const override = overrideOf(task, view.name)
  const running = await parts.runtime.start({
    image: prepared.image,
    environment: prepared.environment,
    entryPoint: view.entryPoint,
    command: override.command ?? view.command,
    ports: view.ports,
    mount: prepared.mount,
    source: `task/${task.id}`,
    hostname: `ip-${task.address.replaceAll('.', '-')}.ap-northeast-1.compute.internal`,
    onLine: lineWriter(parts, task, prepared),
  })
  container.running = running
  container.imageDigest = prepared.image.digest
  void running.exited.then(exit => {
    // A program may be over before the signal comes to it: what counts is that it was to be killed.
    container.exitCode = killed.has(container) ? 137 : exit.code
    if (exit.reason !== undefined) container.reason = exit.reason
    container.lastStatus = 'STOPPED'
    parts.changed(task)
  })
  await running.settled
  if (container.exitCode === undefined) container.lastStatus = 'RUNNING'
}

const killed = new WeakSet<TaskContainer>()

/** The stream is `<prefix>/<container>/<task id>`; without a prefix there is no log, as on Fargate. */
function lineWriter(parts: TaskParts, task: Task, { view, container }: Prepared): (line: string) => void {
  const group = view.logs?.['awslogs-group']
  const prefix = view.logs?.['awslogs-stream-prefix']
  if (!group || !prefix) return () => undefined
  const { killedAfter, lines = (line: string) => [line], logLag } = parts.taskFaults.of(task) ?? {}
  const append = (line: string) => parts.logs.append(group, `${prefix}/${view.name}/${task.id}`, line)
  let printed = 0
  return line => {
    if (killedAfter !== undefined && printed >= killedAfter) return
    printed += 1
    for (const text of lines(line)) {
      if (logLag === undefined) append(text)
      else parts.clock.after(logLag, () => append(text))
    }
    if (printed !== killedAfter) return
    killed.add(container)
    container.running?.kill()
  }
}

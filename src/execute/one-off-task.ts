import { createHash } from 'node:crypto'
import { explain } from '../errors/errors.ts'
import type { Cloud, DerivedTask, EcsService, EcsTask, TaskDefinition } from '../ports/cloud.ts'
import type { Execution } from './execution.ts'
import { waitFor } from './wait.ts'

/** A Fargate task that does one thing and ends. It runs in the network of an ECS service. */
export type OneOffTask = {
  /** Its name in sentences, before its id. */
  readonly called: string
  /** Its name in time-out sentences, if not the task. */
  readonly what?: string
  readonly base: TaskDefinition
  readonly derived: DerivedTask
  /** Identifies its task definitions. */
  readonly tag: string
  readonly service: EcsService
}

type Output = {
  /** Reads new lines. */
  more(): Promise<void>
  /** Whether waiting can end although the task still runs. */
  isOver?(): boolean
  /** Whether the output is complete. */
  isRead(exitCode: number): boolean
  /** How long to wait for the rest: CloudWatch Logs lags some seconds. */
  settleMs(exitCode: number): number
}

type Ports = Pick<Execution, 'cloud' | 'clock' | 'deadline' | 'signal' | 'say'>

/** The same for every run on this service, so that a run finds tasks of earlier ones; at most 36 characters. */
export function startedBy(container: string, { arn }: EcsService): string {
  return `langfuse-rollout-${container}/${hash(arn).slice(0, 10)}`
}

/** A separate family, named after the one that it is derived from; at most 255 characters. */
export function familyOf(container: string, { family }: TaskDefinition): string {
  return `${family.slice(0, 240)}-${container}`
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/**
 * Deregisters the task definition as soon as the task started, before anything can interrupt the run: a running task
 * does not need it ("existing tasks … continue to run without disruption", DeregisterTaskDefinition).
 * @throws ECS's error
 */
export async function startTask(task: OneOffTask, ports: Omit<Ports, 'deadline'>): Promise<EcsTask> {
  const { ecs } = ports.cloud
  const { cluster, subnets, securityGroups, assignPublicIp } = task.service
  const taskDefinition = await ecs.registerDerived(task.base, task.derived)
  const network = { subnets, securityGroups, assignPublicIp }
  const names = { startedBy: startedBy(task.derived.name, task.service), clientToken: hash(taskDefinition) }
  try {
    return await ecs.runTask({ cluster, taskDefinition, ...network, ...names })
  } finally {
    await tidy(taskDefinition, task, ports)
  }
}

const FORGOTTEN_MS = 60 * 60_000

/**
 * Deregisters a task definition, those of lost answers (the same tag), and old ones that killed runs left: younger ones
 * may belong to a concurrent run.
 */
export async function tidy(
  taskDefinition: string,
  { derived, tag }: OneOffTask,
  { cloud: { ecs }, clock, say }: Omit<Ports, 'deadline'>,
): Promise<void> {
  const forget = (arn: string) =>
    ecs.deregister(arn).catch(error => {
      say(`Warning: could not deregister task definition ${arn} (${explain(error)}): deregister it yourself.`)
    })
  await forget(taskDefinition)
  const revisions = await ecs.activeRevisions(derived.family, tag).catch(() => [])
  const before = clock.now() - FORGOTTEN_MS
  for (const { arn, tag: value, registeredAt = before } of revisions)
    if (arn !== taskDefinition && (value === derived.tags[tag] || registeredAt < before)) await forget(arn)
}

/** A task needs half a minute to start. Its log is read more often only where the log, not the state, shows the end. */
const TASK_EVERY_MS = 4_000
const BEFORE_ITS_START = new Set(['PROVISIONING', 'PENDING', 'ACTIVATING'])

/** Waits until `task` stopped and its output is read to the end, or until the output is over. */
export async function followTask(
  task: EcsTask,
  oneOff: OneOffTask,
  output: Output,
  ports: Ports,
): Promise<EcsTask> {
  const { cloud, clock, signal } = ports
  const name = `${oneOff.called} ${task.id}`
  let seen: EcsTask | undefined = task
  let askedAt = clock.now()
  const ended = await waitFor<EcsTask>(
    async () => {
      if (seen === undefined || clock.now() - askedAt >= TASK_EVERY_MS) {
        askedAt = clock.now()
        seen = await cloud.ecs.task(oneOff.service.cluster, task.arn)
      }
      if (seen === undefined) return { state: 'waiting', note: `ECS does not show ${name} yet` }
      const { lastStatus } = seen
      const waits = BEFORE_ITS_START.has(lastStatus)
      if (!waits) await output.more()
      if (lastStatus === 'STOPPED' || output.isOver?.()) return { state: 'settled', value: seen }
      return {
        state: 'waiting',
        note: `${name} is ${lastStatus}`,
        ...((waits || output.isOver === undefined) && { every: TASK_EVERY_MS }),
      }
    },
    { ...ports, what: oneOff.what ?? name },
  )
  const exitCode = exitCodeOf(ended, oneOff)
  if (exitCode === undefined) return ended
  const until = clock.now() + output.settleMs(exitCode)
  while (!output.isRead(exitCode) && clock.now() < until && !signal.aborted) {
    await clock.sleep(2_000, signal).catch(() => undefined)
    await output.more().catch(() => undefined)
  }
  return ended
}

/** undefined: the container never ran, or still runs. */
export function exitCodeOf(task: EcsTask, { derived }: OneOffTask): number | undefined {
  return task.containers.find(({ name }) => name === derived.name)?.exitCode
}

/** @returns a sentence: whether ECS accepted the request */
export async function stopTask(task: EcsTask, oneOff: OneOffTask, { ecs }: Cloud): Promise<string> {
  const name = `${oneOff.called} ${task.id}`
  try {
    await ecs.stopTask(oneOff.service.cluster, task.arn, 'Langfuse Rollout no longer waits for this task')
    return `This run asked ECS to stop ${name}.`
  } catch (error) {
    return `This run could not ask ECS to stop ${name} (${explain(error)}): check that it stopped before you run again.`
  }
}

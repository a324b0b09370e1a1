import { createHash, randomBytes } from 'node:crypto'
import { Denied } from '../errors/denied.ts'
import { explain } from '../errors/explain.ts'
import { NeverStarted } from '../errors/never-started.ts'
import { NoEvidence } from '../errors/no-evidence.ts'
import { Interrupted } from '../errors/rollout-error.ts'
import { reasonsOf } from '../execute/cause.ts'
import { knownCause } from '../execute/classify-log.ts'
import { waitFor } from '../execute/wait.ts'
import type { Clock } from '../ports/clock.ts'
import type { Cloud, EcsTask } from '../ports/cloud.ts'
import type { EcsComponent } from '../stack/stack.ts'
import type { Job, JobFailure, Spec } from './job.ts'
import { CONTAINER, familyOf, orderOf, TAG, type Volume } from './order.ts'
import { type Answer, createReader, type Reader } from './protocol.ts'

/** What starting an agent needs. */
export type Place = {
  readonly cloud: Cloud
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly say: (line: string) => void
  /** Beside which the agent stands, unless it is to mount a volume. */
  readonly worker: EcsComponent
  readonly volume?: Volume
}

export type Errand = {
  readonly job: Job
  /** The bundle that does it. */
  readonly program: string
  /** What it is for, in a few words. */
  readonly what: string
  /** Milliseconds for all of it. */
  readonly timeoutMs: number
  /** Told of the agent's own progress. */
  readonly onSay: (line: string) => void
}

/** What became of an errand: a whole answer. Everything else is thrown. */
export type Outcome =
  | { readonly state: 'result'; readonly value: unknown }
  | { readonly state: 'failure'; readonly failure: JobFailure }

/**
 * Runs one job in a one-off Fargate task beside the worker. The task definition goes as soon as the task was
 * started, the task ends by itself, and is told to stop where its end is not waited for.
 * @throws Denied, Interrupted, or NoEvidence with the reason why there is no answer
 */
export async function runAgent(errand: Errand, place: Place): Promise<Outcome> {
  const stream = logOf(place.worker)
  assertPlace(place)
  const spec = {
    nonce: randomBytes(8).toString('hex'),
    timeoutMs: Math.max(1_000, errand.timeoutMs - ENDING_MS),
    job: errand.job,
  }
  const deadline = place.clock.now() + errand.timeoutMs
  const task = await start(spec, errand, place)
  const reader = createReader(spec.nonce, errand.onSay)
  const log = createLog({ ...stream, stream: `${stream.prefix}/${CONTAINER}/${task.id}` }, reader, place)
  let left = true
  try {
    const ended = await follow({ task, log, errand, deadline }, place)
    left = ended !== undefined && ended.lastStatus !== 'STOPPED'
    if (ended !== undefined) await readToTheEnd(ended, log, place)
    return outcomeOf(ended, log, errand)
  } finally {
    if (left) await stop(task, place)
  }
}

/** The agent has to be over before nobody listens any more. */
const ENDING_MS = 20_000

type Stream = { readonly group: string; readonly prefix: string }

function logOf({ container, taskDefinition }: EcsComponent): Stream {
  const { logGroup, logStreamPrefix } = container
  if (logGroup !== undefined && logStreamPrefix !== undefined)
    return { group: logGroup, prefix: logStreamPrefix }
  throw new NoEvidence(
    `container ${container.name} of task definition ${taskDefinition.arn} has no awslogs configuration with a stream prefix, which the agent answers through: give it one, or use \`network: direct\``,
    { lasting: true },
  )
}

/** Beside whom it stands. */
function host({ worker, volume }: Place): EcsComponent {
  return volume?.of ?? worker
}

function assertPlace(place: Place): void {
  const { signal } = place
  const { service } = host(place)
  if (signal.aborted) throw new Interrupted('The run was cancelled before the agent was started.')
  if (service.subnets.length > 0) return
  throw new NoEvidence(
    `ECS service ${service.name} has no subnets (its network mode is not awsvpc), so no Fargate task can stand where it stands: use \`network: direct\``,
    { lasting: true },
  )
}

async function start(spec: Spec, { what, job, program }: Errand, place: Place): Promise<EcsTask> {
  const { cloud, worker, say, volume } = place
  const { service } = host(place)
  const { taskDefinition: base } = worker
  const derived = orderOf(spec, program, worker, volume)
  const taskDefinition = await begun(() => cloud.ecs.registerDerived(base, derived))
  try {
    const task = await begun(() =>
      cloud.ecs.runTask({
        cluster: service.cluster,
        taskDefinition,
        subnets: service.subnets,
        securityGroups: service.securityGroups,
        assignPublicIp: service.assignPublicIp,
        startedBy: `${TAG}/${hash(service.arn).slice(0, 10)}`,
        clientToken: hash(taskDefinition),
      }),
    )
    say(
      `ECS starts the agent (task ${task.id}, beside ${service.name}) to ${what}${READS.has(job.kind) ? ' (it only reads)' : ''}; that takes about a minute`,
    )
    return task
  } finally {
    await tidy(taskDefinition, spec, place)
  }
}

const READS: ReadonlySet<Job['kind']> = new Set(['observe', 'mount'])

const hash = (text: string) => createHash('sha256').update(text).digest('hex')

async function begun<Value>(call: () => Promise<Value>): Promise<Value> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof Denied) throw error
    throw new NoEvidence(`the agent could not be started: ${knownCause([explain(error)])}${explain(error)}`, {
      lasting: false,
      cause: error,
    })
  }
}

const FORGOTTEN_MS = 60 * 60_000

/**
 * Ours, those of lost answers (the same nonce), and what runs that were killed have left: by its age, because
 * another run may be about to start an agent too. A running task needs its definition no more.
 */
async function tidy(taskDefinition: string, { nonce }: Spec, place: Place): Promise<void> {
  const { cloud, clock, say } = place
  const family = familyOf(host(place).taskDefinition.family)
  const forget = (arn: string) =>
    cloud.ecs.deregister(arn).catch(error => {
      say(
        `Warning: task definition ${arn} could not be deregistered (${explain(error)}): deregister it yourself.`,
      )
    })
  await forget(taskDefinition)
  const revisions = await cloud.ecs.activeRevisions(family, TAG).catch(() => [])
  const before = clock.now() - FORGOTTEN_MS
  const left = revisions.filter(({ tag, registeredAt }) => tag === nonce || (registeredAt ?? before) < before)
  for (const { arn } of left) if (arn !== taskDefinition) await forget(arn)
}

/** Characters that no honest answer has: the state of the stores is some tens of kilobytes. */
const LONGEST_LOG = 4_000_000

type Log = {
  more(): Promise<void>
  answer(): Answer
  /** Why reading on is of no use. */
  problem(): Denied | NoEvidence | undefined
}

function createLog(
  { group, stream }: { readonly group: string; readonly stream: string },
  reader: Reader,
  { cloud }: Place,
): Log {
  let position: string | undefined
  let size = 0
  let problem: Denied | NoEvidence | undefined
  return {
    async more() {
      if (problem !== undefined) return
      const page = await cloud.logs.follow(group, stream, position, LONGEST_LOG)
      position = page.position
      size += page.lines.reduce((sum, line) => sum + line.length, 0)
      if (page.denied) problem = new Denied('logs:GetLogEvents', new Error(`log group ${group}`))
      if (size > LONGEST_LOG) problem = tooLong()
      if (problem === undefined) reader.take(page.lines)
    },
    answer: reader.answer,
    problem: () => problem,
  }
}

function tooLong(): NoEvidence {
  const most = LONGEST_LOG / 1_000_000
  return new NoEvidence(`the agent's log has more than ${most} MB, which is no answer`, { lasting: false })
}

type Following = {
  readonly task: EcsTask
  readonly log: Log
  readonly errand: Errand
  readonly deadline: number
}

const BEFORE_ITS_START = new Set(['PROVISIONING', 'PENDING', 'ACTIVATING'])

/** Until the answer is whole (undefined), the task has stopped, or there is no use in waiting. */
function follow({ task, log, errand, deadline }: Following, place: Place): Promise<EcsTask | undefined> {
  const { cloud, worker } = place
  let answered: EcsTask | undefined = task
  return waitFor(
    async () => {
      // What RunTask has answered is the first look.
      const seen = answered ?? (await cloud.ecs.task(worker.service.cluster, task.arn))
      answered = undefined
      if (seen === undefined) return { state: 'waiting', note: "ECS does not show the agent's task yet" }
      if (!BEFORE_ITS_START.has(seen.lastStatus)) await log.more()
      if (isWhole(log.answer())) return { state: 'settled', value: undefined }
      if (seen.lastStatus === 'STOPPED' || log.problem()) return { state: 'settled', value: seen }
      return {
        state: 'waiting',
        note: `the agent's task is ${seen.lastStatus}`,
        pace: seen.lastStatus === 'RUNNING' ? 'near' : 'usual',
      }
    },
    { ...place, deadline, what: `the agent that was to ${errand.what}` },
  )
}

function isWhole(answer: Answer): answer is Outcome {
  return answer.state === 'result' || answer.state === 'failure'
}

const LOG_PATIENCE_MS = 60_000
/** A task that did not end as an agent ends has no last line to wait for, only lines on their way. */
const SHORT_PATIENCE_MS = 10_000

/** CloudWatch Logs is some seconds late. */
async function readToTheEnd(ended: EcsTask, log: Log, { clock, signal }: Place): Promise<void> {
  const exitCode = exitCodeOf(ended)
  if (exitCode === undefined) return
  const until = clock.now() + (exitCode === 0 || exitCode === 3 ? LOG_PATIENCE_MS : SHORT_PATIENCE_MS)
  while (log.answer().state === 'open' && !log.problem() && clock.now() < until && !signal.aborted) {
    await clock.sleep(2_000, signal).catch(() => undefined)
    await log.more().catch(() => undefined)
  }
}

function exitCodeOf(task: EcsTask): number | undefined {
  return task.containers.find(container => container.name === CONTAINER)?.exitCode
}

function outcomeOf(ended: EcsTask | undefined, log: Log, { what }: Errand): Outcome {
  const answer = log.answer()
  const problem = log.problem()
  if (problem !== undefined) throw problem
  if (isWhole(answer)) return answer
  const exitCode = ended && exitCodeOf(ended)
  const never = ended !== undefined && exitCode === undefined
  const cause = knownCause(ended === undefined ? [] : reasonsOf(ended))
  const sentence = (why: string) => `${cause}the agent that was to ${what} gave no whole answer: ${why}`
  if (never) {
    const reason = ended.stoppedReason ?? 'ECS gives no reason'
    throw new NeverStarted(sentence(`its task never started (${reason})`), reason)
  }
  const code = exitCode === undefined ? '' : `, and its task ended with exit code ${exitCode}`
  throw new NoEvidence(sentence(`${answer.reason}${code}`), { lasting: false })
}

async function stop(task: EcsTask, { cloud, worker, say }: Place): Promise<void> {
  const { cluster } = worker.service
  try {
    await cloud.ecs.stopTask(cluster, task.arn, 'Langfuse Rollout does not wait for it any more')
    say(`ECS was told to stop the agent's task ${task.id}.`)
  } catch (error) {
    say(
      `Warning: ECS could not be told to stop the agent's task ${task.id} (${explain(error)}): stop it yourself.`,
    )
  }
}

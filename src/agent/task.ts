import { randomBytes } from 'node:crypto'
import { Denied } from '../errors/denied.ts'
import { explain } from '../errors/explain.ts'
import { NeverStarted } from '../errors/never-started.ts'
import { NoEvidence } from '../errors/no-evidence.ts'
import { Interrupted } from '../errors/rollout-error.ts'
import { reasonsOf } from '../execute/cause.ts'
import { knownCause } from '../execute/classify-log.ts'
import { exitCodeOf, followTask, type OneOffTask, startTask, stopTask } from '../execute/one-off-task.ts'
import { logPlace } from '../execute/task-log.ts'
import type { Clock } from '../ports/clock.ts'
import type { Cloud, EcsTask } from '../ports/cloud.ts'
import type { EcsComponent } from '../stack/stack.ts'
import type { Job, JobFailure } from './job.ts'
import { CONTAINER, orderOf, TAG, type Volume } from './order.ts'
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
  assertPlace(place)
  const { cloud, clock, say, worker, volume } = place
  const nonce = randomBytes(8).toString('hex')
  const spec = { nonce, timeoutMs: Math.max(1_000, errand.timeoutMs - ENDING_MS), job: errand.job }
  const deadline = clock.now() + errand.timeoutMs
  const order: OneOffTask = {
    called: "the agent's task",
    what: `the agent that was to ${errand.what}`,
    base: worker.taskDefinition,
    derived: orderOf(spec, errand.program, worker, volume),
    tag: TAG,
    service: host(place).service,
    pace: 'near',
  }
  const task = await start(order, errand, place)
  const log = createLog(task, createReader(nonce, errand.onSay), place)
  const isOver = () => isWhole(log.answer()) || log.problem() !== undefined
  const isRead = () => isOver() || log.answer().state !== 'open'
  let left = true
  try {
    const ended = await followTask(
      task,
      order,
      { more: log.more, isOver, isRead, patienceMs },
      { ...place, deadline },
    )
    left = !isWhole(log.answer()) && ended.lastStatus !== 'STOPPED'
    return outcomeOf(ended, log, order)
  } finally {
    if (left) say(await stopTask(task, order, cloud))
  }
}

/** The agent has to be over before nobody listens any more. */
const ENDING_MS = 20_000

/** A task that did not end as an agent ends has no last line to wait for, only lines on their way. */
function patienceMs(exitCode: number): number {
  return exitCode === 0 || exitCode === 3 ? 60_000 : 10_000
}

/** Beside whom it stands. */
function host({ worker, volume }: Place): EcsComponent {
  return volume?.of ?? worker
}

function assertPlace(place: Place): void {
  const { signal, worker } = place
  const { logGroup, logStreamPrefix, name } = worker.container
  if (logGroup === undefined || logStreamPrefix === undefined) {
    throw new NoEvidence(
      `container ${name} of task definition ${worker.taskDefinition.arn} has no awslogs configuration with a stream prefix, which the agent answers through: give it one, or use \`network: direct\``,
      { lasting: true },
    )
  }
  const { service } = host(place)
  if (signal.aborted) throw new Interrupted('The run was cancelled before the agent was started.')
  if (service.subnets.length > 0) return
  throw new NoEvidence(
    `ECS service ${service.name} has no subnets (its network mode is not awsvpc), so no Fargate task can stand where it stands: use \`network: direct\``,
    { lasting: true },
  )
}

async function start(order: OneOffTask, { what, job }: Errand, place: Place): Promise<EcsTask> {
  try {
    const task = await startTask(order, place)
    place.say(
      `ECS starts the agent (task ${task.id}, beside ${order.service.name}) to ${what}${READS.has(job.kind) ? ' (it only reads)' : ''}; that takes about a minute`,
    )
    return task
  } catch (error) {
    if (error instanceof Denied) throw error
    throw new NoEvidence(`the agent could not be started: ${knownCause([explain(error)])}${explain(error)}`, {
      lasting: false,
      cause: error,
    })
  }
}

const READS: ReadonlySet<Job['kind']> = new Set(['observe', 'mount'])

/** Characters that no honest answer has: the state of the stores is some tens of kilobytes. */
const LONGEST_LOG = 4_000_000

type Log = {
  more(): Promise<void>
  answer(): Answer
  /** Why reading on is of no use. */
  problem(): Denied | NoEvidence | undefined
}

function createLog(task: EcsTask, reader: Reader, { cloud, worker }: Place): Log {
  const place = logPlace(worker.container, CONTAINER, task)
  let position: string | undefined
  let size = 0
  let problem: Denied | NoEvidence | undefined
  return {
    async more() {
      if (problem !== undefined || place === undefined) return
      const page = await cloud.logs.follow(place.group, place.stream, position, LONGEST_LOG)
      position = page.position
      size += page.lines.reduce((sum, line) => sum + line.length, 0)
      if (page.denied) problem = new Denied('logs:GetLogEvents', new Error(`log group ${place.group}`))
      if (size > LONGEST_LOG)
        problem = new NoEvidence("the agent's log has more than 4 MB, which is no answer", { lasting: false })
      if (problem === undefined) reader.take(page.lines)
    },
    answer: reader.answer,
    problem: () => problem,
  }
}

function isWhole(answer: Answer): answer is Outcome {
  return answer.state === 'result' || answer.state === 'failure'
}

function outcomeOf(ended: EcsTask, log: Log, order: OneOffTask): Outcome {
  const answer = log.answer()
  const problem = log.problem()
  if (problem !== undefined) throw problem
  if (isWhole(answer)) return answer
  const exitCode = exitCodeOf(ended, order)
  const cause = knownCause(reasonsOf(ended))
  const sentence = (why: string) => `${cause}${order.what} gave no whole answer: ${why}`
  if (exitCode === undefined) {
    const reason = ended.stoppedReason ?? 'ECS gives no reason'
    throw new NeverStarted(sentence(`its task never started (${reason})`), reason)
  }
  throw new NoEvidence(sentence(`${answer.reason}, and its task ended with exit code ${exitCode}`), {
    lasting: false,
  })
}

import { randomBytes } from 'node:crypto'
import { Denied, explain, Interrupted, NeverStarted, NoEvidence } from '../errors/errors.ts'
import { knownCause } from '../execute/classify-log.ts'
import {
  exitCodeOf,
  familyOf,
  followTask,
  type OneOffTask,
  startTask,
  stopTask,
} from '../execute/one-off-task.ts'
import { logLocation, reasonsOf } from '../execute/task-log.ts'
import type { Cloud, DerivedTask, EcsTask } from '../ports/cloud.ts'
import type { Clock } from '../ports/runner.ts'
import { pinned } from '../release/image.ts'
import type { EcsComponent } from '../stack/stack.ts'
import type { Job, JobFailure, Spec } from './job.ts'
import { compress } from './library.ts'
import { type Answer, createReader, type Reader } from './protocol.ts'

/** What starting an agent needs. */
export type AgentContext = {
  readonly cloud: Cloud
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly say: (line: string) => void
  /** Beside which the agent stands, unless it is to mount a volume. */
  readonly worker: EcsComponent
  readonly volume?: Volume
}

export type AgentRequest = {
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
export async function runAgent(request: AgentRequest, context: AgentContext): Promise<Outcome> {
  assertPlacement(context)
  const { cloud, clock, say, worker, volume } = context
  const nonce = randomBytes(8).toString('hex')
  const spec = { nonce, timeoutMs: Math.max(1_000, request.timeoutMs - ENDING_MS), job: request.job }
  const deadline = clock.now() + request.timeoutMs
  const oneOff: OneOffTask = {
    called: "the agent's task",
    what: `the agent that was to ${request.what}`,
    base: worker.taskDefinition,
    derived: agentDefinition(spec, request.program, worker, volume),
    tag: TAG,
    service: host(context).service,
    pace: 'near',
  }
  const task = await start(oneOff, request, context)
  const log = createLog(task, createReader(nonce, request.onSay), context)
  const isOver = () => isWhole(log.answer()) || log.problem() !== undefined
  const isRead = () => isOver() || log.answer().state !== 'open'
  let left = true
  try {
    const ended = await followTask(
      task,
      oneOff,
      { more: log.more, isOver, isRead, settleMs },
      { ...context, deadline },
    )
    left = !isWhole(log.answer()) && ended.lastStatus !== 'STOPPED'
    return outcomeOf(ended, log, oneOff)
  } finally {
    if (left) say(await stopTask(task, oneOff, cloud))
  }
}

/** The agent has to be over before nobody listens any more. */
const ENDING_MS = 20_000

/** A task that did not end as an agent ends has no last line to wait for, only lines on their way. */
function settleMs(exitCode: number): number {
  return exitCode === 0 || exitCode === 3 ? 60_000 : 10_000
}

/** Beside whom it stands. */
function host({ worker, volume }: AgentContext): EcsComponent {
  return volume?.of ?? worker
}

function assertPlacement(context: AgentContext): void {
  const { signal, worker } = context
  const { logGroup, logStreamPrefix, name } = worker.container
  if (logGroup === undefined || logStreamPrefix === undefined) {
    throw new NoEvidence(
      `container ${name} of task definition ${worker.taskDefinition.arn} has no awslogs configuration with a stream prefix, which the agent answers through: give it one, or use \`network: direct\``,
      { lasting: true },
    )
  }
  const { service } = host(context)
  if (signal.aborted) throw new Interrupted('The run was cancelled before the agent was started.')
  if (service.subnets.length > 0) return
  throw new NoEvidence(
    `ECS service ${service.name} has no subnets (its network mode is not awsvpc), so no Fargate task can stand where it stands: use \`network: direct\``,
    { lasting: true },
  )
}

async function start(
  oneOff: OneOffTask,
  { what, job }: AgentRequest,
  context: AgentContext,
): Promise<EcsTask> {
  try {
    const task = await startTask(oneOff, context)
    context.say(
      `ECS starts the agent (task ${task.id}, beside ${oneOff.service.name}) to ${what}${READS.has(job.kind) ? ' (it only reads)' : ''}; that takes about a minute`,
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

function createLog(task: EcsTask, reader: Reader, { cloud, worker }: AgentContext): Log {
  const location = logLocation(worker.container, CONTAINER, task)
  let position: string | undefined
  let size = 0
  let problem: Denied | NoEvidence | undefined
  return {
    async more() {
      if (problem !== undefined || location === undefined) return
      const page = await cloud.logs.follow(location.group, location.stream, position, LONGEST_LOG)
      position = page.position
      size += page.lines.reduce((sum, line) => sum + line.length, 0)
      if (page.denied) problem = new Denied('logs:GetLogEvents', new Error(`log group ${location.group}`))
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

function outcomeOf(ended: EcsTask, log: Log, oneOff: OneOffTask): Outcome {
  const answer = log.answer()
  const problem = log.problem()
  if (problem !== undefined) throw problem
  if (isWhole(answer)) return answer
  const exitCode = exitCodeOf(ended, oneOff)
  const cause = knownCause(reasonsOf(ended))
  const sentence = (why: string) => `${cause}${oneOff.what} gave no whole answer: ${why}`
  if (exitCode === undefined) {
    const reason = ended.stoppedReason ?? 'ECS gives no reason'
    throw new NeverStarted(sentence(`its task never started (${reason})`), reason)
  }
  throw new NoEvidence(sentence(`${answer.reason}, and its task ended with exit code ${exitCode}`), {
    lasting: false,
  })
}

export const CONTAINER = 'agent'
export const TAG = 'langfuse-rollout-agent'

/** ECS takes 64 KiB; how exactly it counts is not documented, so some is left over. */
const LARGEST_DEFINITION = 63_000

/**
 * The task definition of one agent: the worker's image, roles, size and log configuration, of its environment only
 * what leads to the stores, and the program itself, which stands in a variable. Its own entry point, so that whatever
 * the image would do when it starts is not done. Pure.
 */
export function agentDefinition(
  spec: Spec,
  program: string,
  { container, taskDefinition, image }: EcsComponent,
  volume?: Volume,
): DerivedTask {
  const payload = compress(JSON.stringify({ program, spec })).toString('base64')
  const stores = volume === undefined ? container : { environment: {}, secrets: {} }
  return {
    family: familyOf(CONTAINER, (volume?.of ?? { taskDefinition }).taskDefinition),
    from: container.name,
    name: CONTAINER,
    image: pinned(image),
    entryPoint: ['node', '-e', BOOTSTRAP],
    // Without one the image's own would be its arguments.
    command: ['langfuse-rollout-agent'],
    architecture: taskDefinition.architecture === 'ARM64' ? 'ARM64' : 'X86_64',
    environment: { ...only(stores.environment), [PAYLOAD]: payload },
    secrets: only(stores.secrets),
    ...(volume && {
      mount: { of: volume.of.taskDefinition, volume: volume.name, path: MOUNTED_AT, user: CLICKHOUSE },
    }),
    tags: { [TAG]: spec.nonce },
  }
}

/** One of another component: the agent then stands where that one stands, is told of no store, and mounts it. */
export type Volume = { readonly of: EcsComponent; readonly name: string }

export const MOUNTED_AT = '/mnt/clickhouse'

/** uid and gid in ClickHouse's own image: the agent sees what ClickHouse would. */
const CLICKHOUSE = '101:101'

const PAYLOAD = 'LANGFUSE_ROLLOUT_AGENT'

/** What `node -e` is told: CommonJS, for Node 20 and later. */
const BOOTSTRAP = [
  `const n='${PAYLOAD}',{env:e}=process`,
  `b=require('node:zlib').brotliDecompressSync(Buffer.from(e[n],'base64'))`,
  `p=JSON.parse(b),m={exports:{}};delete e[n]`,
]
  .join(',')
  .concat(
    `;new Function('require','module','exports',p.program)(require,m,m.exports);m.exports.agent(p.spec)`,
  )

/** What leads to the stores, and how TLS is trusted. */
const NEEDED = /^(DATABASE_|CLICKHOUSE_|REDIS_|PGSSL|NODE_EXTRA_CA_CERTS$)/

function only(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => NEEDED.test(name)))
}

/** Bytes that are left for more text in this order's task definition, before the base64 that it is carried in. */
export function roomIn(derived: DerivedTask, { taskDefinition }: EcsComponent, { ecs }: Cloud): number {
  return Math.floor(((LARGEST_DEFINITION - ecs.sizeOfDerived(taskDefinition, derived)) * 3) / 4)
}

import { randomBytes } from 'node:crypto'
import { Denied, explain, Interrupted, NeverStarted, NoEvidence } from '../errors/errors.ts'
import { classifyLog, knownCause } from '../execute/classify-log.ts'
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

export type AgentContext = {
  readonly cloud: Cloud
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly say: (line: string) => void
  /** The agent runs in its network, unless it mounts a volume. */
  readonly worker: EcsComponent
  readonly volume?: Volume
}

export type AgentRequest = {
  readonly job: Job
  readonly program: string
  /** Its purpose, after "to": `observe the databases`. */
  readonly what: string
  /** For everything, from the start of the task. */
  readonly timeoutMs: number
  readonly onSay: (line: string) => void
}

/** A complete answer. Everything else is thrown. */
export type Outcome =
  | { readonly state: 'result'; readonly value: unknown }
  | { readonly state: 'failure'; readonly failure: JobFailure }

/**
 * Runs one job in a one-off Fargate task in the worker's network. Stops the task if this run no longer waits for it.
 * @throws Denied, Interrupted, or NoEvidence with the reason why there is no answer
 */
export async function runAgent(request: AgentRequest, context: AgentContext): Promise<Outcome> {
  assertPlacement(context)
  const { cloud, clock, say, worker, volume } = context
  const nonce = randomBytes(8).toString('hex')
  const spec = { nonce, timeoutMs: Math.max(1_000, request.timeoutMs - ENDING_MS), job: request.job }
  const deadline = clock.now() + request.timeoutMs
  const oneOff: OneOffTask = {
    called: 'agent task',
    what: `the agent that should ${request.what}`,
    base: worker.taskDefinition,
    derived: agentDefinition(spec, request.program, worker, volume),
    tag: TAG,
    service: host(context).service,
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

/** The agent ends this long before the run stops waiting for it. */
const ENDING_MS = 20_000

/** After other exit codes there is no last line to wait for, only delayed lines. */
function settleMs(exitCode: number): number {
  return exitCode === 0 || exitCode === 3 ? 60_000 : 10_000
}

/** The component whose network the agent runs in. */
function host({ worker, volume }: AgentContext): EcsComponent {
  return volume?.of ?? worker
}

function assertPlacement(context: AgentContext): void {
  const { signal, worker } = context
  const { logGroup, logStreamPrefix, name } = worker.container
  if (logGroup === undefined || logStreamPrefix === undefined) {
    throw new NoEvidence(
      `container ${name} of task definition ${worker.taskDefinition.arn} has no awslogs configuration with a stream prefix, which the agent needs to return its result: add one, or use \`network: direct\``,
      { lasting: true },
    )
  }
  const { service } = host(context)
  if (signal.aborted) throw new Interrupted('The run was cancelled before the agent started.')
  if (service.subnets.length > 0) return
  throw new NoEvidence(
    `ECS service ${service.name} has no subnets (its network mode is not awsvpc), so a Fargate task cannot run in its network: use \`network: direct\``,
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
      `ECS started agent task ${task.id} in the network of ${oneOff.service.name} to ${what}${READS.has(job.kind) ? ' (read-only)' : ''}; this takes about a minute`,
    )
    return task
  } catch (error) {
    if (error instanceof Denied) throw error
    throw new NoEvidence(`ECS could not start the agent: ${knownCause([explain(error)])}${explain(error)}`, {
      lasting: false,
      cause: error,
    })
  }
}

const READS: ReadonlySet<Job['kind']> = new Set(['observe', 'mount', 'dependents'])

/** Characters. A real answer has some tens of kilobytes. */
const LONGEST_LOG = 4_000_000

type Log = {
  more(): Promise<void>
  answer(): Answer
  /** Why reading further is useless. */
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
        problem = new NoEvidence("the agent's log exceeds 4 MB, so it is not a result", { lasting: false })
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
  const known = classifyLog(reasonsOf(ended))
  const advice = known === undefined ? '' : `. ${known.cause}: ${known.fix}`
  if (exitCode === undefined) {
    const reason = ended.stoppedReason ?? 'ECS gives no reason'
    throw new NeverStarted(`${oneOff.what} never started (${reason})${advice}`, reason)
  }
  const why = `${answer.reason}, and its task ended with exit code ${exitCode}`
  throw new NoEvidence(`${oneOff.what} returned an incomplete result: ${why}${advice}`, { lasting: false })
}

export const CONTAINER = 'agent'
export const TAG = 'langfuse-rollout-agent'

/** ECS accepts 64 KiB but does not document how it counts, so this leaves some room. */
const LARGEST_DEFINITION = 63_000

/**
 * The task definition of one agent: the worker's image, roles, size and log configuration, only the environment that
 * points to the databases, and the program itself in a variable. It replaces the image's entry point. Pure.
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
    // Replaces the image's command, which would become arguments.
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

/** A volume to mount: the agent then runs in that component's network, without addresses of databases. */
export type Volume = { readonly of: EcsComponent; readonly name: string }

export const MOUNTED_AT = '/mnt/clickhouse'

/** uid and gid of ClickHouse's image: the agent has the same access. */
const CLICKHOUSE = '101:101'

const PAYLOAD = 'LANGFUSE_ROLLOUT_AGENT'

/** The argument of `node -e`: CommonJS, for Node 20 and later. */
const BOOTSTRAP = [
  `const n='${PAYLOAD}',{env:e}=process`,
  `b=require('node:zlib').brotliDecompressSync(Buffer.from(e[n],'base64'))`,
  `p=JSON.parse(b),m={exports:{}};delete e[n]`,
]
  .join(',')
  .concat(
    `;new Function('require','module','exports',p.program)(require,m,m.exports);m.exports.agent(p.spec)`,
  )

/** Addresses of the databases, and the TLS trust settings. */
const NEEDED = /^(DATABASE_|CLICKHOUSE_|REDIS_|PGSSL|NODE_EXTRA_CA_CERTS$)/

function only(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => NEEDED.test(name)))
}

/** Bytes of text that still fit into this task definition, before base64. */
export function roomIn(derived: DerivedTask, { taskDefinition }: EcsComponent, { ecs }: Cloud): number {
  return Math.floor(((LARGEST_DEFINITION - ecs.sizeOfDerived(taskDefinition, derived)) * 3) / 4)
}

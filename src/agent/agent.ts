import { Denied, explain, Interrupted, NeverStarted, NoEvidence } from '../errors/errors.ts'
import {
  type Execution,
  type RearmInside,
  StepFailed,
  type UndoCounts,
  type UndoInside,
} from '../execute/execution.ts'
import { type Step, titleOf, type UndoSchema } from '../plan/plan.ts'
import type { Cloud } from '../ports/cloud.ts'
import type { MountedFiles } from '../ports/databases.ts'
import type { Clock } from '../ports/runner.ts'
import type { CountedLoss, CountLosses, Loss } from '../stack/count-losses.ts'
import { dataVolume, isMountFailure } from '../stack/observe-storage.ts'
import {
  type Inside,
  type ProbeInside,
  type ProbeMount,
  unseenInside,
  workerAddresses,
} from '../stack/probe-inside.ts'
import { type EcsComponent, known, type Mount, type Observed, type Unseen, unknown } from '../stack/stack.ts'
import type { Answers, CountJob, Job, JobFailure, Library, RearmJob, Spec, Undone } from './job.ts'
import { partsOf, textsOf } from './library.ts'
import {
  type AgentContext,
  type AgentRequest,
  agentDefinition,
  MOUNTED_AT,
  type Outcome,
  roomIn,
  runAgent,
} from './run-agent.ts'

/** `network: task`: what a runner inside the VPC does itself is done by an agent there. */
type Agent = {
  readonly observe: ProbeInside
  readonly probeMount: ProbeMount
  readonly count: CountLosses
  readonly rearm: RearmInside
  readonly undo: UndoInside
}

type AgentOptions = {
  readonly cloud: Cloud
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly say: (line: string) => void
  /** Reads a bundle: the small one, or the one that undoes. */
  readonly program: (name: Program) => Promise<string>
  /** It was not asked for by name: where it cannot be had, the stores are not looked at, as if nobody had asked. */
  readonly optional: boolean
}

export type Program = 'observe' | 'undo'

export function createAgent(options: AgentOptions): Agent {
  const memory: Memory = { phases: new Map(), kept: undefined }
  return {
    observe: (worker, deepProbe = false) => observe({ ...options, worker }, deepProbe, options),
    probeMount: (worker, clickhouse) => probeMount({ ...options, worker }, clickhouse, options),
    count: (losses, worker) => count(losses, { ...options, worker }, options),
    rearm: {
      rearm: (names, execution) => converse({ kind: 'rearm', names }, execution, options),
      takenUp: (names, execution) => converse({ kind: 'take-up', names }, execution, options),
    },
    async undo(step, execution) {
      const { phases } = memory
      if (!phases.has(step)) {
        const context = { ...options, worker: execution.stack.worker }
        await undo(chainFrom(step, execution.plan.steps), { execution, context, memory, options })
      } else execution.say('The agent that was at the phase before has gone on with this one already.')
      const known = phases.get(step)
      if (known === undefined) throw new StepFailed('The agent did not come to this phase.', [])
      if (known instanceof Error) throw known
      return known
    },
  }
}

/** What one run's agents have come to. */
type Memory = {
  readonly phases: Map<Step, UndoCounts | Error>
  /** The library in PostgreSQL, once it had to go there. */
  kept: Kept | undefined
}

type Kept = { readonly id: string; readonly parts: number }

const OBSERVE_TIMEOUT_MS = 5 * 60_000

/** Never throws: a look that came to nothing is a picture of nothing, with the reason. */
async function observe(
  context: AgentContext,
  deepProbe: boolean,
  { program, optional }: AgentOptions,
): Promise<Inside> {
  const { worker, say } = context
  try {
    const outcome = await runAgent(
      {
        job: { kind: 'observe', workers: workerAddresses(worker), deepProbe },
        program: await program('observe'),
        what: 'look at the databases',
        timeoutMs: OBSERVE_TIMEOUT_MS,
        onSay: line => say(quoted(line)),
      },
      context,
    )
    if (outcome.state === 'failure') throw new NoEvidence(outcome.failure.sentence, { lasting: false })
    say('The agent has looked at the databases.')
    return outcome.value as Inside
  } catch (error) {
    const reason = `the databases were not seen, because ${explain(error)}${remedyFor(error)}`
    return unseenInside(reason, becauseOf(error, optional))
  }
}

/** Never throws. That ECS cannot mount the volume is what was to be found out, and no missing evidence. */
async function probeMount(
  context: AgentContext,
  clickhouse: EcsComponent,
  { program, optional }: AgentOptions,
): Promise<Observed<Mount>> {
  const { arn } = clickhouse.taskDefinition
  const volume = dataVolume(clickhouse.taskDefinition, clickhouse.container)
  if (volume === undefined) return unknown(`task definition ${arn} has no EFS volume`, 'not-asked')
  try {
    const outcome = await runAgent(
      {
        job: { kind: 'mount', path: MOUNTED_AT },
        program: await program('observe'),
        what: "mount ClickHouse's volume",
        timeoutMs: OBSERVE_TIMEOUT_MS,
        onSay: line => context.say(quoted(line)),
      },
      { ...context, volume: { of: clickhouse, name: volume.name } },
    )
    if (outcome.state === 'failure') throw new NoEvidence(outcome.failure.sentence, { lasting: false })
    context.say("The agent has looked at ClickHouse's volume.")
    return known({ state: 'mounted', ...(outcome.value as MountedFiles) }, arn)
  } catch (error) {
    if (error instanceof NeverStarted && isMountFailure(error.stoppedReason))
      return known({ state: 'failed', reason: error.stoppedReason }, arn)
    return unknown(
      `ClickHouse's volume was not mounted, because ${explain(error)}${grantFor(error)}`,
      becauseOf(error, optional),
    )
  }
}

/** Never throws: numbers that are not there leave the plan without them, and are said to be missing. */
async function count(
  losses: readonly Loss[],
  context: AgentContext,
  { program }: AgentOptions,
): Promise<readonly CountedLoss[]> {
  const numbers = new Map<number, number>()
  try {
    const text = await program('observe')
    for (const job of countJobs(losses, job => roomFor(job, text, context) >= 0)) {
      const request = {
        job,
        program: text,
        what: 'count what a rollback would archive',
        timeoutMs: OBSERVE_TIMEOUT_MS,
      }
      const outcome = await runAgent({ ...request, onSay: line => context.say(quoted(line)) }, context)
      if (outcome.state === 'failure') throw new NoEvidence(outcome.failure.sentence, { lasting: false })
      for (const [at, number] of outcome.value as Answers['count'])
        if (number !== null) numbers.set(at, number)
    }
  } catch (error) {
    if (error instanceof Interrupted) throw error
    context.say(
      `What a rollback would archive was not counted, because ${explain(error)}${remedyFor(error)}.`,
    )
  }
  return losses.map((loss, at) => ({ ...loss, count: numbers.get(at) }))
}

/** One job, or as many as it takes for each to go into a task definition. */
function countJobs(losses: readonly Loss[], fits: (job: CountJob) => boolean): readonly CountJob[] {
  const split = (some: CountJob['losses']): readonly CountJob[] => {
    const job: CountJob = { kind: 'count', losses: some }
    if (some.length === 0) return []
    if (some.length === 1 || fits(job)) return [job]
    const half = Math.ceil(some.length / 2)
    return [...split(some.slice(0, half)), ...split(some.slice(half))]
  }
  return split(losses.map(({ store, sql }, at) => ({ at, store, sql })))
}

/** An errand to the table of background migrations. */
async function converse<Asked extends RearmJob['kind']>(
  job: RearmJob & { readonly kind: Asked },
  execution: Execution,
  options: AgentOptions,
): Promise<Answers[Asked]> {
  const what =
    job.kind === 'rearm' ? 're-arm background migrations' : 'see the worker take up background migrations'
  try {
    const program = await options.program('observe')
    const context = { ...options, worker: execution.stack.worker }
    const outcome = await runAgent({ job, program, what, ...withinDeadline(execution) }, context)
    if (outcome.state === 'failure') throw thrown(outcome.failure)
    return outcome.value as Answers[Asked]
  } catch (error) {
    if (!(error instanceof NoEvidence || error instanceof Denied)) throw error
    const again = 'Run again: what is open already is left as it is'
    throw new StepFailed(
      `To ${what} takes an agent inside the VPC: ${explain(error)}${remedyFor(error)}. ${again}.`,
      [],
      error,
    )
  }
}

/** What was not asked for by name and can never be had is as if nobody had asked. */
function becauseOf(error: unknown, optional: boolean): Unseen {
  const lasting = error instanceof Denied || (error instanceof NoEvidence && error.lasting)
  return lasting && optional ? 'not-asked' : 'no-evidence'
}

function remedyFor(error: unknown): string {
  if (!(error instanceof Denied)) return ''
  return `${grantFor(error)}, or give \`database-url\` and \`clickhouse-url\` to a runner inside the VPC`
}

function grantFor(error: unknown): string {
  return error instanceof Denied ? `; allow ${error.permission} to this job's role` : ''
}

/** Somebody else's line cannot be a command of the runner (`::error::`, `##[group]`) behind a bar. */
function quoted(line: string): string {
  return `│ ${line.replaceAll('##[', '## [')}`
}

/** A phase and those that come right after it: an agent costs a minute, so one does them all. */
function chainFrom(step: UndoSchema, steps: readonly Step[]): readonly UndoSchema[] {
  const chain: UndoSchema[] = [step]
  for (const next of steps.slice(steps.indexOf(step) + 1)) {
    if (next.kind !== 'undo-schema') break
    chain.push(next)
  }
  return chain
}

type Undoing = {
  readonly execution: Execution
  readonly context: AgentContext
  readonly memory: Memory
  readonly options: AgentOptions
}

/** Phases in one task. What does not fit into its task definition goes to PostgreSQL before, once a run. */
async function undo(steps: readonly UndoSchema[], undoing: Undoing): Promise<void> {
  const { execution, context, memory, options } = undoing
  const [first] = steps
  if (first === undefined) return
  const { rollbackId, facts } = execution
  const whole: Job = { kind: 'undo', steps, rollbackId, sql: textsOf(steps, facts) }
  try {
    const program = await options.program('undo')
    const fits = memory.kept === undefined && roomFor(whole, program, context) >= 0
    const request = fits ? { job: whole, program } : await withLibrary(steps, program, undoing)
    const what = `run the ${steps.map(titleOf).join(', then the ')}`
    const outcome = await runAgent({ ...request, what, ...withinDeadline(execution) }, context)
    const { counts, failure } = undoneOf(outcome)
    steps.forEach((step, index) => {
      const done = counts[index]
      if (done !== undefined) memory.phases.set(step, done)
      else if (index === counts.length && failure !== undefined) memory.phases.set(step, thrown(failure))
    })
  } catch (error) {
    memory.phases.set(first, failureOfStep(error, first))
  }
}

function withinDeadline({ deadline, clock, say }: Execution): Pick<AgentRequest, 'timeoutMs' | 'onSay'> {
  return { timeoutMs: Math.max(60_000, deadline - clock.now()), onSay: line => say(quoted(line)) }
}

/** Bytes of compressed text that a task definition with this job has left over; below 0: it does not fit. */
function roomFor(job: Job, program: string, { worker, cloud }: AgentContext): number {
  const spec: Spec = { nonce: '0'.repeat(16), timeoutMs: 3_600_000, job }
  return roomIn(agentDefinition(spec, program, worker), worker, cloud)
}

/** The small program with the library of the whole rollback, which is in PostgreSQL by then. */
async function withLibrary(
  steps: readonly UndoSchema[],
  program: string,
  { execution, context, memory, options }: Undoing,
): Promise<Pick<AgentRequest, 'job' | 'program'>> {
  const { plan, facts, rollbackId } = execution
  const all = plan.steps.filter(step => step.kind === 'undo-schema')
  const small = await options.program('observe')
  memory.kept ??= await keep({ program, sql: textsOf(all, facts) }, small, { context, execution })
  const last = steps.at(-1) === all.at(-1)
  return { job: { kind: 'load', ...memory.kept, steps, rollbackId, last }, program: small }
}

/** How many agents carry parts at the same time. */
const SIDE_BY_SIDE = 5

async function keep(
  library: Library,
  program: string,
  { context, execution }: Pick<Undoing, 'context' | 'execution'>,
): Promise<Kept> {
  const empty: Job = { kind: 'keep', id: '0'.repeat(64), part: 0, content: '' }
  // What is compressed already grows a little when it is written as text and compressed again.
  const bytes = Math.floor(roomFor(empty, program, context) * 0.96)
  if (bytes < 2_000) {
    throw new NoEvidence(
      "the worker's task definition leaves no room for the agent: shorten its environment, or use `network: direct`",
      { lasting: true },
    )
  }
  const { id, parts } = partsOf(library, bytes)
  context.say(
    `The down SQL is too long for one task definition: ${parts.length} agents put it into PostgreSQL first.`,
  )
  for (let at = 0; at < parts.length; at += SIDE_BY_SIDE) {
    const outcomes = await Promise.all(
      parts.slice(at, at + SIDE_BY_SIDE).map(job => {
        const what = `put down SQL into PostgreSQL (${job.part + 1} of ${parts.length})`
        return runAgent({ job, program, what, ...withinDeadline(execution) }, context)
      }),
    )
    for (const outcome of outcomes) if (outcome.state === 'failure') throw thrown(outcome.failure)
  }
  return { id, parts: parts.length }
}

function undoneOf(outcome: Outcome): Undone {
  if (outcome.state === 'failure') throw thrown(outcome.failure)
  return outcome.value as Undone
}

/** The error that the same work would have thrown in this process. */
function thrown({ name, sentence, evidence, sqlState }: JobFailure): Error {
  if (name === 'Interrupted') return new Interrupted(sentence)
  return Object.assign(new StepFailed(sentence, evidence), sqlState === undefined ? {} : { code: sqlState })
}

function failureOfStep(error: unknown, step: UndoSchema): Error {
  if (error instanceof Interrupted) {
    return new Interrupted(`${error.message} ${WHERE_IT_IS}`, { cause: error })
  }
  if (error instanceof Denied)
    return new StepFailed(`The ${titleOf(step)} needs an agent inside the VPC${remedyFor(error)}.`, [], error)
  if (!(error instanceof NoEvidence)) return error instanceof Error ? error : new Error(String(error))
  return new StepFailed(
    `The ${titleOf(step)} was not seen to finish: ${explain(error)}. ${WHERE_IT_IS}`,
    [],
    error,
  )
}

const WHERE_IT_IS =
  'What a transaction had not committed PostgreSQL rolls back, and the journal in its schema langfuse_rollout says which phases are over: the next run goes on from there.'

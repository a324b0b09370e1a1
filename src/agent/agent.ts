import { Denied, explain, Interrupted, NeverStarted, NoEvidence } from '../errors/errors.ts'
import {
  type Execution,
  type RearmInside,
  StepFailed,
  type UndoCounts,
  type UndoInside,
} from '../execute/execution.ts'
import { quoted } from '../execute/task-log.ts'
import { isSchemaStep, type Plan, type SchemaStep, type Step, titleOf } from '../plan/plan.ts'
import type { Claim } from '../schema/run-lock.ts'
import type { CountedLoss, CountLosses, Loss } from '../stack/count-losses.ts'
import {
  type Dependents,
  type DependentsQuestion,
  isAsked,
  NO_DEPENDENTS,
  type ObserveDependents,
  partsThatFit,
  together,
} from '../stack/observe-dependents.ts'
import { dataVolume, isMountFailure } from '../stack/observe-storage.ts'
import {
  type Inside,
  type ProbeInside,
  type ProbeMount,
  unseenInside,
  workerAddresses,
} from '../stack/probe-inside.ts'
import { type EcsComponent, known, type Mount, type Observed, type Unseen, unknown } from '../stack/stack.ts'
import type {
  Answers,
  CountJob,
  Job,
  JobFailure,
  Library,
  ObserveJob,
  RearmJob,
  Spec,
  Undone,
} from './job.ts'
import { partsOf, textsOf } from './library.ts'
import {
  type AgentContext,
  type AgentRequest,
  agentDefinition,
  MOUNTED_AT,
  roomIn,
  runAgent,
} from './run-agent.ts'

/** `network: task`: an agent inside the VPC does what a self-hosted runner there would do itself. */
type Agent = {
  /** `release`: the run's lock, which its last observation releases. */
  readonly observe: (...asked: [...Parameters<ProbeInside>, release?: Claim]) => ReturnType<ProbeInside>
  readonly probeMount: ProbeMount
  readonly count: CountLosses
  readonly dependents: ObserveDependents
  readonly rearm: RearmInside
  readonly undo: UndoInside
}

type AgentOptions = Omit<AgentContext, 'worker' | 'volume'> & {
  /** Reads the program that observes, or the one that undoes. */
  readonly program: (name: Program) => Promise<string>
  /** `network` was not set to `task`: if no agent can run, the databases count as not requested. */
  readonly optional: boolean
  /** The canary's. */
  readonly publicKey: string | undefined
}

export type Program = 'observe' | 'undo'

export function createAgent(options: AgentOptions): Agent {
  const memory: Memory = { phases: new Map(), kept: new Map() }
  return {
    observe: (worker, deepProbe, { tasks, url }, release) =>
      observe(
        { ...options, worker },
        { deepProbe, web: [...tasks, ...(url === undefined ? [] : [url])], release },
        options,
      ),
    probeMount: (worker, clickhouse) => probeMount({ ...options, worker }, clickhouse, options),
    count: (losses, worker) => count(losses, { ...options, worker }, options),
    dependents: (question, worker) => dependents(question, { ...options, worker }, options),
    rearm: {
      rearm: (names, execution) =>
        converse({ kind: 'rearm', names, claim: execution.claim }, execution, options),
      takenUp: (names, execution) =>
        converse({ kind: 'take-up', names, claim: undefined }, execution, options),
    },
    async undo(step, execution) {
      const { phases } = memory
      if (!phases.has(step)) {
        const context = { ...options, worker: execution.stack.worker }
        await undo(chainFrom(step, execution.plan.steps), { execution, context, memory, options })
      } else execution.say('The same agent task already ran this phase.')
      const known = phases.get(step)
      if (known === undefined) throw new StepFailed('The agent did not reach this phase.')
      if (known instanceof Error) throw known
      return known
    },
  }
}

type Memory = {
  readonly phases: Map<Step, UndoCounts | Error>
  /** The library in PostgreSQL, if it was stored there. */
  /** Of a deploy's plan and its undo's, each has its own. */
  readonly kept: Map<Plan, Kept>
}

type Kept = { readonly id: string; readonly parts: number }

const OBSERVE_TIMEOUT_MS = 5 * 60_000

/** Never throws: on a failure the observation is empty, with the reason. */
async function observe(
  context: AgentContext,
  {
    deepProbe = false,
    ...asked
  }: Pick<ObserveJob, 'web' | 'release'> & { readonly deepProbe: boolean | undefined },
  { program, optional, publicKey }: AgentOptions,
): Promise<Inside> {
  const { worker, say } = context
  try {
    const workers = workerAddresses(worker)
    const job = { kind: 'observe', workers, deepProbe, publicKey, ...asked } as const
    const inside = await answerTo(job, 'observe the databases', await program('observe'), context)
    say('The agent observed the databases.')
    return inside
  } catch (error) {
    const reason = `the databases were not observed, because ${explain(error)}${remedyFor(error)}`
    return unseenInside(reason, becauseOf(error, optional))
  }
}

/** Runs a job that only reads. @throws NoEvidence also if the job failed */
async function answerTo<Asked extends 'observe' | 'mount' | 'count' | 'dependents'>(
  job: Job & { readonly kind: Asked },
  what: string,
  program: string,
  context: AgentContext,
): Promise<Answers[Asked]> {
  const onSay = (line: string) => context.say(quoted(line))
  const outcome = await runAgent({ job, program, what, timeoutMs: OBSERVE_TIMEOUT_MS, onSay }, context)
  if (outcome.state === 'failure') throw new NoEvidence(outcome.failure.sentence, { lasting: false })
  return outcome.value as Answers[Asked]
}

/** Never throws. If ECS cannot mount the volume, that is a result, not missing evidence. */
async function probeMount(
  context: AgentContext,
  clickhouse: EcsComponent,
  { program, optional }: AgentOptions,
): Promise<Observed<Mount>> {
  const { arn } = clickhouse.taskDefinition
  const volume = dataVolume(clickhouse.taskDefinition, clickhouse.container)
  if (volume === undefined) return unknown(`task definition ${arn} has no EFS volume`, 'not-asked')
  try {
    const job = { kind: 'mount', path: MOUNTED_AT } as const
    const mounting = { ...context, volume: { of: clickhouse, name: volume.name } }
    const files = await answerTo(job, "mount ClickHouse's volume", await program('observe'), mounting)
    context.say("The agent inspected ClickHouse's volume.")
    return known({ state: 'mounted', ...files }, arn)
  } catch (error) {
    if (error instanceof NeverStarted && isMountFailure(error.stoppedReason))
      return known({ state: 'failed', reason: error.stoppedReason }, arn)
    return unknown(
      `ClickHouse's volume was not mounted, because ${explain(error)}${grantFor(error)}`,
      becauseOf(error, optional),
    )
  }
}

/** Throws only if the run was cancelled: the plan shows numbers that could not be counted as missing. */
async function count(
  losses: readonly Loss[],
  context: AgentContext,
  { program }: AgentOptions,
): Promise<readonly CountedLoss[]> {
  const numbers = new Map<number, number>()
  try {
    const text = await program('observe')
    for (const job of countJobs(losses, job => roomFor(job, text, context) >= 0)) {
      const answer = await answerTo(job, 'count what a rollback would archive', text, context)
      for (const [at, number] of answer) if (number !== null) numbers.set(at, number)
    }
  } catch (error) {
    if (error instanceof Interrupted) throw error
    context.say(
      `The agent could not count what a rollback would archive, because ${explain(error)}${remedyFor(error)}.`,
    )
  }
  return losses.map((loss, at) => ({ ...loss, count: numbers.get(at) }))
}

/** As many jobs as needed for each to fit into a task definition. */
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

/** Throws only if the run was cancelled. The checks of the databases do not depend on each other, so they may be split. */
async function dependents(
  question: DependentsQuestion,
  context: AgentContext,
  { program }: AgentOptions,
): Promise<Dependents> {
  if (!isAsked(question)) return NO_DEPENDENTS
  try {
    const text = await program('observe')
    const parts = partsThatFit(question, part => roomFor(jobOf(part), text, context) >= 0)
    const answers: Dependents[] = []
    for (const part of parts)
      answers.push(await answerTo(jobOf(part), 'check what depends on the schema', text, context))
    return together(answers)
  } catch (error) {
    if (error instanceof Interrupted) throw error
    return {
      ...NO_DEPENDENTS,
      failed: [`the databases were not checked, because ${explain(error)}${remedyFor(error)}`],
    }
  }
}

const jobOf = (question: DependentsQuestion) => ({ kind: 'dependents', question }) as const

/** A request that changes or reads the table of background migrations. */
async function converse<Asked extends RearmJob['kind']>(
  job: RearmJob & { readonly kind: Asked },
  execution: Execution,
  options: AgentOptions,
): Promise<Answers[Asked]> {
  const what =
    job.kind === 'rearm'
      ? 're-arm background migrations'
      : 'wait for the worker to start background migrations'
  try {
    const program = await options.program('observe')
    const context = { ...options, worker: execution.stack.worker }
    const outcome = await runAgent({ job, program, what, ...withinDeadline(execution) }, context)
    if (outcome.state === 'failure') throw thrown(outcome.failure)
    return outcome.value as Answers[Asked]
  } catch (error) {
    if (!(error instanceof NoEvidence || error instanceof Denied)) throw error
    const again = 'Run again: migrations that are already re-armed stay as they are'
    throw new StepFailed(
      `This run needs an agent inside the VPC to ${what}: ${explain(error)}${remedyFor(error)}. ${again}.`,
      [],
      error,
    )
  }
}

/** An optional agent that can never run counts as not requested. */
function becauseOf(error: unknown, optional: boolean): Unseen {
  const lasting = error instanceof Denied || (error instanceof NoEvidence && error.lasting)
  return lasting && optional ? 'not-asked' : 'no-evidence'
}

function remedyFor(error: unknown): string {
  if (!(error instanceof Denied)) return ''
  return `${grantFor(error)}, or set \`database-url\` and \`clickhouse-url\` on a runner inside the VPC`
}

function grantFor(error: unknown): string {
  return error instanceof Denied ? `; grant ${error.permission} to this job's role` : ''
}

/** A phase and those that follow it directly: an agent costs a minute, so one task runs them all. */
function chainFrom(step: SchemaStep, steps: readonly Step[]): readonly SchemaStep[] {
  const chain: SchemaStep[] = [step]
  for (const next of steps.slice(steps.indexOf(step) + 1)) {
    if (!isSchemaStep(next)) break
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

/** Runs phases in one task. SQL that does not fit into its task definition is first stored in PostgreSQL, once a run. */
async function undo(steps: readonly SchemaStep[], undoing: Undoing): Promise<void> {
  const { execution, context, memory, options } = undoing
  const [first] = steps
  if (first === undefined) return
  const { rollbackId, claim, facts } = execution
  const whole: Job = { kind: 'undo', steps, rollbackId, claim, sql: textsOf(steps, facts) }
  try {
    const program = await options.program('undo')
    const fits = !memory.kept.has(execution.plan) && roomFor(whole, program, context) >= 0
    const request = fits ? { job: whole, program } : await withLibrary(steps, program, undoing)
    const what = `run the ${steps.map(titleOf).join(', then the ')}`
    const outcome = await runAgent({ ...request, what, ...withinDeadline(execution) }, context)
    if (outcome.state === 'failure') throw thrown(outcome.failure)
    const { counts, failure } = outcome.value as Undone
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

/** Bytes of compressed text that still fit into a task definition with this job; negative: it does not fit. */
function roomFor(job: Job, program: string, { worker, cloud }: AgentContext): number {
  const spec: Spec = { nonce: '0'.repeat(16), timeoutMs: 3_600_000, job }
  return roomIn(agentDefinition(spec, program, worker), worker, cloud)
}

/** The observing program, which loads the rollback's library from PostgreSQL. */
async function withLibrary(
  steps: readonly SchemaStep[],
  program: string,
  { execution, context, memory, options }: Undoing,
): Promise<Pick<AgentRequest, 'job' | 'program'>> {
  const { plan, facts, rollbackId, claim } = execution
  const all = plan.steps.filter(isSchemaStep)
  const small = await options.program('observe')
  const kept =
    memory.kept.get(plan) ??
    (await keep({ program, sql: textsOf(all, facts) }, small, { context, execution }))
  memory.kept.set(plan, kept)
  const last = steps.at(-1) === all.at(-1)
  return { job: { kind: 'load', ...kept, steps, rollbackId, claim, last }, program: small }
}

/** How many agents store parts at the same time. */
const SIDE_BY_SIDE = 5

async function keep(
  library: Library,
  program: string,
  { context, execution }: Pick<Undoing, 'context' | 'execution'>,
): Promise<Kept> {
  const empty: Job = { kind: 'keep', id: '0'.repeat(64), part: 0, content: '' }
  // Compressed data grows a little when it is compressed again as text.
  const bytes = Math.floor(roomFor(empty, program, context) * 0.96)
  if (bytes < 2_000) {
    throw new NoEvidence(
      "the worker's task definition leaves no room for the agent: shorten its environment, or use `network: direct`",
      { lasting: true },
    )
  }
  const { id, parts } = partsOf(library, bytes)
  context.say(
    `The down SQL is too long for one task definition: ${parts.length} agents store it in PostgreSQL first.`,
  )
  for (let at = 0; at < parts.length; at += SIDE_BY_SIDE) {
    const outcomes = await Promise.all(
      parts.slice(at, at + SIDE_BY_SIDE).map(job => {
        const what = `store down SQL in PostgreSQL (${job.part + 1} of ${parts.length})`
        return runAgent({ job, program, what, ...withinDeadline(execution) }, context)
      }),
    )
    for (const outcome of outcomes) if (outcome.state === 'failure') throw thrown(outcome.failure)
  }
  return { id, parts: parts.length }
}

/** The error that the same work would have thrown in the runner. */
function thrown({ name, sentence, evidence, sqlState }: JobFailure): Error {
  if (name === 'Interrupted') return new Interrupted(sentence)
  return Object.assign(new StepFailed(sentence, evidence), sqlState === undefined ? {} : { code: sqlState })
}

function failureOfStep(error: unknown, step: SchemaStep): Error {
  if (error instanceof Interrupted) {
    return new Interrupted(`${error.message} ${HOW_TO_RESUME}`, { cause: error })
  }
  if (error instanceof Denied)
    return new StepFailed(`The ${titleOf(step)} needs an agent inside the VPC${remedyFor(error)}.`, [], error)
  if (!(error instanceof NoEvidence)) return error instanceof Error ? error : new Error(String(error))
  return new StepFailed(
    `The agent did not confirm that the ${titleOf(step)} finished: ${explain(error)}. ${HOW_TO_RESUME}`,
    [],
    error,
  )
}

const HOW_TO_RESUME =
  'PostgreSQL rolls back uncommitted work, and the journal in schema langfuse_rollout records completed phases: run again to resume.'

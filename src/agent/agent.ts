import { Denied } from '../errors/denied.ts'
import { explain } from '../errors/explain.ts'
import { NoEvidence } from '../errors/no-evidence.ts'
import { Interrupted } from '../errors/rollout-error.ts'
import type { Execution, UndoCounts, UndoInside } from '../execute/execution.ts'
import { StepFailed } from '../execute/execution.ts'
import { type Step, titleOf, type UndoSchema } from '../plan/plan.ts'
import type { Clock } from '../ports/clock.ts'
import type { Cloud } from '../ports/cloud.ts'
import type { Inside, LookInside } from '../stack/inside.ts'
import { unseenInside, workerAddresses } from '../stack/inside.ts'
import type { EcsComponent } from '../stack/stack.ts'
import type { DownSqlFiles, Job, JobFailure, Spec, Texts, UndoJob, Undone } from './job.ts'
import { orderOf, roomIn } from './order.ts'
import { type Errand, type Outcome, type Place, runAgent } from './task.ts'
import { partsOf, textsOf } from './texts.ts'

/** `network: task`: what a runner inside the VPC does itself is done by an agent there. */
export type Agent = {
  readonly look: LookInside
  readonly undo: UndoInside
}

export type AgentOptions = {
  readonly cloud: Cloud
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly say: (line: string) => void
  /** Reads the agent's bundle. */
  readonly program: () => Promise<string>
  /** It was not asked for by name: where it cannot be had, the stores are not looked at, as if nobody had asked. */
  readonly optional: boolean
}

export function createAgent(options: AgentOptions): Agent {
  const placeBeside = async (worker: EcsComponent): Promise<Place> => {
    const { cloud, clock, signal, say } = options
    return { cloud, clock, signal, say, worker, program: await options.program() }
  }
  const known: Known = new Map()
  return {
    look: async worker => look(await placeBeside(worker), options.optional),
    async undo(step, execution) {
      const before = known.get(step)
      if (before === undefined) {
        const place = await placeBeside(execution.stack.worker)
        await undo(chainFrom(step, execution.plan.steps), { execution, place, known })
      } else execution.say('The agent that was at the phase before has gone on with this one already.')
      const after = known.get(step)
      if (after === undefined) throw new StepFailed('The agent did not come to this phase.', [])
      if (after instanceof Error) throw after
      return after
    },
  }
}

const LOOK_MS = 5 * 60_000

/** Never throws: a look that came to nothing is a picture of nothing, with the reason. */
async function look(place: Place, optional: boolean): Promise<Inside> {
  const { worker, say } = place
  try {
    const outcome = await runAgent(
      {
        job: { kind: 'observe', workers: workerAddresses(worker) },
        what: 'look at the databases',
        timeoutMs: LOOK_MS,
        onSay: line => say(quoted(line)),
      },
      place,
    )
    if (outcome.state === 'failure') throw new NoEvidence(outcome.failure.sentence, { lasting: false })
    say('The agent has looked at the databases.')
    return outcome.value as Inside
  } catch (error) {
    const lasting = error instanceof Denied || (error instanceof NoEvidence && error.lasting)
    const reason = `the databases were not seen, because ${explain(error)}${remedyFor(error)}`
    return unseenInside(reason, lasting && optional ? 'not-asked' : 'no-evidence')
  }
}

function remedyFor(error: unknown): string {
  if (!(error instanceof Denied)) return ''
  return `; allow ${error.permission} to this job's role, or give \`database-url\` and \`clickhouse-url\` to a runner inside the VPC`
}

/** Somebody else's line cannot be a command of the runner (`::error::`, `##[group]`) behind a bar. */
function quoted(line: string): string {
  return `│ ${line.replaceAll('##[', '## [')}`
}

/** What came of phases that an agent was at. */
type Known = Map<Step, UndoCounts | Error>

/** A phase and those that come right after it: an agent costs a minute, so one does them all. */
function chainFrom(step: UndoSchema, steps: readonly Step[]): readonly UndoSchema[] {
  const chain: UndoSchema[] = [step]
  for (const next of steps.slice(steps.indexOf(step) + 1)) {
    if (next.kind !== 'undo-schema') break
    chain.push(next)
  }
  return chain
}

type Undoing = { readonly execution: Execution; readonly place: Place; readonly known: Known }

/** Phases in one task; where their down SQL does not fit into the task definition, it goes to PostgreSQL before. */
async function undo(steps: readonly UndoSchema[], { execution, place, known }: Undoing): Promise<void> {
  const [first] = steps
  if (first === undefined) return
  const errand = (job: Job): Errand => ({
    job,
    what: `run the ${steps.map(titleOf).join(', then the ')}`,
    timeoutMs: Math.max(60_000, execution.deadline - execution.clock.now()),
    onSay: line => execution.say(quoted(line)),
  })
  const jobWith = (texts: Texts): UndoJob => ({
    kind: 'undo',
    steps,
    rollbackId: execution.rollbackId,
    texts,
  })
  const files = textsOf(steps, execution.facts)
  const whole = jobWith({ where: 'here', files })
  try {
    const fits = roomFor(whole, place) >= 0
    const job = fits ? whole : jobWith(await keep(files, errand, place))
    const { counts, failure } = undoneOf(await runAgent(errand(job), place))
    steps.forEach((step, index) => {
      const done = counts[index]
      if (done !== undefined) known.set(step, done)
      else if (index === counts.length && failure !== undefined) known.set(step, thrown(failure))
    })
  } catch (error) {
    known.set(first, failureOfStep(error, first))
  }
}

/** Bytes of compressed text that a task definition with this job has left over; below 0: it does not fit. */
function roomFor(job: Job, { program, worker, cloud }: Place): number {
  const spec: Spec = { nonce: '0'.repeat(16), timeoutMs: 3_600_000, job }
  return roomIn(orderOf(spec, program, worker), worker, cloud)
}

/** How many agents carry parts at the same time. */
const SIDE_BY_SIDE = 5

async function keep(files: DownSqlFiles, errand: (job: Job) => Errand, place: Place): Promise<Texts> {
  const empty: Job = { kind: 'keep', id: '0'.repeat(64), part: 0, content: '' }
  // What is compressed already grows a little when it is written as text and compressed again.
  const bytes = Math.floor(roomFor(empty, place) * 0.96)
  if (bytes < 2_000) {
    throw new NoEvidence(
      "the worker's task definition leaves no room for the agent: shorten its environment, or use `network: direct`",
      { lasting: true },
    )
  }
  const { id, parts } = partsOf(files, bytes)
  place.say(
    `The down SQL is too long for one task definition: ${parts.length} agents put it into PostgreSQL first.`,
  )
  for (let at = 0; at < parts.length; at += SIDE_BY_SIDE) {
    const some = parts.slice(at, at + SIDE_BY_SIDE)
    const outcomes = await Promise.all(
      some.map(part =>
        runAgent(
          { ...errand(part), what: `put down SQL into PostgreSQL (${part.part + 1} of ${parts.length})` },
          place,
        ),
      ),
    )
    for (const outcome of outcomes) if (outcome.state === 'failure') throw thrown(outcome.failure)
  }
  return { where: 'kept', id, parts: parts.length }
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

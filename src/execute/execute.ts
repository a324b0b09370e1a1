import { explain } from '../errors/explain.ts'
import { Interrupted } from '../errors/rollout-error.ts'
import type { Plan, Step } from '../plan/plan.ts'
import { titleOf } from '../plan/plan.ts'
import type { Clock } from '../ports/clock.ts'
import type { Cloud } from '../ports/cloud.ts'
import type { ClickHouse, Postgres } from '../ports/databases.ts'
import type { ImageTool } from '../ports/image-tool.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import type { Stack } from '../stack/stack.ts'
import { backupDatabase, backupFiles } from './backup.ts'
import { migrate } from './migrate.ts'
import { mirror } from './mirror.ts'
import { rerunBackgroundMigrations } from './rerun.ts'
import { rollAppRunner } from './roll-app-runner.ts'
import { rollEcs, setDeploymentSettings } from './roll-ecs.ts'
import { undoSchema } from './undo-schema.ts'

/** What executing needs. `stack` is the picture that the plan was made from. */
export type Execution = {
  readonly plan: Plan
  readonly stack: Stack
  readonly facts: ReleaseFacts
  readonly cloud: Cloud
  readonly postgres: Postgres | undefined
  readonly clickhouse: ClickHouse | undefined
  /** Looked for when `mirror-from` is given. */
  readonly imageTool?: ImageTool | undefined
  readonly clock: Clock
  /** Epoch milliseconds for the whole run. */
  readonly deadline: number
  readonly signal: AbortSignal
  /** Names this run in the archive and the journal. */
  readonly rollbackId: string
  /** Id of the deployment record, where there is one. */
  readonly record?: string | undefined
  /** Told of every artifact as soon as it is there. */
  readonly keep?: (artifact: Artifact) => Promise<void>
  readonly say: (line: string) => void
}

/**
 * `rolling`: the write was made, and AWS may still be at it when the run ended; `not-started`: nothing was written.
 */
export type StepState = 'done' | 'failed' | 'rolling' | 'not-started'

export type StepResult = {
  readonly step: Step
  readonly state: StepState
  readonly sentence: string
  /** Reasons and log lines, for the report. */
  readonly evidence: readonly string[]
  readonly startedAt: number | undefined
  readonly endedAt: number | undefined
  readonly counts: UndoCounts
  readonly artifact?: Artifact | undefined
}

/** Something that a step left in AWS to restore from. */
export type Artifact = {
  readonly kind: 'aurora-snapshot' | 'efs-recovery-point'
  readonly id: string
}

/** What down SQL did; zeros for all other steps. */
export type UndoCounts = {
  readonly postgres: number
  readonly clickhouse: number
  readonly archivedRows: number
}

/** What one step's work comes to. */
export type Done = {
  readonly sentence: string
  readonly counts?: UndoCounts
  readonly artifact?: Artifact
}

/** A step that failed after its write: the sentence says what AWS does now. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed'
  readonly evidence: readonly string[]

  constructor(sentence: string, evidence: readonly string[], cause?: unknown) {
    super(sentence, cause === undefined ? {} : { cause })
    this.evidence = evidence
  }
}

const NO_COUNTS: UndoCounts = { postgres: 0, clickhouse: 0, archivedRows: 0 }

/** Runs the plan's steps in order and stops at the first that does not succeed. Never throws: results say it all. */
export async function execute(
  execution: Execution,
  group: (title: string, work: () => Promise<void>) => Promise<void>,
): Promise<readonly StepResult[]> {
  const results: StepResult[] = []
  for (const step of execution.plan.steps) {
    const stopped = results.some(result => result.state !== 'done') || execution.signal.aborted
    if (stopped) {
      results.push(notStarted(step))
      continue
    }
    await group(titleOf(step), async () => {
      execution.say(step.reason)
      results.push(await runStep(step, execution))
    })
    const result = results.at(-1)
    if (result !== undefined)
      execution.say(`${result.state === 'done' ? '✔' : '✘'} ${titleOf(step)}: ${result.sentence}`)
  }
  return results
}

function notStarted(step: Step): StepResult {
  return {
    step,
    state: 'not-started',
    sentence: 'not started',
    evidence: [],
    startedAt: undefined,
    endedAt: undefined,
    counts: NO_COUNTS,
  }
}

async function runStep(step: Step, execution: Execution): Promise<StepResult> {
  const startedAt = execution.clock.now()
  const end = (
    state: StepState,
    sentence: string,
    evidence: readonly string[],
    counts = NO_COUNTS,
  ): StepResult => {
    return { step, state, sentence, evidence, counts, startedAt, endedAt: execution.clock.now() }
  }
  try {
    const done = await perform(step, execution)
    if (done.artifact !== undefined) await execution.keep?.(done.artifact)
    return { ...end('done', done.sentence, [], done.counts), artifact: done.artifact }
  } catch (error) {
    const state = error instanceof Interrupted ? 'rolling' : 'failed'
    return end(state, explain(error), error instanceof StepFailed ? error.evidence : [])
  }
}

function perform(step: Step, execution: Execution): Promise<Done> {
  switch (step.kind) {
    case 'migrate':
      return migrate(step, execution)
    case 'roll-ecs':
      return rollEcs(step, execution)
    case 'set-deployment-settings':
      return setDeploymentSettings(step, execution)
    case 'roll-app-runner':
      return rollAppRunner(step, execution)
    case 'undo-schema':
      return undoSchema(step, execution)
    case 'backup-database':
      return backupDatabase(step, execution)
    case 'backup-files':
      return backupFiles(step, execution)
    case 'rerun-background-migrations':
      return rerunBackgroundMigrations(step, execution)
    case 'mirror':
      return mirror(step, execution)
  }
}

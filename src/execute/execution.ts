import type { Plan, Step, UndoSchema } from '../plan/plan.ts'
import type { Cloud } from '../ports/cloud.ts'
import type { ClickHouse, Postgres } from '../ports/databases.ts'
import type { Artifact } from '../ports/github.ts'
import type { Http } from '../ports/http.ts'
import type { Clock, ImageTool } from '../ports/runner.ts'
import type { DownSqlFacts, ReleaseFacts } from '../release/facts.ts'
import type { Stack } from '../stack/stack.ts'
import type { TakenUp } from './rearm.ts'

/** What executing needs. `stack` is the picture that the plan was made from. */
export type Execution = {
  readonly plan: Plan
  readonly stack: Stack
  readonly facts: ReleaseFacts
  readonly cloud: Cloud
  readonly postgres: Postgres | undefined
  readonly clickhouse: ClickHouse | undefined
  /** Runs down SQL inside the VPC, for a runner that has no connections of its own. */
  readonly undoInside?: UndoInside | undefined
  /** The same for background migrations that are to run again. */
  readonly rearmInside?: RearmInside | undefined
  /** For the public address, which tells of a new web before AWS does. */
  readonly http?: Http | undefined
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

/** What running down SQL needs, in this process or inside the VPC. */
export type Undoing = Pick<
  Execution,
  'postgres' | 'clickhouse' | 'clock' | 'deadline' | 'signal' | 'rollbackId' | 'say'
> & { readonly facts: DownSqlFacts }

/** One phase of down SQL, away from this process. Fails as `undoStores` does. */
export type UndoInside = (step: UndoSchema, execution: Execution) => Promise<UndoCounts>

/** The table of background migrations, away from this process. Fails as `rearm` and `watchTakeUp` do. */
export type RearmInside = {
  rearm(names: readonly string[], execution: Execution): Promise<readonly string[]>
  takenUp(names: readonly string[], execution: Execution): Promise<readonly TakenUp[]>
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

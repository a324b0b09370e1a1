import type { Component } from '../inputs/config.ts'
import type { Plan, SchemaStep, Step } from '../plan/plan.ts'
import type { Cloud } from '../ports/cloud.ts'
import type { ClickHouse, Postgres } from '../ports/databases.ts'
import type { Artifact } from '../ports/github.ts'
import type { Clock, ImageTool } from '../ports/runner.ts'
import type { DownSqlFacts, ReleaseFacts } from '../release/facts.ts'
import type { Claim } from '../schema/run-lock.ts'
import type { ObserveDependents } from '../stack/observe-dependents.ts'
import type { Stack } from '../stack/stack.ts'
import type { TakenUp } from './rearm.ts'

/** What executing needs. `stack` is the observation that the plan was made from. */
export type Execution = {
  readonly plan: Plan
  readonly stack: Stack
  readonly facts: ReleaseFacts
  readonly cloud: Cloud
  readonly postgres: Postgres | undefined
  readonly clickhouse: ClickHouse | undefined
  /** Runs down SQL inside the VPC, for a runner without database connections. */
  readonly undoInside?: UndoInside | undefined
  /** Looks for what hangs on the schema; undefined: over the connections above. */
  readonly observeDependents?: ObserveDependents
  /** Re-arms background migrations inside the VPC. */
  readonly rearmInside?: RearmInside | undefined
  /** Set if `mirror-from` is given. */
  readonly imageTool?: ImageTool | undefined
  readonly clock: Clock
  /** Epoch milliseconds for the whole run. */
  readonly deadline: number
  readonly signal: AbortSignal
  /** What this run writes into the lock in PostgreSQL before its SQL. */
  readonly claim?: Claim | undefined
  /** Names this run in the archive and the journal. */
  readonly rollbackId: string
  /** Id of the deployment record, where there is one. */
  readonly record?: string | undefined
  /** Components that AWS was still restoring when the plan was made: nothing is sent to them. */
  readonly restoring?: ReadonlySet<Component>
  /** Called with the id of an ECS deployment that a step began. */
  readonly began?: (deployment: string) => void
  /** Called with each artifact as soon as it exists. */
  readonly keep?: (artifact: Artifact) => Promise<void>
  readonly say: (line: string) => void
}

/** What running down SQL needs, in the runner or in the agent. */
export type Undoing = Pick<
  Execution,
  'postgres' | 'clickhouse' | 'clock' | 'deadline' | 'signal' | 'claim' | 'rollbackId' | 'say'
> & { readonly facts: DownSqlFacts }

/** Runs one phase of down SQL in the agent. Fails as `undoStores` does. */
export type UndoInside = (step: SchemaStep, execution: Execution) => Promise<UndoCounts>

/** Changes the table of background migrations from the agent. Fails as `rearm` and `watchTakeUp` do. */
export type RearmInside = {
  rearm(names: readonly string[], execution: Execution): Promise<readonly string[]>
  takenUp(names: readonly string[], execution: Execution): Promise<readonly TakenUp[]>
}

/** `rolling`: AWS accepted the write and may still be working on it; `not-started`: nothing was written. */
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
  /** Id of the ECS deployment that this step began; a deployment that it only followed has none. */
  readonly deployment?: string | undefined
}

/** Whether a step of these kinds may have changed something. */
export function hasBegun(steps: readonly StepResult[], ...kinds: readonly Step['kind'][]): boolean {
  return steps.some(({ step, state }) => kinds.includes(step.kind) && state !== 'not-started')
}

/** What down SQL did; zeros for all other steps. */
export type UndoCounts = {
  readonly postgres: number
  readonly clickhouse: number
  readonly archivedRows: number
  /** Of a step that keeps data: rows that are kept, and why some of them are not complete. */
  readonly kept?: { readonly rows: number; readonly problems: readonly string[] }
}

/** The result of a step that succeeded. */
export type Done = {
  readonly sentence: string
  readonly counts?: UndoCounts
  readonly artifact?: Artifact
}

/** A step that failed: the sentence says what was done and what to do now. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed'
  readonly evidence: readonly string[]

  constructor(sentence: string, evidence: readonly string[] = [], cause?: unknown) {
    super(sentence, cause === undefined ? {} : { cause })
    this.evidence = evidence
  }
}

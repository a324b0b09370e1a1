import type { UndoCounts } from '../execute/execution.ts'
import type { TakenUp } from '../execute/rearm.ts'
import type { SchemaStep } from '../plan/plan.ts'
import type { MountedFiles } from '../ports/databases.ts'
import type { DownSql, Engine } from '../schema/down-sql.ts'
import type { Claim } from '../schema/run-lock.ts'
import type { Loss } from '../stack/count-losses.ts'
import type { Dependents, DependentsQuestion } from '../stack/observe-dependents.ts'
import type { Inside, WorkerAddress } from '../stack/probe-inside.ts'

/** The agent's input. It goes into the task definition, so it holds no secret. */
export type Spec = {
  /** In every line of the answer, so that lines of another run are ignored. */
  readonly nonce: string
  /** Milliseconds after which the agent ends itself. */
  readonly timeoutMs: number
  readonly job: Job
}

export type Job = ObserveJob | MountJob | CountJob | DependentsJob | RearmJob | UndoJob | KeepJob | LoadJob

export type ObserveJob = {
  readonly kind: 'observe'
  readonly workers: readonly WorkerAddress[]
  /** Where the web's health can be read: its tasks, then its URL. */
  readonly web: readonly string[]
  readonly deepProbe: boolean
  /** The run's last observation releases its lock. */
  readonly release?: Claim | undefined
  /** The canary's, which is no secret. */
  readonly publicKey?: string | undefined
}

/** Inspects ClickHouse's volume, which is mounted at a path. */
type MountJob = { readonly kind: 'mount'; readonly path: string }

/** Counts what a rollback would archive or change. */
export type CountJob = {
  readonly kind: 'count'
  readonly losses: readonly (Pick<Loss, 'store' | 'sql'> & { readonly at: number })[]
}

/** Looks for what hangs on the objects that down SQL touches. */
export type DependentsJob = { readonly kind: 'dependents'; readonly question: DependentsQuestion }

/** `rearm` resets background migrations; `take-up` waits until a worker has started them. */
export type RearmJob = {
  readonly kind: 'rearm' | 'take-up'
  readonly names: readonly string[]
  readonly claim: Claim | undefined
}

/** Consecutive phases of a rollback, with their down SQL. */
export type UndoJob = {
  readonly kind: 'undo'
  readonly steps: readonly SchemaStep[]
  readonly rollbackId: string
  readonly claim: Claim | undefined
  readonly sql: DownSqlTexts
}

/** The toolboxes, and the files of all migrations of all steps. */
export type DownSqlTexts = {
  readonly toolbox: Readonly<Record<Engine, string>>
  readonly files: readonly DownSqlFile[]
}
export type DownSqlFile = { readonly engine: Engine; readonly file: DownSql }

/** The program that undoes and all down SQL of a rollback, which may be too long for a task definition. */
export type Library = { readonly program: string; readonly sql: DownSqlTexts }

/** Stores one part of a library in PostgreSQL. */
export type KeepJob = {
  readonly kind: 'keep'
  readonly id: string
  readonly part: number
  /** Base64. */
  readonly content: string
}

/** Undoes with a library that is stored in PostgreSQL. */
export type LoadJob = Pick<UndoJob, 'steps' | 'rollbackId' | 'claim'> & {
  readonly kind: 'load'
  readonly id: string
  readonly parts: number
  /** The rollback's last job: afterwards the library is deleted. */
  readonly last: boolean
}

export type Answers = {
  readonly observe: Inside
  readonly mount: MountedFiles
  /** The index of each loss in the job, and its count; null: could not be counted. */
  readonly count: readonly (readonly [at: number, count: number | null])[]
  readonly dependents: Dependents
  readonly rearm: readonly string[]
  readonly 'take-up': readonly TakenUp[]
  readonly undo: Undone
  readonly keep: null
  readonly load: Undone
}

/** The counts of completed phases. A failure belongs to the next phase; later ones did not start. */
export type Undone = {
  readonly counts: readonly UndoCounts[]
  readonly failure?: JobFailure | undefined
}

export type JobFailure = {
  /** Includes the causes. */
  readonly sentence: string
  readonly name: string
  readonly sqlState: string | undefined
  readonly evidence: readonly string[]
}

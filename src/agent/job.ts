import type { UndoCounts } from '../execute/execution.ts'
import type { TakenUp } from '../execute/rearm.ts'
import type { UndoSchema } from '../plan/plan.ts'
import type { MountedFiles } from '../ports/databases.ts'
import type { DownSql, Engine } from '../schema/down-sql.ts'
import type { Loss } from '../stack/count-losses.ts'
import type { Inside, WorkerAddress } from '../stack/probe-inside.ts'

/** What the agent is started for. It is data: it goes into the task definition, and holds no secret. */
export type Spec = {
  /** Stands in every line of the answer, so that another run's lines are not taken for this one's. */
  readonly nonce: string
  /** After so many milliseconds the agent ends by itself, whatever it is at. */
  readonly timeoutMs: number
  readonly job: Job
}

export type Job = ObserveJob | MountJob | CountJob | RearmJob | UndoJob | KeepJob | LoadJob

type ObserveJob = {
  readonly kind: 'observe'
  readonly workers: readonly WorkerAddress[]
  readonly deepProbe: boolean
}

/** Looks at ClickHouse's volume, which is mounted at a path. */
type MountJob = { readonly kind: 'mount'; readonly path: string }

/** Counts what undoing would archive or change. */
export type CountJob = {
  readonly kind: 'count'
  readonly losses: readonly (Pick<Loss, 'store' | 'sql'> & { readonly at: number })[]
}

/** `rearm` puts background migrations back to their beginning; `take-up` waits until a worker is at them. */
export type RearmJob = { readonly kind: 'rearm' | 'take-up'; readonly names: readonly string[] }

/** Phases of a rollback between which nothing else happens, in order, with their down SQL. */
export type UndoJob = {
  readonly kind: 'undo'
  readonly steps: readonly UndoSchema[]
  readonly rollbackId: string
  readonly sql: DownSqlTexts
}

/** The toolboxes, and the files of all migrations of all steps. */
export type DownSqlTexts = {
  readonly toolbox: Readonly<Record<Engine, string>>
  readonly files: readonly DownSqlFile[]
}
export type DownSqlFile = { readonly engine: Engine; readonly file: DownSql }

/** The program that undoes and all down SQL of a rollback: what may be too long for a task definition. */
export type Library = { readonly program: string; readonly sql: DownSqlTexts }

/** Puts one part of a library into PostgreSQL. */
export type KeepJob = {
  readonly kind: 'keep'
  readonly id: string
  readonly part: number
  /** Base64. */
  readonly content: string
}

/** Undoes with a library that was put into PostgreSQL. */
export type LoadJob = Pick<UndoJob, 'steps' | 'rollbackId'> & {
  readonly kind: 'load'
  readonly id: string
  readonly parts: number
  /** Nothing of the rollback comes after it, so the library may go. */
  readonly last: boolean
}

/** What each job answers with. */
export type Answers = {
  readonly observe: Inside
  readonly mount: MountedFiles
  /** The place of each in the job, and its number; null where it could not be counted. */
  readonly count: readonly (readonly [at: number, count: number | null])[]
  readonly rearm: readonly string[]
  readonly 'take-up': readonly TakenUp[]
  readonly undo: Undone
  readonly keep: null
  readonly load: Undone
}

/** The counts of the phases that are over; where one failed it is the next, and those after it were not begun. */
export type Undone = {
  readonly counts: readonly UndoCounts[]
  readonly failure?: JobFailure | undefined
}

/** A job that was begun and failed, as the agent tells it. */
export type JobFailure = {
  /** The whole sentence, causes included. */
  readonly sentence: string
  readonly name: string
  readonly sqlState: string | undefined
  readonly evidence: readonly string[]
}

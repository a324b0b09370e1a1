import type { ReleaseFacts } from '../release/facts.ts'
import type { Release } from '../release/release.ts'
import type { Deployed } from '../stack/baseline.ts'
import type { Canary } from '../stack/canary.ts'
import type { Observed, Stack } from '../stack/stack.ts'

type CheckGroup = 'control-plane' | 'public' | 'inside'

/**
 * Evidence that is collected only when a chosen check needs it. `inside`: a probe in the VPC. `mount`: a task that mounts
 * ClickHouse's volume. `infrastructure`: network, storage, registry and backups. `record`: the last deployment record.
 * `canary`: a test trace.
 */
type Need = 'inside' | 'mount' | 'infrastructure' | 'record' | 'canary'

/** `inconclusive`: required evidence is missing. It never counts as passed. */
export type CheckState = 'passed' | 'warning' | 'failed' | 'skipped' | 'inconclusive'

export type Finding = {
  readonly state: CheckState
  /** What is wrong, on which thing, how we know, what to do. */
  readonly sentence: string
  /** The parts that this finding is about, if not all of the check's. */
  readonly about?: Check['about']
}

export type Check<Id extends string = string> = {
  readonly id: Id
  readonly title: string
  readonly group: CheckGroup
  readonly needs: readonly Need[]
  /** Whether a rollout must pass it. Defects of the set-up are reported by verify only; they are no reason to roll back. */
  readonly settles: boolean
  /** Parts of the diagram in the summary. */
  readonly about: readonly ('web' | 'worker' | 'clickhouse' | 'postgres' | 'valkey' | 'efs' | 'cloud-map')[]
  run(subject: Subject): Promise<Finding> | Finding
}

/** The input of all checks: the observed stack and what should run. */
export type Subject = {
  readonly stack: Stack
  /** The release that should run: the deploy's target, or what the web reports. */
  readonly expected: Release | undefined
  readonly facts: ReleaseFacts
  /** undefined: no canary was written. */
  readonly canary?: Observed<Canary> | undefined
  /** The last deploy; absent: input `baseline` is `none`. */
  readonly deployed?: Observed<Deployed>
}

/** `1 task`, `2 tasks`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`

export const passed = (sentence: string): Finding => ({ state: 'passed', sentence })
export const warning = (sentence: string): Finding => ({ state: 'warning', sentence })
export const failed = (sentence: string): Finding => ({ state: 'failed', sentence })
export const skipped = (sentence: string): Finding => ({ state: 'skipped', sentence })
export const inconclusive = (sentence: string): Finding => ({ state: 'inconclusive', sentence })

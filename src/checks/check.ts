import type { ReleaseFacts } from '../release/facts.ts'
import type { Release } from '../release/release.ts'
import type { Deployed } from '../stack/baseline.ts'
import type { Canary } from '../stack/canary.ts'
import type { Observed, Stack } from '../stack/stack.ts'

type CheckGroup = 'control-plane' | 'public' | 'inside'

/**
 * Evidence that costs: `inside` a process in the VPC (an agent's task), `mount`
 * another one with ClickHouse's volume, `surroundings` calls about what lies around the
 * components, `record` the last deployment record, `canary` a trace that is written. Gathered only when a chosen check needs it.
 */
type Need = 'inside' | 'mount' | 'infrastructure' | 'record' | 'canary'

/** `inconclusive`: the evidence could not be had although it should; it never counts as passed. */
export type CheckState = 'passed' | 'warning' | 'failed' | 'skipped' | 'inconclusive'

export type Finding = {
  readonly state: CheckState
  /** One sentence: what was seen and, when it is not good, the cause and the fix. */
  readonly sentence: string
  /** Of the parts that the check speaks of, those that this finding is about. */
  readonly about?: Check['about']
}

export type Check<Id extends string = string> = {
  readonly id: Id
  readonly title: string
  readonly group: CheckGroup
  readonly needs: readonly Need[]
  /**
   * Whether a rollout is judged by it. What was wrong with the set-up before a deploy is verify's to say: no reason to
   * roll back.
   */
  readonly settles: boolean
  /** What of the stack's picture it speaks of, for the picture in the summary. */
  readonly about: readonly ('web' | 'worker' | 'clickhouse' | 'postgres' | 'valkey' | 'efs' | 'cloud-map')[]
  run(subject: Subject): Promise<Finding> | Finding
}

/** What checks look at: a picture of the stack with all the evidence, and what should run. */
export type Subject = {
  readonly stack: Stack
  /** The release that should run: the deploy's target, or what the web reports. */
  readonly expected: Release | undefined
  readonly facts: ReleaseFacts
  /** What became of the trace that was written; undefined: none was. */
  readonly canary?: Observed<Canary> | undefined
  /** What was last deployed; absent: nobody asked to compare with it. */
  readonly deployed?: Observed<Deployed>
}

export const passed = (sentence: string): Finding => ({ state: 'passed', sentence })
export const warning = (sentence: string): Finding => ({ state: 'warning', sentence })
export const failed = (sentence: string): Finding => ({ state: 'failed', sentence })
export const skipped = (sentence: string): Finding => ({ state: 'skipped', sentence })
export const inconclusive = (sentence: string): Finding => ({ state: 'inconclusive', sentence })

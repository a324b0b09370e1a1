import type { ReleaseFacts } from '../release/facts.ts'
import type { Release } from '../release/release.ts'
import type { Stack } from '../stack/stack.ts'

export type CheckGroup = 'control-plane' | 'public' | 'inside'

/** `inconclusive`: the evidence could not be had although it should; it never counts as passed. */
export type CheckState = 'passed' | 'warning' | 'failed' | 'skipped' | 'inconclusive'

export type Finding = {
  readonly state: CheckState
  /** One sentence: what was seen and, when it is not good, the cause and the fix. */
  readonly sentence: string
}

export type Check = {
  readonly id: string
  readonly title: string
  readonly group: CheckGroup
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
}

export type CheckResult = Finding & Omit<Check, 'run'>

export const passed = (sentence: string): Finding => ({ state: 'passed', sentence })
export const warning = (sentence: string): Finding => ({ state: 'warning', sentence })
export const failed = (sentence: string): Finding => ({ state: 'failed', sentence })
export const skipped = (sentence: string): Finding => ({ state: 'skipped', sentence })
export const inconclusive = (sentence: string): Finding => ({ state: 'inconclusive', sentence })

import { createHash } from 'node:crypto'
import type { Component } from '../inputs/config.ts'
import type { DeploymentSettings } from '../ports/cloud.ts'

/** What going back would take, the worst of all migrations between two releases (docs of the classes: README). */
export type RollbackClass = 'images' | 'schema' | 'lossy' | 'restore'

/** One write, or one group of writes that only make sense together. Everything it needs is in it or in the Stack. */
export type Step = RollEcs | SetDeploymentSettings | RollAppRunner | UndoSchema

export type RollEcs = {
  readonly kind: 'roll-ecs'
  readonly component: 'worker' | 'clickhouse'
  readonly service: string
  readonly from: string
  readonly to: string
  /** Set with the same call when the service's own would let two tasks write to one EFS. */
  readonly settings: DeploymentSettings | undefined
  /** A deployment of this very image that an earlier run began: it is followed, nothing is written. */
  readonly follow: string | undefined
  readonly reason: string
}

export type SetDeploymentSettings = {
  readonly kind: 'set-deployment-settings'
  readonly component: 'clickhouse'
  readonly service: string
  readonly settings: DeploymentSettings
  readonly reason: string
}

export type RollAppRunner = {
  readonly kind: 'roll-app-runner'
  readonly component: 'web'
  readonly service: string
  readonly from: string
  readonly to: string
  /** An operation that an earlier run began and that brings this very image: it is followed, nothing is written. */
  readonly follow: string | undefined
  readonly reason: string
}

/** Down SQL of one phase. Migrations are in the order in which they are undone: newest first. */
export type UndoSchema = {
  readonly kind: 'undo-schema'
  readonly phase: 'expand' | 'contract' | 'validate'
  readonly postgres: readonly string[]
  readonly clickhouse: readonly number[]
  /** ClickHouse's head when the phase is over; undefined: it is not touched. */
  readonly clickhouseHead: number | undefined
  readonly reason: string
}

export type Plan = {
  readonly kind: 'plan'
  readonly action: 'deploy' | 'rollback'
  readonly from: string | undefined
  readonly to: string
  readonly rollbackClass: RollbackClass
  readonly steps: readonly Step[]
  readonly warnings: readonly string[]
  /** What undoing loses or leaves in the archive, one sentence for each migration that does. */
  readonly losses: readonly string[]
  readonly digest: string
}

/** Why nothing can be done: each problem with its remedy, all of them at once. */
export type Refusal = {
  readonly kind: 'refusal'
  readonly from: string | undefined
  readonly to: string
  readonly problems: readonly string[]
}

export function makePlan(plan: Omit<Plan, 'kind' | 'digest'>): Plan {
  return { kind: 'plan', ...plan, digest: digestOf(plan) }
}

/** Equal for two plans that would do the same to the same stack; warnings and wording do not count. */
function digestOf(plan: Omit<Plan, 'kind' | 'digest'>): string {
  const steps = plan.steps.map(({ reason: _, ...step }) => step)
  const content = JSON.stringify([plan.action, plan.from ?? null, plan.to, steps])
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/** A step in few words, for logs, the timeline and errors. */
export function titleOf(step: Step): string {
  switch (step.kind) {
    case 'roll-ecs':
      return `${componentName(step.component)} (ECS service ${step.service})`
    case 'roll-app-runner':
      return `web (App Runner service ${step.service})`
    case 'set-deployment-settings':
      return `deployment settings of ECS service ${step.service}`
    case 'undo-schema':
      return `down SQL, ${step.phase} phase`
  }
}

export function componentName(component: Component): string {
  return component === 'clickhouse' ? 'ClickHouse' : component
}

import { createHash } from 'node:crypto'
import type { Component } from '../inputs/config.ts'
import type { DatabaseId, DeploymentSettings } from '../ports/cloud.ts'
import type { Stack } from '../stack/stack.ts'
import type { Renamed } from './rollback-class.ts'
import type { Runbook } from './runbook.ts'

/** What a rollback needs, the worst of all migrations between two releases (README explains the classes). */
export type RollbackClass = 'images' | 'schema' | 'lossy' | 'restore'

/** One write, or one group of writes that belong together. Everything it needs is in it or in the Stack. */
export type Step =
  | Migrate
  | RollEcs
  | SetDeploymentSettings
  | RollAppRunner
  | KeepData
  | UndoSchema
  | BackupDatabase
  | BackupFiles
  | RerunBackgroundMigrations
  | Mirror

/** A one-off task of the target's web image, whose entry point migrates both databases. */
export type Migrate = {
  readonly kind: 'migrate'
  readonly image: string
  readonly architecture: 'X86_64' | 'ARM64'
  /** Migrations to apply; undefined: unknown. */
  readonly postgres: readonly string[] | undefined
  readonly clickhouse: readonly number[] | undefined
  readonly reason: string
}

export type RollEcs = {
  readonly kind: 'roll-ecs'
  readonly component: Component
  readonly service: string
  readonly from: string
  readonly to: string
  /** Set in the same call where the service's own would let two tasks write to one EFS. */
  readonly settings: DeploymentSettings | undefined
  /** An earlier run's deployment of this image: it is followed, and nothing is written. */
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
  /** An earlier run's operation for this image: it is followed, and nothing is written. */
  readonly follow: string | undefined
  readonly reason: string
}

/** Puts aside what migrations delete: `keep` before them, then `close`, or `reverse` if they did not run; `drop` in the end. */
export type KeepData = {
  readonly kind: 'keep-data'
  readonly phase: 'drop' | 'keep' | 'close' | 'reverse'
  readonly postgres: readonly string[]
  readonly clickhouse: readonly number[]
  /** Closing fails if one of these is not complete: the plan counts on it. */
  readonly mustBeWhole?: readonly string[]
  readonly reason: string
}

/** A phase of the down SQL files. */
export type SchemaStep = KeepData | UndoSchema

/**
 * Down SQL of one phase; contract begins with each migration's `prepare`. Migrations are in the order of their undo:
 * newest first.
 */
export type UndoSchema = {
  readonly kind: 'undo-schema'
  readonly phase: 'expand' | 'contract' | 'validate'
  readonly postgres: readonly string[]
  readonly clickhouse: readonly number[]
  /** ClickHouse's head after the phase; undefined: unchanged. */
  readonly clickhouseHead: number | undefined
  /** Failed Postgres migrations whose rows the expand phase repairs, so that the older web can start. */
  readonly repair?: { readonly finish: readonly string[]; readonly forget: readonly string[] }
  readonly renamed?: Renamed
  readonly refill?: Refill
  readonly reason: string
}

/** Background migrations, by name, that make data which the undo of ClickHouse's migrations archives. */
export type Refill = {
  /** Contract resets them: the older worker leaves them alone, the newer one runs them. */
  readonly open: readonly string[]
  /** The older worker would run them and fail: expand and contract mark them as failed, which every release skips. */
  readonly hold: readonly string[]
}

/** A snapshot of PostgreSQL's cluster or instance. Its name is `prefix` and the time. */
export type BackupDatabase = {
  readonly kind: 'backup-database'
  readonly database: DatabaseId
  /** For sentences: `Aurora cluster langfuse`. */
  readonly title: string
  readonly prefix: string
  readonly reason: string
}

/** A recovery point of ClickHouse's file system in AWS Backup. */
export type BackupFiles = {
  readonly kind: 'backup-files'
  readonly fileSystem: string
  /** ARNs of the file system and of AWS Backup's role. */
  readonly resource: string
  readonly role: string
  readonly vault: string
  readonly prefix: string
  readonly reason: string
}

/** A copy of one image with all its platforms into the deployed repository. */
export type Mirror = {
  readonly kind: 'mirror'
  readonly component: Component
  /** `repository@digest` */
  readonly from: string
  /** `repository:tag` in ECR. */
  readonly to: string
  readonly tool: string
  readonly reason: string
}

/** Resets background migrations, so that the restarted worker runs them from their beginning. */
export type RerunBackgroundMigrations = {
  readonly kind: 'rerun-background-migrations'
  readonly component: 'worker'
  readonly service: string
  readonly names: readonly string[]
  readonly reason: string
}

/** Whether the run undoes its own changes after a failure. */
export type GoesBack = {
  readonly answer: 'yes' | 'no'
  /** Ends the sentence that begins with the answer. */
  readonly because: string
  /** What a person does otherwise, as sentences; empty: nothing. */
  readonly instead: string
}

export type Plan = {
  readonly kind: 'plan'
  readonly action: 'deploy' | 'rollback'
  readonly from: string | undefined
  readonly to: string
  readonly rollbackClass: RollbackClass
  readonly goesBack: GoesBack
  readonly steps: readonly Step[]
  readonly warnings: readonly string[]
  /** What a rollback loses or archives, one sentence for each migration that does. */
  readonly losses: readonly string[]
  /** How to restore from the backups what this plan does not bring back. */
  readonly restore?: Runbook
  readonly digest: string
}

/** Every problem at once, each with its remedy. */
export type Refusal = {
  readonly kind: 'refusal'
  readonly from: string | undefined
  readonly to: string
  readonly problems: readonly string[]
  readonly next?: readonly string[]
  /** How to restore from the backups instead. */
  readonly restore?: Runbook
}

/** `stack`: what the plan was made from. */
export function makePlan({ probe }: Pick<Stack, 'probe'>, plan: Omit<Plan, 'kind' | 'digest'>): Plan {
  return { kind: 'plan', ...plan, digest: digestOf(plan, probe.identity) }
}

/** The second line of every plan. */
export function goesBackLine({ answer, because, instead }: GoesBack): string {
  return `Goes back by itself: ${answer}, because ${because} ${instead}`.trimEnd()
}

/**
 * Equal for two plans with the same steps on the same stack and database, whatever their wording and warnings. Who
 * approves the steps approves how a failure ends, too.
 */
function digestOf(plan: Omit<Plan, 'kind' | 'digest'>, identity: Stack['probe']['identity']): string {
  const steps = plan.steps.map(({ reason: _, ...step }) => step)
  const { host, port, database, schema, system } = identity.known ? identity.value : {}
  const content = JSON.stringify([
    plan.action,
    plan.from ?? null,
    plan.to,
    steps,
    plan.goesBack.answer,
    [host, port, database, schema, system],
  ])
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/** For logs, the timeline and errors. */
export function titleOf(step: Step): string {
  switch (step.kind) {
    case 'migrate':
      return 'Postgres and ClickHouse migrations (one-off task)'
    case 'roll-ecs':
      return `${componentName(step.component)} (ECS service ${step.service})`
    case 'roll-app-runner':
      return `web (App Runner service ${step.service})`
    case 'set-deployment-settings':
      return `deployment settings of ECS service ${step.service}`
    case 'undo-schema':
      return `down SQL, ${step.phase} phase`
    case 'keep-data':
      return KEEP_TITLES[step.phase]
    case 'backup-database':
      return `snapshot of ${step.title}`
    case 'backup-files':
      return `recovery point of ${step.fileSystem}`
    case 'rerun-background-migrations':
      return `background migrations ${step.names.join(', ')} again`
    case 'mirror':
      return `copy of the ${componentName(step.component)} image`
  }
}

const KEEP_TITLES: Readonly<Record<KeepData['phase'], string>> = {
  drop: 'drop what was kept long ago',
  keep: 'keep what the migrations delete',
  close: 'close what was kept',
  reverse: 'put back what was kept',
}

export function isSchemaStep(step: Step): step is SchemaStep {
  return step.kind === 'keep-data' || step.kind === 'undo-schema'
}

/** Whether the step changes the image of a component. */
export function isRollout(step: Step): step is RollEcs | RollAppRunner {
  return step.kind === 'roll-ecs' || step.kind === 'roll-app-runner'
}

export function componentName(component: Component): string {
  return component === 'clickhouse' ? 'ClickHouse' : component
}

/** `1 Postgres migration`, `2 Postgres migrations`. */
export function amountOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

import type { Component } from '../inputs/config.ts'
import type {
  AppRunnerOperation,
  AppRunnerService,
  CloudMapService,
  Container,
  EcsService,
  EcsTask,
  ExpressService,
  MountTarget,
  TaskDefinition,
} from '../ports/cloud.ts'
import type { MountedFiles } from '../ports/databases.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import type { Release } from '../release/release.ts'
import type { Snapshot } from '../schema/snapshot.ts'
import type { DeepProbe } from './deep-probe.ts'
import type { Infrastructure } from './infrastructure.ts'

/** One immutable picture of what runs, and where each fact came from. Nothing in it is a wish. */
export type Stack = {
  readonly account: string
  readonly region: string
  readonly cluster: string
  readonly worker: EcsComponent
  readonly clickhouse: EcsComponent
  readonly web: WebComponent
  /** Public base URL without a trailing slash. */
  readonly url: string
  readonly health: Observed<WebHealth>
  readonly postgres: Observed<PostgresState>
  readonly clickhouseStore: Observed<ClickHouseState>
  readonly discovery: Observed<Discovery>
  readonly files: Observed<FileSystem>
  /** What can only be seen from inside the VPC, as raw evidence. */
  readonly probe: Probe
  readonly infrastructure: Infrastructure
}

/** What runs, before anybody has looked at what it holds. */
export type Components = Pick<Stack, 'account' | 'region' | 'cluster' | 'worker' | 'clickhouse' | 'web'>

/** A fact, or the reason why it could not be seen: missing evidence is never taken for a good sign. */
export type Observed<Value> =
  | { readonly known: true; readonly value: Value; readonly source: string }
  | { readonly known: false; readonly reason: string; readonly because: Unseen }

/**
 * `not-asked`: the caller gave no way to look. `unreachable`: it was looked, and nothing answered.
 * `no-evidence`: the look itself broke off, so what it would have seen is not known.
 */
export type Unseen = 'not-asked' | 'unreachable' | 'no-evidence'

export type EcsComponent = {
  readonly component: Component
  readonly service: EcsService
  readonly taskDefinition: TaskDefinition
  readonly container: Container
  readonly tasks: readonly EcsTask[]
  readonly image: RunningImage
}

/** The web, on App Runner, on an ECS service, or on ECS Express Mode (an ECS service with a gateway of its own). */
export type WebComponent = AppRunnerWeb | EcsWeb

type WebParts = {
  readonly component: 'web'
  /** What its container is given by value. */
  readonly environment: Readonly<Record<string, string>>
  /** Name to the ARN it is read from. */
  readonly secrets: Readonly<Record<string, string>>
}

export type AppRunnerWeb = WebParts & {
  readonly platform: 'app-runner'
  readonly service: AppRunnerService
  /** An operation that has not ended: App Runner takes no other meanwhile. */
  readonly operation: AppRunnerOperation | undefined
  /** Why its operations could not be read. */
  readonly unseen?: string
  readonly image: RunningImage
}

export type EcsWeb = WebParts &
  Omit<EcsComponent, 'component'> & {
    readonly platform: 'ecs' | 'ecs-express'
    /** On Express Mode: what its updates go through. */
    readonly express: ExpressService | undefined
  }

export type RunningImage = {
  readonly reference: string
  readonly repository: string
  readonly digest: string | undefined
  /** Exact version by a tag of the running digest: a Langfuse release, or a ClickHouse version. */
  readonly version: string | undefined
  readonly source: string
  /** Why its repository could not be asked. */
  readonly unseen?: string
  /** All that lead to the digest, as its repository has them now. */
  readonly tags?: readonly string[]
}

export type WebHealth = {
  readonly status: number
  readonly version: string | undefined
}

export type PostgresState = {
  readonly migrations: readonly PostgresMigration[]
  readonly backgroundMigrations: readonly BackgroundMigration[]
  /** There is no table background_migrations. */
  readonly noBackgroundMigrations?: boolean
  /** What a rollback began and did not finish, with the last phase that is over. */
  readonly pending: readonly PendingUndo[]
  /** Read when a migration failed: the evidence of what it left. */
  readonly schema?: Snapshot
}

export type PendingUndo = {
  readonly store: 'postgres' | 'clickhouse'
  readonly migration: string
  readonly phase: 'expand' | 'contract'
}

export type PostgresMigration = {
  readonly name: string
  readonly checksum: string
  /** `failed`: started, neither finished nor marked as rolled back; Prisma refuses to go on (P3009). */
  readonly state: 'applied' | 'failed' | 'rolled-back'
}

export type BackgroundMigration = {
  readonly name: string
  readonly state: 'finished' | 'failed' | 'unfinished'
  /** Environment variable that has to be "true" for it to run; undefined: runs always. */
  readonly gate: string | undefined
  /** A worker is at it right now. */
  readonly active?: boolean
  /** The file in the worker's image that does it. */
  readonly script?: string
  /** The first words of its failed_reason. */
  readonly failure?: string | undefined
  /** It has left a state: some of it was done. */
  readonly begun?: boolean
}

export type ClickHouseState = {
  readonly version: string
  readonly timezone: string
  /** golang-migrate's head; 0 when nothing was migrated yet. */
  readonly head: number
  readonly dirty: boolean
}

/** Evidence from inside the VPC; what it means is for the checks to say. */
export type Probe = {
  /** Where ClickHouse's name leads from there. */
  readonly name: Observed<{ readonly name: string; readonly addresses: readonly string[] }>
  /** Whether `/ping` answered `Ok.`. */
  readonly ping: Observed<boolean>
  readonly disks: Observed<readonly ClickHouseDisk[]>
  /** Langfuse's own and ClickHouse's system logs. */
  readonly tables: Observed<readonly ClickHouseTable[]>
  readonly valkey: Observed<ValkeyState>
  readonly workers: Observed<readonly WorkerHealth[]>
  /** ClickHouse's volume, as a task in its place mounts it. */
  readonly mount: Observed<Mount>
  /** What costs more than a look at the state, and only verify asks for. */
  readonly deepProbe: DeepProbe
}

/** `failed`: ECS could not mount it, in its words. */
export type Mount =
  | ({ readonly state: 'mounted' } & MountedFiles)
  | { readonly state: 'failed'; readonly reason: string }

type ClickHouseDisk = { readonly name: string; readonly free: number; readonly total: number }

export type ClickHouseTable = {
  readonly database: string
  readonly name: string
  readonly engine: string
  readonly rows: number
  readonly bytes: number
}

export type ValkeyState = {
  readonly version: string
  /** `noeviction` is the one that keeps a queue whole; undefined: the server does not say. */
  readonly policy: string | undefined
  /** Bytes; a maximum of 0 is none. */
  readonly used: number
  readonly maximum: number
  readonly evicted: number
  /** It shares its keys out over slots, whose keys one command cannot mix. */
  readonly cluster: boolean
  /** Its own clock, epoch milliseconds; undefined: it does not say. */
  readonly now: number | undefined
  /** Those that hold jobs. */
  readonly queues: readonly Queue[]
}

export type Queue = {
  readonly name: string
  readonly waiting: number
  readonly active: number
  /** Those that were given up. */
  readonly failed: number
  /** Epoch milliseconds of the job that waits longest. */
  readonly oldest: number | undefined
}

/** What the worker says of itself; `problem`: why nothing answered, or what is strange about the answer. */
export type WorkerHealth = {
  readonly task: string
  readonly url: string
  readonly status: number | undefined
  readonly problem: string | undefined
}

export type Discovery = CloudMapService

export type FileSystem = {
  readonly id: string
  readonly state: string
  readonly mountTargets: readonly MountTarget[]
}

export function known<Value>(value: Value, source: string): Observed<Value> {
  return { known: true, value, source }
}

export function unknown<Value>(reason: string, because: Unseen): Observed<Value> {
  return { known: false, reason, because }
}

/**
 * The release that runs, by the best evidence there is: what the web reports, else its image, else the worker's. A
 * few releases report the one before them: then the images tell which of the two it is.
 */
export function currentRelease(stack: Stack, facts: ReleaseFacts): Release | undefined {
  const reported = stack.health.known ? stack.health.value.version : undefined
  const images = [stack.web.image.version, stack.worker.image.version]
  if (reported === undefined) return (images[0] ?? images[1]) as Release | undefined
  const possible = facts.releases.filter(release => release.reportedVersion === reported)
  const named = images.find(version => possible.some(release => release.version === version))
  return (named ?? reported) as Release
}

/** The component as an ECS service. Asking for a web that is on App Runner is a defect of the caller. */
export function ecsComponent(stack: Stack, component: Component): EcsComponent {
  const found = stack[component]
  if ('taskDefinition' in found) return found
  throw new Error(`The ${component} does not run on ECS.`)
}

export function imageOf(stack: Stack, component: Component): RunningImage {
  return stack[component].image
}

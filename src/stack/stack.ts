import { Denied, explain } from '../errors/errors.ts'
import type { Component } from '../inputs/config.ts'
import type {
  AppRunnerOperation,
  AppRunnerService,
  CloudMapService,
  Container,
  EcsService,
  EcsTask,
  ExpressService,
  FileSystem,
  TaskDefinition,
} from '../ports/cloud.ts'
import type { MountedFiles } from '../ports/databases.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { parseImage } from '../release/image.ts'
import { compareVersions, type Release } from '../release/release.ts'
import type { RunLock } from '../schema/run-lock.ts'
import type { Snapshot } from '../schema/snapshot.ts'
import type { DeepProbe } from './deep-probe.ts'
import type { PostgresIdentity } from './identity.ts'
import type { Infrastructure } from './infrastructure.ts'
import type { Proofs } from './proof.ts'

/** The observed stack: immutable, with the source of each fact. It never contains desired state. */
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
  readonly discovery: Observed<CloudMapService>
  readonly files: Observed<FileSystem>
  /** What is visible only inside the VPC, unevaluated. */
  readonly probe: Probe
  readonly infrastructure: Infrastructure
  /** Whether the stores that this run was given are the worker's. */
  readonly proofs: Proofs
}

/** The components, before their stores are observed. */
export type Components = Pick<Stack, 'account' | 'region' | 'cluster' | 'worker' | 'clickhouse' | 'web'>

/** A fact, or why it could not be observed. Missing evidence never counts as good. */
export type Observed<Value> =
  | { readonly known: true; readonly value: Value; readonly source: string }
  | { readonly known: false; readonly reason: string; readonly because: Unseen }

/**
 * `not-asked`: this run was not configured to observe it. `unreachable`: the observed thing did not answer.
 * `no-evidence`: the observation itself failed, so its result is unknown.
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
  /** Plain values of its container. */
  readonly environment: Readonly<Record<string, string>>
  /** Names with the ARNs that they are read from. */
  readonly secrets: Readonly<Record<string, string>>
}

export type AppRunnerWeb = WebParts & {
  readonly platform: 'app-runner'
  readonly service: AppRunnerService
  /** A running operation: App Runner accepts no other meanwhile. */
  readonly operation: AppRunnerOperation | undefined
  /** Why its operations could not be read. */
  readonly unseen?: string
  readonly image: RunningImage
}

export type EcsWeb = WebParts &
  Omit<EcsComponent, 'component'> & {
    readonly platform: 'ecs' | 'ecs-express'
    /** On Express Mode: the service that is updated. */
    readonly express: ExpressService | undefined
    /** Why App Runner could not be asked first. */
    readonly appRunnerUnseen?: string
  }

export type RunningImage = {
  readonly reference: string
  readonly repository: string
  readonly digest: string | undefined
  /** Exact version in a tag of the running digest: a Langfuse release or a ClickHouse version. */
  readonly version: string | undefined
  readonly source: string
  /** Why its repository could not be read. */
  readonly unseen?: string
  /** All tags that point to the digest in its repository now. */
  readonly tags?: readonly string[]
}

/** What answers for the web. Without a version it is a gateway's 5xx: no web answers behind it. */
export type WebHealth = {
  readonly status: number
  readonly version: string | undefined
}

export type PostgresState = {
  readonly migrations: readonly PostgresMigration[]
  readonly backgroundMigrations: readonly BackgroundMigration[]
  /** Whether table background_migrations is missing. */
  readonly noBackgroundMigrations?: boolean
  /** Unfinished rollbacks, each with its last completed phase. */
  readonly pending: readonly PendingUndo[]
  /** What deploys kept before migrations deleted it. */
  readonly kept?: readonly KeptData[]
  /** The run that holds the lock on this stack. */
  readonly lock?: RunLock | undefined
  /** Read if a Postgres migration failed, to see what it left. */
  readonly schema?: Snapshot
}

/** A table, rows or a column in `langfuse_rollout`. */
export type KeptData = {
  /** Name of the Postgres migration, or the ClickHouse version in four digits. */
  readonly migration: string
  readonly kind: 'table' | 'rows' | 'column'
  readonly relation: string
  readonly column: string | undefined
  /** Its table in `langfuse_rollout`. */
  readonly storedAs: string | undefined
  /** undefined: not counted yet. */
  readonly rows: number | undefined
  /** Epoch milliseconds. */
  readonly at: number
  /** `begun`: not all of it yet; `open`: until the migration has run; `given-back`: a rollback has put it back. */
  readonly state: 'begun' | 'open' | 'complete' | 'incomplete' | 'given-back'
  /** Closed and kept for longer than it is to be. */
  readonly isOld: boolean
}

export type PendingUndo = {
  readonly store: 'postgres' | 'clickhouse'
  readonly migration: string
  readonly phase: 'expand' | 'contract'
}

export type PostgresMigration = {
  readonly name: string
  readonly checksum: string
  /** `failed`: started, but neither finished nor marked as rolled back; Prisma refuses to continue (P3009). */
  readonly state: 'applied' | 'failed' | 'rolled-back'
}

export type BackgroundMigration = {
  readonly name: string
  readonly state: 'finished' | 'failed' | 'unfinished'
  /** Environment variable that must be "true" for it to run; undefined: it always runs. */
  readonly gate: string | undefined
  /** A worker is running it now. */
  readonly active?: boolean
  /** Its script in the worker's image. */
  readonly script?: string
  /** The beginning of its failed_reason. */
  readonly failure?: string | undefined
  /** It has saved a state: part of it is done. */
  readonly begun?: boolean
}

export type ClickHouseState = {
  readonly version: string
  readonly timezone: string
  /** What the server calls itself. */
  readonly host?: string
  /** golang-migrate's version; 0 if nothing was migrated yet. */
  readonly head: number
  readonly dirty: boolean
  /** Tables in database `langfuse_rollout` that keep what migrations deleted. */
  readonly kept?: readonly string[]
}

/** Evidence from inside the VPC; the checks evaluate it. */
export type Probe = {
  /** Which database the connection to PostgreSQL reached. */
  readonly identity: Observed<PostgresIdentity>
  /** The addresses of ClickHouse's name there. */
  readonly name: Observed<{ readonly name: string; readonly addresses: readonly string[] }>
  /** Whether `/ping` answered `Ok.`. */
  readonly ping: Observed<boolean>
  readonly disks: Observed<readonly ClickHouseDisk[]>
  /** Langfuse's own and ClickHouse's system logs. */
  readonly tables: Observed<readonly ClickHouseTable[]>
  readonly valkey: Observed<ValkeyState>
  readonly workers: Observed<readonly WorkerHealth[]>
  /** The web inside the VPC, for a runner that cannot read its URL. */
  readonly web: Observed<WebHealth>
  /** ClickHouse's volume, as a test task mounts it. */
  readonly mount: Observed<Mount>
  /** Schemas and load, which only verify reads. */
  readonly deepProbe: DeepProbe
}

/** `failed`: ECS could not mount it, with its message. */
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
  /** Only `noeviction` keeps queues complete; undefined: the server does not report it. */
  readonly policy: string | undefined
  /** Bytes; a maximum of 0 is no limit. */
  readonly used: number
  readonly maximum: number
  readonly evicted: number
  /** Cluster mode: one command cannot use keys of several slots. */
  readonly cluster: boolean
  /** Its own clock, epoch milliseconds; undefined: it does not report it. */
  readonly now: number | undefined
  /** Only queues with jobs. */
  readonly queues: readonly Queue[]
}

export type Queue = {
  readonly name: string
  readonly waiting: number
  readonly active: number
  /** Jobs that failed for good. */
  readonly failed: number
  /** Epoch milliseconds of the longest-waiting job. */
  readonly oldest: number | undefined
}

/** The worker's health report; `problem`: why nothing answered, or what is wrong with the answer. */
export type WorkerHealth = {
  readonly task: string
  readonly url: string
  readonly status: number | undefined
  readonly problem: string | undefined
}

export function known<Value>(value: Value, source: string): Observed<Value> {
  return { known: true, value, source }
}

export function unknown<Value>(reason: string, because: Unseen): Observed<Value> {
  return { known: false, reason, because }
}

/**
 * The running release, by the best evidence: the tags of the web's digest, else an exact tag. What the URL reports helps
 * only where neither names a release, and for a floating tag on App Runner if it is a release of this stack's images.
 */
export function currentRelease(stack: Stack, facts: ReleaseFacts): Release | undefined {
  const web = imageRelease(stack.web.image, facts)
  const worker = imageRelease(stack.worker.image, facts)
  if (web !== undefined && !isFloating(stack.web)) return web
  const reported = reportedVersion(stack)
  const named = [web, worker].find(release => isReportedBy(release, reported, facts))
  if (named !== undefined) return named
  if (web === undefined) return (reported ?? worker) as Release | undefined
  if (worker === undefined) return (reported ?? web) as Release
  // The tag may have been pushed again since the web started, and a deploy changes the worker before the web.
  return compareVersions(web, worker) < 0 ? web : worker
}

/** The one that App Runner is carrying out, a rollback of its own included. */
export function openOperation(operations: readonly AppRunnerOperation[]): AppRunnerOperation | undefined {
  return operations.find(operation =>
    ['PENDING', 'IN_PROGRESS', 'ROLLBACK_IN_PROGRESS'].includes(operation.status),
  )
}

/** What the URL reports. */
export function reportedVersion({ health }: Pick<Stack, 'health'>): string | undefined {
  return health.known ? health.value.version : undefined
}

/** App Runner reports no digest, so a tag such as `latest` does not show what runs, only what would start now. */
export function isFloating({ platform, image }: WebComponent): boolean {
  const { digest, tag } = parseImage(image.reference) ?? {}
  return platform === 'app-runner' && digest === undefined && !/^v?\d+\.\d+\.\d+/.test(tag ?? 'latest')
}

/** The release that an image's tag names. An own build, e.g. `3.225.4-acme`, is that release. */
export function imageRelease({ version }: RunningImage, facts: ReleaseFacts): Release | undefined {
  const base = version?.replace(/-(?!rc|alpha|beta).*$/, '')
  const isOwnBuild = version !== undefined && facts.release(version) === undefined && base !== undefined
  return (isOwnBuild && facts.release(base) !== undefined ? base : version) as Release | undefined
}

/** A few releases report their predecessor; the catalog knows which. */
export function isReportedBy(
  release: string | undefined,
  reported: string | undefined,
  facts: ReleaseFacts,
): boolean {
  if (release === undefined || reported === undefined) return false
  const known = facts.releases.find(({ version }) => version === release)
  return (known?.reportedVersion ?? release) === reported
}

/** The component as an ECS service; throws for a web on App Runner. */
export function ecsComponent(stack: Stack, component: Component): EcsComponent {
  const found = stack[component]
  if ('taskDefinition' in found) return found
  throw new Error(`The ${component} does not run on ECS.`)
}

export function imageOf(stack: Stack, component: Component): RunningImage {
  return stack[component].image
}

/** The fact that `read` returns, or why it could not be read; `failed` begins that reason. Never throws. */
export async function observed<Value>(
  source: string,
  read: () => Promise<Value>,
  { failed = '', because = 'unreachable' }: { readonly failed?: string; readonly because?: Unseen } = {},
): Promise<Observed<Value>> {
  try {
    return known(await read(), source)
  } catch (error) {
    return unknown(`${failed}${explain(error)}`, because)
  }
}

/** One call to AWS: its answer, or why there is none, with the missing permission. Never throws. */
export async function tryObserve<Value>(
  what: string,
  source: string,
  call: () => Promise<Value>,
): Promise<Observed<Value>> {
  try {
    return known(await call(), source)
  } catch (error) {
    const remedy = error instanceof Denied ? `: allow ${error.permission} to this job's role` : ''
    return unknown(`${what} cannot be read, because ${explain(error)}${remedy}`, 'no-evidence')
  }
}

import type { Clock } from './clock.ts'
import { AwsError } from './errors.ts'
import { arn, type Ids } from './ids.ts'

/** RDS as its API shows it: clusters with their instances, single instances, proxies, snapshots. The engines live elsewhere. */
export function makeRds(options: { readonly ids: Ids; readonly clock: Clock }): Rds {
  const { ids, clock } = options
  const clusters = new Map<string, DbCluster>()
  const instances = new Map<string, DbInstance>()
  const proxies = new Map<string, DbProxy>()
  const snapshots = new Map<string, DbSnapshot>()
  const instanceSnapshots = new Map<string, DbSnapshot<DbInstance>>()
  let failing = 0

  const createCluster = (spec: DbClusterSpec) => {
    const made: DbCluster = {
      ...spec,
      arn: arn('rds', `cluster:${spec.identifier}`),
      resourceId: `cluster-${ids.base32(26).toUpperCase()}`,
      createdAt: clock.now(),
      status: 'available',
    }
    clusters.set(spec.identifier, made)
    return made
  }

  const createInstance = (spec: DbInstanceSpec) => {
    const made: DbInstance = {
      ...spec,
      arn: arn('rds', `db:${spec.identifier}`),
      resourceId: `db-${ids.base32(26).toUpperCase()}`,
      createdAt: clock.now(),
      status: 'available',
    }
    instances.set(spec.identifier, made)
    return made
  }

  const begin = <Of>(of: Of, { identifier, tags }: DbSnapshotSpec, kind: string): DbSnapshot<Of> => {
    const snapshot: DbSnapshot<Of> = {
      identifier,
      tags,
      of,
      arn: arn('rds', `${kind}:${identifier}`),
      createdAt: clock.now(),
      status: 'creating',
      percent: 0,
    }
    const fails = failing > 0
    if (fails) failing -= 1
    void progress(clock, snapshot, fails)
    return snapshot
  }

  const createSnapshot = (spec: DbSnapshotSpec & { readonly cluster: string }) => {
    const cluster = clusters.get(spec.cluster)
    if (!cluster) throw clusterNotFound(spec.cluster)
    if (cluster.status !== 'available')
      throw new AwsError(
        'InvalidDBClusterStateFault',
        `Cluster ${cluster.identifier} is not in available state. It is ${cluster.status}.`,
      )
    if (snapshots.has(spec.identifier))
      throw new AwsError(
        'DBClusterSnapshotAlreadyExistsFault',
        `Cannot create the cluster snapshot because one with the identifier ${spec.identifier} already exists.`,
      )
    const made = begin(cluster, spec, 'cluster-snapshot')
    snapshots.set(spec.identifier, made)
    return made
  }

  const createInstanceSnapshot = (spec: DbSnapshotSpec & { readonly instance: string }) => {
    const instance = instances.get(spec.instance)
    if (!instance) throw instanceNotFound(spec.instance)
    if (instance.status !== 'available')
      throw new AwsError(
        'InvalidDBInstanceState',
        `Instance ${instance.identifier} is not currently in the available state.`,
      )
    if (instanceSnapshots.has(spec.identifier))
      throw new AwsError(
        'DBSnapshotAlreadyExists',
        `Cannot create the snapshot because a snapshot with the identifier ${spec.identifier} already exists.`,
      )
    const made = begin(instance, spec, 'snapshot')
    instanceSnapshots.set(spec.identifier, made)
    return made
  }

  const createProxy = (spec: DbProxy) => void proxies.set(spec.name, spec)

  const failNextSnapshot = () => {
    failing += 1
  }
  return {
    clusters,
    instances,
    proxies,
    snapshots,
    instanceSnapshots,
    createCluster,
    createInstance,
    createProxy,
    createSnapshot,
    createInstanceSnapshot,
    failNextSnapshot,
  }
}

export type Rds = {
  readonly clusters: Map<string, DbCluster>
  /** Those that belong to no cluster. */
  readonly instances: Map<string, DbInstance>
  readonly proxies: Map<string, DbProxy>
  readonly snapshots: ReadonlyMap<string, DbSnapshot>
  readonly instanceSnapshots: ReadonlyMap<string, DbSnapshot<DbInstance>>
  createCluster(spec: DbClusterSpec): DbCluster
  createInstance(spec: DbInstanceSpec): DbInstance
  createProxy(spec: DbProxy): void
  createSnapshot(spec: DbSnapshotSpec & { readonly cluster: string }): DbSnapshot
  createInstanceSnapshot(spec: DbSnapshotSpec & { readonly instance: string }): DbSnapshot<DbInstance>
  /** The next snapshot ends `failed`. */
  failNextSnapshot(): void
}

export type DbInstanceSpec = Omit<DbClusterSpec, 'instances'>

export type DbInstance = DbInstanceSpec & Omit<DbCluster, keyof DbClusterSpec>

/** Its default endpoint, further ones, and the cluster or instance that it connects to. */
export type DbProxy = {
  readonly name: string
  readonly endpoint: string
  readonly endpoints: readonly { readonly name: string; readonly endpoint: string }[]
  readonly target: { readonly cluster: string } | { readonly instance: string }
}

export type DbClusterSpec = {
  readonly identifier: string
  /** `aurora-postgresql` by default; a Multi-AZ DB cluster and an instance are `postgres`. */
  readonly engine?: string
  readonly endpoint: string
  engineVersion: string
  readonly databaseName: string
  readonly masterUsername: string
  readonly instances: readonly string[]
  readonly subnetGroup: string
  readonly securityGroups: readonly string[]
  backupRetentionDays: number
  deletionProtection?: boolean
}

export type DbCluster = DbClusterSpec & {
  readonly arn: string
  readonly resourceId: string
  readonly createdAt: Date
  /** A test may set another one, such as `backing-up` or `stopped`. */
  status: string
}

export type DbSnapshotSpec = {
  readonly identifier: string
  readonly tags: readonly { readonly key: string; readonly value: string }[]
}

export type DbSnapshot<Of = DbCluster> = DbSnapshotSpec & {
  readonly of: Of
  readonly arn: string
  readonly createdAt: Date
  status: 'creating' | 'available' | 'failed'
  percent: number
}

export const instanceNotFound = (identifier: string) =>
  new AwsError('DBInstanceNotFound', `DBInstance ${identifier} not found.`, 404)

export const clusterNotFound = (identifier: string) =>
  new AwsError('DBClusterNotFoundFault', `DBCluster ${identifier} not found.`, 404)

/** [KNOW] A snapshot of a small Aurora cluster takes some minutes; virtual seconds. */
const SNAPSHOT_SECONDS = 180
const STEPS = 6

async function progress(clock: Clock, snapshot: DbSnapshot<unknown>, fails: boolean) {
  for (let step = 1; step <= STEPS; step += 1) {
    await clock.sleep(SNAPSHOT_SECONDS / STEPS)
    if (fails && step === STEPS / 2) {
      snapshot.status = 'failed'
      return
    }
    snapshot.percent = Math.round((100 * step) / STEPS)
  }
  snapshot.status = 'available'
}

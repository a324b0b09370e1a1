import type { Clock } from './clock.ts'
import { AwsError } from './errors.ts'
import { arn, type Ids } from './ids.ts'

/** Aurora as its API shows it: clusters, their instances, their snapshots. The engine itself lives elsewhere. */
export function makeRds(options: { readonly ids: Ids; readonly clock: Clock }): Rds {
  const { ids, clock } = options
  const clusters = new Map<string, DbCluster>()
  const snapshots = new Map<string, DbSnapshot>()
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

  const createSnapshot = (spec: DbSnapshotSpec) => {
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
    const made: DbSnapshot = {
      ...spec,
      cluster,
      arn: arn('rds', `cluster-snapshot:${spec.identifier}`),
      createdAt: clock.now(),
      status: 'creating',
      percent: 0,
    }
    snapshots.set(spec.identifier, made)
    const fails = failing > 0
    if (fails) failing -= 1
    void progress(clock, made, fails)
    return made
  }

  const failNextSnapshot = () => {
    failing += 1
  }
  return { clusters, snapshots, createCluster, createSnapshot, failNextSnapshot }
}

export type Rds = {
  readonly clusters: ReadonlyMap<string, DbCluster>
  readonly snapshots: ReadonlyMap<string, DbSnapshot>
  createCluster(spec: DbClusterSpec): DbCluster
  createSnapshot(spec: DbSnapshotSpec): DbSnapshot
  /** The next snapshot ends `failed`. */
  failNextSnapshot(): void
}

export type DbClusterSpec = {
  readonly identifier: string
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
  readonly cluster: string
  readonly tags: readonly { readonly key: string; readonly value: string }[]
}

export type DbSnapshot = Omit<DbSnapshotSpec, 'cluster'> & {
  readonly cluster: DbCluster
  readonly arn: string
  readonly createdAt: Date
  status: 'creating' | 'available' | 'failed'
  percent: number
}

export const clusterNotFound = (identifier: string) =>
  new AwsError('DBClusterNotFoundFault', `DBCluster ${identifier} not found.`, 404)

/** [KNOW] A snapshot of a small Aurora cluster takes some minutes; virtual seconds. */
const SNAPSHOT_SECONDS = 180
const STEPS = 6

async function progress(clock: Clock, snapshot: DbSnapshot, fails: boolean) {
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

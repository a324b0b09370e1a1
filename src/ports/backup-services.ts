/**
 * Backups as the flow sees them. What IAM forbids is thrown as `Denied`. Times are epoch milliseconds.
 */
export type Aurora = {
  /** Every cluster of the region, whatever its engine. */
  clusters(): Promise<readonly DatabaseCluster[]>
  /** The manual snapshots of a cluster. */
  snapshots(cluster: string): Promise<readonly ClusterSnapshot[]>
  /** undefined when there is no such snapshot (yet). */
  snapshot(id: string): Promise<ClusterSnapshot | undefined>
  /** Begins a snapshot; one of that name that exists already is no error. */
  createSnapshot(wanted: {
    readonly cluster: string
    readonly id: string
    readonly tags: Readonly<Record<string, string>>
  }): Promise<void>
}

export type DatabaseCluster = {
  readonly id: string
  readonly engine: string
  readonly status: string
  /** Writer, reader and custom endpoints. */
  readonly endpoints: readonly string[]
  /** Identifiers of its instances: the first label of an instance's own endpoint. */
  readonly instances: readonly string[]
  readonly securityGroups?: readonly string[]
  readonly port?: number | undefined
  readonly version?: string | undefined
  readonly deletionProtection?: boolean
  /** Days that Aurora keeps what a point-in-time restore needs. */
  readonly retentionDays?: number | undefined
}

export type ClusterSnapshot = {
  readonly id: string
  /** `creating`, `available`, `failed` … */
  readonly status: string
  readonly percent: number | undefined
  readonly tags: Readonly<Record<string, string>>
}

export type Backup = {
  /** Names of the backup vaults of the region. */
  vaults(): Promise<readonly string[]>
  /** Starts a job, or answers the one that an earlier call with the same token started. */
  start(wanted: BackupRequest): Promise<{ readonly jobId: string }>
  /** undefined when it is not shown (yet). */
  job(id: string): Promise<BackupJob | undefined>
  /** What there is to restore a resource from; `resource` is its ARN. */
  recoveryPoints(resource: string): Promise<readonly RecoveryPoint[]>
}

export type RecoveryPoint = {
  readonly arn: string
  readonly vault: string
  readonly status: string
  readonly createdAt: number | undefined
}

type BackupRequest = {
  readonly vault: string
  /** ARN of what is backed up. */
  readonly resource: string
  /** ARN of the role that AWS Backup works with. */
  readonly role: string
  readonly token: string
  readonly tags: Readonly<Record<string, string>>
}

export type BackupJob = {
  readonly id: string
  /** CREATED, PENDING, RUNNING, COMPLETED, FAILED, ABORTING, ABORTED, EXPIRED, PARTIAL. */
  readonly state: string
  readonly percent: string | undefined
  readonly message: string | undefined
  readonly recoveryPoint: string | undefined
}

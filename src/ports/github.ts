/**
 * What ran before a deploy's first change; a rollback restores it. Stored as the payload of a GitHub deployment.
 * Contains image references by digest, never a secret.
 */
export type DeploymentRecord = {
  readonly schema: 1
  readonly from: string | undefined
  readonly to: string
  readonly images: Readonly<Record<'web' | 'worker' | 'clickhouse', string>>
  readonly taskDefinitions: Readonly<Partial<Record<'web' | 'worker' | 'clickhouse', string>>>
  readonly postgresMigrations: number | undefined
  /** Migrations that were applied although release `from` does not know them; absent: none is known. */
  readonly postgresAhead?: readonly string[] | undefined
  readonly clickhouseHead: number | undefined
  /** Id of the workflow run that wrote it. */
  readonly run?: string | undefined
  /** PostgreSQL's snapshot to restore from. This and the next members are added after the record was opened. */
  readonly snapshot?: string
  /** A snapshot of a single RDS instance, which is restored by other commands. */
  readonly snapshotOf?: 'instance'
  /** ARN of the recovery point of ClickHouse's file system. */
  readonly recoveryPoint?: string
}

/** A backup in AWS that a deploy took. */
export type Artifact = {
  readonly kind: 'aurora-snapshot' | 'rds-snapshot' | 'efs-recovery-point'
  readonly id: string
}

/** Adds a backup to a record; a later one replaces an earlier one. */
export function withArtifact(record: DeploymentRecord, { kind, id }: Artifact): DeploymentRecord {
  if (kind === 'efs-recovery-point') return { ...record, recoveryPoint: id }
  const { snapshotOf: _, ...rest } = record
  return { ...rest, snapshot: id, ...(kind === 'rds-snapshot' && { snapshotOf: 'instance' as const }) }
}

/**
 * The state of a stack at the end of a run, small enough for a deployment's payload. Values that may be secret are
 * short hashes (`#1a2b`).
 */
export type Fingerprint = {
  /** Grows with the members: between two schemas only common members are compared. */
  readonly schema: 1
  /** Member to value; a part that could not be observed is absent. */
  readonly parts: Readonly<Partial<Record<FingerprintPart, Readonly<Record<string, string>>>>>
}

export const FINGERPRINT_PARTS = [
  'web',
  'worker',
  'clickhouse',
  'web image',
  'worker image',
  'clickhouse image',
  'efs',
  'mount targets',
  'cloud map',
  'postgres',
  'clickhouse schema',
] as const

export type FingerprintPart = (typeof FINGERPRINT_PARTS)[number]

/** What was last deployed, saved after a successful deploy or rollback. Drift is measured against it. */
export type Baseline = {
  readonly schema: 1
  /** Account, region, cluster and services: two stacks must not share a record. */
  readonly stack: string
  readonly release: string | undefined
  readonly by: 'deploy' | 'rollback'
  /** Id of the workflow run that wrote it. */
  readonly run?: string | undefined
  readonly fingerprint: Fingerprint
}

export type KeptBaseline = { readonly id: string; readonly baseline: Baseline }

/** Each call may throw a GitHubFailure. */
export type Records = {
  /** Names the place of the records, for messages. */
  readonly location: string
  /** Writes the record with status in_progress and returns its id. */
  open(record: DeploymentRecord): Promise<string>
  /** Sets a record's status; `url` is Langfuse's public URL. */
  mark(id: string, state: RecordState, sentence: string, url?: string): Promise<void>
  /** Adds a backup to a record that is in progress. */
  keep(id: string, artifact: Artifact): Promise<void>
  /** The newest record that was not rolled back, with its backups; `before`: only older ones than this. */
  latest(options?: { readonly before?: string }): Promise<KeptRecord | undefined>
  /** The newest record, if it was rolled back. */
  undone(): Promise<DeploymentRecord | undefined>
  /** Saves the baseline; returns its id. */
  keepBaseline(baseline: Baseline): Promise<string>
  /** The newest baseline. */
  baseline(): Promise<KeptBaseline | undefined>
  /** Whether a workflow run is in progress; undefined if the token lacks `actions: read`. */
  isRunning(run: string): Promise<boolean | undefined>
}

/** How the last status of a record begins that a rollback undid. */
export const ROLLED_BACK = 'rolled back to Langfuse '

export type RecordState = 'in_progress' | 'success' | 'failure' | 'inactive'

export type KeptRecord = {
  readonly id: string
  readonly record: DeploymentRecord
  readonly state: string
  /** Id of the workflow run that changed its state last. */
  readonly run: string | undefined
}

/** The repository's issues that have a marker and that a member of the repository wrote. */
export type Issues = {
  /** Names the place of the issues, for messages. */
  readonly location: string
  /** Every open one and the closed ones that changed last, oldest first. */
  find(marker: string): Promise<readonly Issue[]>
  /** Returns the number. */
  create(text: IssueText): Promise<number>
  /** Changes only the given members. */
  edit(issue: number, text: Partial<IssueText>): Promise<void>
  close(issue: number, comment: string, why: 'completed' | 'duplicate'): Promise<void>
}

export type Issue = { readonly number: number; readonly open: boolean; readonly body: string }

export type IssueText = { readonly title: string; readonly body: string }

/** The migrations in the tag of a Langfuse release. */
export type ReleaseTree = {
  /** Names of the Postgres migrations, bytewise. */
  readonly postgres: readonly string[]
  /** Numbers of the ClickHouse migrations, ascending. */
  readonly clickhouse: readonly number[]
}

/** Langfuse's public repository. */
export type ReleaseSource = {
  /** Names the repository, for messages. */
  readonly location: string
  /** undefined if there is no such tag. Throws if it cannot be read completely. */
  read(version: string): Promise<ReleaseTree | undefined>
}

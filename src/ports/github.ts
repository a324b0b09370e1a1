/**
 * What a deploy wrote down before its first change: the way back. Kept as a GitHub deployment's payload.
 * Holds image references by digest, never a secret.
 */
export type DeploymentRecord = {
  readonly schema: 1
  readonly from: string | undefined
  readonly to: string
  readonly images: Readonly<Record<'web' | 'worker' | 'clickhouse', string>>
  readonly taskDefinitions: Readonly<Partial<Record<'web' | 'worker' | 'clickhouse', string>>>
  readonly postgresMigrations: number | undefined
  readonly clickhouseHead: number | undefined
  /** Id of the workflow run that wrote it. */
  readonly run?: string | undefined
  /** Aurora snapshot to restore from. It and the next are taken after the record was opened. */
  readonly snapshot?: string
  /** ARN of the recovery point of ClickHouse's file system. */
  readonly recoveryPoint?: string
}

/** Something that a deploy left in AWS to restore from. */
export type Artifact = {
  readonly kind: 'aurora-snapshot' | 'efs-recovery-point'
  readonly id: string
}

/** A record with what was kept of its deploy; of several snapshots the last. */
export function withArtifact(record: DeploymentRecord, { kind, id }: Artifact): DeploymentRecord {
  return kind === 'aurora-snapshot' ? { ...record, snapshot: id } : { ...record, recoveryPoint: id }
}

/**
 * What a stack was like when a run had finished with it, small enough for a deployment's payload. Values that may be
 * secret are in it as short hashes (`#1a2b`), never themselves.
 */
export type Fingerprint = {
  /** Grows with the members: of another schema only what both have can be compared. */
  readonly schema: 1
  /** Member to value; a part that could not be seen is not in it. */
  readonly parts: Readonly<Partial<Record<FingerprintPart, Readonly<Record<string, string>>>>>
}

export type FingerprintPart =
  | 'web'
  | 'worker'
  | 'clickhouse'
  | 'web image'
  | 'worker image'
  | 'clickhouse image'
  | 'efs'
  | 'mount targets'
  | 'cloud map'
  | 'postgres'
  | 'clickhouse schema'

/** What was last deployed: written when a deploy or a rollback has succeeded, and what drift is measured against. */
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

export type Records = {
  /** Where records go, for messages. */
  readonly location: string
  /** Writes the record with status in_progress and returns its id. */
  open(record: DeploymentRecord): Promise<string>
  /** Gives a record another status; `url` is where people reach what was deployed. */
  mark(id: string, state: RecordState, sentence: string, url?: string): Promise<void>
  /** Adds what there is to restore from to a record that is in progress. */
  keep(id: string, artifact: Artifact): Promise<void>
  /** The newest record that no rollback has undone, with what was added to it. */
  latest(): Promise<KeptRecord | undefined>
  /** Writes down what runs now; returns the id. */
  keepBaseline(baseline: Baseline): Promise<string>
  /** What was written down last. */
  baseline(): Promise<KeptBaseline | undefined>
  /** Whether a workflow run is still going on; undefined when the token may not look (`actions: read`). */
  isRunning(run: string): Promise<boolean | undefined>
}

export type RecordState = 'in_progress' | 'success' | 'failure' | 'inactive'

export type KeptRecord = {
  readonly id: string
  readonly record: DeploymentRecord
  readonly state: string
}

/** The issues of the repository that are ours: those that carry a marker, and that somebody of the repository wrote. */
export type Issues = {
  /** Where issues go, for messages. */
  readonly location: string
  /** Every open one, and of the closed ones those that changed last; in the order in which they were made. */
  find(marker: string): Promise<readonly Issue[]>
  /** Returns the number. */
  create(text: IssueText): Promise<number>
  /** Changes what is given. */
  edit(issue: number, text: Partial<IssueText>): Promise<void>
  close(issue: number, comment: string, why: 'completed' | 'duplicate'): Promise<void>
}

export type Issue = { readonly number: number; readonly open: boolean; readonly body: string }

export type IssueText = { readonly title: string; readonly body: string }

/** What the tag of a Langfuse release holds, as far as migrating goes. */
export type ReleaseTree = {
  /** Names of the Postgres migrations, bytewise. */
  readonly postgres: readonly string[]
  /** Numbers of the ClickHouse migrations, ascending. */
  readonly clickhouse: readonly number[]
}

/** Langfuse's public repository. */
export type ReleaseSource = {
  /** Where it looks, for messages. */
  readonly location: string
  /** Undefined when there is no such tag. Throws when it cannot be read, or not as a whole. */
  read(version: string): Promise<ReleaseTree | undefined>
}

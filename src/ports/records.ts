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
}

export type Records = {
  /** Where records go, for messages. */
  readonly place: string
  /** Writes the record with status in_progress and returns its id. */
  open(record: DeploymentRecord): Promise<string>
  /** Gives a record another status. */
  mark(id: string, state: 'in_progress' | 'success' | 'failure' | 'inactive', sentence: string): Promise<void>
  /** The newest record that no rollback has undone. */
  latest(): Promise<
    { readonly id: string; readonly record: DeploymentRecord; readonly state: string } | undefined
  >
}

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

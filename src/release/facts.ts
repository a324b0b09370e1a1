/** What is known of releases and their migrations: the catalog as the planner reads it. */
export type ReleaseFacts = {
  readonly releases: readonly ReleaseFact[]
  release(version: string): ReleaseFact | undefined
  /** All Postgres migrations that the release's image carries, in order of name. */
  postgresMigrations(version: string): readonly { readonly name: string; readonly checksum: string }[]
  /** Our down SQL of one migration: the Postgres migration's name, or ClickHouse's number as `0006`. */
  downSql(store: 'postgres' | 'clickhouse', name: string): DownSql | undefined
}

export type ReleaseFact = {
  readonly version: string
  /** What `/api/public/health` says; differs from the tag for a few releases. */
  readonly reportedVersion: string
  readonly clickhouseHead: number
}

/** One down SQL file. Sections are SQL text, '' when the file has no such phase. */
export type DownSql = {
  readonly migration: string
  readonly class: 'schema' | 'lossy' | 'restore'
  readonly loses: string
  readonly sections: { readonly expand: string; readonly contract: string; readonly validate: string }
}

/** The file name of a ClickHouse migration: four digits, as Langfuse numbers them. */
export function clickhouseName(version: number): string {
  return String(version).padStart(4, '0')
}

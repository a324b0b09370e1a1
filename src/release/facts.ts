import type { Catalog } from '../schema/catalog.ts'

/** What is known of releases and their migrations: the part of the catalog that the planner reads. */
export type ReleaseFacts = Pick<
  Catalog,
  | 'releases'
  | 'release'
  | 'postgresMigrations'
  | 'postgresChecksums'
  | 'postgresSchema'
  | 'clickhouseSnapshot'
  | 'otherNames'
  | 'postgresStep'
  | 'postgresChange'
  | 'allBackgroundMigrations'
  | 'environmentNames'
  | 'downSql'
  | 'toolbox'
>

/** What running down SQL takes of it. */
export type DownSqlFacts = Pick<ReleaseFacts, 'downSql' | 'toolbox'>

/** ClickHouse's migrations are numbered; files and the journal name them with four digits, as Langfuse does. */
export function clickhouseName(version: number): string {
  return String(version).padStart(4, '0')
}

import type { ReleaseTree } from '../ports/github.ts'
import type { BackgroundMigration, Catalog, CatalogRelease, PostgresMigration } from '../schema/catalog.ts'
import { compareVersions } from './release.ts'

/** The part of the catalog that the planner reads. */
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
  | 'dependentsSql'
  | 'ownKeys'
>

export type DownSqlFacts = Pick<ReleaseFacts, 'downSql' | 'toolbox'>

/** Files and the journal name ClickHouse's migrations with four digits, as Langfuse does. */
export function clickhouseName(version: number): string {
  return String(version).padStart(4, '0')
}

/** Rows of `background_migrations` that a release creates in a new database: its worker has a script for each. */
export function backgroundRowsOf(version: string, facts: ReleaseFacts): readonly BackgroundMigration[] {
  if (facts.release(version) === undefined) return []
  const known = new Set(facts.postgresMigrations(version).map(({ name }) => name))
  return facts
    .allBackgroundMigrations()
    .filter(row => known.has(row.addedBy) && !(row.removedBy !== undefined && known.has(row.removedBy)))
}

/**
 * The same facts with one more release, of which only the migrations are known: a final release of a known major,
 * because a new major's requirements cannot be read from a list of files.
 * @param readFrom source of the tree, for messages
 */
export function withRelease(
  facts: ReleaseFacts,
  {
    version,
    tree,
    readFrom,
  }: { readonly version: string; readonly tree: ReleaseTree; readonly readFrom: string },
): ReleaseFacts {
  const release: CatalogRelease = {
    version,
    date: '',
    reportedVersion: version,
    postgresMigrations: tree.postgres.length,
    lastPostgresMigration: tree.postgres.at(-1) ?? '',
    clickhouseHead: tree.clickhouse.at(-1) ?? 0,
    readFrom,
  }
  const releases = [...facts.releases, release].sort((left, right) =>
    compareVersions(left.version, right.version),
  )
  const migrations = migrationsOf(tree, facts)
  return {
    ...facts,
    releases,
    release: asked => (asked === version ? release : facts.release(asked)),
    postgresMigrations: asked => (asked === version ? migrations : facts.postgresMigrations(asked)),
  }
}

/** Only names of the catalog need a checksum: for rows of Prisma's table that a rollback writes. */
function migrationsOf(tree: ReleaseTree, facts: ReleaseFacts): readonly PostgresMigration[] {
  const newest = facts.releases.findLast(({ mislabelled }) => mislabelled === undefined)
  const known = newest === undefined ? [] : facts.postgresMigrations(newest.version)
  const byName = new Map(known.map(migration => [migration.name, migration]))
  return tree.postgres.map(name => byName.get(name) ?? { name, checksum: '' })
}

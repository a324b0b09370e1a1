import type { ReleaseTree } from '../ports/github.ts'
import type { Catalog, CatalogRelease, PostgresMigration } from '../schema/catalog.ts'
import { compareVersions } from './release.ts'

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

/**
 * The same facts with one release more, of which only its migrations are known. A final release of a major that the
 * catalog knows: what a new major asks for cannot be read from a list of files.
 * @param readFrom where the tree was read, for messages
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

/** A checksum is only needed where a row of Prisma's table has to be written, and that is for names of the catalog. */
function migrationsOf(tree: ReleaseTree, facts: ReleaseFacts): readonly PostgresMigration[] {
  const newest = facts.releases.findLast(({ mislabelled }) => mislabelled === undefined)
  const known = newest === undefined ? [] : facts.postgresMigrations(newest.version)
  const byName = new Map(known.map(migration => [migration.name, migration]))
  return tree.postgres.map(name => byName.get(name) ?? { name, checksum: '' })
}

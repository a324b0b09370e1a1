import { existsSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { Effect } from './clickhouse-sql.ts'
import { applyDelta, type Delta } from './diff.ts'
import { type DownSql, type Engine, parseDownSql } from './down-sql.ts'
import { emptySnapshot, type Snapshot } from './snapshot.ts'

export type CatalogRelease = {
  readonly version: string
  readonly date: string
  /** What `/api/public/health` answers. */
  readonly reportedVersion: string
  readonly postgresMigrations: number
  readonly lastPostgresMigration: string
  readonly clickhouseHead: number
  /** The release that the tag really holds, where it is another: its image must not be deployed. */
  readonly mislabelled?: string
}

export type PostgresMigration = { readonly name: string; readonly checksum: string }
export type ClickHouseMigration = { readonly version: number; readonly name: string }
export type ClickHouseStep = Delta & { readonly effects: readonly Effect[] }

export type BackgroundMigration = {
  readonly id: string
  readonly name: string
  readonly script: string
  readonly args: Readonly<Record<string, unknown>>
  /** The Postgres migration that inserts the row, and the one that deletes it. */
  readonly addedBy: string
  readonly removedBy?: string
}

/**
 * What is known of Langfuse's releases. Every release has its facts: which migrations it knows, and what it reports.
 * What a migration changes (steps, snapshots, rows) is there for the migrations that were run on real engines; asking
 * for another, or for an unknown release, throws an Error that names it.
 */
export type Catalog = {
  /** Final releases in order of semantic version. */
  readonly releases: readonly CatalogRelease[]
  release(version: string): CatalogRelease | undefined
  /** Names of the environment that a major reads (its newest release); empty for a major that is not known. */
  environmentNames(major: number): ReadonlySet<string>
  /** The migrations a release knows, in the order in which Prisma applies them. */
  postgresMigrations(version: string): readonly PostgresMigration[]
  /** The schema of a database that a release has migrated from nothing. */
  postgresSnapshot(version: string): Snapshot
  /** What one migration changes; there is no step for those of the oldest release, which are one base. */
  postgresStep(name: string): Delta
  /** Rows of `background_migrations` that the release's migrations leave in a new database. */
  backgroundMigrations(version: string): readonly BackgroundMigration[]
  clickhouseHead(version: string): number
  clickhouseMigrations(head: number): readonly ClickHouseMigration[]
  clickhouseSnapshot(head: number): Snapshot
  clickhouseStep(version: number): ClickHouseStep
  /** The reviewed down SQL of a Postgres migration (by name) or a ClickHouse migration (by version), if there is one. */
  downSql(engine: Engine, migration: string | number): DownSql | undefined
}

/**
 * Opens the catalog; each file is read when it is first needed.
 * @param root the folder that holds `catalog/` and `down-sql/`
 */
export function loadCatalog(root: URL | string): Catalog {
  const files = filesOf(root)
  const releases = files.json<readonly CatalogRelease[]>('catalog/releases.json')
  const byVersion = new Map(releases.map((release, place) => [release.version, { ...release, place }]))
  const placeOf = (version: string): number => {
    const release = byVersion.get(version)
    if (release === undefined) throw new Error(`The catalog does not know Langfuse ${version}.`)
    return release.mislabelled === undefined ? release.place : placeOf(release.mislabelled)
  }
  const migrationsOf = (version: string): readonly Lifetime<PostgresMigration>[] => {
    const place = placeOf(version)
    const all = files.json<readonly Lifetime<PostgresMigration>[]>('catalog/postgres/migrations.json')
    return all.filter(
      ({ since, until }) => placeOf(since) <= place && (until === undefined || place <= placeOf(until)),
    )
  }
  const postgresStep = (name: string): Delta => files.json(`catalog/postgres/steps/${name}.json`)
  const clickhouseStep = (version: number): ClickHouseStep =>
    files.json(`catalog/clickhouse/steps/${fourDigits(version)}.json`)
  const clickhouseMigrations = (head: number): readonly ClickHouseMigration[] =>
    files
      .json<readonly Lifetime<ClickHouseMigration>[]>('catalog/clickhouse/migrations.json')
      .filter(migration => migration.version <= head)
      .map(({ version, name }) => ({ version, name }))
  return {
    releases,
    release: version => releases.find(release => release.version === version),
    environmentNames: major => {
      const names = files.json<readonly EnvironmentName[]>('catalog/environment.json')
      return new Set(names.filter(({ majors }) => majors.includes(major)).map(({ name }) => name))
    },
    postgresMigrations: version => migrationsOf(version).map(({ name, checksum }) => ({ name, checksum })),
    postgresSnapshot: version =>
      migrationsOf(version)
        .filter(migration => placeOf(migration.since) > 0) // those of the first release are the base
        .toSorted((left, right) => placeOf(left.since) - placeOf(right.since)) // applied release by release
        .map(migration => postgresStep(migration.name))
        .reduce(applyDelta, files.json<Snapshot>('catalog/postgres/base.json')),
    postgresStep,
    backgroundMigrations: version => {
      const applied = new Set(migrationsOf(version).map(({ name }) => name))
      return files
        .json<readonly BackgroundMigration[]>('catalog/postgres/background-migrations.json')
        .filter(row => applied.has(row.addedBy) && !(row.removedBy && applied.has(row.removedBy)))
    },
    clickhouseHead: version => releases[placeOf(version)]?.clickhouseHead ?? 0,
    clickhouseMigrations,
    clickhouseSnapshot: head =>
      clickhouseMigrations(head)
        .map(migration => clickhouseStep(migration.version))
        .reduce<Snapshot>(applyDelta, emptySnapshot),
    clickhouseStep,
    downSql: (engine, migration) => {
      const name = typeof migration === 'number' ? fourDigits(migration) : migration
      const text = files.text(`down-sql/${engine}/${name}.sql`)
      return text === undefined ? undefined : parseDownSql({ engine, migration: name, text })
    },
  }
}

type EnvironmentName = { readonly name: string; readonly majors: readonly number[] }
/** The first release that has it, and the last one where later ones have it no more. */
type Lifetime<Migration> = Migration & { readonly since: string; readonly until?: string }

function fourDigits(version: number): string {
  return String(version).padStart(4, '0')
}

function filesOf(root: URL | string) {
  const base = typeof root === 'string' ? pathToFileURL(`${root.replace(/\/$/, '')}/`) : root
  const known = new Map<string, unknown>()
  const text = (path: string): string | undefined => {
    const url = new URL(path.split('/').map(encodeURIComponent).join('/'), base)
    return existsSync(url) ? readFileSync(url, 'utf8') : undefined
  }
  const json = <Content>(path: string): Content => {
    if (!known.has(path)) known.set(path, parse(path, text(path)))
    return known.get(path) as Content
  }
  return { text, json }
}

function parse(path: string, text: string | undefined): unknown {
  if (text === undefined) throw new Error(`The catalog has no ${path}.`)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`${path} is not JSON.`, { cause })
  }
}

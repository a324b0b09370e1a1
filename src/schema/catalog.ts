import { existsSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { applyDelta, type Delta } from './diff.ts'
import { type DownSql, type Engine, parseDownSql } from './down-sql.ts'
import { emptySnapshot, type Snapshot } from './snapshot.ts'

export type CatalogRelease = {
  readonly version: string
  readonly date: string
  /** The version that `/api/public/health` reports. */
  readonly reportedVersion: string
  readonly postgresMigrations: number
  readonly lastPostgresMigration: string
  readonly clickhouseHead: number
  /** The release that the image really contains, if another: it must not be deployed. */
  readonly mislabelled?: string
  /** Source of the migrations of a release outside the catalog; nothing else of it is known. */
  readonly readFrom?: string
}

export type PostgresMigration = {
  readonly name: string
  readonly checksum: string
  /** Langfuse edited the file so that a second run is harmless. */
  readonly repeatable?: boolean
}

/** A Postgres migration after the oldest release's, with its first release. */
type LaterMigration = {
  readonly name: string
  readonly since: string
  /** An earlier name of the same file: a database that has that one has its change. */
  readonly sameAs?: string
}

type ClickHouseMigration = { readonly version: number; readonly name: string }
type ClickHouseStep = Delta & { readonly effects: readonly Effect[] }
/** Builds an index for existing rows. */
export type Effect = { readonly materialize: string }

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
 * The facts about Langfuse's releases: their migrations, and the version that they report. Changes of a migration (steps,
 * snapshots, rows) exist for migrations that were run on real engines.
 * @throws Error that names an unknown migration or release
 */
export type Catalog = {
  /** Final releases in order of semantic version. */
  readonly releases: readonly CatalogRelease[]
  release(version: string): CatalogRelease | undefined
  /** Environment variables that a major's newest release reads; empty for an unknown major. */
  environmentNames(major: number): ReadonlySet<string>
  /** In the order in which Prisma applies them. */
  postgresMigrations(version: string): readonly PostgresMigration[]
  /** All checksums that a migration was released with; empty for an unknown one. */
  postgresChecksums(name: string): readonly string[]
  /** Names whose rows a release's entry point deletes from `_prisma_migrations` before it migrates. */
  postgresCleanup(version: string): readonly string[]
  /** All migrations after the oldest release's, each name once, release by release. */
  laterPostgresMigrations(): readonly LaterMigration[]
  /** Other names of the same file: a database that has one of them has its change. */
  otherNames(name: string): readonly string[]
  /** The schema of a new database of a release. */
  postgresSnapshot(version: string): Snapshot
  /** The schema after these migrations, in any order; unknown ones are ignored. */
  postgresSchema(applied: Iterable<string>): Snapshot
  /** One migration's change; those of the oldest release are one base without steps. */
  postgresStep(name: string): Delta
  /** The schema before a migration when releases are deployed in order, and its change. */
  postgresChange(name: string): { readonly before: Snapshot; readonly delta: Delta }
  /** Rows of `background_migrations` in a new database of a release. */
  backgroundMigrations(version: string): readonly BackgroundMigration[]
  /** Every row that any migration inserts, even if a later one deletes it. */
  allBackgroundMigrations(): readonly BackgroundMigration[]
  clickhouseHead(version: string): number
  clickhouseMigrations(head: number): readonly ClickHouseMigration[]
  clickhouseSnapshot(head: number): Snapshot
  clickhouseStep(version: number): ClickHouseStep
  /** Reviewed down SQL by name (Postgres) or version (ClickHouse). */
  downSql(engine: Engine, migration: string | number): DownSql | undefined
  /** The SQL that creates the archive if it does not exist and, in Postgres, the functions that down SQL calls. */
  toolbox(engine: Engine): string
  /** The query for what hangs on the PostgreSQL objects that down SQL touches. */
  dependentsSql(): string
  /** Keys of all objects that any release has or had. */
  ownKeys(engine: Engine): ReadonlySet<string>
}

/**
 * Opens the catalog; each file is read when it is first needed.
 * @param root the folder that holds `catalog/` and `down-sql/`
 */
export function loadCatalog(root: URL | string): Catalog {
  const files = filesOf(root)
  const releases = files.json<readonly CatalogRelease[]>('catalog/releases.json')
  const byVersion = new Map(releases.map((release, position) => [release.version, { ...release, position }]))
  const positionOf = (version: string): number => {
    const release = byVersion.get(version)
    if (release === undefined) throw new Error(`The catalog does not know Langfuse ${version}.`)
    return release.mislabelled === undefined ? release.position : positionOf(release.mislabelled)
  }
  const isIn = (version: string, { since, until }: Lifetime<object>): boolean =>
    positionOf(since) <= positionOf(version) &&
    (until === undefined || positionOf(version) <= positionOf(until))
  const migrationsOf = (version: string): readonly Lifetime<PostgresMigration>[] =>
    files
      .json<readonly Lifetime<PostgresMigration>[]>('catalog/postgres/migrations.json')
      .filter(migration => isIn(version, migration))
  const postgresStep = (name: string): Delta => files.json(`catalog/postgres/steps/${name}.json`)
  const downFiles = onceEach<DownSql | undefined>()
  const migrationsKnown = onceEach<readonly PostgresMigration[]>()
  const later = once(() => laterMigrations(files, positionOf))
  const checksums = once(() => checksumsOf(files.json('catalog/postgres/migrations.json')))
  const otherNames = once(() => namesOfRenamed(later()))
  const chain = stepChain(() => files.json<Snapshot>('catalog/postgres/base.json'), postgresStep)
  const backgroundMigrations = (): readonly BackgroundMigration[] =>
    files.json('catalog/postgres/background-migrations.json')
  const postgresSchema = (applied: Iterable<string>): Snapshot => {
    const names = new Set(applied)
    return chain(later().filter(({ name, sameAs }) => names.has(name) && !(sameAs && names.has(sameAs))))
  }
  const keysIn = (base: Snapshot, steps: readonly Delta[]): ReadonlySet<string> =>
    new Set([
      ...Object.keys(base),
      ...steps.flatMap(({ added, renamed }) => [...Object.keys(added), ...renamed.map(({ to }) => to)]),
    ])
  const ownKeys = onceEach<ReadonlySet<string>>()
  const keysOf: Readonly<Record<Engine, () => ReadonlySet<string>>> = {
    postgres: () =>
      keysIn(
        files.json('catalog/postgres/base.json'),
        later().map(({ name }) => postgresStep(name)),
      ),
    clickhouse: () =>
      keysIn(
        emptySnapshot,
        clickhouseMigrations(Number.POSITIVE_INFINITY).map(({ version }) => clickhouseStep(version)),
      ),
  }
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
    postgresMigrations: version =>
      migrationsKnown(version, () =>
        migrationsOf(version).map(({ name, checksum, repeatable }) => ({
          name,
          checksum,
          ...(repeatable === true && { repeatable }),
        })),
      ),
    postgresChecksums: name => checksums().get(name) ?? [],
    postgresCleanup: version =>
      files
        .json<readonly Lifetime<{ readonly name: string }>[]>('catalog/postgres/cleanup.json')
        .flatMap(row => (isIn(version, row) ? [row.name] : [])),
    laterPostgresMigrations: later,
    otherNames: name => otherNames().get(name) ?? [],
    postgresSnapshot: version => postgresSchema(migrationsOf(version).map(({ name }) => name)),
    postgresSchema,
    postgresChange: name => {
      const position = later().findIndex(migration => migration.name === name)
      if (position === -1) throw new Error(`The catalog has no change for Postgres migration ${name}.`)
      const earlier = later().slice(0, position)
      const { sameAs } = later()[position] ?? {}
      const before = postgresSchema(earlier.map(each => each.name).filter(each => each !== sameAs))
      return { before, delta: postgresStep(name) }
    },
    postgresStep,
    backgroundMigrations: version => {
      const applied = new Set(migrationsOf(version).map(({ name }) => name))
      return backgroundMigrations().filter(
        row => applied.has(row.addedBy) && !(row.removedBy && applied.has(row.removedBy)),
      )
    },
    allBackgroundMigrations: backgroundMigrations,
    clickhouseHead: version => releases[positionOf(version)]?.clickhouseHead ?? 0,
    clickhouseMigrations,
    clickhouseSnapshot: head =>
      clickhouseMigrations(head)
        .map(migration => clickhouseStep(migration.version))
        .reduce<Snapshot>(applyDelta, emptySnapshot),
    clickhouseStep,
    downSql: (engine, migration) => {
      const name = typeof migration === 'number' ? fourDigits(migration) : migration
      return downFiles(`${engine}/${name}`, () => {
        const text = files.text(`down-sql/${engine}/${name}.sql`)
        return text === undefined ? undefined : parseDownSql({ engine, migration: name, text })
      })
    },
    toolbox: engine => scriptOf(files, toolboxes[engine]),
    dependentsSql: () => scriptOf(files, 'down-sql/dependents.sql'),
    ownKeys: engine => ownKeys(engine, keysOf[engine]),
  }
}

const toolboxes: Readonly<Record<Engine, string>> = {
  postgres: 'down-sql/toolbox.sql',
  clickhouse: 'down-sql/toolbox/clickhouse-archive.sql',
}

/** An SQL file with its includes (`\ir <file>`), as psql reads it. */
function scriptOf(files: Files, path: string): string {
  const text = files.text(path)
  if (text === undefined) throw new Error(`File ${path} is missing.`)
  return text.replaceAll(/^\\ir (.+)$/gm, (_, name: string) => scriptOf(files, path.replace(/[^/]*$/, name)))
}

/** In the order of releases: a newer migration's name may sort before an older one's. */
function laterMigrations(files: Files, positionOf: (version: string) => number): readonly LaterMigration[] {
  const all = files
    .json<readonly Lifetime<PostgresMigration & LaterMigration>[]>('catalog/postgres/migrations.json')
    .filter(({ since }) => positionOf(since) > 0)
    .toSorted((left, right) => positionOf(left.since) - positionOf(right.since))
  const first = new Map(all.toReversed().map(migration => [migration.name, migration]))
  return all
    .filter(migration => first.get(migration.name) === migration)
    .map(({ name, since, sameAs }) => ({ name, since, ...(sameAs !== undefined && { sameAs }) }))
}

function checksumsOf(migrations: readonly PostgresMigration[]): ReadonlyMap<string, readonly string[]> {
  const groups = Map.groupBy(migrations, ({ name }) => name)
  return new Map([...groups].map(([name, group]) => [name, group.map(({ checksum }) => checksum)]))
}

function namesOfRenamed(later: readonly LaterMigration[]): ReadonlyMap<string, readonly string[]> {
  const groups = Map.groupBy(later, ({ name, sameAs }) => sameAs ?? name)
  return new Map(
    [...groups.values()].flatMap(group =>
      group.map(
        ({ name }) => [name, group.flatMap(each => (each.name === name ? [] : [each.name]))] as const,
      ),
    ),
  )
}

/** Applies steps to the base and caches each result: the next list often begins like the last one. */
function stepChain(base: () => Snapshot, stepOf: (name: string) => Delta) {
  let links: { readonly name: string; readonly after: Snapshot }[] = []
  return (steps: readonly LaterMigration[]): Snapshot => {
    const same = steps.findIndex(({ name }, index) => links[index]?.name !== name)
    links = links.slice(0, same === -1 ? steps.length : same)
    for (const { name } of steps.slice(links.length)) {
      links.push({ name, after: applyDelta(links.at(-1)?.after ?? base(), stepOf(name)) })
    }
    return links.at(-1)?.after ?? base()
  }
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

function onceEach<Value>(): (key: string, make: () => Value) => Value {
  const made = new Map<string, { readonly value: Value }>()
  return (key, make) => {
    const known = made.get(key) ?? { value: make() }
    made.set(key, known)
    return known.value
  }
}

type Files = ReturnType<typeof filesOf>
type EnvironmentName = { readonly name: string; readonly majors: readonly number[] }
/** The first and, if it was removed, the last release that has it. */
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
    throw new Error(`File ${path} of the catalog is not JSON.`, { cause })
  }
}

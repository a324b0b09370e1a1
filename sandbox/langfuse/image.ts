import { type BackgroundMigration, type Catalog, loadCatalog } from '../../src/schema/catalog.ts'
import { renderDelta as renderClickHouse, renderEffects } from '../../src/schema/clickhouse-sql.ts'
import { applyDelta, diffSnapshots } from '../../src/schema/diff.ts'
import { renderDelta as renderPostgres } from '../../src/schema/postgres-sql.ts'
import { quoteLiteral } from '../../src/schema/quote.ts'
import { emptySnapshot, type Snapshot } from '../../src/schema/snapshot.ts'
import type { ClickHouseMigration } from './golang-migrate-rules.ts'
import type { PostgresMigrations } from './prisma-rules.ts'

/** What is inside the image of a Langfuse release: its migrations and the schema that its code expects. */
export type Image = {
  readonly release: string
  /** What its health endpoint says; a few releases report another version than their tag. */
  readonly reportedVersion: string
  readonly postgresMigrations: PostgresMigrations
  readonly clickhouseMigrations: readonly ClickHouseMigration[]
  readonly postgresSnapshot: () => Snapshot
  readonly clickhouseSnapshot: () => Snapshot
}

/**
 * Reads an image's content from the catalog; SQL is made from it only when it is needed.
 * @throws Error when the catalog does not know the release.
 */
export function readImage(release: string): Image {
  const catalog = loadCatalog(new URL('../../', import.meta.url))
  const known = catalog.release(release)
  if (known === undefined)
    throw new Error(`The catalog does not know Langfuse ${release}: the sandbox has no such image.`)
  return {
    release,
    reportedVersion: known.reportedVersion,
    postgresMigrations: postgresMigrations(catalog, release),
    clickhouseMigrations: clickhouseMigrations(catalog, known.clickhouseHead),
    postgresSnapshot: () => catalog.postgresSnapshot(release),
    clickhouseSnapshot: () => catalog.clickhouseSnapshot(known.clickhouseHead),
  }
}

// The catalog has one schema for everything up to its first release, and a step for each migration after it.
function postgresMigrations(catalog: Catalog, release: string): PostgresMigrations {
  const first = catalog.releases[0]?.version ?? release
  const base = new Set(catalog.postgresMigrations(first).map(({ name }) => name))
  return {
    all: catalog.postgresMigrations(release),
    base: { names: base, sql: () => baseSql(catalog, first) },
    sqlOf: (name, applied) => stepSql(catalog, name, applied),
  }
}

function baseSql(catalog: Catalog, first: string): string {
  const schema = catalog.postgresSnapshot(first)
  const statements = renderPostgres(diffSnapshots(emptySnapshot, schema), emptySnapshot, schema)
  return script([...statements.map(({ sql }) => sql), ...catalog.backgroundMigrations(first).map(insertRow)])
}

function stepSql(catalog: Catalog, name: string, applied: ReadonlySet<string>): string {
  const before = laterMigrations(catalog)
    .filter(each => applied.has(each))
    .map(each => catalog.postgresStep(each))
    .reduce<Snapshot>(applyDelta, catalog.postgresSnapshot(catalog.releases[0]?.version ?? ''))
  const step = catalog.postgresStep(name)
  const rows = catalog.backgroundMigrations(catalog.releases.at(-1)?.version ?? '')
  const statements = renderPostgres(step, before, applyDelta(before, step))
  return script([
    ...statements.map(({ sql }) => sql),
    ...rows.filter(row => row.addedBy === name).map(insertRow),
    ...rows
      .filter(row => row.removedBy === name)
      .map(row => `DELETE FROM background_migrations WHERE id = ${quoteLiteral(row.id)}`),
  ])
}

/** All that came after the first release, release by release: a name may sort before one that was there already. */
function laterMigrations(catalog: Catalog): readonly string[] {
  const [first, ...later] = catalog.releases.map(({ version }) =>
    catalog.postgresMigrations(version).map(({ name }) => name),
  )
  const names = new Set(first)
  const before = names.size
  for (const name of later.flat()) names.add(name)
  return [...names].slice(before)
}

function insertRow({ id, name, script: file, args }: BackgroundMigration): string {
  const values = [id, name, file, JSON.stringify(args)].map(quoteLiteral).join(', ')
  return `INSERT INTO background_migrations (id, name, script, args) VALUES (${values})`
}

function script(statements: readonly string[]): string {
  return statements.map(statement => `${statement};\n`).join('')
}

function clickhouseMigrations(catalog: Catalog, head: number): readonly ClickHouseMigration[] {
  return catalog
    .clickhouseMigrations(head)
    .toSorted((one, other) => one.version - other.version)
    .map(({ version, name }) => ({ version, name, statements: () => clickhouseStatements(catalog, version) }))
}

function clickhouseStatements(catalog: Catalog, version: number): readonly string[] {
  const before = catalog.clickhouseSnapshot(version - 1)
  const step = catalog.clickhouseStep(version)
  const statements = renderClickHouse(step, before, applyDelta(before, step))
  return [...statements.map(({ sql }) => sql), ...renderEffects(step.effects)]
}

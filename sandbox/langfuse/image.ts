import { type BackgroundMigration, type Catalog, loadCatalog } from '../../src/schema/catalog.ts'
import { applyDelta, type Delta } from '../../src/schema/diff.ts'
import { columnsOf, rebuildEnum } from '../../src/schema/postgres-enum.ts'
import { renderDelta as renderPostgres } from '../../src/schema/postgres-sql.ts'
import { quoteIdentifier, quoteLiteral } from '../../src/schema/quote.ts'
import { emptySnapshot, parseKey, type Snapshot } from '../../src/schema/snapshot.ts'
import { diffSnapshots } from '../diff-snapshots.ts'
import { renderDelta as renderClickHouse, renderEffects } from './clickhouse-sql.ts'
import type { ClickHouseMigration } from './golang-migrate-rules.ts'
import type { PostgresMigrations } from './prisma-rules.ts'
import { type RowEffect, rowEffects } from './row-effects.ts'

/** What is inside the image of a Langfuse release: its migrations and the schema that its code expects. */
export type Image = {
  readonly release: string
  /** What its health endpoint says; a few releases report another version than their tag. */
  readonly reportedVersion: string
  readonly postgresMigrations: PostgresMigrations
  /** Names whose rows its entry point deletes first. */
  readonly postgresCleanup: readonly string[]
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
    postgresCleanup: catalog.postgresCleanup(release),
    clickhouseMigrations: clickhouseMigrations(catalog, known.clickhouseHead),
    postgresSnapshot: () => catalog.postgresSnapshot(release),
    clickhouseSnapshot: () => catalog.clickhouseSnapshot(known.clickhouseHead),
  }
}

// The catalog has one schema for everything up to its first release, and a step for each migration after it.
function postgresMigrations(catalog: Catalog, release: string): PostgresMigrations {
  const first = catalog.releases[0]?.version ?? release
  const base = new Set(catalog.postgresMigrations(first).map(({ name }) => name))
  const all = catalog.postgresMigrations(release)
  const repeatable = new Set(all.flatMap(migration => (migration.repeatable ? [migration.name] : [])))
  return {
    all,
    base: { names: base, sql: () => baseSql(catalog, first) },
    sqlOf: (name, applied) => {
      const statements = upStatements(catalog, name, applied)
      return script(repeatable.has(name) ? statements.map(guarded) : statements)
    },
  }
}

function baseSql(catalog: Catalog, first: string): string {
  const schema = catalog.postgresSnapshot(first)
  const statements = renderPostgres(diffSnapshots(emptySnapshot, schema), emptySnapshot, schema)
  return script([...statements.map(({ sql }) => sql), ...catalog.backgroundMigrations(first).map(insertRow)])
}

/**
 * The SQL of one migration, for a database in which others are applied. A database that has its change under another
 * name gets the same SQL: whether that works is up to the file, as in life.
 */
export function upStatements(
  catalog: Catalog,
  name: string,
  applied: ReadonlySet<string>,
): readonly string[] {
  const twins = catalog.laterPostgresMigrations().filter(each => each.name === name || each.sameAs === name)
  const same = new Set([name, ...twins.flatMap(each => [each.name, each.sameAs ?? name])])
  const before = catalog.postgresSchema([...applied].filter(each => !same.has(each)))
  const { first, last } = rowEffects[name] ?? {}
  const rows = catalog.allBackgroundMigrations()
  const going = rows.filter(row => row.removedBy === name)
  return [
    ...(first === undefined ? [] : [first]),
    ...schemaStatements(catalog.postgresStep(name), before, rowEffects[name]),
    ...(last === undefined ? [] : [last]),
    ...rows.filter(row => row.addedBy === name).map(insertRow),
    ...going.map(row => `DELETE FROM background_migrations WHERE id = ${quoteLiteral(row.id)}`),
  ]
}

function schemaStatements(step: Delta, before: Snapshot, { anew, fill }: RowEffect = {}): string[] {
  const after = applyDelta(before, step)
  const rest = { ...step, changed: withoutKey(step.changed, anew) }
  const rebuilt =
    anew === undefined ? [] : rebuildEnum(anew, labelsOf(after, anew), columnsOf(anew, before), after)
  return [...rebuilt, ...renderPostgres(rest, before, after)].flatMap(({ object, sql }) =>
    object === fill?.column ? filled(sql, fill) : [sql],
  )
}

function labelsOf(schema: Snapshot, key: string): readonly string[] {
  const labels = schema[key]?.labels
  return Array.isArray(labels) ? labels.map(String) : []
}

function withoutKey<Value>(
  record: Readonly<Record<string, Value>>,
  key: string | undefined,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).filter(([each]) => each !== key))
}

function filled(
  addColumn: string,
  { column, sql }: { readonly column: string; readonly sql: string },
): string[] {
  const [, table = '', name = ''] = parseKey(column).names.map(quoteIdentifier)
  return [addColumn.replace(/ NOT NULL$/, ''), sql, `ALTER TABLE ${table} ALTER COLUMN ${name} SET NOT NULL`]
}

/** An index goes if it is there, and comes if it is not: nothing else is in the files that run twice. */
function guarded(statement: string): string {
  return statement
    .replace(/^DROP INDEX /, 'DROP INDEX IF EXISTS ')
    .replace(/^CREATE (UNIQUE )?INDEX /, found => `${found}IF NOT EXISTS `)
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
    .map(({ version, name }) => ({
      version,
      name,
      statements: database => clickhouseStatements(catalog, version, database),
    }))
}

function clickhouseStatements(catalog: Catalog, version: number, database: string): readonly string[] {
  const before = catalog.clickhouseSnapshot(version - 1)
  const step = catalog.clickhouseStep(version)
  const statements = renderClickHouse(step, before, applyDelta(before, step), database)
  return [...statements.map(({ sql }) => sql), ...renderEffects(step.effects)]
}

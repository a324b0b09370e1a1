import { describeDelta } from '../../sandbox/describe-delta.ts'
import { diffSnapshots } from '../../sandbox/diff-snapshots.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import type { Snapshot } from '../../src/schema/snapshot.ts'
import { build, type Database, type PostgresServer } from '../schema/postgres-server.ts'
import { type Contents, readContents } from './contents.ts'
import { type KeepCase, ordinarySql } from './keep-cases.ts'
import { endKeep, keep, migrate, readKept } from './keeping.ts'
import { undo } from './undo.ts'
import { backgroundSql, stepsOf } from './walk.ts'

export const catalog = loadCatalog(new URL('../../', import.meta.url))
const steps = stepsOf(catalog)

/** A database right before a migration. */
export type Before = {
  readonly database: Database
  readonly applied: ReadonlySet<string>
  readonly schema: Snapshot
  readonly after: Snapshot
}

/** A database in which all but the migration and later ones are applied, with two rows in each table and `sql`. */
export async function databaseBefore(
  server: Pick<PostgresServer, 'fresh'>,
  migration: string,
  sql: readonly string[] = [],
): Promise<Before> {
  const position = steps.findIndex(step => step.migration === migration)
  const step = steps[position]
  if (step === undefined) throw new Error(`The catalog has no migration ${migration}.`)
  const database = await server.fresh()
  const applied = new Set(steps.slice(0, position).map(each => each.migration))
  await build(database, step.before)
  await database.run('SET search_path = public')
  const isThere = (name: string): boolean => applied.has(name) || name < '20241124'
  const rows = catalog
    .allBackgroundMigrations()
    .filter(row => isThere(row.addedBy) && !(row.removedBy !== undefined && isThere(row.removedBy)))
  await database.run(backgroundSql(rows))
  for (const each of [...ordinarySql(step.before), ...sql]) await database.run(each)
  return { database, applied, schema: step.before, after: step.after }
}

/** What `public` is and holds, to compare. */
export type State = { readonly schema: Snapshot; readonly contents: Contents }

export async function stateOf(database: Database): Promise<State> {
  return { schema: await database.snapshot(), contents: sorted(await readContents(database.run)) }
}

function sorted(contents: Contents): Contents {
  return new Map([...contents].map(([table, rows]) => [table, rows.toSorted()]))
}

/** One line for each object and each table that is not the same. */
export function unlike(wanted: State, found: State): readonly string[] {
  const tables = [...new Set([...wanted.contents.keys(), ...found.contents.keys()])]
  return [
    ...describeDelta(diffSnapshots(wanted.schema, found.schema)),
    ...tables.flatMap(table => {
      const [was, is] = [wanted.contents.get(table) ?? [], found.contents.get(table) ?? []]
      const [there, here] = [new Set(was), new Set(is)]
      return [
        ...was.filter(row => !here.has(row)).map(row => `${table}: lost ${row}`),
        ...is.filter(row => !there.has(row)).map(row => `${table}: new ${row}`),
        ...(was.length === is.length ? [] : [`${table}: ${is.length} rows instead of ${was.length}`]),
      ]
    }),
  ]
}

/** Kept, migrated, closed and undone; answers what is not as before, and what the upgraded schema lacks. */
export async function thereAndBack(
  { migration }: Pick<KeepCase, 'migration'>,
  { database, applied, after }: Before,
  { batch = 3 }: { readonly batch?: number } = {},
) {
  const before = await stateOf(database)
  await keep(database, catalog, migration, { batch })
  const whileKept = await readKept(database)
  await migrate(database, catalog, applied, [migration])
  await endKeep(database, catalog, 'close', migration)
  const upgraded = await database.snapshot()
  const closed = await readKept(database)
  await undo(database, catalog, [migration], 'rollback')
  return {
    problems: unlike(before, await stateOf(database)),
    /** The owner's objects are no part of the catalog's schema. */
    upgrade: describeDelta(diffSnapshots(after, upgraded)),
    whileKept,
    closed,
    back: await readKept(database),
  }
}

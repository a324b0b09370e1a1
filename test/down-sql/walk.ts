import type { Client } from 'pg'
import { describeDelta } from '../../sandbox/describe-delta.ts'
import { diffSnapshots } from '../../sandbox/diff-snapshots.ts'
import type { Catalog } from '../../src/schema/catalog.ts'
import { applyDelta, type Delta } from '../../src/schema/diff.ts'
import { quoteIdentifier, quoteLiteral } from '../../src/schema/quote.ts'
import { parseKey, type Snapshot } from '../../src/schema/snapshot.ts'
import { build, type Database } from '../schema/postgres-server.ts'
import { type Contents, columnsOf, countOf, readArchive, readContents } from './contents.ts'
import type { DataSet } from './data/data-sets.ts'
import { tablesOf } from './data/tables.ts'
import { expandProblems } from './expanded.ts'
import { lossesOf, type OtherNames } from './losses.ts'
import { undoPhase } from './undo.ts'

/** A migration with the schema before and after it, where releases are deployed one after the other. */
export type Step = {
  readonly migration: string
  readonly before: Snapshot
  readonly after: Snapshot
  readonly delta: Delta
}

/** What is wrong after undoing one migration; nothing of it, and the undo is exact and lost no row. */
export type Verdict = {
  readonly migration: string
  readonly dataSet: string
  readonly problems: readonly string[]
  readonly rows: number
  readonly archived: number
}

/** Every migration after the oldest release, in the order in which releases bring them. */
export function stepsOf(catalog: Catalog): readonly Step[] {
  const later = catalog.laterPostgresMigrations()
  // One was given another name, and a database that goes up in one go has only that.
  const former = new Set(later.map(({ sameAs }) => sameAs))
  const names = later.map(({ name }) => name).filter(name => !former.has(name))
  let before = catalog.postgresSchema([])
  return names.map(migration => {
    const delta = catalog.postgresStep(migration)
    const step = { migration, before, delta, after: applyDelta(before, delta) }
    before = step.after
    return step
  })
}

/**
 * Walks one database from the newest release down, one migration after the other, each with the rows in place that
 * threaten it. Where an undo fails, the walk goes on from a new database.
 */
export async function walkDown(options: {
  readonly catalog: Catalog
  readonly dataSet: DataSet
  readonly fresh: () => Promise<Database>
  readonly steps: readonly Step[]
}): Promise<Verdict[]> {
  const { dataSet, fresh, steps } = options
  const catalog = dataSet.isLate ? withoutPrepare(options.catalog) : options.catalog
  const verdicts: Verdict[] = []
  let place: Place | undefined
  for (const [left, step] of [...steps.entries()].toReversed()) {
    const applied = new Set(steps.slice(0, left).map(({ migration }) => migration))
    place ??= await start(await fresh(), catalog, {
      dataSet,
      step,
      applied: new Set([...applied, step.migration]),
      isNewest: step.migration === catalog.laterPostgresMigrations().at(-1)?.name,
    })
    const verdict = await undoOne(place, catalog, { dataSet, step, applied })
    verdicts.push(verdict)
    if (verdict.problems.length > 0) {
      await place.database.close()
      place = undefined
    } else place.previous = step.after
  }
  return verdicts.toReversed()
}

/** To contract, rows that were written after prepare look as if there had been none. */
function withoutPrepare(catalog: Catalog): Catalog {
  return {
    ...catalog,
    downSql: (engine, migration) => {
      const file = catalog.downSql(engine, migration)
      return file && { ...file, sections: { ...file.sections, prepare: '' } }
    },
  }
}

/** Where a walk stands. `own` is what the data set brought that is not Langfuse's. */
type Place = {
  readonly database: Database
  readonly kept: Database
  readonly own: Snapshot
  previous?: Snapshot
  contents?: Contents
}
type Undoing = { readonly dataSet: DataSet; readonly step: Step; readonly applied: ReadonlySet<string> }

async function start(
  database: Database,
  catalog: Catalog,
  { dataSet, step, applied, isNewest }: Undoing & { readonly isNewest: boolean },
): Promise<Place> {
  await build(database, step.after)
  // The hostile data set makes a schema of the role's name, with tables that are not Langfuse's.
  await database.run('SET search_path = public')
  await database.run(backgroundSql(catalog.allBackgroundMigrations().filter(row => isThere(row, applied))))
  for (const sql of dataSet.start(step.after)) {
    // In a walk that starts again further down, what is for the newest release may not fit.
    await (isNewest ? database.run(sql) : database.run(sql).catch(() => undefined))
  }
  const own = Object.entries(await database.snapshot()).filter(([key]) => step.after[key] === undefined)
  return { database, kept: keepSession(database), own: Object.fromEntries(own) }
}

async function undoOne(place: Place, catalog: Catalog, each: Undoing): Promise<Verdict> {
  const { database, own, previous } = place
  const { dataSet, step } = each
  const { migration } = step
  const verdict = { migration, dataSet: dataSet.name, rows: 0, archived: 0 }
  try {
    const rows = dataSet.topUp({ ...step, previous })
    await database.run(rows)
    const before = rows === '' && place.contents ? place.contents : await readContents(database.run)
    const defaults = await defaultsOf(database, step)
    const counts = await wrongCounts(database, catalog, migration)
    const undoing = (phase: 'expand' | 'contract' | 'validate') =>
      undoPhase(place.kept, catalog, [migration], migration, phase)
    await undoing('expand')
    const between = [
      ...(dataSet.name === 'empty' ? expandProblems(step, await database.snapshot()) : []),
      ...(await stopping(database, catalog, each.applied)),
    ]
    await undoing('contract')
    await undoing('validate')
    const after = await readContents(database.run)
    const archive = await readArchive(database.run, migration)
    const losses = lossesOf({
      schema: { ...step.after, ...own },
      before,
      after,
      archive,
      defaults,
      otherNames: namesOf(step.delta),
    })
    const wrong = differences({ ...step.before, ...own }, await database.snapshot())
    const meaning = await unmet(database, dataSet.expectations(migration))
    const background = await wrongBackground(database, catalog, each.applied)
    const problems = [
      ...counts.map(line => `counts: ${line}`),
      ...between.map(line => `between expand and contract: ${line}`),
      ...wrong.map(line => `schema: ${line}`),
      ...losses.map(line => `rows: ${line}`),
      ...meaning.map(line => `meaning: ${line}`),
      ...background.map(line => `background migrations: ${line}`),
    ]
    place.contents = after
    const archived = countOf(archive.rows) + countOf(archive.values) + countOf(archive.tables)
    return { ...verdict, problems, rows: countOf(before), archived }
  } catch (error) {
    await database.run('ROLLBACK')
    return { ...verdict, problems: [describeError(error)] }
  }
}

/**
 * The executor opens a session for each phase, and makes the archive in each. Here it gets one for the whole walk,
 * and what it has run once and may run again is run once: that saves two thirds of the time.
 */
function keepSession(database: Database): Database {
  const made = new Set<string>()
  let client: Promise<Client> | undefined
  const query = async (sql: string, values?: unknown[]): Promise<unknown> => {
    const isArchive = sql.includes('CREATE TABLE IF NOT EXISTS langfuse_rollout.archived_rows')
    if (isArchive && made.has(sql)) return { rows: [] }
    client ??= database.connect()
    const result = await (await client).query(sql, values)
    if (isArchive) made.add(sql)
    return result
  }
  return { ...database, connect: async () => ({ query, end: async () => undefined }) as unknown as Client }
}

/** One line an object. */
export function differences(wanted: Snapshot, found: Snapshot): string[] {
  return describeDelta(diffSnapshots(wanted, found))
}

export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const detail = 'detail' in error && error.detail ? ` (${error.detail})` : ''
  return `${error.message}${detail}${error.cause === undefined ? '' : ` ${describeError(error.cause)}`}`
}

/** Columns that the undo takes, by their default; of one that is not constant nothing is known. */
export async function defaultsOf(
  database: Pick<Database, 'run'>,
  { delta, after }: Pick<Step, 'delta' | 'after'>,
): Promise<Map<string, string>> {
  const columns = Object.keys(delta.added)
    .map(parseKey)
    .filter(({ kind }) => kind === 'column')
    .flatMap(({ names: [, table = '', column = ''] }) => {
      const known = tablesOf(after).get(table)?.columns.get(column)
      const isConstant = known?.default != null && !/CURRENT_TIMESTAMP|\w\(/.test(known.default)
      return isConstant ? [{ name: `${table}.${column}`, sql: `(${known.default})::${known.type}` }] : []
    })
  if (columns.length === 0) return new Map()
  const [row] = await database.run(
    `SELECT to_jsonb(d)::text AS row FROM (SELECT ${columns.map(({ sql, name }) => `${sql} AS ${quoteIdentifier(name)}`).join(', ')}) AS d`,
  )
  return new Map(Object.entries(columnsOf(String(row?.['row']))))
}

/** What columns of today are called before the migration. */
export function namesOf({ renamed }: Delta): OtherNames {
  const names = new Map<string, Map<string, string>>()
  for (const { from, to } of renamed) {
    const {
      kind,
      names: [, table = '', column = ''],
    } = parseKey(to)
    if (kind !== 'column') continue
    names.set(table, (names.get(table) ?? new Map()).set(column, parseKey(from).names.at(-1) ?? ''))
  }
  return names
}

/** The questions of a file's header are asked before anything is undone, and answer one number. */
async function wrongCounts(database: Database, catalog: Catalog, migration: string): Promise<string[]> {
  const wrong: string[] = []
  for (const { what, sql } of catalog.downSql('postgres', migration)?.counts ?? []) {
    await database.run('BEGIN READ ONLY')
    const rows = await database.run(sql)
    await database.run('ROLLBACK')
    const values = Object.values(rows[0] ?? {})
    if (rows.length !== 1 || values.length !== 1 || !/^\d+$/.test(String(values[0])))
      wrong.push(`${what}: ${JSON.stringify(rows)}`)
  }
  return wrong
}

/** Queries of one boolean that do not answer true. */
async function unmet(
  database: Database,
  expectations: readonly { what: string; sql: string }[],
): Promise<string[]> {
  const wrong: string[] = []
  for (const { what, sql } of expectations) {
    const [row = {}] = await database.run(sql)
    if (Object.values(row)[0] !== true) wrong.push(`${what}: not so: ${sql.replaceAll(/\s+/g, ' ')}`)
  }
  return wrong
}

type Background = ReturnType<Catalog['allBackgroundMigrations']>[number]

function isThere({ addedBy, removedBy }: Background, applied: ReadonlySet<string>): boolean {
  const isApplied = (migration: string): boolean => applied.has(migration) || migration < '20241124'
  return isApplied(addedBy) && !(removedBy !== undefined && isApplied(removedBy))
}

/** Rows as a database has them that has been through them: what a newer release removes was finished by then. */
export function backgroundSql(rows: readonly Background[]): string {
  return rows
    .map(({ id, name, script, args, removedBy }) => {
      const values = [id, name, script, JSON.stringify(args)].map(quoteLiteral).join(', ')
      return `INSERT INTO public.background_migrations (id, name, script, args, finished_at)
        VALUES (${values}, ${removedBy === undefined ? 'NULL' : 'now()'});`
    })
    .join('\n')
}

/** Rows that an older worker would take up and stop at: it does not have their scripts. */
async function stopping(
  database: Database,
  catalog: Catalog,
  applied: ReadonlySet<string>,
): Promise<string[]> {
  const rows = await database.run(
    'SELECT id FROM public.background_migrations WHERE finished_at IS NULL AND failed_at IS NULL',
  )
  const open = new Set(rows.map(({ id }) => String(id)))
  const unknown = catalog.allBackgroundMigrations().filter(row => !isThere(row, applied))
  return unknown.filter(({ id }) => open.has(id)).map(({ name }) => `an older worker stops at ${name}`)
}

/** Rows that the older release would have, by id; those that come back must not start their work again. */
export async function wrongBackground(
  database: Database,
  catalog: Catalog,
  applied: ReadonlySet<string>,
): Promise<string[]> {
  const rows = await database.run(
    'SELECT id, name, script, args, finished_at FROM public.background_migrations',
  )
  const present = new Map(rows.map(row => [String(row['id']), row]))
  return catalog.allBackgroundMigrations().flatMap(row => {
    const found = present.get(row.id)
    const isWanted = isThere(row, applied)
    if (isWanted !== (found !== undefined)) return [`${row.name} is ${found ? 'still there' : 'missing'}`]
    const isRestored = isWanted && row.removedBy !== undefined
    if (isRestored && found?.['finished_at'] == null) return [`${row.name} came back unfinished`]
    const isEqual =
      JSON.stringify([found?.['name'], found?.['script']]) === JSON.stringify([row.name, row.script])
    return isWanted && !isEqual ? [`${row.name} is another`] : []
  })
}

import { upStatements } from '../../sandbox/langfuse/image.ts'
import { undoBetween } from '../../src/plan/rollback-class.ts'
import type { Catalog } from '../../src/schema/catalog.ts'
import { diffSnapshots } from '../../src/schema/diff.ts'
import { quoteLiteral } from '../../src/schema/quote.ts'
import type { Snapshot } from '../../src/schema/snapshot.ts'
import { build, type Database, type PostgresServer } from '../schema/postgres-server.ts'
import { type Contents, countOf, readArchive, readContents } from './contents.ts'
import { byHandStart, hostile, ownObjects } from './data/hostile.ts'
import { generateSql } from './data/rows.ts'
import { tablesOf } from './data/tables.ts'
import { threatSql, world } from './data/threat.ts'
import { lossesOf, type OtherNames } from './losses.ts'
import { undoPhase } from './undo.ts'
import { backgroundSql, defaultsOf, describeError, differences, namesOf, wrongBackground } from './walk.ts'

/** A database of one release with all hostile rows that are valid in it. */
export type Newest = {
  readonly database: Database
  readonly release: string
  readonly applied: readonly string[]
  readonly schema: Snapshot
  /** What is not Langfuse's. */
  readonly own: Snapshot
  readonly contents: Contents
  /** How many of the threats could be put in: the others are of tables and columns that are gone by then. */
  readonly threats: number
}

export async function buildHostile(server: PostgresServer, catalog: Catalog, release: string): Promise<Newest> {
  const database = await server.fresh()
  const schema = catalog.postgresSnapshot(release)
  await build(database, schema)
  await database.run(backgroundSql(catalog.backgroundMigrations(release)))
  const { threats } = await loadHostile(database, schema)
  const applied = catalog.postgresMigrations(release)
  await database.run(`${prismaTable}
    INSERT INTO public._prisma_migrations (id, checksum, migration_name, finished_at)
    VALUES ${applied.map(({ name, checksum }) => `(gen_random_uuid(), '${checksum}', ${quoteLiteral(name)}, now())`).join(', ')};`)
  const own = Object.fromEntries(
    Object.entries(await database.snapshot()).filter(([key]) => schema[key] === undefined),
  )
  const contents = await readContents(database.run)
  return { database, release, applied: applied.map(({ name }) => name), schema, own, contents, threats }
}

/** Puts everything in that fits the schema. */
export async function loadHostile(database: Database, schema: Snapshot): Promise<{ threats: number }> {
  await database.run('SET search_path = public')
  const tables = [...tablesOf(schema).keys()]
  const always = [0, 1].map(place => generateSql(schema, tables, place))
  for (const sql of [...always, threatSql(schema, { rows: world }), ...byHandStart]) await database.run(sql)
  let threats = 0
  for (const { sql } of ownObjects) await database.run(sql)
  for (const threat of hostile) if (await isAccepted(database, schema, threat)) threats += 1
  return { threats }
}

async function isAccepted(database: Database, schema: Snapshot, threat: (typeof hostile)[number]): Promise<boolean> {
  try {
    await database.run(`BEGIN; ${threatSql(schema, threat)}; COMMIT`)
    return true
  } catch {
    await database.run('ROLLBACK')
    return false
  }
}

/** https://github.com/prisma/prisma-engines: the table that `prisma migrate deploy` keeps. */
const prismaTable = `CREATE TABLE public._prisma_migrations (
  id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL,
  logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(),
  applied_steps_count integer NOT NULL DEFAULT 0);`

export type ChainResult = {
  readonly migrations: number
  readonly rows: number
  readonly archived: number
  /** What is wrong, one line each. */
  readonly problems: readonly string[]
}

/** Undoes everything between the newest release and `target` at once, in a copy, as a rollback does it. */
export async function undoChain(
  newest: Newest,
  copy: Database,
  catalog: Catalog,
  { target, interrupted = false }: { readonly target: string; readonly interrupted?: boolean },
): Promise<ChainResult> {
  const names = undoBetween({ postgres: newest.applied, clickhouseHead: 0 }, target, catalog).postgres
  const schema = catalog.postgresSnapshot(target)
  const taken = diffSnapshots(schema, newest.schema)
  const defaults = await defaultsOf(copy, { delta: taken, after: newest.schema })
  const problems: string[] = []
  const run = async (phase: Phase, database = copy): Promise<void> => {
    await undoPhase(database, catalog, names, 'chain', phase)
  }
  if (interrupted) {
    // A run that is killed leaves what it committed; the next one plans the same, and does it from the beginning.
    await run('expand')
    await run('expand')
    await expectKilled(run('contract', killedAt(copy, 'DELETE FROM "_prisma_migrations"')))
    await run('expand')
    await run('contract')
    await run('validate')
  } else {
    for (const phase of ['expand', 'contract'] as const) {
      const { recorded, database } = recording(copy)
      await run(phase, database)
      problems.push(...splitPhase(catalog, names, { phase, recorded }))
    }
  }
  await run('validate')
  const archive = await readArchive(copy.run, 'chain')
  const losses = lossesOf({
    schema: { ...newest.schema, ...newest.own },
    before: newest.contents,
    after: await readContents(copy.run),
    archive,
    defaults,
    otherNames: allNames(catalog, names),
  })
  const applied = new Set(catalog.postgresMigrations(target).map(({ name }) => name))
  const rows = await copy.run('SELECT migration_name AS name FROM public._prisma_migrations ORDER BY 1')
  const left = new Set(rows.map(({ name }) => String(name)))
  problems.push(
    ...differences({ ...schema, ...newest.own }, await copy.snapshot()).map(line => `schema: ${line}`),
    ...losses.map(line => `rows: ${line}`),
    ...(await wrongBackground(copy, catalog, applied)).map(line => `background migrations: ${line}`),
    ...[...left.symmetricDifference(applied)].map(name => `_prisma_migrations: ${name}`),
  )
  const archived = countOf(archive.rows) + countOf(archive.values) + countOf(archive.tables)
  return { migrations: names.length, rows: countOf(newest.contents), archived, problems }
}

type Phase = 'expand' | 'contract' | 'validate'

/** A database whose other connections break when a statement is to be run. */
function killedAt(database: Database, statement: string): Database {
  const connect: Database['connect'] = async () => {
    const client = await database.connect()
    const query = client.query.bind(client) as (sql: string, values?: unknown[]) => Promise<unknown>
    const broken = (sql: string, values?: unknown[]): Promise<unknown> =>
      sql.startsWith(statement) ? Promise.reject(new Error('killed')) : query(sql, values)
    return Object.assign(client, { query: broken }) as typeof client
  }
  return { ...database, connect }
}

async function expectKilled(run: Promise<void>): Promise<void> {
  const error = await run.then(() => undefined, describeError)
  if (error !== 'killed') throw new Error(`The run was to be killed: ${error ?? 'it ended'}`)
}

/** Goes up again from `target`, with the rows that the rollback left. */
export async function upAgain(newest: Newest, copy: Database, catalog: Catalog, target: string): Promise<string[]> {
  const applied = new Set(catalog.postgresMigrations(target).map(({ name }) => name))
  const problems: string[] = []
  await copy.run('SET search_path = public')
  for (const name of newest.applied.filter(each => !applied.has(each))) {
    try {
      await copy.run(upStatements(catalog, name, applied).map(sql => `${sql};`).join('\n'))
    } catch (error) {
      return [`${name}: ${error instanceof Error ? error.message : error}`]
    }
    applied.add(name)
  }
  problems.push(...differences({ ...newest.schema, ...newest.own }, await copy.snapshot()))
  return problems
}

function allNames(catalog: Catalog, migrations: readonly string[]): OtherNames {
  return new Map(migrations.flatMap(name => [...namesOf(catalog.postgresStep(name))]))
}

/** A database that keeps what is run on its other connections. */
function recording(database: Database): { readonly recorded: readonly string[]; readonly database: Database } {
  const recorded: string[] = []
  const connect: Database['connect'] = async () => {
    const client = await database.connect()
    const query = client.query.bind(client) as (sql: string, values?: unknown[]) => Promise<unknown>
    return Object.assign(client, {
      query: (sql: string, values?: unknown[]) => {
        recorded.push(sql)
        return query(sql, values)
      },
    }) as typeof client
  }
  return { recorded, database: { ...database, connect } }
}

/** A phase is one transaction: every section of it between one BEGIN and its COMMIT. */
function splitPhase(
  catalog: Catalog,
  names: readonly string[],
  { phase, recorded }: { readonly phase: 'expand' | 'contract'; readonly recorded: readonly string[] },
): string[] {
  const sections = new Set(names.map(name => catalog.downSql('postgres', name)?.sections[phase] ?? '').filter(Boolean))
  const committed: number[] = []
  let inside = 0
  for (const sql of recorded) {
    if (sql.startsWith('BEGIN')) inside = 0
    if (sections.has(sql)) inside += 1
    if (sql === 'COMMIT' && inside > 0) committed.push(inside)
    if (sql === 'COMMIT') inside = 0
  }
  const all = names.filter(name => catalog.downSql('postgres', name)?.sections[phase]).length
  return committed.length === 1 && committed[0] === all
    ? []
    : [`${phase}: transactions of ${committed.join(', ')} of ${all} files instead of one`]
}

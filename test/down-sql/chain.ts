import { diffSnapshots } from '../../sandbox/diff-snapshots.ts'
import { upStatements } from '../../sandbox/langfuse/image.ts'
import { undoPostgres } from '../../src/execute/undo-postgres.ts'
import type { UndoSchema } from '../../src/plan/plan.ts'
import { type Undo, undoBetween } from '../../src/plan/rollback-class.ts'
import type { Catalog } from '../../src/schema/catalog.ts'
import { quoteLiteral } from '../../src/schema/quote.ts'
import type { Snapshot } from '../../src/schema/snapshot.ts'
import { build, type Database, type PostgresServer } from '../schema/postgres-server.ts'
import { executionOf } from '../support/execution.ts'
import { FACTS } from '../support/stack.ts'
import { type Contents, countOf, readArchive, readContents } from './contents.ts'
import { byHandStart, hostile, ownObjects } from './data/hostile.ts'
import { generateSql } from './data/rows.ts'
import { tablesOf } from './data/tables.ts'
import { threatSql, world } from './data/threat.ts'
import { lossesOf } from './losses.ts'
import { postgresOf } from './undo.ts'
import { backgroundSql, defaultsOf, describeError, differences, namesOf, wrongBackground } from './walk.ts'

/** A database before a rollback. */
export type Start = {
  readonly applied: readonly string[]
  readonly schema: Snapshot
  /** What is not Langfuse's. */
  readonly own: Snapshot
  readonly contents: Contents
}

/** A database of the newest release with all hostile rows that are valid in it. */
export type Newest = Start & {
  readonly database: Database
  /** How many of the threats could be put in: the others are of tables and columns that are gone by then. */
  readonly threats: number
}

export async function buildHostile(
  server: PostgresServer,
  catalog: Catalog,
  release: string,
): Promise<Newest> {
  const database = await server.fresh()
  const schema = catalog.postgresSnapshot(release)
  const applied = catalog.postgresMigrations(release)
  await build(database, schema)
  await database.run(prismaTable)
  for (const { name, checksum } of applied) await database.run(prismaRow(name, checksum))
  await database.run(backgroundSql(catalog.backgroundMigrations(release)))
  const threats = await loadHostile(database, schema)
  return {
    database,
    threats,
    ...(await readStart(
      database,
      schema,
      applied.map(({ name }) => name),
    )),
  }
}

export async function readStart(
  database: Database,
  schema: Snapshot,
  applied: readonly string[],
): Promise<Start> {
  const own = Object.entries(await database.snapshot()).filter(([key]) => schema[key] === undefined)
  const contents = await readContents(database.run)
  return { applied, schema, own: Object.fromEntries(own), contents }
}

/** Puts everything in that fits the schema, and answers how many threats do. */
async function loadHostile(database: Database, schema: Snapshot): Promise<number> {
  // The hostile data set makes a schema of the role's name, with tables that are not Langfuse's.
  await database.run('SET search_path = public')
  const tables = [...tablesOf(schema).keys()]
  const always = [0, 1].map(place => generateSql(schema, tables, place))
  for (const sql of [...always, threatSql(schema, { rows: world }), ...byHandStart]) await database.run(sql)
  for (const { sql } of ownObjects) await database.run(sql)
  let threats = 0
  for (const threat of hostile) {
    if (await isAccepted(database, () => threatSql(schema, threat))) threats += 1
  }
  return threats
}

/** Runs SQL that may not fit the schema; then nothing of it stays. */
export async function isAccepted(database: Database, sql: () => string): Promise<boolean> {
  try {
    await database.run(`BEGIN; ${sql()}; COMMIT`)
    return true
  } catch {
    await database.run('ROLLBACK')
    return false
  }
}

/** The table of `prisma migrate deploy` (prisma-engines, schema-engine, `create_migrations_table`). */
export const prismaTable = `CREATE TABLE public._prisma_migrations (
  id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL,
  logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(),
  applied_steps_count integer NOT NULL DEFAULT 0)`

export function prismaRow(name: string, checksum: string): string {
  return `INSERT INTO public._prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
    VALUES (gen_random_uuid()::text, ${quoteLiteral(checksum)}, ${quoteLiteral(name)}, now(), 1)`
}

/** Names in `_prisma_migrations`. */
export async function appliedIn(database: Database): Promise<ReadonlySet<string>> {
  const rows = await database.run('SELECT migration_name AS name FROM public._prisma_migrations')
  return new Set(rows.map(({ name }) => String(name)))
}

export type ChainResult = {
  readonly migrations: number
  readonly rows: number
  readonly archived: number
  /** What is wrong, one line each. */
  readonly problems: readonly string[]
}

/**
 * Undoes everything between the state of a database and an older release at once, as a rollback does it.
 * @param schema what the older release's migrations make; the catalog's, or that of a real database
 */
export async function undoChain(
  start: Start,
  database: Database,
  catalog: Catalog,
  to: { readonly release: string; readonly schema: Snapshot; readonly interrupted?: boolean },
): Promise<ChainResult> {
  const undo = undoBetween({ postgres: start.applied, clickhouseHead: 0 }, to.release, catalog)
  const rollbackId = `to ${to.release}`
  const defaults = await defaultsOf(database, {
    delta: diffSnapshots(to.schema, start.schema),
    after: start.schema,
  })
  const run = (phase: Phase, on = database) => undoPhase(on, catalog, { undo, phase, rollbackId })
  const problems = to.interrupted
    ? await undoInterrupted(database, run)
    : await undoStraight(database, catalog, undo, run)
  const archive = await readArchive(database.run, rollbackId)
  const losses = lossesOf({
    schema: { ...start.schema, ...start.own },
    before: start.contents,
    after: await readContents(database.run),
    archive,
    defaults,
    otherNames: new Map(undo.postgres.flatMap(name => [...namesOf(catalog.postgresStep(name))])),
  })
  const known = new Set(catalog.postgresMigrations(to.release).map(({ name }) => name))
  const left = await appliedIn(database)
  const wrong = differences({ ...to.schema, ...start.own }, await database.snapshot())
  const background = await wrongBackground(database, catalog, known)
  return {
    migrations: undo.postgres.length,
    rows: countOf(start.contents),
    archived: countOf(archive.rows) + countOf(archive.values) + countOf(archive.tables),
    problems: [
      ...problems,
      ...wrong.map(line => `schema: ${line}`),
      ...losses.map(line => `rows: ${line}`),
      ...background.map(line => `background migrations: ${line}`),
      ...[...left].filter(name => !known.has(name)).map(name => `_prisma_migrations: ${name} is still there`),
      ...[...known].filter(name => !left.has(name)).map(name => `_prisma_migrations: ${name} is missing`),
    ],
  }
}

type Phase = UndoSchema['phase']
type Run = (phase: Phase, on?: Database) => Promise<void>

/** One phase by the executor. */
async function undoPhase(
  database: Database,
  catalog: Catalog,
  { undo, phase, rollbackId }: { readonly undo: Undo; readonly phase: Phase; readonly rollbackId: string },
): Promise<void> {
  const { postgres, renamed } = undo
  const step: UndoSchema = {
    kind: 'undo-schema',
    phase,
    postgres,
    renamed,
    clickhouse: [],
    clickhouseHead: undefined,
    reason: '',
  }
  const execution = executionOf([step], {}, { rollbackId, facts: { ...FACTS, downSql: catalog.downSql } })
  await undoPostgres(step, postgresOf(database), execution, async () => undefined)
}

async function undoStraight(database: Database, catalog: Catalog, undo: Undo, run: Run): Promise<string[]> {
  const problems: string[] = []
  for (const phase of ['expand', 'contract'] as const) {
    const recorded: string[] = []
    await run(
      phase,
      intercepting(database, sql => void recorded.push(sql)),
    )
    problems.push(...notOneTransaction(catalog, undo, { phase, recorded }))
  }
  await run('validate')
  return problems
}

/** A run that is killed leaves what it committed; the next one plans the same, and does it from the beginning. */
async function undoInterrupted(database: Database, run: Run): Promise<string[]> {
  await run('expand')
  await run('expand')
  const killed = intercepting(database, sql => {
    if (sql.startsWith('DELETE FROM public."_prisma_migrations"')) throw new Error('killed')
  })
  const error = await run('contract', killed).then(() => 'it ended', describeError)
  await run('expand')
  await run('contract')
  await run('validate')
  await run('validate')
  return error === 'killed' ? [] : [`the run was to be killed: ${error}`]
}

/** A database that tells what is run on its other connections, before it is run. */
function intercepting(database: Database, tell: (sql: string) => void): Database {
  const connect: Database['connect'] = async () => {
    const client = await database.connect()
    const query = client.query.bind(client) as (sql: string, values?: unknown[]) => Promise<unknown>
    const told = async (sql: string, values?: unknown[]): Promise<unknown> => {
      tell(sql)
      return query(sql, values)
    }
    return Object.assign(client, { query: told }) as typeof client
  }
  return { ...database, connect }
}

/** A phase is one transaction: every section of it between one BEGIN and its COMMIT. */
function notOneTransaction(
  catalog: Catalog,
  { postgres }: Undo,
  { phase, recorded }: { readonly phase: 'expand' | 'contract'; readonly recorded: readonly string[] },
): string[] {
  const sections = postgres.flatMap(name => catalog.downSql('postgres', name)?.sections[phase] || [])
  const committed: number[] = []
  let inside = 0
  for (const sql of recorded) {
    if (sql.startsWith('BEGIN')) inside = 0
    if (sections.includes(sql)) inside += 1
    if (sql === 'COMMIT' && inside > 0) committed.push(inside)
    if (sql === 'COMMIT') inside = 0
  }
  return committed.length <= 1 && (committed[0] ?? 0) === sections.length
    ? []
    : [`${phase}: transactions of ${committed.join(', ')} of ${sections.length} files instead of one`]
}

/** Goes up again, as the catalog says, with the rows that the rollback left. */
export async function upAgain(start: Start, database: Database, catalog: Catalog): Promise<string[]> {
  const applied = new Set(await appliedIn(database))
  await database.run('SET search_path = public')
  for (const name of start.applied.filter(each => !applied.has(each))) {
    try {
      await database.run(
        upStatements(catalog, name, applied)
          .map(sql => `${sql};`)
          .join('\n'),
      )
    } catch (error) {
      return [`${name}: ${describeError(error)}`]
    }
    applied.add(name)
  }
  return differences({ ...start.schema, ...start.own }, await database.snapshot())
}

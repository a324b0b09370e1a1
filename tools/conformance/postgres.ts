import type { Catalog } from '../../src/schema/catalog.ts'
import type { Snapshot } from '../../src/schema/snapshot.ts'
import {
  appliedIn,
  type ChainResult,
  isAccepted,
  prismaRow,
  prismaTable,
  readStart,
  type Start,
  undoChain,
} from '../../test/down-sql/chain.ts'
import { byHandStart, hostile, ownObjects } from '../../test/down-sql/data/hostile.ts'
import { generateSql } from '../../test/down-sql/data/rows.ts'
import { tablesOf } from '../../test/down-sql/data/tables.ts'
import { threatSql, world } from '../../test/down-sql/data/threat.ts'
import { describeError, differences } from '../../test/down-sql/walk.ts'
import { type Database, type PostgresServer, startPostgresServer } from '../../test/schema/postgres-server.ts'
import type { LangfuseRelease } from '../catalog/langfuse.ts'

export type Part = { readonly what: string; readonly done: number; readonly of: number }
export type Proof = {
  readonly parts: readonly Part[]
  readonly notes: readonly string[]
  readonly problems: readonly string[]
}

/**
 * Takes one database up release by release with Langfuse's own files and hostile rows, down again release by release,
 * and up again; and from the newest release to every older one directly, and up again.
 * @param releases those that change something, the oldest first
 */
export async function provePostgres(
  catalog: Catalog,
  releases: readonly LangfuseRelease[],
  say: (line: string) => void,
): Promise<Proof> {
  const server = await startPostgresServer()
  try {
    const up = await goUp(server, catalog, releases)
    say(
      `up to ${releases.at(-1)?.version}: ${up.threats} of ${hostile.length + ownObjects.length} hostile entries are in`,
    )
    const jumps = await jumpToAll({ server, catalog, releases, up, say })
    const steps = await stepDown({ server, catalog, releases, up, say })
    return {
      parts: [...up.parts, ...steps.parts, ...jumps.parts],
      notes: [...up.notes, ...steps.notes, ...jumps.notes],
      problems: [...up.problems, ...steps.problems, ...jumps.problems],
    }
  } finally {
    await server.stop()
  }
}

type Up = Proof & {
  readonly database: Database
  /** Langfuse's schema after each release, read from the database. */
  readonly schemas: ReadonlyMap<string, Snapshot>
  readonly threats: number
}

async function goUp(
  server: PostgresServer,
  catalog: Catalog,
  releases: readonly LangfuseRelease[],
): Promise<Up> {
  const [bare, database] = [await server.fresh(), await server.fresh()]
  const schemas = new Map<string, Snapshot>()
  const problems: string[] = []
  let waiting: readonly Waiting[] = everything
  let applied = 0
  for (const each of [bare, database]) await each.run(`SET search_path = public; ${prismaTable}`)
  for (const release of releases) {
    applied += (await deploy(bare, release)).length
    const schema = await bare.snapshot()
    schemas.set(release.version, schema)
    problems.push(
      ...differences(schema, catalog.postgresSnapshot(release.version)).map(
        line => `the catalog of ${release.version}: ${line}`,
      ),
    )
    await deploy(database, release)
    waiting = await putIn(database, schema, waiting)
    await database.run(ordinarySql(schema))
  }
  const newest = releases.at(-1)
  const inOneGo = await server.fresh()
  await inOneGo.run(`SET search_path = public; ${prismaTable}`)
  if (newest) await deploy(inOneGo, newest)
  const last = schemas.get(newest?.version ?? '') ?? {}
  problems.push(
    ...differences(last, await inOneGo.snapshot()).map(line => `${newest?.version} in one go: ${line}`),
  )
  const same = releases.filter(
    ({ version }) => differences(schemas.get(version) ?? {}, catalog.postgresSnapshot(version)).length === 0,
  )
  return {
    database,
    schemas,
    threats: everything.length - waiting.length,
    parts: [
      {
        what: 'releases whose schema in the catalog is that of a real database',
        done: same.length,
        of: releases.length,
      },
    ],
    notes: [`${applied} Postgres migrations applied, release by release`],
    problems,
  }
}

/** Hostile rows that could not be put in yet: some are valid in certain releases only. */
type Waiting = { readonly after: readonly string[]; readonly sql: (schema: Snapshot) => string }

const everything: readonly Waiting[] = [
  { after: [], sql: schema => threatSql(schema, { rows: world }) },
  ...[...byHandStart, ...ownObjects.map(({ sql }) => sql)].map(sql => ({ after: [], sql: () => sql })),
  ...hostile.map(threat => ({
    after: [threat.undoing, threat.failsUp ?? threat.undoing],
    sql: (schema: Snapshot) => threatSql(schema, threat),
  })),
]

async function putIn(
  database: Database,
  schema: Snapshot,
  waiting: readonly Waiting[],
): Promise<readonly Waiting[]> {
  const applied = await appliedIn(database)
  const left: Waiting[] = []
  for (const each of waiting) {
    // Rows wait for their migration, and then for a release in which they are valid.
    const isDue = each.after.every(name => applied.has(name))
    if (!isDue || !(await isAccepted(database, () => each.sql(schema)))) left.push(each)
  }
  return left
}

/** Two rows in every table, in the first release that has it. */
function ordinarySql(schema: Snapshot): string {
  const tables = [...tablesOf(schema).keys()].filter(table => !filled.has(table))
  if (tables.length === 0) return ''
  for (const table of tables) filled.add(table)
  return [filled.size * 2, filled.size * 2 + 1].map(place => generateSql(schema, tables, place)).join('\n')
}
const filled = new Set<string>()

/** As the web container starts: its clean-up, then what is pending, in the order of names, each file one query. */
async function deploy(database: Database, release: LangfuseRelease): Promise<string[]> {
  for (const name of release.cleanup)
    await database.run(
      `DELETE FROM public._prisma_migrations WHERE migration_name = '${name.replaceAll("'", "''")}'`,
    )
  const applied = await appliedIn(database)
  const pending = release.postgres.filter(({ name }) => !applied.has(name))
  for (const { name, sql, checksum } of pending) {
    try {
      await database.run(sql)
    } catch (cause) {
      throw new Error(`${release.version} cannot apply ${name}: ${describeError(cause)}`, { cause })
    }
    await database.run(prismaRow(name, checksum))
  }
  return pending.map(({ name }) => name)
}

type Question = {
  readonly server: PostgresServer
  readonly catalog: Catalog
  readonly releases: readonly LangfuseRelease[]
  readonly up: Up
  readonly say: (line: string) => void
}

/** Down release by release in one database, and up again release by release. */
async function stepDown({ server, catalog, releases, up, say }: Question): Promise<Proof> {
  const database = await server.fresh(up.database)
  const results: ChainResult[] = []
  const problems: string[] = []
  for (const [index, release] of [...releases.entries()].toReversed().slice(1)) {
    const newer = releases[index + 1]
    const start = await startOf(database, up, newer)
    const result = await undoChain(start, database, catalog, {
      release: release.version,
      schema: schemaOf(up, release),
    })
    results.push(result)
    problems.push(...result.problems.map(line => `${newer?.version} → ${release.version}: ${line}`))
    if (results.length % 25 === 0) say(`${results.length} releases down`)
  }
  let again = 0
  for (const release of releases) {
    const wrong = await upTo(database, release, up)
    if (wrong.length === 0) again += 1
    problems.push(...wrong.map(line => `up again to ${release.version}: ${line}`))
    if (wrong.some(line => line.includes('cannot apply'))) break
  }
  const sum = (of: (result: ChainResult) => number): number =>
    results.reduce((total, each) => total + of(each), 0)
  return {
    parts: [
      {
        what: 'releases undone one by one, exact and nothing lost',
        done: results.filter(({ problems: found }) => found.length === 0).length,
        of: results.length,
      },
      { what: 'releases applied again one by one, with the rows in place', done: again, of: releases.length },
    ],
    notes: [
      `one by one: ${sum(({ migrations }) => migrations)} migrations undone, ${sum(({ archived }) => archived)} rows in the archive`,
    ],
    problems,
  }
}

/** From the newest release to each older state directly, each in a copy of its own, and up again. */
async function jumpToAll({ server, catalog, releases, up, say }: Question): Promise<Proof> {
  const newest = releases.at(-1)
  const start = await startOf(up.database, up, newest)
  const targets = releases.filter((release, index) => {
    const next = releases[index + 1]
    return next !== undefined && isOther(release, next)
  })
  const results: ChainResult[] = []
  const problems: string[] = []
  let again = 0
  for (const target of targets) {
    const copy = await server.fresh(up.database)
    const at = `${newest?.version} → ${target.version}`
    try {
      const result = await undoChain(start, copy, catalog, {
        release: target.version,
        schema: schemaOf(up, target),
      })
      results.push(result)
      problems.push(...result.problems.map(line => `${at}: ${line}`))
      const wrong = newest === undefined ? [] : await upTo(copy, newest, up)
      if (wrong.length === 0) again += 1
      problems.push(...wrong.map(line => `${at} and up again: ${line}`))
    } catch (error) {
      problems.push(`${at}: ${describeError(error)}`)
    }
    await server.drop(copy)
    if (results.length % 10 === 0)
      say(`${results.length} of ${targets.length} jumps, ${problems.length} problems`)
  }
  const first = results[0]
  return {
    parts: [
      {
        what: `older states reached from ${newest?.version} directly, exact and nothing lost`,
        done: results.filter(({ problems: found }) => found.length === 0).length,
        of: targets.length,
      },
      {
        what: `of them taken up again to ${newest?.version}, equal to a new database`,
        done: again,
        of: targets.length,
      },
    ],
    notes: [
      `directly: from ${first?.rows} rows; the longest way undoes ${first?.migrations} migrations and archives ${first?.archived} rows`,
    ],
    problems,
  }
}

async function upTo(database: Database, release: LangfuseRelease, up: Up): Promise<string[]> {
  await database.run('SET search_path = public')
  try {
    await deploy(database, release)
  } catch (error) {
    return [describeError(error)]
  }
  const own = ownOf(await up.database.snapshot(), up, release)
  return differences({ ...schemaOf(up, release), ...own }, await database.snapshot())
}

async function startOf(database: Database, up: Up, release: LangfuseRelease | undefined): Promise<Start> {
  const schema = release === undefined ? {} : schemaOf(up, release)
  return readStart(database, schema, [...(await appliedIn(database))])
}

/** What the hostile rows brought that is not Langfuse's: the same in every release. */
function ownOf(snapshot: Snapshot, up: Up, _release: LangfuseRelease): Snapshot {
  const newest = [...up.schemas.values()].at(-1) ?? {}
  return Object.fromEntries(Object.entries(snapshot).filter(([key]) => newest[key] === undefined))
}

function schemaOf(up: Up, { version }: LangfuseRelease): Snapshot {
  return up.schemas.get(version) ?? {}
}

/** Whether a release has other Postgres migrations than another one. */
export function isOther(one: LangfuseRelease, other: LangfuseRelease): boolean {
  return one.postgres.map(({ name }) => name).join() !== other.postgres.map(({ name }) => name).join()
}

import { Client } from 'pg'
import { undoSchema } from '../../../src/execute/undo-schema.ts'
import { dependentsQuestion, notesOf, refusalsOf } from '../../../src/plan/dependents.ts'
import type { UndoSchema } from '../../../src/plan/plan.ts'
import type { Catalog } from '../../../src/schema/catalog.ts'
import { touchedBy } from '../../../src/schema/touched.ts'
import { NO_DEPENDENTS, observeDependents } from '../../../src/stack/observe-dependents.ts'
import { build, type Database, type PostgresServer } from '../../schema/postgres-server.ts'
import { executionOf } from '../../support/execution.ts'
import { generateSql } from '../data/rows.ts'
import { allRows, postgresOf } from '../undo.ts'
import { type Step, stepsOf } from '../walk.ts'
import type { Situation } from './postgres.ts'

/** Roles of other people, and one that the rollback's role is a member of. */
export async function makeRoles(server: PostgresServer): Promise<void> {
  const client = new Client({ connectionString: server.administratorUrl })
  await client.connect()
  await client.query('CREATE ROLE stranger; CREATE ROLE reader; CREATE ROLE team; GRANT team TO langfuse')
  await client.end()
}

/** What the check says and what the rollback does, in words. */
export type Played = {
  readonly situation: Situation
  readonly says: readonly string[]
  readonly problems: readonly string[]
  /** What the rollback would do without the check. */
  readonly without: string
}

export function createPlayer(server: PostgresServer, catalog: Catalog) {
  const steps = new Map(stepsOf(catalog).map(step => [step.migration, step]))
  const templates = new Map<string, Promise<Database>>()
  const templateOf = (migration: string): Promise<Database> => {
    const known = templates.get(migration) ?? templateFor(stepOf(migration), server, catalog)
    templates.set(migration, known)
    return known
  }
  const stepOf = (migration: string): Step => {
    const step = steps.get(migration)
    if (step === undefined) throw new Error(`There is no migration ${migration}.`)
    return step
  }
  const place = async (situation: Situation): Promise<Place> => {
    const database = await server.fresh(await templateOf(situation.migration))
    const administrator = await asAdministrator(server, database)
    if (situation.administrator !== undefined) await administrator.query(situation.administrator)
    if (situation.sql !== '') await database.run(situation.sql)
    await database.close()
    return { database, administrator, step: stepOf(situation.migration), catalog }
  }
  return async (situation: Situation, isThorough: boolean): Promise<Played> => {
    const there = await place(situation)
    const played = await playIn(there, situation)
    await leave(there, server)
    if (!isThorough || situation.verdict !== 'refused') return { ...played, without: '' }
    const other = await place(situation)
    const without = await withoutCheck(other, situation)
    await leave(other, server)
    const isNeeded = without !== 'no harm'
    return {
      ...played,
      without,
      problems: [...played.problems, ...(isNeeded ? [] : ['without the check nothing is wrong'])],
    }
  }
}

type Place = {
  readonly database: Database
  readonly administrator: Client
  readonly step: Step
  readonly catalog: Catalog
}

async function templateFor(step: Step, server: PostgresServer, catalog: Catalog): Promise<Database> {
  const database = await server.fresh()
  await build(database, step.after)
  await database.run('CREATE TABLE public._prisma_migrations (migration_name text PRIMARY KEY)')
  const sections = catalog.downSql('postgres', step.migration)?.sections ?? {}
  const touched = touchedBy([{ migration: step.migration, sql: Object.values(sections).join('\n;\n') }])
  const names = [...touched.map(({ name }) => name), 'users', 'media', 'job_configurations']
  const tables = [...new Set(names)].filter(name => `table public.${name}` in step.after)
  for (const number of [1, 2]) await database.run(generateSql(step.after, tables, number))
  return database
}

async function asAdministrator(server: PostgresServer, database: Database): Promise<Client> {
  const url = new URL(server.administratorUrl)
  url.pathname = `/${database.name}`
  const client = new Client({ connectionString: url.href })
  await client.connect()
  return client
}

async function leave({ database, administrator }: Place, server: PostgresServer): Promise<void> {
  await administrator.query(`SELECT pg_catalog.set_config('search_path', 'public', false)`)
  await administrator.end()
  await server.drop(database).catch(() => undefined) // it may belong to somebody else now
}

async function playIn(place: Place, situation: Situation): Promise<Omit<Played, 'without'>> {
  const { database, administrator, step, catalog } = place
  const question = dependentsQuestion({ postgres: [step.migration], clickhouse: [] }, catalog)
  const dependents = await observeDependents(question, {
    postgres: postgresOf(database),
    clickhouse: undefined,
  })
  const refusals = refusalsOf(dependents)
  const notes = notesOf(dependents, catalog)
  const says = situation.verdict === 'refused' ? refusals : notes
  const problems: string[] = [...dependents.failed, ...dependents.unseen.map(what => `unseen: ${what}`)]
  const expect = (isTrue: boolean, otherwise: string) => {
    if (!isTrue) problems.push(otherwise)
  }
  const { says: wanted } = situation
  expect(wanted === undefined || says.some(line => line.includes(wanted)), `it says: ${says.join(' | ')}`)
  expect(wanted !== undefined || notes.length === 0, `it also says: ${notes.join(' | ')}`)
  if (situation.verdict === 'refused') {
    const before = await fingerprint(place)
    const error = await runAll(place, true).then(
      () => undefined,
      (thrown: Error) => thrown.message,
    )
    expect(error === `${refusals.join(' ')} Nothing was changed.`, `the run says: ${error}`)
    expect((await fingerprint(place)) === before, 'something was changed')
    if (situation.isManual !== true) {
      const ways = dependents.found.flatMap(({ verdict, remedy }) => (verdict === 'refused' && remedy) || [])
      await clear(ways, administrator)
      problems.push(...(await finished(place)).map(line => `after clearing the way: ${line}`))
    }
  } else {
    expect(refusals.length === 0, `it refuses: ${refusals.join(' | ')}`)
    problems.push(...(await finished(place)))
    if (situation.after !== undefined && problems.length === 0)
      expect(await isTrue(administrator, situation.after), 'it is not as it was')
  }
  return { situation, says, problems }
}

/** In any order in which PostgreSQL accepts them: a view that another one reads goes after that. */
async function clear(ways: readonly string[], administrator: Client): Promise<void> {
  let left = [...new Set(ways)]
  for (let round = 0; left.length > 0; round += 1) {
    const refused: string[] = []
    for (const way of left) {
      await administrator.query(way).catch(error => {
        if (round > 5) throw new Error(`${way}: ${error.message}`)
        refused.push(way)
      })
    }
    left = refused
  }
}

async function finished(place: Place, isChecked = true): Promise<readonly string[]> {
  try {
    await runAll(place, isChecked)
  } catch (error) {
    return [`the run fails: ${messageOf(error)}`]
  }
  const now = await place.database.snapshot()
  return Object.entries(place.step.before).flatMap(([key, facts]) =>
    JSON.stringify(now[key]) === JSON.stringify(facts) ? [] : [`${key} is ${JSON.stringify(now[key])}`],
  )
}

/** All phases, as the rollback runs them. */
async function runAll({ database, step, catalog }: Place, isChecked: boolean): Promise<void> {
  const postgres = postgresOf(database)
  for (const phase of ['expand', 'contract', 'validate'] as const) {
    const undo: UndoSchema = {
      kind: 'undo-schema',
      phase,
      postgres: [step.migration],
      clickhouse: [],
      clickhouseHead: undefined,
      reason: '',
    }
    const over = { rollbackId: 'owner', facts: catalog, postgres }
    const unchecked = { observeDependents: async () => NO_DEPENDENTS }
    await undoSchema(undo, executionOf([undo], {}, isChecked ? over : { ...over, ...unchecked }))
  }
}

async function withoutCheck(place: Place, { harm }: Situation): Promise<string> {
  const problems = await finished(place, false)
  if (problems.length > 0) return problems[0] ?? ''
  if (harm === undefined) return 'no harm'
  return (await isTrue(place.administrator, harm)) ? 'silent harm' : 'no harm'
}

async function isTrue(administrator: Client, sql: string): Promise<boolean> {
  const { rows } = await administrator.query(sql)
  return Object.values(rows[0] ?? {})[0] === true
}

/** Schema, rows, and what is in the archive. */
async function fingerprint({ database, administrator }: Place): Promise<string> {
  const { rows } = await administrator.query(
    `SELECT c.oid::regclass::text AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname = 'langfuse_rollout' ORDER BY 1`,
  )
  const all = await allRows(database).catch(() => new Map())
  return JSON.stringify([await database.snapshot(), [...all], rows])
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message} ${error.cause.message}` : error.message
}

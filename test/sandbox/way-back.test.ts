import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { type Postgres, startPostgres } from '../../sandbox/engines/postgres.ts'
import { readImage } from '../../sandbox/langfuse/image.ts'
import { migrateDeploy } from '../../sandbox/langfuse/prisma-rules.ts'
import { createPostgres } from '../../src/adapters/postgres.ts'
import { afterMigrating, beforeMigrating, withWayBack } from '../../src/entries/way-back.ts'
import { undoPostgres } from '../../src/execute/undo-postgres.ts'
import { makePlan, type UndoSchema } from '../../src/plan/plan.ts'
import { classOf, undoBetween } from '../../src/plan/rollback-class.ts'
import type { ReleaseFacts } from '../../src/release/facts.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { diffSnapshots, isEmptyDelta } from '../../src/schema/diff.ts'
import { readPostgresSnapshot } from '../../src/schema/postgres.ts'
import { observePostgres } from '../../src/stack/databases.ts'
import { insertSql } from '../down-sql/undo.ts'
import { executionOf } from '../support/execution.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const [FROM, TO] = ['3.178.0', '3.211.0']
/** A column is renamed, a row of background migrations comes, an enum gets a label. */
const UNKNOWN = [
  '20260527110000_monitor_wallclock_lifecycle',
  '20260701115504_add_drop_pid_tid_sorting_tables_background_migration',
  '20260709124500_add_billing_exhausted_evaluator_block_reason',
]

/** This version of the action: it has neither a change nor a reviewed file of some migrations. */
const facts: ReleaseFacts = {
  ...catalog,
  downSql: (engine, name) => (UNKNOWN.includes(String(name)) ? undefined : catalog.downSql(engine, name)),
  postgresStep: name => {
    if (UNKNOWN.includes(name)) throw new Error(`The catalog knows no change of ${name}.`)
    return catalog.postgresStep(name)
  },
  postgresChange: name => {
    if (UNKNOWN.includes(name)) throw new Error(`The catalog knows no change of ${name}.`)
    return catalog.postgresChange(name)
  },
}

let folder = ''
let server: Postgres

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'langfuse-way-back-'))
  server = await startPostgres({ folder, databases: ['langfuse', 'template'] })
  await deploy('template', FROM)
  await run('template', 'CREATE TABLE "made by; a user" (id integer)')
  const [project] = [
    "INSERT INTO organizations (id, name) VALUES ('o', 'O'); INSERT INTO projects (id, name, org_id) VALUES ('p', 'P', 'o');",
  ]
  await run('template', project ?? '')
  await run(
    'template',
    insertSql(catalog.postgresSnapshot(FROM), 'monitors', {
      id: 'm',
      project_id: 'p',
      last_completed_run_at: '2026-05-01',
    }),
  )
})

afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

function urlOf(database: string): string {
  return Object.assign(new URL(server.url), { pathname: `/${database}` }).href
}

async function run(database: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: urlOf(database) })
  await client.connect()
  try {
    const result = await client.query(sql)
    return Array.isArray(result) ? [] : result.rows
  } finally {
    await client.end()
  }
}

async function fresh(name: string): Promise<string> {
  await run('postgres', `CREATE DATABASE ${name} TEMPLATE template`)
  return name
}

async function deploy(database: string, release: string): Promise<void> {
  const lines: string[] = []
  const { postgresMigrations: migrations } = readImage(release)
  const status = await migrateDeploy({
    databaseUrl: urlOf(database),
    migrations,
    log: line => lines.push(line),
  })
  if (status !== 0) throw new Error(lines.join('\n'))
}

function portsOf(database: string) {
  return { postgres: createPostgres(urlOf(database)) }
}

async function stackOf(database: string) {
  return { postgres: await observePostgres(portsOf(database).postgres) }
}

const plan = makePlan({
  action: 'deploy',
  from: FROM,
  to: TO,
  rollbackClass: 'lossy',
  steps: [],
  warnings: [],
  losses: [],
})

async function before(database: string): Promise<readonly string[]> {
  return beforeMigrating(plan, await stackOf(database), portsOf(database), { facts })
}

async function appliedIn(database: string): Promise<readonly string[]> {
  const rows = await run(
    database,
    'SELECT migration_name AS name FROM _prisma_migrations WHERE finished_at IS NOT NULL',
  )
  return rows.map(({ name }) => String(name))
}

async function rollBack(database: string) {
  const known = withWayBack({ facts }, await stackOf(database)).facts
  const undo = undoBetween({ postgres: await appliedIn(database), clickhouseHead: 0 }, FROM, known)
  const { postgres } = portsOf(database)
  for (const phase of ['expand', 'contract', 'validate'] as const) {
    const step: UndoSchema = {
      kind: 'undo-schema',
      phase,
      postgres: undo.postgres,
      clickhouse: [],
      clickhouseHead: undefined,
      reason: '',
    }
    await undoPostgres(
      step,
      postgres,
      executionOf([step], {}, { rollbackId: 'r', postgres, facts: known }),
      async () => undefined,
    )
  }
  return undo
}

async function changes(database: string, before: string): Promise<readonly string[]> {
  const snapshots = [before, database].map(async name => {
    const client = new Client({ connectionString: urlOf(name) })
    await client.connect()
    const snapshot = await readPostgresSnapshot(async sql => (await client.query(sql)).rows)
    await client.end()
    return snapshot
  })
  const [from = {}, to = {}] = await Promise.all(snapshots)
  const delta = diffSnapshots(from, to)
  return isEmptyDelta(delta) ? [] : Object.values(delta).flatMap(part => Object.keys(part))
}

test('migrations that nobody has reviewed are undone from what the deploy saw: schema exact, renamed values kept', async () => {
  const database = await fresh('whole')
  expect(await before(database)).toEqual([])
  await deploy(database, TO)
  await run(database, `UPDATE monitors SET last_completed_at = '2026-06-02'`)
  expect(await afterMigrating(portsOf(database), { facts })).toEqual([])

  const undo = await rollBack(database)
  expect(undo.missing).toEqual([])
  expect(classOf(undo)).toBe('lossy')
  const made = undo.sql.filter(({ unreviewed }) => unreviewed !== undefined)
  expect(made.map(({ migration }) => migration)).toEqual([...UNKNOWN].reverse())
  expect(made[0]?.sections.contract).toContain(
    "rename_column('monitors', 'last_completed_at', 'last_completed_run_at')",
  )
  expect(made[0]?.sections.contract).toContain('delete_background_migration')

  expect(await changes(database, 'template')).toEqual([])
  expect(await run(database, 'SELECT last_completed_run_at::date::text AS day FROM monitors')).toEqual([
    { day: '2026-06-02' },
  ])
  expect(await run(database, `SELECT name FROM background_migrations WHERE name LIKE '%step_5%'`)).toEqual([])
  await deploy(database, TO)
  expect([...(await appliedIn(database))].sort()).toEqual(
    catalog.postgresMigrations(TO).map(({ name }) => name),
  )
})

test('a run that was killed after its migrations leaves the picture to the next one', async () => {
  const database = await fresh('killed')
  await before(database)
  await deploy(database, TO)
  await before(database) // the next run begins as any other
  await afterMigrating(portsOf(database), { facts })
  expect((await rollBack(database)).missing).toEqual([])
  expect(await changes(database, 'template')).toEqual([])
})

test('without a picture there is no way back, and a part of what was deployed together is none', async () => {
  const database = await fresh('blind')
  await deploy(database, TO)
  expect(await afterMigrating(portsOf(database), { facts })).toEqual([])
  const names = await appliedIn(database)
  const blind = undoBetween({ postgres: names, clickhouseHead: 0 }, FROM, facts)
  expect(classOf(blind)).toBe('restore')
  expect(blind.missing).toHaveLength(3)

  const whole = await fresh('part')
  await before(whole)
  await deploy(whole, TO)
  await afterMigrating(portsOf(whole), { facts })
  const known = withWayBack({ facts }, await stackOf(whole)).facts
  const part = undoBetween({ postgres: await appliedIn(whole), clickhouseHead: 0 }, '3.205.0', known)
  expect(part.missing).toEqual([`postgres/${UNKNOWN[2]}`])
})

test('a deploy whose migrations are all reviewed leaves nothing behind', async () => {
  const database = await fresh('reviewed')
  const known = { facts: catalog }
  expect(await beforeMigrating(plan, await stackOf(database), portsOf(database), known)).toEqual([])
  await deploy(database, TO)
  expect(await afterMigrating(portsOf(database), known)).toEqual([])
  expect(await run(database, `SELECT to_regnamespace('langfuse_rollout') AS schema`)).toEqual([
    { schema: null },
  ])
})

test('what the catalog has and nobody has reviewed is undone from the catalog', async () => {
  const database = await fresh('catalogued')
  await deploy(database, TO)
  const half: ReleaseFacts = { ...catalog, downSql: facts.downSql }
  const known = withWayBack({ facts: half }, await stackOf(database)).facts
  const undo = undoBetween({ postgres: await appliedIn(database), clickhouseHead: 0 }, FROM, known)
  expect(undo.missing).toEqual([])
  expect(undo.sql.flatMap(({ unreviewed }) => unreviewed?.madeFrom ?? [])).toEqual([
    'the catalog',
    'the catalog',
    'the catalog',
  ])
})

test('a database that cannot be reached stops no deploy', async () => {
  const postgres = createPostgres('postgresql://nobody@127.0.0.1:59/langfuse')
  const warnings = await beforeMigrating(plan, await stackOf('template'), { postgres }, { facts })
  expect(warnings).toEqual([
    expect.stringContaining(
      'The way back over migrations that this version does not know could not be prepared',
    ),
  ])
})

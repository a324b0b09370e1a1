import { readFileSync } from 'node:fs'
import { beforeEach, expect, test } from '@jest/globals'
import { textsOf } from '../../src/agent/library.ts'
import { undoStores } from '../../src/execute/undo-schema.ts'
import type { Refill, UndoSchema } from '../../src/plan/plan.ts'
import { refillOf } from '../../src/plan/plan-background.ts'
import { BACKFILL } from '../../src/release/v4-flags.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { quoteLiteral } from '../../src/schema/quote.ts'
import { type ClickHouseDatabase, type Database, useClickHouse, usePostgres } from '../schema/databases.ts'
import { executionOf } from '../support/execution.ts'
import { stackOn } from '../support/stack-on.ts'
import { runAny } from './clickhouse-proof.ts'
import { postgresOf } from './undo.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const postgres = usePostgres()
const clickhouse = useClickHouse()
const EVENTS = [41, 40, 39, 38]
const STEPS = catalog.downSql('clickhouse', 39)?.filledBy ?? []
const SCRATCH = 'observations_pid_tid_sorting'

let database: Database
let store: ClickHouseDatabase
let serial = 0

/** v4 has run its backfill to the end, except step 3, where it is in the middle. */
beforeEach(async () => {
  database = await postgres.fresh()
  const rows = catalog
    .backgroundMigrations('4.16.0')
    .map(
      ({ id, name, script, args }) =>
        `(${[id, name, script, JSON.stringify(args)].map(quoteLiteral).join(', ')}, '{"phase": "completed"}', now())`,
    )
  await database.run(`CREATE TABLE _prisma_migrations (migration_name text);
    CREATE TABLE background_migrations (id text PRIMARY KEY, name text UNIQUE NOT NULL, script text NOT NULL, args jsonb NOT NULL,
      state jsonb NOT NULL DEFAULT '{}', finished_at timestamp(3), failed_at timestamp(3), failed_reason text,
      worker_id text, locked_at timestamp(3));
    INSERT INTO background_migrations (id, name, script, args, state, finished_at) VALUES ${rows.join(', ')};
    UPDATE background_migrations SET finished_at = NULL, worker_id = 'w', locked_at = now() AT TIME ZONE 'UTC'
    WHERE name LIKE '%v4_step_3%'`)
  store = await clickhouse.fresh(`refill_${++serial}`)
  for (const table of ['observations_batch_staging', 'events_full', 'events_core', SCRATCH]) {
    await store.run(`CREATE TABLE ${table} (id String) ENGINE = MergeTree ORDER BY id`)
    await store.run(`INSERT INTO ${table} VALUES ('deleted later')`)
  }
  await store.run('CREATE MATERIALIZED VIEW events_core_mv TO events_core AS SELECT id FROM events_full')
})

function stackWith(environment: Readonly<Record<string, string>>) {
  const stack = stackOn('4.16.0')
  const { worker } = stack
  const variables = { ...worker.container.environment, ...environment }
  return { ...stack, worker: { ...worker, container: { ...worker.container, environment: variables } } }
}

const refillWith = (environment: Readonly<Record<string, string>> = {}, to = '3.225.4'): Refill =>
  refillOf(EVENTS, stackWith(environment), to, catalog)

const stepOf = (phase: UndoSchema['phase'], refill: Refill): UndoSchema => ({
  kind: 'undo-schema',
  phase,
  postgres: [],
  clickhouse: EVENTS,
  clickhouseHead: undefined,
  refill,
  reason: '',
})

function undo(phase: UndoSchema['phase'], refill: Refill, run = (sql: string) => runAny(store, sql)) {
  const step = stepOf(phase, refill)
  const stores = {
    facts: catalog,
    rollbackId: 'r',
    postgres: postgresOf(database),
    clickhouse: { address: 'here', ping: async () => true, run },
  }
  return undoStores(step, executionOf([step], {}, stores))
}

/** The rows that a worker takes up, with these variables `true` (backgroundMigrationManager.ts of 3.203.0 to 4.16.0). */
async function takenUp(...gates: readonly string[]): Promise<readonly unknown[]> {
  const open = `ARRAY[${gates.map(quoteLiteral).join(', ')}]::text[]`
  const rows = await database.run(`SELECT name FROM background_migrations
    WHERE finished_at IS NULL AND failed_at IS NULL AND (args ->> 'envGate' IS NULL OR args ->> 'envGate' = ANY (${open}))
    ORDER BY name`)
  return rows.map(({ name }) => name)
}

const steps = () =>
  database.run(`SELECT name, state, finished_at, failed_at, failed_reason, worker_id, locked_at FROM background_migrations
    WHERE name LIKE '%v4_step%' ORDER BY name`)

const fresh = {
  state: {},
  finished_at: null,
  failed_at: null,
  failed_reason: null,
  worker_id: null,
  locked_at: null,
}

test('after v4 and back, its backfill is as Langfuse inserts it: v3 leaves it alone, v4 runs it again', async () => {
  const others = `SELECT * FROM background_migrations WHERE name NOT LIKE '%v4_step%' ORDER BY name`
  const before = await database.run(others)
  for (const phase of ['expand', 'contract'] as const) await undo(phase, refillWith())
  expect(await steps()).toEqual(STEPS.map(name => ({ name, ...fresh })))
  expect(await takenUp()).toEqual([])
  expect(await takenUp(BACKFILL.name)).toEqual(STEPS.slice(0, 4))
  expect(await database.run(others)).toEqual(before)
  // A restore would mark them as finished before v4 has run them.
  expect(await database.run('SELECT FROM langfuse_rollout.archived_rows')).toEqual([])
})

test('what v4 sorted for its backfill is not there for the next one, which would show deleted observations', async () => {
  for (const phase of ['expand', 'contract'] as const) await undo(phase, refillWith())
  expect(await store.rows(`SELECT name FROM system.tables WHERE database = currentDatabase()`)).toEqual([])
  const archived = await store.rows(
    `SELECT relation, toUInt32(rows) AS rows FROM langfuse_rollout.archived WHERE relation = '${SCRATCH}' AND rollback_id = 'r'`,
  )
  expect(archived).toEqual([{ relation: SCRATCH, rows: 1 }])
  // After the next upgrade a restore gives back the events, and not what the backfill is about to read.
  for (const table of ['events_full', SCRATCH])
    await store.run(`CREATE TABLE ${table} (id String) ENGINE = MergeTree ORDER BY id`)
  const file = readFileSync(new URL('../../down-sql/restore-clickhouse.sql', import.meta.url), 'utf8')
  const rows = await store.rows(file.replace('{rollback_id:String}', `'r'`).replace(/FORMAT TSVRaw;\n$/, ''))
  const script = rows.map(row => String(row['script'])).join('\n')
  expect(script).toContain('INSERT INTO `events_full`')
  expect(script).not.toContain(SCRATCH)
})

test('the agent, which gets only the functions that it needs, gets those that reset background migrations', () => {
  const { toolbox } = textsOf([stepOf('expand', refillWith()), stepOf('contract', refillWith())], catalog)
  for (const name of ['reset_background_migration', 'hold_background_migration'])
    expect(toolbox.postgres).toContain(`FUNCTION langfuse_rollout.${name}(`)
})

test('a run that is lost before the first table is archived has reset the backfill, and the next run ends it', async () => {
  await undo('expand', refillWith())
  const lost = async (sql: string) => {
    if (sql.startsWith('RENAME')) throw new Error('the run is lost')
    return runAny(store, sql)
  }
  await expect(undo('contract', refillWith(), lost)).rejects.toThrow('failed')
  expect(await takenUp(BACKFILL.name)).toEqual(STEPS.slice(0, 4))
  await undo('contract', refillWith())
  expect(await steps()).toEqual(STEPS.map(name => ({ name, ...fresh })))
})

test('a v3 whose variable lets it run the backfill never takes it up: it would fail without the tables', async () => {
  const refill = refillWith({ [BACKFILL.name]: 'true' })
  expect(refill).toEqual({ open: STEPS.slice(4), hold: STEPS.slice(0, 4) })
  await undo('expand', refill)
  expect(await takenUp(BACKFILL.name)).toEqual([])
  await undo('contract', refill)
  expect(await takenUp(BACKFILL.name)).toEqual([])
  const held = {
    ...fresh,
    failed_at: expect.any(Date),
    failed_reason: expect.stringMatching(/^held by a rollback/),
  }
  expect(await steps()).toEqual(STEPS.map((name, index) => ({ name, ...(index < 4 ? held : fresh) })))
  const times = await steps()
  await undo('contract', refill)
  expect(await steps()).toEqual(times)
})

test('a release that does not know the backfill has no rows of it to reset, and one whose worker runs none resets all', () => {
  expect(refillWith({}, '3.202.0')).toEqual({ open: [], hold: [] })
  const none = { [BACKFILL.name]: 'true', LANGFUSE_ENABLE_BACKGROUND_MIGRATIONS: 'false' }
  expect(refillWith(none)).toEqual({ open: STEPS, hold: [] })
  expect(refillOf([43, 42], stackWith({}), '3.225.4', catalog)).toEqual({ open: [], hold: [] })
})

test('every background migration that a file names is in the catalog', () => {
  const known = new Set(catalog.allBackgroundMigrations().map(({ name }) => name))
  const named = catalog
    .clickhouseMigrations(Number.POSITIVE_INFINITY)
    .flatMap(({ version }) => catalog.downSql('clickhouse', version)?.filledBy ?? [])
  expect(named).toHaveLength(5)
  expect(named.filter(name => !known.has(name))).toEqual([])
})

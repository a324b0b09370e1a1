import { beforeEach, expect, test } from '@jest/globals'
import { keepStores } from '../../src/execute/keep-data.ts'
import type { KeepData } from '../../src/plan/plan.ts'
import { keepQuestions } from '../../src/plan/plan-keep.ts'
import type { ClickHouse, Row } from '../../src/ports/databases.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { parseDownSql } from '../../src/schema/down-sql.ts'
import { observePostgres } from '../../src/stack/observe-databases.ts'
import { postgresOf } from '../down-sql/undo.ts'
import { type Database, usePostgres } from '../schema/databases.ts'
import { executionOf } from '../support/execution.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const server = usePostgres()
let database: Database

beforeEach(async () => {
  database = await server.fresh()
  await database.run(`
    CREATE TABLE pets (id int PRIMARY KEY, name text);
    INSERT INTO pets SELECT n, 'pet ' || n FROM generate_series(1, 10) AS n;
    CREATE TABLE toys (name text);
    INSERT INTO toys VALUES ('ball');
    CREATE TABLE public._prisma_migrations (id text, checksum text, migration_name text, logs text,
      started_at timestamptz, finished_at timestamptz, rolled_back_at timestamptz, applied_steps_count int)`)
})

const FILES = new Map(
  Object.entries({
    '1_pets': "SELECT langfuse_rollout.keep_table_copy('pets');",
    '2_toys': "SELECT langfuse_rollout.keep_table_copy('toys');",
  }).map(([migration, sql]) => {
    const text = `-- undoes: ${migration}\n-- class: lossy\n-- loses: pets\n-- phase: keep\n${sql}\n-- phase: expand\nSELECT 1;\n-- end\n`
    return [migration, parseDownSql({ engine: 'postgres', migration, text })] as const
  }),
)

/** ClickHouse with tables of langfuse_rollout by name, each with its rows; it is lost at a statement. */
function clickhouseWith(tables: Map<string, number>, lostAt = 'nothing'): ClickHouse {
  const run = async (sql: string): Promise<readonly Row[]> => {
    if (sql.includes(lostAt)) throw new Error('The connection is lost.')
    const dropped = /^DROP TABLE IF EXISTS langfuse_rollout\.`(\w+)`/.exec(sql)?.[1]
    if (dropped !== undefined) tables.delete(dropped)
    const made = /^CREATE TABLE langfuse_rollout\.`(\w+)`/.exec(sql)?.[1]
    if (made !== undefined) tables.set(made, 3)
    if (sql.includes('FROM system.parts')) return []
    const name = /AND name = '(\w+)'/.exec(sql)?.[1] ?? /FROM langfuse_rollout\.`(\w+)`/.exec(sql)?.[1]
    if (name === 'event_log' || /FROM `event_log`/.test(sql)) return [{ found: 1, rows: 3 }]
    return [{ found: tables.has(name ?? '') ? 1 : 0, rows: tables.get(name ?? '') ?? 0 }]
  }
  return { address: 'here', ping: async () => true, run }
}

function step(phase: KeepData['phase'], over: Partial<KeepData>): KeepData {
  return { kind: 'keep-data', phase, postgres: [], clickhouse: [], reason: '', ...over }
}

function run(given: KeepData, clickhouse?: ClickHouse) {
  const postgres = postgresOf(database)
  const facts = {
    downSql: (engine: 'postgres' | 'clickhouse', name: string | number) =>
      FILES.get(String(name)) ?? catalog.downSql(engine, name),
    toolbox: catalog.toolbox,
  }
  const execution = executionOf(
    [given],
    {},
    { facts: { ...catalog, ...facts }, postgres, clickhouse, rollbackId: 'r' },
  )
  return keepStores(given, postgres, execution)
}

const EVENT_LOG = { clickhouse: [44] }
const NAME = 'kept__event_log__0044'

async function statesOf(): Promise<readonly unknown[]> {
  const seen = await observePostgres(postgresOf(database))
  if (!seen.known) throw new Error(seen.reason)
  return (seen.value.kept ?? []).map(({ relation, state, rows, isOld }) =>
    [relation, state, rows, isOld ? 'old' : ''].join(' ').trim(),
  )
}

test('what cannot be kept stops the step, which names the table and the reason', async () => {
  await expect(run(step('keep', { postgres: ['1_pets', '2_toys'] }))).rejects.toThrow(
    'What the migrations delete cannot be kept. Nothing else was changed. toys: public.toys has no primary key.',
  )
  await run(step('reverse', { postgres: ['1_pets', '2_toys'] }))
  expect(await statesOf()).toEqual([])
})

test('what a killed run did not keep to the end never becomes complete', async () => {
  const tables = new Map<string, number>()
  await expect(run(step('keep', EVENT_LOG), clickhouseWith(tables, 'MATERIALIZED'))).rejects.toThrow('0044')
  expect(await statesOf()).toEqual([expect.stringContaining('begun')])
  const { kept } = await run(step('close', EVENT_LOG), clickhouseWith(tables))
  expect(kept?.problems).toEqual(['the migration ran before all was kept'])
  expect(await statesOf()).toEqual([expect.stringContaining('incomplete')])
})

test('what is gone from ClickHouse before it is closed is not complete, and a rollback that counts on it stops', async () => {
  const tables = new Map<string, number>()
  await run(step('keep', EVENT_LOG), clickhouseWith(tables))
  expect(await statesOf()).toEqual(['event_log open 3'])
  tables.delete(NAME)
  const close = step('close', { ...EVENT_LOG, mustBeWhole: ['0044'] })
  await expect(run(close, clickhouseWith(tables))).rejects.toThrow(
    'What the deploy kept is not complete. Nothing was undone. Run again: the plan then has the class without it. event_log: ClickHouse does not have it any more.',
  )
  expect(await statesOf()).toEqual([expect.stringContaining('event_log incomplete')])
})

test('kept and closed it is complete; run again it is the same', async () => {
  const tables = new Map<string, number>()
  for (const phase of ['keep', 'keep', 'close', 'close'] as const)
    await run(step(phase, EVENT_LOG), clickhouseWith(tables))
  expect(await statesOf()).toEqual(['event_log complete 3'])
  expect([...tables.keys()]).toEqual([NAME])
})

test('what a rollback gave back is forgotten when it is kept again', async () => {
  const tables = new Map<string, number>()
  for (const phase of ['keep', 'close'] as const) await run(step(phase, EVENT_LOG), clickhouseWith(tables))
  await database.run('UPDATE langfuse_rollout.kept SET given_back_at = now()')
  expect(await statesOf()).toEqual(['event_log given-back 3'])
  await run(step('keep', EVENT_LOG), clickhouseWith(tables))
  expect(await statesOf()).toEqual(['event_log open 3'])
  expect(await database.run('SELECT FROM langfuse_rollout.kept')).toHaveLength(1)
})

test('only what is there is counted: tables and columns of an upgrade in between are not yet', async () => {
  const sql = [
    "keep_table_copy('pets')",
    "keep_rows('pets', 'this.id > 7')",
    "keep_column('pets', 'name')",
    "keep_column('pets', 'collar')",
    "keep_table('cages')",
  ]
  const text = `-- undoes: 3_all\n-- class: lossy\n-- loses: pets\n-- phase: keep\n${sql.map(call => `SELECT langfuse_rollout.${call};`).join('\n')}\n-- phase: expand\nSELECT 1;\n-- end\n`
  const file = parseDownSql({ engine: 'postgres', migration: '3_all', text })
  await database.run(
    'UPDATE pets SET name = NULL WHERE id = 1; ALTER TABLE pets ADD collar text; ALTER TABLE pets DROP collar',
  )
  const asked = keepQuestions([step('keep', { postgres: ['3_all'] })], { downSql: () => file })
  const counted: string[] = []
  for (const question of asked.filter(({ what }) => !what.startsWith('bytes'))) {
    const [row] = await database.run(question.sql)
    counted.push(`${Object.values(row ?? {})[0]} ${question.what}`)
  }
  expect(counted).toEqual([
    '10 rows of pets',
    '3 rows of pets',
    '9 values of pets.name',
    '0 values of pets.collar',
    '0 rows of cages',
  ])
})

test('what is old is dropped from both stores, and nothing else', async () => {
  const tables = new Map<string, number>()
  const both = { postgres: ['1_pets'], clickhouse: [44, 46] }
  await run(step('keep', both), clickhouseWith(tables))
  await database.run('DROP TABLE pets')
  await run(step('close', both), clickhouseWith(tables))
  expect(await statesOf()).toHaveLength(3)
  await database.run(
    `UPDATE langfuse_rollout.kept SET closed_at = now() - interval '31 days' WHERE migration <> '0046'`,
  )
  expect(await statesOf()).toEqual(
    expect.arrayContaining([expect.stringContaining('pets complete 10 old'), 'event_log complete 3 old']),
  )
  const counts = await run(step('drop', { postgres: ['1_pets'], clickhouse: [44] }), clickhouseWith(tables))
  expect(counts).toMatchObject({ archivedRows: 0, kept: { rows: 13 } })
  expect(await statesOf()).toEqual([expect.stringMatching(/^dataset_run_items complete/)])
  expect([...tables.keys()]).toEqual([])
  const left = await database.run(
    `SELECT relname FROM pg_class WHERE relnamespace = 'langfuse_rollout'::regnamespace AND relname LIKE 'kept\\_\\_%' AND relkind = 'r'`,
  )
  expect(left).toEqual([])
})

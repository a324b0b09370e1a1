import { beforeAll, describe, expect, test } from '@jest/globals'
import type { UndoCounts } from '../../src/execute/execution.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import type { Snapshot } from '../../src/schema/snapshot.ts'
import { build, type Database, usePostgres } from '../schema/databases.ts'
import { allRows, archivedRows, insertSql, jsonOf, migrations, undo, upgrade, type Values } from './undo.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const base = catalog.postgresSnapshot('2.93.7')
const upgraded = catalog.postgresSnapshot('3.0.0')
const postgres = usePostgres()
let template: Database
const newestFirst = migrations.toReversed()

beforeAll(async () => {
  template = await postgres.fresh()
  await build(template, base)
  await upgrade(template, catalog)
})

type Row = readonly [table: string, values: Values]

const ordinary: readonly Row[] = [
  ['organizations', { id: 'o', name: 'Org' }],
  ['projects', { id: 'p1', name: 'One', org_id: 'o' }],
  ['projects', { id: 'p2', name: 'Two', org_id: 'o' }],
  ['trace_sessions', { id: 's', project_id: 'p1' }],
  ['traces', { id: 't1', project_id: 'p1', session_id: 's' }],
  ['traces', { id: 't2', project_id: 'p2', session_id: null }],
  ['scores', { id: 'sc', project_id: 'p1', name: 'quality', trace_id: 't1' }],
  ['job_configurations', { id: 'jc', project_id: 'p1' }],
  ['job_executions', { id: 'j1', project_id: 'p1', job_configuration_id: 'jc', job_output_score_id: 'sc' }],
  ['job_executions', { id: 'j2', project_id: 'p1', job_configuration_id: 'jc', job_output_score_id: null }],
]

/** What the newer release leaves behind, and what people make of a database. */
const hostile: readonly Row[] = [
  ...ordinary,
  ['projects', { id: "p'3; --", name: 'Going', org_id: 'o', deleted_at: '2024-12-10 01:02:03.456' }],
  ['projects', { id: 'p4', name: 'Gone', org_id: 'o', deleted_at: 'infinity' }],
  ['traces', { id: 't3', project_id: 'p1', session_id: 'missing', created_at: '2024-12-09 10:00' }],
  ['traces', { id: 't4', project_id: 'p1', session_id: 'missing', created_at: '2024-12-09 09:00' }],
  ['traces', { id: 't5', project_id: 'p2', session_id: 's' }], // a session of that name, but of another project
  ['traces', { id: 't6', project_id: "p'3; --", session_id: `it's "odd"; \\ session` }],
  ['traces', { id: 't7', project_id: 'p4', session_id: '' }],
  [
    'job_executions',
    { id: 'j3', project_id: 'p1', job_configuration_id: 'jc', job_output_score_id: 'in-clickhouse' },
  ],
  [
    'job_executions',
    { id: 'j4', project_id: 'p1', job_configuration_id: 'jc', job_output_score_id: 'in-clickhouse' },
  ],
  [
    'job_executions',
    { id: 'j5', project_id: 'p1', job_configuration_id: 'jc', job_output_score_id: `'; DROP TABLE traces` },
  ],
]

const madeByUsers = `
  CREATE TABLE public."odd; ""table"".x" (id text PRIMARY KEY, "select" text REFERENCES public.projects (id));
  INSERT INTO public."odd; ""table"".x" VALUES ('1', 'p1');
  CREATE INDEX "odd; index --" ON public.traces (lower(name)) WHERE session_id IS NULL;
  CREATE VIEW public."My Projects" AS SELECT id, name FROM public.projects;
  CREATE SCHEMA langfuse; CREATE TABLE langfuse.traces (nothing text); CREATE TABLE langfuse.projects (deleted_at text);
  INSERT INTO langfuse.projects VALUES ('mine');
  CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
  CREATE TRIGGER "noted; --" BEFORE UPDATE ON public.job_executions FOR EACH ROW EXECUTE FUNCTION public.note();`

async function databaseWith(rows: readonly Row[], sql = ''): Promise<Database> {
  const database = await postgres.fresh(template)
  await database.run(rows.map(([table, values]) => insertSql(upgraded, table, values)).join('\n') + sql)
  return database
}

/** The schema that a database of 3.0.0 with objects of its own has once it is 2.93.7 again. */
function downTo(schema: Snapshot): Snapshot {
  const own = Object.entries(schema).filter(([key]) => upgraded[key] === undefined)
  return { ...base, ...Object.fromEntries(own) }
}

/** Rows that are neither where they were, up to the column that is gone, nor in the archive as they were. */
async function lostRows(
  database: Database,
  before: ReadonlyMap<string, readonly string[]>,
): Promise<string[]> {
  const archive = await archivedRows(database)
  const whole = new Set(jsonOf(archive.filter(({ kind }) => kind === 'row')))
  const values = archive.filter(({ kind }) => kind === 'values').map(({ row }) => row as Values)
  const after = await allRows(database)
  return [...before].flatMap(([table, rows]) => {
    const present = new Set(after.get(table))
    return rows.filter(row => {
      if (present.has(row) || whole.has(row)) return false
      const { deleted_at: deletedAt, ...rest } = JSON.parse(row) as Values
      const kept = values.some(({ id, deleted_at }) => id === rest['id'] && deleted_at === deletedAt)
      return !present.has(JSON.stringify(rest)) || (deletedAt !== null && !kept)
    })
  })
}

describe.each([
  ['empty', [], '', 0],
  ['ordinary', ordinary, '', 0],
  ['hostile', hostile, madeByUsers, 5],
] as const)('from 3.0.0 with %s data', (_, rows, sql, archived) => {
  let database: Database
  let before: Snapshot
  let rowsBefore: ReadonlyMap<string, readonly string[]>
  let counts: UndoCounts

  beforeAll(async () => {
    database = await databaseWith(rows, sql)
    before = await database.snapshot()
    rowsBefore = await allRows(database)
    counts = await undo(database, catalog, newestFirst, 'first')
  })

  test('the down SQL gives the schema of 2.93.7 exactly', async () => {
    expect(await database.snapshot()).toEqual(downTo(before))
  })

  test('no row is lost: each is where it was, or in the archive as it was', async () => {
    expect(await lostRows(database, rowsBefore)).toEqual([])
    expect(await archivedRows(database)).toHaveLength(archived)
    expect(counts).toMatchObject({ postgres: 2, archivedRows: archived })
  })

  test('running it again changes nothing and archives nothing twice', async () => {
    const rowsAfter = await allRows(database)
    await undo(database, catalog, newestFirst, 'second')
    expect(await database.snapshot()).toEqual(downTo(before))
    expect(await allRows(database)).toEqual(rowsAfter)
    expect(await archivedRows(database)).toHaveLength(archived)
  })

  test('the upgrade works again, and the way back from it', async () => {
    const rowsAfter = await allRows(database)
    await upgrade(database, catalog)
    expect(await database.snapshot()).toEqual(before)
    await undo(database, catalog, newestFirst, 'third')
    expect(await database.snapshot()).toEqual(downTo(before))
    expect(await allRows(database)).toEqual(rowsAfter)
  })
})

test('the hostile data does violate both keys', async () => {
  const database = await databaseWith(hostile)
  for (const name of [
    'traces.traces_session_id_project_id_fkey',
    'job_executions.job_executions_job_output_score_id_fkey',
  ]) {
    const [table, constraint] = name.split('.')
    const definition = base[`constraint public.${name}`]?.['definition']
    const added = database.run(`ALTER TABLE public.${table} ADD CONSTRAINT ${constraint} ${definition}`)
    await expect(added).rejects.toThrow('violates foreign key constraint')
  }
})

test('a missing session is made, from its oldest trace, in the project of the trace', async () => {
  const database = await databaseWith(hostile)
  await undo(database, catalog, newestFirst, 'r')
  const sessions = await database.run(
    `SELECT id, project_id, created_at::text AS at FROM public.trace_sessions WHERE id IN ('missing', 's') ORDER BY 1, 2`,
  )
  expect(sessions).toMatchObject([
    { id: 'missing', project_id: 'p1', at: '2024-12-09 09:00:00' },
    { id: 's', project_id: 'p1' },
    { id: 's', project_id: 'p2' },
  ])
})

test('the archive says of each row from where it is, why, and by which rollback', async () => {
  const database = await databaseWith(hostile)
  await undo(database, catalog, newestFirst, "it's r-1")
  const archive = (await archivedRows(database)).map(({ row, ...rest }) => ({
    ...rest,
    id: (row as Values)['id'],
  }))
  const [dropped, released] = [
    {
      rollback_id: "it's r-1",
      migration: migrations[0],
      relation: 'public.projects',
      kind: 'values',
      reason: 'the column deleted_at is dropped',
    },
    {
      rollback_id: "it's r-1",
      migration: migrations[1],
      relation: 'public.job_executions',
      kind: 'row',
      reason: 'job_output_score_id is set to NULL: Postgres has no such score',
    },
  ]
  expect(archive).toHaveLength(5)
  expect(archive).toEqual(
    expect.arrayContaining([
      { ...released, id: 'j3' },
      { ...released, id: 'j4' },
      { ...released, id: 'j5' },
      { ...dropped, id: "p'3; --" },
      { ...dropped, id: 'p4' },
    ]),
  )
})

test('the counts of the headers say how many rows it will be', async () => {
  const database = await databaseWith(hostile)
  const numbers: unknown[] = []
  for (const name of migrations) {
    for (const { sql } of catalog.downSql('postgres', name)?.counts ?? []) {
      numbers.push(Object.values((await database.run(sql))[0] ?? {}))
    }
  }
  expect(numbers).toEqual([['2'], ['3'], ['4']])
})

test.each([
  ['was never set', ''],
  [
    'was set in another transaction',
    `BEGIN; SELECT set_config('langfuse_rollout.rollback_id', 'r', true); COMMIT;`,
  ],
])('when the id of the rollback %s, no row is touched', async (_, before) => {
  const database = await databaseWith(hostile)
  await database.run(catalog.toolbox('postgres') + before)
  const rows = await allRows(database)
  const sections = migrations.flatMap(name => {
    const { prepare = '', contract = '' } = catalog.downSql('postgres', name)?.sections ?? {}
    return name === migrations[0] ? [contract] : [prepare]
  })
  for (const sql of sections) {
    await expect(database.run(sql)).rejects.toThrow('langfuse_rollout.')
  }
  expect(await database.snapshot()).toEqual(upgraded)
  expect(await allRows(database)).toEqual(rows)
})

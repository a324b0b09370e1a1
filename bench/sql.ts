import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { diffSnapshots } from '../sandbox/diff-snapshots.ts'
import { startPostgres } from '../sandbox/engines/postgres.ts'
import { systemClock } from '../src/adapters/machine.ts'
import { createPostgres } from '../src/adapters/postgres.ts'
import { undoPostgres } from '../src/execute/undo-postgres.ts'
import type { UndoSchema } from '../src/plan/plan.ts'
import { undoBetween } from '../src/plan/rollback-class.ts'
import { loadCatalog } from '../src/schema/catalog.ts'
import { renderDelta } from '../src/schema/postgres-sql.ts'
import { emptySnapshot } from '../src/schema/snapshot.ts'
import { prismaRow, prismaTable } from '../test/down-sql/chain.ts'
import { executionOf } from '../test/support/execution.ts'
import { FACTS } from '../test/support/stack.ts'
import { benchKeep } from './keep.ts'
import { count, load, longest, ms, print, run, say, timed } from './load.ts'

const [FROM, TO] = ['3.0.0', '2.93.7']
const TRACES = Number(process.argv[2] ?? 10_000_000)
const FEWER = Math.max(1_000, TRACES / 10)
const catalog = loadCatalog(new URL('../', import.meta.url))

/**
 * How long the queries of others wait while a rollback changes tables of this size, and how long they wait when the
 * foreign keys are added plainly in one transaction. A reader and a writer send one query after the other, each on a
 * connection of its own; each query is timed. Prints, asserts nothing.
 */
async function bench(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sql-'))
  const postgres = await startPostgres({ folder })
  try {
    say(
      `traces: ${count(TRACES)} rows; observations, scores: ${count(FEWER)} each, so that two cores make them in minutes`,
    )
    await timed('made', () => fill(postgres.url))
    const quiet = await load(postgres.url, queries, () => systemClock.sleep(10_000))
    print('nothing else goes on', quiet)
    const rollback = await load(postgres.url, queries, () => undo(postgres.url))
    print(`rollback ${FROM} → ${TO} by the executor`, rollback)
    await run(postgres.url, [...KEYS.map(drop), 'ALTER TABLE projects ADD COLUMN deleted_at timestamp(3)'])
    const plain = await load(postgres.url, queries, () =>
      run(postgres.url, ['BEGIN', ...KEYS.map(add), 'ALTER TABLE projects DROP COLUMN deleted_at', 'COMMIT']),
    )
    print('the same with plain ADD CONSTRAINT in one transaction', plain)
    const [ours, theirs] = [longest(rollback), longest(plain)]
    say(`longest wait: ${ms(ours)} instead of ${ms(theirs)}, ${(theirs / ours).toFixed(1)} times shorter`)
    await benchKeep(postgres.url, { moved: TRACES, copied: FEWER })
    for (const rows of [10_000, 100_000, 1_000_000]) await restore(postgres.url, Math.min(rows, TRACES))
  } finally {
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Restores so many values of a column, so many deleted rows, and a moved table with a column that was dropped before. */
async function restore(url: string, rows: number): Promise<void> {
  const database = `restore_${rows}`
  await run(url, [`CREATE DATABASE ${database}`])
  const own = Object.assign(new URL(url), { pathname: `/${database}` }).href
  const toolbox = catalog.toolbox('postgres')
  const file = await readFile(new URL('../down-sql/restore.sql', import.meta.url), 'utf8')
  const table = (name: string) =>
    `CREATE TABLE ${name} (id text PRIMARY KEY, legs int NOT NULL DEFAULT 0, name text, eyes int NOT NULL)`
  await run(own, [
    toolbox,
    file,
    `SET langfuse_rollout.rollback_id = 'r'; SET langfuse_rollout.migration = 'm'`,
    `CREATE TABLE _prisma_migrations (migration_name text, finished_at timestamptz, rolled_back_at timestamptz)`,
    `INSERT INTO _prisma_migrations VALUES ('m', now(), NULL)`,
    ...['values_of', 'deleted', 'moved'].flatMap(name => [
      table(name),
      `INSERT INTO ${name} SELECT md5(n::text), n, 'name', n FROM generate_series(1, ${rows}) AS n`,
    ]),
    `SELECT langfuse_rollout.drop_column('values_of', 'legs')`,
    `ALTER TABLE values_of ADD COLUMN legs int NOT NULL DEFAULT 0`,
    `SELECT langfuse_rollout.delete_rows('deleted', 'true', 'bench')`,
    `SELECT langfuse_rollout.drop_column('moved', 'eyes')`,
    `SELECT langfuse_rollout.drop_table('moved')`,
    table('moved'),
  ])
  const before = Date.now()
  await run(own, [`CALL langfuse_rollout.restore_in_batches('r')`])
  const took = Date.now() - before
  const each = ((took * 1_000) / (3 * rows)).toFixed(0)
  say(
    `restore of ${count(rows)} values, rows and rows of a moved table each: ${ms(took)}, ${each} µs for each`,
  )
}

const queries = { read, write }

/** The keys that come back: `job_executions` is small, `traces` is not. */
const KEYS = [
  'traces.traces_session_id_project_id_fkey',
  'job_executions.job_executions_job_output_score_id_fkey',
]

function add(key: string): string {
  const [table, name] = key.split('.')
  const definition = catalog.postgresSnapshot(TO)[`constraint public.${key}`]?.['definition']
  return `ALTER TABLE ${table} ADD CONSTRAINT ${name} ${definition}`
}

function drop(key: string): string {
  const [table, name] = key.split('.')
  return `ALTER TABLE ${table} DROP CONSTRAINT ${name}`
}

/** Rows first and indexes after them, which is several times faster. A hundredth of the sessions has no row. */
async function fill(url: string): Promise<void> {
  const schema = catalog.postgresSnapshot(FROM)
  const statements = renderDelta(diffSnapshots(emptySnapshot, schema), emptySnapshot, schema).map(
    ({ sql }) => sql,
  )
  const isFirst = (sql: string): boolean => /^CREATE (TABLE|TYPE)/.test(sql)
  await run(url, [
    `SET maintenance_work_mem = '1GB'`,
    ...statements.filter(isFirst),
    prismaTable,
    ...catalog.postgresMigrations(FROM).map(({ name, checksum }) => prismaRow(name, checksum)),
    `INSERT INTO organizations (id, name) VALUES ('o', 'o')`,
    `INSERT INTO projects (id, name, org_id) SELECT 'p' || n, 'p', 'o' FROM generate_series(0, 9) n`,
    `INSERT INTO trace_sessions (id, project_id) SELECT 's' || n, 'p' || n % 10 FROM generate_series(0, ${FEWER - 1}) n WHERE n % 100 <> 0`,
    `INSERT INTO traces (id, project_id, session_id, name, user_id) SELECT md5(n::text), 'p' || n % 10,
      CASE WHEN n % 2 = 0 THEN 's' || n % ${FEWER} END, 'name', 'u' || n % 1000 FROM generate_series(0, ${TRACES - 1}) n`,
    `INSERT INTO observations (id, project_id, trace_id, type) SELECT md5(n::text), 'p' || n % 10, md5(n::text), 'SPAN'
      FROM generate_series(0, ${FEWER - 1}) n`,
    `INSERT INTO scores (id, project_id, trace_id, name, source) SELECT md5(n::text), 'p' || n % 10, md5(n::text), 'q', 'API'
      FROM generate_series(0, ${FEWER - 1}) n`,
    `INSERT INTO job_configurations (id, project_id, job_type, filter, sampling, delay, score_name, target_object, variable_mapping)
      VALUES ('j', 'p0', 'EVAL', '[]', 1, 0, 's', 'trace', '[]')`,
    `INSERT INTO job_executions (id, project_id, job_configuration_id, status, job_output_score_id)
      SELECT md5(n::text), 'p' || n % 10, 'j', 'COMPLETED', CASE WHEN n % 2 = 0 THEN md5(n::text) ELSE 'in ClickHouse' END
      FROM generate_series(0, ${FEWER / 10 - 1}) n`,
    ...statements.filter(sql => !isFirst(sql)),
    'ANALYZE',
  ])
}

async function undo(url: string): Promise<void> {
  const applied = catalog.postgresMigrations(FROM).map(({ name }) => name)
  const { postgres } = undoBetween({ postgres: applied, clickhouseHead: 0 }, TO, catalog)
  for (const phase of ['expand', 'contract', 'validate'] as const) {
    const step: UndoSchema = {
      kind: 'undo-schema',
      phase,
      postgres,
      clickhouse: [],
      clickhouseHead: undefined,
      reason: '',
    }
    const execution = executionOf(
      [step],
      {},
      {
        rollbackId: 'bench',
        clock: systemClock,
        facts: { ...FACTS, downSql: catalog.downSql },
        say: line => say(`  ${line}`),
      },
    )
    await undoPostgres(step, createPostgres(url), execution, async () => undefined)
  }
}

/** As the older release asks: by key, with what is around it. */
function read(turn: number): string {
  const id = `md5('${(turn * 7_919) % FEWER}')`
  return [
    `SELECT t.*, s.created_at FROM traces t JOIN projects p ON p.id = t.project_id
      LEFT JOIN trace_sessions s ON s.id = t.session_id AND s.project_id = t.project_id WHERE t.id = ${id}`,
    `SELECT * FROM observations WHERE trace_id = ${id}`,
    `SELECT * FROM scores WHERE id = ${id}`,
    `SELECT * FROM job_executions WHERE id = ${id}`,
  ][turn % 4] as string
}

/** As both releases write, with rows that the older one's keys allow. */
let written = 0
function write(turn: number): string {
  written += 1
  const id = `new ${written}`
  return [
    `INSERT INTO traces (id, project_id, session_id) VALUES ('${id}', 'p1', 's1')`,
    `UPDATE traces SET name = 'other' WHERE id = md5('${(turn * 104_729) % TRACES}')`,
    `INSERT INTO observations (id, project_id, trace_id, type) VALUES ('${id}', 'p1', '${id}', 'EVENT')`,
    `INSERT INTO scores (id, project_id, trace_id, name, source) VALUES ('${id}', 'p1', '${id}', 'q', 'API')`,
    `UPDATE job_executions SET error = 'none' WHERE id = md5('${(turn * 7_919) % (FEWER / 10)}')`,
    `INSERT INTO trace_sessions (id, project_id) VALUES ('${id}', 'p1')`,
  ][turn % 6] as string
}

await bench()

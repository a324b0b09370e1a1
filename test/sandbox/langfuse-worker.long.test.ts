import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { type ClickHouse, startClickHouse } from '../../sandbox/engines/clickhouse.ts'
import { type Postgres, startPostgres } from '../../sandbox/engines/postgres.ts'
import { type ClickHouseClient, clickhouseClient } from '../../sandbox/langfuse/clickhouse-http.ts'
import { web } from '../../sandbox/langfuse/web.ts'
import { compareFingerprints, fingerprint, seedV2 } from '../../sandbox/seed.ts'
import { type Program, startProgram, stopPrograms, until } from './langfuse-program.ts'

let folder = ''
let postgres: Postgres
let clickhouse: ClickHouse
let template: Client
let database: Client
let databaseUrl = ''
let tables: ClickHouseClient

const access = { user: 'lf', password: 'pa55', database: 'default' }

// 3.0.0's schema with the seed in Postgres and nothing in ClickHouse is made once; every test gets a copy.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'langfuse-worker-'))
  postgres = await startPostgres({ folder: join(folder, 'postgres'), databases: ['langfuse', 'seeded'] })
  clickhouse = await startClickHouse({ folder: join(folder, 'clickhouse'), user: 'lf', password: 'pa55' })
  tables = clickhouseClient({ url: clickhouse.url, ...access })
  databaseUrl = urlOf('seeded')
  await migrate('2.93.7')
  await seedV2(databaseUrl)
  await migrate('3.0.0')
  template = await connect('langfuse')
})

beforeEach(async () => {
  await template.query('CREATE DATABASE copied TEMPLATE seeded')
  databaseUrl = urlOf('copied')
  database = await connect('copied')
  for (const table of ['traces', 'observations', 'scores']) await tables.execute(`TRUNCATE TABLE ${table}`)
})

afterEach(async () => {
  await stopPrograms()
  await database?.end()
  await template.query('DROP DATABASE IF EXISTS copied WITH (FORCE)')
})

afterAll(async () => {
  await template?.end()
  await clickhouse?.stop()
  await postgres?.stop()
  await rm(folder, { recursive: true, force: true })
})

function urlOf(name: string): string {
  return Object.assign(new URL(postgres.url), { pathname: `/${name}` }).href
}

async function connect(name: string): Promise<Client> {
  const client = new Client({ connectionString: urlOf(name) })
  await client.connect()
  return client
}

async function migrate(release: string): Promise<void> {
  const lines: string[] = []
  const env = {
    ...environment(release),
    SANDBOX_COMMAND: '["true"]',
    CLICKHOUSE_MIGRATION_URL: 'clickhouse://clickhouse.langfuse.local:9000',
    CLICKHOUSE_CLUSTER_ENABLED: 'false',
  }
  if ((await web(env, line => lines.push(line))) !== 0) throw new Error(lines.join('\n'))
}

function environment(release: string): Record<string, string> {
  return {
    SANDBOX_RELEASE: release,
    DATABASE_URL: databaseUrl,
    CLICKHOUSE_URL: clickhouse.url,
    CLICKHOUSE_USER: 'lf',
    CLICKHOUSE_PASSWORD: 'pa55',
    LANGFUSE_S3_EVENT_UPLOAD_BUCKET: 'events',
  }
}

function worker(release: string, env: Record<string, string> = {}): Promise<Program> {
  return startProgram('worker', { ...environment(release), ...env })
}

/** The rows of background_migrations as the UI would show them. */
async function states(): Promise<Record<string, string>> {
  const { rows } = await database.query(
    `SELECT script, CASE WHEN failed_at IS NOT NULL THEN 'failed: ' || failed_reason WHEN finished_at IS NOT NULL THEN 'finished'
                         WHEN worker_id IS NOT NULL THEN 'active' ELSE 'queued' END AS state
       FROM background_migrations ORDER BY name`,
  )
  return Object.fromEntries(rows.map(row => [row.script, row.state]))
}

const all = (state: string) => ({
  addGenerationsCostBackfill: state,
  migrateTracesFromPostgresToClickhouse: state,
  migrateObservationsFromPostgresToClickhouse: state,
  migrateScoresFromPostgresToClickhouse: state,
})

function saysOf(program: Program, text: string): Promise<true> {
  return until(async () => (program.output().includes(text) ? true : undefined), `the worker says "${text}"`)
}

const idle = 'No background migrations to run'

test('the worker copies every trace, observation and score, changes nothing else, and marks its rows', async () => {
  const before = await fingerprint(databaseUrl, { url: clickhouse.url, ...access })
  const started = await worker('3.0.0')
  expect(await started.answers('/api/health')).toEqual({ status: 'ok' })
  await saysOf(started, idle)

  expect(await states()).toEqual(all('finished'))
  const after = await fingerprint(databaseUrl, { url: clickhouse.url, ...access })
  const compared = compareFingerprints(before, after)
  expect(compared.filter(({ lost, changed, added }) => lost + changed + added > 0)).toEqual([
    { table: 'clickhouse observations', before: 0, after: 900, lost: 0, changed: 0, added: 900 },
    { table: 'clickhouse scores', before: 0, after: 300, lost: 0, changed: 0, added: 300 },
    { table: 'clickhouse traces', before: 0, after: 300, lost: 0, changed: 0, added: 300 },
    { table: 'postgres background_migrations', before: 4, after: 4, lost: 0, changed: 4, added: 0 },
  ])
  const [trace] = await tables.query(`SELECT * FROM traces WHERE id = 'trace-15'`)
  expect(trace).toMatchObject({
    project_id: 'project-1',
    timestamp: '2024-11-04 10:30:00.123',
    metadata: { step: '15', nested: `{"quote":"it's"}` },
    tags: ['prod', 'über'],
    input: `{"question":"Question 15 質問 \\\\ \\" '"}`,
    session_id: null,
  })
  const [generation] = await tables.query(`SELECT * FROM observations WHERE id = 'observation-101'`)
  expect(generation).toMatchObject({
    usage_details: { input: 101, output: 202, total: 303 },
    total_cost: 0.0022725,
    provided_model_name: 'seeded-model',
  })

  // Finished ones stay finished: nothing is copied twice.
  await started.stop()
  await saysOf(await worker('3.0.0'), idle)
  const again = await fingerprint(databaseUrl, { url: clickhouse.url, ...access })
  expect(again).toEqual(after)
})

test('the v2.93.7 worker leaves background migrations alone unless it is told to run them', async () => {
  const quiet = await worker('2.93.7')
  await quiet.answers('/api/health')
  await quiet.stop()
  expect(await states()).toEqual(all('queued'))

  await saysOf(await worker('2.93.7', { LANGFUSE_ENABLE_BACKGROUND_MIGRATIONS: 'true' }), idle)
  expect(await states()).toEqual(all('finished'))
})

test('rows of later releases: over at once where the image has the script, dormant behind their gate', async () => {
  const row = (name: string, script: string, gate?: string) =>
    database.query('INSERT INTO background_migrations (id, name, script, args) VALUES ($1, $1, $2, $3)', [
      name,
      script,
      gate === undefined ? {} : { envGate: gate },
    ])
  await database.query(`UPDATE background_migrations SET finished_at = now()`)
  const gate = 'LANGFUSE_BACKGROUND_MIGRATION_V4_ENABLE_HISTORIC_BACKFILL'
  await row('20250711_1347_patch_llm_tool_schema_audit_logs', 'patchLLMToolAndLLLMSchemaAuditLogs')
  await row('20260701_v4_step_1_create_root_spans_from_traces', 'createRootSpansFromTraces', gate)
  const finished = { patchLLMToolAndLLLMSchemaAuditLogs: 'finished' }

  const v3 = await worker('3.225.4')
  await saysOf(v3, idle)
  expect(await states()).toMatchObject({ ...finished, createRootSpansFromTraces: 'queued' })
  await v3.stop()

  const told = await worker('3.225.4', { [gate]: 'true' })
  await saysOf(told, idle)
  expect(await states()).toMatchObject({ ...finished, createRootSpansFromTraces: 'finished' })
  await told.stop()

  const before = await worker('3.0.0')
  await database.query(
    `UPDATE background_migrations SET finished_at = NULL WHERE script = 'createRootSpansFromTraces'`,
  )
  await before.stop()
  const tooOld = await worker('3.0.0')
  await saysOf(tooOld, "Cannot find module './createRootSpansFromTraces'")
})

test('a row that another worker locked a moment ago stops the manager; an old lock does not', async () => {
  const lock = (age: string) =>
    database.query(
      `UPDATE background_migrations SET worker_id = 'killed', locked_at = (now() AT TIME ZONE 'UTC') - interval '${age}'
        WHERE script = 'addGenerationsCostBackfill'`,
    )
  await lock('50 s')
  const first = await worker('3.0.0')
  await saysOf(first, idle)
  expect(await states()).toEqual({ ...all('queued'), addGenerationsCostBackfill: 'active' })
  expect(await first.answers('/api/health')).toEqual({ status: 'ok' })

  await lock('61 s')
  await saysOf(await worker('3.0.0'), idle)
  expect(await states()).toEqual(all('finished'))
})

test('a row whose script the image does not have stops the manager, and health does not notice', async () => {
  await database.query(
    `INSERT INTO background_migrations (id, name, script, args) VALUES ('later', '20240101_from_a_newer_release', 'fromANewerRelease', '{}')`,
  )
  const started = await worker('3.0.0')
  await saysOf(started, `Error running background migrations Cannot find module './fromANewerRelease'`)

  expect(await states()).toEqual({ fromANewerRelease: 'queued', ...all('queued') })
  expect(await started.answers('/api/health')).toEqual({ status: 'ok' })
})

test('without the tables of ClickHouse the copies fail, with v2.93.7 at once', async () => {
  await tables.execute('RENAME TABLE traces TO elsewhere')
  try {
    await saysOf(await worker('2.93.7', { LANGFUSE_ENABLE_BACKGROUND_MIGRATIONS: 'true' }), idle)
    expect(await states()).toEqual({
      ...all('finished'),
      migrateTracesFromPostgresToClickhouse: 'failed: ClickHouse traces table does not exist',
    })
  } finally {
    await tables.execute('RENAME TABLE elsewhere TO traces')
  }
})

test('what v3 ingests breaks the foreign keys that v2 had', async () => {
  const started = await worker('3.0.0')
  await saysOf(started, idle)
  const before = await fingerprint(databaseUrl, { url: clickhouse.url, ...access })
  const response = await fetch(`${started.url}/sandbox/ingest`, { method: 'POST', body: '{"count":3}' })
  expect(response.status).toBe(200)

  const { rows } = await database.query(
    `SELECT (SELECT count(*)::int FROM job_executions j WHERE job_output_score_id IS NOT NULL
               AND NOT EXISTS (SELECT FROM scores s WHERE s.id = j.job_output_score_id)) AS scores,
            (SELECT count(*)::int FROM traces t WHERE session_id IS NOT NULL
               AND NOT EXISTS (SELECT FROM trace_sessions s WHERE (s.id, s.project_id) = (t.session_id, t.project_id))) AS sessions,
            (SELECT count(*)::int FROM projects WHERE deleted_at IS NOT NULL) AS deleted`,
  )
  expect(rows).toEqual([{ scores: 3, sessions: 3, deleted: 1 }])
  const after = await fingerprint(databaseUrl, { url: clickhouse.url, ...access })
  const changes = compareFingerprints(before, after).filter(
    ({ lost, changed, added }) => lost + changed + added > 0,
  )
  expect(changes.map(({ table, lost, changed, added }) => [table, lost, changed, added])).toEqual([
    ['clickhouse observations', 0, 0, 3],
    ['clickhouse scores', 0, 0, 3],
    ['clickhouse traces', 0, 0, 3],
    ['postgres job_executions', 0, 0, 3],
    ['postgres projects', 0, 0, 1],
    ['postgres traces', 0, 0, 3],
  ])
})

test('the v3 worker refuses an environment without its bucket; v2 has no ingestion of this kind', async () => {
  const refused = await worker('3.0.0', { LANGFUSE_S3_EVENT_UPLOAD_BUCKET: '' })
  expect(await refused.exited).toBe(1)
  expect(refused.output()).toContain('Langfuse requires a bucket name for S3 Event Uploads.')

  const old = await worker('2.93.7')
  await old.answers('/api/ready')
  const response = await fetch(`${old.url}/sandbox/ingest`, { method: 'POST' })
  expect(response.status).toBe(404)
  expect(await old.stop()).toBe(0)
})

test('a lost and a changed row are told apart', async () => {
  const before = await fingerprint(databaseUrl)
  await database.query(
    `DELETE FROM comments WHERE id = 'comment-1'; UPDATE comments SET content = 'x' WHERE id = 'comment-2'`,
  )
  const after = await fingerprint(databaseUrl)

  expect(compareFingerprints(before, after).find(({ table }) => table === 'postgres comments')).toEqual({
    table: 'postgres comments',
    before: 12,
    after: 11,
    lost: 1,
    changed: 1,
    added: 0,
  })
  expect(before['postgres comments']?.hash).not.toBe(after['postgres comments']?.hash)
  expect(before['postgres traces']).toEqual(after['postgres traces'])
})

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { diffSnapshots } from '../../sandbox/diff-snapshots.ts'
import { type ClickHouse, startClickHouse } from '../../sandbox/engines/clickhouse.ts'
import { type Postgres, startPostgres } from '../../sandbox/engines/postgres.ts'
import { type ClickHouseClient, clickhouseClient } from '../../sandbox/langfuse/clickhouse-http.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { readClickHouseSnapshot } from '../../src/schema/clickhouse-schema.ts'
import { isEmptyDelta } from '../../src/schema/diff.ts'
import { readPostgresSnapshot } from '../../src/schema/postgres-schema.ts'
import { startProgram, stopPrograms, until } from './langfuse-program.ts'

let folder = ''
let postgres: Postgres
let clickhouse: ClickHouse
let tables: ClickHouseClient

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'langfuse-web-'))
  const databases = ['langfuse', 'two_at_once', 'failed', 'broken', 'disabled', 'no_clickhouse']
  postgres = await startPostgres({ folder: join(folder, 'postgres'), databases })
  clickhouse = await startClickHouse({ folder: join(folder, 'clickhouse'), user: 'lf', password: 'pa55' })
  tables = clickhouseClient({ url: clickhouse.url, user: 'lf', password: 'pa55', database: 'default' })
})

afterEach(stopPrograms)

afterAll(async () => {
  await clickhouse?.stop()
  await postgres?.stop()
  await rm(folder, { recursive: true, force: true })
})

function urlOf(database: string): string {
  return Object.assign(new URL(postgres.url), { pathname: `/${database}` }).href
}

/** A web container of a release, on a database of its own and the ClickHouse that all tests share. */
function web(release: string, database: string, env: Record<string, string> = {}) {
  return startProgram('web', {
    SANDBOX_RELEASE: release,
    DATABASE_URL: urlOf(database),
    CLICKHOUSE_URL: clickhouse.url,
    CLICKHOUSE_MIGRATION_URL: 'clickhouse://clickhouse.langfuse.local:9000',
    CLICKHOUSE_USER: 'lf',
    CLICKHOUSE_PASSWORD: 'pa55',
    CLICKHOUSE_CLUSTER_ENABLED: 'false',
    ...env,
  })
}

async function sql(database: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: urlOf(database) })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** Is the schema in both stores the one that the catalog knows for a release? */
async function isExact(database: string, release: string): Promise<boolean> {
  const catalog = loadCatalog(new URL('../../', import.meta.url))
  const client = new Client({ connectionString: urlOf(database) })
  await client.connect()
  const inPostgres = await readPostgresSnapshot(async text => (await client.query(text)).rows)
  await client.end()
  const inClickHouse = await readClickHouseSnapshot(tables.query, 'default')
  return (
    isEmptyDelta(diffSnapshots(catalog.postgresSnapshot(release), inPostgres)) &&
    isEmptyDelta(diffSnapshots(catalog.clickhouseSnapshot(catalog.clickhouseHead(release)), inClickHouse))
  )
}

async function appliedIn(database: string): Promise<number> {
  const [row] = await sql(
    database,
    'SELECT count(*)::int AS n FROM _prisma_migrations WHERE finished_at IS NOT NULL',
  )
  return Number(row?.n)
}

async function clickhouseVersion(): Promise<string> {
  const [row] = await tables.query(
    'SELECT version, dirty FROM schema_migrations ORDER BY sequence DESC LIMIT 1',
  )
  return `${row?.version} ${Number(row?.dirty) === 1 ? 'dirty' : 'clean'}`
}

test('v2.93.7, then 3.0.0, then 2.93.7 again: the older image no longer starts, as in life', async () => {
  const old = await web('2.93.7', 'langfuse')
  expect(await old.answers('/api/public/health')).toEqual({ status: 'OK', version: '2.93.7' })
  expect(await old.answers('/sandbox/deep-probe')).toMatchObject({ status: 'OK' })
  expect(old.output()).toContain('271 migrations found in prisma/migrations')
  expect(await appliedIn('langfuse')).toBe(271)
  expect(await clickhouseVersion()).toBe('5 clean')
  expect(await isExact('langfuse', '2.93.7')).toBe(true)
  const waiting = await sql(
    'langfuse',
    'SELECT name FROM background_migrations WHERE finished_at IS NULL ORDER BY name',
  )
  expect(waiting.map(row => row.name)).toEqual([
    '20241024_1216_add_generations_cost_backfill',
    '20241024_1730_migrate_traces_from_pg_to_ch',
    '20241024_1737_migrate_observations_from_pg_to_ch',
    '20241024_1738_migrate_scores_from_pg_to_ch',
  ])

  const upgraded = await web('3.0.0', 'langfuse')
  expect(await upgraded.answers('/api/public/health?failIfDatabaseUnavailable=true')).toEqual({
    status: 'OK',
    version: '3.0.0',
  })
  expect(await upgraded.answers('/sandbox/deep-probe')).toMatchObject({ status: 'OK' })
  expect(await appliedIn('langfuse')).toBe(273)
  expect(await clickhouseVersion()).toBe('6 clean')
  expect(await isExact('langfuse', '3.0.0')).toBe(true)

  // The old one that still runs serves on: both v3.0.0 steps leave what v2.93.7 reads.
  expect(await old.answers('/sandbox/deep-probe')).toMatchObject({ status: 'OK' })
  const naive = await web('2.93.7', 'langfuse')
  expect(await naive.exited).toBe(1)
  expect(naive.output()).toContain('No pending migrations to apply.')
  expect(naive.output()).toContain(
    'error: no migration found for version 6: read down for version 6 .: file does not exist\n' +
      'Applying clickhouse migrations failed. This is mostly caused by the database being unavailable.\nExiting...\n',
  )
  expect(await clickhouseVersion()).toBe('6 clean')
})

test('two web containers on one empty database: the lock lets one migrate, and both serve', async () => {
  const both = await Promise.all([web('3.0.0', 'two_at_once'), web('3.0.0', 'two_at_once')])
  for (const each of both) await each.answers('/api/public/health')

  expect(await appliedIn('two_at_once')).toBe(273)
  const finals = both.map(
    each => /No pending migrations to apply|successfully applied/.exec(each.output())?.[0],
  )
  expect(finals.toSorted()).toEqual(['No pending migrations to apply', 'successfully applied'])
})

test('command ["true"]: migrates and exits with the status', async () => {
  const env = { SANDBOX_COMMAND: '["true"]', LANGFUSE_AUTO_CLICKHOUSE_MIGRATION_DISABLED: 'true' }
  const done = await web('2.93.7', 'failed', env)
  expect(await done.exited).toBe(0)
  expect(await appliedIn('failed')).toBe(271)

  await sql(
    'failed',
    `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', 'y', '20990101000000_unknown')`,
  )
  const refused = await web('2.93.7', 'failed', env)
  expect(await refused.exited).toBe(1)
  expect(refused.output()).toContain('Error: P3009\n')
  expect(refused.output()).toContain('The `20990101000000_unknown` migration started at ')
  expect(refused.output()).toContain('Applying database migrations failed.')
})

test('a dirty ClickHouse stops the start; with migrations disabled the container starts all the same', async () => {
  const nanoseconds = `${Date.now()}999999`
  await tables.execute(
    'CREATE TABLE IF NOT EXISTS schema_migrations (version Int64, dirty UInt8, sequence UInt64) ENGINE = MergeTree ORDER BY sequence',
  )
  await tables.execute(`INSERT INTO schema_migrations VALUES (6, 1, ${nanoseconds})`)
  try {
    const dirty = await web('3.0.0', 'broken', { SANDBOX_COMMAND: '["true"]' })
    expect(await dirty.exited).toBe(1)
    expect(dirty.output()).toContain('error: Dirty database version 6. Fix and force version.\n')

    const served = await web('3.0.0', 'disabled', {
      LANGFUSE_AUTO_POSTGRES_MIGRATION_DISABLED: 'true',
      LANGFUSE_AUTO_CLICKHOUSE_MIGRATION_DISABLED: 'true',
    })
    expect(await served.answers('/api/public/health')).toEqual({ status: 'OK', version: '3.0.0' })
    expect(await served.answers('/sandbox/deep-probe', 503)).toMatchObject({ status: 'error' })
  } finally {
    await tables.execute(
      `ALTER TABLE schema_migrations DELETE WHERE sequence = ${nanoseconds} SETTINGS mutations_sync = 2`,
    )
  }
})

test('the deep probe names the column that a newer release misses on an older schema', async () => {
  const old = await web('2.93.7', 'no_clickhouse', { CLICKHOUSE_URL: '', SANDBOX_COMMAND: '["true"]' })
  expect(await old.exited).toBe(0)
  expect(old.output()).toContain('Info: CLICKHOUSE_URL not configured, skipping migration.')

  const tooEarly = await web('3.0.0', 'no_clickhouse', {
    LANGFUSE_AUTO_POSTGRES_MIGRATION_DISABLED: 'true',
    LANGFUSE_AUTO_CLICKHOUSE_MIGRATION_DISABLED: 'true',
  })
  expect(await tooEarly.answers('/sandbox/deep-probe', 503)).toMatchObject({
    errors: ['Postgres: column projects.deleted_at does not exist'],
  })

  await tables.execute('ALTER TABLE scores RENAME COLUMN queue_id TO moved')
  try {
    expect(await tooEarly.answers('/sandbox/deep-probe', 503)).toMatchObject({
      errors: [expect.stringContaining('Postgres:'), expect.stringMatching(/^ClickHouse: .*queue_id/)],
    })
  } finally {
    await tables.execute('ALTER TABLE scores RENAME COLUMN moved TO queue_id')
  }
})

test('v3 does not start without ClickHouse, nor any release without a database', async () => {
  const noClickHouse = await web('3.0.0', 'disabled', { CLICKHOUSE_URL: '' })
  expect(await noClickHouse.exited).toBe(1)
  expect(noClickHouse.output()).toContain('Error: CLICKHOUSE_URL is not configured. Migrating from V2?')

  const noDatabase = await web('2.93.7', 'disabled', { DATABASE_URL: '' })
  expect(await noDatabase.exited).toBe(1)
  expect(noDatabase.output()).toContain('Error: Required database environment variables are not set.')

  const unreachable = await web('2.93.7', 'disabled', {
    DATABASE_URL: 'postgresql://lf:pa55@127.0.0.1:59/langfuse',
  })
  expect(await unreachable.exited).toBe(1)
  expect(unreachable.output()).toContain("Error: P1001: Can't reach database server at `127.0.0.1:59`")
})

test('after SIGTERM it answers that it is not ready, and is gone with 0 within a second', async () => {
  const served = await web('3.0.0', 'disabled', {
    LANGFUSE_AUTO_POSTGRES_MIGRATION_DISABLED: 'true',
    LANGFUSE_AUTO_CLICKHOUSE_MIGRATION_DISABLED: 'true',
  })
  expect(await served.answers('/api/public/ready')).toEqual({ status: 'OK', version: '3.0.0' })

  const started = performance.now()
  const exited = served.stop()
  const notReady = await until(async () => {
    const response = await fetch(`${served.url}/api/public/ready`)
    return response.status === 500 ? response.json() : undefined
  }, 'not ready')
  expect(notReady).toEqual({ status: 'SIGTERM / SIGINT received, shutting down', version: '3.0.0' })
  expect(await exited).toBe(0)
  expect(performance.now() - started).toBeLessThan(1_000)
})

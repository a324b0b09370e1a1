import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { type ClickHouse, startClickHouse } from '../../sandbox/engines/clickhouse.ts'
import { type Postgres, startPostgres } from '../../sandbox/engines/postgres.ts'
import { type ClickHouseClient, clickhouseClient } from '../../sandbox/langfuse/clickhouse-http.ts'
import { type ClickHouseMigration, migrateUp } from '../../sandbox/langfuse/golang-migrate-rules.ts'
import { cleanUp, migrateDeploy, type PostgresMigrations } from '../../sandbox/langfuse/prisma-rules.ts'

let folder = ''
let postgres: Postgres
let clickhouse: ClickHouse
let database: Client
let tables: ClickHouseClient

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'langfuse-rules-'))
  postgres = await startPostgres({ folder: join(folder, 'postgres') })
  clickhouse = await startClickHouse({ folder: join(folder, 'clickhouse'), user: 'lf', password: 'pa55' })
  database = new Client({ connectionString: postgres.url })
  await database.connect()
  tables = clickhouseClient({ url: clickhouse.url, user: 'lf', password: 'pa55', database: 'default' })
})

afterAll(async () => {
  await database?.end()
  await clickhouse?.stop()
  await postgres?.stop()
  await rm(folder, { recursive: true, force: true })
})

beforeEach(async () => {
  await database.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public')
  for (const { name } of await tables.query('SHOW TABLES')) await tables.execute(`DROP TABLE ${name} SYNC`)
})

const steps: Readonly<Record<string, string>> = {
  '3_index': 'CREATE INDEX one_b ON one (b)',
  '4_broken': 'ALTER TABLE one ADD COLUMN c int; ALTER TABLE missing ADD COLUMN d int',
  '5_late': 'CREATE TABLE five ()',
}

/** An image with two migrations in its base and, later, those named. */
function image(...later: readonly string[]): PostgresMigrations {
  const names = ['1_init', '2_column', ...later]
  return {
    all: names.map(name => ({ name, checksum: `sum of ${name}` })),
    base: { names: new Set(['1_init', '2_column']), sql: () => 'CREATE TABLE one (a int, b int)' },
    sqlOf: name => steps[name] ?? '',
  }
}

async function deploy(migrations: PostgresMigrations, url = postgres.url) {
  const lines: string[] = []
  const status = await migrateDeploy({
    databaseUrl: url,
    migrations,
    log: line => lines.push(line),
    lockTimeout: 150,
  })
  return { status, log: lines.join('\n') }
}

async function rows(
  columns = 'migration_name, checksum, finished_at IS NOT NULL AS finished, applied_steps_count',
) {
  return (await database.query(`SELECT ${columns} FROM _prisma_migrations ORDER BY migration_name`)).rows
}

test('a fresh database gets every Postgres migration, then there is nothing to do', async () => {
  expect(await deploy(image('3_index'))).toMatchObject({
    status: 0,
    log: expect.stringContaining('3 migrations found in prisma/migrations'),
  })
  expect(await rows()).toEqual(
    ['1_init', '2_column', '3_index'].map(name => ({
      migration_name: name,
      checksum: `sum of ${name}`,
      finished: true,
      applied_steps_count: 1,
    })),
  )
  expect(await deploy(image('3_index'))).toMatchObject({
    status: 0,
    log: expect.stringContaining('No pending migrations to apply.'),
  })
})

test('rows that the image does not know and edited checksums are no obstacle', async () => {
  await deploy(image('3_index', '5_late'))
  await database.query(`UPDATE _prisma_migrations SET checksum = 'edited' WHERE migration_name = '1_init'`)

  expect(await deploy(image())).toMatchObject({
    status: 0,
    log: expect.stringContaining('No pending migrations to apply.'),
  })
})

test('a name that sorts before the newest applied one is applied all the same', async () => {
  await deploy(image('5_late'))

  expect(await deploy(image('3_index', '5_late'))).toMatchObject({ status: 0 })
  expect((await rows()).map(row => row.migration_name)).toEqual(['1_init', '2_column', '3_index', '5_late'])
})

test('a failing migration leaves nothing but its unfinished row (P3018), and then everything is P3009', async () => {
  expect(await deploy(image('4_broken', '5_late'))).toEqual({
    status: 1,
    log: expect.stringMatching(
      /Error: P3018\n\nA migration failed to apply.*Migration name: 4_broken\n\nDatabase error code: 42P01\n\nDatabase error:\nERROR: relation "missing" does not exist/s,
    ),
  })
  expect((await rows('migration_name, finished_at, logs, applied_steps_count')).at(-1)).toEqual({
    migration_name: '4_broken',
    finished_at: null,
    logs: expect.stringContaining('relation "missing" does not exist'),
    applied_steps_count: 0,
  })
  expect((await database.query('SELECT * FROM one')).fields.map(field => field.name)).toEqual(['a', 'b'])

  expect(await deploy(image())).toEqual({
    status: 1,
    log: expect.stringMatching(
      /Error: P3009\n\nmigrate found failed migrations.*\nThe `4_broken` migration started at \d{4}-.* UTC failed/s,
    ),
  })
})

test('a migration marked as rolled back is applied again and gets a second row', async () => {
  await deploy(image('4_broken'))
  await database.query(
    `UPDATE _prisma_migrations SET rolled_back_at = now() WHERE finished_at IS NULL; CREATE TABLE missing ()`,
  )

  expect(await deploy(image('4_broken'))).toMatchObject({ status: 0 })
  expect((await rows('migration_name')).map(row => row.migration_name)).toEqual([
    '1_init',
    '2_column',
    '4_broken',
    '4_broken',
  ])
})

test('while someone else holds the advisory lock nothing is migrated (P1002)', async () => {
  await database.query('SELECT pg_advisory_lock(72707369)')
  try {
    expect(await deploy(image())).toEqual({
      status: 1,
      log: expect.stringContaining(
        'Context: Timed out trying to acquire a postgres advisory lock (SELECT pg_advisory_lock(72707369)). Elapsed: 150ms.',
      ),
    })
  } finally {
    await database.query('SELECT pg_advisory_unlock(72707369)')
  }
  expect((await database.query(`SELECT to_regclass('public._prisma_migrations') AS found`)).rows).toEqual([
    { found: null },
  ])
})

test('a database that cannot be reached is P1001, wrong credentials are P1000', async () => {
  expect((await deploy(image(), 'postgresql://u:p@127.0.0.1:1/langfuse')).log).toContain(
    "Error: P1001: Can't reach database server at `127.0.0.1:1`",
  )
  const wrong = new URL(postgres.url)
  wrong.password = 'wrong'
  expect((await deploy(image(), wrong.href)).log).toContain(
    'Error: P1000: Authentication failed against database server at `127.0.0.1`, the provided database credentials for `langfuse` are not valid.',
  )
})

test('tables without _prisma_migrations are P3005, and half a base is refused', async () => {
  await database.query('CREATE TABLE somebody_else ()')
  expect((await deploy(image())).log).toContain('Error: P3005\n\nThe database schema is not empty.')

  await database.query('DROP TABLE somebody_else')
  await deploy(image())
  await database.query(`DELETE FROM _prisma_migrations WHERE migration_name = '2_column'`)
  expect(await deploy(image())).toEqual({
    status: 1,
    log: expect.stringContaining('This database has 1 of the 2 Postgres migrations'),
  })
})

test('cleanup.sql forgets the names it has and nothing else', async () => {
  const log: string[] = []
  const names = ['20240604133340_backfill_manual_scores', '20260203220622_pending_deletions_object_id_idx']
  const run = () => cleanUp({ databaseUrl: postgres.url, names, log: line => log.push(line) })
  await run()
  await deploy(image())
  await database.query(
    `UPDATE _prisma_migrations SET migration_name = '20240604133340_backfill_manual_scores' WHERE migration_name = '2_column'`,
  )
  await run()

  expect(log).toEqual(['Script executed successfully.', 'Script executed successfully.'])
  expect((await rows('migration_name')).map(row => row.migration_name)).toEqual(['1_init'])
})

const one: ClickHouseMigration = {
  version: 1,
  name: 'one',
  statements: () => ['CREATE TABLE one (a Int8) ENGINE = MergeTree ORDER BY a', 'INSERT INTO one VALUES (1)'],
}
const two: ClickHouseMigration = {
  version: 2,
  name: 'two',
  statements: () => ['ALTER TABLE one ADD COLUMN b Int8'],
}
const broken: ClickHouseMigration = {
  version: 3,
  name: 'broken',
  statements: () => ['ALTER TABLE one ADD COLUMN c Int8', 'ALTER TABLE missing ADD COLUMN d Int8'],
}

async function up(
  migrations: readonly ClickHouseMigration[],
  env: Record<string, string> = {},
  release = '3.0.0',
) {
  const lines: string[] = []
  const status = await migrateUp({
    env: {
      CLICKHOUSE_URL: clickhouse.url,
      CLICKHOUSE_MIGRATION_URL: 'clickhouse://clickhouse.langfuse.local:9000',
      CLICKHOUSE_USER: 'lf',
      CLICKHOUSE_PASSWORD: 'pa55',
      CLICKHOUSE_CLUSTER_ENABLED: 'false',
      ...env,
    },
    release,
    migrations,
    log: line => lines.push(line),
  })
  return { status, log: lines.join('\n') }
}

async function history() {
  const found = await tables.query('SELECT version, dirty FROM schema_migrations ORDER BY sequence')
  return found.map(({ version, dirty }) => `${version} ${Number(dirty) === 1 ? 'dirty' : 'clean'}`)
}

test('ClickHouse migrations are noted dirty before and clean after each step', async () => {
  expect(await up([one, two])).toMatchObject({
    status: 0,
    log: expect.stringMatching(/^1\/u one .*\n2\/u two /),
  })
  expect(await history()).toEqual(['1 dirty', '1 clean', '2 dirty', '2 clean'])
  expect(await up([one, two])).toEqual({ status: 0, log: 'no change' })
  expect(await history()).toHaveLength(4)
})

test('an image whose files end before the version of the database does not start', async () => {
  await up([one, two])

  expect(await up([one])).toEqual({
    status: 1,
    log: 'error: no migration found for version 2: read down for version 2 .: file does not exist',
  })
})

test('a failing ClickHouse migration leaves the version dirty, and then every image stops', async () => {
  expect(await up([one, two, broken])).toEqual({
    status: 1,
    log: expect.stringMatching(
      /error: migration failed in line 0: ALTER TABLE missing .* \(details: code: 60, message: .*missing.*\)$/s,
    ),
  })
  expect(await history()).toContain('3 dirty')
  expect(await up([one, two, broken])).toEqual({
    status: 1,
    log: 'error: Dirty database version 3. Fix and force version.',
  })
})

test('ClickHouse settings that cannot work end with the words of golang-migrate', async () => {
  const logOf = async (env: Record<string, string>, release?: string) => (await up([one], env, release)).log

  expect(await logOf({ CLICKHOUSE_URL: '' })).toBe('Info: CLICKHOUSE_URL not configured, skipping migration.')
  expect(await logOf({ CLICKHOUSE_MIGRATION_URL: '' })).toBe(
    'error: failed to parse scheme from database URL: no scheme',
  )
  expect(await logOf({ CLICKHOUSE_PASSWORD: 'wrong' })).toMatch(
    /^error: failed to open database: code: 516, message: lf: Authentication failed/,
  )
  expect(await logOf({ CLICKHOUSE_URL: 'http://127.0.0.1:59' })).toBe(
    'error: failed to open database: dial tcp clickhouse.langfuse.local:9000: connect: connection refused',
  )
  expect(await logOf({ CLICKHOUSE_CLUSTER_ENABLED: '' }, '3.0.0')).toContain(
    'There is no Zookeeper configuration',
  )
  expect(await logOf({ CLICKHOUSE_CLUSTER_ENABLED: '' }, '2.93.7')).toMatch(/^1\/u one/)
})

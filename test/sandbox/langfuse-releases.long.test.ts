import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { diffSnapshots } from '../../sandbox/diff-snapshots.ts'
import { type ClickHouse, startClickHouse } from '../../sandbox/engines/clickhouse.ts'
import { type Postgres, startPostgres } from '../../sandbox/engines/postgres.ts'
import { type ClickHouseClient, clickhouseClient } from '../../sandbox/langfuse/clickhouse-http.ts'
import { migrateUp } from '../../sandbox/langfuse/golang-migrate-rules.ts'
import { readImage } from '../../sandbox/langfuse/image.ts'
import { cleanUp, migrateDeploy } from '../../sandbox/langfuse/prisma-rules.ts'
import { seedV2 } from '../../sandbox/seed.ts'
import { createPostgres } from '../../src/adapters/postgres.ts'
import { undoPostgres } from '../../src/execute/undo-postgres.ts'
import type { UndoSchema } from '../../src/plan/plan.ts'
import { undoBetween } from '../../src/plan/rollback-class.ts'
import { compareVersions as bySemver } from '../../src/release/release.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { readClickHouseSnapshot } from '../../src/schema/clickhouse-schema.ts'
import { isEmptyDelta } from '../../src/schema/diff.ts'
import { readPostgresSnapshot } from '../../src/schema/postgres-schema.ts'
import { executionOf } from '../support/execution.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
let folder = ''
let postgres: Postgres
let clickhouse: ClickHouse

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'langfuse-releases-'))
  postgres = await startPostgres({ folder: join(folder, 'postgres'), databases: ['langfuse', 'seeded'] })
  clickhouse = await startClickHouse({ folder: join(folder, 'clickhouse'), user: 'lf', password: 'pa55' })
  expect(await deploy('2.93.7', 'seeded')).toBe('')
  await seedV2(urlOf('seeded'))
})

afterAll(async () => {
  await clickhouse?.stop()
  await postgres?.stop()
  await rm(folder, { recursive: true, force: true })
})

function urlOf(database: string): string {
  return Object.assign(new URL(postgres.url), { pathname: `/${encodeURIComponent(database)}` }).href
}

async function inDatabase<T>(database: string, act: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: urlOf(database) })
  await client.connect()
  try {
    return await act(client)
  } finally {
    await client.end()
  }
}

/** A copy of the seeded database at 2.93.7. */
async function copy(name: string): Promise<string> {
  await inDatabase('postgres', client => client.query(`CREATE DATABASE "${name}" TEMPLATE seeded`))
  return name
}

/** What a web image does to PostgreSQL when it starts; its error, or nothing. */
async function deploy(release: string, database: string): Promise<string> {
  const image = readImage(release)
  const lines: string[] = []
  const options = { databaseUrl: urlOf(database), log: (line: string) => lines.push(line) }
  await cleanUp({ ...options, names: image.postgresCleanup })
  const status = await migrateDeploy({ ...options, migrations: image.postgresMigrations })
  return status === 0 ? '' : lines.slice(lines.findIndex(line => line.startsWith('Error:'))).join('\n')
}

/** How the schema in PostgreSQL differs from the release's. */
async function difference(database: string, release: string): Promise<readonly string[]> {
  const actual = await inDatabase(database, client =>
    readPostgresSnapshot(async sql => (await client.query(sql)).rows),
  )
  const delta = diffSnapshots(catalog.postgresSnapshot(release), actual)
  return isEmptyDelta(delta) ? [] : Object.values(delta).flatMap(part => Object.keys(part))
}

/** Releases that bring a Postgres migration, oldest first. */
function changingReleases(): readonly string[] {
  const since = new Set(catalog.laterPostgresMigrations().map(migration => migration.since))
  return catalog.releases.flatMap(({ version }) => (since.has(version) ? [version] : []))
}

/** Among them the ends of every kind of trouble: out-of-order names, an edited and a renamed file, v4's drops. */
const sample = ['3.0.0', '3.41.0', '3.100.0', '3.151.0', '3.155.1', '3.168.0', '3.225.4', '4.0.0', '4.16.0']

test('an empty database, and one of 2.93.7 with rows, become each release exactly', async () => {
  for (const release of sample) {
    const databases = [await copy(`seeded ${release}`)]
    if (['3.0.0', '4.16.0'].includes(release)) {
      databases.push(`empty ${release}`)
      await inDatabase('postgres', client => client.query(`CREATE DATABASE "empty ${release}"`))
    }
    for (const database of databases) {
      expect({ database, error: await deploy(release, database) }).toEqual({ database, error: '' })
      expect({ database, difference: await difference(database, release) }).toEqual({
        database,
        difference: [],
      })
    }
  }
})

test('every release that changes the schema, one after the other, with rows', async () => {
  const database = await copy('walk')
  const releases = changingReleases()
  expect(releases.length).toBeGreaterThanOrEqual(99)
  for (const release of releases) {
    expect({ release, error: await deploy(release, database) }).toEqual({ release, error: '' })
    expect({ release, difference: await difference(database, release) }).toEqual({ release, difference: [] })
  }
})

test('releases to newer ones, with many between them', async () => {
  for (const from of ['3.0.0', '3.38.0', '3.151.0', '3.225.4']) {
    const started = await copy(`from ${from}`)
    expect(await deploy(from, started)).toBe('')
    for (const to of ['3.168.0', '4.0.0', '4.16.0'].filter(each => bySemver(each, from) > 0)) {
      const database = `${from} to ${to}`
      await inDatabase('postgres', client =>
        client.query(`CREATE DATABASE "${database}" TEMPLATE "${started}"`),
      )
      expect({ database, error: await deploy(to, database) }).toEqual({ database, error: '' })
      expect({ database, difference: await difference(database, to) }).toEqual({ database, difference: [] })
      await inDatabase('postgres', client => client.query(`DROP DATABASE "${database}"`))
    }
  }
})

test('a renamed migration: 3.151.0 cannot start twice on what 3.168.0 left, 3.155.1 can', async () => {
  const database = await copy('renamed')
  expect(await deploy('3.168.0', database)).toBe('')
  expect(await deploy('3.155.1', database)).toBe('')
  expect(await deploy('3.168.0', database)).toBe('')
  expect(await difference(database, '3.168.0')).toEqual([])
  const bricked = await deploy('3.151.0', database)
  expect(bricked).toContain('P3018')
  expect(bricked).toContain('index "pending_deletions_project_id_object_is_deleted_idx" does not exist')
  expect(await deploy('3.151.0', database)).toContain('P3009')
})

test.each(['3.151.0', '3.155.1'])(
  'after a rollback from 3.168.0 to %s its web starts, again and again, and goes up once more',
  async older => {
    const database = await copy(`back to ${older}`)
    expect(await deploy('3.168.0', database)).toBe('')
    const state = {
      postgres: catalog.postgresMigrations('3.168.0').map(({ name }) => name),
      clickhouseHead: 34,
    }
    const { postgres: names, renamed } = undoBetween(state, older, catalog)
    const port = createPostgres(urlOf(database))
    const phase = async (name: UndoSchema['phase']): Promise<void> => {
      const step: UndoSchema = {
        kind: 'undo-schema',
        phase: name,
        postgres: names,
        clickhouse: [],
        clickhouseHead: undefined,
        renamed,
        reason: '',
      }
      const over = { rollbackId: 'r', postgres: port, facts: catalog }
      await undoPostgres(step, port, executionOf([step], {}, over), async () => undefined)
    }
    await phase('expand')
    expect(await deploy(older, database)).toBe('') // its web starts before contract
    await phase('contract')
    await phase('validate')
    expect(await deploy(older, database)).toBe('')
    expect(await difference(database, older)).toEqual([])
    expect(await deploy('3.168.0', database)).toBe('')
    expect(await difference(database, '3.168.0')).toEqual([])
  },
)

test('background migrations of a new database are those that the release knows', async () => {
  for (const release of ['3.98.0', '3.225.4', '4.16.0']) {
    const database = await copy(`background ${release}`)
    expect(await deploy(release, database)).toBe('')
    const rows = await inDatabase(database, async client => {
      const result = await client.query(
        'SELECT id, name, script, args FROM background_migrations ORDER BY name',
      )
      return result.rows
    })
    const known = catalog
      .backgroundMigrations(release)
      .map(({ id, name, script, args }) => ({ id, name, script, args }))
    expect(rows).toEqual(known.toSorted((one, other) => (one.name < other.name ? -1 : 1)))
  }
})

test.each(['default', 'of_its_own'])(
  'ClickHouse goes through every head exactly, in the database %s',
  async database => {
    const connect = (name: string): ClickHouseClient =>
      clickhouseClient({ url: clickhouse.url, user: 'lf', password: 'pa55', database: name })
    if (database !== 'default') await connect('default').execute(`CREATE DATABASE ${database}`)
    const client = connect(database)
    const heads = new Map(catalog.releases.map(({ version, clickhouseHead }) => [clickhouseHead, version]))
    const path =
      database === 'default'
        ? [...heads].toSorted(([one], [other]) => one - other)
        : [[46, '4.16.0'] as const]
    for (const [head, release] of path) {
      const lines: string[] = []
      const status = await migrateUp({
        env: {
          CLICKHOUSE_URL: clickhouse.url,
          CLICKHOUSE_MIGRATION_URL: 'clickhouse://clickhouse.langfuse.local:9000',
          CLICKHOUSE_USER: 'lf',
          CLICKHOUSE_PASSWORD: 'pa55',
          CLICKHOUSE_CLUSTER_ENABLED: 'false',
          CLICKHOUSE_DB: database,
        },
        release,
        migrations: readImage(release).clickhouseMigrations,
        log: line => lines.push(line),
      })
      expect({ head, status, error: lines.filter(line => line.startsWith('error')) }).toEqual({
        head,
        status: 0,
        error: [],
      })
      const delta = diffSnapshots(
        catalog.clickhouseSnapshot(head),
        await readClickHouseSnapshot(client.query, database),
      )
      expect({ head, delta }).toEqual({ head, delta: diffSnapshots({}, {}) })
    }
  },
)

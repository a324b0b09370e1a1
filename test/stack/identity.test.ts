import { beforeEach, expect, test } from '@jest/globals'
import { createPostgres } from '../../src/adapters/postgres.ts'
import type { Http, Names } from '../../src/ports/http.ts'
import { writeMark } from '../../src/schema/rollout-schema.ts'
import { observePostgres } from '../../src/stack/observe-databases.ts'
import { probeInside } from '../../src/stack/probe-inside.ts'
import { type Database, usePostgres } from '../schema/databases.ts'

const postgres = usePostgres()
let database: Database

beforeEach(async () => {
  database = await postgres.fresh()
})

const ALIASES: Readonly<Record<string, string>> = { '127.0.0.1': 'a.internal', 'a.internal': 'b.internal' }
const names: Names = { resolve: async () => [], alias: async name => ALIASES[name] }
const MIGRATIONS = `CREATE TABLE elsewhere._prisma_migrations (migration_name text, checksum text,
  started_at timestamptz DEFAULT now(), finished_at timestamptz DEFAULT now(), rolled_back_at timestamptz);
  INSERT INTO elsewhere._prisma_migrations VALUES ('20240101000000_base', 'x');
  CREATE TABLE elsewhere.api_keys (public_key text); INSERT INTO elsewhere.api_keys VALUES ('pk-1')`

const inSchema = (schema?: string) => {
  const url = new URL(database.url)
  if (schema !== undefined) url.searchParams.set('schema', schema)
  return createPostgres(url.href)
}

test('migrations are those of the schema in the URL, whatever the search_path of the role', async () => {
  await database.run(`CREATE SCHEMA elsewhere; ${MIGRATIONS}`)
  const migrationsIn = async (schema?: string) => {
    const seen = await observePostgres(inSchema(schema))
    return seen.known ? seen.value.migrations.map(({ name }) => name) : seen.reason
  }
  expect(await migrationsIn('elsewhere')).toEqual(['20240101000000_base'])
  expect(await migrationsIn()).toEqual([])
  await database.run('SET search_path = elsewhere; ALTER ROLE CURRENT_USER SET search_path = elsewhere')
  try {
    expect(await migrationsIn()).toEqual([])
  } finally {
    await database.run('ALTER ROLE CURRENT_USER RESET search_path')
  }
})

/** What a run reports that asked a worker at `address` for its health. */
async function identityWith(address: string, http: Http, publicKey?: string) {
  const store = inSchema('elsewhere')
  const stores = { postgres: store, clickhouse: undefined, valkey: undefined, names, http, publicKey }
  const workers = [{ task: 't1', url: `http://${address}:3030/api/health` }]
  const { identity } = (await probeInside(stores, { workers, web: [] })).probe
  if (!identity.known) throw new Error(identity.reason)
  return identity.value
}

const silent: Http = { get: async () => ({ status: 200, body: '{"status":"ok"}' }) }

test('a connection shows its aliases, its server, its mark and whether the canary belongs to it', async () => {
  await database.run(`CREATE SCHEMA elsewhere; ${MIGRATIONS}`)
  const first = await identityWith('10.0.0.9', silent, 'pk-1')
  expect(first).toMatchObject({
    schema: 'elsewhere',
    names: ['127.0.0.1', 'a.internal', 'b.internal'],
    system: expect.stringMatching(/^\d+$/),
    server: expect.stringMatching(/^\d+ 127\.0\.0\.1 test \d+$/),
    otherSchemas: [],
    mark: undefined,
    hasKey: true,
  })
  await database.run('CREATE SCHEMA "Old"; CREATE TABLE "Old"._prisma_migrations ()')
  const session = await inSchema().connect()
  await writeMark({ worker: 'arn:1', server: first.server }, session)
  await writeMark({ worker: 'arn:2', server: first.server }, session)
  await session.close()
  expect(await identityWith('10.0.0.9', silent, 'pk-2')).toMatchObject({
    otherSchemas: ['Old'],
    mark: { worker: 'arn:2', server: first.server },
    hasKey: false,
  })
})

test('a worker is seen by a statement that its health request made it run, and not by an older one', async () => {
  await database.run(`CREATE SCHEMA elsewhere; ${MIGRATIONS}`)
  await database.run('SELECT 1')
  const asking: Http = {
    get: async () => {
      await database.run('SELECT 1')
      return { status: 200, body: '{"status":"ok"}' }
    },
  }
  // This run's own session has the same address here, and it does not count.
  expect((await identityWith('127.0.0.1', silent)).usedBy).toEqual([])
  expect((await identityWith('10.0.0.9', asking)).usedBy).toEqual([])
  expect((await identityWith('127.0.0.1', asking)).usedBy).toEqual(['t1'])
})

import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { type Postgres, startPostgres } from '../../sandbox/engines/postgres.ts'
import { type StatementEvent, type WatchedStores, watchStatements } from '../../sandbox/statements.ts'

let folder: string
let postgres: Postgres
let clickhouse: Server
let stores: WatchedStores
let seen: StatementEvent[] = []
let answer: (event: StatementEvent) => 'drop' | undefined = () => undefined

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'statements-'))
  postgres = await startPostgres({ folder })
  clickhouse = createServer((incoming, response) => {
    incoming.resume().on('end', () => response.end(`${incoming.method} ${incoming.url}`))
  })
  await new Promise<void>(resolve => clickhouse.listen(0, '127.0.0.1', resolve))
  const address = clickhouse.address()
  stores = await watchStatements({
    databaseUrl: postgres.url,
    clickhouseUrl: `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`,
    watch: async event => {
      seen.push(event)
      return answer(event)
    },
  })
})

afterAll(async () => {
  await stores?.stop()
  clickhouse?.close()
  await postgres?.stop()
  await rm(folder, { recursive: true, force: true })
})

async function connected(): Promise<Client> {
  const client = new Client({ connectionString: stores.databaseUrl })
  client.on('error', () => undefined)
  await client.connect()
  seen = []
  return client
}

test('a client that asks for TLS is told that there is none', async () => {
  const client = new Client({ connectionString: stores.databaseUrl, ssl: { rejectUnauthorized: false } })
  await expect(client.connect()).rejects.toThrow(/does not support SSL/)
})

test('plain and prepared statements are told before and after, and answered as without the watch', async () => {
  answer = () => undefined
  const client = await connected()
  await client.query('CREATE TABLE things (n int); INSERT INTO things SELECT generate_series(1, 20000)')
  const { rows } = await client.query('SELECT n FROM things WHERE n <= $1', [15000])
  expect(rows).toHaveLength(15000)
  await client.end()
  expect(seen.map(({ phase, sql }) => `${phase} ${sql.slice(0, 6)}`)).toEqual([
    'before CREATE',
    'after CREATE',
    'before SELECT',
    'after SELECT',
  ])
})

test('a statement that is dropped before never reaches PostgreSQL; one dropped after was carried out', async () => {
  for (const phase of ['before', 'after'] as const) {
    answer = event => (event.phase === phase && event.sql.startsWith('INSERT') ? 'drop' : undefined)
    const client = await connected()
    await client.query(`CREATE TABLE IF NOT EXISTS dropped_${phase} (n int)`)
    await expect(client.query(`INSERT INTO dropped_${phase} VALUES (1)`)).rejects.toThrow()
    answer = () => undefined
    const other = await connected()
    const { rows } = await other.query(`SELECT * FROM dropped_${phase}`)
    expect(rows).toHaveLength(phase === 'before' ? 0 : 1)
    await other.end()
  }
})

test('statements of ClickHouse are told by body or query, and a ping is none', async () => {
  answer = () => undefined
  seen = []
  expect(await (await fetch(`${stores.clickhouseUrl}ping`)).text()).toBe('GET /ping')
  await fetch(stores.clickhouseUrl, { method: 'POST', body: 'SELECT 1' })
  await fetch(`${stores.clickhouseUrl}?query=SELECT+2`)
  expect(seen.filter(({ phase }) => phase === 'before').map(({ sql, store }) => `${store} ${sql}`)).toEqual([
    'clickhouse SELECT 1',
    'clickhouse SELECT 2',
  ])
})

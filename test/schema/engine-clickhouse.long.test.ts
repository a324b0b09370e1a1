import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type ClickHouse, startClickHouse } from '../../sandbox/engines/clickhouse.ts'
import { until } from './until.ts'

const options = { user: 'clickhouse', password: 'it\'s "secret"', version: '24.8.7.41' }
let root: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'langfuse-rollout-test-'))
})

afterAll(() => rm(root, { recursive: true, force: true }))

describe('the HTTP interface', () => {
  let clickhouse: ClickHouse
  let client: ClickHouseClient

  beforeAll(async () => {
    clickhouse = await startClickHouse({ ...options, folder: join(root, 'http') })
    client = createClient({
      url: clickhouse.url,
      username: options.user,
      password: options.password,
      log: { level: ClickHouseLogLevel.OFF },
    })
  })

  afterAll(async () => {
    await client.close()
    await clickhouse.stop()
  })

  const headers = { 'X-ClickHouse-User': options.user, 'X-ClickHouse-Key': options.password }
  const post = (body: string, parameters: Record<string, string> = {}): Promise<Response> =>
    fetch(`${clickhouse.url}/?${new URLSearchParams(parameters)}`, { method: 'POST', body, headers })

  test('@clickhouse/client pings, creates, inserts and reads with parameters', async () => {
    expect(await client.ping()).toEqual({ success: true })
    await client.command({
      query: `CREATE TABLE t (id UInt32, s String, at DateTime64(3) DEFAULT now(), m Map(LowCardinality(String), String))
        ENGINE = ReplacingMergeTree ORDER BY id`,
    })
    const odd = `it's \\ "odd"; \t\n \`--\` ü`
    const values = Array.from({ length: 1000 }, (_, id) => ({ id, s: id === 7 ? odd : 'x;', m: { a: 'b' } }))
    await client.insert({ table: 't', values, format: 'JSONEachRow' })
    const found = await client.query({
      query: 'SELECT id, s, m FROM t WHERE s = {s:String} AND id IN {ids:Array(UInt32)}',
      query_params: { s: odd, ids: [6, 7, 8] },
      format: 'JSONEachRow',
    })
    expect(await found.json()).toEqual([{ id: 7, s: odd, m: { a: 'b' } }])
  })

  test("errors carry ClickHouse's code, type and text", async () => {
    await expect(client.query({ query: 'SELECT * FROM nowhere' })).rejects.toMatchObject({
      code: '60',
      type: 'UNKNOWN_TABLE',
    })
    const response = await post('SELEC 1')
    expect([response.status, response.headers.get('x-clickhouse-exception-code')]).toEqual([400, '62'])
    expect(await response.text()).toMatch(
      /^Code: 62\. DB::Exception: Syntax error: .*\(version 24\.8\.7\.41 \(official build\)\)\n$/s,
    )
  })

  test('it answers a ping without a password, and nothing else', async () => {
    const ping = await fetch(`${clickhouse.url}/ping`)
    expect([ping.status, await ping.text()]).toEqual([200, 'Ok.\n'])
    const refused = await fetch(`${clickhouse.url}/`, { method: 'POST', body: 'SELECT 1' })
    expect([refused.status, refused.headers.get('x-clickhouse-exception-code')]).toEqual([403, '516'])
    expect(await refused.text()).toContain(
      'Code: 516. DB::Exception: default: Authentication failed: password is incorrect, or there is no user with such name.',
    )
  })

  test.each([
    ['headers', (url: string) => fetch(url, { method: 'POST', body: 'SELECT 1', headers })],
    [
      'basic authentication',
      (url: string) => {
        const authorization = `Basic ${Buffer.from(`${options.user}:${options.password}`).toString('base64')}`
        return fetch(url, { method: 'POST', body: 'SELECT 1', headers: { authorization } })
      },
    ],
    [
      'parameters',
      (url: string) => {
        const parameters = new URLSearchParams({
          user: options.user,
          password: options.password,
          query: 'SELECT 1',
        })
        return fetch(`${url}/?${parameters}`)
      },
    ],
  ])('the user is known by %s', async (_, ask) => {
    expect(await (await ask(clickhouse.url)).text()).toBe('1\n')
  })

  test('it says the version it plays, under the name that was asked for', async () => {
    const response = await post(`SELECT version(), version() AS v, 'version()' AS s FORMAT JSONEachRow`)
    expect(await response.json()).toEqual({ 'version()': '24.8.7.41', v: '24.8.7.41', s: 'version()' })
  })

  test('settings, the database and a read-only GET hold for one request only', async () => {
    await post('CREATE DATABASE other')
    const ask = async (parameters: Record<string, string>): Promise<string> =>
      (
        await post(
          `SELECT currentDatabase(), getSetting('max_threads') > 0, getSetting('max_block_size')`,
          parameters,
        )
      ).text()
    expect(await ask({ database: 'other', max_block_size: '77' })).toBe('other\t1\t77\n')
    expect(await ask({})).toMatch(/^default\t1\t(?!77\n)/)
    const created = await fetch(
      `${clickhouse.url}/?query=${encodeURIComponent('CREATE TABLE r (x Int8) ENGINE = Log')}`,
      { headers },
    )
    expect(created.headers.get('x-clickhouse-exception-code')).toBe('164')
    expect((await post('CREATE TABLE r (x Int8) ENGINE = Log')).status).toBe(200)
    expect((await post('SELECT 1', { nonsense: '1' })).headers.get('x-clickhouse-exception-code')).toBe('115')
    expect((await post('SELECT 1', { database: 'nowhere' })).headers.get('x-clickhouse-exception-code')).toBe(
      '81',
    )
  })

  test('the format and the query are told in the headers', async () => {
    const response = await post('SELECT 1 AS one', { default_format: 'JSON', query_id: 'mine' })
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/json; charset=UTF-8',
      'x-clickhouse-format': 'JSON',
      'x-clickhouse-query-id': 'mine',
      'x-clickhouse-timezone': 'UTC',
      'x-clickhouse-summary': expect.stringContaining('"read_rows":"1"'),
    })
    expect(await response.json()).toMatchObject({ data: [{ one: 1 }], rows: 1 })
  })

  test('one query a request: a second statement is refused, a semicolon in a string is none', async () => {
    expect((await post('SELECT 1; SELECT 2')).headers.get('x-clickhouse-exception-code')).toBe('62')
    expect(await (await post(`SELECT ';' -- ; no\n;`)).text()).toBe(';\n')
  })

  test('a session keeps its temporary table, and other requests do not see it', async () => {
    await post('CREATE TEMPORARY TABLE mine (x Int8)', { session_id: 's' })
    expect((await post('SELECT * FROM mine', { session_id: 's' })).status).toBe(200)
    expect((await post('SELECT * FROM mine')).status).toBe(404)
  })

  test('requests are served side by side', async () => {
    const texts = await Promise.all(
      Array.from({ length: 12 }, async (_, x) =>
        (await post(`SELECT sleep(0.05), {x:UInt8}`, { param_x: `${x}` })).text(),
      ),
    )
    expect(texts).toEqual(Array.from({ length: 12 }, (_, x) => `0\t${x}\n`))
  })

  test('`default` is an Atomic database, as on a server', async () => {
    const response = await post(`SELECT engine FROM system.databases WHERE name = 'default'`)
    expect(await response.text()).toBe('Atomic\n')
  })
})

const program = fileURLToPath(new URL('../../sandbox/engines/clickhouse.ts', import.meta.url))

type Ended = { readonly status: number | null; readonly stdout: string; readonly stderr: string }

/** The program as a container runs it, until it ends. */
function run(folder: string): {
  readonly pid: number
  readonly ready: Promise<void>
  readonly ended: Promise<Ended>
} {
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env['PATH'] ?? '', SANDBOX_EFS: folder, SANDBOX_LISTEN: '127.0.0.1:0' },
  })
  let [stdout, stderr] = ['', '']
  const ready = Promise.withResolvers<void>()
  child.stdout.on('data', chunk => {
    stdout += chunk
    if (stdout.includes('Ready for connections')) ready.resolve()
  })
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  const ended = new Promise<Ended>(resolve =>
    child.once('close', status => resolve({ status, stdout, stderr })),
  )
  return { pid: child.pid ?? 0, ready: ready.promise, ended }
}

test('a second one on the same folder exits with 76 and says why; the first one goes on', async () => {
  const folder = join(root, 'locked')
  const first = await startClickHouse({ folder })
  const second = await run(folder).ended
  expect(second.status).toBe(76)
  expect(second.stderr).toContain(
    `Cannot lock file ${folder}/status. Another server instance in same directory is already running.`,
  )
  await expect(startClickHouse({ folder })).rejects.toThrow(
    `Cannot lock file ${folder}/status. Another server instance in same directory is already running.`,
  )
  expect((await fetch(`${first.url}/?query=SELECT+1`)).status).toBe(200)
  await first.stop()
})

test('what was written is there after it was killed and started again', async () => {
  const folder = join(root, 'killed')
  const first = run(folder)
  await first.ready
  process.kill(first.pid, 'SIGKILL')
  await first.ended
  expect(existsSync(join(folder, 'status'))).toBe(true) // left behind, and no obstacle
  for (const count of [1, 2]) {
    const clickhouse = await startClickHouse({ folder })
    const ask = async (body: string): Promise<string> =>
      (await fetch(clickhouse.url, { method: 'POST', body })).text()
    await ask('CREATE TABLE IF NOT EXISTS t (x Int8) ENGINE = MergeTree ORDER BY x')
    await ask('INSERT INTO t VALUES (1)')
    expect(await ask('SELECT count() FROM default.t')).toBe(`${count}\n`)
    await clickhouse.stop()
    expect(existsSync(join(folder, 'status'))).toBe(false)
  }
})

test('a folder whose last table was dropped can be used again', async () => {
  const folder = join(root, 'emptied')
  for (const _ of ['once', 'twice']) {
    const clickhouse = await startClickHouse({ folder })
    for (const body of ['CREATE TABLE t (x Int8) ENGINE = MergeTree ORDER BY x', 'DROP TABLE t SYNC']) {
      expect((await fetch(clickhouse.url, { method: 'POST', body })).status).toBe(200)
    }
    await clickhouse.stop()
  }
})

test('SIGTERM ends it in order', async () => {
  const clickhouse = run(join(root, 'ended'))
  await clickhouse.ready
  process.kill(clickhouse.pid, 'SIGTERM')
  expect((await clickhouse.ended).status).toBe(0)
})

test('a program that is killed takes its engine with it', async () => {
  const folder = join(root, 'orphan')
  const script = `
    const { startClickHouse } = await import(${JSON.stringify(new URL('../../sandbox/engines/clickhouse.ts', import.meta.url).href)})
    await startClickHouse({ folder: ${JSON.stringify(folder)} })
    process.send('ready')
    setInterval(() => undefined, 1000)`
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  try {
    await new Promise(resolve => parent.once('message', resolve))
    expect(existsSync(join(folder, 'status'))).toBe(true)
  } finally {
    parent.kill('SIGKILL')
  }
  await until(() => !existsSync(join(folder, 'status')))
})

import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { startPostgres } from '../../sandbox/engines/postgres.ts'
import { until } from './until.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'langfuse-rollout-test-'))
  await chmod(folder, 0o755)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

async function query(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

test('it is PostgreSQL 15 in UTC, and its role langfuse owns its databases but is no superuser', async () => {
  const password = `it's "odd" /@:?#&%`
  const postgres = await startPostgres({ folder, password, databases: ['langfuse', 'my "other" one'] })
  try {
    const [facts] = await query(
      postgres.url,
      `SELECT current_setting('server_version') AS version, current_setting('timezone') AS timezone, current_user AS role,
        (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super,
        (SELECT count(*)::int FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE r.rolname = current_user) AS own`,
    )
    expect(facts).toEqual({
      version: expect.stringMatching(/^15\./),
      timezone: 'UTC',
      role: 'langfuse',
      super: false,
      own: 2,
    })
    await query(postgres.url, 'CREATE DATABASE copy TEMPLATE "my ""other"" one"')
    await expect(query(postgres.url.replace(/:[^:@]*@/, ':wrong@'), 'SELECT 1')).rejects.toThrow(
      'password authentication failed',
    )
  } finally {
    await postgres.stop()
  }
})

test('stopping it takes its data away and closes its port', async () => {
  const postgres = await startPostgres({ folder })
  await postgres.stop()
  expect(readdirSync(folder)).toEqual([])
  await expect(query(postgres.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED')
  await postgres.stop() // a second time does nothing
})

test('two run side by side', async () => {
  const both = await Promise.all([startPostgres({ folder }), startPostgres({ folder })])
  try {
    for (const { url } of both) expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  } finally {
    await Promise.all(both.map(postgres => postgres.stop()))
  }
})

test('a program that is killed leaves neither a server nor its data behind', async () => {
  const engine = new URL('../../sandbox/engines/postgres.ts', import.meta.url).href
  const script = `
    const { startPostgres } = await import(${JSON.stringify(engine)})
    const { port } = await startPostgres({ folder: ${JSON.stringify(folder)} })
    process.send({ port })
    setInterval(() => undefined, 1000)`
  const program = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  try {
    await new Promise(resolve => program.once('message', resolve))
    const rooms = readdirSync(folder).map(name => join(folder, name))
    const pids = rooms.map(room =>
      Number(readFileSync(join(room, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]),
    )
    expect(pids).toHaveLength(1)
    program.kill('SIGKILL')
    await until(() => rooms.every(room => !existsSync(room)) && pids.every(isGone))
  } finally {
    program.kill('SIGKILL')
  }
})

test('below a folder that only root may enter it runs elsewhere, and leaves nothing there', async () => {
  const closed = join(folder, 'closed', 'clone')
  await mkdir(closed, { recursive: true })
  await chmod(join(folder, 'closed'), 0o700)
  const postgres = await startPostgres({ folder: closed })
  const [position] = await query(postgres.url, `SELECT current_setting('data_directory') AS folder`)
  await postgres.stop()
  expect(existsSync(String(position?.['folder']))).toBe(false)
  expect(readdirSync(closed)).toEqual([])
})

/** Gone, or a zombie where nobody collects orphans. */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return true
  }
}

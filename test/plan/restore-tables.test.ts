import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { copying } from '../../src/plan/restore-tables.ts'
import { block } from '../../src/plan/shell.ts'
import { type Database, type PostgresServer, startPostgresServer } from '../schema/postgres-server.ts'
import { runScript } from '../support/restore.ts'

/** A client of the server's major version; a newer pg_dump writes settings that an older server refuses. */
const clients = ['psql', 'pg_dump'].every(program =>
  / 15\./.test(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout ?? ''),
)
const whereClients = clients ? test : test.skip

let server: PostgresServer
let current: Database
let restored: Database
const SCHEMA = `
  CREATE TABLE projects (id text PRIMARY KEY);
  CREATE TABLE traces (id text PRIMARY KEY, project_id text NOT NULL REFERENCES projects (id), note text);
  CREATE TABLE users (id text PRIMARY KEY);
  CREATE TABLE scores (id text PRIMARY KEY, trace_id text NOT NULL REFERENCES traces (id),
    user_id text REFERENCES users (id))`
const ROWS = `
  INSERT INTO projects SELECT 'p' || n FROM generate_series(1, 10) AS n;
  INSERT INTO traces SELECT 't' || n, 'p' || 1 + n % 10, E'a\\tb\\\\\\nCOPY 7' FROM generate_series(1, 1000) AS n;
  INSERT INTO users SELECT 'u' || n FROM generate_series(1, 10) AS n;
  INSERT INTO scores SELECT 's' || n, 't' || n, 'u' || 1 + n % 10 FROM generate_series(1, 500) AS n`

beforeAll(async () => {
  if (!clients) return
  server = await startPostgresServer()
  restored = await server.fresh()
  await restored.run(`${SCHEMA};${ROWS}`)
  current = await server.fresh()
  await current.run(`${SCHEMA};
    INSERT INTO projects SELECT 'p' || n FROM generate_series(1, 10) AS n;
    INSERT INTO users SELECT 'u' || n FROM generate_series(1, 10) AS n`)
})
afterAll(() => server?.stop())

function copy(from = restored.url) {
  const { url } = current
  return runScript(block('x', [`current='${url}'`, `restored='${from}'`, ...copying(['scores', 'traces'])]))
}

const count = async () =>
  (await current.run('SELECT (SELECT count(*) FROM traces) + (SELECT count(*) FROM scores) AS n'))[0]?.['n']

whereClients(
  'a missing parent row: nothing is copied, and the script fails with its key (skipped without psql 15)',
  async () => {
    await current.run("DELETE FROM projects WHERE id = 'p7'")
    const { status, stderr } = copy()
    expect(status).not.toBe(0)
    expect(stderr).toContain('Key (project_id)=(p7) is not present in table "projects"')
    expect(await count()).toBe('0')
    await current.run("INSERT INTO projects VALUES ('p7')")
  },
)

whereClients(
  'a row that the last table needs is missing: the tables before it are not copied either',
  async () => {
    await current.run("DELETE FROM users WHERE id = 'u7'")
    const { status, stderr } = copy()
    expect(status).not.toBe(0)
    expect(stderr).toContain('Key (user_id)=(u7) is not present in table "users"')
    expect(await count()).toBe('0')
    await current.run("INSERT INTO users VALUES ('u7')")
  },
)

whereClients('the restored database does not answer: the script fails, and nothing is copied', async () => {
  const { status, stderr } = copy('postgresql://u@127.0.0.1:1/langfuse')
  expect(status).not.toBe(0)
  expect(stderr).toContain('Connection refused')
  expect(await count()).toBe('0')
})

whereClients('every row comes back, parents first, and the counts are compared', async () => {
  expect(copy()).toMatchObject({ status: 0, stdout: '1500 of 1500 rows copied\n' })
  const rows = 'SELECT md5(string_agg(t::text, chr(10) ORDER BY id)) AS hash FROM traces AS t'
  expect(await current.run(rows)).toEqual(await restored.run(rows))
  // The second time every key exists.
  expect(copy().status).not.toBe(0)
  expect(await count()).toBe('1500')
})

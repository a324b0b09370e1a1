import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from '@jest/globals'
import { Client } from 'pg'
import { type ClickHouse, startClickHouse } from '../../sandbox/engines/clickhouse.ts'
import { type Postgres, startPostgres } from '../../sandbox/engines/postgres.ts'
import { readClickHouseSnapshot } from '../../src/schema/clickhouse.ts'
import { diffSnapshots } from '../../src/schema/diff.ts'
import { readPostgresSnapshot } from '../../src/schema/postgres.ts'
import { renderDelta } from '../../src/schema/postgres-sql.ts'
import { quoteIdentifier } from '../../src/schema/quote.ts'
import { emptySnapshot, type Snapshot } from '../../src/schema/snapshot.ts'

export type Rows = readonly Record<string, unknown>[]

export type Database = {
  readonly name: string
  run(sql: string): Promise<Rows>
  /** Another connection to the same database. */
  connect(): Promise<Client>
  snapshot(): Promise<Snapshot>
  /** Ends its connections, so that it can be the template of another one. */
  close(): Promise<void>
}

/** One PostgreSQL for a test file; `fresh` makes databases from a template, which takes a tenth of a second. */
export function usePostgres(): { fresh(template?: Database): Promise<Database> } {
  let postgres: Postgres
  let folder: string
  let count = 0
  const open: Client[] = []
  const connect = async (database: string): Promise<Client> => {
    const url = new URL(postgres.url)
    url.pathname = `/${database}`
    const client = new Client({ connectionString: url.href })
    await client.connect()
    open.push(client)
    return client
  }
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'langfuse-rollout-test-'))
    postgres = await startPostgres({ folder })
  })
  afterAll(async () => {
    await Promise.all(open.map(client => client.end()))
    await postgres?.stop()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    fresh: async template => {
      const name = `test ${++count}`
      const administrator = await connect('langfuse')
      await template?.close()
      const from = template === undefined ? '' : ` TEMPLATE ${quoteIdentifier(template.name)}`
      await administrator.query(`CREATE DATABASE ${quoteIdentifier(name)}${from}`)
      await administrator.end()
      return databaseOf(name, connect)
    },
  }
}

function databaseOf(name: string, connect: (database: string) => Promise<Client>): Database {
  let client: Client | undefined
  const run = async (sql: string): Promise<Rows> => {
    client ??= await connect(name)
    const result = await client.query(sql)
    return Array.isArray(result) ? [] : result.rows
  }
  return {
    name,
    run,
    connect: () => connect(name),
    snapshot: () => readPostgresSnapshot(run),
    close: async () => {
      await client?.end()
      client = undefined
    },
  }
}

/** Turns an empty database into `schema`. */
export async function build(database: Database, schema: Snapshot): Promise<void> {
  await change(database, emptySnapshot, schema)
}

/** Turns a database with the schema `from` into `to`, as the renderer says. */
export async function change(database: Database, from: Snapshot, to: Snapshot): Promise<void> {
  const statements = renderDelta(diffSnapshots(from, to), from, to)
  await database.run(statements.map(({ sql }) => `${sql};`).join('\n'))
}

export type ClickHouseDatabase = {
  readonly url: string
  run(sql: string): Promise<void>
  rows(sql: string): Promise<Rows>
  snapshot(): Promise<Snapshot>
}

/** One ClickHouse for a test file; `fresh` makes an empty database of any name. */
export function useClickHouse(): { fresh(name: string): Promise<ClickHouseDatabase> } {
  let clickhouse: ClickHouse
  let folder: string
  const post = async (sql: string, database: string): Promise<string> => {
    const response = await fetch(`${clickhouse.url}/?database=${database}`, { method: 'POST', body: sql })
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    return text
  }
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'langfuse-rollout-test-'))
    clickhouse = await startClickHouse({ folder })
  })
  afterAll(async () => {
    await clickhouse?.stop()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    fresh: async name => {
      if (name !== 'default') await post(`CREATE DATABASE ${name}`, 'default')
      const rows = async (sql: string): Promise<Rows> =>
        JSON.parse(await post(`${sql} FORMAT JSON`, name)).data
      return {
        url: clickhouse.url,
        run: async sql => {
          await post(sql, name)
        },
        rows,
        snapshot: () => readClickHouseSnapshot(rows, name),
      }
    },
  }
}

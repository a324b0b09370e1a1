import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { diffSnapshots } from '../../sandbox/diff-snapshots.ts'
import { startPostgres } from '../../sandbox/engines/postgres.ts'
import { readPostgresSnapshot } from '../../src/schema/postgres-schema.ts'
import { renderDelta } from '../../src/schema/postgres-sql.ts'
import { quoteIdentifier } from '../../src/schema/quote.ts'
import { emptySnapshot, type Snapshot } from '../../src/schema/snapshot.ts'

export type Rows = readonly Record<string, unknown>[]

export type Database = {
  readonly name: string
  readonly url: string
  run(sql: string): Promise<Rows>
  /** Another connection to the same database. */
  connect(): Promise<Client>
  snapshot(): Promise<Snapshot>
  /** Ends its connections, so that it can be the template of another one. */
  close(): Promise<void>
}

export type PostgresServer = {
  /** Connects as superuser. */
  readonly administratorUrl: string
  /** A new database, empty or a copy of another one, which takes a tenth of a second. */
  fresh(template?: Database): Promise<Database>
  drop(database: Database): Promise<void>
  /** Runs SQL in another session, as the superuser that the databases' owner is not. */
  asSuperuser(sql: string): Promise<void>
  stop(): Promise<void>
}

/** A PostgreSQL of its own, whose data is gone when it stops. */
export async function startPostgresServer(): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'langfuse-rollout-test-'))
  const postgres = await startPostgres({ folder })
  const open = new Set<Client>()
  let count = 0
  const urlOf = (database: string): string => {
    const url = new URL(postgres.url)
    url.pathname = `/${database}`
    return url.href
  }
  const connect = async (database: string): Promise<Client> => {
    const client = new Client({ connectionString: urlOf(database) })
    await client.connect()
    client.on('error', () => undefined) // a query in flight rejects; without a listener the process would end
    open.add(client)
    client.once('end', () => open.delete(client))
    return client
  }
  const administer = async (sql: string): Promise<void> => {
    const administrator = await connect('langfuse')
    await administrator.query(sql)
    await administrator.end()
  }
  return {
    administratorUrl: postgres.administratorUrl ?? '',
    fresh: async template => {
      const name = `test ${++count}`
      await template?.close()
      const from = template === undefined ? '' : ` TEMPLATE ${quoteIdentifier(template.name)}`
      await administer(`CREATE DATABASE ${quoteIdentifier(name)}${from}`)
      return databaseOf({ name, url: urlOf(name) }, connect)
    },
    drop: async database => {
      await database.close()
      await administer(`DROP DATABASE ${quoteIdentifier(database.name)}`)
    },
    asSuperuser: async sql => {
      const superuser = new Client({ connectionString: postgres.superuserUrl ?? '' })
      await superuser.connect()
      await superuser.query(sql)
      await superuser.end()
    },
    stop: async () => {
      await Promise.all([...open].map(client => client.end()))
      await postgres.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function databaseOf(
  { name, url }: Pick<Database, 'name' | 'url'>,
  connect: (database: string) => Promise<Client>,
): Database {
  let client: Client | undefined
  const run = async (sql: string): Promise<Rows> => {
    client ??= await connect(name)
    const result = await client.query(sql)
    return Array.isArray(result) ? [] : result.rows
  }
  return {
    name,
    url,
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

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from '@jest/globals'
import { type ClickHouse, startClickHouse } from '../../sandbox/engines/clickhouse.ts'
import { readClickHouseSnapshot } from '../../src/schema/clickhouse-schema.ts'
import type { Snapshot } from '../../src/schema/snapshot.ts'
import { type PostgresServer, type Rows, startPostgresServer } from './postgres-server.ts'

export { build, change, type Database, type Rows } from './postgres-server.ts'

/** One PostgreSQL for a test file; `fresh` makes databases from a template, which takes a tenth of a second. */
export function usePostgres(): Pick<PostgresServer, 'fresh' | 'asSuperuser'> {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgresServer()
  })
  afterAll(() => server?.stop())
  return { fresh: template => server.fresh(template), asSuperuser: sql => server.asSuperuser(sql) }
}

/** The same with its superuser. */
export function usePostgresServer(): () => PostgresServer {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgresServer()
  })
  afterAll(() => server?.stop())
  return () => server
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

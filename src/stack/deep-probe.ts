import type { ClickHouse, Postgres, PostgresSession, Row } from '../ports/databases.ts'
import { readClickHouseSnapshot } from '../schema/clickhouse-schema.ts'
import { readPostgresSnapshot } from '../schema/postgres-schema.ts'
import { reading } from '../schema/postgres-session.ts'
import { inSchema, quoteIdentifier, quoteLiteral } from '../schema/quote.ts'
import type { Snapshot } from '../schema/snapshot.ts'
import type { Databases } from './count-losses.ts'
import { inStore, NO_CLICKHOUSE } from './observe-databases.ts'
import { type Observed, type Unseen, unknown } from './stack.ts'

/** Schemas and load of both databases, unevaluated. */
export type DeepProbe = {
  readonly postgresSchema: Observed<Snapshot>
  readonly postgresLoad: Observed<PostgresLoad>
  readonly clickhouseSchema: Observed<Snapshot>
  /** Parts that ClickHouse detached, by table and reason. */
  readonly detached: Observed<readonly DetachedParts[]>
  readonly mutations: Observed<readonly OpenMutation[]>
  readonly memory: Observed<ClickHouseMemory>
}

type PostgresLoad = {
  readonly sessions: number
  readonly maximum: number
  /** Transactions since the oldest unfrozen row; PostgreSQL stops accepting writes near two thousand million. */
  readonly transactionAge: number
  /** Age of the oldest open transaction in seconds; 0 without one. */
  readonly longest: number
  /** The largest, in bytes with indexes. */
  readonly tables: readonly { readonly name: string; readonly bytes: number }[]
  /** Whether there are rows that only ingested traces create. */
  readonly sessionsOfTraces: boolean
}

type DetachedParts = { readonly table: string; readonly reason: string; readonly parts: number }

type OpenMutation = {
  readonly table: string
  readonly id: string
  readonly seconds: number
  readonly parts: number
  /** Why its last attempt failed; empty if none did. */
  readonly failure: string
}

type ClickHouseMemory = {
  /** Bytes; a limit of 0 is unknown. */
  readonly used: number
  readonly limit: number
  /** Statements rejected for lack of memory since the server started, and seconds since the last one. */
  readonly refused: number
  readonly lastRefused: number
}

/** Reads each part by itself: one that cannot be read (missing privilege) leaves the others. Never throws. */
export async function runDeepProbe({ postgres, clickhouse }: Databases): Promise<DeepProbe> {
  const [inPostgres, clickhouseSchema, detached, mutations, memory] = await Promise.all([
    probePostgres(postgres),
    inStore(clickhouse, NO_CLICKHOUSE, readSchema, UNREAD),
    inStore(clickhouse, NO_CLICKHOUSE, readDetached, UNREAD),
    inStore(clickhouse, NO_CLICKHOUSE, readMutations, UNREAD),
    inStore(clickhouse, NO_CLICKHOUSE, readMemory, UNREAD),
  ])
  return { ...inPostgres, clickhouseSchema, detached, mutations, memory }
}

export function unseenDeepProbe(reason: string, because: Unseen): DeepProbe {
  const nothing = unknown<never>(reason, because)
  return {
    postgresSchema: nothing,
    postgresLoad: nothing,
    clickhouseSchema: nothing,
    detached: nothing,
    mutations: nothing,
    memory: nothing,
  }
}

const TIMEOUT_MS = 15_000

/** Another check reports an unreachable store; here it is missing evidence. */
const UNREAD = { because: 'no-evidence' } as const

async function probePostgres(
  postgres: Postgres | undefined,
): Promise<Pick<DeepProbe, 'postgresSchema' | 'postgresLoad'>> {
  const timed = <Value>(store: Postgres, read: (session: PostgresSession) => Promise<Value>) =>
    reading(store, async session => {
      await session.run(`SET LOCAL statement_timeout = ${TIMEOUT_MS}`)
      return read(session)
    })
  const known = postgres === undefined || postgres.at.schema === 'public'
  return {
    postgresSchema: known
      ? await inStore(postgres, NO_POSTGRES, store => timed(store, readPostgresSchema), UNREAD)
      : unknown<Snapshot>('this check knows only schema public', 'not-asked'),
    postgresLoad: await inStore(
      postgres,
      NO_POSTGRES,
      store => timed(store, session => readLoad(session, store.at.schema)),
      UNREAD,
    ),
  }
}

const NO_POSTGRES = 'the address of PostgreSQL is unknown'

/** More would not come through a log in time; Langfuse itself has about 1,200. */
const MOST_OBJECTS = 20_000

async function readPostgresSchema(session: PostgresSession): Promise<Snapshot> {
  const snapshot = await readPostgresSnapshot(sql => session.run(sql))
  const objects = Object.keys(snapshot).length
  if (objects <= MOST_OBJECTS) return withoutPrograms(snapshot)
  throw new Error(`the database has ${objects} objects, but this check compares at most ${MOST_OBJECTS}`)
}

/** The texts of views, functions and triggers may contain secrets of others, and PostgreSQL versions format them differently. */
function withoutPrograms(snapshot: Snapshot): Snapshot {
  return Object.fromEntries(
    Object.entries(snapshot).map(([key, facts]) => [key, /^(view|function|trigger) /.test(key) ? {} : facts]),
  )
}

async function readLoad(session: PostgresSession, schema: string): Promise<PostgresLoad> {
  const traceSessions = inSchema(schema, 'trace_sessions')
  const [row] = await session.run(`
    SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS sessions,
      current_setting('max_connections') AS maximum,
      (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()) AS age,
      (SELECT extract(epoch FROM max(now() - xact_start)) FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend') AS longest,
      to_regclass(${quoteLiteral(traceSessions)}) IS NOT NULL AS has_sessions`)
  const tables = await session.run(`
    SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes FROM pg_class c
    WHERE c.relkind = 'r' AND c.relnamespace = ${quoteLiteral(quoteIdentifier(schema))}::regnamespace
    ORDER BY 2 DESC LIMIT 3`)
  const [sessions] =
    row?.['has_sessions'] === true
      ? await session.run(`SELECT EXISTS (SELECT FROM ${traceSessions}) AS some`)
      : []
  return {
    sessions: number(row, 'sessions'),
    maximum: number(row, 'maximum'),
    transactionAge: number(row, 'age'),
    longest: Math.round(number(row, 'longest')),
    tables: tables.map(each => ({ name: String(each['name']), bytes: number(each, 'bytes') })),
    sessionsOfTraces: sessions?.['some'] === true,
  }
}

async function readSchema(clickhouse: ClickHouse): Promise<Snapshot> {
  const [row] = await clickhouse.run('SELECT currentDatabase() AS name')
  return readClickHouseSnapshot(sql => clickhouse.run(sql, QUERY_OPTIONS), String(row?.['name'] ?? 'default'))
}

const QUERY_OPTIONS = { timeoutMs: TIMEOUT_MS }

async function readDetached(clickhouse: ClickHouse): Promise<readonly DetachedParts[]> {
  const parts = await list(
    clickhouse,
    `SELECT table, ifNull(reason, '') AS why, count() AS parts FROM system.detached_parts
     WHERE database = currentDatabase() GROUP BY table, why ORDER BY table, why LIMIT 50`,
  )
  return parts.map(([table, reason, count]) => ({
    table: String(table),
    reason: String(reason),
    parts: Number(count),
  }))
}

async function readMutations(clickhouse: ClickHouse): Promise<readonly OpenMutation[]> {
  const mutations = await list(
    clickhouse,
    `SELECT table, mutation_id, dateDiff('second', create_time, now()), parts_to_do,
       substring(latest_fail_reason, 1, 200)
     FROM system.mutations WHERE database = currentDatabase() AND NOT is_done ORDER BY create_time LIMIT 20`,
  )
  return mutations.map(([table, id, seconds, parts, failure]) => ({
    table: String(table),
    id: String(id),
    seconds: Number(seconds),
    parts: Number(parts),
    failure: String(failure ?? ''),
  }))
}

/** All rows in one row, so that an empty answer differs from no rows. */
async function list(clickhouse: ClickHouse, sql: string): Promise<readonly (readonly unknown[])[]> {
  const [row] = await clickhouse.run(`SELECT groupArray(tuple(*)) AS list FROM (${sql})`, QUERY_OPTIONS)
  const rows = row?.['list']
  if (!Array.isArray(rows)) throw new Error(`${clickhouse.address} gave an unexpected answer`)
  return rows.map(each => (Array.isArray(each) ? each : Object.values(Object(each))))
}

/** `max_server_memory_usage`: by default 90 % of the task's memory. */
async function readMemory(clickhouse: ClickHouse): Promise<ClickHouseMemory> {
  const [row] = await clickhouse.run(
    `SELECT (SELECT value FROM system.metrics WHERE metric = 'MemoryTracking') AS used,
       (SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage') AS maximum,
       (SELECT sum(value) FROM system.errors WHERE name = 'MEMORY_LIMIT_EXCEEDED') AS refused,
       (SELECT dateDiff('second', max(last_error_time), now()) FROM system.errors
         WHERE name = 'MEMORY_LIMIT_EXCEEDED') AS last`,
    QUERY_OPTIONS,
  )
  if (row?.['used'] === undefined) throw new Error(`${clickhouse.address} gave an unexpected answer`)
  return {
    used: number(row, 'used'),
    limit: number(row, 'maximum'),
    refused: number(row, 'refused'),
    lastRefused: number(row, 'last'),
  }
}

const number = (row: Row | undefined, name: string): number => Number(row?.[name] ?? 0)

import type { Pool } from 'pg'
import { quoteClickHouseIdentifier, quoteIdentifier } from '../../src/schema/quote.ts'
import { parseKey, type Snapshot } from '../../src/schema/snapshot.ts'
import type { ClickHouseClient } from './clickhouse-http.ts'
import type { Answer } from './server.ts'

export type DeepProbe = () => Promise<Answer>

/**
 * Reads one row of every column that a release knows, in both stores: 200 when all are there, 503 with the database's
 * own words otherwise. It stands for all the queries of a release at once, so a schema that the release cannot work
 * with shows at once. Postgres gets one message, ClickHouse one request a table; statements are made once. Calls that
 * come while the databases are asked share the next look, so that many a second are no load: every answer is of a look
 * that began after its call.
 */
export function deepProbe(stores: {
  readonly postgres: { readonly pool: Pool; readonly snapshot: Snapshot }
  readonly clickhouse?: { readonly client: ClickHouseClient; readonly snapshot: Snapshot }
}): DeepProbe {
  const { postgres, clickhouse } = stores
  const batch = postgresStatements(postgres.snapshot).join(';\n')
  const statements = clickhouse === undefined ? [] : clickhouseStatements(clickhouse.snapshot)
  return shareNext(async () => {
    const started = performance.now()
    const [inPostgres, ...inClickHouse] = await Promise.allSettled([
      postgres.pool.query(batch),
      ...statements.map(statement => clickhouse?.client.execute(statement)),
    ])
    const errors = [
      ...errorOf('Postgres', inPostgres),
      ...inClickHouse.flatMap(result => errorOf('ClickHouse', result)),
    ]
    const milliseconds = Math.round(performance.now() - started)
    if (errors.length > 0) return { status: 503, body: { status: 'error', errors, milliseconds } }
    return { status: 200, body: { status: 'OK', milliseconds } }
  })
}

function shareNext<Result>(look: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<unknown> | undefined
  let next: Promise<Result> | undefined
  const start = () => {
    next = undefined
    const result = look()
    const ended = result
      .catch(() => undefined)
      .finally(() => {
        if (running === ended) running = undefined
      })
    running = ended
    return result
  }
  return () => {
    if (running === undefined) return start()
    next ??= running.then(start)
    return next
  }
}

// The table's name stands before each column, so that Postgres' message names both.
function postgresStatements(snapshot: Snapshot): readonly string[] {
  return relations(snapshot).map(({ names, columns }) => {
    const table = quoteIdentifier(names.at(-1) ?? '')
    const selected = columns.map(column => `${table}.${quoteIdentifier(column)}`)
    return `SELECT ${selected.join(', ') || '*'} FROM ${names.map(quoteIdentifier).join('.')} LIMIT 1`
  })
}

function clickhouseStatements(snapshot: Snapshot): readonly string[] {
  return relations(snapshot).map(({ names, columns }) => {
    const selected = columns.map(quoteClickHouseIdentifier)
    const table = names.map(quoteClickHouseIdentifier).join('.')
    return `SELECT ${selected.join(', ') || '*'} FROM ${table} LIMIT 1 FORMAT Null`
  })
}

type Relation = { readonly names: readonly string[]; readonly columns: string[] }

/** Tables with their columns, and views: of these the snapshot knows the text instead of the columns. */
function relations(snapshot: Snapshot): readonly Relation[] {
  const found = new Map<string, Relation>()
  for (const { kind, names } of Object.keys(snapshot).map(parseKey)) {
    const own = kind === 'column' ? names.slice(0, -1) : names
    if (kind !== 'table' && kind !== 'view' && kind !== 'column') continue
    const relation = found.get(own.join('.')) ?? { names: own, columns: [] }
    found.set(own.join('.'), relation)
    if (kind === 'column') relation.columns.push(names.at(-1) ?? '')
  }
  return [...found.values()]
}

function errorOf(store: string, result: PromiseSettledResult<unknown> | undefined): readonly string[] {
  if (result === undefined || result.status === 'fulfilled') return []
  return [`${store}: ${result.reason instanceof Error ? result.reason.message : String(result.reason)}`]
}

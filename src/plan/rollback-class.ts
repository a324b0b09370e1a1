import type { ReleaseFacts } from '../release/facts.ts'
import { clickhouseName } from '../release/facts.ts'
import type { DownSql } from '../schema/down-sql.ts'
import { bytewise } from '../schema/snapshot.ts'
import type { RollbackClass } from './plan.ts'

/** What is between two states of the databases: what to undo, with which SQL, and what has none. */
export type Undo = {
  readonly postgres: readonly string[]
  readonly clickhouse: readonly number[]
  readonly sql: readonly DownSql[]
  readonly missing: readonly string[]
}

/**
 * The Postgres migrations that are applied and that the older release does not know, newest first: a set
 * difference, because Langfuse inserts migrations out of order; and ClickHouse's numbers above its head.
 */
export function undoBetween(
  state: { readonly postgres: readonly string[]; readonly clickhouseHead: number },
  older: string,
  facts: ReleaseFacts,
): Undo {
  const kept = new Set(facts.postgresMigrations(older).map(migration => migration.name))
  const postgres = state.postgres
    .filter(name => !kept.has(name))
    .sort(bytewise)
    .reverse()
  const head = facts.release(older)?.clickhouseHead ?? state.clickhouseHead
  const clickhouse: number[] = []
  for (let version = state.clickhouseHead; version > head; version--) clickhouse.push(version)
  const wanted = [
    ...postgres.map(name => ['postgres', name] as const),
    ...clickhouse.map(version => ['clickhouse', clickhouseName(version)] as const),
  ]
  const found = wanted.map(([store, name]) => ({ store, name, sql: facts.downSql(store, name) }))
  return {
    postgres,
    clickhouse,
    sql: found.flatMap(({ sql }) => sql ?? []),
    missing: found.flatMap(({ store, name, sql }) => (sql === undefined ? [`${store}/${name}`] : [])),
  }
}

/** The worst class of what has to be undone; a migration without down SQL can only be restored. */
export function classOf(undo: Undo): RollbackClass {
  if (undo.missing.length > 0) return 'restore'
  const ranks: readonly RollbackClass[] = ['images', 'schema', 'lossy', 'restore']
  const worst = Math.max(0, ...undo.sql.map(file => ranks.indexOf(file.class)))
  return ranks[worst] ?? 'restore'
}

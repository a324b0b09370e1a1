import { clickhouseName, type ReleaseFacts } from '../release/facts.ts'
import type { DownSql, Engine } from '../schema/down-sql.ts'
import { type Keep, keepsOf } from '../schema/keep-calls.ts'
import type { CountedLoss } from '../stack/count-losses.ts'
import type { KeptData, Stack } from '../stack/stack.ts'
import { unprovenStore } from './preflight.ts'
import type { Undo } from './rollback-class.ts'

/** Migrations of both stores. */
export type Migrations = { readonly postgres: readonly string[]; readonly clickhouse: readonly number[] }

export const NONE: Migrations = { postgres: [], clickhouse: [] }

type Facts = Pick<ReleaseFacts, 'downSql'>

/** What a deploy keeps of a migration. */
export function callsOf(engine: Engine, name: string | number, facts: Facts): readonly Keep[] {
  return keepsOf(facts.downSql(engine, name)?.sections.keep ?? '', engine)
}

/**
 * Migrations of which all that they delete is kept, or will be once it is closed; a rollback that runs has given some of it
 * back. What was not seen does not count: every call of the file has its row, and ClickHouse has the table.
 */
export function wholeIn(stack: Stack, facts: Facts): ReadonlySet<string> {
  if (!stack.postgres.known) return new Set()
  const { kept = [], pending } = stack.postgres.value
  const running = new Set(pending.map(({ migration }) => migration))
  const isWhole = (data: KeptData) =>
    data.state === 'given-back'
      ? running.has(data.migration)
      : (data.state === 'complete' || data.state === 'open') &&
        (!isVersion(data.migration) || running.has(data.migration) || isInClickHouse(data, stack))
  const migrations = new Set(kept.map(({ migration }) => migration))
  return new Set(
    [...migrations].filter(migration => {
      const rows = kept.filter(data => data.migration === migration)
      const calls = isVersion(migration)
        ? callsOf('clickhouse', Number(migration), facts)
        : callsOf('postgres', migration, facts)
      return rows.every(isWhole) && calls.every(call => rows.some(data => isOf(call, data)))
    }),
  )
}

function isInClickHouse({ rows, storedAs }: KeptData, { clickhouseStore }: Stack): boolean {
  if (rows === 0) return true
  return clickhouseStore.known && clickhouseStore.value.kept?.includes(storedAs ?? '') === true
}

function isOf(call: Keep, { kind, relation, column }: KeptData): boolean {
  return call.kind === kind && call.table === relation && (call.kind !== 'column' || call.column === column)
}

/** The undo of migrations whose data is kept loses nothing. */
export function withKept<Some extends Pick<Undo, 'sql'>>(undo: Some, kept: ReadonlySet<string>): Some {
  const sql = undo.sql.map(file =>
    kept.has(file.migration) && file.sections.keep !== ''
      ? { ...file, class: 'schema' as const, loses: KEPT }
      : file,
  )
  return { ...undo, sql }
}

/** What the newer release wrote is the only loss of some files: none of it, no loss. */
export function withoutWritten<Some extends Pick<Undo, 'sql'>>(
  undo: Some,
  counted: readonly CountedLoss[],
): Some {
  const none = (file: DownSql) =>
    counted.some(
      ({ migration, sql, count }) => migration === file.migration && sql === file.written?.sql && count === 0,
    )
  return { ...undo, sql: undo.sql.map(file => (none(file) ? { ...file, class: 'schema' as const } : file)) }
}

/** Whether everything is kept but what the newer release itself has written. */
export function losesOnlyWritten({ sql, missing }: Pick<Undo, 'sql' | 'missing'>): boolean {
  return missing.length === 0 && sql.every(file => file.class === 'schema' || file.written !== undefined)
}

const KEPT = 'nothing; a deploy kept what the upgrade deleted'

/** What a rollback gives back, one sentence for each migration. */
export function givenBack(
  undo: Pick<Undo, 'sql'>,
  stack: Stack,
  whole: ReadonlySet<string>,
): readonly string[] {
  if (!stack.postgres.known) return []
  const { kept = [] } = stack.postgres.value
  return undo.sql.flatMap(({ migration }) => {
    const data = kept.filter(row => row.migration === migration && row.rows !== 0)
    const [first] = data
    if (first === undefined || !whole.has(migration)) return []
    return `${migration}: what the deploy of ${dayOf(first)} kept comes back: ${listOf(data)}. Rows that users or retention deleted since then come back too.`
  })
}

/** `traces (302 rows) of 2026-10-01` */
export function amountKept({ postgres }: Stack, migrations: Migrations): string {
  const names = new Set(namesOf(migrations))
  const kept = postgres.known ? (postgres.value.kept ?? []) : []
  const days = Map.groupBy(
    kept.filter(({ migration, rows }) => names.has(migration) && rows !== 0),
    dayOf,
  )
  const parts = [...days].map(([day, data]) => `${listOf(data)} of ${day}`)
  return parts.length === 0 ? 'Empty tables' : parts.join(', ')
}

function listOf(data: readonly KeptData[]): string {
  return data.map(({ relation, rows }) => `${relation} (${rows ?? 'uncounted'} rows)`).join(', ')
}

function dayOf({ at }: KeptData): string {
  return new Date(at).toISOString().slice(0, 10)
}

/** Kept for longer than it is to be. */
export function expired(stack: Stack): Migrations {
  return split(stack, ({ isOld }) => isOld)
}

type LeftOpen = {
  /** The migration has run. */
  readonly applied: Migrations
  /** It has not, and this run does not bring it. */
  readonly coming: Migrations
}

/** What deploys kept and did not close, where this run may write. */
export function leftOpen(stack: Stack, coming: Migrations): LeftOpen {
  const { postgres, clickhouse } = split(stack, ({ state }) => state === 'open' || state === 'begun')
  const migrations = stack.postgres.known ? stack.postgres.value.migrations : []
  const head = stack.clickhouseStore.known ? stack.clickhouseStore.value.head : 0
  const applied = new Set(migrations.filter(({ state }) => state === 'applied').map(({ name }) => name))
  return {
    applied: {
      postgres: postgres.filter(name => applied.has(name)),
      clickhouse: clickhouse.filter(version => version <= head),
    },
    coming: {
      postgres: postgres.filter(name => !applied.has(name) && !coming.postgres.includes(name)),
      clickhouse: clickhouse.filter(version => version > head && !coming.clickhouse.includes(version)),
    },
  }
}

/** Of a ClickHouse that is not seen or not proven to be this stack's: nothing. */
function split(stack: Stack, isMeant: (data: KeptData) => boolean): Migrations {
  const { postgres, clickhouseStore } = stack
  const kept = postgres.known ? (postgres.value.kept ?? []) : []
  const names = [...new Set(kept.filter(isMeant).map(({ migration }) => migration))]
  const isClickHouse = clickhouseStore.known && unprovenStore('clickhouse', stack) === undefined
  return {
    postgres: names.filter(name => !isVersion(name)),
    clickhouse: isClickHouse ? names.filter(isVersion).map(Number) : [],
  }
}

function isVersion(migration: string): boolean {
  return /^\d{4}$/.test(migration)
}

function namesOf({ postgres, clickhouse }: Migrations): readonly string[] {
  return [...postgres, ...clickhouse.map(clickhouseName)]
}

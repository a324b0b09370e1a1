import type { ReleaseFacts } from '../release/facts.ts'
import { applyDelta, type Delta } from '../schema/diff.ts'
import { quoteIdentifier } from '../schema/quote.ts'
import { type Facts, keyOf, parseKey, type Snapshot } from '../schema/snapshot.ts'
import type { CountedLoss, Loss } from '../stack/count-losses.ts'

/** A table that a rollback locks against reads and writes, for a time that depends on its size. */
type HeldTable = { readonly table: string; readonly because: 'rewritten' | 'scanned' | 'indexed' }

/**
 * A changed type rewrites every row, NOT NULL scans every row, and a key or unique index sorts them. All other changes
 * touch only the catalog (https://www.postgresql.org/docs/15/sql-altertable.html, Notes).
 * @param steps the changes of the migrations to undo
 * @param schema of the newer release, to find the columns of a type
 */
export function heldTables(steps: readonly Delta[], schema: Snapshot): readonly HeldTable[] {
  const found = new Map<string, HeldTable>()
  const ranks = ['indexed', 'scanned', 'rewritten']
  for (const held of steps.flatMap(step => [
    ...rewritten(step, schema),
    ...scanned(step),
    ...indexed(step),
  ])) {
    const known = found.get(held.table)
    if (known === undefined || ranks.indexOf(known.because) < ranks.indexOf(held.because)) {
      found.set(held.table, held)
    }
  }
  return [...found.values()].filter(({ table }) => schema[keyOf({ kind: 'table', names: ['public', table] })])
}

/** The same by name; migrations that are not in the catalog are left out. */
export function heldBy(
  migrations: readonly string[],
  facts: Pick<ReleaseFacts, 'postgresChange'>,
): readonly HeldTable[] {
  const found = migrations.flatMap(name => {
    const change = changeOf(name, facts)
    if (change === undefined) return []
    return heldTables([change.delta], applyDelta(change.before, change.delta))
  })
  return [...new Map(found.map(held => [held.table, held])).values()]
}

function changeOf(name: string, facts: Pick<ReleaseFacts, 'postgresChange'>) {
  try {
    return facts.postgresChange(name)
  } catch {
    return undefined
  }
}

function rewritten({ changed }: Delta, schema: Snapshot): readonly HeldTable[] {
  // A type's text is PostgreSQL's own, quoted where it has capitals.
  const enums = new Set(keysOf(changed, 'enum').map(key => parseKey(key).names.join('.')))
  const ofEnum = Object.entries(schema).filter(
    ([key, facts]) => key.startsWith('column ') && enums.has(String(facts['type']).replace(/"|\[\]$/g, '')),
  )
  const retyped = keysOf(changed, 'column').filter(key => differs(changed[key], 'type'))
  return [...ofEnum.map(([key]) => key), ...retyped].map(key => ({
    table: tableOf(key),
    because: 'rewritten',
  }))
}

function scanned({ changed }: Delta): readonly HeldTable[] {
  return keysOf(changed, 'column')
    .filter(key => changed[key]?.from['notNull'] === true && changed[key]?.to['notNull'] !== true)
    .map(key => ({ table: tableOf(key), because: 'scanned' }))
}

/** Keys and unique indexes that the newer release dropped; other indexes are built without a lock. */
function indexed({ removed, changed }: Delta): readonly HeldTable[] {
  const back = {
    ...removed,
    ...Object.fromEntries(Object.entries(changed).map(([key, { from }]) => [key, from])),
  }
  const isKey = ({ definition }: Facts): boolean =>
    /^(PRIMARY KEY|UNIQUE|EXCLUDE|CREATE UNIQUE)/.test(String(definition))
  return [...keysOf(back, 'constraint'), ...keysOf(back, 'index')]
    .filter(key => isKey(back[key] ?? {}))
    .map(key => ({ table: tableOf(key), because: 'indexed' }))
}

function keysOf(objects: Readonly<Record<string, unknown>>, kind: string): readonly string[] {
  return Object.keys(objects).filter(key => parseKey(key).kind === kind)
}

function differs(change: { readonly from: Facts; readonly to: Facts } | undefined, fact: string): boolean {
  return (change?.from[fact] ?? null) !== (change?.to[fact] ?? null)
}

function tableOf(key: string): string {
  return parseKey(key).names[1] ?? ''
}

/** The SELECTs for the sizes of these tables. */
export function sizesOf(held: readonly HeldTable[]): readonly Loss[] {
  return held.map(({ table }) => ({
    store: 'postgres',
    migration: '',
    what: `bytes of ${table}`,
    sql: `SELECT pg_table_size(to_regclass('public.${quoteIdentifier(table).replaceAll("'", "''")}'))`,
  }))
}

/** Bytes per second of a rewrite on a small Aurora instance, a slow estimate. */
const BYTES_PER_SECOND = 50_000_000

/** The longest lock to expect, in a few sentences. */
export function longestLock(held: readonly HeldTable[], counted: readonly CountedLoss[]): string {
  if (held.length === 0) return `${SHORT}.`
  const questions = sizesOf(held)
  const sizes = held.map((each, position) => {
    const size = counted.find(({ sql }) => sql === questions[position]?.sql)?.count
    return { ...each, size }
  })
  const unseen = sizes.filter(({ size }) => size === undefined)
  if (unseen.length > 0) {
    const tables = unseen.map(({ table, because }) => `${table} (${because})`).join(', ')
    return `Longest lock: PostgreSQL blocks reads and writes of a table while it rewrites, scans or indexes it. The sizes of these tables are unknown: ${tables}. Expect about 1 s per 50 MB.`
  }
  const [worst] = sizes.toSorted((left, right) => (right.size ?? 0) - (left.size ?? 0))
  const bytes = worst?.size ?? 0
  const megabytes = `${Math.ceil(bytes / 1_000_000)} MB`
  const seconds = Math.ceil(bytes / BYTES_PER_SECOND)
  return seconds < 2
    ? `${SHORT}. The largest table that is rewritten, scanned or indexed is ${worst?.table} (${megabytes}).`
    : `Longest lock: table ${worst?.table} (${megabytes}) is ${worst?.because}. Its reads and writes wait for about ${seconds} s.`
}

const SHORT = 'Longest lock: no table is locked for more than about 1 s'

import type { ReleaseFacts } from '../release/facts.ts'
import { applyDelta, type Delta } from '../schema/diff.ts'
import { quoteIdentifier } from '../schema/quote.ts'
import { type Facts, keyOf, parseKey, type Snapshot } from '../schema/snapshot.ts'
import type { CountedLoss, Loss } from '../stack/count-losses.ts'

/** A table that undoing a migration holds for as long as its rows take: nobody reads or writes it meanwhile. */
type HeldTable = { readonly table: string; readonly because: 'rewritten' | 'read whole' | 'indexed' }

/**
 * The tables that undoing holds for longer than a moment. A type that changes rewrites every row, NOT
 * NULL reads every row, a key or unique index that comes back sorts them. Everything else changes the catalog only
 * (https://www.postgresql.org/docs/15/sql-altertable.html, Notes).
 * @param steps what the migrations that are undone had changed
 * @param schema the newer release's, to find the columns of a type
 */
export function heldTables(steps: readonly Delta[], schema: Snapshot): readonly HeldTable[] {
  const found = new Map<string, HeldTable>()
  const ranks = ['indexed', 'read whole', 'rewritten']
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

/** The same of migrations by name; what is not in the catalog is left out. */
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
    .map(key => ({ table: tableOf(key), because: 'read whole' }))
}

/** What the newer release dropped and the older one has: keys and unique indexes; others are built without a lock. */
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

/** The SELECTs that say how big these tables are. */
export function sizesOf(held: readonly HeldTable[]): readonly Loss[] {
  return held.map(({ table }) => ({
    store: 'postgres',
    migration: '',
    what: `bytes of ${table}`,
    sql: `SELECT pg_table_size(to_regclass('public.${quoteIdentifier(table).replaceAll("'", "''")}'))`,
  }))
}

/** What rewriting takes on a small Aurora instance, in bytes a second; meant to be on the slow side. */
const BYTES_PER_SECOND = 50_000_000

/** One sentence on the longest lock that is to be expected. */
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
    return `Longest lock: nobody reads or writes a table while it is rewritten, read whole or indexed, and how long that takes goes with its size, which was not seen: ${tables}. Reckon with a second for each 50 MB.`
  }
  const [worst] = sizes.toSorted((left, right) => (right.size ?? 0) - (left.size ?? 0))
  const bytes = worst?.size ?? 0
  const megabytes = `${Math.ceil(bytes / 1_000_000)} MB`
  const seconds = Math.ceil(bytes / BYTES_PER_SECOND)
  return seconds < 2
    ? `${SHORT}: the biggest that is rewritten, read whole or indexed is ${worst?.table} (${megabytes}).`
    : `Longest lock: table ${worst?.table} (${megabytes}) is ${worst?.because}, and nobody reads or writes it for about ${seconds} s.`
}

const SHORT = 'Longest lock: no table is held for more than about a second'

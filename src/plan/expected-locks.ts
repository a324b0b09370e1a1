import type { Delta } from '../schema/diff.ts'
import { type Facts, keyOf, parseKey, type Snapshot } from '../schema/snapshot.ts'

/** A table that undoing a migration holds for as long as its rows take: nobody reads or writes it meanwhile. */
export type HeldTable = { readonly table: string; readonly because: 'rewritten' | 'scanned' | 'indexed' }

/**
 * The tables that the contract phase holds for longer than a moment. A type that changes rewrites every row, NOT
 * NULL reads every row, a key or unique index that comes back sorts them. Everything else changes the catalog only
 * (https://www.postgresql.org/docs/15/sql-altertable.html, Notes).
 * @param steps what the migrations that are undone had changed
 * @param schema the newer release's, to find the columns of a type
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

/** What rewriting takes on a small Aurora instance, in bytes a second; meant to be on the slow side. */
const BYTES_PER_SECOND = 50_000_000

/** One sentence on the longest lock that is to be expected; undefined: none that anybody would notice. */
export function longestLock(
  held: readonly HeldTable[],
  bytes: ReadonlyMap<string, number>,
): string | undefined {
  const worst = held
    .map(each => ({ ...each, bytes: bytes.get(each.table) ?? 0 }))
    .toSorted((left, right) => right.bytes - left.bytes)[0]
  if (worst === undefined) return undefined
  const seconds = Math.ceil(worst.bytes / BYTES_PER_SECOND)
  if (seconds < 2) return undefined
  const size = `${Math.ceil(worst.bytes / 1_000_000)} MB`
  return `Table ${worst.table} (${size}) is ${worst.because} in the contract phase: nobody reads or writes it for about ${seconds} s.`
}

import { quoteIdentifier } from './quote.ts'

/** The facts about one object; lists keep their order. */
export type Facts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/**
 * A database's schema as one flat map from object to facts, keys sorted bytewise:
 * `"column public.projects.deleted_at" → {"default":null,"notNull":false,"type":"timestamp(3) without time zone"}`.
 * It does not contain the order of columns, rights and comments.
 */
export type Snapshot = Readonly<Record<string, Facts>>

export type Kind =
  | 'table'
  | 'column'
  | 'constraint'
  | 'index'
  | 'enum'
  | 'view'
  | 'function'
  | 'trigger'
  | 'sequence'

/** An object's kind and its names from the outermost to its own: `['public', 'projects', 'deleted_at']`. */
type ObjectName = { readonly kind: Kind; readonly names: readonly string[] }

/** Runs one SQL statement on one connection (not on any of a pool) and returns its rows. */
export type Query = (sql: string) => Promise<readonly Record<string, unknown>[]>

export const emptySnapshot: Snapshot = {}

/** A snapshot from objects in any order: keys and facts sorted. */
export function toSnapshot(objects: Iterable<readonly [key: string, facts: Facts]>): Snapshot {
  return sortedSnapshot(
    [...objects].map(
      ([key, facts]) => [key, Object.fromEntries(Object.entries(facts).sort(byName))] as const,
    ),
  )
}

/** The same for objects whose facts are sorted already. */
export function sortedSnapshot(objects: Iterable<readonly [key: string, facts: Facts]>): Snapshot {
  return Object.fromEntries([...objects].sort(byName))
}

export function sameFacts(left: Facts, right: Facts): boolean {
  return (
    JSON.stringify(Object.entries(left).sort(byName)) === JSON.stringify(Object.entries(right).sort(byName))
  )
}

/** The key of an object: `column public.projects.deleted_at`, with special names quoted. */
export function keyOf({ kind, names }: ObjectName): string {
  return `${kind} ${names.map(name => (/^\w+$/.test(name) ? name : quoteIdentifier(name))).join('.')}`
}

/** The inverse of {@link keyOf}. */
export function parseKey(key: string): ObjectName {
  const space = key.indexOf(' ')
  const kind = kinds.find(known => known === key.slice(0, space))
  const rest = key.slice(space + 1)
  const parts = [...rest.matchAll(/(?:^|\.)(?:(\w+)|"((?:[^"]|"")*)")(?=\.|$)/gy)]
  if (kind === undefined || parts.map(part => part[0]).join('') !== rest || parts.length === 0) {
    throw new Error(`\`${key}\` is not the key of a schema object.`)
  }
  return { kind, names: parts.map(part => part[1] ?? (part[2] ?? '').replaceAll('""', '"')) }
}

const kinds: readonly Kind[] = [
  'table',
  'column',
  'constraint',
  'index',
  'enum',
  'view',
  'function',
  'trigger',
  'sequence',
]

/** Bytewise, as Prisma and `sort` under LC_ALL=C order names. */
export function bytewise(left: string, right: string): number {
  const length = Math.min(left.length, right.length)
  for (let index = 0; index < length; index += 1) {
    const [one, other] = [left.charCodeAt(index), right.charCodeAt(index)]
    if (one === other) continue
    // Below the surrogates the order of code units is that of UTF-8's bytes.
    return Math.max(one, other) < 0xd800 ? one - other : Buffer.compare(Buffer.from(left), Buffer.from(right))
  }
  return left.length - right.length
}

function byName(left: readonly [string, unknown], right: readonly [string, unknown]): number {
  return bytewise(left[0], right[0])
}

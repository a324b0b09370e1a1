import { quoteIdentifier } from '../../src/schema/quote.ts'
import { type Facts, keyOf, parseKey, type Snapshot } from '../../src/schema/snapshot.ts'
import { quoteWhereNeeded as quote } from './quote-where-needed.ts'

/** A foreign key, from PostgreSQL's own text of it. */
export type ForeignKey = {
  readonly columns: readonly string[]
  /** The table it points to, without the schema. */
  readonly parent: string
  readonly parentColumns: readonly string[]
  readonly onDelete: string
}

export function foreignKeyOf(facts: Facts | undefined): ForeignKey | undefined {
  const match = /^FOREIGN KEY \((.+?)\) REFERENCES (.+?)\((.+?)\)(.*)$/.exec(
    String(facts?.['definition'] ?? ''),
  )
  if (match === null) return undefined
  const [, columns = '', parent = '', parentColumns = '', rest = ''] = match
  return {
    columns: namesIn(columns),
    parent: namesIn(parent).at(-1) ?? '',
    parentColumns: namesIn(parentColumns),
    onDelete: / ON DELETE (CASCADE|RESTRICT|SET NULL|SET DEFAULT|NO ACTION)/.exec(rest)?.[1] ?? 'NO ACTION',
  }
}

/** The rows whose parent is not there, as a condition on `this`. */
export function orphansOf({ columns, parent, parentColumns }: ForeignKey): string {
  const set = columns.map(name => `this.${quote(name)} IS NOT NULL`)
  const same = columns.map(
    (name, index) => `parent.${quote(parentColumns[index] ?? '')} = this.${quote(name)}`,
  )
  return `${set.join(' AND ')} AND NOT EXISTS (SELECT FROM public.${quote(parent)} AS parent WHERE ${same.join(' AND ')})`
}

/**
 * All rows but the one stored last of those with one key, as a condition on `this`; undefined for what is no plain key
 * over columns (an expression, a part of the rows, a check).
 */
export function duplicatesOf(key: string, snapshot: Snapshot): string | undefined {
  const columns = keyColumns(String(snapshot[key]?.['definition'] ?? ''))
  if (columns === undefined) return undefined
  const { names } = parseKey(key)
  const table = names.slice(0, 2).map(quote).join('.')
  const same = columns.map(name => `other.${quote(name)} = this.${quote(name)}`)
  return `EXISTS (SELECT FROM ${table} AS other WHERE ${same.join(' AND ')} AND other.ctid > this.ctid)`
}

/** Whether the newer release's keys forbid already what a key of the older one forbids. */
export function isUniqueAnyway(key: string, before: Snapshot, after: Snapshot): boolean {
  const columns = new Set(keyColumns(String(before[key]?.['definition'] ?? '')))
  const table = parseKey(key).names.slice(0, 2).join('\0')
  return Object.entries(after).some(([other, facts]) => {
    const { kind, names } = parseKey(other)
    if ((kind !== 'constraint' && kind !== 'index') || names.slice(0, 2).join('\0') !== table) return false
    return keyColumns(String(facts['definition'] ?? ''))?.every(name => columns.has(name)) === true
  })
}

function keyColumns(definition: string): readonly string[] | undefined {
  const list =
    /^(?:PRIMARY KEY|UNIQUE) \(([^()]+)\)$/.exec(definition) ??
    /^CREATE UNIQUE INDEX \S+ ON \S+ USING btree \(([^()]+)\)$/.exec(definition)
  return list?.[1] === undefined ? undefined : namesIn(list[1])
}

/** Columns of a table that is not there in the snapshot's order of keys: the ones with this enum's type. */
export function columnUse(
  key: string,
  snapshot: Snapshot,
): {
  readonly columns: readonly { readonly column: string; readonly isArray: boolean }[]
  /** The label that a column of this type has by default. */
  readonly defaultLabel: string | undefined
} {
  const type = typeText(key)
  const columns = Object.entries(snapshot).flatMap(([column, facts]) =>
    parseKey(column).kind === 'column' && [type, `${type}[]`].includes(String(facts['type']))
      ? [{ column, isArray: String(facts['type']).endsWith('[]'), facts }]
      : [],
  )
  const defaults = columns.flatMap(
    ({ facts }) => /^'([^']+)'::/.exec(String(facts['default'] ?? ''))?.[1] ?? [],
  )
  return { columns: columns.map(({ column, isArray }) => ({ column, isArray })), defaultLabel: defaults[0] }
}

/** A type as format_type writes it: quoted only where it must be. */
function typeText(key: string): string {
  return parseKey(key)
    .names.map(name => (/^[a-z_][a-z0-9_$]*$/.test(name) ? name : quoteIdentifier(name)))
    .join('.')
}

/** Tables that go, each before the ones it points to. */
export function tableOrder(tables: readonly string[], removed: Snapshot): string[] {
  const parentsOf = (table: string): string[] =>
    Object.entries(removed).flatMap(([key, facts]) => {
      const { kind, names } = parseKey(key)
      const foreign = kind === 'constraint' ? foreignKeyOf(facts) : undefined
      if (foreign === undefined || keyOf({ kind: 'table', names: names.slice(0, 2) }) !== table) return []
      return [keyOf({ kind: 'table', names: ['public', foreign.parent] })]
    })
  const ordered: string[] = []
  const visit = (table: string, path: readonly string[]): void => {
    if (ordered.includes(table) || path.includes(table) || !tables.includes(table)) return
    for (const parent of parentsOf(table)) visit(parent, [...path, table])
    ordered.push(table)
  }
  for (const table of tables) visit(table, [])
  return ordered.toReversed()
}

/** Foreign keys between tables that go, against their order: two tables that point to each other. */
export function cyclicForeignKeys(
  constraints: readonly string[],
  ordered: readonly string[],
  removed: Snapshot,
): string[] {
  return constraints.filter(key => {
    const foreign = foreignKeyOf(removed[key])
    const child = ordered.indexOf(keyOf({ kind: 'table', names: parseKey(key).names.slice(0, 2) }))
    const parent = ordered.indexOf(keyOf({ kind: 'table', names: ['public', foreign?.parent ?? ''] }))
    return foreign !== undefined && child !== -1 && parent !== -1 && parent < child
  })
}

export function isGoneWithTable(key: string, tables: readonly string[]): boolean {
  return tables.includes(keyOf({ kind: 'table', names: parseKey(key).names.slice(0, 2) }))
}

/** The names of a list such as `id, "projectId"` or `public.traces`. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/"((?:[^"]|"")*)"|([A-Za-z_][\w$]*)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  )
}

import { parseKey, type Snapshot } from '../../../src/schema/snapshot.ts'

export type Column = { readonly type: string; readonly notNull: boolean; readonly default: string | null }

export type ForeignKey = {
  readonly columns: readonly string[]
  readonly references: { readonly table: string; readonly columns: readonly string[] }
}

/** A table of `public` as whoever writes rows needs it. */
export type Table = {
  readonly columns: ReadonlyMap<string, Column>
  /** Empty where the table has no primary key. */
  readonly primaryKey: readonly string[]
  readonly foreignKeys: readonly ForeignKey[]
}

/** The tables of `public` by name. */
export function tablesOf(schema: Snapshot): ReadonlyMap<string, Table> {
  const tables = known.get(schema) ?? readTables(schema)
  known.set(schema, tables)
  return tables
}

/** Whoever makes a row asks for the tables again. */
const known = new WeakMap<Snapshot, ReadonlyMap<string, Table>>()

function readTables(schema: Snapshot): ReadonlyMap<string, Table> {
  const tables = new Map<
    string,
    { columns: Map<string, Column>; primaryKey: string[]; foreignKeys: ForeignKey[] }
  >()
  const objects = Object.entries(schema).map(([key, facts]) => ({ ...parseKey(key), facts }))
  for (const { kind, names } of objects) {
    if (kind === 'table' && names[0] === 'public')
      tables.set(names[1] ?? '', { columns: new Map(), primaryKey: [], foreignKeys: [] })
  }
  for (const { kind, names, facts } of objects) {
    const table = names[0] === 'public' ? tables.get(names[1] ?? '') : undefined
    if (table === undefined) continue
    if (kind === 'column') table.columns.set(names[2] ?? '', columnOf(facts))
    if (kind !== 'constraint') continue
    const definition = String(facts['definition'])
    const foreignKey = foreignKeyOf(definition)
    if (foreignKey !== undefined) table.foreignKeys.push(foreignKey)
    if (definition.startsWith('PRIMARY KEY')) table.primaryKey.push(...namesIn(definition))
  }
  return tables
}

/** The labels of an enum type by the name that a column's type has: `public."Role"`. */
export function labelsOf(schema: Snapshot, type: string): readonly string[] {
  const labels = schema[`enum ${type.replaceAll('"', '')}`]?.['labels']
  return Array.isArray(labels) ? labels : []
}

function columnOf(facts: Snapshot[string]): Column {
  return {
    type: String(facts['type']),
    notNull: facts['notNull'] === true,
    default: typeof facts['default'] === 'string' ? facts['default'] : null,
  }
}

function foreignKeyOf(definition: string): ForeignKey | undefined {
  const [, from, table, to] =
    /^FOREIGN KEY (\(.+?\)) REFERENCES public\.("(?:[^"]|"")+"|\w+)(\(.+?\))/.exec(definition) ?? []
  if (from === undefined || table === undefined || to === undefined) return undefined
  return {
    columns: namesIn(from),
    references: { table: unquoted(table), columns: namesIn(to) },
  }
}

/** The names between the first parentheses of a definition. */
function namesIn(definition: string): string[] {
  const list = /\((.+?)\)/.exec(definition)?.[1] ?? ''
  return list.split(',').map(name => unquoted(name.trim()))
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name
}

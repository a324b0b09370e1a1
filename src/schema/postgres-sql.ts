import { contract, type Delta, expand, type Rename, renameKeys, type Statement } from './diff.ts'
import { columnsOf, enumStatements, isRebuilt } from './postgres-enum.ts'
import { quoteIdentifier as quote, quoteLiteral } from './quote.ts'
import { type Facts, type Kind, keyOf, parseKey, type Snapshot, sameFacts } from './snapshot.ts'

/**
 * The SQL that turns the schema `from` into `to`, in an order that dependencies allow: renames, drops of dependents
 * (triggers, views, foreign keys, …), creates and changes, drops of tables and enums.
 * It moves no data: a NOT NULL or a unique key fails on rows that violate it.
 */
export function renderDelta(delta: Delta, from: Snapshot, to: Snapshot): Statement[] {
  const changed = Object.keys(delta.changed).filter(key => !followsRenames(key, delta))
  const remade = [
    ...changed.filter(isRecreated),
    ...viewsOverRetyped(changed, delta, renameKeys(from, delta.renamed), to),
  ]
  const gone = objectsByKind([...Object.keys(delta.removed), ...remade])
  const come = objectsByKind([...Object.keys(delta.added), ...remade])
  const altered = objectsByKind(changed)
  return [
    ...delta.renamed.toSorted(tablesFirst).map(rename),
    ...dropDependents(gone, key => delta.removed[key] ?? delta.changed[key]?.from ?? to[key]),
    ...come('enum').map(key => expand(key, `CREATE TYPE ${full(key)} AS ENUM (${labels(to[key])})`)),
    ...enumStatements(delta, renameKeys(from, delta.renamed), to),
    ...come('sequence').map(key => expand(key, `CREATE SEQUENCE ${full(key)} ${sequenceOptions(to[key])}`)),
    ...altered('sequence').map(key =>
      contract(key, `ALTER SEQUENCE ${full(key)} ${sequenceOptions(to[key])}`),
    ),
    ...come('function').map(key => expand(key, definition(to[key]))),
    ...createTables(come, to),
    ...altered('column').flatMap(key => alterColumn(key, delta.changed[key]?.from ?? {}, to[key] ?? {})),
    ...dropTables(gone, delta),
    ...createDependents(come, to),
  ]
}

type ByKind = (kind: Kind) => readonly string[]

function objectsByKind(keys: readonly string[]): ByKind {
  return kind => keys.filter(key => parseKey(key).kind === kind)
}

/** A change of these is a drop and a create. */
function isRecreated(key: string): boolean {
  return ['constraint', 'index', 'view', 'function', 'trigger'].includes(parseKey(key).kind)
}

/**
 * Unchanged views over a table in which a column's type changes: PostgreSQL refuses the change while they exist. The
 * columns of a view are unknown, so each view that names the table is recreated.
 */
function viewsOverRetyped(
  changed: readonly string[],
  delta: Delta,
  before: Snapshot,
  to: Snapshot,
): string[] {
  const enums = changed.filter(key => parseKey(key).kind === 'enum' && isRebuilt(delta.changed[key]))
  const moved = enums.flatMap(key => columnsOf(key, before).map(([column]) => column))
  const retyped = changed.filter(key => delta.changed[key]?.from['type'] !== delta.changed[key]?.to['type'])
  const tables = [...moved, ...retyped].map(key => parseKey(key).names[1] ?? '')
  return Object.keys(to).filter(
    key =>
      parseKey(key).kind === 'view' &&
      before[key] !== undefined &&
      !changed.includes(key) &&
      tables.some(name => new RegExp(`\\b${name.replaceAll(/\W/g, '\\$&')}\\b`).test(definition(to[key]))),
  )
}

/**
 * PostgreSQL itself renames objects in definitions (not in the bodies of functions), so a definition that differs only by
 * renames needs no statement.
 */
export function followsRenames(key: string, { renamed, changed }: Delta): boolean {
  const change = changed[key]
  if (change === undefined || renamed.length === 0 || parseKey(key).kind === 'function') return false
  const names = new Map(renamed.map(({ from, to }) => [lastName(from), lastName(to)]))
  const followed = Object.entries(change.from).map(([fact, value]) => [
    fact,
    typeof value === 'string' ? value.replaceAll(/\w+/g, word => names.get(word) ?? word) : value,
  ])
  return sameFacts(Object.fromEntries(followed), change.to)
}

function lastName(key: string): string {
  return parseKey(key).names.at(-1) ?? ''
}

function tablesFirst(left: Rename, right: Rename): number {
  const rank = ({ from }: Rename): number => (parseKey(from).kind === 'table' ? 0 : 1)
  return rank(left) - rank(right)
}

function dropDependents(gone: ByKind, factsOf: (key: string) => Facts | undefined): Statement[] {
  const tables = new Set(gone('table'))
  // DROP TABLE drops its objects, but two tables that refer to each other need their foreign keys dropped first.
  const alone = (key: string): boolean => !tables.has(tableKey(key)) || isForeignKey(factsOf(key))
  return [
    ...gone('trigger').map(key => contract(key, `DROP TRIGGER ${own(key)} ON ${tableOf(key)}`)),
    ...gone('view').map(key => contract(key, `DROP ${viewWord(factsOf(key))} ${full(key)}`)),
    ...foreignKeysFirst(gone('constraint'), factsOf)
      .filter(alone)
      .map(key => dropConstraint(key, factsOf(key))),
    ...gone('index')
      .filter(alone)
      .map(key => contract(key, `DROP INDEX ${indexName(key)}`)),
    ...gone('function').map(key => contract(key, `DROP FUNCTION ${routine(key)}`)),
  ]
}

function createTables(come: ByKind, to: Snapshot): Statement[] {
  const tables = new Set(come('table'))
  return [
    ...[...tables].map(key => createTable(key, to)),
    ...come('column')
      .filter(key => !tables.has(tableKey(key)))
      .map(key => expand(key, `ALTER TABLE ${tableOf(key)} ADD COLUMN ${own(key)} ${columnSql(to[key])}`)),
  ]
}

function dropTables(gone: ByKind, delta: Delta): Statement[] {
  const tables = new Set(gone('table'))
  return [
    ...gone('column')
      .filter(key => !tables.has(tableKey(key)))
      .map(key => contract(key, `ALTER TABLE ${tableOf(key)} DROP COLUMN ${own(key)}`)),
    ...[...tables].map(key => contract(key, `DROP TABLE ${full(key)}`)),
    ...gone('sequence')
      .filter(key => (delta.removed[key]?.['ownedBy'] ?? null) === null) // an owned one is dropped with its column
      .map(key => contract(key, `DROP SEQUENCE ${full(key)}`)),
    ...gone('enum').map(key => contract(key, `DROP TYPE ${full(key)}`)),
  ]
}

function createDependents(come: ByKind, to: Snapshot): Statement[] {
  const add = (key: string): Statement => addConstraint(key, to[key])
  const isForeign = (key: string): boolean => isForeignKey(to[key])
  return [
    ...come('sequence').flatMap(key => ownedBy(key, to[key])),
    ...come('constraint')
      .filter(key => !isForeign(key))
      .map(add),
    ...come('index').map(key => createIndex(key, to[key])),
    // A foreign key needs a key or a unique index over the columns it refers to.
    ...come('constraint').filter(isForeign).map(add),
    ...come('view').map(key =>
      expand(key, `CREATE ${viewWord(to[key])} ${full(key)} AS ${definition(to[key])}`),
    ),
    ...come('trigger').map(key => expand(key, definition(to[key]))),
  ]
}

function rename({ from, to }: Rename): Statement {
  const { kind, names } = parseKey(from)
  const name = quote(parseKey(to).names.at(-1) ?? '')
  const schema = names.slice(0, 1)
  // Tables are renamed first, so other statements use the new name.
  const table = parseKey(to).names.slice(0, -1).map(quote).join('.')
  const old = quote(names.at(-1) ?? '')
  const full = names.map(quote).join('.')
  const statements: Record<Kind, string> = {
    table: `ALTER TABLE ${full} RENAME TO ${name}`,
    column: `ALTER TABLE ${table} RENAME COLUMN ${old} TO ${name}`,
    constraint: `ALTER TABLE ${table} RENAME CONSTRAINT ${old} TO ${name}`,
    index: `ALTER INDEX ${[...schema.map(quote), old].join('.')} RENAME TO ${name}`,
    enum: `ALTER TYPE ${full} RENAME TO ${name}`,
    view: `ALTER VIEW ${full} RENAME TO ${name}`,
    function: `ALTER FUNCTION ${full} RENAME TO ${name}`,
    trigger: `ALTER TRIGGER ${old} ON ${table} RENAME TO ${name}`,
    sequence: `ALTER SEQUENCE ${full} RENAME TO ${name}`,
  }
  return contract(to, statements[kind])
}

function createTable(key: string, to: Snapshot): Statement {
  const columns = Object.keys(to)
    .filter(column => column.startsWith('column ') && tableKey(column) === key)
    .map(column => `  ${own(column)} ${columnSql(to[column])}`)
  const unlogged = to[key]?.['persistence'] === 'unlogged' ? 'UNLOGGED ' : ''
  return expand(key, `CREATE ${unlogged}TABLE ${full(key)} (\n${columns.join(',\n')}\n)`)
}

export function columnSql(facts: Facts | undefined): string {
  const { type, notNull, default: value, generated, identity, collation } = facts ?? {}
  return [
    type,
    collation ? `COLLATE ${collation}` : '',
    generated ? `GENERATED ALWAYS AS (${generated}) STORED` : '',
    identity ? `GENERATED ${String(identity).toUpperCase()} AS IDENTITY` : '',
    value === null || value === undefined ? '' : `DEFAULT ${value}`,
    notNull ? 'NOT NULL' : '',
  ]
    .filter(part => part !== '')
    .join(' ')
}

function alterColumn(key: string, before: Facts, after: Facts): Statement[] {
  const alter = (change: string): string => `ALTER TABLE ${tableOf(key)} ALTER COLUMN ${own(key)} ${change}`
  const differs = (fact: string): boolean => (before[fact] ?? null) !== (after[fact] ?? null)
  const has = (facts: Facts, fact: string): boolean => (facts[fact] ?? null) !== null
  const isRetyped = differs('type') || differs('collation')
  const isRedefaulted = differs('default') || isRetyped // a default blocks a change of type
  const when = (condition: boolean, statement: () => Statement): Statement[] =>
    condition ? [statement()] : []
  const identity = `ADD GENERATED ${String(after['identity']).toUpperCase()} AS IDENTITY`
  return [
    ...when(isRedefaulted && has(before, 'default'), () => expand(key, alter('DROP DEFAULT'))),
    ...when(differs('identity') && has(before, 'identity'), () => contract(key, alter('DROP IDENTITY'))),
    ...when(differs('generated') && has(before, 'generated'), () => contract(key, alter('DROP EXPRESSION'))),
    ...when(isRetyped, () => contract(key, alter(retype(own(key), before, after)))),
    ...when(differs('notNull') && after['notNull'] === true, () => contract(key, alter('SET NOT NULL'))),
    ...when(differs('notNull') && after['notNull'] !== true, () => expand(key, alter('DROP NOT NULL'))),
    ...when(isRedefaulted && has(after, 'default'), () =>
      expand(key, alter(`SET DEFAULT ${after['default']}`)),
    ),
    ...when(differs('identity') && has(after, 'identity'), () => expand(key, alter(identity))),
  ]
}

function retype(column: string, before: Facts, after: Facts): string {
  const collate = after['collation'] ? ` COLLATE ${after['collation']}` : ''
  const isEnum = (facts: Facts): boolean => String(facts['type']).includes('.') // only user types are qualified
  const array = String(before['type']).endsWith('[]') ? '[]' : ''
  const through = isEnum(before) && isEnum(after) ? `::text${array}` : ''
  return `TYPE ${after['type']}${collate} USING ${column}${through}::${after['type']}`
}

function dropConstraint(key: string, facts: Facts | undefined): Statement {
  const sql = `ALTER TABLE ${tableOf(key)} DROP CONSTRAINT ${own(key)}`
  // ON CONFLICT needs the key; a foreign key or a check only forbids rows.
  return /^(FOREIGN KEY|CHECK)/.test(definition(facts)) ? expand(key, sql) : contract(key, sql)
}

function addConstraint(key: string, facts: Facts | undefined): Statement {
  const sql = `ALTER TABLE ${tableOf(key)} ADD CONSTRAINT ${own(key)} ${definition(facts)}`
  return contract(key, sql)
}

function createIndex(key: string, facts: Facts | undefined): Statement {
  const sql = definition(facts)
  return sql.startsWith('CREATE UNIQUE') ? contract(key, sql) : expand(key, sql)
}

function isForeignKey(facts: Facts | undefined): boolean {
  return definition(facts).startsWith('FOREIGN KEY')
}

function foreignKeysFirst(keys: readonly string[], factsOf: (key: string) => Facts | undefined): string[] {
  const rank = (key: string): number => (isForeignKey(factsOf(key)) ? 0 : 1)
  return keys.toSorted((left, right) => rank(left) - rank(right))
}

function sequenceOptions(facts: Facts | undefined): string {
  const { type, start, increment, minimum, maximum, cycle } = facts ?? {}
  return `AS ${type} START ${start} INCREMENT ${increment} MINVALUE ${minimum} MAXVALUE ${maximum}${cycle ? ' CYCLE' : ''}`
}

function ownedBy(key: string, facts: Facts | undefined): Statement[] {
  const owner = facts?.['ownedBy']
  if (typeof owner !== 'string') return []
  const column = parseKey(`column ${owner}`).names.map(quote).join('.')
  return [expand(key, `ALTER SEQUENCE ${full(key)} OWNED BY ${column}`)]
}

function labels(facts: Facts | undefined): string {
  const list = facts?.['labels']
  return Array.isArray(list) ? list.map(label => quoteLiteral(String(label))).join(', ') : ''
}

function definition(facts: Facts | undefined): string {
  return String(facts?.['definition'] ?? '')
}

function viewWord(facts: Facts | undefined): string {
  return facts?.['materialized'] ? 'MATERIALIZED VIEW' : 'VIEW'
}

function full(key: string): string {
  return parseKey(key).names.map(quote).join('.')
}

/** A function's last name includes its arguments, which are PostgreSQL's own text. */
function routine(key: string): string {
  const [schema = '', signature = ''] = parseKey(key).names
  const parenthesis = signature.indexOf('(')
  return `${quote(schema)}.${quote(signature.slice(0, parenthesis))}${signature.slice(parenthesis)}`
}

function own(key: string): string {
  return quote(parseKey(key).names.at(-1) ?? '')
}

function tableKey(key: string): string {
  return keyOf({ kind: 'table', names: parseKey(key).names.slice(0, -1) })
}

function tableOf(key: string): string {
  return parseKey(key).names.slice(0, -1).map(quote).join('.')
}

function indexName(key: string): string {
  const [schema = '', , name = ''] = parseKey(key).names
  return `${quote(schema)}.${quote(name)}`
}

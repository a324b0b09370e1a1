import type { Delta, Rename } from './diff.ts'
import { enumStatements } from './postgres-enum.ts'
import { quoteIdentifier as quote } from './quote.ts'
import { type Facts, type Kind, keyOf, parseKey, type Snapshot } from './snapshot.ts'
import { contract, expand, type Statement } from './statement.ts'

/**
 * The SQL that turns the schema `from` into `to`, in an order that dependencies allow: renames, then what goes from
 * the outside in (triggers, views, foreign keys, … tables, enums), then what comes from the inside out.
 * It moves no data: a NOT NULL or a unique key fails on rows that do not have it, a new NOT NULL column without a
 * default on any row.
 * The change from the empty snapshot builds a schema from nothing.
 */
export function renderDelta(delta: Delta, from: Snapshot, to: Snapshot): Statement[] {
  const changed = Object.keys(delta.changed)
  const gone = (kind: Kind): string[] =>
    keysOf(kind, [...Object.keys(delta.removed), ...recreated(kind, changed)])
  const come = (kind: Kind): string[] =>
    keysOf(kind, [...Object.keys(delta.added), ...recreated(kind, changed)])
  const goneTables = new Set(gone('table'))
  const comeTables = new Set(come('table'))
  const before = { ...from, ...delta.removed } // under the new names where something was renamed
  return [
    ...delta.renamed.map(rename),
    ...gone('trigger').map(key => contract(key, `DROP TRIGGER ${own(key)} ON ${tableOf(key)}`)),
    ...gone('view').map(key =>
      contract(key, `DROP ${viewWord(before[key] ?? oldFacts(delta, key))} ${full(key)}`),
    ),
    ...foreignKeysFirst(gone('constraint'), key => before[key] ?? oldFacts(delta, key))
      .filter(key => !goneTables.has(tableKey(key)) || isForeignKey(before[key] ?? oldFacts(delta, key)))
      .map(key => dropConstraint(key, before[key] ?? oldFacts(delta, key))),
    ...gone('index')
      .filter(key => !goneTables.has(tableKey(key)))
      .map(key => contract(key, `DROP INDEX ${indexName(key)}`)),
    ...gone('function').map(key => contract(key, `DROP FUNCTION ${routine(key)}`)),
    ...come('enum').map(key => expand(key, `CREATE TYPE ${full(key)} AS ENUM (${labels(to[key])})`)),
    ...enumStatements(delta, to),
    ...come('sequence').map(key => expand(key, `CREATE SEQUENCE ${full(key)} ${sequenceOptions(to[key])}`)),
    ...changedKeys('sequence', changed).map(key =>
      contract(key, `ALTER SEQUENCE ${full(key)} ${sequenceOptions(to[key])}`),
    ),
    ...come('function').map(key => expand(key, definition(to[key]))),
    ...come('table').map(key => createTable(key, to)),
    ...come('column')
      .filter(key => !comeTables.has(tableKey(key)))
      .map(key => expand(key, `ALTER TABLE ${tableOf(key)} ADD COLUMN ${own(key)} ${columnSql(to[key])}`)),
    ...changedKeys('column', changed).flatMap(key => alterColumn(key, delta, to)),
    ...gone('column')
      .filter(key => !goneTables.has(tableKey(key)))
      .map(key => contract(key, `ALTER TABLE ${tableOf(key)} DROP COLUMN ${own(key)}`)),
    ...gone('table').map(key => contract(key, `DROP TABLE ${full(key)}`)),
    ...gone('sequence')
      .filter(key => delta.removed[key]?.['ownedBy'] == null)
      .map(key => contract(key, `DROP SEQUENCE ${full(key)}`)),
    ...gone('enum').map(key => contract(key, `DROP TYPE ${full(key)}`)),
    ...come('sequence').flatMap(key => ownedBy(key, to[key])),
    ...foreignKeysFirst(come('constraint'), key => to[key])
      .toReversed()
      .map(key => addConstraint(key, to)),
    ...come('index').map(key => createIndex(key, to[key])),
    ...come('view').map(key =>
      expand(key, `CREATE ${viewWord(to[key])} ${full(key)} AS ${definition(to[key])}`),
    ),
    ...come('trigger').map(key => expand(key, definition(to[key]))),
  ]
}

function keysOf(kind: Kind, keys: readonly string[]): string[] {
  return keys.filter(key => parseKey(key).kind === kind)
}

function changedKeys(kind: Kind, changed: readonly string[]): string[] {
  return keysOf(kind, changed)
}

/** These cannot be altered in place: a change is a drop and a create. */
function recreated(kind: Kind, changed: readonly string[]): string[] {
  return ['constraint', 'index', 'view', 'function', 'trigger'].includes(kind) ? keysOf(kind, changed) : []
}

function oldFacts(delta: Delta, key: string): Facts | undefined {
  return delta.changed[key]?.from ?? delta.removed[key]
}

function rename({ from, to }: Rename): Statement {
  const { kind, names } = parseKey(from)
  const name = quote(parseKey(to).names.at(-1) ?? '')
  const schema = names.slice(0, 1)
  // Tables are renamed first, so the other statements meet the table under its new name.
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

function columnSql(facts: Facts | undefined): string {
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

function alterColumn(key: string, delta: Delta, to: Snapshot): Statement[] {
  const [before, after] = [oldFacts(delta, key), to[key]]
  if (before === undefined || after === undefined) return []
  const alter = (change: string): string => `ALTER TABLE ${tableOf(key)} ALTER COLUMN ${own(key)} ${change}`
  const differs = (fact: string): boolean => (before[fact] ?? null) !== (after[fact] ?? null)
  const retyped = differs('type') || differs('collation')
  const hasDefault = (facts: Facts): boolean => (facts['default'] ?? null) !== null
  const collate = after['collation'] ? ` COLLATE ${after['collation']}` : ''
  return [
    // A default stands in the way of a change of type when it has no cast to the new one.
    ...(hasDefault(before) && (differs('default') || retyped) ? [expand(key, alter('DROP DEFAULT'))] : []),
    ...(differs('identity') && before['identity'] ? [contract(key, alter('DROP IDENTITY'))] : []),
    ...(differs('generated') && before['generated'] ? [contract(key, alter('DROP EXPRESSION'))] : []),
    ...(retyped
      ? [contract(key, alter(`TYPE ${after['type']}${collate} USING ${own(key)}::text::${after['type']}`))]
      : []),
    ...(differs('notNull')
      ? [after['notNull'] ? contract(key, alter('SET NOT NULL')) : expand(key, alter('DROP NOT NULL'))]
      : []),
    ...(hasDefault(after) && (differs('default') || retyped)
      ? [expand(key, alter(`SET DEFAULT ${after['default']}`))]
      : []),
    ...(differs('identity') && after['identity']
      ? [expand(key, alter(`ADD GENERATED ${String(after['identity']).toUpperCase()} AS IDENTITY`))]
      : []),
  ]
}

function dropConstraint(key: string, facts: Facts | undefined): Statement {
  const sql = `ALTER TABLE ${tableOf(key)} DROP CONSTRAINT ${own(key)}`
  // A key that is gone takes ON CONFLICT with it; a foreign key or a check only forbade something.
  return /^(FOREIGN KEY|CHECK)/.test(definition(facts)) ? expand(key, sql) : contract(key, sql)
}

function addConstraint(key: string, to: Snapshot): Statement {
  const sql = `ALTER TABLE ${tableOf(key)} ADD CONSTRAINT ${own(key)} ${definition(to[key])}`
  return contract(key, sql)
}

function createIndex(key: string, facts: Facts | undefined): Statement {
  const sql = definition(facts)
  return sql.startsWith('CREATE UNIQUE') ? contract(key, sql) : expand(key, sql)
}

function isForeignKey(facts: Facts | undefined): boolean {
  return definition(facts).startsWith('FOREIGN KEY')
}

/** A foreign key goes before the key it refers to, and comes after it. */
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
  return Array.isArray(list) ? list.map(label => `'${String(label).replaceAll("'", "''")}'`).join(', ') : ''
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

/** A function's last name carries its arguments, which are PostgreSQL's own text. */
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

import type { Delta } from './diff.ts'
import { quoteClickHouseIdentifier as quote } from './quote.ts'
import { type Facts, keyOf, parseKey, type Snapshot } from './snapshot.ts'
import { contract, expand, type Statement } from './statement.ts'

/** What a ClickHouse migration does to data besides changing the schema: builds an index for the rows that are there. */
export type Effect = { readonly materialize: string }

/**
 * The SQL that turns the ClickHouse schema `from` into `to`: views go first and come last; no ON CLUSTER, no EXCHANGE,
 * no CREATE OR REPLACE. A table whose engine or keys changed is dropped and made anew, empty.
 * @param database stands for `{database}` in the text of views
 */
export function renderDelta(delta: Delta, from: Snapshot, to: Snapshot, database = 'default'): Statement[] {
  const remade = new Set(
    Object.entries(delta.changed)
      .filter(([key, { from: before, to: after }]) => isRemade(key, before, after))
      .map(([key]) => key),
  )
  const changed = Object.keys(delta.changed).filter(key => !remade.has(key))
  const isGone = (key: string): boolean => delta.removed[key] !== undefined || remade.has(key)
  const isNew = (key: string): boolean => delta.added[key] !== undefined || remade.has(key)
  const gone = (kind: string): string[] => Object.keys(from).filter(key => isGone(key) && isKind(key, kind))
  const come = (kind: string): string[] => Object.keys(to).filter(key => isNew(key) && isKind(key, kind))
  const inTable = (is: (key: string) => boolean) => (key: string) => !is(tableKey(key))
  return [
    ...delta.renamed.map(renamed => rename(renamed.from, renamed.to)),
    ...gone('view').map(key => contract(key, `DROP VIEW ${own(key)}`)),
    ...gone('index')
      .filter(inTable(isGone))
      .map(key => contract(key, `ALTER TABLE ${table(key)} DROP INDEX ${own(key)}`)),
    ...gone('column')
      .filter(inTable(isGone))
      .map(key => contract(key, `ALTER TABLE ${table(key)} DROP COLUMN ${own(key)}`)),
    ...gone('table').map(key => contract(key, `DROP TABLE ${own(key)}`)),
    ...come('table').map(key => expand(key, createTable(key, to))),
    ...come('column')
      .filter(inTable(isNew))
      .map(key => expand(key, `ALTER TABLE ${table(key)} ADD COLUMN ${own(key)} ${columnSql(to[key])}`)),
    ...changed
      .filter(key => isKind(key, 'column'))
      .flatMap(key => alterColumn(key, delta.changed[key]?.from ?? {}, to[key] ?? {})),
    ...changed.filter(key => isKind(key, 'table')).flatMap(key => alterTable(key, to[key] ?? {})),
    ...come('index')
      .filter(inTable(isNew))
      .map(key => expand(key, `ALTER TABLE ${table(key)} ADD INDEX ${own(key)} ${indexSql(to[key])}`)),
    ...come('view').map(key =>
      expand(key, createView(key, to[key]).replaceAll('{database}', quote(database))),
    ),
  ]
}

/** The SQL of what a migration does to data. */
export function renderEffects(effects: readonly Effect[]): string[] {
  return effects.map(({ materialize: key }) => `ALTER TABLE ${table(key)} MATERIALIZE INDEX ${own(key)}`)
}

function isKind(key: string, kind: string): boolean {
  return parseKey(key).kind === kind
}

function isRemade(key: string, before: Facts, after: Facts): boolean {
  if (isKind(key, 'view') || isKind(key, 'index')) return true
  return (
    isKind(key, 'table') &&
    ['engine', 'partitionKey', 'primaryKey', 'sortingKey'].some(fact => before[fact] !== after[fact])
  )
}

function rename(from: string, to: string): Statement {
  const [before, after] = [parseKey(from), parseKey(to)]
  if (before.kind === 'table') return contract(to, `RENAME TABLE ${own(from)} TO ${own(to)}`)
  if (before.kind === 'column')
    return contract(to, `ALTER TABLE ${table(to)} RENAME COLUMN ${own(from)} TO ${own(to)}`)
  throw new Error(`ClickHouse cannot rename ${from} to ${after.names.join('.')}.`)
}

function createTable(key: string, to: Snapshot): string {
  const facts = to[key] ?? {}
  const parts = Object.entries(to).filter(([part]) => tableKey(part) === key)
  const lines = [
    ...parts
      .filter(([part]) => isKind(part, 'column'))
      .map(([part, column]) => `  ${own(part)} ${columnSql(column)}`),
    ...parts
      .filter(([part]) => isKind(part, 'index'))
      .map(([part, index]) => `  INDEX ${own(part)} ${indexSql(index)}`),
  ]
  const clause = (word: string, value: Facts[string] | undefined): string =>
    value ? ` ${word} ${value}` : ''
  return `CREATE TABLE ${own(key)} (\n${lines.join(',\n')}\n) ENGINE = ${facts['engine']}${[
    clause('PARTITION BY', facts['partitionKey']),
    clause('PRIMARY KEY', facts['primaryKey']),
    clause('ORDER BY', facts['sortingKey']),
    clause('SAMPLE BY', facts['samplingKey']),
    clause('TTL', facts['ttl']),
    clause('SETTINGS', settingsOf(facts)),
  ].join('')}`
}

function settingsOf(facts: Facts): string {
  const settings = facts['settings']
  return Array.isArray(settings) ? settings.join(', ') : ''
}

function alterTable(key: string, after: Facts): Statement[] {
  const settings = settingsOf(after)
  return [
    contract(key, `ALTER TABLE ${own(key)} ${after['ttl'] ? `MODIFY TTL ${after['ttl']}` : 'REMOVE TTL'}`),
    ...(settings === '' ? [] : [contract(key, `ALTER TABLE ${own(key)} MODIFY SETTING ${settings}`)]),
  ].filter(statement => after['ttl'] || !statement.sql.endsWith('REMOVE TTL'))
}

function columnSql(facts: Facts | undefined): string {
  const { type, default: value, codec } = facts ?? {}
  return [type, value ?? '', codec ? `CODEC(${codec})` : ''].filter(part => part !== '').join(' ')
}

function alterColumn(key: string, before: Facts, after: Facts): Statement[] {
  const alter = (change: string): string => `ALTER TABLE ${table(key)} MODIFY COLUMN ${own(key)} ${change}`
  const defaultKind = String(before['default'] ?? '').split(' ')[0]
  const fewerNulls = /^Nullable\(/.test(String(before['type'])) && !/^Nullable\(/.test(String(after['type']))
  return [
    ...(before['default'] !== null && after['default'] === null
      ? [contract(key, alter(`REMOVE ${defaultKind}`))]
      : []),
    ...(before['codec'] !== null && after['codec'] === null ? [contract(key, alter('REMOVE CODEC'))] : []),
    // Without a default, ClickHouse refuses to make NULLs into values (code 36 since 26.x).
    ...(fewerNulls && after['default'] === null
      ? [
          contract(key, alter(`${after['type']} DEFAULT defaultValueOfTypeName('${after['type']}')`)),
          contract(key, alter('REMOVE DEFAULT')),
        ]
      : [contract(key, alter(columnSql(after)))]),
  ]
}

function indexSql(facts: Facts | undefined): string {
  return `${facts?.['expression']} TYPE ${facts?.['type']} GRANULARITY ${facts?.['granularity']}`
}

function createView(key: string, facts: Facts | undefined): string {
  const isMaterialized = facts?.['engine'] === 'MaterializedView'
  const target = facts?.['target'] ? ` TO ${facts['target']}` : ''
  return `CREATE ${isMaterialized ? 'MATERIALIZED ' : ''}VIEW ${own(key)}${target} AS ${facts?.['select']}`
}

function own(key: string): string {
  return quote(parseKey(key).names.at(-1) ?? '')
}

function table(key: string): string {
  return quote(parseKey(key).names[0] ?? '')
}

function tableKey(key: string): string {
  return keyOf({ kind: 'table', names: parseKey(key).names.slice(0, 1) })
}

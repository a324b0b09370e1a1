import type { Effect } from '../../src/schema/catalog.ts'
import { contract, type Delta, expand, type Rename, type Statement } from '../../src/schema/diff.ts'
import { quoteClickHouseIdentifier as quote } from '../../src/schema/quote.ts'
import { type Facts, type Kind, keyOf, parseKey, type Snapshot } from '../../src/schema/snapshot.ts'
import { piecesOf } from '../../src/schema/sql-text.ts'

/**
 * The SQL that turns the ClickHouse schema `from` into `to`: views go first and come last; no ON CLUSTER, no EXCHANGE,
 * no CREATE OR REPLACE. A table whose engine or keys changed is dropped and made anew, empty.
 * @param database stands for `{database}` in the text of views
 */
export function renderDelta(delta: Delta, from: Snapshot, to: Snapshot, database = 'default'): Statement[] {
  const changed = Object.keys(delta.changed)
  const remade = changed.filter(key => isRemade(key, delta))
  const gone = objectsByKind(Object.keys(from).filter(key => delta.removed[key] || remade.includes(key)))
  const come = objectsByKind(Object.keys(to).filter(key => delta.added[key] || remade.includes(key)))
  const altered = objectsByKind(changed.filter(key => !remade.includes(key)))
  const before = (key: string): Facts => delta.changed[key]?.from ?? {}
  return [
    ...delta.renamed.map(rename),
    ...drop(gone),
    ...createTables(come, to),
    ...altered('column').flatMap(key => alterColumn(key, before(key), to[key] ?? {})),
    ...altered('table').flatMap(key => alterTable(key, before(key), to[key] ?? {})),
    ...createDependents(come, to, database),
  ]
}

type ByKind = (kind: Kind) => readonly string[]

function objectsByKind(keys: readonly string[]): ByKind {
  return kind => keys.filter(key => isKind(key, kind))
}

function drop(gone: ByKind): Statement[] {
  const tables = new Set(gone('table'))
  const alone = (key: string): boolean => !tables.has(tableKey(key)) // the rest goes with its table
  const alter = (key: string, word: string): Statement =>
    contract(key, `ALTER TABLE ${table(key)} DROP ${word} ${own(key)}`)
  return [
    ...gone('view').map(key => contract(key, `DROP VIEW ${own(key)}`)),
    ...gone('index')
      .filter(alone)
      .map(key => alter(key, 'INDEX')),
    ...gone('column')
      .filter(alone)
      .map(key => alter(key, 'COLUMN')),
    ...[...tables].map(key => contract(key, `DROP TABLE ${own(key)}`)),
  ]
}

function createTables(come: ByKind, to: Snapshot): Statement[] {
  const tables = new Set(come('table'))
  return [
    ...[...tables].map(key => expand(key, createTable(key, to))),
    ...come('column')
      .filter(key => !tables.has(tableKey(key)))
      .map(key => expand(key, `ALTER TABLE ${table(key)} ADD COLUMN ${own(key)} ${columnSql(to[key])}`)),
  ]
}

function createDependents(come: ByKind, to: Snapshot, database: string): Statement[] {
  const tables = new Set(come('table'))
  const view = (key: string): string => createView(key, to[key]).replaceAll('{database}', quote(database))
  return [
    ...come('index')
      .filter(key => !tables.has(tableKey(key)))
      .map(key => expand(key, `ALTER TABLE ${table(key)} ADD INDEX ${own(key)} ${indexSql(to[key])}`)),
    ...come('view').map(key => expand(key, view(key))),
  ]
}

/** The SQL of what a migration does to data. */
export function renderEffects(effects: readonly Effect[]): string[] {
  return effects.map(({ materialize: key }) => `ALTER TABLE ${table(key)} MATERIALIZE INDEX ${own(key)}`)
}

function isKind(key: string, kind: Kind): boolean {
  return parseKey(key).kind === kind
}

function isRemade(key: string, { changed }: Delta): boolean {
  const { from = {}, to = {} } = changed[key] ?? {}
  const { kind } = parseKey(key)
  if (kind !== 'table') return kind === 'view' || kind === 'index'
  return ['engine', 'partitionKey', 'primaryKey', 'sortingKey'].some(fact => from[fact] !== to[fact])
}

function rename({ from, to }: Rename): Statement {
  const { kind } = parseKey(from)
  if (kind === 'table') return contract(to, `RENAME TABLE ${own(from)} TO ${own(to)}`)
  if (kind === 'column')
    return contract(to, `ALTER TABLE ${table(to)} RENAME COLUMN ${own(from)} TO ${own(to)}`)
  throw new Error(`ClickHouse cannot rename ${from} to ${to}.`)
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
    clause('SETTINGS', settingsOf(facts).join(', ')),
  ].join('')}`
}

function settingsOf(facts: Facts): readonly string[] {
  const settings = facts['settings']
  return Array.isArray(settings) ? settings.map(String) : []
}

function alterTable(key: string, before: Facts, after: Facts): Statement[] {
  const alter = (change: string): Statement => contract(key, `ALTER TABLE ${own(key)} ${change}`)
  const [old, now] = [settingsOf(before), settingsOf(after)]
  const nameOf = (setting: string): string => setting.split(' = ')[0] ?? setting
  const set = now.filter(setting => !old.includes(setting))
  const reset = old.map(nameOf).filter(name => !now.map(nameOf).includes(name))
  return [
    ...(before['ttl'] !== after['ttl']
      ? [alter(after['ttl'] ? `MODIFY TTL ${after['ttl']}` : 'REMOVE TTL')]
      : []),
    ...(set.length > 0 ? [alter(`MODIFY SETTING ${set.join(', ')}`)] : []),
    ...(reset.length > 0 ? [alter(`RESET SETTING ${reset.join(', ')}`)] : []),
  ]
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
  const expression = String(facts?.['expression'])
  return `${isList(expression) ? `(${expression})` : expression} TYPE ${facts?.['type']} GRANULARITY ${facts?.['granularity']}`
}

/** A list of expressions needs parentheses around it; around a single one ClickHouse would keep them as part of it. */
function isList(expression: string): boolean {
  let depth = 0
  for (const { kind, text } of piecesOf(expression, 'clickhouse')) {
    for (const character of kind === 'code' ? text : '') {
      if (character === '(' || character === '[') depth += 1
      if (character === ')' || character === ']') depth -= 1
      if (character === ',' && depth === 0) return true
    }
  }
  return false
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

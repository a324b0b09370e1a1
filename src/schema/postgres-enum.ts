import { contract, type Delta, expand, type Statement } from './diff.ts'
import { quoteIdentifier as quote, quoteLiteral } from './quote.ts'
import { type Facts, parseKey, type Snapshot } from './snapshot.ts'

/**
 * Changes of enums. A label can be added in place. Other changes recreate the type and convert its columns, which rewrites
 * their tables and fails on rows with a removed label.
 * @param before the schema before the change, renames applied
 * @param to the schema after it
 */
export function enumStatements(delta: Delta, before: Snapshot, to: Snapshot): Statement[] {
  return Object.entries(delta.changed)
    .filter(([key]) => parseKey(key).kind === 'enum')
    .flatMap(([key, { from, to: after }]) => {
      const [old, now] = [labelsOf(from), labelsOf(after)]
      return isRebuilt({ from, to: after })
        ? rebuildEnum(key, now, columnsOf(key, before), to)
        : addLabels(key, old, now)
    })
}

/** A removed label or a changed order needs a new type. */
export function isRebuilt(change: { readonly from: Facts; readonly to: Facts } | undefined): boolean {
  const [old, now] = [labelsOf(change?.from ?? {}), labelsOf(change?.to ?? {})]
  return now.filter(label => old.includes(label)).join('\0') !== old.join('\0')
}

function addLabels(key: string, before: readonly string[], now: readonly string[]): Statement[] {
  return now.flatMap((label, index) => {
    if (before.includes(label)) return []
    const previous = now[index - 1]
    const next = now[index + 1]
    const position =
      previous !== undefined
        ? ` AFTER ${quoteLiteral(previous)}`
        : next !== undefined
          ? ` BEFORE ${quoteLiteral(next)}`
          : ''
    return [expand(key, `ALTER TYPE ${full(key)} ADD VALUE ${quoteLiteral(label)}${position}`)]
  })
}

/** Recreates an enum with these labels, so that a new label can be used in the same transaction. */
export function rebuildEnum(
  key: string,
  now: readonly string[],
  columns: readonly (readonly [string, Facts])[],
  to: Snapshot,
): Statement[] {
  const old = `${parseKey(key).names.at(-1)}_before`
  return [
    contract(key, `ALTER TYPE ${full(key)} RENAME TO ${quote(old)}`),
    contract(key, `CREATE TYPE ${full(key)} AS ENUM (${now.map(quoteLiteral).join(', ')})`),
    ...columns.flatMap(([column, facts]) => moveColumn(key, column, facts, to[column])),
    contract(key, `DROP TYPE ${[...parseKey(key).names.slice(0, -1), old].map(quote).join('.')}`),
  ]
}

/** Sets the new default, because the old one may be a removed label. */
function moveColumn(key: string, column: string, before: Facts, after: Facts | undefined): Statement[] {
  const { names } = parseKey(column)
  const name = quote(names.at(-1) ?? '')
  const type = String(before['type'])
  const text = type.endsWith('[]') ? 'text[]' : 'text'
  const alter = (change: string): Statement =>
    contract(key, `ALTER TABLE ${names.slice(0, -1).map(quote).join('.')} ALTER COLUMN ${name} ${change}`)
  const isDefaulted = (facts: Facts | undefined): boolean => (facts?.['default'] ?? null) !== null
  return [
    ...(isDefaulted(before) ? [alter('DROP DEFAULT')] : []),
    alter(`TYPE ${type} USING ${name}::${text}::${type}`),
    ...(isDefaulted(after) && after?.['type'] === type ? [alter(`SET DEFAULT ${after['default']}`)] : []),
  ]
}

/** The columns of an enum's type, or of arrays of it. */
export function columnsOf(key: string, before: Snapshot): (readonly [string, Facts])[] {
  const [schema = '', name = ''] = parseKey(key).names
  const plain = /^[a-z_][a-z0-9_$]*$/
  const type = [schema, name].map(part => (plain.test(part) ? part : quote(part))).join('.')
  return Object.entries(before).filter(
    ([column, facts]) =>
      parseKey(column).kind === 'column' && [type, `${type}[]`].includes(String(facts['type'])),
  )
}

function labelsOf(facts: Facts): readonly string[] {
  const labels = facts['labels']
  return Array.isArray(labels) ? labels.map(String) : []
}

function full(key: string): string {
  return parseKey(key).names.map(quote).join('.')
}

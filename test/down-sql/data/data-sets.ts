import type { Delta } from '../../../src/schema/diff.ts'
import { parseKey, type Snapshot } from '../../../src/schema/snapshot.ts'
import { byHandStart, hostile, ownObjects } from './hostile.ts'
import { generateSql } from './rows.ts'
import { labelsOf, tablesOf } from './tables.ts'
import { threatSql, world } from './threat.ts'

/** Rows for a walk down the releases. */
export type DataSet = {
  /** All rows are written after `prepare` is over, so that contract and validate have to cope with them alone. */
  readonly isLate?: boolean
  readonly name: 'empty' | 'ordinary' | 'hostile' | 'hostile, late'
  /** SQL for a database of this schema, where the walk begins, in pieces that do not need each other. */
  start(schema: Snapshot): readonly string[]
  /** SQL that is run right before the migration is undone. `previous` is the schema of the walk's last stop. */
  topUp(undoing: Undoing): string
  /** Queries of one boolean that must hold afterwards. */
  expectations(migration: string): readonly { readonly what: string; readonly sql: string }[]
}

export type Undoing = {
  readonly migration: string
  readonly after: Snapshot
  readonly delta: Delta
  readonly previous: Snapshot | undefined
}

/** Only what Langfuse's migrations leave in a new database. */
export const empty: DataSet = {
  name: 'empty',
  start: () => [],
  topUp: () => '',
  expectations: () => [],
}

/** Two rows in every table; two new ones, in all columns, wherever the migration has been, and in tables that came back. */
export function ordinary(): DataSet {
  let place = 0
  const twoRows = (schema: Snapshot, tables: readonly string[]): string => {
    if (tables.length === 0) return ''
    place += 2
    return [generateSql(schema, tables, place), generateSql(schema, tables, place + 1)].join('\n')
  }
  return {
    name: 'ordinary',
    start: schema => [twoRows(schema, [...tablesOf(schema).keys()])],
    topUp: ({ after, delta, previous }) => {
      const touched = touchedTables(after, delta)
      const back = [...tablesOf(after).keys()].filter(table => previous && !tablesOf(previous).has(table))
      return twoRows(after, [...new Set([...touched, ...back])])
    },
    expectations: () => [],
  }
}

/** What the owner of the database made, rows that threaten an undo, and rows of the ordinary kind beside them. */
export function hostileRows({ isLate = false } = {}): DataSet {
  const rows = ordinary()
  return {
    name: isLate ? 'hostile, late' : 'hostile',
    isLate,
    start: schema => [
      ...rows.start(schema),
      threatSql(schema, { rows: world }),
      ...byHandStart,
      ...ownObjects.map(({ sql }) => sql),
    ],
    topUp: ({ migration, after }) =>
      hostile
        .filter(({ undoing }) => undoing === migration)
        .map(threat => threatSql(after, threat))
        .join('\n'),
    expectations: migration =>
      hostile.flatMap(({ undoing, what, after }) =>
        undoing === migration && after !== undefined ? [{ what, sql: after }] : [],
      ),
  }
}

/** Tables of the schema that a change names, or that have a column of a type that it names. */
function touchedTables(schema: Snapshot, { added, removed, changed, renamed }: Delta): string[] {
  const keys = [added, removed, changed].flatMap(Object.keys).concat(renamed.map(({ to }) => to))
  const names = new Set(keys.map(key => parseKey(key).names[1] ?? ''))
  return [...tablesOf(schema)]
    .filter(
      ([table, { columns }]) =>
        names.has(table) ||
        [...columns.values()].some(
          ({ type }) =>
            labelsOf(schema, type).length > 0 && names.has(type.replace('public.', '').replaceAll('"', '')),
        ),
    )
    .map(([table]) => table)
}

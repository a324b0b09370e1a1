import type { Snapshot } from '../../src/schema/snapshot.ts'
import { type Archive, type Contents, columnsOf } from './contents.ts'
import { tablesOf } from './data/tables.ts'

/** Other names of columns by table: `last_published_at` of today is `last_published_run_at` after the undo. */
export type OtherNames = ReadonlyMap<string, ReadonlyMap<string, string>>

/**
 * What an undo lost: rows of `before` that cannot be put together again, value by value, from what is there after it
 * and what is in the archive. A row is known by its primary key; in a table without one, by all that it holds.
 * A column that is gone without a trace counts as kept where it had its default: that is what it gets again.
 */
export function lossesOf(options: {
  readonly schema: Snapshot
  readonly before: Contents
  readonly after: Contents
  readonly archive: Archive
  /** The defaults of columns as {@link columnsOf} has values, by `table.column`; those of the others are NULL. */
  readonly defaults: ReadonlyMap<string, string>
  readonly otherNames: OtherNames
}): string[] {
  const { schema, before, after, archive, defaults, otherNames } = options
  const tables = tablesOf(schema)
  return [...before].flatMap(([table, rows]) => {
    const untouched = new Set(after.get(table))
    const changed = rows.filter(row => !untouched.has(row))
    if (changed.length === 0) return []
    const find = {
      key: tables.get(table)?.primaryKey ?? [],
      names: otherNames.get(table) ?? new Map<string, string>(),
      rows: [after, archive.rows, archive.tables]
        .flatMap(contents => contents.get(table) ?? [])
        .map(columnsOf),
      values: (archive.values.get(table) ?? []).map(columnsOf),
      defaultOf: (column: string) => defaults.get(`${table}.${column}`) ?? 'null',
    }
    return changed.flatMap(row => {
      const lost = lostOf(columnsOf(row), find)
      return lost.length === 0 ? [] : [`${table}: lost ${lost.join(', ')} of ${row}`]
    })
  })
}

type Columns = Readonly<Record<string, string>>

type Find = {
  readonly key: readonly string[]
  readonly names: ReadonlyMap<string, string>
  /** Where the row may be as a whole, or what is left of it. */
  readonly rows: readonly Columns[]
  readonly values: readonly Columns[]
  defaultOf(column: string): string
}

/** Columns whose value is nowhere; `the row` when nothing is left of it. */
function lostOf(row: Columns, { key, names, rows, values, defaultOf }: Find): string[] {
  const known = key.length > 0 ? key : Object.keys(row)
  const valueIn = (other: Columns, column: string): string | undefined =>
    other[column] ?? other[names.get(column) ?? column]
  /** Where a column of the key is gone as well, the others tell; more rows than one may be meant then. */
  const mayBe = (other: Columns): boolean =>
    known.every(column => [undefined, row[column]].includes(valueIn(other, column))) &&
    known.some(column => valueIn(other, column) !== undefined)
  const isSame = (other: Columns): boolean => known.every(column => valueIn(other, column) === row[column])
  const same = rows.filter(isSame)
  const places = same.length > 0 && key.length > 0 ? same : rows.filter(mayBe)
  if (places.length === 0) return ['the row']
  const copies = values.filter(mayBe)
  return Object.entries(row).flatMap(([column, value]) => {
    const isFound = [...places, ...copies].some(place => valueIn(place, column) === value)
    const comesBack =
      value === defaultOf(column) && places.some(place => valueIn(place, column) === undefined)
    return isFound || comesBack ? [] : [`${column} (${value})`]
  })
}

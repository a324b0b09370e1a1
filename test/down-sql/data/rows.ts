import { quoteIdentifier, quoteLiteral } from '../../../src/schema/quote.ts'
import type { Snapshot } from '../../../src/schema/snapshot.ts'
import { type Column, type ForeignKey, labelsOf, type Table, tablesOf } from './tables.ts'

/** An array is a list of texts; JSON is a string. */
export type Value = string | number | boolean | null | readonly string[]
export type Values = Readonly<Record<string, Value>>
export type Row = readonly [table: string, values: Values]

/** An INSERT of these values; the other columns that must have one get one that is valid for `place`. */
export function insertSql(schema: Snapshot, [table, values]: Row, place: number): string {
  const known = tablesOf(schema).get(table)
  if (known === undefined) throw new Error(`There is no table ${table}.`)
  const needed = [...known.columns].filter(([name, column]) => isNeeded(column) && !(name in values))
  const all: readonly (readonly [string, Value])[] = [
    ...Object.entries(values),
    ...needed.map(([name, column]) => [name, fillerOf(schema, { table, name, column, place })] as const),
  ]
  const names = all.map(([name]) => quoteIdentifier(name)).join(', ')
  return `INSERT INTO public.${quoteIdentifier(table)} (${names}) VALUES (${all.map(([, value]) => literal(value)).join(', ')});`
}

/**
 * SQL for one row in each of `wanted` and in every table that those refer to: the row number `place`, which refers to
 * the rows number `place` only. An odd place fills every column; an even one leaves out what may be left out.
 */
export function generateSql(schema: Snapshot, wanted: readonly string[], place: number): string {
  const tables = tablesOf(schema)
  const order = parentsFirst(tables, wanted)
  const done = new Set<string>()
  const inserts: string[] = []
  const later: string[] = []
  for (const table of order) {
    done.add(table)
    const known = tables.get(table)
    if (known === undefined) throw new Error(`There is no table ${table}.`)
    const row = generateRow(schema, tables, { table, place })
    const waiting = known.foreignKeys.filter(key => !done.has(key.references.table))
    const waitingColumns = new Set(
      waiting.flatMap(key => [...key.columns]).filter(name => !known.columns.get(name)?.notNull),
    )
    inserts.push(
      insertSql(
        schema,
        [table, Object.fromEntries([...row].filter(([name]) => !waitingColumns.has(name)))],
        place,
      ),
    )
    later.push(...updateSql(table, known, row, waitingColumns))
  }
  return [...inserts, ...later].join('\n')
}

/** A column that refers to a table whose rows come later is set once they are there. */
function updateSql(
  table: string,
  { primaryKey }: Table,
  row: ReadonlyMap<string, Value>,
  columns: ReadonlySet<string>,
): string[] {
  const assignment = (name: string): string => `${quoteIdentifier(name)} = ${literal(row.get(name) ?? null)}`
  return [...columns]
    .filter(name => row.has(name))
    .map(
      name =>
        `UPDATE public.${quoteIdentifier(table)} SET ${assignment(name)} WHERE ${primaryKey.map(assignment).join(' AND ')};`,
    )
}

type Place = { readonly table: string; readonly place: number }

function generateRow(
  schema: Snapshot,
  tables: ReadonlyMap<string, Table>,
  { table, place }: Place,
): ReadonlyMap<string, Value> {
  const known = tables.get(table)
  const row = new Map<string, Value>()
  for (const [name, column] of known?.columns ?? []) {
    if (isNeeded(column) || place % 2 === 1)
      row.set(name, cell(schema, tables, { table, place, name, column, keys: known?.foreignKeys ?? [] }))
  }
  return row
}

type Cell = Place & { readonly name: string; readonly column: Column }

/** A column of a foreign key has the value of the column it refers to. */
function cell(
  schema: Snapshot,
  tables: ReadonlyMap<string, Table>,
  { keys, ...own }: Cell & { readonly keys: readonly ForeignKey[] },
): Value {
  for (const { columns, references } of keys) {
    const name = references.columns[columns.indexOf(own.name)]
    const other = tables.get(references.table)
    const column = name === undefined ? undefined : other?.columns.get(name)
    const isSelf = references.table === own.table && name === own.name
    if (name === undefined || other === undefined || column === undefined || isSelf) continue
    return cell(schema, tables, {
      table: references.table,
      place: own.place,
      name,
      column,
      keys: other.foreignKeys,
    })
  }
  return fillerOf(schema, own)
}

export function isNeeded({ notNull, default: standard }: Column): boolean {
  return notNull && standard === null
}

/** Tables that are referred to before those that refer to them, as far as there is such an order. */
function parentsFirst(tables: ReadonlyMap<string, Table>, wanted: readonly string[]): string[] {
  const order: string[] = []
  const seen = new Set<string>()
  const visit = (table: string): void => {
    if (seen.has(table)) return
    seen.add(table)
    const known = tables.get(table)
    const keys = known?.foreignKeys ?? []
    const must = keys.filter(key => key.columns.some(name => known?.columns.get(name)?.notNull))
    for (const key of [...must, ...keys]) visit(key.references.table)
    order.push(table)
  }
  for (const table of wanted) visit(table)
  return order
}

/** Odd but valid: quotes, semicolons, letters that are none in ASCII, smallest and greatest numbers. */
function fillerOf(schema: Snapshot, { table, name, column, place }: Cell): Value {
  const { type } = column
  const isOdd = place % 2 === 1
  if (type.startsWith('public.')) return labelOf(labelsOf(schema, type), place)
  if (type === 'character(44)') return `${place}`.padStart(44, 'h')
  if (/^(text|character varying)/.test(type) && !type.endsWith('[]'))
    return isOdd ? `${table}.${name} ${place}; it's "odd" -- é` : `${table}.${name} ${place}`
  if (/^json/.test(type)) return jsonOf(`${table}.${name}`, isOdd)
  if (type === 'text[]') return isOdd ? ['a, "b"', "it's; {}", ''] : []
  if (type === 'integer[]') return isOdd ? ['-1', '2147483647'] : []
  if (/^timestamp/.test(type)) return isOdd ? '1969-12-31 23:59:59.999' : '2024-02-29 12:00:00.5'
  if (type === 'boolean') return isOdd
  if (type === 'integer') return isOdd ? 2_147_483_647 - place : place
  if (type === 'bigint') return isOdd ? '9007199254740993' : place
  if (type === 'double precision') return isOdd ? '-1.7976931348623157e308' : 0.1
  if (/^numeric/.test(type)) return isOdd ? '0.000000000000000000000000000001' : 12
  throw new Error(`There is no value for ${table}.${name} of type ${type}.`)
}

/** The last label, which is often the newest, at every odd place; the others in turn. */
function labelOf(labels: readonly string[], place: number): string {
  return (place % 2 === 1 ? labels.at(-1) : labels[(place / 2) % labels.length]) ?? ''
}

/** Columns whose JSON Langfuse's own SQL looks into. */
const jsonShapes: Readonly<Record<string, unknown>> = {
  'dashboards.definition': {
    widgets: [{ type: 'widget', id: 'w', widgetId: 'w', x: 0, y: 6, x_size: 6, y_size: 9 }],
  },
}

function jsonOf(column: string, isOdd: boolean): string {
  return JSON.stringify(
    jsonShapes[column] ?? (isOdd ? { "it's": ['"odd"; --', null, 1.5, { é: true }] } : {}),
  )
}

export function literal(value: Value): string {
  if (typeof value === 'string') return quoteLiteral(value)
  if (typeof value !== 'object' || value === null) return String(value)
  return quoteLiteral(
    `{${value.map(item => `"${item.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join(',')}}`,
  )
}

import type { ArrayValue, ColumnMetadata, Field } from '@aws-sdk/client-rds-data'
import type { Row } from '../ports/databases.ts'

/** The Data API's records as the driver `pg` gives rows: what reads them need not know where they are from. */
export function rowsOf(
  columns: readonly ColumnMetadata[],
  records: readonly (readonly Field[])[],
): readonly Row[] {
  return records.map(record =>
    Object.fromEntries(
      columns.map((column, place) => [
        column.label ?? column.name ?? '',
        fromField(record[place], typeOf(column)),
      ]),
    ),
  )
}

/** PostgreSQL's own name of the type: `int8`, `_text` … */
function typeOf({ typeName }: ColumnMetadata): string {
  return (typeName ?? '').toLowerCase()
}

function fromField(field: Field | undefined, type: string): unknown {
  if (field === undefined || field.isNull === true) return null
  if (field.arrayValue !== undefined) return listOf(field.arrayValue, type.replace(/^_|\[\]$/g, ''))
  if (field.blobValue !== undefined) return Buffer.from(field.blobValue)
  return scalarOf(
    field.stringValue ?? field.longValue ?? field.doubleValue ?? field.booleanValue ?? null,
    type,
  )
}

function listOf(values: ArrayValue, type: string): readonly unknown[] {
  const { stringValues, longValues, doubleValues, booleanValues, arrayValues } = values
  if (arrayValues !== undefined)
    return arrayValues.map(value => (value === null ? null : listOf(value, type)))
  const scalars: readonly unknown[] = stringValues ?? longValues ?? doubleValues ?? booleanValues ?? []
  return scalars.map(value => scalarOf(value, type))
}

/** https://node-postgres.com/features/types: integers of 64 bits and decimals stay text. */
function scalarOf(value: unknown, type: string): unknown {
  if (value === null || value === undefined) return null
  switch (type) {
    case 'int8':
    case 'bigserial':
    case 'numeric':
      return String(value)
    case 'int2':
    case 'int4':
    case 'serial':
    case 'float4':
    case 'float8':
      return Number(value)
    case 'json':
    case 'jsonb':
      return JSON.parse(String(value))
    case 'timestamp':
      return new Date(String(value).replace(' ', 'T')) // the driver takes it for local time
    case 'timestamptz':
      return dateOf(String(value))
    default:
      return value
  }
}

/** The Data API leaves the zone of UTC out; PostgreSQL writes `+00`. */
function dateOf(text: string): Date {
  const zoned = /(?:Z|[+-]\d\d(?::?\d\d)?)$/.test(text.slice(10))
  const iso = text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')
  return new Date(zoned ? iso : `${iso}Z`)
}

import {
  quoteClickHouseLiteral as literal,
  quoteClickHouseIdentifier as quote,
} from '../../../src/schema/quote.ts'
import { type Facts, parseKey, type Snapshot } from '../../../src/schema/snapshot.ts'

/** Rows for any of Langfuse's ClickHouse tables, and what users have made beside them. */
export type ClickHouseData = {
  readonly name: 'empty' | 'ordinary' | 'hostile'
  /** How many rows a table gets each time. */
  readonly rows: number
  /** A value of a type, as SQL. `serial` is another one for each row of the database. */
  value(type: string, cell: Cell): string
  /** Said once the tables are there: what users made, of which nothing may change. */
  readonly own: readonly string[]
}

export type Cell = { readonly table: string; readonly column: string; readonly serial: number }

/** INSERTs that fill tables of a schema, rows numbered from `serial`. */
export function insertsFor(
  schema: Snapshot,
  tables: readonly string[],
  data: ClickHouseData,
  serial: number,
): readonly string[] {
  return tables.map(table => {
    const columns = Object.entries(schema).filter(
      ([key, facts]) =>
        isColumnOf(table, key) && !/^(MATERIALIZED|ALIAS)/.test(String(facts['default'] ?? '')),
    )
    const rows = Array.from({ length: data.rows }, (_, row) => {
      const cells = columns.map(([key, facts]) =>
        cellOf(data, facts, { table, column: columnOf(key), serial: serial + row }),
      )
      return `(${cells.join(', ')})`
    })
    const names = columns.map(([key]) => quote(columnOf(key))).join(', ')
    return `INSERT INTO ${quote(table)} (${names}) VALUES ${rows.join(', ')}`
  })
}

function isColumnOf(table: string, key: string): boolean {
  const { kind, names } = parseKey(key)
  return kind === 'column' && names[0] === table
}

function columnOf(key: string): string {
  return parseKey(key).names[1] ?? ''
}

function cellOf(data: ClickHouseData, facts: Facts, cell: Cell): string {
  const type = String(facts['type']).replace(/^SimpleAggregateFunction\(\w+, (.*)\)$/, '$1')
  const [, inner, by] = /^AggregateFunction\(argMax, (.*), (DateTime64\(\d\))\)$/.exec(type) ?? []
  if (inner === undefined || by === undefined) return `CAST(${data.value(type, cell)} AS ${type})`
  return `initializeAggregation('argMaxState', CAST(${data.value(inner, cell)} AS ${inner}), CAST('2026-11-01 10:00:00' AS ${by}))`
}

/** Where old rows are deleted, or rows of a key are united, an odd time or a key that comes again would lose them. */
const keepsOnlyNewRows = /^(observations_batch_staging|traces_(all|7d|30d)_amt|traces_null)$/

/** Nothing special: some values, some NULLs, this autumn. */
export const ordinaryClickHouse: ClickHouseData = {
  name: 'ordinary',
  rows: 3,
  own: [],
  value: (type, cell) => {
    const { table, column, serial } = cell
    if (column === 'project_id') return `'project-${serial % 2}'`
    if (column === 'is_deleted') return '0'
    if (/^Nullable/.test(type) && serial % 3 === 0) return 'NULL'
    if (/DateTime64/.test(type)) {
      return keepsOnlyNewRows.test(table)
        ? 'now()'
        : `'2026-${10 + (serial % 2)}-0${1 + (serial % 9)} 10:00:00'`
    }
    if (/^Map\(.*String\)$/.test(type)) return serial % 3 === 1 ? 'map()' : `map('team', 'blue ${serial}')`
    if (/^Map/.test(type)) return `map('input', ${serial}, 'total', ${serial * 2})`
    if (/^Array/.test(type)) return serial % 3 === 1 ? '[]' : `['one', 'two ${serial}']`
    if (/String/.test(type)) return literal(ordinaryText(cell))
    if (/Bool/.test(type)) return serial % 2 === 0 ? 'true' : 'false'
    return String(serial)
  },
}

function ordinaryText({ table, column, serial }: Cell): string {
  if (column === 'environment') return serial % 3 === 1 ? 'default' : 'production'
  if (column.startsWith('ingestion_sdk_')) return serial % 3 === 1 ? 'unknown' : 'python'
  if (column === 'long_string_value' || column === 'ingestion_api_key')
    return serial % 3 === 1 ? '' : `text ${serial}`
  return `${table} ${column} ${serial}`
}

/** What somebody's database may hold one day, and what breaks SQL that is put together carelessly. */
export const hostileClickHouse: ClickHouseData = {
  name: 'hostile',
  rows: 6,
  own: [
    `CREATE TABLE \`odd; "table" -- \` (id String, INDEX idx_user_id id TYPE minmax) ENGINE = MergeTree ORDER BY id`,
    'INSERT INTO `odd; "table" -- ` VALUES (\'own; row\')',
    'CREATE TABLE `it\\`s 日本` (id String, environment String) ENGINE = MergeTree ORDER BY id',
    `CREATE MATERIALIZED VIEW \`watch; traces\` TO \`it\\\`s 日本\` AS SELECT id, 'x' AS environment FROM traces`,
    `CREATE MATERIALIZED VIEW \`inner 'view'\` ENGINE = MergeTree ORDER BY id AS SELECT id, value FROM scores`,
    `CREATE VIEW \`scores of a day\` AS SELECT toDate(timestamp) AS day, count() AS n FROM scores GROUP BY day`,
    `CREATE TABLE archived (rollback_id String, rows String) ENGINE = MergeTree ORDER BY rollback_id`,
    `CREATE TABLE journal (migration String) ENGINE = Memory`,
    `ALTER TABLE traces ADD INDEX \`my "index"; \` name TYPE minmax GRANULARITY 1`,
    `ALTER TABLE traces ADD COLUMN \`my ; column\` String DEFAULT 'mine'`,
    `ALTER TABLE scores ADD COLUMN environment_of_mine String DEFAULT 'default'`,
  ],
  value: (type, cell) => {
    const { table, column, serial } = cell
    if (column === 'is_deleted') return String(serial % 2)
    // Every third row comes again later: another version of it, or its very copy.
    if (column === 'id' || column === 'span_id') {
      return keepsOnlyNewRows.test(table) ? `'${serial}'` : literal(`id ' ${Math.floor(serial / 3)} \\`)
    }
    if (column === 'project_id' || column === 'event_ts') return hostileKey(column, serial)
    if (/^Nullable/.test(type) && serial % 2 === 0) return 'NULL'
    if (/DateTime64/.test(type)) {
      return keepsOnlyNewRows.test(table) || column === 'created_at'
        ? 'now()'
        : pick(edgesOfTime, Math.floor(serial / 6))
    }
    if (/^Map\(.*String\)$/.test(type)) return pick(maps, serial)
    if (/^Map\(.*UInt64\)$/.test(type)) return pick(['map()', `map('', 18446744073709551615)`], serial)
    if (/^Map/.test(type)) return pick(['map()', `map('input; --', toDecimal64(-1, 12))`], serial)
    if (/^Array/.test(type)) return pick(arrays, serial)
    if (/String/.test(type)) return pick(texts, serial + column.length)
    if (/Float/.test(type))
      return pick(['nan', 'inf', '-inf', '-0.0', '1.7976931348623157e308', '5e-324'], serial)
    if (/Decimal/.test(type)) return pick([`'999999.999999999999'`, `'-999999.999999999999'`, `'0'`], serial)
    if (/UInt64/.test(type)) return pick(['18446744073709551615', '0'], serial)
    if (/UInt16/.test(type)) return pick(['65535', '0'], serial)
    return String(serial % 2)
  },
}

function hostileKey(column: string, serial: number): string {
  if (column === 'project_id') return literal(`p'; DROP TABLE traces; -- ${Math.floor(serial / 3) % 2}`)
  return serial % 3 === 2 ? `'2026-11-02 00:00:00'` : `'2026-11-01 00:00:00'`
}

function pick(values: readonly string[], serial: number): string {
  return values[serial % values.length] ?? ''
}

/** One for all rows of a fill: each month is a partition, and many small parts take long. */
const edgesOfTime = [
  `'1970-01-01 00:00:00.001'`,
  `'2099-12-31 23:59:59.999'`,
  `'2024-02-29 23:59:59.999'`,
  `toDateTime64('1925-01-01 00:00:00', 3)`,
]

const texts = [
  `'default'`,
  `'unknown'`,
  `''`,
  literal(`it's "quoted" \`so\` \\ and \\' more`),
  literal('; DROP TABLE scores; -- /* '),
  literal('NULL'),
  literal('東京 🗼 e\u0301 \u202Eright to left'),
  literal('tab\tline\nreturn\rnull\0end'),
  `unhex('fffe80c3')`, // no UTF-8
  `repeat('x', 3000)`,
  literal("{rollback_id} {{database}} $1 %s {x:String} 'default'"),
]

const maps = ['map()', `map('', '')`, literalMap(`a'b`, '{"x": [1, "\\n"]}'), `map('k', repeat('v', 2000))`]
const arrays = ['[]', `['']`, `['it''s', 'a;b', '東京', unhex('ff')]`, `arrayWithConstant(200, 'x')`]

function literalMap(key: string, value: string): string {
  return `map(${literal(key)}, ${literal(value)})`
}

export const emptyClickHouse: ClickHouseData = { ...ordinaryClickHouse, name: 'empty', rows: 0 }

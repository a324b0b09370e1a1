/**
 * The only place that quotes names and strings. Postgres: https://www.postgresql.org/docs/15/sql-syntax-lexical.html
 * ClickHouse: https://clickhouse.com/docs/sql-reference/syntax
 */

/** A Postgres name, always in double quotes: the server keeps its case and no word is reserved. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A Postgres table with its schema. */
export function inSchema(schema: string, table: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`
}

/** A Postgres string literal that does not depend on `standard_conforming_strings`. */
export function quoteLiteral(value: string): string {
  const doubled = value.replaceAll("'", "''")
  return doubled.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`
}

/** A ClickHouse name, always in backticks. */
export function quoteClickHouseIdentifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
}

/** A ClickHouse string literal. */
export function quoteClickHouseLiteral(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

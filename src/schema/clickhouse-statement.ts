import { textsIn } from './keep-calls.ts'
import { codeOnly, piecesOf, withoutComments } from './sql-text.ts'

/**
 * A statement of a down SQL file for ClickHouse. ClickHouse has no user functions that could move data, so statements
 * that remove something look like calls of Postgres's toolbox, and the executor implements them:
 *
 * - `SELECT langfuse_rollout.archive_column('table', 'column', 'condition')` copies the values of matching rows, with
 *   each row's key, into the archive.
 * - `SELECT langfuse_rollout.drop_columns('table', 'column', …)` drops columns, all of which must be in the archive.
 * - `SELECT langfuse_rollout.drop_table('table')` moves a table into the archive, or drops it if it is empty.
 * - `SELECT langfuse_rollout.replace_view('view', 'other')` replaces a view by another one and gives it the first's name.
 * - `SELECT langfuse_rollout.keep_table('table')` keeps the rows of a table that a migration is about to drop.
 * - `SELECT langfuse_rollout.give_back_table('table')` puts kept rows into the table, which is there again and empty.
 *
 * ClickHouse itself refuses such a statement, so a person who runs the file by hand drops nothing unarchived.
 */
export type ClickHouseStatement =
  | {
      readonly kind: 'archive-column'
      readonly table: string
      readonly column: string
      readonly condition: string
    }
  | { readonly kind: 'drop-columns'; readonly table: string; readonly columns: readonly string[] }
  | { readonly kind: 'drop-table' | 'keep-table' | 'give-back-table'; readonly table: string }
  | { readonly kind: 'replace-view'; readonly table: string; readonly by: string }
  /** Sent unchanged. `table`: the altered table. */
  | { readonly kind: 'sql'; readonly sql: string; readonly table?: string }

/** @throws Error for an unknown call, or SQL that removes data itself */
export function parseClickHouseStatement(statement: string): ClickHouseStatement {
  const sql = withoutComments(statement, 'clickhouse')
  const { call, list } =
    /^SELECT\s+langfuse_rollout\.(?<call>\w+)\((?<list>[\s\S]*)\)$/.exec(sql)?.groups ?? {}
  if (call !== undefined) return callOf(call, textsIn(list ?? '', 'clickhouse') ?? [], sql)
  const lost = takesAway.exec(codeOnly(sql, 'clickhouse'))?.[0]
  if (lost !== undefined)
    throw new Error(`Down SQL must not contain ${lost}: it removes data that is not archived.`)
  const table = /^ALTER\s+TABLE\s+`?(?<table>\w+)`?\s/i.exec(sql)?.groups?.['table']
  return { kind: 'sql', sql, ...(table !== undefined && { table }) }
}

/** All names in a piece of SQL, also quoted ones. */
export function wordsOf(sql: string): ReadonlySet<string> {
  const words = piecesOf(sql, 'clickhouse').flatMap(({ kind, text }) => {
    if (kind === 'code') return text.match(/\w+/g) ?? []
    return kind === 'quoted' && !text.startsWith("'") ? [text.slice(1, -1).replaceAll(/\\(.)/g, '$1')] : []
  })
  return new Set(words)
}

/** SQL may drop indexes, views and settings itself, but nothing that holds data. */
const takesAway =
  /\b(DROP\s+(?!INDEX\b|VIEW\b)\w+|TRUNCATE|DELETE|DETACH|RENAME|EXCHANGE|REPLACE|CLEAR|MOVE|ATTACH|MODIFY\s+TTL|langfuse_rollout)\b/i

function callOf(call: string, texts: readonly string[], sql: string): ClickHouseStatement {
  const [table, ...rest] = texts
  const [column, condition, more] = rest
  if (table !== undefined) {
    if (call === 'archive_column' && column !== undefined && condition !== undefined && more === undefined)
      return { kind: 'archive-column', table, column, condition }
    if (call === 'drop_columns' && rest.length > 0) return { kind: 'drop-columns', table, columns: rest }
    if (call === 'drop_table' && rest.length === 0) return { kind: 'drop-table', table }
    if (call === 'keep_table' && rest.length === 0) return { kind: 'keep-table', table }
    if (call === 'give_back_table' && rest.length === 0) return { kind: 'give-back-table', table }
    if (call === 'replace_view' && column !== undefined && condition === undefined)
      return { kind: 'replace-view', table, by: column }
  }
  throw new Error(`Down SQL for ClickHouse must not call ${sql}.`)
}

import { type Engine, piecesOf, splitStatements, withoutComments } from './sql-text.ts'

/**
 * What a migration deletes, and deploy keeps before it runs: a call in phase `keep` of a down SQL file. `isMoved`: no
 * release that the migration can follow reads or writes the table, so it is moved instead of copied.
 */
export type Keep =
  | { readonly kind: 'table'; readonly table: string; readonly isMoved: boolean }
  | { readonly kind: 'rows'; readonly table: string; readonly condition: string }
  | { readonly kind: 'column'; readonly table: string; readonly column: string }

/** Kept data is dropped by the first deploy after this many days that changes something. */
export const KEPT_DAYS = 30

/** @throws Error for anything but a call that keeps */
export function keepsOf(sql: string, engine: Engine): readonly Keep[] {
  return splitStatements(sql, engine).map(statement => keepOf(withoutComments(statement, engine), engine))
}

function keepOf(statement: string, engine: Engine): Keep {
  const { call, list = '' } =
    /^SELECT\s+langfuse_rollout\.(?<call>\w+)\((?<list>[\s\S]*)\)$/.exec(statement)?.groups ?? {}
  const [table, second, more] = textsIn(list, engine) ?? []
  if (table !== undefined && more === undefined) {
    if (
      (call === 'keep_table' || (call === 'keep_table_copy' && engine === 'postgres')) &&
      second === undefined
    )
      return { kind: 'table', table, isMoved: call === 'keep_table' }
    if (call === 'keep_rows' && engine === 'postgres' && second !== undefined)
      return { kind: 'rows', table, condition: second }
    if (call === 'keep_column' && engine === 'postgres' && second !== undefined)
      return { kind: 'column', table, column: second }
  }
  throw new Error(`Phase keep must only call functions that keep, not ${statement}.`)
}

/** The strings of a list like `'a', 'it''s'`; undefined: it is none. */
export function textsIn(list: string, engine: Engine): readonly string[] | undefined {
  const pieces = piecesOf(list, engine).filter(({ kind }) => kind !== 'comment')
  const shape = pieces.map(({ kind, text }) => (kind === 'quoted' && text[0] === "'" ? 's' : text.trim()))
  if (!/^s(,s)*$/.test(shape.join(''))) return undefined
  const texts = pieces.flatMap(({ kind, text }) => {
    if (kind !== 'quoted') return []
    const inside = text.slice(1, -1).replaceAll("''", "'")
    return engine === 'clickhouse' ? inside.replaceAll(/\\(.)/g, '$1') : inside
  })
  return texts.includes('') ? undefined : texts
}

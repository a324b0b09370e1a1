import { quoteLiteral } from '../schema/quote.ts'
import { piecesOf } from '../schema/sql-text.ts'

/** What a statement is to a session that is none: each call may be answered by another connection. */
export type Kind =
  | { readonly is: 'begin'; readonly options: string }
  | { readonly is: 'commit' | 'rollback' | 'alone' | 'plain' }
  /** A setting of the session. */
  | { readonly is: 'set'; readonly name: string; readonly value: string }
  /** The same with a value that PostgreSQL computes: `sql` sets it for the transaction and answers with it. */
  | { readonly is: 'set-config'; readonly name: string; readonly sql: string }
  | { readonly is: 'advisory-lock'; readonly sql: string; readonly column: string }

export function kindOf(statement: string): Kind {
  const text = withoutComments(statement)
  const begin = /^(?:BEGIN(?:\s+(?:WORK|TRANSACTION))?|START\s+TRANSACTION)\b\s*(.*)$/is.exec(text)
  if (begin !== null) return { is: 'begin', options: begin[1] ?? '' }
  if (/^(COMMIT|END)\b/i.test(text)) return { is: 'commit' }
  if (/^(ROLLBACK|ABORT)\b(?!\s+TO\b)/i.test(text)) return { is: 'rollback' }
  return settingOf(text) ?? lockOf(text) ?? { is: ALONE.test(codeOf(text)) ? 'alone' : 'plain' }
}

/** What PostgreSQL refuses inside of a transaction, as far as down SQL has it. */
const ALONE = /^((CREATE|DROP|REINDEX)\b[^;]*\bCONCURRENTLY\b|VACUUM\b)/i

const SET =
  /^SET\s+(?:SESSION\s+)?(?!LOCAL\b|CONSTRAINTS\b|TRANSACTION\b)([a-z_][\w.]*)\s*(?:=|\bTO\b)\s*(.+)$/is
const SET_CONFIG = /^SELECT\s+set_config\s*\(\s*'([a-z_][\w.]*)'\s*,(.+),\s*false\s*\)(\s+FROM\s.+)?$/is

function settingOf(text: string): Kind | undefined {
  const [, name = '', value = ''] = SET.exec(text) ?? []
  if (name !== '') return { is: 'set', name: name.toLowerCase(), value: unquoted(value.trim()) }
  const [, config = '', expression = '', rest = ''] = SET_CONFIG.exec(text) ?? []
  if (config === '') return undefined
  const sql = `SELECT set_config('${config}', ${expression.trim()}, true)${rest}`
  return { is: 'set-config', name: config.toLowerCase(), sql }
}

/** Held by a session no such lock would outlast the call; held by a transaction it lasts as long as that. */
function lockOf(text: string): Kind | undefined {
  const found = /^SELECT\s+pg_try_advisory_lock\s*\((.+)\)\s+AS\s+(\w+)$/is.exec(text)
  const [, key = '', column = ''] = found ?? []
  return found === null
    ? undefined
    : { is: 'advisory-lock', sql: `SELECT pg_try_advisory_xact_lock(${key}) AS ${column}`, column }
}

function unquoted(value: string): string {
  return /^'(?:''|[^'])*'$/.test(value) ? value.slice(1, -1).replaceAll("''", "'") : value
}

/** Whether the rows are only there because a SELECT calls the toolbox, whose functions answer nothing. */
export function answersNothing(statement: string): boolean {
  const text = withoutComments(statement)
  return (
    !/^(SELECT|WITH|VALUES|TABLE|SHOW|EXPLAIN)\b/i.test(text) || /^SELECT\s+langfuse_rollout\./i.test(text)
  )
}

/** The Data API refuses a result with a type it does not know, such as the `void` of a function that answers nothing. */
export function withKnownTypes(statement: string): string {
  const text = withoutComments(statement)
  return /^SELECT\s+langfuse_rollout\./i.test(text)
    ? `SELECT row_to_json(answer)::text AS answer FROM (${text}\n) AS answer`
    : statement
}

/** A statement of which nothing is different when it runs twice. */
export function isRead(statement: string): boolean {
  return /^(SELECT(?!\s+langfuse_rollout\.)|SHOW)\b/i.test(withoutComments(statement))
}

export type Prepared = {
  readonly sql: string
  /** Texts too long for the SQL, by the name that stands for each. */
  readonly texts: Readonly<Record<string, string>>
}

/** The Data API takes 65,536 bytes of SQL, and with its parameters 4 MiB. */
const LONGEST_TEXT = 20_000

/**
 * `$1` … become literals: the Data API's own parameters have types, and none of them is an array. A colon before a name
 * is written in another way wherever that is possible, since it would be taken for such a parameter.
 */
export function prepare(statement: string, parameters: readonly unknown[]): Prepared {
  const texts: Record<string, string> = {}
  const written = parameters.map((value, index) => {
    if (typeof value !== 'string' || value.length <= LONGEST_TEXT) return literalOf(value)
    texts[`text${index + 1}`] = value
    return `CAST(:text${index + 1} AS text)`
  })
  return {
    sql: merged(statement)
      .map(piece => pieceOf(piece, written))
      .join(''),
    texts,
  }
}

type Piece = ReturnType<typeof piecesOf>[number]

function pieceOf({ kind, text }: Piece, written: readonly string[]): string {
  if (kind === 'comment') return ' '
  if (kind === 'code') {
    return text.replace(/\$(\d+)/g, (_, place: string) => {
      const value = written[Number(place) - 1]
      if (value === undefined) throw new Error(`There is no parameter $${place}.`)
      return value
    })
  }
  // Names and bodies in dollar quotes have no other way of writing a colon.
  return /^[eE]?'/.test(text) && /:\w/.test(text) ? withoutColon(escaped(text)) : text
}

function escaped(text: string): string {
  return text.startsWith("'") ? `E${text.replaceAll('\\', '\\\\')}` : text
}

/** A parameter may have been cut in two where its dollar could have begun a quoted body. */
function merged(statement: string): readonly Piece[] {
  const pieces: Piece[] = []
  for (const piece of piecesOf(statement, 'postgres')) {
    const last = pieces.at(-1)
    if (last?.kind === 'code' && piece.kind === 'code')
      pieces.splice(-1, 1, { ...last, text: last.text + piece.text })
    else pieces.push(piece)
  }
  return pieces
}

/** A value as the driver would send it: as text of no type. */
function literalOf(value: unknown): string {
  return value === null || value === undefined ? 'NULL' : withoutColon(quoteLiteral(textOf(value)))
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(elementOf).join(',')}}`
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function elementOf(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  return Array.isArray(value) ? textOf(value) : `"${textOf(value).replaceAll(/["\\]/g, '\\$&')}"`
}

function withoutColon(literal: string): string {
  if (!/:\w/.test(literal)) return literal
  return (literal.startsWith("'") ? `E${literal}` : literal).replaceAll(/:(?=\w)/g, '\\x3A')
}

export function withoutComments(statement: string): string {
  return piecesOf(statement, 'postgres')
    .map(piece => (piece.kind === 'comment' ? ' ' : piece.text))
    .join('')
    .trim()
}

function codeOf(text: string): string {
  return piecesOf(text, 'postgres')
    .map(piece => (piece.kind === 'code' ? piece.text : ' '))
    .join('')
}

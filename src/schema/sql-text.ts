export type Engine = 'postgres' | 'clickhouse'

type Piece = { readonly text: string; readonly kind: 'code' | 'quoted' | 'comment' }

/** Splits SQL into code, quoted text (strings and names) and comments, without loss. */
export function piecesOf(sql: string, engine: Engine): Piece[] {
  return [...sql.matchAll(patterns[engine])].map(({ 0: text, groups }) => ({
    text,
    kind:
      groups?.['quoted'] !== undefined ? 'quoted' : groups?.['comment'] !== undefined ? 'comment' : 'code',
  }))
}

export function withoutComments(sql: string, engine: Engine): string {
  return piecesOf(sql, engine)
    .map(({ kind, text }) => (kind === 'comment' ? ' ' : text))
    .join('')
    .trim()
}

/** The code alone: a space replaces each string, quoted name and comment. */
export function codeOnly(sql: string, engine: Engine): string {
  return piecesOf(sql, engine)
    .map(({ kind, text }) => (kind === 'code' ? text : ' '))
    .join('')
}

/** Splits at semicolons in code, without empty statements. */
export function splitStatements(sql: string, engine: Engine): string[] {
  const statements: { text: string; empty: boolean }[] = []
  let open = { text: '', empty: true }
  for (const piece of piecesOf(sql, engine)) {
    const [first = '', ...rest] = piece.kind === 'code' ? piece.text.split(';') : [piece.text]
    open.text += first
    if (piece.kind !== 'comment' && first.trim() !== '') open.empty = false
    for (const part of rest) {
      statements.push(open)
      open = { text: part, empty: part.trim() === '' }
    }
  }
  return [...statements, open].filter(({ empty }) => !empty).map(({ text }) => text.trim())
}

const comment = String.raw`--[^\n]*|/\*[\s\S]*?(?:\*/|$)`

// An unclosed piece runs to the end.
const patterns: Readonly<Record<Engine, RegExp>> = {
  // https://clickhouse.com/docs/sql-reference/syntax: strings and names escape with a backslash or a doubled quote.
  clickhouse: new RegExp(
    [
      String.raw`(?<quoted>'(?:\\[\s\S]|''|[^'\\])*(?:'|$)|"(?:\\[\s\S]|""|[^"\\])*(?:"|$)|`,
      '`(?:\\\\[\\s\\S]|``|[^`\\\\])*(?:`|$))',
      String.raw`|(?<comment>${comment}|#[ !][^\n]*)|(?<code>[^'"\x60#/-]+|[\s\S])`,
    ].join(''),
    'g',
  ),
  // https://www.postgresql.org/docs/15/sql-syntax-lexical.html: a backslash escapes in E'' only; $tag$ quotes all.
  postgres: new RegExp(
    [
      String.raw`(?<quoted>\b[eE]'(?:\\[\s\S]|''|[^'\\])*(?:'|$)|'(?:''|[^'])*(?:'|$)|"(?:""|[^"])*(?:"|$)|`,
      String.raw`(?<![\w$])\$(?<tag>[A-Za-z_]\w*|)\$[\s\S]*?(?:\$\k<tag>\$|$))`,
      String.raw`|(?<comment>${comment})|(?<code>[^'"$/eE-]+|[\s\S])`,
    ].join(''),
    'g',
  ),
}

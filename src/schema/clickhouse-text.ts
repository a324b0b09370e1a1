/** A piece of SQL text: code, or something the code does not look into (a string, a quoted name, a comment). */
export type Piece = { readonly text: string; readonly kind: 'code' | 'quoted' | 'comment' }

// https://clickhouse.com/docs/sql-reference/syntax: strings and names escape with a backslash or a doubled quote.
const pieces =
  /(?<quoted>'(?:\\[\s\S]|''|[^'\\])*(?:'|$)|"(?:\\[\s\S]|""|[^"\\])*(?:"|$)|`(?:\\[\s\S]|``|[^`\\])*(?:`|$))|(?<comment>--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|#[ !][^\n]*)|(?<code>[^'"`#/-]+|[\s\S])/g

/** Cuts ClickHouse SQL into code, quoted text and comments; the pieces joined are the input again. */
export function piecesOf(sql: string): Piece[] {
  return [...sql.matchAll(pieces)].map(({ 0: text, groups }) => ({
    text,
    kind:
      groups?.['quoted'] !== undefined ? 'quoted' : groups?.['comment'] !== undefined ? 'comment' : 'code',
  }))
}

/** Splits at semicolons that stand in code; empty statements (also those of comments only) are left out. */
export function splitStatements(sql: string): string[] {
  const statements: { text: string; empty: boolean }[] = [{ text: '', empty: true }]
  for (const piece of piecesOf(sql)) {
    const parts = piece.kind === 'code' ? piece.text.split(';') : [piece.text]
    for (const [index, part] of parts.entries()) {
      if (index > 0) statements.push({ text: '', empty: true })
      const last = statements[statements.length - 1]
      if (!last) continue
      last.text += part
      if (piece.kind !== 'comment' && part.trim() !== '') last.empty = false
    }
  }
  return statements.filter(statement => !statement.empty).map(statement => statement.text.trim())
}

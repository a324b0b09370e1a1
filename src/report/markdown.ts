/** Text for a table cell or a list item: one line, and nothing in it is markup unless it is `code`. */
export function inline(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .split(/(`[^`]*`)/)
    .map(part => (part.startsWith('`') ? part.replaceAll('|', '\\|') : escapeMarkup(part)))
    .join('')
}

function escapeMarkup(text: string): string {
  return text.replace(/[\\*_[\]<>|#~]/g, character => `\\${character}`)
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** A folded block; `lines` are shown as they are. */
export function folded(title: string, lines: readonly string[]): string {
  const text = lines.join('\n').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return `<details><summary>${title}</summary>\n\n<pre>\n${text}\n</pre>\n\n</details>`
}

export function list(items: readonly string[]): string {
  return items.map(item => `- ${inline(item)}`).join('\n')
}

/** Words that stay on one line of a narrow cell. */
export function unbroken(text: string): string {
  return text.replaceAll(' ', '&nbsp;')
}

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

/** Shortens a text that others wrote; the report file has the whole text. */
export function clip(text: string, most = 2_000): string {
  return text.length <= most ? text : `${text.slice(0, most)}… (the whole text is in the report file)`
}

export function section(title: string, body: string): string {
  return body === '' ? '' : `### ${title}\n\n${body}`
}

export function foldedMarkdown(title: string, body: string): string {
  return `<details><summary>${title}</summary>\n\n${body}\n\n</details>`
}

/** A folded block that shows `lines` unchanged. */
export function folded(title: string, lines: readonly string[]): string {
  const text = escapeHtml(lines.join('\n'))
  return `<details><summary>${escapeHtml(title)}</summary>\n\n<pre>\n${text}\n</pre>\n\n</details>`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

export function list(items: readonly string[]): string {
  return items.map(item => `- ${inline(clip(item))}`).join('\n')
}

/** Text that stays on one line in a narrow cell. */
export function unbroken(text: string): string {
  return text.replaceAll(' ', '&nbsp;')
}

/** A published Langfuse version, exact: `3.225.4`, or a pre-release such as `3.0.0-rc.6`. */
export type Release = string & { readonly brand: 'Release' }

const EXACT = /^v?(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?$/

/** The release, or the reason why the text is none: a clause for a sentence that names the text. */
export function parseRelease(text: string): Release | { readonly problem: string } {
  const match = EXACT.exec(text)
  if (match) return `${match[1]}.${match[2]}.${match[3]}${match[4] ?? ''}` as Release
  if (/^v?\d+(\.\d+)?$/.test(text) || /^(latest|main|edge|stable)$/i.test(text)) {
    return { problem: 'is a floating tag that can move to another major version' }
  }
  return { problem: 'is not a version' }
}

/** Undefined unless the text is an exact version. */
export function releaseOf(text: string | undefined): Release | undefined {
  const parsed = text === undefined ? undefined : parseRelease(text)
  return typeof parsed === 'string' ? parsed : undefined
}

/** Semantic-version order; a pre-release comes before its release. Works for ClickHouse's four numbers too. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [splitVersion(left), splitVersion(right)]
  for (let index = 0; index < Math.max(a.numbers.length, b.numbers.length); index++) {
    const difference = (a.numbers[index] ?? 0) - (b.numbers[index] ?? 0)
    if (difference !== 0) return difference
  }
  if (a.suffix === b.suffix) return 0
  if (a.suffix === '') return 1
  if (b.suffix === '') return -1
  return a.suffix.localeCompare(b.suffix, 'en', { numeric: true })
}

function splitVersion(text: string): { readonly numbers: readonly number[]; readonly suffix: string } {
  const dash = text.indexOf('-')
  const numbers = (dash === -1 ? text : text.slice(0, dash)).replace(/^v/, '').split('.').map(Number)
  return { numbers, suffix: dash === -1 ? '' : text.slice(dash + 1) }
}

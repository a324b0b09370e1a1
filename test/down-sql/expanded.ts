import { parseKey, type Snapshot } from '../../src/schema/snapshot.ts'
import type { Step } from './walk.ts'

/**
 * Why one of the two releases would not work between expand and contract: both must find every table and column they
 * know, be able to insert rows without the columns they do not know, and meet no rule that is not theirs.
 */
export function expandProblems({ before, after }: Pick<Step, 'before' | 'after'>, found: Snapshot): string[] {
  const all: Snapshot = { ...before, ...after, ...found }
  const isEverywhere = (key: string): boolean =>
    [before, after, found].every(schema => schema[key] !== undefined)
  return Object.entries(all).flatMap(([key, facts]) => {
    if (isEverywhere(key)) return []
    const { kind, names } = parseKey(key)
    const isKnownTo = (schema: Snapshot): boolean => schema[key] !== undefined
    if (!isKnownTo(found)) {
      const isNeeded = ['table', 'column', 'view'].includes(kind)
      return isNeeded ? [`${key} is missing`] : []
    }
    const isShared = [before, after].every(
      schema => schema[`table ${names.slice(0, 2).map(quoted).join('.')}`],
    )
    if (kind === 'column' && isShared && !(isKnownTo(before) && isKnownTo(after))) {
      const isDemanded = found[key]?.['notNull'] === true && (found[key]?.['default'] ?? null) === null
      return isDemanded ? [`${key} is demanded of a release that does not know it`] : []
    }
    const isRule = kind === 'constraint' || (kind === 'index' && /UNIQUE/.test(String(facts['definition'])))
    return isRule && isShared && !isKnownTo(after) ? [`${key} is already enforced`] : []
  })
}

function quoted(name: string): string {
  return /^\w+$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

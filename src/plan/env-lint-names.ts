import { majorOf } from '../release/requirements.ts'
import type { LintFinding, LintSubject, Side } from './env-lint-variables.ts'
import { isSet, SIDES, warning } from './env-lint-variables.ts'

/** A name that nobody reads and that looks like one that the target does. */
export type NearMiss = { readonly side: Side; readonly written: string; readonly meant: string }

/** The typing errors of both containers: `ENCRIPTION_KEY`, a lower-case `v4` … Langfuse ignores them silently. */
export function nearMisses(subject: LintSubject): readonly NearMiss[] {
  return SIDES.flatMap(side => {
    const { environment, secrets } = subject[side]
    const written = [...new Set([...Object.keys(environment), ...Object.keys(secrets)])].sort()
    return written.flatMap(name => {
      const meant = isRead(name, subject) ? undefined : nearest(name, subject.names)
      return meant === undefined ? [] : [{ side, written: name, meant }]
    })
  })
}

export function nameFindings(subject: LintSubject, misses: readonly NearMiss[]): readonly LintFinding[] {
  const major = majorOf(subject.to)
  return misses.map(({ side, written, meant }) =>
    warning(
      isSet(subject[side], meant)
        ? `The ${side} has \`${written}\` beside \`${meant}\`, and Langfuse ${major} does not read it: remove it.`
        : `The ${side} has \`${written}\`, which Langfuse ${major} does not read: if \`${meant}\` is meant, the ${side} runs without it, so rename it.`,
    ),
  )
}

/** Names of the platform, of agents and of shells are no business of ours. */
function isRead(name: string, { names, obsolete }: LintSubject): boolean {
  return names.has(name) || obsolete.has(name) || /^(AWS|ECS|OTEL|DD|NODE|NPM|LC)_/.test(name)
}

/** Letters that may be wrong. A short name is near to too many others: `PORT` is two letters from `HOST`. */
function furthestOf(name: string): number {
  if (name.length < 6) return 0
  return name.length < 9 ? 1 : 2
}

function nearest(name: string, known: ReadonlySet<string>): string | undefined {
  const upper = name.toUpperCase()
  const furthest = furthestOf(name)
  const near = [...known]
    .filter(candidate => Math.abs(candidate.length - name.length) <= furthest)
    .map(candidate => ({ candidate, distance: distanceOf(upper, candidate) }))
    .filter(({ distance }) => distance <= furthest)
    .sort((left, right) => left.distance - right.distance || (left.candidate < right.candidate ? -1 : 1))
  return near[0]?.candidate
}

/** Levenshtein's: insertions, deletions and replacements, row by row. */
function distanceOf(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...left].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...right].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}

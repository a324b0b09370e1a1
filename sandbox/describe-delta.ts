import type { Delta } from '../src/schema/diff.ts'
import { type Facts, type Kind, parseKey, type Snapshot } from '../src/schema/snapshot.ts'

/** How many objects of each kind a snapshot has; kinds that it has none of are absent. */
export function countByKind(snapshot: Snapshot): Partial<Record<Kind, number>> {
  const counts: Partial<Record<Kind, number>> = {}
  for (const key of Object.keys(snapshot)) {
    const { kind } = parseKey(key)
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

/** One line an object, for people: `+ column public.projects.deleted_at: type timestamp(3) without time zone, …`. */
export function describeDelta(delta: Delta): string[] {
  return [
    ...delta.renamed.map(({ from, to }) => `> ${from} is now ${to}`),
    ...Object.entries(delta.removed).map(([key, facts]) => `- ${key}${describeFacts(facts)}`),
    ...Object.entries(delta.added).map(([key, facts]) => `+ ${key}${describeFacts(facts)}`),
    ...Object.entries(delta.changed).map(([key, { from, to }]) => `~ ${key}: ${describeChange(from, to)}`),
  ]
}

function describeFacts(facts: Facts): string {
  const text = Object.entries(facts)
    .filter(([, value]) => value !== null && value !== false)
    .map(([name, value]) => (value === true ? name : `${name} ${show(value)}`))
    .join(', ')
  return text === '' ? '' : `: ${text}`
}

function describeChange(from: Facts, to: Facts): string {
  return [...new Set([...Object.keys(from), ...Object.keys(to)])]
    .filter(name => JSON.stringify(from[name]) !== JSON.stringify(to[name]))
    .map(name => `${name} ${show(from[name])} → ${show(to[name])}`)
    .join(', ')
}

function show(value: Facts[string] | undefined): string {
  if (value === undefined || value === null) return 'none'
  return Array.isArray(value) ? value.join(' | ') : String(value)
}

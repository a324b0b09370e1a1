import { EVENTS_TABLES, needEventsTables, readsV4Flags, V4_FLAGS, WRITE_MODE } from '../release/v4-flags.ts'
import type { LintFinding, LintSubject } from './env-lint-subject.ts'
import { plainValue, SIDES } from './env-lint-subject.ts'

/** Modes that outlive their schema: settings that need the events tables on a ClickHouse that will have none. */
export function eventsFindings(subject: LintSubject): readonly LintFinding[] {
  if (subject.events === 'there') return []
  return needEventsTables(subject.to).flatMap(({ name, values }) => {
    const sides = SIDES.filter(side => values.includes(plainValue(subject[side], name) ?? ''))
    if (sides.length === 0) return []
    const set = [...new Set(sides.map(side => plainValue(subject[side], name) ?? ''))]
    return {
      kind: subject.events === 'missing' ? ('refusal' as const) : ('warning' as const),
      sentence: `${what(name, set, sides)} ${why(subject)} ${effect(name, set, subject.to)} ${remedy(name, subject.to)}`,
      about: sides.map(side => `${side} ${name}` as const),
    }
  })
}

/** Whether Langfuse would lose all that it receives. */
export function losesIngestion(subject: LintSubject): boolean {
  return (
    subject.events === 'missing' &&
    readsV4Flags(subject.to) &&
    SIDES.some(side => plainValue(subject[side], WRITE_MODE.name) === 'events_only')
  )
}

function what(name: string, values: readonly string[], sides: readonly string[]): string {
  return `\`${name}\` is ${values.map(value => `\`${value}\``).join(' and ')} on ${sides.join(' and ')}.`
}

function why({ events, to }: LintSubject): string {
  const tables = `the events tables, which come with ${EVENTS_TABLES.first}`
  return events === 'missing'
    ? `ClickHouse has no events tables under Langfuse ${to}: they come with ${EVENTS_TABLES.first}.`
    : `It needs ${tables}, and this run did not see whether ClickHouse has them.`
}

function effect(name: string, values: readonly string[], to: string): string {
  if (name !== WRITE_MODE.name)
    return `Without them Langfuse ${to} fails what reads or writes them, and its health checks stay good.`
  const lost = values.includes('events_only') ? 'loses all traces' : 'drops the rows that it writes to them'
  return `Without them Langfuse ${to} ${lost} and fails every trace deletion, and its health checks stay good.`
}

function remedy(name: string, to: string): string {
  return name === WRITE_MODE.name
    ? `Set ${LEGACY} on web and worker before that. \`dual\` is safe only while ${EVENTS_TABLES.first} or newer runs.`
    : `Set it to \`false\` on web and worker before Langfuse ${to} starts.`
}

/** What v3 does by default, written out: v4 starts with it too, and v3's tables stay complete. */
export const LEGACY: string = V4_FLAGS.map(({ name, v3 }) => `\`${name}=${v3}\``)
  .join(', ')
  .replace(/, (?=[^,]*$)/, ' and ')

import type { StepResult, StepState } from '../execute/execution.ts'
import { titleOf } from '../plan/plan.ts'
import { clip, inline, table, unbroken } from './markdown.ts'

const SIGN: Readonly<Record<StepState, string>> = {
  done: '✅ done',
  failed: '❌ failed',
  rolling: '⏳ still rolling',
  'not-started': '⬜ not started',
}

/** How long each step took, as a Mermaid gantt and as a table for readers who cannot see it. */
export function timeline(steps: readonly StepResult[]): string {
  const rows = steps.map(result => [
    unbroken(SIGN[result.state]),
    inline(titleOf(result.step)),
    duration(result),
    inline(clip(result.sentence)),
  ])
  return [gantt(steps), table(['', 'step', 'took', 'result'], rows)].filter(part => part !== '').join('\n\n')
}

/** Mermaid colours `done` grey and `crit` red. */
const TAG: Readonly<Record<StepState, string>> = {
  done: 'done',
  failed: 'crit',
  rolling: 'active',
  'not-started': '',
}

function gantt(steps: readonly StepResult[]): string {
  const bars = steps.flatMap(({ step, state, startedAt, endedAt }, index) => {
    if (startedAt === undefined || endedAt === undefined) return []
    const end = Math.max(endedAt, startedAt + 1_000) // a shorter bar would be invisible
    const rest = [TAG[state], `step${index}`, startedAt, end].filter(part => part !== '')
    return [`  ${barName(titleOf(step))} :${rest.join(', ')}`]
  })
  if (bars.length === 0) return ''
  return ['```mermaid', 'gantt', '  dateFormat x', '  axisFormat %H:%M:%S', ...bars, '```'].join('\n')
}

/**
 * In Mermaid a colon ends a bar's name, a semicolon its line, a hash starts an entity, percent signs a comment, and a
 * keyword at the start of a name is read as that keyword.
 */
function barName(title: string): string {
  const text = title
    .replace(/[^\p{L}\p{M}\p{N} ()/.@_+→-]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  const short = [...text].slice(0, LONGEST_NAME).join('')
  return /^[\p{L}\p{N}]/u.test(short) && !OWN_WORDS.test(short) ? short : `step ${short}`.trim()
}

const LONGEST_NAME = 80
/** https://mermaid.js.org/syntax/gantt.html */
const OWN_WORDS =
  /^(title|section|dateFormat|axisFormat|tickInterval|excludes|includes|todayMarker|inclusiveEndDates|topAxis|weekday|weekend|accTitle|accDescr|click|call|href|gantt)/i

function duration({ startedAt, endedAt }: StepResult): string {
  if (startedAt === undefined || endedAt === undefined) return ''
  const seconds = (endedAt - startedAt) / 1_000
  if (seconds < 60) return unbroken(`${seconds.toFixed(1)} s`)
  return unbroken(`${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`)
}

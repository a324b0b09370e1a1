import type { StepResult, StepState } from '../execute/execution.ts'
import { titleOf } from '../plan/plan.ts'
import { inline, table, unbroken } from './markdown.ts'

const SIGN: Readonly<Record<StepState, string>> = {
  done: '✅ done',
  failed: '❌ failed',
  rolling: '⏳ still rolling',
  'not-started': '⬜ not started',
}

/** How long each step took, as a Mermaid gantt and as a table for those who cannot see it. */
export function timeline(steps: readonly StepResult[]): string {
  const rows = steps.map(result => [
    unbroken(SIGN[result.state]),
    inline(titleOf(result.step)),
    duration(result),
    inline(result.sentence),
  ])
  return [gantt(steps), table(['', 'step', 'took', 'result'], rows)].filter(part => part !== '').join('\n\n')
}

/** Mermaid colours `done` grey and `crit` red; a bar shorter than a second would not be seen. */
const TAG: Readonly<Record<StepState, string>> = {
  done: 'done',
  failed: 'crit',
  rolling: 'active',
  'not-started': '',
}

function gantt(steps: readonly StepResult[]): string {
  const bars = steps.flatMap(({ step, state, startedAt, endedAt }, index) => {
    if (startedAt === undefined || endedAt === undefined) return []
    const end = Math.max(endedAt, startedAt + 1_000)
    return [`  ${barName(titleOf(step))} :${TAG[state]}, step${index}, ${startedAt}, ${end}`]
  })
  if (bars.length === 0) return ''
  return ['```mermaid', 'gantt', '  dateFormat x', '  axisFormat %H:%M:%S', ...bars, '```'].join('\n')
}

/** A colon ends a bar's name, a semicolon its line, a hash starts an entity. */
function barName(title: string): string {
  return title.replace(/[:;#,]/g, ' ').replace(/\s+/g, ' ')
}

function duration({ startedAt, endedAt }: StepResult): string {
  if (startedAt === undefined || endedAt === undefined) return ''
  const seconds = (endedAt - startedAt) / 1_000
  if (seconds < 60) return unbroken(`${seconds.toFixed(1)} s`)
  return unbroken(`${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`)
}

import type { CheckState } from '../checks/check.ts'
import { type CheckResult, countOf, countsOf } from '../checks/run.ts'
import type { StepResult } from '../execute/execution.ts'
import { goesBackLine, type Plan, titleOf } from '../plan/plan.ts'
import { type Conclusion, isSuccess } from './conclusion.ts'
import { driftTable } from './drift-report.ts'
import { clip, folded, foldedMarkdown, inline, list, section, table, unbroken } from './markdown.ts'
import { picture } from './picture.ts'
import { restoreSteps } from './restore-document.ts'
import { timeline } from './timeline.ts'

/** GitHub drops a summary above 1 MiB per step; only the evidence can grow that large. */
const LIMIT_BYTES = 900_000

/** The job summary: result, versions, diagram, timeline, checks, what to do now; at most 900 kB. */
export function summaryOf(conclusion: Conclusion): string {
  const parts = [...partsOf(conclusion), ...evidence(conclusion.steps)].filter(part => part !== '')
  const kept: string[] = []
  let size = Buffer.byteLength(TOO_LONG)
  for (const part of parts) {
    size += Buffer.byteLength(part) + 2
    if (size > LIMIT_BYTES) return [...kept, TOO_LONG].join('\n\n')
    kept.push(part)
  }
  return kept.join('\n\n')
}

const TOO_LONG = 'The rest is too long for a job summary. The report file contains it.'

function partsOf(conclusion: Conclusion): readonly string[] {
  const { stack, steps, checks, outcome } = conclusion
  return [
    `## ${isSuccess(conclusion) ? '✅' : '❌'} Langfuse ${conclusion.action}: ${conclusion.outcome}`,
    inline(clip(conclusion.headline)),
    section(outcome === 'refused' ? 'Why this was refused' : 'Problems', list(conclusion.problems)),
    versions(conclusion),
    section('What to do now', list(conclusion.next)),
    conclusion.restore === undefined
      ? ''
      : foldedMarkdown('The commands of the restore', restoreSteps(conclusion.restore)),
    stack === undefined ? '' : picture(stack, checks, steps),
    steps.length > 0 ? section('Timeline', timeline(steps)) : planned(conclusion.plan),
    section('Effect of rolling back', list(conclusion.plan?.losses ?? [])),
    section('Drift', driftTable(conclusion.differences)),
    checks.length > 0 ? checkTable(checks) : '',
    section('Warnings', list(conclusion.warnings)),
  ]
}

function versions(conclusion: Conclusion): string {
  const { previous, current, target } = conclusion.versions
  const { plan } = conclusion
  const cells = [
    ['before', previous],
    ['now', current],
    ['target', target],
    ['rollback class', plan?.rollbackClass],
  ].filter((cell): cell is [string, string] => cell[1] !== undefined)
  if (cells.length === 0) return ''
  const line = table(
    cells.map(([name]) => name),
    [cells.map(([, value]) => `\`${value}\``)],
  )
  if (plan === undefined) return line
  const digest = `${line}\n\nPlan \`${plan.digest}\``
  return isOverAndBack(conclusion)
    ? digest
    : `${digest}\n\n${inline(goesBackLine(plan.goesBack)).replace(/^[^,]*/, '**$&**')}`
}

/** A rollback that succeeded has nothing to go back from. */
function isOverAndBack({ action, outcome }: Conclusion): boolean {
  return action === 'rollback' && outcome === 'rolled-back'
}

function planned(plan: Plan | undefined): string {
  if (plan === undefined) return ''
  if (plan.steps.length === 0) return section('Plan', 'Nothing to do.')
  const rows = plan.steps.map((step, index) => [`${index + 1}`, inline(titleOf(step)), inline(step.reason)])
  return section('Plan', table(['', 'step', 'why'], rows))
}

const CHECK_SIGN: Readonly<Record<CheckState, string>> = {
  failed: '❌ failed',
  inconclusive: '❔ inconclusive',
  warning: '⚠️ warning',
  skipped: '⏭️ skipped',
  passed: '✅ passed',
}

/** Worst first. Passed and skipped checks are counted in the title and folded. */
function checkTable(checks: readonly CheckResult[]): string {
  const order = Object.keys(CHECK_SIGN)
  const sorted = [...checks].sort((left, right) => order.indexOf(left.state) - order.indexOf(right.state))
  const quiet = ({ state }: CheckResult) => state === 'passed' || state === 'skipped'
  const [loud, rest] = [sorted.filter(check => !quiet(check)), sorted.filter(quiet)]
  const body = [
    loud.length > 0 ? tableOf(loud) : '',
    rest.length > 0
      ? foldedMarkdown(
          `${countOf(rest, 'passed')} passed, ${countOf(rest, 'skipped')} skipped`,
          tableOf(rest),
        )
      : '',
  ]
  return section(`Checks: ${countsOf(checks)}`, body.filter(part => part !== '').join('\n\n'))
}

function tableOf(checks: readonly CheckResult[]): string {
  const rows = checks.map(check => [
    unbroken(CHECK_SIGN[check.state]),
    inline(check.title),
    inline(clip(check.sentence)),
  ])
  return table(['', 'check', 'finding'], rows)
}

function evidence(steps: readonly StepResult[]): readonly string[] {
  return steps
    .filter(result => result.evidence.length > 0)
    .map(result => folded(`Evidence: ${titleOf(result.step)}`, result.evidence))
}

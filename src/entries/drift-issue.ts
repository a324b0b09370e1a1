import { explain } from '../errors/errors.ts'
import type { VerifyConfig } from '../inputs/config.ts'
import type { Issue, Issues, IssueText } from '../ports/github.ts'
import type { Conclusion } from '../report/conclusion.ts'
import { brokenOf, issueText, markerOf, stateOf, withoutState } from '../report/drift-report.ts'
import { identityOf } from '../stack/baseline.ts'
import type { Ports } from './ports.ts'
import { NO_GITHUB } from './record.ts'

/**
 * Maintains the one issue about a stack: opens it when a check fails, edits it when other checks fail, closes it when
 * all pass. If GitHub refuses, that is a warning: the outcome depends on the checks only.
 */
export async function keepIssue(
  conclusion: Conclusion,
  config: VerifyConfig,
  ports: Ports,
): Promise<Conclusion> {
  const { stack } = conclusion
  if (!config.driftIssue || stack === undefined) return conclusion
  const issues = ports.issues(config)
  const warn = (sentence: string): Conclusion => ({
    ...conclusion,
    warnings: [...conclusion.warnings, `Could not update the drift issue: ${sentence}.`],
  })
  if (issues === undefined) return warn(NO_GITHUB)
  const { environment, failOn } = config
  const about = { environment, stack: identityOf(stack), failOn, runUrl: ports.runUrl }
  try {
    const found = await issues.find(markerOf(about))
    const step = decide(found, stateNow(conclusion, config), stateOf(conclusion, about))
    const { title, body } = issueText(conclusion, about)
    const text = { title: ports.runner.redact(title), body: ports.runner.redact(body) }
    const where = about.runUrl === undefined ? '' : ` in [this run](${about.runUrl})`
    const number = await act(step, text, { issues, ports, where })
    return { ...conclusion, issue: number }
  } catch (error) {
    return warn(explain(error).replace(/\.$/, ''))
  }
}

/** What to do with the existing issues. The oldest open one is the issue; others are duplicates. */
type Decision = { readonly duplicates: readonly number[] } & (
  | { readonly kind: 'open' }
  | { readonly kind: 'leave'; readonly issue: number | undefined }
  | { readonly kind: 'edit'; readonly issue: number }
  | { readonly kind: 'close'; readonly issue: number; readonly body: string }
)

/**
 * `unclear`: a check is inconclusive or a deploy is in progress, so the issue stays as it is. Drift that returns opens a
 * new issue, because the closed one is the history of another change. An issue that a person closed while it was true
 * stays closed until verify finds a different problem.
 */
export function decide(found: readonly Issue[], now: 'good' | 'bad' | 'unclear', state: string): Decision {
  const [oldest, ...rest] = found.filter(issue => issue.open)
  const duplicates = rest.map(issue => issue.number)
  if (oldest === undefined) {
    const dismissed = found.at(-1)?.body.includes(state) === true
    return now === 'bad' && !dismissed
      ? { kind: 'open', duplicates }
      : { kind: 'leave', issue: undefined, duplicates }
  }
  const { number: issue, body } = oldest
  if (now === 'good') return { kind: 'close', issue, body, duplicates }
  return { kind: now === 'bad' && !body.includes(state) ? 'edit' : 'leave', issue, duplicates }
}

function stateNow(
  { checks, outcome }: Conclusion,
  { baseline, failOn }: VerifyConfig,
): 'good' | 'bad' | 'unclear' {
  const drift = checks.find(check => check.id === 'drift')?.state
  // A deploy in progress may fail checks for a minute; that needs no issue.
  if (baseline === 'record' && drift === 'skipped') return 'unclear'
  if (brokenOf(checks, failOn).length > 0) return 'bad'
  return outcome === 'passed' ? 'good' : 'unclear'
}

type IssueAccess = { readonly issues: Issues; readonly ports: Ports; readonly where: string }

/** Returns the number of the issue that is open afterwards. */
async function act(step: Decision, text: IssueText, access: IssueAccess): Promise<string | undefined> {
  const { issues, ports, where } = access
  if (step.kind !== 'open') await closeDuplicates(step, access)
  switch (step.kind) {
    case 'open': {
      const number = await issues.create(text)
      ports.runner.info(`Issue #${number} opened`)
      return String(number)
    }
    case 'edit':
      await issues.edit(step.issue, text)
      ports.runner.info(`Issue #${step.issue} updated with the current problems`)
      return String(step.issue)
    case 'close':
      // With its state it would count as closed by a person while it was still true.
      await issues.edit(step.issue, { body: withoutState(step.body) })
      await issues.close(step.issue, `All checks pass again: verify found no problem${where}.`, 'completed')
      ports.runner.info(`Issue #${step.issue} closed: all checks pass`)
      return undefined
    case 'leave':
      return step.issue === undefined ? undefined : String(step.issue)
  }
}

async function closeDuplicates(
  { issue, duplicates }: Exclude<Decision, { kind: 'open' }>,
  { issues, ports }: IssueAccess,
): Promise<void> {
  for (const duplicate of duplicates) {
    await issues.close(duplicate, `Duplicate: #${issue} is older and is about the same stack.`, 'duplicate')
    ports.runner.info(`Issue #${duplicate} closed: it is a duplicate of #${issue}`)
  }
}

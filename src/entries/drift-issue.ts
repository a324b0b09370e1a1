import { explain } from '../errors/errors.ts'
import type { VerifyConfig } from '../inputs/config.ts'
import type { Issue, Issues, IssueText } from '../ports/github.ts'
import type { Conclusion } from '../report/conclusion.ts'
import { brokenOf, issueText, markerOf, stateOf, withoutState } from '../report/drift-report.ts'
import { identityOf } from '../stack/fingerprint.ts'
import type { Ports } from './ports.ts'
import { runUrl } from './run-url.ts'

/**
 * Keeps the one issue about a stack: opened when something is wrong, edited when something else is, closed when all is
 * well. What GitHub does not let it do is a warning: the verdict is that of the checks.
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
    warnings: [...conclusion.warnings, `The issue about drift is not up to date: ${sentence}.`],
  })
  if (issues === undefined)
    return warn('there is no `github-token`, or this is not a workflow of a repository')
  const { environment, failOn } = config
  const about = { environment, stack: identityOf(stack), failOn, runUrl: runUrl(ports.runner) }
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

/** What to do with the issues that there are. The oldest open one is the issue; others were opened by mistake. */
type Decision = { readonly duplicates: readonly number[] } & (
  | { readonly kind: 'open' }
  | { readonly kind: 'leave'; readonly issue: number | undefined }
  | { readonly kind: 'edit'; readonly issue: number }
  | { readonly kind: 'close'; readonly issue: number; readonly body: string }
)

/**
 * `unclear`: neither good nor bad (evidence is missing, or a deploy goes on), so whatever the issue says stays. When
 * drift comes back a new issue is opened: the closed one is the history of another change, and its followers are done
 * with it. One that a person closed while it was still true stays closed until there is something else to say.
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
  // Whatever a deploy that goes on has broken for a minute is not worth an issue.
  if (baseline === 'record' && drift === 'skipped') return 'unclear'
  if (brokenOf(checks, failOn).length > 0) return 'bad'
  return outcome === 'passed' ? 'good' : 'unclear'
}

type Hands = { readonly issues: Issues; readonly ports: Ports; readonly where: string }

/** Returns the number of the issue that is open afterwards. */
async function act(step: Decision, text: IssueText, hands: Hands): Promise<string | undefined> {
  const { issues, ports, where } = hands
  if (step.kind !== 'open') await closeDuplicates(step, hands)
  switch (step.kind) {
    case 'open': {
      const number = await issues.create(text)
      ports.runner.info(`Issue #${number} opened`)
      return String(number)
    }
    case 'edit':
      await issues.edit(step.issue, text)
      ports.runner.info(`Issue #${step.issue} says what is wrong now`)
      return String(step.issue)
    case 'close':
      // Else it would look as if a person had closed it while it was still true.
      await issues.edit(step.issue, { body: withoutState(step.body) })
      await issues.close(step.issue, `All is well again: verify found nothing wrong${where}.`, 'completed')
      ports.runner.info(`Issue #${step.issue} closed: all is well again`)
      return undefined
    case 'leave':
      return step.issue === undefined ? undefined : String(step.issue)
  }
}

async function closeDuplicates(
  { issue, duplicates }: Exclude<Decision, { kind: 'open' }>,
  { issues, ports }: Hands,
): Promise<void> {
  for (const duplicate of duplicates) {
    await issues.close(duplicate, `#${issue} is about the same stack, and older.`, 'duplicate')
    ports.runner.info(`Issue #${duplicate} closed: it is a duplicate of #${issue}`)
  }
}

import { createHash } from 'node:crypto'
import type { CheckResult } from '../checks/run.ts'
import type { IssueText } from '../ports/github.ts'
import type { Difference } from '../stack/baseline.ts'
import type { Conclusion } from './conclusion.ts'
import { inline, list, section, table } from './markdown.ts'

/** The differences as a table; '' if there are none. */
export function driftTable(differences: readonly Difference[], most = 200): string {
  if (differences.length === 0) return ''
  const rows = differences
    .slice(0, most)
    .map(({ component, member, was, is }) => [inline(component), code(member), code(was), code(is)])
  const more = differences.length - rows.length
  const rest = more > 0 ? `\n\n…and ${more} more: see the report file of the run.` : ''
  return `${table(['component', 'setting', 'deployed', 'now'], rows)}${rest}`
}

/** The text of the one issue about a stack: what is wrong, which run found it, and what to do. */
export function issueText(conclusion: Conclusion, about: IssueSubject): IssueText {
  const { checks, differences } = conclusion
  const broken = brokenOf(checks, about.failOn)
  const body = [
    `${markerOf(about)}\n${stateOf(conclusion, about)}`,
    `The verify action found these problems on \`${about.environment}\`${about.runUrl === undefined ? '' : ` in [this run](${about.runUrl})`}. It updates this text on each run, and closes the issue when all checks pass.`,
    section('Drift from the last deploy', driftTable(differences, ROWS)),
    section('Checks', checkTable(broken.filter(check => check.id !== 'drift'))),
    section('What to do', list(adviceFor(conclusion, about.environment))),
  ]
  return { title: titleOf(conclusion, about, broken), body: body.filter(part => part !== '').join('\n\n') }
}

type IssueSubject = {
  readonly environment: string
  /** Account, region, cluster and services. */
  readonly stack: string
  readonly failOn: 'failed' | 'warning'
  readonly runUrl: string | undefined
}

/** Hidden in the body. It identifies the stack: two stacks in one repository have an issue each. */
export function markerOf({ environment, stack }: Pick<IssueSubject, 'environment' | 'stack'>): string {
  return `<!-- langfuse-rollout: drift of ${hash(environment, stack)} -->`
}

/**
 * Hidden as well. It identifies the problems, without what changes on every run (the run's URL, numbers in sentences).
 * While it stays the same, the issue is not edited.
 */
export function stateOf(
  { checks, differences }: Conclusion,
  { failOn }: Pick<IssueSubject, 'failOn'>,
): string {
  const broken = brokenOf(checks, failOn).map(({ id, state, sentence }) => [
    id,
    state,
    withoutNumbers(sentence),
  ])
  return `<!-- state ${hash(JSON.stringify(differences), JSON.stringify(broken))} -->`
}

/** A closed issue's body. Without its state, it does not look as if a person had dismissed it. */
export function withoutState(body: string): string {
  return body.replace(/<!-- state \w+ -->/, '<!-- state gone -->')
}

export function brokenOf(
  checks: readonly CheckResult[],
  failOn: 'failed' | 'warning',
): readonly CheckResult[] {
  return checks.filter(({ state }) => state === 'failed' || (failOn === 'warning' && state === 'warning'))
}

/** GitHub accepts 65,536 characters. */
const ROWS = 100
const SENTENCE = 600

function titleOf(
  { differences }: Conclusion,
  { environment }: IssueSubject,
  broken: readonly CheckResult[],
): string {
  const failing = broken.filter(check => check.id !== 'drift')
  const parts = [
    ...(differences.length > 0 ? ['drifted from the last deploy'] : []),
    ...(failing.length > 0 ? [failing.length === 1 ? 'fails a check' : 'fails checks'] : []),
  ]
  return `Langfuse \`${environment}\` ${parts.join(' and ') || 'needs attention'}`
}

function checkTable(checks: readonly CheckResult[]): string {
  if (checks.length === 0) return ''
  const rows = checks.map(({ id, state, sentence }) => [
    `\`${id}\``,
    state,
    quiet(inline(sentence.length > SENTENCE ? `${sentence.slice(0, SENTENCE)}…` : sentence)),
  ])
  return table(['check', 'state', 'finding'], rows)
}

function adviceFor({ differences }: Conclusion, environment: string): readonly string[] {
  const drifted = [
    'Find out what changed it: Terraform, a person in the console, or an interrupted deploy.',
    'To revert a change, undo it where it was made. To restore an image, deploy the release again.',
    `To keep a change, run the deploy action with the running release and \`environment: ${environment}\`. It changes nothing and saves the current state as the baseline.`,
  ]
  return [
    ...(differences.length > 0 ? drifted : []),
    'Then run verify again. It closes this issue when all checks pass.',
    'If you close this issue by hand, it stays closed until verify finds a different problem.',
  ]
}

function code(text: string): string {
  return `\`${text.replaceAll('`', "'").replaceAll('|', '\\|').replace(/\s+/g, ' ')}\``
}

/** An image's `@sha256` must not notify a user of that name. */
function quiet(markdown: string): string {
  return markdown.replaceAll('@', '@\u200b')
}

function withoutNumbers(sentence: string): string {
  return sentence.replace(/\d+(?:[.,]\d+)*/g, '0')
}

function hash(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16)
}

import { createHash } from 'node:crypto'
import type { CheckResult } from '../checks/run.ts'
import type { IssueText } from '../ports/github.ts'
import type { Difference } from '../stack/baseline.ts'
import type { Conclusion } from './conclusion.ts'
import { inline, list, table } from './markdown.ts'

/** What differs, as a table; empty when nothing does. */
export function driftTable(differences: readonly Difference[], most = 200): string {
  if (differences.length === 0) return ''
  const rows = differences
    .slice(0, most)
    .map(({ component, member, was, is }) => [inline(component), code(member), code(was), code(is)])
  const more = differences.length - rows.length
  const rest = more > 0 ? `\n\n…and ${more} more: they are in the report of the run.` : ''
  return `${table(['part', 'what', 'was', 'is'], rows)}${rest}`
}

/** The one issue about a stack: what is wrong with it, where that was seen, and what to do. */
export function issueText(conclusion: Conclusion, about: IssueSubject): IssueText {
  const { checks, differences } = conclusion
  const broken = brokenOf(checks, about.failOn)
  const body = [
    `${markerOf(about)}\n${stateOf(conclusion, about)}`,
    `What the verify action found on \`${about.environment}\`${about.runUrl === undefined ? '' : ` in [this run](${about.runUrl})`}. This text is kept up to date, and the issue is closed when all is well.`,
    section('Drift: what is otherwise than it was deployed', driftTable(differences, ROWS)),
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

/** Hidden in the body, and the same as long as it is the same stack: two stacks in one repository have an issue each. */
export function markerOf({ environment, stack }: Pick<IssueSubject, 'environment' | 'stack'>): string {
  return `<!-- langfuse-rollout: drift of ${hash(environment, stack)} -->`
}

/**
 * Hidden as well: what the issue says, without what is different on every look (the run, and the numbers in sentences).
 * While it stays the same there is nothing to tell anybody.
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

/** A closed issue's body: whether its state was true then must not be known any more. */
export function withoutState(body: string): string {
  return body.replace(/<!-- state \w+ -->/, '<!-- state gone -->')
}

/** The checks that an issue is about. */
export function brokenOf(
  checks: readonly CheckResult[],
  failOn: 'failed' | 'warning',
): readonly CheckResult[] {
  return checks.filter(({ state }) => state === 'failed' || (failOn === 'warning' && state === 'warning'))
}

/** GitHub takes 65,536 characters. */
const ROWS = 100
const SENTENCE = 600

function titleOf(
  { differences }: Conclusion,
  { environment }: IssueSubject,
  broken: readonly CheckResult[],
): string {
  const failing = broken.filter(check => check.id !== 'drift')
  const parts = [
    ...(differences.length > 0 ? ['is not what was deployed'] : []),
    ...(failing.length > 0 ? [failing.length === 1 ? 'fails a check' : 'fails checks'] : []),
  ]
  return `Langfuse \`${environment}\` ${parts.join(' and ') || 'needs a look'}`
}

function checkTable(checks: readonly CheckResult[]): string {
  if (checks.length === 0) return ''
  const rows = checks.map(({ id, state, sentence }) => [
    `\`${id}\``,
    state,
    quiet(inline(sentence.length > SENTENCE ? `${sentence.slice(0, SENTENCE)}…` : sentence)),
  ])
  return table(['check', '', 'seen'], rows)
}

function adviceFor({ differences }: Conclusion, environment: string): readonly string[] {
  const drifted = [
    'Find out who changed it and why: Terraform, a person in the console, or a deploy that did not come to its end.',
    'If it is not meant to stay, undo it where it was made. An image goes back by deploying the release again.',
    `If it is meant to stay, run the deploy action with the release that runs and \`environment: ${environment}\`: it changes nothing and takes what runs for what is wanted.`,
  ]
  return [
    ...(differences.length > 0 ? drifted : []),
    'Run verify again: it closes this issue when all is well.',
    'Closed by hand it stays closed until something else is found.',
  ]
}

function section(title: string, body: string): string {
  return body === '' ? '' : `### ${title}\n\n${body}`
}

function code(text: string): string {
  return `\`${text.replaceAll('`', "'").replaceAll('|', '\\|').replace(/\s+/g, ' ')}\``
}

/** An image's `@sha256` must not call anybody of that name. */
function quiet(markdown: string): string {
  return markdown.replaceAll('@', '@\u200b')
}

function withoutNumbers(sentence: string): string {
  return sentence.replace(/\d+(?:[.,]\d+)*/g, '0')
}

function hash(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16)
}

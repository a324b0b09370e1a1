import { explained, nameFindings, nearMisses, pairFindings } from '../plan/env-lint.ts'
import type { LintFinding, LintSubject } from '../plan/env-lint-subject.ts'
import { warning as lintWarning, listed, SIDES, subjectOf } from '../plan/env-lint-subject.ts'
import { breaksMigrationUrl, passwordSentence, v4Findings, valueFindings } from '../plan/env-lint-values.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { majorOf } from '../release/requirements.ts'
import { currentRelease, type Stack } from '../stack/stack.ts'
import type { Check, Finding, ModuleLine, Subject } from './check.ts'
import { failed, KIND, moduleHint, passed, skipped, warning } from './check.ts'

/** Langfuse ignores unknown names, so a typing error is silent. */
const environmentNames = {
  ...KIND.setUp,
  id: 'environment-names',
  title: 'Langfuse knows the names of its environment variables',
  about: ['web', 'worker'],
  run: subject =>
    lint(subject, 'No environment variable has a misspelt or obsolete name.', found => [
      ...nameFindings(found, nearMisses(found)),
      ...obsoleteFindings(found, subject.facts),
    ]),
} as const satisfies Check

const environmentValues = {
  ...KIND.setUp,
  id: 'environment-values',
  title: 'Environment variables have valid values',
  about: ['web', 'worker'],
  run: subject =>
    lint(subject, 'All values that this check can read are valid.', found => {
      const misses = nearMisses(found)
      return [
        ...valueFindings(found).filter(finding => !explained(finding, misses)),
        ...v4Findings(found),
        ...passwordFindings(subject.stack),
      ]
    }),
} as const satisfies Check

const environmentPairs = {
  ...KIND.setUp,
  id: 'environment-pairs',
  title: 'Environment variables of web and worker match',
  about: ['web', 'worker'],
  run: subject =>
    lint(
      subject,
      'All values that must match on web and worker do, as far as this check can read them.',
      found => pairFindings(found, nearMisses(found)),
    ),
} as const satisfies Check

const plainSecrets = {
  ...KIND.setUp,
  id: 'plain-secrets',
  title: 'Secrets are read from a secret store',
  about: ['web', 'worker', 'clickhouse'],
  run({ stack }) {
    const containers = { ...sidesOf(stack), ClickHouse: stack.clickhouse.container.environment }
    const found = Object.entries(containers).flatMap(([who, environment]) => {
      const names = Object.keys(environment).filter(name => isSecret(name, environment[name] ?? ''))
      return names.length === 0 ? [] : [`${who} (${listed(names.sort())})`]
    })
    if (found.length === 0) return passed('No secret is set as a plain value.')
    return warning(
      `Secrets are plain values in the configuration of ${found.join(', ')}, so everyone who may describe it can read them. Move them to Secrets Manager or Parameter Store.${moduleHint(stack, 'plainSecrets')}`,
    )
  },
} as const satisfies Check

const valkeyTls = {
  ...KIND.setUp,
  id: 'valkey-tls',
  title: 'Web and worker use TLS if the cache does',
  about: ['valkey', 'web', 'worker'],
  run({ stack }) {
    const plain = Object.entries(sidesOf(stack)).flatMap(([who, side]) => (inPlainText(side) ? [who] : []))
    if (plain.length === 0) return passed('Web and worker do not use plain text with a cache that has TLS.')
    return warning(
      `The cache has encryption in transit, but ${plain.join(' and ')} connect${plain.length === 1 ? 's' : ''} in plain text: set REDIS_TLS_ENABLED to true on both.${moduleHint(stack, 'tls')}`,
    )
  },
} as const satisfies Check

function sidesOf({ web, worker }: Stack) {
  return { web: web.environment, worker: worker.container.environment }
}

/** ElastiCache's primary endpoint begins with `master.` if encryption in transit is on. */
function inPlainText(environment: Readonly<Record<string, string>>): boolean {
  const host = environment['REDIS_HOST'] ?? ''
  return /^master\..*\.cache\.amazonaws\.com/.test(host) && environment['REDIS_TLS_ENABLED'] !== 'true'
}

export const ENVIRONMENT_CHECKS = [
  environmentNames,
  environmentValues,
  environmentPairs,
  plainSecrets,
  valkeyTls,
] as const

/** Lints the running environment for the running release. What would prevent the next start is a failure. */
function lint(
  { stack, expected, facts }: Subject,
  well: string,
  rules: (subject: LintSubject) => readonly LintFinding[],
): Finding {
  const release = expected ?? currentRelease(stack, facts)
  const subject = release === undefined ? undefined : subjectOf(stack, release, facts)
  if (subject === undefined)
    return skipped(
      `The catalog does not list the variables of Langfuse ${release ?? '(no exact release is known)'}.`,
    )
  const findings = rules({ ...subject, from: subject.to })
  if (findings.length === 0) return passed(well)
  const sentence =
    findings.map(finding => finding.sentence).join(' ') + moduleHint(stack, ...linesOf(findings))
  return findings.some(({ kind }) => kind === 'refusal') ? failed(sentence) : warning(sentence)
}

/** Names that an older major read and the newest release of this one does not. */
function obsoleteFindings(subject: LintSubject, facts: ReleaseFacts): readonly LintFinding[] {
  const major = majorOf(subject.to)
  const majors = Array.from({ length: Math.max(0, major - 2) }, (_, index) => 2 + index)
  const older = new Set(majors.flatMap(each => [...facts.environmentNames(each)]))
  return SIDES.flatMap(side => {
    const { environment, secrets } = subject[side]
    const names = [...Object.keys(environment), ...Object.keys(secrets)]
    const unread = names.filter(name => older.has(name) && !subject.names.has(name)).sort()
    if (unread.length === 0) return []
    const them = unread.length === 1 ? 'it' : 'them'
    return lintWarning(
      `The ${side} has ${listed(unread)}, which the newest Langfuse ${major} no longer reads: remove ${them} with the next upgrade.`,
      unread.map(name => `${side} ${name}` as const),
    )
  })
}

/** Web and worker mostly read it as a secret; ClickHouse's own container often has it in plain text. */
function passwordFindings({ clickhouse }: Stack): readonly LintFinding[] {
  return breaksMigrationUrl(clickhouse.container.environment['CLICKHOUSE_PASSWORD'])
    ? [lintWarning(passwordSentence('ClickHouse'), ['clickhouse CLICKHOUSE_PASSWORD'])]
    : []
}

/** The line of the article's module that sets a variable, or should. */
const LINE_OF: Readonly<Record<string, ModuleLine>> = {
  'worker ENCRIPTION_KEY': 'encryptionKey',
  'worker NODE_OPTIONS': 'heap',
  'worker HOSTNAME': 'hostname',
  'worker NEXTAUTH_URL': 'nextauthUrl',
  'web S3_BUCKET_NAME': 'obsolete',
  'web LANGFUSE_READ_FROM_POSTGRES_ONLY': 'obsolete',
  'web LANGFUSE_READ_FROM_CLICKHOUSE_ONLY': 'obsolete',
  'web LANGFUSE_RETURN_FROM_CLICKHOUSE': 'obsolete',
  'clickhouse CLICKHOUSE_PASSWORD': 'passwordLetters',
}

function linesOf(findings: readonly LintFinding[]): readonly ModuleLine[] {
  return [...new Set(findings.flatMap(({ about }) => about.flatMap(name => LINE_OF[name] ?? [])))]
}

/** `ENCRIPTION_KEY` holds the key too. A URL with a password is a secret. */
function isSecret(name: string, value: string): boolean {
  if (value === '') return false
  if (/^(SALT|REDIS_AUTH|ENCR[IY]PTION_KEY)$/.test(name)) return true
  if (/(PASSWORD|SECRET|SECRET_ACCESS_KEY|API_KEY|PRIVATE_KEY|ACCESS_TOKEN)$/.test(name)) return true
  if (!/_(URL|CONNECTION_STRING)$/.test(name) || !URL.canParse(value)) return false
  return new URL(value).password !== ''
}

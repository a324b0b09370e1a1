import type { ReleaseFacts } from '../release/facts.ts'
import type { Release } from '../release/release.ts'
import { majorOf } from '../release/requirements.ts'
import { flagDefault } from '../release/v4-flags.ts'
import type { Stack } from '../stack/stack.ts'
import type { Given, LintFinding, LintSubject, Side } from './env-lint-subject.ts'
import { givenOf, isSet, listed, SIDES, subjectOf, warning } from './env-lint-subject.ts'
import { v4Findings, valueFindings } from './env-lint-values.ts'

/**
 * Checks the environment that web and worker keep when their image changes. Sentences name variables and never
 * contain a value that could be a secret; secrets are compared by ARN.
 */
export function lintEnvironment(subject: LintSubject): readonly LintFinding[] {
  const misses = nearMisses(subject)
  return [
    ...nameFindings(subject, misses),
    ...valueFindings(subject).filter(finding => !explained(finding, misses)),
    ...pairFindings(subject, misses),
    ...v4Findings(subject),
  ]
}

/** A warning about a missing ENCRYPTION_KEY repeats the finding of a misspelt one. */
export function explained({ kind, about }: LintFinding, misses: readonly NearMiss[]): boolean {
  return kind === 'warning' && misses.some(({ side, meant }) => about.includes(`${side} ${meant}`))
}

/** The findings for a deploy. Where the target is running already, nothing starts, so a refusal is only a warning. */
export function environmentFindings(question: {
  readonly config: { readonly version: Release }
  readonly stack: Stack
  readonly facts: ReleaseFacts
}): { readonly refusals: readonly string[]; readonly warnings: readonly string[] } {
  const { config, stack, facts } = question
  const subject = subjectOf(stack, config.version, facts)
  if (subject === undefined) return { refusals: [], warnings: [] }
  const findings = lintEnvironment(subject)
  const refuses = subject.from !== subject.to
  const isRefusal = ({ kind }: LintFinding) => refuses && kind === 'refusal'
  return {
    refusals: findings.filter(isRefusal).map(({ sentence }) => sentence),
    warnings: findings.filter(finding => !isRefusal(finding)).map(({ sentence }) => sentence),
  }
}

/** A name that Langfuse does not read, but that resembles one that it reads. */
type NearMiss = { readonly side: Side; readonly written: string; readonly meant: string }

/** Misspelt names, such as `ENCRIPTION_KEY`, which Langfuse ignores silently. */
export function nearMisses(subject: LintSubject): readonly NearMiss[] {
  return SIDES.flatMap(side => {
    const { environment, secrets } = subject[side]
    const written = [...new Set([...Object.keys(environment), ...Object.keys(secrets)])].sort()
    return written.flatMap(name => {
      const meant = isRead(name, subject) ? undefined : nearest(name, subject.names)
      return meant === undefined ? [] : [{ side, written: name, meant }]
    })
  })
}

export function nameFindings(subject: LintSubject, misses: readonly NearMiss[]): readonly LintFinding[] {
  const major = majorOf(subject.to)
  return misses.map(({ side, written, meant }) =>
    warning(
      isSet(subject[side], meant)
        ? `The ${side} has both \`${written}\` and \`${meant}\`. Langfuse ${major} does not read \`${written}\`. Remove it.`
        : `The ${side} has \`${written}\`, which Langfuse ${major} does not read, and no \`${meant}\`. If it should be \`${meant}\`, rename it.`,
      [`${side} ${written}`],
    ),
  )
}

/** Langfuse reads it, or the platform, an agent or the shell does. */
function isRead(name: string, { names, obsolete }: LintSubject): boolean {
  return names.has(name) || obsolete.has(name) || /^(AWS|ECS|OTEL|DD|NODE|NPM|LC)_/.test(name)
}

/** How many letters may be wrong. Short names resemble too many others: `PORT` is two letters from `HOST`. */
function furthestOf(name: string): number {
  if (name.length < 6) return 0
  return name.length < 9 ? 1 : 2
}

function nearest(name: string, known: ReadonlySet<string>): string | undefined {
  const upper = name.toUpperCase()
  const furthest = furthestOf(name)
  const near = [...known]
    .filter(candidate => Math.abs(candidate.length - name.length) <= furthest)
    .map(candidate => ({ candidate, distance: distanceOf(upper, candidate) }))
    .filter(({ distance }) => distance <= furthest)
    .sort((left, right) => left.distance - right.distance || (left.candidate < right.candidate ? -1 : 1))
  return near[0]?.candidate
}

/** Levenshtein distance. */
function distanceOf(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...left].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...right].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}

/**
 * Variables that must be equal on web and worker (docs: self-hosting configuration; comments of both env schemas),
 * without flags that only the worker reads (LANGFUSE_MIGRATION_V4_NATIVE_OTEL_BEHAVIOUR).
 */
const SHARED: readonly RegExp[] = [
  /^(ENCRYPTION_KEY|SALT|NEXTAUTH_URL)$/,
  /^DATABASE_(URL|HOST|NAME|USERNAME|PASSWORD)$/,
  /^CLICKHOUSE_(URL|DB|USER|PASSWORD|CLUSTER_ENABLED|CLUSTER_NAME)$/,
  /^REDIS_(HOST|PORT|AUTH|USERNAME|CONNECTION_STRING|KEY_PREFIX|TLS_ENABLED)$/,
  /^REDIS_(CLUSTER_ENABLED|CLUSTER_NODES|SENTINEL_ENABLED|SENTINEL_NODES|SENTINEL_MASTER_NAME)$/,
  /^LANGFUSE_S3_(EVENT_UPLOAD|BATCH_EXPORT|MEDIA_UPLOAD)_(BUCKET|PREFIX|REGION|ENDPOINT|FORCE_PATH_STYLE)$/,
  /^LANGFUSE_S3_EVENT_KEY_MAX_SEGMENT_BYTES$/,
  /^LANGFUSE_MIGRATION_V4_(WRITE_MODE|ALLOW_PREVIEW_OPT_IN)$/,
  /^LANGFUSE_BACKGROUND_MIGRATION_V4_/,
  /^LANGFUSE_.*_QUEUE_SHARD_COUNT$/,
]

/** packages/shared/src/env.ts */
const DEFAULTS: Readonly<Record<string, string>> = {
  CLICKHOUSE_DB: 'default',
  CLICKHOUSE_CLUSTER_ENABLED: 'true',
  CLICKHOUSE_CLUSTER_NAME: 'default',
  REDIS_PORT: '6379',
  REDIS_TLS_ENABLED: 'false',
  REDIS_CLUSTER_ENABLED: 'false',
  REDIS_SENTINEL_ENABLED: 'false',
  LANGFUSE_S3_EVENT_UPLOAD_FORCE_PATH_STYLE: 'false',
  LANGFUSE_S3_BATCH_EXPORT_FORCE_PATH_STYLE: 'false',
  LANGFUSE_S3_MEDIA_UPLOAD_FORCE_PATH_STYLE: 'false',
}

/** Only warnings: the difference exists before the deploy too, and may be intended. */
export function pairFindings(subject: LintSubject, misses: readonly NearMiss[]): readonly LintFinding[] {
  const pairs = sharedNames(subject).map(name => ({ name, verdict: compare(name, subject) }))
  const named = (verdict: Verdict) => pairs.filter(pair => pair.verdict === verdict).map(({ name }) => name)
  return [
    ...sentence(
      named('differs'),
      names =>
        `Web and worker have different values for ${names}, but Langfuse needs equal values. Set the same on both.`,
    ),
    ...sentence(
      named('two-secrets'),
      names =>
        `Web and worker read ${names} from different secrets. Make sure that both secrets hold the same value, or use one secret.`,
    ),
    ...sentence(
      named('plain-and-secret'),
      names =>
        `${names} is a secret on one of web and worker and plain text on the other. Use the same secret on both.`,
    ),
    ...SIDES.flatMap(side => {
      const explained = misses.filter(miss => miss.side === other(side)).map(({ meant }) => meant)
      const names = named(`only-${side}`).filter(name => !explained.includes(name))
      return sentence(
        names,
        list =>
          `Only the ${side} has ${list}, but Langfuse needs ${names.length > 1 ? 'them' : 'it'} on web and worker. Set ${names.length > 1 ? 'them' : 'it'} on the ${other(side)} too.`,
        names.map(name => `${other(side)} ${name}` as const),
      )
    }),
  ]
}

type Verdict = 'equal' | 'differs' | 'two-secrets' | 'plain-and-secret' | 'only-web' | 'only-worker'

function other(side: Side): Side {
  return side === 'web' ? 'worker' : 'web'
}

function sharedNames({ web, worker }: LintSubject): readonly string[] {
  const all = [web, worker].flatMap(({ environment, secrets }) => [
    ...Object.keys(environment),
    ...Object.keys(secrets),
  ])
  return [...new Set(all)].filter(name => SHARED.some(pattern => pattern.test(name))).sort()
}

function compare(name: string, subject: LintSubject): Verdict {
  const [web, worker] = SIDES.map(side => effective(name, subject, side))
  if (web === undefined || worker === undefined || (web.kind === 'absent' && worker.kind === 'absent'))
    return 'equal'
  if (web.kind === 'absent') return subject.web.files > 0 ? 'equal' : 'only-worker'
  if (worker.kind === 'absent') return subject.worker.files > 0 ? 'equal' : 'only-web'
  if (web.kind === 'secret' && worker.kind === 'secret') {
    return web.source === worker.source ? 'equal' : 'two-secrets'
  }
  if (web.kind === 'secret' || worker.kind === 'secret') return 'plain-and-secret'
  return comparable(name, web.value) === comparable(name, worker.value) ? 'equal' : 'differs'
}

function effective(name: string, subject: LintSubject, side: Side): Given {
  const given = givenOf(subject[side], name)
  const value = DEFAULTS[name] ?? flagDefault(name, subject.to)
  return given.kind === 'absent' && value !== undefined && subject[side].files === 0
    ? { kind: 'plain', value }
    : given
}

/** Web and worker may use different users or connection settings of one database. */
function comparable(name: string, value: string): string {
  if (name !== 'DATABASE_URL' || !URL.canParse(value)) return value
  const { host, pathname } = new URL(value)
  return `${host}${pathname}`
}

function sentence(
  names: readonly string[],
  say: (list: string) => string,
  about: LintFinding['about'] = [],
): readonly LintFinding[] {
  return names.length === 0 ? [] : [warning(say(listed(names)), about)]
}

import { bringsBlobEncryption, crosses, ENCRYPTS_BLOB_SECRETS, majorOf } from '../release/requirements.ts'
import type { V4Flag } from '../release/v4-flags.ts'
import {
  BACKFILL,
  crashes,
  flagDefault,
  NATIVE_OTEL,
  PREVIEW,
  readsV4Flags,
  V4_FLAGS,
  WRITE_MODE,
} from '../release/v4-flags.ts'
import type { LintFinding, LintSubject, Side } from './env-lint-subject.ts'
import { givenOf, isSet, listed, plainValue, refusal, SIDES, warning } from './env-lint-subject.ts'

/** Single variables whose value, as far as it can be seen, or whose absence is a mistake. */
export function valueFindings(subject: LintSubject): readonly LintFinding[] {
  return [
    ...SIDES.flatMap(side => missingForV3(subject, side)),
    ...SIDES.flatMap(side => encryptionKeyFormat(subject, side)),
    ...encryptionKeyMissing(subject),
    ...clickhousePassword(subject),
    ...databaseUrl(subject),
    ...hostname(subject),
    ...cluster(subject),
    ...SIDES.flatMap(side => heap(subject, side)),
  ]
}

/** https://langfuse.com/self-hosting/upgrade/upgrade-guides/upgrade-v2-to-v3; what v2 needs too is there already. */
const NEW_IN_V3 = {
  both: ['CLICKHOUSE_URL', 'CLICKHOUSE_USER', 'CLICKHOUSE_PASSWORD', 'LANGFUSE_S3_EVENT_UPLOAD_BUCKET'],
  web: ['CLICKHOUSE_MIGRATION_URL'],
  worker: [],
} as const
const REDIS = ['REDIS_CONNECTION_STRING', 'REDIS_HOST', 'REDIS_CLUSTER_NODES', 'REDIS_SENTINEL_NODES']

/**
 * A refusal: without them the schemas throw when v3 starts. Only on the way from v2, because whatever starts v3 today
 * has them, wherever they come from.
 */
function missingForV3({ from, to, ...sides }: LintSubject, side: Side): readonly LintFinding[] {
  const variables = sides[side]
  if (from === undefined || majorOf(from) >= 3 || majorOf(to) < 3 || variables.files > 0) return []
  const missing = [...NEW_IN_V3.both, ...NEW_IN_V3[side]].filter(name => !isSet(variables, name))
  const redis = REDIS.some(name => isSet(variables, name)) ? [] : ['REDIS_CONNECTION_STRING']
  if (missing.length + redis.length === 0) return []
  return [
    refusal(
      `Langfuse ${to}'s ${side} does not start without ${listed([...missing, ...redis])}, which v2 did not need: set what is missing, then run again.`,
    ),
  ]
}

/** A refusal for the length, which the schemas check; a key of other letters fails later, at the first encryption. */
function encryptionKeyFormat(subject: LintSubject, side: Side): readonly LintFinding[] {
  const key = plainValue(subject[side], 'ENCRYPTION_KEY')
  if (key === undefined || /^[0-9a-f]{64}$/i.test(key)) return []
  const wanted = 'the 64 hexadecimal digits of the key that the data was encrypted with'
  return key.length === 64
    ? [
        warning(
          `\`ENCRYPTION_KEY\` of the ${side} is not hexadecimal, so nothing can be encrypted: give it ${wanted}.`,
        ),
      ]
    : [
        refusal(
          `\`ENCRYPTION_KEY\` of the ${side} is not 64 characters long, and Langfuse does not start with it: give it ${wanted}.`,
        ),
      ]
}

/**
 * A refusal only on the way over 3.144.0: its background migration encrypts the blob storage's secrets once with the
 * worker's key; without one it logs each failure, counts as finished and never runs again.
 */
function encryptionKeyMissing({ web, worker, from, to }: LintSubject): readonly LintFinding[] {
  if (isSet(worker, 'ENCRYPTION_KEY') || worker.files > 0) return []
  const remedy = "give the worker the web's `ENCRYPTION_KEY`"
  if (isSet(web, 'ENCRYPTION_KEY') && bringsBlobEncryption(from, to)) {
    return [
      refusal(
        `The worker has no \`ENCRYPTION_KEY\`, and Langfuse ${to} brings background migration ${ENCRYPTS_BLOB_SECRETS}, which runs once and would count as finished with nothing encrypted: ${remedy}, then run again.`,
      ),
    ]
  }
  const missing = isSet(web, 'ENCRYPTION_KEY') ? 'The worker has' : 'Web and worker have'
  return [
    warning(
      `${missing} no \`ENCRYPTION_KEY\`, so model keys, webhooks and exports do not work there: ${isSet(web, 'ENCRYPTION_KEY') ? remedy : 'set one key of 64 hexadecimal digits on both'}.`,
      isSet(web, 'ENCRYPTION_KEY') ? ['worker ENCRYPTION_KEY'] : [],
    ),
  ]
}

/** A warning: packages/shared/clickhouse/scripts/up.sh puts it into a URL as it is; the characters are entrypoint.sh's. */
function clickhousePassword(subject: LintSubject): readonly LintFinding[] {
  return onSides(
    'CLICKHOUSE_PASSWORD',
    SIDES.filter(side => breaksMigrationUrl(plainValue(subject[side], 'CLICKHOUSE_PASSWORD'))),
    passwordSentence,
  )
}

export function breaksMigrationUrl(password = ''): boolean {
  return /[&=#?%+@ ]/.test(withoutEscapes(password))
}

export function passwordSentence(who: string): string {
  return `\`CLICKHOUSE_PASSWORD\` of ${who} has characters that break the URL of the ClickHouse migrations: use a password of letters and digits.`
}

/** A warning, because what runs today got through: Prisma says P1013 to credentials that are not percent-encoded. */
function databaseUrl(subject: LintSubject): readonly LintFinding[] {
  const sides = SIDES.filter(side => hasRawCredentials(plainValue(subject[side], 'DATABASE_URL') ?? ''))
  return onSides(
    'DATABASE_URL',
    sides,
    who =>
      `The credentials in \`DATABASE_URL\` of ${who} are not percent-encoded, which Prisma refuses (P1013): write each of @ : / % # ? in them as %40, %3A, %2F, %25, %23 or %3F.`,
  )
}

/** The credentials end at the first @ that a host and a path can follow; another @ in that path was part of them. */
function hasRawCredentials(url: string): boolean {
  const rest = url.replace(/^[a-z]+:\/\//i, '')
  const [, credentials, path] = /^(.*?)@[\w.,:[\]-]+(\/[^?]*|(?=\?)|$)/.exec(rest) ?? []
  if (credentials === undefined) return /@/.test(rest)
  const colon = credentials.indexOf(':')
  const parts = colon === -1 ? [credentials] : [credentials.slice(0, colon), credentials.slice(colon + 1)]
  return path?.includes('@') === true || parts.some(part => /[@:/%#?]/.test(withoutEscapes(part)))
}

function withoutEscapes(text: string): string {
  return text.replace(/%[0-9a-f]{2}/gi, '')
}

/** A warning: both listen on the container's own name, so health checks on 127.0.0.1 fail (langfuse#6774, #5878). */
function hostname(subject: LintSubject): readonly LintFinding[] {
  const sides = SIDES.filter(side => differsFrom('0.0.0.0', subject, side, 'HOSTNAME'))
  return onSides(
    'HOSTNAME',
    sides,
    who =>
      `\`HOSTNAME\` of ${who} is not 0.0.0.0, so it listens on its own host name and a health check on 127.0.0.1 fails: set it to 0.0.0.0.`,
  )
}

/** A warning: a single server that was migrated so once has a cluster of that name; a new one fails in ON CLUSTER. */
function cluster(subject: LintSubject): readonly LintFinding[] {
  if (majorOf(subject.to) < 3) return []
  const sides = SIDES.filter(side => differsFrom('false', subject, side, 'CLICKHOUSE_CLUSTER_ENABLED'))
  return onSides(
    'CLICKHOUSE_CLUSTER_ENABLED',
    sides,
    who =>
      `\`CLICKHOUSE_CLUSTER_ENABLED\` of ${who} is not false, and ClickHouse is one server: with its default the migrations use ON CLUSTER and ReplicatedMergeTree and fail, so set it to false.`,
  )
}

function differsFrom(wanted: string, subject: LintSubject, side: Side, name: string): boolean {
  const given = givenOf(subject[side], name)
  if (given.kind === 'absent') return subject[side].files === 0
  return given.kind === 'plain' && given.value !== wanted
}

/** A warning: V8 frees nothing before it reaches its own limit, and the task is killed at its memory's end. */
function heap(subject: LintSubject, side: Side): readonly LintFinding[] {
  const options = plainValue(subject[side], 'NODE_OPTIONS') ?? ''
  const size = Number(/--max[-_]old[-_]space[-_]size=(\d+)/.exec(options)?.[1] ?? Number.NaN)
  const { memory } = subject[side]
  if (memory === undefined || !(size >= memory)) return []
  return [
    warning(
      `\`NODE_OPTIONS\` lets the ${side}'s heap grow to ${size} MiB in a container of ${memory} MiB, which ends it (out of memory) before Node frees anything: set --max-old-space-size to about three quarters of it.`,
      [`${side} NODE_OPTIONS`],
    ),
  ]
}

function onSides(name: string, sides: readonly Side[], say: (who: string) => string): readonly LintFinding[] {
  const who = sides.length === 2 ? 'web and worker' : `the ${sides.join('')}`
  return sides.length === 0
    ? []
    : [
        warning(
          say(who),
          sides.map(side => `${side} ${name}` as const),
        ),
      ]
}

/** The flags of the move to v4: what crashes the worker, what its defaults do, what does not go together. */
export function v4Findings(subject: LintSubject): readonly LintFinding[] {
  if (!readsV4Flags(subject.to)) return []
  const invalid = SIDES.flatMap(side => invalidValues(subject, side))
  if (invalid.length > 0) return invalid
  return [...crashing(subject), ...flips(subject), ...withoutEffect(subject)]
}

/** A refusal: the schemas know these values only, and the container ends before it serves anything. */
function invalidValues(subject: LintSubject, side: Side): readonly LintFinding[] {
  return V4_FLAGS.filter(flag => side === 'worker' || flag !== NATIVE_OTEL).flatMap(flag => {
    const given = givenOf(subject[side], flag.name)
    if (given.kind !== 'plain' || flag.values.includes(given.value)) return []
    return [
      refusal(
        `\`${flag.name}\` of the ${side} has a value that Langfuse ${subject.to} refuses to start with: write ${flag.values.join(', ').replace(/, ([^,]+)$/, ' or $1')}.`,
      ),
    ]
  })
}

/** A refusal: validateV4Flags throws when the worker starts, while the web, which does not look, comes up. */
function crashing(subject: LintSubject): readonly LintFinding[] {
  const [mode, otel, preview] = [WRITE_MODE, NATIVE_OTEL, PREVIEW].map(flag => effective(flag, subject))
  if (mode === undefined || otel === undefined || preview === undefined) return []
  if (!crashes({ mode: mode.value, otel: otel.value, preview: preview.value })) return []
  const flags = [mode, otel, preview]
  const assignments = flags.map(({ name, value, source }) => `\`${name}=${value}\`${source}`).join(', ')
  return [
    refusal(
      `Langfuse ${subject.to}'s worker crashes at its start with ${assignments}: ${remedyFor(mode.value)}, on web and worker.`,
    ),
  ]
}

function remedyFor(mode: string): string {
  return mode === 'legacy'
    ? `set \`${NATIVE_OTEL.name}=dual_write\` and \`${PREVIEW.name}=false\``
    : `set \`${WRITE_MODE.name}=dual\`, or \`${NATIVE_OTEL.name}=direct\` with \`${PREVIEW.name}=true\``
}

/** Only values that the schema knows reach a sentence. Undefined: it is a secret, or files may hold it. */
function effective(flag: V4Flag, { worker, to }: LintSubject) {
  const given = givenOf(worker, flag.name)
  const fallback = flagDefault(flag.name, to)
  if (given.kind === 'secret' || fallback === undefined) return undefined
  if (given.kind === 'plain') return { name: flag.name, value: given.value, source: '' }
  return worker.files > 0 ? undefined : { name: flag.name, value: fallback, source: ' (its default)' }
}

/** A warning: unset flags are no mistake, but 4.0.0 turns every one of them round without a word. */
function flips(subject: LintSubject): readonly LintFinding[] {
  const { from, to, worker } = subject
  if (from === undefined || !crosses(from, to, '4.0.0') || worker.files > 0) return []
  const unset = V4_FLAGS.filter(({ name }) => !isSet(worker, name))
  if (unset.length === 0) return []
  const changes = unset.map(({ name, v3, v4 }) => `\`${name}\` from ${v3} to ${v4}`).join(', ')
  return [
    warning(
      `Defaults change at 4.0.0 for what the worker does not set: ${changes}; events_only ends the old ingestion and the way back to v3, so set ${listed(unset.map(({ name }) => name))} on web and worker, e.g. the mode \`dual\` first.`,
    ),
  ]
}

/** A warning: a v4 that writes the old tables only, and still fills or shows the new ones. */
function withoutEffect(subject: LintSubject): readonly LintFinding[] {
  const mode = effective(WRITE_MODE, subject)
  if (mode?.value !== 'legacy' || !crosses('3.225.4', subject.to, '4.0.0')) return []
  const wrong = [BACKFILL, PREVIEW].filter(flag => effective(flag, subject)?.value === 'true')
  if (wrong.length === 0) return []
  return [
    warning(
      `With \`${WRITE_MODE.name}=legacy\` Langfuse ${subject.to} does not keep the events tables, but ${listed(wrong.map(({ name }) => name))} ${wrong.length > 1 ? 'are' : 'is'} true: set ${wrong.length > 1 ? 'them' : 'it'} to false on web and worker.`,
    ),
  ]
}

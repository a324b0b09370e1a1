import { bringsBlobEncryption, crosses, ENCRYPTS_BLOB_SECRETS, majorOf } from '../release/requirements.ts'
import type { V4Flag } from '../release/v4-flags.ts'
import {
  BACKFILL,
  crashes,
  EVENTS_TABLES,
  flagDefault,
  NATIVE_OTEL,
  PREVIEW,
  readsV4Flags,
  V4_FLAGS,
  WRITE_MODE,
} from '../release/v4-flags.ts'
import { eventsFindings, LEGACY } from './env-lint-events.ts'
import type { LintFinding, LintSubject, Side } from './env-lint-subject.ts'
import { givenOf, isSet, listed, plainValue, refusal, SIDES, warning } from './env-lint-subject.ts'

/** Single variables with a wrong value, or missing. Values of secrets are not checked. */
export function valueFindings(subject: LintSubject): readonly LintFinding[] {
  return [
    ...SIDES.map(side => missingForV3(subject, side)),
    ...SIDES.map(side => encryptionKeyFormat(subject, side)),
    encryptionKeyMissing(subject),
    clickhousePassword(subject),
    databaseUrl(subject),
    hostname(subject),
    cluster(subject),
    ...SIDES.map(side => heap(subject, side)),
  ].filter(finding => finding !== undefined)
}

/** https://langfuse.com/self-hosting/upgrade/upgrade-guides/upgrade-v2-to-v3: what v2 does not need. */
const NEW_IN_V3 = {
  both: ['CLICKHOUSE_URL', 'CLICKHOUSE_USER', 'CLICKHOUSE_PASSWORD', 'LANGFUSE_S3_EVENT_UPLOAD_BUCKET'],
  web: ['CLICKHOUSE_MIGRATION_URL'],
  worker: [],
} as const
const REDIS = ['REDIS_CONNECTION_STRING', 'REDIS_HOST', 'REDIS_CLUSTER_NODES', 'REDIS_SENTINEL_NODES']

/**
 * A refusal, because v3 throws at its start without them. Only for upgrades from v2: a running v3 has them, whatever
 * their source.
 */
function missingForV3({ from, to, ...sides }: LintSubject, side: Side): LintFinding | undefined {
  const variables = sides[side]
  if (from === undefined || majorOf(from) >= 3 || majorOf(to) < 3 || variables.files > 0) return undefined
  const missing = [...NEW_IN_V3.both, ...NEW_IN_V3[side]].filter(name => !isSet(variables, name))
  const redis = REDIS.some(name => isSet(variables, name)) ? [] : ['REDIS_CONNECTION_STRING']
  if (missing.length + redis.length === 0) return undefined
  const names = [...missing, ...redis]
  return refusal(
    `The ${side} of Langfuse ${to} does not start without ${listed(names)}. Set ${names.length > 1 ? 'them' : 'it'} on the ${side}, then run again. Langfuse 2 did not need this.`,
  )
}

/** Langfuse checks the length at its start; other letters fail later, at the first encryption. */
function encryptionKeyFormat(subject: LintSubject, side: Side): LintFinding | undefined {
  const key = plainValue(subject[side], 'ENCRYPTION_KEY')
  if (key === undefined || /^[0-9a-f]{64}$/i.test(key)) return undefined
  const wanted = 'the 64 hexadecimal digits of the key that encrypted the data'
  return key.length === 64
    ? warning(
        `\`ENCRYPTION_KEY\` of the ${side} is not hexadecimal, so Langfuse cannot encrypt anything. Set it to ${wanted}.`,
      )
    : refusal(
        `\`ENCRYPTION_KEY\` of the ${side} is not 64 characters long, so Langfuse does not start. Set it to ${wanted}.`,
      )
}

/**
 * A refusal only for upgrades across 3.144.0: its background migration encrypts the blob storage's secrets with the
 * worker's key. Without a key it logs each failure, counts as finished and never runs again.
 */
function encryptionKeyMissing({ web, worker, from, to }: LintSubject): LintFinding | undefined {
  if (isSet(worker, 'ENCRYPTION_KEY') || worker.files > 0) return undefined
  const remedy = 'Give the worker the same `ENCRYPTION_KEY` as the web'
  if (isSet(web, 'ENCRYPTION_KEY') && bringsBlobEncryption(from, to)) {
    return refusal(
      `The worker has no \`ENCRYPTION_KEY\`, but Langfuse ${to} brings background migration ${ENCRYPTS_BLOB_SECRETS}. It runs only once, and would finish without encrypting anything. ${remedy}, then run again.`,
    )
  }
  const missing = isSet(web, 'ENCRYPTION_KEY') ? 'The worker has' : 'Web and worker have'
  return warning(
    `${missing} no \`ENCRYPTION_KEY\`, so model keys, webhooks and exports do not work there. ${isSet(web, 'ENCRYPTION_KEY') ? remedy : 'Set one key of 64 hexadecimal digits on both'}.`,
    isSet(web, 'ENCRYPTION_KEY') ? ['worker ENCRYPTION_KEY'] : [],
  )
}

/** packages/shared/clickhouse/scripts/up.sh puts it into a URL unescaped; the characters are entrypoint.sh's. */
function clickhousePassword(subject: LintSubject): LintFinding | undefined {
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
  return `\`CLICKHOUSE_PASSWORD\` of ${who} contains characters that break the URL of the ClickHouse migrations. Use a password of letters and digits only.`
}

/** A warning, because the running release accepted it: Prisma refuses credentials that are not percent-encoded. */
function databaseUrl(subject: LintSubject): LintFinding | undefined {
  const sides = SIDES.filter(side => hasRawCredentials(plainValue(subject[side], 'DATABASE_URL') ?? ''))
  return onSides(
    'DATABASE_URL',
    sides,
    who =>
      `The credentials in \`DATABASE_URL\` of ${who} are not percent-encoded, so Prisma refuses the URL (P1013). Replace @ : / % # ? in them with %40 %3A %2F %25 %23 %3F.`,
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

/** https://github.com/langfuse/langfuse/issues/6774, /5878 */
function hostname(subject: LintSubject): LintFinding | undefined {
  const sides = SIDES.filter(side => differsFrom('0.0.0.0', subject, side, 'HOSTNAME'))
  return onSides(
    'HOSTNAME',
    sides,
    who =>
      `\`HOSTNAME\` of ${who} is not 0.0.0.0, so Langfuse listens on the container's host name only. A health check on 127.0.0.1 then fails. Set it to 0.0.0.0.`,
  )
}

/** A warning, because a single server can define a cluster of that name; without one, ON CLUSTER fails. */
function cluster(subject: LintSubject): LintFinding | undefined {
  if (majorOf(subject.to) < 3) return undefined
  const sides = SIDES.filter(side => differsFrom('false', subject, side, 'CLICKHOUSE_CLUSTER_ENABLED'))
  return onSides(
    'CLICKHOUSE_CLUSTER_ENABLED',
    sides,
    who =>
      `\`CLICKHOUSE_CLUSTER_ENABLED\` of ${who} is not false, but ClickHouse is a single server. The migrations then use ON CLUSTER and ReplicatedMergeTree, and fail. Set it to false.`,
  )
}

function differsFrom(wanted: string, subject: LintSubject, side: Side, name: string): boolean {
  const given = givenOf(subject[side], name)
  if (given.kind === 'absent') return subject[side].files === 0
  return given.kind === 'plain' && given.value !== wanted
}

/** V8 may fill the heap up to its own limit before it frees memory. */
function heap(subject: LintSubject, side: Side): LintFinding | undefined {
  const options = plainValue(subject[side], 'NODE_OPTIONS') ?? ''
  const size = Number(/--max[-_]old[-_]space[-_]size=(\d+)/.exec(options)?.[1] ?? Number.NaN)
  const { memory } = subject[side]
  if (memory === undefined || !(size >= memory)) return undefined
  return warning(
    `\`NODE_OPTIONS\` lets the ${side}'s heap grow to ${size} MiB in a container of ${memory} MiB. The container runs out of memory before Node frees memory. Set --max-old-space-size to about ${Math.floor((memory * 3) / 4)}.`,
    [`${side} NODE_OPTIONS`],
  )
}

function onSides(
  name: string,
  sides: readonly Side[],
  say: (who: string) => string,
): LintFinding | undefined {
  if (sides.length === 0) return undefined
  const who = sides.length === 2 ? 'web and worker' : `the ${sides.join('')}`
  return warning(
    say(who),
    sides.map(side => `${side} ${name}` as const),
  )
}

/** The flags of the move to v4: values that crash the worker, changed defaults, combinations without effect. */
export function v4Findings(subject: LintSubject): readonly LintFinding[] {
  if (!readsV4Flags(subject.to)) return eventsFindings(subject)
  const invalid = SIDES.flatMap(side => invalidValues(subject, side))
  if (invalid.length > 0) return invalid
  const found = [crashing(subject), flips(subject), withoutEffect(subject)]
  return [...found.filter(finding => finding !== undefined), ...eventsFindings(subject)]
}

/** A refusal, because Langfuse exits at its start on any other value. */
function invalidValues(subject: LintSubject, side: Side): readonly LintFinding[] {
  return V4_FLAGS.filter(flag => side === 'worker' || flag !== NATIVE_OTEL).flatMap(flag => {
    const given = givenOf(subject[side], flag.name)
    if (given.kind !== 'plain' || flag.values.includes(given.value)) return []
    return refusal(
      `\`${flag.name}\` of the ${side} has a value with which Langfuse ${subject.to} does not start. Set it to ${flag.values.join(', ').replace(/, ([^,]+)$/, ' or $1')}.`,
    )
  })
}

/** A refusal: validateV4Flags throws when the worker starts; the web does not call it. */
function crashing(subject: LintSubject): LintFinding | undefined {
  const [mode, otel, preview] = [WRITE_MODE, NATIVE_OTEL, PREVIEW].map(flag => effective(flag, subject))
  if (mode === undefined || otel === undefined || preview === undefined) return undefined
  if (!crashes({ mode: mode.value, otel: otel.value, preview: preview.value })) return undefined
  const flags = [mode, otel, preview]
  const assignments = flags.map(({ name, value, source }) => `\`${name}=${value}\`${source}`).join(', ')
  return refusal(
    `The worker of Langfuse ${subject.to} crashes at its start with ${assignments}. ${remedyFor(mode.value, subject)} on web and worker.`,
  )
}

/** Before 4.0.0 runs, `dual` would lose rows: the tables that it writes are not there. */
function remedyFor(mode: string, { from }: LintSubject): string {
  const safe = from !== undefined && majorOf(from) >= 4 ? 'dual' : 'legacy'
  return mode === 'legacy'
    ? `Set \`${NATIVE_OTEL.name}=dual_write\` and \`${PREVIEW.name}=false\``
    : `Set \`${WRITE_MODE.name}=${safe}\`, or \`${NATIVE_OTEL.name}=direct\` with \`${PREVIEW.name}=true\`,`
}

/** Only values that Langfuse knows reach a sentence. Undefined: a secret, or an environment file may set it. */
function effective(flag: V4Flag, { worker, to }: LintSubject) {
  const given = givenOf(worker, flag.name)
  const fallback = flagDefault(flag.name, to)
  if (given.kind === 'secret' || fallback === undefined) return undefined
  if (given.kind === 'plain') return { name: flag.name, value: given.value, source: '' }
  return worker.files > 0 ? undefined : { name: flag.name, value: fallback, source: ' (its default)' }
}

/** A warning: 4.0.0 reverses the default of every flag that is not set. */
function flips(subject: LintSubject): LintFinding | undefined {
  const { from, to, worker } = subject
  if (from === undefined || !crosses(from, to, '4.0.0') || worker.files > 0) return undefined
  const unset = V4_FLAGS.filter(({ name }) => !isSet(worker, name))
  if (unset.length === 0) return undefined
  const changes = unset.map(({ name, v3, v4 }) => `\`${name}\` from ${v3} to ${v4}`).join(', ')
  return warning(
    `Langfuse 4.0.0 changes the defaults of variables that the worker does not set: ${changes}. With events_only Langfuse stops writing the v3 tables, so v3 cannot see new data after a rollback. To keep the v3 tables complete, set ${LEGACY} on web and worker before this deploy. Set mode \`dual\` only once ${EVENTS_TABLES.first} runs: an older release has no tables for it.`,
  )
}

/** A v4 that writes the old tables only, but fills or shows the new ones. */
function withoutEffect(subject: LintSubject): LintFinding | undefined {
  const mode = effective(WRITE_MODE, subject)
  if (mode?.value !== 'legacy' || !crosses('3.225.4', subject.to, '4.0.0')) return undefined
  const wrong = [BACKFILL, PREVIEW].filter(flag => effective(flag, subject)?.value === 'true')
  if (wrong.length === 0) return undefined
  return warning(
    `Langfuse ${subject.to} does not write the events tables with \`${WRITE_MODE.name}=legacy\`, but ${listed(wrong.map(({ name }) => name))} ${wrong.length > 1 ? 'are' : 'is'} true. Set ${wrong.length > 1 ? 'them' : 'it'} to false on web and worker.`,
  )
}

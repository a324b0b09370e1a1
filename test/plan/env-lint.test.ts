import { expect, test } from '@jest/globals'
import { environmentFindings, lintEnvironment } from '../../src/plan/env-lint.ts'
import {
  type LintFinding,
  type LintSubject,
  subjectOf,
  type Variables,
} from '../../src/plan/env-lint-subject.ts'
import type { Release } from '../../src/release/release.ts'
import { majorOf } from '../../src/release/requirements.ts'
import { known, unknown } from '../../src/stack/stack.ts'
import { ENVIRONMENT, SECRETS } from '../support/stack.ts'
import { CATALOG, stackOn } from '../support/stack-on.ts'

type Given = {
  readonly from?: string
  readonly to?: string
  readonly events?: LintSubject['events']
  readonly web?: Partial<Variables>
  readonly worker?: Partial<Variables>
}

const KEY = '0123456789abcdef'.repeat(4)
/** Every secret that a test puts into a variable: none may ever be in a sentence. */
const HIDDEN = [KEY, 'hunter2', 'p@ss&word', 'short-key', 'z'.repeat(64), 'redis-token', 's4lt']

const healthy: Variables = { environment: ENVIRONMENT, secrets: SECRETS, files: 0, memory: 4096 }

/** The healthy environment of both, on 3.100.0 → 3.101.0, with what the test changes. */
function subject({ from = '3.100.0', to = '3.101.0', events = 'there', web, worker }: Given): LintSubject {
  return {
    web: { ...healthy, ...web },
    worker: { ...healthy, ...worker },
    from: from as Release,
    to: to as Release,
    names: CATALOG.environmentNames(majorOf(to)),
    obsolete: CATALOG.environmentNames(majorOf(from)),
    events,
  }
}

function lint(given: Given): readonly LintFinding[] {
  const findings = lintEnvironment(subject(given))
  for (const { sentence } of findings) for (const secret of HIDDEN) expect(sentence).not.toContain(secret)
  return findings
}

const plus = (environment: Record<string, string>): Partial<Variables> => ({
  environment: { ...ENVIRONMENT, ...environment },
})
function minus(...names: readonly string[]): Partial<Variables> {
  const without = (all: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)))
  return { environment: without(ENVIRONMENT), secrets: without(SECRETS) }
}
/** A variable as a plain value, where the healthy one is a secret. */
const plain = (name: string, value: string): Partial<Variables> => ({
  environment: { ...ENVIRONMENT, [name]: value },
  secrets: minus(name).secrets ?? {},
})

test('a healthy environment has no finding, on v3 and on the way to v4 with every flag set', () => {
  expect(lint({})).toEqual([])
  const flags = plus({
    LANGFUSE_MIGRATION_V4_WRITE_MODE: 'dual',
    LANGFUSE_MIGRATION_V4_NATIVE_OTEL_BEHAVIOUR: 'dual_write',
    LANGFUSE_MIGRATION_V4_ALLOW_PREVIEW_OPT_IN: 'false',
    LANGFUSE_BACKGROUND_MIGRATION_V4_ENABLE_HISTORIC_BACKFILL: 'false',
  })
  expect(lint({ from: '3.225.4', to: '4.16.0', web: flags, worker: flags })).toEqual([])
})

const MODE = 'LANGFUSE_MIGRATION_V4_WRITE_MODE'
const OTEL = 'LANGFUSE_MIGRATION_V4_NATIVE_OTEL_BEHAVIOUR'
const PREVIEW = 'LANGFUSE_MIGRATION_V4_ALLOW_PREVIEW_OPT_IN'
const BACKFILL = 'LANGFUSE_BACKGROUND_MIGRATION_V4_ENABLE_HISTORIC_BACKFILL'
const V4 = { from: '4.0.0', to: '4.16.0' }
const both = (environment: Record<string, string>) => ({ web: plus(environment), worker: plus(environment) })

type Row = readonly [name: string, given: Given, kind: LintFinding['kind'], sentence: RegExp]

const FINDINGS: readonly Row[] = [
  [
    "the worker's misspelt ENCRYPTION_KEY",
    { worker: { ...minus('ENCRYPTION_KEY'), ...{ environment: { ...ENVIRONMENT, ENCRIPTION_KEY: KEY } } } },
    'warning',
    /^The worker has `ENCRIPTION_KEY`, which Langfuse 3 does not read, and no `ENCRYPTION_KEY`\. If it should be `ENCRYPTION_KEY`, rename it\.$/,
  ],
  [
    'a misspelt name beside the right one',
    { worker: plus({ CLICKHOUSE_URLS: 'x' }) },
    'warning',
    /^The worker has both `CLICKHOUSE_URLS` and `CLICKHOUSE_URL`\. .* does not read `CLICKHOUSE_URLS`\. Remove it\.$/,
  ],
  [
    'a lower-case v4 in a name',
    { ...V4, ...both({ LANGFUSE_MIGRATION_v4_WRITE_MODE: 'dual' }), worker: {} },
    'warning',
    /^The web has `LANGFUSE_MIGRATION_v4_WRITE_MODE`, .* If it should be `LANGFUSE_MIGRATION_V4_WRITE_MODE`/,
  ],
  [
    'a name in small letters',
    { web: plus({ langfuse_log_level: 'x' }) },
    'warning',
    /^The web has `langfuse_log_level`, .* If it should be `LANGFUSE_LOG_LEVEL`/,
  ],
  [
    'plain values that differ',
    { web: plus({ REDIS_HOST: 'hunter2' }) },
    'warning',
    /^Web and worker have different values for `REDIS_HOST`, .*\. Set the same on both\.$/,
  ],
  [
    'secrets that are read from different places',
    { worker: { secrets: { ...SECRETS, SALT: 'arn:aws:secretsmanager:x:1:secret:other-AbCdEf' } } },
    'warning',
    /^Web and worker read `SALT` from different secrets\. Make sure that both secrets hold the same/,
  ],
  [
    'a secret on one side and a plain value on the other',
    { web: plain('SALT', 's4lt') },
    'warning',
    /^`SALT` is a secret on one of web and worker and plain text on the other\. Use the same secret on both\.$/,
  ],
  [
    'a key that only the web has',
    { web: plus({ REDIS_AUTH: 'redis-token' }) },
    'warning',
    /^Only the web has `REDIS_AUTH`, .*\. Set it on the worker too\.$/,
  ],
  [
    'keys that only the worker has',
    { worker: plus({ REDIS_AUTH: 'redis-token', REDIS_KEY_PREFIX: 'x' }) },
    'warning',
    /^Only the worker has `REDIS_AUTH` and `REDIS_KEY_PREFIX`, .*\. Set them on the web too\.$/,
  ],
  [
    'no ENCRYPTION_KEY on the worker, where the target does not need it yet',
    { worker: minus('ENCRYPTION_KEY') },
    'warning',
    /^The worker has no `ENCRYPTION_KEY`, .*\. Give the worker the same `ENCRYPTION_KEY` as the web\.$/,
  ],
  [
    'no ENCRYPTION_KEY anywhere',
    { web: minus('ENCRYPTION_KEY'), worker: minus('ENCRYPTION_KEY') },
    'warning',
    /^Web and worker have no `ENCRYPTION_KEY`, .*\. Set one key of 64 hexadecimal digits on both\.$/,
  ],
  [
    'no ENCRYPTION_KEY on the worker, and the migration that needs it once',
    { from: '3.143.0', to: '3.144.0', worker: minus('ENCRYPTION_KEY') },
    'refusal',
    /^The worker has no `ENCRYPTION_KEY`, but Langfuse 3\.144\.0 brings .*20260106_encrypt_blob_storage_secrets.*\. Give the worker/,
  ],
  [
    'an ENCRYPTION_KEY of the wrong length',
    { worker: plain('ENCRYPTION_KEY', 'short-key') },
    'refusal',
    /^`ENCRYPTION_KEY` of the worker is not 64 characters long, so Langfuse does not start\. Set it to/,
  ],
  [
    'an ENCRYPTION_KEY that is not hexadecimal',
    { web: plain('ENCRYPTION_KEY', 'z'.repeat(64)) },
    'warning',
    /^`ENCRYPTION_KEY` of the web is not hexadecimal, .*\. Set it to/,
  ],
  [
    'a CLICKHOUSE_PASSWORD that a URL cannot hold',
    { web: plain('CLICKHOUSE_PASSWORD', 'p@ss&word'), worker: plain('CLICKHOUSE_PASSWORD', 'p@ss&word') },
    'warning',
    /^`CLICKHOUSE_PASSWORD` of web and worker contains characters that break the URL .*\. Use a password of letters and digits only\.$/,
  ],
  [
    'raw characters in the credentials of DATABASE_URL',
    { worker: plain('DATABASE_URL', 'postgresql://langfuse:p@ss&word@aurora:5432/langfuse') },
    'warning',
    /^The credentials in `DATABASE_URL` of the worker are not percent-encoded, .*P1013.*\. Replace @/,
  ],
  [
    'a slash in the credentials of DATABASE_URL',
    { worker: plain('DATABASE_URL', 'postgresql://langfuse:hunter2@x/y@aurora:5432/langfuse') },
    'warning',
    /^The credentials in `DATABASE_URL` of the worker are not percent-encoded/,
  ],
  [
    'HOSTNAME that is not set',
    { worker: minus('HOSTNAME') },
    'warning',
    /^`HOSTNAME` of the worker is not 0\.0\.0\.0, .*\. Set it to 0\.0\.0\.0\.$/,
  ],
  [
    'a ClickHouse cluster that there is not',
    { web: plus({ CLICKHOUSE_CLUSTER_ENABLED: 'true' }), worker: minus('CLICKHOUSE_CLUSTER_ENABLED') },
    'warning',
    /^`CLICKHOUSE_CLUSTER_ENABLED` of web and worker is not false, .*\. Set it to false\.$/,
  ],
  [
    'a heap as large as the task',
    { worker: plus({ NODE_OPTIONS: '--enable-source-maps --max-old-space-size=4096' }) },
    'warning',
    /^`NODE_OPTIONS` lets the worker's heap grow to 4096 MiB in a container of 4096 MiB\. .*\. Set --max-old-space-size to about 3072\.$/,
  ],
  [
    'what v3 needs and v2 did not',
    { from: '2.93.7', to: '3.0.0', worker: minus('CLICKHOUSE_URL', 'REDIS_HOST') },
    'refusal',
    /^The worker of Langfuse 3\.0\.0 does not start without `CLICKHOUSE_URL` and `REDIS_CONNECTION_STRING`\. Set them on the worker/,
  ],
  [
    'the migration address of ClickHouse, which only the web needs',
    { from: '2.93.7', to: '3.0.0', web: minus('CLICKHOUSE_MIGRATION_URL') },
    'refusal',
    /^The web of Langfuse 3\.0\.0 does not start without `CLICKHOUSE_MIGRATION_URL`\. Set it on the web/,
  ],
  [
    'legacy with the new OTel writes (its default in v4)',
    { ...V4, ...both({ [MODE]: 'legacy', [PREVIEW]: 'false', [BACKFILL]: 'false' }) },
    'refusal',
    /^The worker .* crashes at its start with `\S+WRITE_MODE=legacy`, `\S+NATIVE_OTEL_BEHAVIOUR=direct` \(its default\), .*\. Set `\S+=dual_write`/,
  ],
  [
    'events_only (its default in v4) with the old OTel writes',
    { ...V4, ...both({ [OTEL]: 'dual_write' }) },
    'refusal',
    /^The worker .* crashes at its start with `\S+WRITE_MODE=events_only` \(its default\), .*\. Set `\S+WRITE_MODE=dual`, or/,
  ],
  [
    'events_only without the preview',
    { ...V4, ...both({ [PREVIEW]: 'false' }) },
    'refusal',
    /^The worker .* crashes at its start with .*`\S+ALLOW_PREVIEW_OPT_IN=false`\. Set/,
  ],
  [
    'direct OTel writes on v3, whose mode is legacy by default',
    { from: '3.178.0', to: '3.179.0', ...both({ [OTEL]: 'direct' }) },
    'refusal',
    /^The worker of Langfuse 3\.179\.0 crashes at its start with `\S+WRITE_MODE=legacy` \(its default\)/,
  ],
  [
    'a mode that does not exist',
    { ...V4, worker: plus({ [MODE]: 'hunter2' }), web: plus({ [MODE]: 'hunter2' }) },
    'refusal',
    /`LANGFUSE_MIGRATION_V4_WRITE_MODE` of the worker has a value with which Langfuse 4\.16\.0 does not start\. Set it to legacy, dual or events_only\.$/,
  ],
  [
    'defaults that change at 4.0.0',
    { from: '3.225.4', to: '4.0.0', ...both({ [PREVIEW]: 'true' }) },
    'warning',
    /^Langfuse 4\.0\.0 changes the defaults .*: `\S+WRITE_MODE` from legacy to events_only, `\S+BEHAVIOUR` from dual_write to direct, `\S+BACKFILL` from false to true\. .*\. Set/,
  ],
  [
    'legacy with a backfill of the tables that it does not keep',
    { ...V4, ...both({ [MODE]: 'legacy', [OTEL]: 'dual_write', [PREVIEW]: 'false' }) },
    'warning',
    /with `\S+=legacy`, but `\S+BACKFILL` is true\. Set it to false/,
  ],
  [
    'a write mode that only one of both has',
    { ...V4, worker: plus({ [MODE]: 'dual' }) },
    'warning',
    /^Web and worker have different values for `LANGFUSE_MIGRATION_V4_WRITE_MODE`/,
  ],
]

test.each(FINDINGS)('%s', (_name, given, kind, sentence) => {
  expect(lint(given)).toEqual(
    expect.arrayContaining([expect.objectContaining({ kind, sentence: expect.stringMatching(sentence) })]),
  )
})

test('every finding has short sentences, says what to do, and is there once', () => {
  for (const [, given] of FINDINGS) {
    const sentences = lint(given).map(({ sentence }) => sentence)
    expect(new Set(sentences).size).toBe(sentences.length)
    for (const sentence of sentences) {
      expect(sentence).toMatch(/(\. |, )(Set|Give|Make|Read|Remove|Rename|rename|Replace|Use) [^.].*\.$/)
      const words = sentence
        .replaceAll(/`\S+`( from \w+ to \w+)?(,| and)?/g, '')
        .split(/(?<=\.) +(?=[A-Z])/)
        .map(part => part.split(/ +/).length)
      expect(Math.max(...words)).toBeLessThanOrEqual(25)
    }
  }
})

test("the misspelt key is told once: not again as missing, and not as the web's alone", () => {
  const worker = { ...minus('ENCRYPTION_KEY'), environment: { ...ENVIRONMENT, ENCRIPTION_KEY: KEY } }
  expect(lint({ worker })).toHaveLength(1)
  expect(lint({ from: '3.143.0', to: '3.144.0', worker }).map(({ kind }) => kind)).toEqual([
    'warning',
    'refusal',
  ])
})

test.each<readonly [string, Given]>([
  [
    'a name that another major reads',
    { from: '2.93.7', to: '3.0.0', web: plus({ LANGFUSE_READ_FROM_POSTGRES_ONLY: 'x' }) },
  ],
  ['names of the platform and of agents', { web: plus({ AWS_REGIONS: 'x', OTEL_EXPORTER: 'x', TZ: 'UTC' }) }],
  ['an empty variable, which Langfuse takes for none', { web: plus({ REDIS_AUTH: '' }) }],
  ['a name of its own that is like no other', { web: plus({ OUR_TEAM: 'x' }) }],
  ['a short name that is near to another', { web: plus({ POST: 'x' }), worker: plus({ SELF: 'x' }) }],
  [
    'a default that one side says and the other does not',
    { web: plus({ CLICKHOUSE_DB: 'default', REDIS_PORT: '6379' }) },
  ],
  ['one secret, spelt in two ways', { web: { secrets: { ...SECRETS, SALT: `${SECRETS['SALT']}::` } } }],
  [
    'variables that may be in files',
    { from: '2.93.7', to: '3.0.0', worker: { environment: {}, secrets: {}, files: 1 } },
  ],
  ['what v3 needs, where v3 runs already', { web: minus('CLICKHOUSE_MIGRATION_URL') }],
  [
    'encoded credentials',
    {
      web: plain('DATABASE_URL', 'postgresql://u:p%40ss@aurora:5432/langfuse?x=1@2'),
      worker: plain('DATABASE_URL', 'postgresql://other:hunter2@aurora:5432/langfuse'),
    },
  ],
  ['a heap below the memory', { worker: plus({ NODE_OPTIONS: '--max-old-space-size=3072' }) }],
  [
    'crash combinations before the flags exist',
    { from: '3.100.0', to: '3.101.0', ...both({ [OTEL]: 'direct' }) },
  ],
])('no finding for %s', (_name, given) => {
  expect(lint(given)).toEqual([])
})

test('a flag that is a secret is not guessed at', () => {
  const secrets = { ...SECRETS, [MODE]: 'arn:aws:ssm:x:1:parameter/mode', [PREVIEW]: 'parameter' }
  const found = lint({ ...V4, web: { secrets }, worker: { secrets, ...plus({ [OTEL]: 'dual_write' }) } })
  expect(found.filter(({ kind }) => kind === 'refusal')).toEqual([])
})

test('what would break a start is a refusal for a deploy, and a warning where the target runs already', () => {
  const stack = stackOn('3.143.0')
  const { container } = stack.worker
  const secrets = minus('ENCRYPTION_KEY').secrets ?? {}
  const bad = { ...container, secrets, environment: { ...ENVIRONMENT, ENCRYPTION_KEY: 'short-key' } }
  const spoilt = { ...stack, worker: { ...stack.worker, container: bad } }
  const ask = (version: string) =>
    environmentFindings({ config: { version: version as Release }, stack: spoilt, facts: CATALOG })
  expect(ask('3.144.0').refusals).toEqual([expect.stringMatching(/not 64 characters long/)])
  expect(ask('3.143.0').refusals).toEqual([])
  expect(ask('3.143.0').warnings).toEqual(
    expect.arrayContaining([expect.stringMatching(/not 64 characters long/)]),
  )
})

const EVENTS = {
  to: '3.225.4',
  from: '3.225.4',
  ...both({ [MODE]: 'dual' }),
} as const

test.each<readonly [string, Given, 'refusal' | 'warning' | undefined, RegExp]>([
  [
    'dual on v3, whose ClickHouse has no events tables',
    { ...EVENTS, events: 'missing' },
    'refusal',
    /WRITE_MODE` is `dual` on web and worker\. ClickHouse has no events tables under Langfuse 3\.225\.4: they come with 4\.0\.0\. .* drops the rows .* fails every trace deletion, .* Set `\S+WRITE_MODE=legacy`, `\S+BEHAVIOUR=dual_write`, `\S+=false` and `\S+=false`/,
  ],
  [
    'events_only there loses everything',
    { ...EVENTS, events: 'missing', ...both({ [MODE]: 'events_only', [OTEL]: 'direct', [PREVIEW]: 'true' }) },
    'refusal',
    /loses all traces and fails every trace deletion/,
  ],
  ['tables that nobody saw', { ...EVENTS, events: 'unseen' }, 'warning', /this run did not see whether/],
  ['tables that a person created', { ...EVENTS, events: 'there' }, undefined, /./],
  ['legacy', { ...EVENTS, events: 'missing', ...both({ [MODE]: 'legacy' }) }, undefined, /./],
  [
    'the switch of older releases',
    {
      to: '3.150.0',
      from: '3.150.0',
      events: 'missing',
      worker: plus({ LANGFUSE_EXPERIMENT_INSERT_INTO_EVENTS_TABLE: 'true' }),
    },
    'refusal',
    /INSERT_INTO_EVENTS_TABLE` is `true` on worker\..*Set it to `false`/,
  ],
  [
    'a switch that the release does not read yet',
    {
      to: '3.150.0',
      from: '3.150.0',
      events: 'missing',
      worker: plus({ LANGFUSE_ENABLE_EVENTS_TABLE_UI: 'true' }),
    },
    undefined,
    /./,
  ],
])('a mode that outlives its schema: %s', (_, given, kind, sentence) => {
  const found = lint(given).filter(finding => /events tables/.test(finding.sentence))
  expect(found.map(finding => finding.kind)).toEqual(kind === undefined ? [] : [kind])
  if (kind !== undefined) expect(found[0]?.sentence).toMatch(sentence)
})

test('on the way from v3 to v4, no advice sets `dual` before 4.0.0 runs', () => {
  const sentences = [
    ...lint({ from: '3.225.4', to: '4.16.0' }),
    ...lint({ from: '3.225.4', to: '4.16.0', ...both({ [OTEL]: 'dual_write' }) }),
  ].map(({ sentence }) => sentence)
  expect(sentences.join(' ')).toMatch(/Set mode `dual` only once 4\.0\.0 runs/)
  expect(sentences.join(' ')).not.toContain('WRITE_MODE=dual`')
  expect(
    lint({
      from: '3.225.4',
      to: '4.16.0',
      ...both({ [MODE]: 'legacy', [OTEL]: 'dual_write', [PREVIEW]: 'false', [BACKFILL]: 'false' }),
    }),
  ).toEqual([])
})

test('whether the tables are there is read from ClickHouse, and from what the target and a rollback do to it', () => {
  const of = (to: string, head: number, names: readonly string[] | undefined, undone = false) => {
    const stack = stackOn('3.225.4')
    const tables =
      names === undefined
        ? unknown<never>('denied', 'no-evidence')
        : known(
            names.map(name => ({ database: 'default', name, engine: 'MergeTree', rows: 0, bytes: 0 })),
            'x',
          )
    const seen = {
      ...stack,
      clickhouseStore: known({ version: '25.12', timezone: 'UTC', head, dirty: false }, 'x'),
      probe: { ...stack.probe, tables },
    }
    return subjectOf(seen, to as Release, CATALOG, undone)?.events
  }
  const all = ['observations_batch_staging', 'events_full', 'events_core']
  expect(of('3.225.4', 37, ['traces'])).toBe('missing')
  expect(of('3.225.4', 37, all)).toBe('there')
  expect(of('3.225.4', 37, undefined)).toBe('unseen')
  expect(of('4.0.0', 37, ['traces'])).toBe('there')
  expect(of('3.225.4', 46, all)).toBe('there')
  expect(of('3.225.4', 46, all, true)).toBe('missing')
  expect(of('3.225.4', 37, all, true)).toBe('there')
})

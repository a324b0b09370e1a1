import { expect, test } from '@jest/globals'
import { canaryProbe, canaryRoute, holdsBack } from '../../src/stack/canary.ts'

const MODE = 'LANGFUSE_MIGRATION_V4_WRITE_MODE'
const web = (
  environment: Readonly<Record<string, string>> = {},
  secrets: Readonly<Record<string, string>> = {},
) => ({
  environment,
  secrets,
})

test.each([
  ['2.95.11', {}, /2\.95\.11 writes only to PostgreSQL/],
  ['3.0.0', {}, /3\.0\.0 has no API to delete a trace/],
  ['3.38.0', {}, /no API to delete/],
  ['3.39.0', {}, { path: 'ingestion', mode: 'legacy', configured: true }],
  ['3.225.4', {}, { path: 'ingestion', mode: 'legacy', configured: true }],
  ['3.225.4', { [MODE]: 'dual' }, { path: 'ingestion', mode: 'dual', configured: true }],
  ['4.16.0', {}, { path: 'otel', mode: 'events_only', configured: true }],
  ['4.16.0', { [MODE]: '' }, { path: 'otel', mode: 'events_only', configured: true }],
  ['4.16.0', { [MODE]: 'dual' }, { path: 'ingestion', mode: 'dual', configured: true }],
  ['4.16.0', { [MODE]: 'legacy' }, { path: 'ingestion', mode: 'legacy', configured: true }],
  [
    '4.16.0',
    { LANGFUSE_MIGRATION_v4_WRITE_MODE: 'dual' },
    { path: 'otel', mode: 'events_only', configured: true },
  ],
  [undefined, {}, { path: 'ingestion', mode: 'unknown', configured: false }],
  [undefined, { [MODE]: 'events_only' }, { path: 'otel', mode: 'events_only', configured: true }],
] as const)('%s with %j', (release, environment, route) => {
  const found = canaryRoute(web(environment), release)
  if (route instanceof RegExp) expect(found).toMatch(route)
  else expect(found).toEqual(route)
})

test('a mode that is a secret is not known here', () => {
  expect(canaryRoute(web({}, { [MODE]: 'arn:aws:secretsmanager:…' }), '4.16.0')).toEqual({
    path: 'ingestion',
    mode: 'unknown',
    configured: false,
  })
})

test.each([
  ['23:44', {}, 5_000, false],
  ['23:45', {}, 15_000, true],
  ['00:15', {}, 15_000, true],
  ['00:16', {}, 5_000, false],
  ['12:00', { LANGFUSE_INGESTION_QUEUE_DELAY_MS: '1000' }, 1_000, false],
  ['23:59', { LANGFUSE_INGESTION_QUEUE_DELAY_MS: '90000' }, 90_000, true],
  ['23:59', { LANGFUSE_INGESTION_QUEUE_DELAY_MS: 'soon' }, 15_000, true],
] as const)(
  'at %s UTC with %j events are held back for %d ms',
  (time, environment, milliseconds, nearMidnight) => {
    expect(holdsBack(environment, Date.parse(`2026-11-22T${time}:30Z`))).toEqual({
      milliseconds,
      nearMidnight,
    })
  },
)

test('behind the API: what is not given is not asked, what does not answer is said', async () => {
  const nothing = canaryProbe({ clickhouse: undefined, valkey: undefined })
  expect(await nothing.rows('a', 'otel')).toMatchObject({ known: false, because: 'not-asked' })
  expect(await nothing.queues()).toMatchObject({ known: false, because: 'not-asked' })
  const asked: string[] = []
  const broken = () => Promise.reject(new Error('refused'))
  const probe = canaryProbe({
    clickhouse: {
      address: 'clickhouse:8123',
      ping: broken,
      run: async sql => {
        asked.push(sql)
        return [{ rows: '2' }]
      },
    },
    valkey: { address: 'cache:6379', prefix: 'bull', connect: broken },
  })
  expect(await probe.rows("a'b", 'otel')).toEqual({ known: true, value: 2, source: 'clickhouse:8123' })
  expect(asked).toEqual(["SELECT count() AS rows FROM events_full WHERE trace_id = 'a\\'b'"])
  expect(await probe.queues()).toMatchObject({ known: false, because: 'unreachable', reason: 'refused' })
})

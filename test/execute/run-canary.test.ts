import { expect, test } from '@jest/globals'
import { canary as check } from '../../src/checks/canary-checks.ts'
import type { Finding } from '../../src/checks/check.ts'
import { runCanary } from '../../src/execute/run-canary.ts'
import type { Canary, CanaryProbe, CanaryQueue, CanaryRoute } from '../../src/stack/canary.ts'
import { known, type Observed, type Stack, unknown } from '../../src/stack/stack.ts'
import { jumpingClock } from '../support/execution.ts'
import { type FakeLangfuse, type FakeLangfuseOptions, fakeLangfuse, leftCanary } from '../support/langfuse.ts'
import { FACTS, healthyProbe, stackOn2 } from '../support/stack.ts'

const NOON = Date.UTC(2026, 10, 22, 12, 0, 0)
const OLD: CanaryRoute = { path: 'ingestion', mode: 'legacy', configured: true }
const NEW: CanaryRoute = { path: 'otel', mode: 'events_only', configured: true }

type Given = Omit<FakeLangfuseOptions, 'now'> & {
  readonly route?: CanaryRoute
  readonly start?: number
  readonly environment?: Readonly<Record<string, string>>
  readonly rows?: Observed<number>
  readonly queues?: Observed<readonly CanaryQueue[]>
  readonly deadline?: number
  readonly stack?: Stack
  /** Cancels when it is so late. */
  readonly cancelAfterMs?: number
}

type Ran = {
  readonly seen: Canary
  readonly finding: Finding
  readonly langfuse: FakeLangfuse
  readonly took: number
}

const NOT_ASKED = unknown<never>('not asked', 'not-asked')

async function run(given: Given = {}): Promise<Ran> {
  const start = given.start ?? NOON
  const controller = new AbortController()
  const clock = jumpingClock(start, now => {
    if (now - start >= (given.cancelAfterMs ?? Number.POSITIVE_INFINITY)) controller.abort()
  })
  const langfuse = fakeLangfuse({ ...given, now: clock.now })
  const probe: CanaryProbe = {
    rows: async () => given.rows ?? NOT_ASKED,
    queues: async () => given.queues ?? NOT_ASKED,
  }
  const seen = await runCanary({
    api: langfuse.api,
    route: given.route ?? OLD,
    environment: given.environment ?? {},
    clock,
    signal: controller.signal,
    deadline: given.deadline ?? start + 45 * 60_000,
    probe,
  })
  const stack = given.stack ?? stackOn2({ probe: healthyProbe({ valkey: NOT_ASKED }) })
  const finding = await check.run({ stack, expected: undefined, facts: FACTS, canary: known(seen, 'url') })
  return { seen, finding, langfuse, took: clock.now() - start }
}

const queue = (name: string, over: Partial<CanaryQueue> = {}): CanaryQueue => ({
  ...{ name, waiting: 0, delayed: 0, active: 0, failed: 0 },
  ...over,
})

test('a trace, an observation and a score go in, are seen after some looks, and the trace is deleted', async () => {
  const { seen, finding, langfuse, took } = await run()
  expect(finding.state).toBe('passed')
  expect(finding.sentence).toMatch(/^A trace with an observation and a score was read back after \d/)
  expect(seen.read?.polls).toBeGreaterThan(1)
  expect(took).toBeLessThan(12_000)
  expect(langfuse.traces.size).toBe(0)
  expect(langfuse.calls.filter(call => call.startsWith('deleteTrace'))).toEqual([
    `deleteTrace ${seen.traceId}`,
  ])
  expect(seen.traceId).toMatch(/^[0-9a-f]{32}$/)
})

test('in events_only it goes in as a span and comes out as an observation of v4', async () => {
  const { finding, langfuse } = await run({ route: NEW, eventsOnly: true })
  expect(finding.state).toBe('passed')
  expect(finding.sentence).toMatch(/Mode `events_only` accepts only OTLP/)
  expect(langfuse.calls).not.toContain('ingest')
  expect(langfuse.traces.size).toBe(0)
})

test('where nothing tells the mode, the answers do', async () => {
  const { seen, finding, langfuse } = await run({
    route: { ...OLD, mode: 'unknown', configured: false },
    eventsOnly: true,
  })
  expect(finding.state).toBe('passed')
  expect(seen.route).toEqual({ path: 'otel', mode: 'events_only', configured: false })
  expect(langfuse.calls.filter(call => call.startsWith('ingest'))).toEqual(['ingest', 'ingestSpans'])
})

test('a web that refuses what its settings promise is found out, and nothing is left to delete', async () => {
  const { finding, langfuse } = await run({ route: { ...OLD, mode: 'dual' }, eventsOnly: true })
  expect(finding).toMatchObject({ state: 'failed', about: ['web'] })
  expect(finding.sentence).toMatch(
    /rejected each event of the canary .*although its settings say `dual`.*they see no error/,
  )
  expect(langfuse.calls.some(call => call.startsWith('deleteTrace'))).toBe(false)
})

const always = (name: string, status: number, body: unknown) => (call: string) =>
  call === name ? { status, body } : undefined

test.each([
  ['wrong keys', 401, { message: 'Invalid credentials' }, 'failed', /not a valid pair of one project/, 1],
  [
    'a URL of something else',
    404,
    '<html>not here</html>',
    'failed',
    /has no API for traces .*input `url`/,
    1,
  ],
  [
    'another site that says yes',
    200,
    '<html>hi</html>',
    'failed',
    /200 with a page that did not come from Langfuse/,
    1,
  ],
  ['207 without results', 207, {}, 'failed', /207 without a result for any event/, 1],
  [
    'S3 that takes nothing',
    500,
    {
      message: 'Invalid request data',
      errors: ['Failed to upload events to blob storage, aborting event processing'],
    },
    'failed',
    /could not store the canary in S3 .*LANGFUSE_S3_EVENT_UPLOAD_BUCKET/,
    3,
  ],
  [
    'Valkey that takes nothing',
    500,
    { message: 'Invalid request data', errors: ["OOM command not allowed when used memory > 'maxmemory'."] },
    'failed',
    /stored the canary in S3 but could not queue it in Valkey .*check `valkey`/,
    3,
  ],
  [
    'an error without a reason',
    500,
    { message: 'Internal Server Error' },
    'failed',
    /so it accepts no traces/,
    3,
  ],
  ['too many requests', 429, { message: 'Rate limit exceeded' }, 'inconclusive', /is limiting requests/, 3],
] as const)('not accepted: %s', async (_what, status, body, state, sentence, attempts) => {
  const { finding, langfuse } = await run({ instead: always('ingest', status, body) })
  expect(finding.state).toBe(state)
  expect(finding.sentence).toMatch(sentence)
  expect(langfuse.calls.filter(call => call === 'ingest')).toHaveLength(attempts)
  expect(langfuse.calls.filter(call => call === 'trace')).toHaveLength(0)
  expect(langfuse.calls.some(call => call.startsWith('deleteTrace'))).toBe(status >= 500 || status === 207)
})

test('a moment of 503 of what stands in front is no verdict', async () => {
  const { finding } = await run({
    instead: (call, count) => (call === 'ingest' && count < 3 ? { status: 503, body: 'busy' } : undefined),
  })
  expect(finding.state).toBe('passed')
})

test('no answer to writing, and it was taken all the same: it is read back, which is what counts', async () => {
  const { finding, seen, langfuse } = await run({ loseAnswersOf: 'ingest' })
  expect(seen.write).toEqual({ state: 'unanswered', problem: 'socket hang up' })
  expect(finding.state).toBe('passed')
  expect(langfuse.traces.size).toBe(0)
})

test('no answer to writing, and it is nowhere: it is deleted in case it comes', async () => {
  const { finding, langfuse } = await run({ loseAnswersOf: 'ingest', slowMs: Number.POSITIVE_INFINITY })
  expect(finding.state).toBe('failed')
  expect(finding.sentence).toMatch(/could not be written: .* did not answer \(socket hang up\)/)
  expect(langfuse.calls.some(call => call.startsWith('deleteTrace'))).toBe(true)
})

test('taken and never shown: it says how far that can be seen, waits two minutes, and deletes all the same', async () => {
  const { finding, langfuse, took } = await run({ slowMs: Number.POSITIVE_INFINITY })
  expect(finding).toMatchObject({ state: 'failed', about: ['worker'] })
  expect(finding.sentence).toMatch(
    /was accepted, but it was not readable after 12\d(\.\d)? s \(last answer 404 Trace \w+ not found.*between Valkey and ClickHouse.*Its deletion is requested/,
  )
  expect(took).toBeGreaterThan(120_000)
  expect(took).toBeLessThan(135_000)
  expect(langfuse.traces.size).toBe(0)
})

const LOST = { slowMs: Number.POSITIVE_INFINITY }
const AT = 'cache:6379'

test.each([
  [
    'jobs wait',
    { queues: known([queue('ingestion-queue', { waiting: 41 })], AT) },
    /queued but no worker is consuming it \(ingestion-queue: 41 waiting, 0 delayed for a retry, 0 active, 0 failed at cache:6379\)/,
    ['worker', 'valkey', 'clickhouse'],
  ],
  [
    'queues are empty and ClickHouse has nothing',
    { queues: known([queue('ingestion-queue')], AT), rows: known(0, 'clickhouse:8123') },
    /The worker received the event and stopped retrying \(all queues are empty at cache:6379\), and ClickHouse \(clickhouse:8123\) has no row of it\./,
    ['worker', 'valkey', 'clickhouse'],
  ],
  [
    'jobs are tried again and again',
    { queues: known([queue('ingestion-queue', { delayed: 2, failed: 1 })], AT) },
    /The worker takes it but fails and retries it .*; its log says which/,
    ['worker', 'valkey', 'clickhouse'],
  ],
  [
    'jobs have failed',
    { queues: known([queue('ingestion-queue', { failed: 3 })], AT) },
    /The worker received the event and stopped retrying \(ingestion-queue: 0 waiting, 0 delayed for a retry, 0 active, 3 failed/,
    ['worker', 'valkey', 'clickhouse'],
  ],
  [
    'ClickHouse has it',
    { rows: known(1, 'clickhouse:8123') },
    /It is in ClickHouse \(clickhouse:8123\), so the web reads another ClickHouse than the worker writes/,
    ['web', 'clickhouse'],
  ],
  [
    'ClickHouse cannot be asked',
    { rows: unknown<number>('refused', 'unreachable'), queues: known([queue('ingestion-queue')], AT) },
    /The worker received the event and stopped retrying \(all queues are empty at cache:6379\)\./,
    ['worker', 'valkey', 'clickhouse'],
  ],
] as const)('taken and not shown: %s', async (_what, seen, sentence, about) => {
  const { finding } = await run({ ...LOST, ...seen } as Given)
  expect(finding).toMatchObject({ state: 'failed', about })
  expect(finding.sentence).toMatch(sentence)
})

test('no worker runs: that is the reason, whatever the queues say', async () => {
  const stack = stackOn2()
  const { finding } = await run({ ...LOST, stack: { ...stack, worker: { ...stack.worker, tasks: [] } } })
  expect(finding.sentence).toMatch(/No worker task runs, so traces wait in Valkey/)
})

test('without a look of its own, what was seen inside counts', async () => {
  const { finding } = await run({ ...LOST, stack: stackOn2() })
  expect(finding.sentence).toMatch(
    /The worker received the event and stopped retrying \(all queues are empty at/,
  )
})

test.each(['observation', 'score'] as const)('a lost %s is a loss too', async part => {
  const { finding } = await run({ loses: [part] })
  expect(finding.state).toBe('failed')
  expect(finding.sentence).toMatch(new RegExp(`accepted, but its ${part} was not readable`))
})

test('a key that may only write, and an API that the mode does not have', async () => {
  const denied = await run({ instead: always('trace', 403, { message: 'Access denied' }) })
  expect(denied.finding.sentence).toMatch(
    /denies reading it \(403 Access denied\): use an API key that may read/,
  )
  expect(denied.langfuse.traces.size).toBe(0)
  const off = await run({
    route: NEW,
    instead: always('observations', 404, { message: 'only available in v4' }),
  })
  expect(off.finding.sentence).toMatch(/ALLOW_PREVIEW_OPT_IN=true on web and worker/)
  expect(off.took).toBeLessThan(1_000)
})

test('reading that breaks now and then is looked at again', async () => {
  const { finding } = await run({
    instead: (call, count) => {
      if (call !== 'trace' || count > 8) return undefined
      if (count % 2 === 0) throw new Error('reset')
      return { status: 502, body: 'bad gateway' }
    },
  })
  expect(finding.state).toBe('passed')
})

test('around midnight UTC it waits as much longer as Langfuse holds back, and says so', async () => {
  const late = { ...LOST, environment: { LANGFUSE_INGESTION_QUEUE_DELAY_MS: '60000' } }
  const noon = await run(late)
  const midnight = await run({ ...late, start: Date.UTC(2026, 10, 22, 23, 50, 0) })
  expect(midnight.took - noon.took).toBeGreaterThan(50_000)
  expect(midnight.finding.sentence).toMatch(/Around midnight UTC Langfuse delays events by 60 s/)
  expect(noon.finding.sentence).not.toMatch(/midnight/)
  const slow = await run({ ...late, slowMs: 160_000, start: Date.UTC(2026, 10, 23, 0, 10, 0) })
  expect(slow.finding.state).toBe('passed')
})

test('the timeout of the run cuts the waiting short', async () => {
  const { finding, took } = await run({ ...LOST, deadline: NOON + 20_000 })
  expect(finding.state).toBe('failed')
  expect(took).toBeLessThan(25_000)
})

test('cancelled: no verdict, and the deletion is the one thing that is still done', async () => {
  const { finding, langfuse, took } = await run({ ...LOST, cancelAfterMs: 5_000 })
  expect(finding.state).toBe('inconclusive')
  expect(finding.sentence).toMatch(
    /cancelled before the canary could be read back\. Its deletion is requested/,
  )
  expect(langfuse.traces.size).toBe(0)
  expect(langfuse.calls.at(-1)).toMatch(/^deleteTrace/)
  expect(took).toBeLessThan(8_000)
})

test('a refused deletion is tried three times, is no pass, and says which trace is left', async () => {
  const { finding, langfuse, seen } = await run({
    instead: always('deleteTrace', 500, { message: 'queue is down' }),
  })
  expect(finding.state).toBe('warning')
  expect(finding.sentence).toMatch(
    new RegExp(
      `Canary ${seen.traceId} could not be deleted \\(500 queue is down\\)\\. The next run tries again`,
    ),
  )
  expect(langfuse.calls.filter(call => call.startsWith('deleteTrace'))).toHaveLength(3)
})

const HOUR_AGO = '2026-11-22T11:00:00.000Z'

test('canaries of killed runs are deleted; young ones and what only looks alike are not', async () => {
  const { finding, langfuse } = await run({
    left: [
      leftCanary('old-1', HOUR_AGO),
      leftCanary('young', '2026-11-22T11:50:00.000Z'),
      leftCanary('untagged', HOUR_AGO, { tags: ['mine'] }),
      leftCanary('other', HOUR_AGO, { name: 'chat' }),
      leftCanary('timeless', HOUR_AGO, { timestamp: null, startTime: undefined }),
    ],
  })
  expect(finding).toMatchObject({ state: 'passed' })
  expect(finding.sentence).toMatch(/Earlier runs left 1 canary; this run deleted 1\.$/)
  const deleted = langfuse.calls.filter(call => call.startsWith('deleteTrace'))
  expect(deleted).toHaveLength(2)
  expect(deleted[0]).toBe('deleteTrace old-1')
})

test('many that are left mean that deletions are taken and not carried out', async () => {
  const left = Array.from({ length: 6 }, (_, index) => leftCanary(`old-${index}`, HOUR_AGO))
  const { finding } = await run({ left })
  expect(finding.state).toBe('warning')
  expect(finding.sentence).toMatch(
    /Earlier runs left 6 canaries.* So many leftovers mean that the worker does not process deletions/,
  )
})

test('a list that cannot be had keeps nobody from anything', async () => {
  const { finding, seen } = await run({ instead: always('traces', 500, { message: 'no' }) })
  expect(finding.state).toBe('passed')
  expect(seen.left).toMatchObject({ known: false, reason: '500 no' })
})

test('no keys, no canary; a canary that broke off is no evidence', async () => {
  const subject = { stack: stackOn2(), expected: undefined, facts: FACTS }
  const asked = (reason: string, because: 'not-asked' | 'no-evidence') =>
    check.run({ ...subject, canary: unknown(reason, because) })
  expect(await check.run(subject)).toMatchObject({ state: 'skipped' })
  expect(await asked('Inputs are empty', 'not-asked')).toEqual({
    state: 'skipped',
    sentence: 'Inputs are empty.',
  })
  expect(await asked('It broke off', 'no-evidence')).toMatchObject({ state: 'inconclusive' })
})

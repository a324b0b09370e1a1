import { expect, test } from '@jest/globals'
import type { CheckState } from '../../src/checks/check.ts'
import { CHECKS, type CheckId, chooseChecks, runChecks, verdictOf } from '../../src/checks/run.ts'
import type { Release } from '../../src/release/release.ts'
import { fingerprintOf, identityOf } from '../../src/stack/baseline.ts'
import { unseenInfrastructure } from '../../src/stack/infrastructure.ts'
import { unseenInside } from '../../src/stack/probe-inside.ts'
import { known, type Probe, type Stack, unknown, type ValkeyState } from '../../src/stack/stack.ts'
import { soundStack } from '../support/sound.ts'
import { arrivedCanary, ecsService, ecsTask, FACTS, healthyProbe, stackOn2 } from '../support/stack.ts'

async function resultsOf(stack: Stack) {
  const canary = known(arrivedCanary(), 'url')
  const baseline = {
    id: '1',
    baseline: {
      schema: 1 as const,
      stack: identityOf(stack),
      release: '2.93.7',
      by: 'deploy' as const,
      fingerprint: fingerprintOf(stack),
    },
  }
  const deployed = known({ location: 'x', baseline, record: undefined, underway: undefined }, 'x')
  const results = await runChecks(CHECKS, {
    stack,
    expected: '2.93.7' as Release,
    facts: FACTS,
    canary,
    deployed,
  })
  return new Map(results.map(result => [result.id, result]))
}

const safe = soundStack

test('a healthy stack passes every check', async () => {
  const results = await resultsOf(safe(stackOn2()))
  expect([...results.values()].filter(result => result.state !== 'passed')).toEqual([])
  expect(verdictOf([...results.values()], 'warning')).toBe('passed')
})

const clickhouse =
  (over: Partial<Stack['clickhouse']>) =>
  (stack: Stack): Stack => ({ ...stack, clickhouse: { ...stack.clickhouse, ...over } })
const discovery =
  (...addresses: readonly string[]) =>
  (stack: Stack): Stack => ({
    ...stack,
    discovery: known(
      {
        name: 'clickhouse.langfuse.local',
        instances: addresses.map(address => ({ id: address, address, health: 'HEALTHY' })),
      },
      'x',
    ),
  })
const files =
  (over: object) =>
  (stack: Stack): Stack => {
    if (!stack.files.known) return stack
    return { ...stack, files: known({ ...stack.files.value, ...over }, 'x') }
  }
const store =
  (over: object) =>
  (stack: Stack): Stack => ({
    ...stack,
    clickhouseStore: known({ version: '24.8.7', timezone: 'UTC', head: 5, dirty: false, ...over }, 'x'),
  })
const health =
  (over: object) =>
  (stack: Stack): Stack => ({ ...stack, health: known({ status: 200, version: '2.93.7', ...over }, 'url') })

const probe =
  (over: Partial<Probe>) =>
  (stack: Stack): Stack => ({ ...stack, probe: healthyProbe(over) })
const NOW = 1_700_000_000_000
const cache = (over: Partial<ValkeyState>) => {
  const healthy = {
    version: '7.2.6',
    policy: 'noeviction',
    used: 1,
    maximum: 1e9,
    evicted: 0,
    cluster: false,
    now: NOW,
    queues: [],
  }
  return probe({ valkey: known({ ...healthy, ...over }, 'cache:6379') })
}
const worker = (status: number | undefined, problem?: string) =>
  probe({ workers: known([{ task: 'w1', url: 'http://10.0.11.38:3030', status, problem }], 'x') })

type Fault = readonly [
  fault: string,
  spoil: (stack: Stack) => Stack,
  check: CheckId,
  state: CheckState,
  sentence: RegExp,
]

const FAULTS: readonly Fault[] = [
  [
    'ClickHouse with 100 and 200 percent',
    clickhouse({ service: ecsService('clickhouse') }),
    'clickhouse-single-writer',
    'warning',
    /minimum 100 %, maximum 200 %, so a new task starts before the old one stops/,
  ],
  ['no Cloud Map instance', discovery(), 'cloud-map', 'failed', /does not resolve/],
  [
    'two Cloud Map instances',
    discovery('10.0.11.37', '10.0.12.40'),
    'cloud-map',
    'failed',
    /resolves to 2 addresses \(10\.0\.11\.37, 10\.0\.12\.40\)/,
  ],
  [
    'a stale Cloud Map address',
    discovery('10.0.99.1'),
    'cloud-map',
    'failed',
    /resolves to 10\.0\.99\.1, but the running task has 10\.0\.11\.37/,
  ],
  [
    'Cloud Map that cannot be read',
    stack => ({ ...stack, discovery: unknown('denied', 'unreachable') }),
    'cloud-map',
    'inconclusive',
    /^Denied\.$/,
  ],
  [
    'EFS that is being deleted',
    files({ state: 'deleting' }),
    'efs-mount-targets',
    'failed',
    /fs-1 is in state deleting/,
  ],
  [
    'EFS without mount targets',
    files({ mountTargets: [] }),
    'efs-mount-targets',
    'failed',
    /"botocore" message/,
  ],
  [
    'a worker that is not steady',
    stack => ({
      ...stack,
      worker: { ...stack.worker, service: ecsService('langfuse_worker', { runningCount: 0 }), tasks: [] },
    }),
    'worker-steady',
    'failed',
    /runs 0 of 1 tasks/,
  ],
  [
    'a task that ECS calls unhealthy',
    clickhouse({ tasks: [ecsTask(ecsService('clickhouse'), { healthStatus: 'UNHEALTHY' })] }),
    'clickhouse-steady',
    'failed',
    /fails its container health check/,
  ],
  [
    'web and worker on two releases',
    stack => ({ ...stack, worker: { ...stack.worker, image: { ...stack.worker.image, version: '3.0.0' } } }),
    'one-release',
    'failed',
    /web runs 2\.93\.7 and the worker 3\.0\.0/,
  ],
  ['a web that is not healthy', health({ status: 503 }), 'web-health', 'failed', /answers 503/],
  [
    'a web that still serves another release',
    health({ version: '2.90.0' }),
    'web-version',
    'failed',
    /reports 2\.90\.0, not 2\.93\.7/,
  ],
  [
    'an answer that is not Langfuse',
    health({ version: undefined }),
    'web-version',
    'inconclusive',
    /reports no version/,
  ],
  ['a dirty ClickHouse schema', store({ dirty: true }), 'clickhouse-schema', 'failed', /dirty at version 5/],
  [
    'a ClickHouse schema ahead of the release',
    store({ head: 6 }),
    'clickhouse-schema',
    'failed',
    /"no migration found for version 6"/,
  ],
  [
    'a ClickHouse that is not UTC',
    store({ timezone: 'Asia/Tokyo' }),
    'clickhouse-schema',
    'failed',
    /Asia\/Tokyo: Langfuse needs UTC/,
  ],
  [
    'PostgreSQL that was given and cannot be reached',
    stack => ({ ...stack, postgres: unknown('PostgreSQL cannot be reached', 'unreachable') }),
    'postgres-migrations',
    'failed',
    /cannot be reached/,
  ],
  [
    'an agent that gave no answer',
    stack => ({ ...stack, postgres: unknown('the databases were not observed, because …', 'no-evidence') }),
    'postgres-migrations',
    'inconclusive',
    /not observed, because/,
  ],
  [
    'a ClickHouse that answers /ping with a page',
    probe({ ping: known(false, 'clickhouse:8123') }),
    'clickhouse-ping',
    'failed',
    /\/ping, but not with Ok/,
  ],
  [
    'a ClickHouse that does not answer',
    probe({ ping: unknown('ClickHouse at … cannot be reached', 'unreachable') }),
    'clickhouse-ping',
    'failed',
    /cannot be reached/,
  ],
  [
    'a name that resolves to a task that is gone',
    probe({ name: known({ name: 'clickhouse.langfuse.local', addresses: ['10.0.9.9'] }, 'x') }),
    'clickhouse-name',
    'failed',
    /resolves to 10\.0\.9\.9, where no ClickHouse task runs/,
  ],
  [
    'a name that does not resolve',
    probe({ name: unknown('clickhouse.local has no address', 'unreachable') }),
    'clickhouse-name',
    'failed',
    /^clickhouse\.local has no address\.$/,
  ],
  [
    'a disk that is nearly full',
    probe({ disks: known([{ name: 'efs', free: 2 * 1024 ** 3, total: 1e12 }], 'x') }),
    'clickhouse-disk',
    'warning',
    /disk efs has 2\.0 GiB left/,
  ],
  [
    'a disk that is full',
    probe({ disks: known([{ name: 'efs', free: 1e6, total: 1e12 }], 'x') }),
    'clickhouse-disk',
    'failed',
    /ClickHouse rejects writes/,
  ],
  [
    'volatile-lru',
    cache({ policy: 'volatile-lru' }),
    'valkey',
    'warning',
    /volatile-lru\. When memory is full, it deletes queued jobs/,
  ],
  [
    'keys that were evicted',
    cache({ policy: 'volatile-lru', evicted: 7 }),
    'valkey',
    'failed',
    /has evicted 7 keys/,
  ],
  ['a cache that is full', cache({ used: 95e7 }), 'valkey', 'failed', /uses 95 % of its memory/],
  [
    'a cache that does not say',
    cache({ policy: undefined }),
    'valkey',
    'skipped',
    /does not report its maxmemory-policy/,
  ],
  ['a worker that is ill', worker(500), 'worker-health', 'failed', /w1 answers 500/],
  [
    'a worker that nobody may ask',
    worker(undefined, 'timed out'),
    'worker-health',
    'skipped',
    /is not reachable \(timed out\)/,
  ],
]

test.each(FAULTS)('%s: the right check says so', async (_fault, spoil, check, state, sentence) => {
  const spoiled = spoil(safe(stackOn2()))
  expect((await resultsOf(spoiled)).get(check)).toMatchObject({
    state,
    sentence: expect.stringMatching(sentence),
  })
})

test('a ClickHouse without Cloud Map or EFS is warned of, not called inconclusive', async () => {
  const stack = stackOn2({
    discovery: unknown('no Cloud Map service', 'not-asked'),
    files: unknown('no EFS volume', 'not-asked'),
  })
  const results = await resultsOf(safe(stack))
  expect(results.get('cloud-map')).toMatchObject({
    state: 'warning',
    sentence: expect.stringMatching(/another way/),
  })
  expect(results.get('efs-mount-targets')).toMatchObject({
    state: 'warning',
    sentence: expect.stringMatching(/loses its data with its task/),
  })
})

test('nothing passes that was not looked at', async () => {
  const blind = stackOn2({
    postgres: unknown('no way in', 'not-asked'),
    clickhouseStore: unknown('no way in', 'not-asked'),
    discovery: unknown('denied', 'unreachable'),
    files: unknown('denied', 'unreachable'),
    health: unknown('no answer', 'unreachable'),
    probe: { ...unseenInside('no way in', 'not-asked').probe, mount: unknown('no way in', 'not-asked') },
    infrastructure: unseenInfrastructure('no way in', 'not-asked'),
  })
  const results = await runChecks(CHECKS, {
    stack: blind,
    expected: undefined,
    facts: FACTS,
  })
  const ids = CHECKS.filter(check => check.needs.includes('inside')).map(({ id }) => id)
  ids.push('cloud-map', 'efs-mount-targets', 'web-health', 'web-version')
  expect(results.filter(result => ids.includes(result.id) && result.state === 'passed')).toEqual([])
})

test('a check that breaks is inconclusive, and so is the verdict', async () => {
  const broken = {
    ...CHECKS[0],
    run: () => {
      throw new Error('boom')
    },
  } as (typeof CHECKS)[number]
  const results = await runChecks([broken], {
    stack: stackOn2(),
    expected: undefined,
    facts: FACTS,
  })
  expect(results[0]).toMatchObject({
    state: 'inconclusive',
    sentence: expect.stringMatching(/^Internal error in this check: boom/),
  })
  expect(verdictOf(results, 'failed')).toBe('inconclusive')
})

test('a name that no check has does not compile', () => {
  // @ts-expect-error: a reference to a check is one of the table's ids
  const wrong: CheckId = 'efs-mount'
  expect(CHECKS.map(({ id }) => id)).not.toContain(wrong)
})

test('checks are chosen by name and by group, and a wrong name is refused with the right ones', () => {
  expect(chooseChecks(['public']).map(check => check.id)).toEqual(['web-health', 'web-version', 'canary'])
  expect(chooseChecks(['cloud-map']).map(check => check.id)).toEqual(['cloud-map'])
  expect(() => chooseChecks(['cloudmap'])).toThrow(/`checks` contains `cloudmap`.*cloud-map/)
})

test('no check at all is no pass', () => {
  expect(verdictOf([], 'failed')).toBe('inconclusive')
})

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type GitHub, startGitHub } from '../../sandbox/github.ts'
import { gitHubRecords } from '../../src/adapters/github-records.ts'
import type { GitHubFailure } from '../../src/errors/errors.ts'
import { type DeploymentRecord, type Records, ROLLED_BACK } from '../../src/ports/github.ts'
import { RECORD } from '../support/record.ts'

let github: GitHub
let denied: GitHub

beforeAll(async () => {
  github = await startGitHub()
  denied = await startGitHub({ allowed: false })
})
afterAll(async () => {
  await Promise.all([github.stop(), denied.stop()])
})

function records(url: string, environment = 'langfuse'): Records {
  return gitHubRecords({
    token: 't',
    repository: 'acme/infra',
    ref: 'abc',
    environment,
    runUrl: 'https://github.com/acme/infra/actions/runs/7',
    apiUrl: url,
  })
}

test('a record is written before the change, closed after it, and found again', async () => {
  const location = records(github.url)
  const id = await location.open(RECORD)
  expect(await location.latest()).toEqual({ id, record: RECORD, state: 'in_progress', run: '7' })
  await location.mark(id, 'success', 'x'.repeat(200))
  expect(await location.latest()).toMatchObject({ id, state: 'success' })
  expect(github.deployments[0]?.statuses[0]?.description).toHaveLength(140)
})

test('a record that a rollback has undone no longer names the way back', async () => {
  const location = records(github.url, 'undone')
  const first = await location.open(RECORD)
  await location.mark(first, 'success', 'done')
  const second = await location.open({ ...RECORD, from: '3.0.0', to: '3.1.0' })
  await location.mark(second, 'inactive', 'rolled back')
  expect(await location.latest()).toMatchObject({ id: first, record: { from: '2.93.7' } })
  expect(await location.undone()).toBeUndefined()
  const third = await location.open({ ...RECORD, from: '3.0.0', to: '3.2.0' })
  await location.mark(third, 'inactive', `${ROLLED_BACK}3.0.0`)
  await location.mark(await location.open(RECORD), 'inactive', 'another run was faster')
  expect(await location.undone()).toMatchObject({ from: '3.0.0', to: '3.2.0' })
  await location.mark(await location.open(RECORD), 'success', 'done')
  expect(await location.undone()).toBeUndefined()
})

test('a record whose images are none, or incomplete, is not ours', async () => {
  const location = records(github.url, 'foreign')
  const id = await location.open(RECORD)
  const images = { ...RECORD.images, worker: 'worker;rm -rf /' }
  await location.open({ ...RECORD, images })
  const { web, worker } = RECORD.images
  await location.open({ ...RECORD, images: { web, worker } as unknown as DeploymentRecord['images'] })
  await location.open({ ...RECORD, postgresAhead: [7] as unknown as string[] })
  expect(await location.latest()).toMatchObject({ id, record: RECORD })
})

test('what there is to restore from is read back, the newest of each kind', async () => {
  const location = records(github.url, 'kept')
  const point =
    'arn:aws:backup:ap-northeast-1:123456789012:recovery-point:1EB3B5E7-9EB0-435A-A80B-108B488B0D45'
  const id = await location.open(RECORD)
  await location.keep(id, { kind: 'aurora-snapshot', id: 'langfuse-2-93-7-to-3-0-0-old' })
  await location.keep(id, { kind: 'efs-recovery-point', id: point })
  await location.mark(id, 'failure', 'ClickHouse did not start')
  await location.mark(id, 'in_progress', 'Langfuse 3.0.0 is being deployed again')
  await location.keep(id, { kind: 'aurora-snapshot', id: 'langfuse-2-93-7-to-3-0-0-new' })
  await location.mark(id, 'success', 'Aurora snapshot: is what this sentence begins with')
  expect(await location.latest()).toEqual({
    id,
    record: { ...RECORD, snapshot: 'langfuse-2-93-7-to-3-0-0-new', recoveryPoint: point },
    state: 'success',
    run: '7',
  })
})

test('what a deploy has left is kept apart from the ways back, and the newest is found', async () => {
  const location = records(github.url, 'baseline')
  expect(await location.baseline()).toBeUndefined()
  const fingerprint = { schema: 1 as const, parts: { web: { image: 'web@sha256:1' } } }
  const baseline = { schema: 1 as const, stack: 's', release: '2.93.7', by: 'deploy' as const, fingerprint }
  await location.keepBaseline(baseline)
  const record = await location.open(RECORD)
  const id = await location.keepBaseline({ ...baseline, release: '3.0.0' })
  expect(await location.baseline()).toEqual({ id, baseline: { ...baseline, release: '3.0.0' } })
  expect(await location.latest()).toMatchObject({ id: record, record: RECORD })
  const tasks = github.all.filter(({ environment }) => environment === 'baseline').map(({ task }) => task)
  expect(tasks).toEqual(['langfuse-rollout:baseline', 'langfuse-rollout', 'langfuse-rollout:baseline'])
})

test('a payload that somebody else wrote is no baseline', async () => {
  const location = records(github.url, 'foreign')
  for (const payload of [
    null,
    'text',
    '{',
    {},
    { schema: 1 },
    { schema: 1, stack: 's', fingerprint: 1 },
    { schema: 1, fingerprint: { parts: {} } },
  ]) {
    github.all.push({
      id: 9,
      environment: 'foreign',
      task: 'langfuse-rollout:baseline',
      payload,
      statuses: [],
    })
  }
  expect(await location.baseline()).toBeUndefined()
})

test('an environment without records of ours has no way back', async () => {
  expect(await records(github.url, 'empty').latest()).toBeUndefined()
})

test('without permission GitHub says no, and the caller hears it', async () => {
  await expect(records(denied.url).open(RECORD)).rejects.toThrow(
    /refused writing deployment records of acme\/infra.*`permissions: deployments: write`/,
  )
})

test.each([
  [403, { 'retry-after': '30' }, 'slow down', 'rate-limit', /rate limit keeps this token from reading/],
  [
    403,
    {
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '1700000060',
      date: 'Tue, 14 Nov 2023 22:13:20 GMT',
    },
    'API rate limit exceeded for installation ID 1.',
    'rate-limit',
    /`github-token` to a token with its own limit/,
  ],
  [403, {}, 'You have exceeded a secondary rate limit.', 'rate-limit', /rate limit/],
  [429, {}, 'Too Many Requests', 'rate-limit', /HTTP 429/],
  [
    403,
    {},
    'Resource not accessible by integration',
    'denied',
    /Give the job `permissions: deployments: write`/,
  ],
  [404, {}, 'Not Found', 'denied', /Give the job `permissions: deployments: write`/],
  [401, {}, 'Bad credentials', 'denied', /wrong or has expired/],
  [502, {}, 'Bad Gateway', 'outage', /HTTP 502.*githubstatus/],
] as const)('GitHub answers %d %j (%s): %s', async (status, headers, message, kind, sentence) => {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify({ message }))
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const asked = Date.now()
  const error = await records(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    .latest()
    .catch((thrown: unknown) => thrown)
  server.close()
  expect(error).toMatchObject({ name: 'GitHubFailure', kind, message: expect.stringMatching(sentence) })
  if (kind !== 'rate-limit') return
  const pause = (error as GitHubFailure).retryAt ?? 0
  // By GitHub's own clock, however wrong this machine's is; a minute where it names no time.
  expect(Math.round((pause - asked) / 10_000)).toBe('retry-after' in headers ? 3 : 6)
})

test('a GitHub that cannot be reached is an outage', async () => {
  const error = await records('http://127.0.0.1:1')
    .latest()
    .catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ kind: 'outage', message: expect.stringMatching(/no answer/) })
})

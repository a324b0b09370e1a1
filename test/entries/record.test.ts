import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type GitHub, startGitHub } from '../../sandbox/github.ts'
import { gitHubRecords } from '../../src/adapters/github-records.ts'
import { turnOf } from '../../src/entries/hold-lock.ts'
import { awaitGitHub, openRecord, otherRun } from '../../src/entries/record.ts'
import { GitHubFailure } from '../../src/errors/errors.ts'
import { readDeployConfig } from '../../src/inputs/config.ts'
import type { Records } from '../../src/ports/github.ts'
import type { RunLock } from '../../src/schema/run-lock.ts'
import type { Stack } from '../../src/stack/stack.ts'
import { portsFor } from '../support/ports.ts'
import { RECORD } from '../support/record.ts'
import { stackOn2 } from '../support/stack.ts'

let github: GitHub

beforeAll(async () => {
  github = await startGitHub()
  github.runs.set('1', 'in_progress')
  github.runs.set('2', 'in_progress')
})
afterAll(() => github.stop())

/** The records of one workflow run. */
function recordsOf(run: string, environment: string): Records {
  const runUrl = `https://github.com/acme/infra/actions/runs/${run}`
  const at = { repository: 'acme/infra', ref: 'abc', token: 't', apiUrl: github.url }
  return gitHubRecords({ ...at, environment, runUrl })
}

const MINUTES = 60_000
const failing = (...failures: readonly GitHubFailure[]) => {
  const left = [...failures]
  const latest = async () => {
    const next = left.shift()
    if (next !== undefined) throw next
    return undefined
  }
  return { latest } as unknown as Records
}
const failure = (kind: GitHubFailure['kind'], retryAt?: number) =>
  new GitHubFailure(`GitHub: ${kind}.`, { kind, retryAt, cause: undefined })

test('a rate limit is waited out as its headers say, and the run continues', async () => {
  const { ports, clock, runner } = portsFor('1')
  await awaitGitHub(failing(failure('rate-limit', 10 * MINUTES)), ports, 45 * MINUTES)
  expect(clock.now()).toBeGreaterThanOrEqual(10 * MINUTES)
  expect(runner.lines).toEqual(['GitHub: rate-limit. This run waits 600 s and asks again.'])
})

test.each([
  ['a rate limit that ends too late for this run', failure('rate-limit', 30 * MINUTES)],
  ['a missing permission', failure('denied')],
] as const)('%s is refused at once, with the choice that is left', async (_what, refusal) => {
  const { ports, clock } = portsFor('1')
  const asked = awaitGitHub(failing(refusal), ports, 45 * MINUTES)
  await expect(asked).rejects.toThrow(/cannot see whether another run.*`github-token` to an empty text/)
  expect(clock.now()).toBe(0)
})

test('a short outage of GitHub is waited out, a long one is refused', async () => {
  const short = portsFor('1')
  await awaitGitHub(failing(failure('outage'), failure('outage')), short.ports, 45 * MINUTES)
  const long = portsFor('1')
  const many = failing(...Array.from({ length: 50 }, () => failure('outage')))
  await expect(awaitGitHub(many, long.ports, 45 * MINUTES)).rejects.toThrow(/GitHub: outage/)
  expect(long.clock.now()).toBeLessThanOrEqual(5 * MINUTES)
})

test('a run that GitHub does not show is refused, with the permission and a way to free the stack', async () => {
  const id = await recordsOf('1', 'hidden').open(RECORD)
  github.refuses.actions = true
  const busy = await otherRun(recordsOf('2', 'hidden'), portsFor('2').ports)
  github.refuses.actions = false
  expect(busy).toMatch(
    /GitHub does not show this job whether that run has ended.*`permissions: actions: read`/,
  )
  expect(busy).toContain(`deployments/${id}/statuses -f state=inactive`)
})

test('a resumed deploy keeps the record of an earlier run, and other runs see the one that resumed it', async () => {
  github.runs.set('3', 'completed')
  await recordsOf('3', 'resumed').open(RECORD)
  const { ports } = portsFor('1', recordsOf('1', 'resumed'))
  await openRecord(RECORD, readDeployConfig(ports.runner), ports)
  expect(await otherRun(recordsOf('2', 'resumed'), portsFor('2').ports)).toMatch(
    /^Workflow run 1 is deploying/,
  )
  expect(await otherRun(recordsOf('1', 'resumed'), ports)).toBeUndefined()
})

test('of two deploys that open a record at the same time, one continues', async () => {
  const first = recordsOf('1', 'together')
  const second = recordsOf('2', 'together')
  // Both have seen no record when both open one.
  const blind = (records: Records): Records => ({
    ...records,
    latest: async options => (options?.before === undefined ? undefined : records.latest(options)),
  })
  const open = (run: string, records: Records) => {
    const { ports } = portsFor(run, blind(records))
    return openRecord(RECORD, readDeployConfig(ports.runner), ports)
  }
  const ends = await Promise.allSettled([open('1', first), open('2', second)])
  expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  const states = github.all
    .filter(({ environment }) => environment === 'together')
    .map(({ statuses }) => statuses[0]?.state)
  expect(states).toEqual(['in_progress', 'inactive'])
})

const LOCK: RunLock = {
  holder: 'run-9-1-aa',
  run: '9',
  attempt: 1,
  what: 'deploy of Langfuse 3.0.0',
  begun: '2026-11-30T10:00:00Z',
  expires: '2026-11-30T11:00:00Z',
  expired: false,
}
const lockedBy = (lock: RunLock): Stack => {
  const stack = stackOn2()
  if (!stack.postgres.known) throw new Error('no database')
  return { ...stack, postgres: { ...stack.postgres, value: { ...stack.postgres.value, lock } } }
}

test.each([
  ['another run', LOCK, /^Workflow run 9 changes this stack .*DELETE FROM langfuse_rollout\.run_lock/],
  ['a run outside of GitHub', { ...LOCK, run: undefined }, /^Another run changes this stack/],
  ['this very workflow run', { ...LOCK, run: '1' }, /^Workflow run 1 changes/],
] as const)('the lock of %s is a refusal before the first write', async (_what, lock, sentence) => {
  const { ports } = portsFor('1')
  expect((await turnOf(lockedBy(lock), undefined, ports)).busy).toMatch(sentence)
})

test('the lock of a run that GitHub reports as ended is taken over, and the log says so', async () => {
  github.runs.set('9', 'in_progress')
  const { ports, runner } = portsFor('1')
  const records = recordsOf('1', 'locked')
  expect((await turnOf(lockedBy(LOCK), records, ports)).busy).toMatch(/^Workflow run 9/)
  github.runs.set('9', 'completed')
  expect(await turnOf(lockedBy(LOCK), records, ports)).toEqual({ busy: undefined, abandoned: LOCK.holder })
  expect(runner.lines.at(-1)).toMatch(
    /workflow run 9 \(deploy of Langfuse 3\.0\.0\), which has ended\. This run takes/,
  )
})

test('an expired lock is taken over', async () => {
  const turn = await turnOf(lockedBy({ ...LOCK, expired: true }), undefined, portsFor('1').ports)
  expect(turn).toEqual({ busy: undefined, abandoned: LOCK.holder })
})

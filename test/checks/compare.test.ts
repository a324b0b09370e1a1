import { expect, test } from '@jest/globals'
import type { CheckState } from '../../src/checks/check.ts'
import { changedParts, compare } from '../../src/checks/compare.ts'
import {
  type Before,
  CHECKS,
  type CheckId,
  type CheckResult,
  evaluateBefore,
  regressionsIn,
  runChecks,
  unrelatedChecks,
} from '../../src/checks/run.ts'
import type { Step } from '../../src/plan/plan.ts'
import { known, type Observed, type Stack, unknown, type WebHealth } from '../../src/stack/stack.ts'
import { FACTS, healthyProbe, stackOn2 } from '../support/stack.ts'

function resultOf(id: CheckId, state: CheckState): CheckResult {
  const check = CHECKS.find(item => item.id === id)
  if (check === undefined) throw new Error(`no check ${id}`)
  return { ...check, state, sentence: id }
}

const WEB = changedParts([{ kind: 'roll-app-runner', component: 'web' } as Step])

test.each<readonly [string, CheckId, CheckState, CheckState, string]>([
  ['good before, failed now, and changed', 'web-health', 'passed', 'failed', 'worse'],
  ['not run before', 'web-health', 'skipped', 'failed', 'worse'],
  ['failed before', 'web-version', 'failed', 'failed', 'old'],
  ['failed before, but every rollout must bring it about', 'web-health', 'failed', 'failed', 'other'],
  ['unknown before', 'web-version', 'inconclusive', 'failed', 'other'],
  ['failed now, but not changed', 'valkey', 'passed', 'failed', 'other'],
  ['failed before, and not changed', 'valkey', 'failed', 'failed', 'old'],
  ['not observed now', 'web-version', 'passed', 'inconclusive', 'unseen'],
  ['observed neither before nor now', 'web-version', 'inconclusive', 'inconclusive', 'old'],
])('%s', (_, id, was, is, kind) => {
  const comparison = compare({
    before: [resultOf(id, was)],
    after: [resultOf(id, is)],
    changed: WEB,
    repairs: false,
  })
  expect(Object.entries(comparison).flatMap(([name, found]) => (found.length > 0 ? name : []))).toEqual([
    kind,
  ])
})

test('what a rollback changed must be good afterwards, whatever it was before', () => {
  const failed = [resultOf('web-version', 'failed')]
  const { old, other } = compare({ before: failed, after: failed, changed: WEB, repairs: true })
  expect([old, other]).toEqual([[], failed])
})

test('checks that were bad before, or about what is not changed, are no reason to go back after a verify', () => {
  const before: Before = {
    stack: stackOn2(),
    checks: [
      resultOf('web-health', 'passed'),
      resultOf('web-health-check', 'warning'),
      resultOf('valkey', 'passed'),
    ],
  }
  const unrelated = unrelatedChecks(before, WEB)
  expect(unrelated).toEqual(['web-health-check', 'valkey'])
  const after = [
    resultOf('web-health', 'failed'),
    resultOf('web-health-check', 'warning'),
    resultOf('web-steady', 'warning'),
    resultOf('valkey', 'failed'),
  ]
  expect(regressionsIn(after, { failOn: 'failed', unrelated })).toEqual(['web-health'])
  expect(regressionsIn(after, { failOn: 'warning', unrelated })).toEqual(['web-health', 'web-steady'])
})

const LOGIN = unknown<WebHealth>('https://x answers 302 and redirects to login.example.com', 'no-evidence')
const DOWN = unknown<WebHealth>('https://x did not answer: ECONNREFUSED', 'unreachable')
const GATEWAY = known<WebHealth>({ status: 502, version: undefined }, 'https://x')
const INSIDE = known({ status: 200, version: '2.93.7' }, 'http://10.0.11.38:3000/api/public/health')

const seen = (health: Observed<WebHealth>, web: Observed<WebHealth> = DOWN): Stack =>
  stackOn2({ health, probe: healthyProbe({ web }) })
const READABLE = stackOn2()

test.each<readonly [string, Stack, Stack | undefined, CheckState, RegExp]>([
  ['a login, in verify', seen(LOGIN), undefined, 'inconclusive', /302.*: check input `url`/],
  ['no answer, in verify', seen(DOWN), undefined, 'failed', /did not answer/],
  ['a login, and an answer inside', seen(LOGIN, INSIDE), undefined, 'passed', /200 inside the VPC.*302/],
  ['a login as before', seen(LOGIN), seen(LOGIN), 'skipped', /as before this run: .*302/],
  ['no answer as before', seen(DOWN), seen(DOWN), 'skipped', /as before this run: .*did not answer/],
  ['a login where it was readable', seen(LOGIN, INSIDE), READABLE, 'failed', /It answered before this run/],
  [
    'nobody answers inside any more',
    seen(LOGIN),
    seen(LOGIN, INSIDE),
    'failed',
    /It answered before this run/,
  ],
  [
    'a gateway without a web',
    seen(GATEWAY),
    undefined,
    'failed',
    /502, but not with .*no web answers behind it/,
  ],
])('%s: the web is never called ill without its own word', async (_, stack, before, state, sentence) => {
  const checks = CHECKS.filter(({ id }) => id === 'web-health')
  const [result] = await runChecks(checks, { stack, before, expected: undefined, facts: FACTS })
  expect(result).toMatchObject({ state, sentence: expect.stringMatching(sentence) })
  expect(result?.sentence).not.toMatch(/reports that it is unhealthy/)
})

test('the checks before a change use the release that ran', async () => {
  const { checks } = await evaluateBefore(READABLE, '2.93.7' as never, FACTS)
  expect(checks.find(({ id }) => id === 'web-version')?.state).toBe('passed')
})

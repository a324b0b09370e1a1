import { expect, test } from '@jest/globals'
import { decide } from '../../src/entries/drift-issue.ts'
import { conclude } from '../../src/report/conclusion.ts'
import { issueText, markerOf, stateOf } from '../../src/report/drift-report.ts'

const ABOUT = {
  environment: 'langfuse',
  stack: 'a/b/c',
  failOn: 'failed' as const,
  runUrl: 'https://gh/run/1',
}
const STATE = '<!-- state aaaa -->'
const issue = (number: number, open: boolean, body = STATE) => ({ number, open, body })

test.each([
  ['nothing wrong, no issue', [], 'good', { kind: 'leave', issue: undefined }],
  ['drift, no issue', [], 'bad', { kind: 'open' }],
  ['missing evidence, no issue', [], 'unclear', { kind: 'leave' }],
  ['the same as it says', [issue(3, true)], 'bad', { kind: 'leave', issue: 3 }],
  ['something else than it says', [issue(3, true, 'old')], 'bad', { kind: 'edit', issue: 3 }],
  ['all checks pass again', [issue(3, true)], 'good', { kind: 'close', issue: 3 }],
  ['missing evidence leaves it as it is', [issue(3, true, 'old')], 'unclear', { kind: 'leave', issue: 3 }],
  ['a person closed it while it is true', [issue(3, false)], 'bad', { kind: 'leave', issue: undefined }],
  ['a person closed another one', [issue(3, false, 'old')], 'bad', { kind: 'open' }],
  [
    'closed before, opened since',
    [issue(3, false), issue(5, true, 'old')],
    'bad',
    { kind: 'edit', issue: 5 },
  ],
  ['two of them', [issue(3, true), issue(4, true)], 'bad', { kind: 'leave', issue: 3, duplicates: [4] }],
  [
    'two of them, all checks pass',
    [issue(3, true), issue(4, true)],
    'good',
    { kind: 'close', issue: 3, duplicates: [4] },
  ],
] as const)('%s', (_name, found, now, decision) => {
  expect(decide(found, now, STATE)).toMatchObject(decision)
})

const check = (sentence: string, state: 'failed' | 'warning' = 'failed') => ({
  id: 'web-health' as const,
  title: 'Web',
  group: 'public' as const,
  about: [],
  state,
  sentence,
})
const failing = (sentence: string) => conclude('verify', 'failed', 'x', { checks: [check(sentence)] })

test('numbers in sentences and the run are no news; another cause is', () => {
  const state = stateOf(failing('503 after 12.3 s'), ABOUT)
  expect(stateOf(failing('503 after 4 s'), ABOUT)).toBe(state)
  expect(stateOf(failing('no answer after 4 s'), ABOUT)).not.toBe(state)
})

test('each environment and each stack has a marker of its own, and neither can end the comment', () => {
  const markers = [
    markerOf(ABOUT),
    markerOf({ ...ABOUT, environment: 'prod' }),
    markerOf({ ...ABOUT, stack: 'a/b/d' }),
    markerOf({ environment: 'x --> y', stack: '-->' }),
  ]
  expect(new Set(markers).size).toBe(4)
  for (const marker of markers) expect(marker).toMatch(/^<!-- [\w :-]+ [0-9a-f]{16} -->$/)
})

test('the text calls nobody, makes no markup of what was found, and links the run', () => {
  const sentence = 'web@sha256:1 | <b>big</b> https://x and @octocat'
  const differences = [{ component: 'web' as const, member: 'image', was: 'w@sha256:1|`', is: 'w@sha256:2' }]
  const conclusion = conclude('verify', 'failed', 'x', { checks: [check(sentence)], differences })
  const { title, body } = issueText(conclusion, ABOUT)
  expect(title).toBe('Langfuse `langfuse` drifted from the last deploy and fails a check')
  expect(body).toContain('[this run](https://gh/run/1)')
  expect(body).toContain("| web | `image` | `w@sha256:1\\|'` | `w@sha256:2` |")
  expect(body).not.toMatch(/<b>|@octocat/)
})

test('warnings are in it where they make verify fail', () => {
  const conclusion = conclude('verify', 'failed', 'x', { checks: [check('hm', 'warning')] })
  expect(issueText(conclusion, ABOUT).body).not.toContain('hm')
  expect(issueText(conclusion, { ...ABOUT, failOn: 'warning' }).body).toContain('hm')
})

test('however much differs, GitHub takes the text', () => {
  const differences = Array.from({ length: 3_000 }, (_, index) => ({
    component: 'web' as const,
    member: `variable ${'X'.repeat(100)}${index}`,
    was: 'another value',
    is: 'changed',
  }))
  const checks = Array.from({ length: 40 }, () => check('y'.repeat(5_000)))
  const { body } = issueText(conclude('verify', 'failed', 'x', { differences, checks }), ABOUT)
  expect(body.length).toBeLessThan(65_536)
  expect(body).toContain('and 2900 more')
})

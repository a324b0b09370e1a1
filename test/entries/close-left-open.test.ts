import { expect, test } from '@jest/globals'
import { completeChecks, verdictOf } from '../../src/checks/run.ts'
import type { Ports } from '../../src/entries/ports.ts'
import { closeLeftOpen, leftOpen } from '../../src/entries/record.ts'
import type { KeptRecord, Records } from '../../src/ports/github.ts'
import { releaseOf } from '../../src/release/release.ts'
import { known, type Stack, unknown, type WebHealth } from '../../src/stack/stack.ts'
import { RECORD } from '../support/record.ts'
import { FACTS, stackOn2 } from '../support/stack.ts'

test.each([
  ['a run that was cancelled before its checks', 'failure', '3.0.0', ['success']],
  ['a run that was killed', 'in_progress', '3.0.0', ['success']],
  ['a run that closed it', 'success', '3.0.0', []],
  ['a deploy of another release', 'failure', '3.1.0', []],
] as const)('3.0.0 is found complete, and the newest record is of %s', async (_whose, state, to, marked) => {
  const kept: KeptRecord = { id: '7', record: { ...RECORD, to }, state, run: '1' }
  const states: string[] = []
  const records = {
    latest: async () => kept,
    mark: async (_id: string, to: string) => void states.push(to),
  } as unknown as Records
  const ports = { runner: { info: () => undefined } } as unknown as Ports
  const left = await leftOpen('3.0.0', records, ports)
  await (left && closeLeftOpen(left, records, ports))
  expect(states).toEqual(marked)
})

test.each<readonly [string, Stack['health'], string]>([
  ['answers', stackOn2().health, 'passed'],
  ['hangs', unknown('it did not answer', 'unreachable'), 'failed'],
  ['is hidden behind a login', unknown('it answers 302', 'no-evidence'), 'passed'],
  ['is ill', known({ status: 503, version: '2.93.7' }, 'url'), 'failed'],
])('a deploy that is found complete, and whose web %s', async (_what, health, verdict) => {
  const stack = stackOn2()
  const probe = { ...stack.probe, web: unknown<WebHealth>('not asked', 'not-asked') }
  const checks = await completeChecks({ ...stack, health, probe }, releaseOf('2.93.7'), FACTS)
  expect(verdictOf(checks, 'failed')).toBe(verdict)
})

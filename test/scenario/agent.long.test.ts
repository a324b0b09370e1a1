import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, test } from '@jest/globals'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import { type Broken, expectNeverPassed } from './agent-support.ts'

/** Agents that end well and whose lines do not come: each is waited for a minute. */
let folder: string
let stage: Stage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-'))
  stage = await openStage({ folder, seed: false })
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

const BROKEN: readonly Broken[] = [
  ['garbage', { lines: () => ['\u0000\u0007garbage'] }, /its log has \d+ lines, and none is an answer/],
  [
    'a last line that is lost',
    { lines: line => (line.includes('"k":"end"') ? [] : [line]) },
    /the end of its answer is missing after \d+ lines, .* exit code 0/,
  ],
  [
    'a line in the middle that is lost',
    { lines: line => (line.includes('"i":2,') ? [] : [line]) },
    /line 2 of its answer is missing/,
  ],
  [
    'the answer to another run',
    { lines: line => [line.replace(/"n":"\w+"/, '"n":"0123456789abcdef"')] },
    /its log has an answer, but to another run/,
  ],
]

test('an answer that never becomes whole: inconclusive with the reason, never passed', async () => {
  await expectNeverPassed(stage, BROKEN)
}, 240_000)

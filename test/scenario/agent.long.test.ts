import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, test } from '@jest/globals'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import { type Broken, expectDenied, expectNeverPassed } from './agent-support.ts'

/** Agents that give no answer, or may not be started. */
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

afterEach(() => {
  stage.stack.sandbox.world.faults.clear()
  stage.stack.sandbox.world.taskFaults.clear()
})

/** They end well, and their lines do not come: each is waited for a minute. */
const SLOW: readonly Broken[] = [
  ['garbage', { lines: () => ['\u0000\u0007garbage'] }, /its log has \d+ lines but no result/],
  [
    'a last line that is lost',
    { lines: line => (line.includes('"k":"end"') ? [] : [line]) },
    /the end of its result is missing after \d+ lines, .* exit code 0/,
  ],
  [
    'a line in the middle that is lost',
    { lines: line => (line.includes('"i":2,') ? [] : [line]) },
    /line 2 of its result is missing/,
  ],
  [
    'the answer to another run',
    { lines: line => [line.replace(/"n":"\w+"/, '"n":"0123456789abcdef"')] },
    /its log has only the result of another run/,
  ],
]

test('an answer that never becomes whole: inconclusive with the reason, never passed', async () => {
  await expectNeverPassed(stage, SLOW)
}, 240_000)

const BROKEN: readonly Broken[] = [
  [
    'a file system that is not found',
    {
      stoppedReason:
        'ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: Failed to resolve "fs-0123456789abcdef0.efs.ap-northeast-1.amazonaws.com" - check that your file system ID is correct, and ensure that the VPC has an EFS mount target for this file system ID. Attempting to lookup mount target ip address using botocore. Failed to import necessary dependency botocore, please install botocore first. : unsuccessful EFS utils command execution; code: 1',
    },
    /agent that should observe the databases never started .*name of EFS file system fs-0123456789abcdef0 does not resolve/,
  ],
  [
    'an image that cannot be pulled',
    {
      stoppedReason:
        'CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref x: not found',
    },
    /agent that should observe the databases never started .*The image does not exist in its registry/,
  ],
  [
    'an agent killed half-way',
    { killedAfter: 4 },
    /end of its result is missing after 4 lines, .* exit code 137/,
  ],
  [
    '5 MB',
    { lines: () => Array.from({ length: 700 }, () => 'x'.repeat(7_500)) },
    /log exceeds 4 MB, so it is not a result/,
  ],
  [
    'a line that was changed',
    { lines: line => [line.replace(/("k":"packed result".*)\w(?="}$)/, '$1_')] },
    /result does not match its hash|is damaged/,
  ],
]

test('an agent that returns an incomplete result: inconclusive with the reason, never passed', async () => {
  await expectNeverPassed(stage, BROKEN)
})

test.each([
  ['RegisterTaskDefinition', 'ecs:RegisterTaskDefinition'],
  ['GetLogEvents', 'logs:GetLogEvents'],
])('where IAM denies %s', async (operation, permission) => {
  await expectDenied(stage, operation, permission)
})

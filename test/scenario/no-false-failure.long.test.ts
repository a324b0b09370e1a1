import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import type { Faults } from '../../sandbox/aws/faults.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'

/**
 * A whole deploy of the article's stack, backup, migration task and ClickHouse included, on an AWS that is slow to
 * tell and often does not answer: nothing has failed, so nothing may be called failed.
 */
let folder: string
let stage: Stage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'no-false-failure-'))
  stage = await openStage({ folder, seed: false })
})

afterEach(async () => {
  stage.stack.sandbox.world.faults.clear()
  const back = await stage.run('rollback', { to: '2.93.7' })
  expect(back.outputs['outcome']).toBe('rolled-back')
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

const UPGRADE = { version: '3.0.0', 'clickhouse-version': '24.12.3' }

const WRITES = [
  'CreateDBClusterSnapshot',
  'RegisterTaskDefinition',
  'RunTask',
  'DeregisterTaskDefinition',
  'UpdateService',
]

const THOROUGH = process.env['THOROUGH'] === '1'

type Trouble = readonly [what: string, arrange: (faults: Faults) => void]

const TROUBLES: readonly Trouble[] = [
  ['reads of ECS and App Runner are 5 s old', faults => lagging(faults, 5)],
  ['reads are a minute old, longer than the pause between two looks', faults => lagging(faults, 60)],
  [
    'App Runner lists an operation 3 s late',
    faults => faults.lag({ of: 'apprunner.ListOperations', seconds: 3 }),
  ],
  ['two errors 500 on each call', faults => onEachCall(faults, 'server-error', 2)],
  ['three connection resets on each call', faults => onEachCall(faults, 'reset', 3)],
  [
    'the answer to each write is lost, and the SDK sends it again',
    faults => {
      for (const operation of WRITES) faults.add({ operation, kind: 'lost-answer', each: 'distinct' })
    },
  ],
  // Their back-off is real time: on every single call that is two minutes, so by default each different call meets
  // them once. THOROUGH=1: all.
  [
    'six throttles in a row on each call',
    faults =>
      faults.add({ operation: '*', kind: 'throttle', times: 6, each: THOROUGH ? 'call' : 'distinct' }),
  ],
]

function lagging(faults: Faults, seconds: number): void {
  faults.lag({ of: 'ecs', seconds })
  faults.lag({ of: 'apprunner', seconds })
}

/** Before every success, not only before the first. */
function onEachCall(faults: Faults, kind: 'throttle' | 'server-error' | 'reset', times: number): void {
  faults.add({ operation: '*', kind, times, each: 'call' })
}

test.each(TROUBLES)(
  'deployed, although %s',
  async (what, arrange) => {
    const { requests, world } = stage.stack.sandbox
    arrange(world.faults)
    const from = requests.length
    const result = await stage.run('deploy', UPGRADE)
    const calls = requests.slice(from)
    process.stdout.write(
      `${what}: ${result.outputs['outcome']} in ${(result.milliseconds / 1_000).toFixed(0)} s, ${calls.length} calls, ${calls.filter(call => call.fault !== undefined).length} of them met a fault\n`,
    )
    expect(result.commands.filter(({ command }) => command === 'error')).toEqual([])
    expect(result.outputs).toMatchObject({ outcome: 'deployed', 'current-version': '3.0.0' })
    expect(result.exitCode).toBe(0)
  },
  600_000,
)

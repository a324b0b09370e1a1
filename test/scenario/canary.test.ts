import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type CanaryStage, canaryIn, openCanaryStage } from './canary-support.ts'
import { isWrite } from './support.ts'

/** The canary through `dist/` on the last release of v3: it comes back, and nothing of it stays. */
let on3: CanaryStage

beforeAll(async () => {
  on3 = await openCanaryStage('3.225.4')
})
afterAll(() => on3?.stop())

test('a healthy stack: read back, deleted, nothing else written, no key anywhere', async () => {
  const { requests } = on3.stage.stack.sandbox
  const from = requests.length
  const result = await on3.verify()
  expect(result.outputs).toMatchObject({ outcome: 'passed', failed: '0', warned: '0' })
  expect(canaryIn(result)).toMatchObject({ state: 'passed' })
  expect(await on3.rowsLeft()).toBe(0)
  expect(requests.slice(from).filter(isWrite)).toEqual([])
  const { publicKey, secretKey } = on3.key
  const basic = Buffer.from(`${publicKey}:${secretKey}`).toString('base64')
  const shown = [result.stdout, result.rawSummary, JSON.stringify(result.report)].join('\n')
  for (const secret of [publicKey, secretKey, basic]) expect(shown).not.toContain(secret)
})

test('without keys, and without being asked for, nothing is written', async () => {
  const { objects } = [...on3.stage.stack.sandbox.world.s3.buckets.values()][0] ?? {}
  const before = objects?.size
  const without = await on3.stage.run('verify', { checks: 'public' })
  expect(canaryIn(without)).toMatchObject({
    state: 'skipped',
    sentence: 'Inputs `langfuse-public-key` and `langfuse-secret-key` are empty.',
  })
  expect(canaryIn(await on3.verify({ checks: 'control-plane' }))).toBeUndefined()
  expect(objects?.size).toBe(before)
})

test('it goes on beside everything else: neither waits for the other', async () => {
  const { sandbox, valkey } = on3.stage.stack
  const { clock, onRequest } = sandbox.world
  const { trouble } = valkey.state
  const onItsWay = Promise.withResolvers<void>()
  let release: (() => void) | undefined
  valkey.state.trouble = () => {
    if (queued() > 0) {
      // It stays there until AWS has answered.
      release ??= clock.hold()
      onItsWay.resolve()
    }
    return undefined
  }
  const met: string[] = []
  const unwatch = onRequest(async ({ phase, operation }) => {
    if (operation !== 'DescribeDBClusters') return
    if (phase === 'before')
      await Promise.race([onItsWay.promise, setTimeout(30_000, undefined, { ref: false })])
    else release?.()
    met.push(`${phase}, ${queued() > 0 ? 'the canary is on its way' : 'no canary'}`)
  })
  const result = await on3.verify()
  unwatch()
  valkey.state.trouble = trouble
  expect(met).toEqual(['before, the canary is on its way', 'after, the canary is on its way'])
  expect(canaryIn(result)).toMatchObject({ state: 'passed' })
})

/** Jobs on the way of a canary. */
function queued(): number {
  const { lists, sets } = on3.stage.stack.valkey.state
  return [...lists, ...sets]
    .filter(([name]) => name.startsWith('bull:ingestion-queue:'))
    .reduce((sum, [, jobs]) => sum + jobs.length, 0)
}

test('slow is not lost: Langfuse takes six seconds to begin', async () => {
  const { stack } = on3.stage
  const { state } = stack.valkey
  const { trouble } = state
  const now = () => stack.sandbox.world.clock.now().getTime()
  let until = 0
  state.trouble = (command, key) => {
    if (until === 0 && queued() > 0) until = now() + 6_000
    return command === 'LINDEX' && key.includes('ingestion-queue') && now() < until ? 'closed' : undefined
  }
  const result = await on3.verify({ checks: 'canary' })
  state.trouble = trouble
  expect(canaryIn(result)?.sentence).toMatch(/was read back after ([4-9]|[1-4]\d)(\.\d)? s/)
  expect(await on3.rowsLeft()).toBe(0)
})

test('a key that nobody knows fails at the first hop', async () => {
  const result = await on3.verify({ checks: 'canary', 'langfuse-secret-key': 'sk-lf-somebody-else' })
  expect(result.exitCode).toBe(1)
  expect(canaryIn(result)?.sentence).toMatch(/401: Invalid credentials/)
  expect(result.stdout).not.toContain('somebody-else')
})

test('cancelled while it waits: it is deleted all the same, within the ten seconds of a runner', async () => {
  const { state } = on3.stage.stack.valkey
  const { trouble } = state
  const cancel = new AbortController()
  let release: () => void = () => undefined
  state.trouble = command => {
    if (!cancel.signal.aborted && queued() >= 3) {
      // No time passes from here on: a run that paused would be killed.
      release = on3.stage.stack.sandbox.world.clock.hold()
      cancel.abort()
    }
    return command === 'LINDEX' ? 'closed' : undefined
  }
  const result = await on3.verify({ checks: 'canary' }, { signal: cancel.signal })
  release()
  expect(result.exitCode).toBe(1)
  expect(result.outputs['outcome']).toBe('inconclusive')
  expect(canaryIn(result)?.sentence).toMatch(
    /cancelled before the canary could be read back\. Its deletion is requested/,
  )
  const deletions = [...state.lists, ...state.sets].filter(
    ([name, jobs]) => name.includes('trace-delete') && jobs.length > 0,
  )
  expect(deletions).toHaveLength(1)
  state.trouble = trouble
})

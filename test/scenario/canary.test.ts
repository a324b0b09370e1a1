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

test('it goes on beside everything else: verify is no longer than its slowest check and two seconds', async () => {
  const alone = await lasting(() => on3.verify({ checks: 'canary' }))
  const without = await lasting(() => on3.stage.run('verify'))
  const both = await lasting(() => on3.verify())
  expect(both).toBeLessThan(Math.max(alone, without) + 2)
})

/** Seconds of the sandbox's time. */
async function lasting(work: () => Promise<unknown>): Promise<number> {
  const { clock } = on3.stage.stack.sandbox.world
  const from = clock.now().getTime()
  await work()
  return (clock.now().getTime() - from) / 1000
}

test('slow is not lost: Langfuse takes six seconds to begin', async () => {
  const { stack } = on3.stage
  const { state } = stack.valkey
  const { trouble } = state
  const now = () => stack.sandbox.world.clock.now().getTime()
  const until = now() + 6_000
  state.trouble = (command, key) =>
    command === 'LINDEX' && key.includes('ingestion-queue') && now() < until ? 'closed' : undefined
  const result = await on3.verify({ checks: 'canary' })
  state.trouble = trouble
  expect(canaryIn(result)?.sentence).toMatch(/could be read back after ([4-9]|[1-4]\d)(\.\d)? s/)
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
  state.trouble = (command, key) =>
    command === 'LINDEX' && key.includes('ingestion-queue') ? 'closed' : undefined
  const cancel = new AbortController()
  const running = on3.verify({ checks: 'canary' }, { signal: cancel.signal })
  while ((state.sets.get('bull:ingestion-queue:delayed') ?? []).length < 3)
    await new Promise(resolve => setTimeout(resolve, 20))
  const cancelled = performance.now()
  cancel.abort()
  const result = await running
  expect(performance.now() - cancelled).toBeLessThan(7_500)
  expect(result.outputs['outcome']).toBe('inconclusive')
  expect(canaryIn(result)?.sentence).toMatch(
    /cancelled before the canary could be read back\. Its deletion is ordered/,
  )
  const deletions = [...state.lists, ...state.sets].filter(
    ([name, jobs]) => name.includes('trace-delete') && jobs.length > 0,
  )
  expect(deletions).toHaveLength(1)
  state.trouble = trouble
})

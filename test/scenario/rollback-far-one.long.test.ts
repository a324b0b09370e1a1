import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type FarStage, openFarStage } from './far.ts'

/** One pair of `rollback-far.long.test.ts`, where three ClickHouse migrations are undone while the site is watched. */
let far: FarStage

beforeAll(async () => {
  far = await openFarStage({ from: '3.63.1', pushed: ['3.63.0'] })
}, 120_000)

afterAll(() => far?.close())

test('the older web serves as soon as the newer one stops, on a schema that it knows, and nothing is lost', async () => {
  const back = await far.rollBack({ from: '3.63.1', to: '3.63.0' })
  process.stdout.write(`${back.line}\n`)
  expect(back.problems).toEqual([])
  expect(back.rollbackClass).toBe('schema')
  expect(back.probed.calls).toBeGreaterThan(50)
}, 300_000)

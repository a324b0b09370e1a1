import { beforeAll, expect, test } from '@jest/globals'
import { checksOf, type Seen, verifyOn } from './module-mistakes-support.ts'

/** The stack of the article's module without its mistakes: verify has nothing to say. */
let sound: Seen

beforeAll(async () => {
  sound = await verifyOn({ clickhouse: '25.12.3', sound: true })
})

test('the same stack without the mistakes: nothing failed, nothing to warn of', () => {
  const wrong = checksOf(sound).filter(({ state }) => state !== 'passed' && state !== 'skipped')
  expect(wrong).toEqual([])
  expect(sound.result.outputs).toMatchObject({ outcome: 'passed', failed: '0', warned: '0' })
})

test('verify makes no more than 60 calls of AWS', () => {
  expect(sound.calls).toBeLessThanOrEqual(60)
})

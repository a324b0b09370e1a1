import { expect, test } from '@jest/globals'
import { outlooks, type Progress } from '../../src/execute/follow-ecs.ts'

const progress = (over: Partial<Progress>): Progress => ({
  wanted: 1,
  running: 0,
  pending: 1,
  older: 1,
  failures: 0,
  threshold: 3,
  ...over,
})

const paceOf = (over: Partial<Progress>) => outlooks(0)(progress(over), 0).pace

test('nothing can be over before the tasks run, nor before the older ones have ended', () => {
  expect(paceOf({})).toBe('calm')
  expect(paceOf({ running: 1, pending: 0 })).toBe('soon')
  expect(paceOf({ running: 1, pending: 0, older: 0 })).toBe('near')
})

test('the task that reaches the threshold may end it, once it is on its way', () => {
  expect(paceOf({ failures: 1 })).toBe('calm')
  expect(paceOf({ failures: 2, pending: 0 })).toBe('calm')
  expect(paceOf({ failures: 2 })).toBe('near')
  expect(paceOf({ failures: 2, running: 1, pending: 0 })).toBe('near')
})

test('the last task is expected to die at the age of those before it', () => {
  const outlook = outlooks(0)
  const seen = [
    [0, {}],
    [30, { running: 1, pending: 0 }],
    [40, { failures: 1, pending: 0 }],
    [70, { failures: 1, pending: 0 }],
    [75, { failures: 1 }],
    [110, { failures: 2, pending: 0 }],
    [165, { failures: 2, pending: 0 }],
  ] as const
  for (const [second, over] of seen) outlook(progress(over), second * 1_000)
  // The first lived 30 s at least; the third began after 165 s.
  expect(outlook(progress({ failures: 2 }), 175_000)).toEqual({
    pace: 'near',
    notBefore: 165_000 + 0.8 * 30_000,
  })
})

test('a task that was there already when the one before it was seen dead began after the look before', () => {
  const outlook = outlooks(0)
  outlook(progress({ failures: 1 }), 10_000)
  outlook(progress({ failures: 1 }), 40_000)
  expect(outlook(progress({ failures: 2 }), 100_000).notBefore).toBe(40_000 + 0.8 * 30_000)
})

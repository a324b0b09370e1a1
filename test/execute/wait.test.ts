import { expect, test } from '@jest/globals'
import { Interrupted } from '../../src/errors/errors.ts'
import { type Poll, waitFor } from '../../src/execute/wait.ts'
import { jumpingClock } from '../support/execution.ts'

function waiting(poll: (now: number) => Poll<string>, options: { deadline: number; signal?: AbortSignal }) {
  const clock = jumpingClock(0)
  const said: string[] = []
  const signal = options.signal ?? new AbortController().signal
  const result = waitFor(async () => poll(clock.now()), {
    clock,
    deadline: options.deadline,
    signal,
    say: note => said.push(note),
    what: 'the thing',
  })
  return { result, said }
}

const pending: Poll<string> = { state: 'waiting', note: 'pending' }

test('what settles is returned, and only changes are said', async () => {
  const { result, said } = waiting(
    now =>
      now > 10_000
        ? { state: 'settled', value: 'done' }
        : now > 5_000
          ? { state: 'waiting', note: 'nearly' }
          : pending,
    { deadline: 60_000 },
  )
  expect(await result).toBe('done')
  expect(said).toEqual(['pending', 'nearly'])
})

test('there is a look at the deadline itself', async () => {
  const { result } = waiting(now => (now >= 30_000 ? { state: 'settled', value: 'just in time' } : pending), {
    deadline: 30_000,
  })
  expect(await result).toBe('just in time')
})

test('after the deadline it says what it waited for and what it saw last', async () => {
  const { result } = waiting(() => pending, { deadline: 10_000 })
  await expect(result).rejects.toThrow(Interrupted)
  await expect(result).rejects.toThrow(/timeout passed while waiting for the thing; last seen: pending/)
})

test('five looks that fail are missed looks; the sixth in a row is an error', async () => {
  let left = 5
  const flaky = waiting(
    () => {
      if (left-- > 0) throw new Error('Rate exceeded')
      return { state: 'settled', value: 'done' }
    },
    { deadline: 60_000 },
  )
  expect(await flaky.result).toBe('done')
  const broken = waiting(
    () => {
      throw new Error('Rate exceeded')
    },
    { deadline: 600_000 },
  )
  await expect(broken.result).rejects.toThrow(/Rate exceeded/)
})

test('a cancelled run stops waiting and says what is still going on', async () => {
  const controller = new AbortController()
  const { result } = waiting(
    now => {
      if (now > 5_000) controller.abort()
      return pending
    },
    { deadline: 60_000, signal: controller.signal },
  )
  await expect(result).rejects.toThrow(/cancelled while waiting for the thing; last seen: pending/)
})

test('a run that is cancelled before it saw anything names nothing that it saw', async () => {
  const controller = new AbortController()
  const { result } = waiting(
    () => {
      controller.abort()
      throw new Error('cancelled')
    },
    { deadline: 60_000, signal: controller.signal },
  )
  await expect(result).rejects.toThrow(/^The run was cancelled while waiting for the thing\.$/)
})

/** When polls were made, in seconds, until `end`. */
async function pollsOf(end: number, fails: (now: number) => boolean = () => false) {
  const polls: number[] = []
  const { result } = waiting(
    now => {
      polls.push(now / 1_000)
      if (now >= end) return { state: 'settled', value: 'done' }
      if (fails(now)) throw new Error('Rate exceeded')
      return pending
    },
    { deadline: 3_600_000 },
  )
  await result
  return polls
}

function gapsOf(polls: readonly number[]): readonly number[] {
  return polls.slice(1).map((at, index) => Number((at - (polls[index] ?? 0)).toFixed(2)))
}

test('polls are steady, however long it takes, and never closer than two seconds', async () => {
  const gaps = gapsOf(await pollsOf(180_000))
  expect(new Set(gaps)).toEqual(new Set([2.1]))
})

test('throttling alone makes pauses longer, until a poll succeeds again', async () => {
  const polls = await pollsOf(60_000, now => now > 10_000 && now < 30_000)
  expect(new Set(gapsOf(polls))).toEqual(new Set([2.1, 4.2, 8.4, 16.8]))
  expect(gapsOf(polls).at(-1)).toBe(2.1)
})

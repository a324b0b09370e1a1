import { expect, test } from '@jest/globals'
import { Interrupted } from '../../src/errors/errors.ts'
import { type Outlook, type Poll, waitFor } from '../../src/execute/wait.ts'
import { jumpingClock } from '../support/ports.ts'

function waiting(poll: (now: number) => Poll<string>, options: { deadline: number; signal?: AbortSignal }) {
  const clock = jumpingClock()
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

/** When looks were made, in seconds, until `end`. */
async function pollsOf(outlook: Outlook, end: number): Promise<readonly number[]> {
  const polls: number[] = []
  const { result } = waiting(
    now => {
      polls.push(now / 1_000)
      if (now >= end) return { state: 'settled', value: 'done' }
      return { ...pending, ...outlook }
    },
    { deadline: 3_600_000 },
  )
  await result
  return polls
}

test('what cannot be over for some time is looked at rarely', async () => {
  expect(await pollsOf({ pace: 'calm' }, 64_000)).toEqual([0, 1, 4, 13, 28, 43, 58, 73])
})

test('what is nearly over is looked at often, and after a while less', async () => {
  const polls = await pollsOf({ pace: 'near' }, 180_000)
  const gaps = polls.slice(1).map((at, index) => at - (polls[index] ?? 0))
  expect(Math.max(...gaps.slice(0, 18))).toBeCloseTo(2.2)
  expect(gaps[18]).toBeCloseTo(6)
  expect(gaps.at(-1)).toBeCloseTo(12)
})

test('what cannot be over before a certain time is not looked at before, but for a calm look', async () => {
  expect(await pollsOf({ pace: 'near', notBefore: 21_000 }, 22_000)).toEqual([0, 15, 21, 22.69])
})

test('after something else has ended, what is nearly over is looked at often again', async () => {
  const polls: number[] = []
  const { result } = waiting(
    now => {
      polls.push(now / 1_000)
      if (now >= 155_000) return { state: 'settled', value: 'done' }
      const between = now > 40_000 && now < 120_000
      return { ...pending, pace: between ? 'calm' : 'near' }
    },
    { deadline: 3_600_000 },
  )
  await result
  const gaps = polls.slice(1).map((at, index) => at - (polls[index] ?? 0))
  expect(gaps.slice(-10).every(gap => gap < 2.5)).toBe(true)
})

test('a hint between two looks brings the next one at once', async () => {
  const clock = jumpingClock()
  const polls: number[] = []
  await waitFor(
    async () => {
      polls.push(clock.now())
      return polls.length < 5 ? { ...pending, pace: 'calm' } : { state: 'settled', value: 'done' }
    },
    {
      clock,
      deadline: 600_000,
      signal: new AbortController().signal,
      say: () => undefined,
      what: 'the thing',
      hint: async () => clock.now() >= 20_000,
    },
  )
  const [last = 0] = polls.slice(-1)
  expect(last - 20_000).toBeLessThan(1_200)
})

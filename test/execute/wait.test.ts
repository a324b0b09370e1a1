import { expect, test } from '@jest/globals'
import { Interrupted } from '../../src/errors/rollout-error.ts'
import { type Look, waitFor } from '../../src/execute/wait.ts'
import type { Clock } from '../../src/ports/clock.ts'

/** A clock that jumps: sleeping takes no time. */
function jumpingClock(): Clock {
  let now = 0
  return {
    now: () => now,
    random: () => 0.5,
    sleep: async milliseconds => {
      now += milliseconds
    },
  }
}

function waiting(look: (now: number) => Look<string>, options: { deadline: number; signal?: AbortSignal }) {
  const clock = jumpingClock()
  const said: string[] = []
  const signal = options.signal ?? new AbortController().signal
  const result = waitFor(async () => look(clock.now()), {
    clock,
    deadline: options.deadline,
    signal,
    say: note => said.push(note),
    what: 'the thing',
  })
  return { result, said }
}

const pending: Look<string> = { state: 'waiting', note: 'pending' }

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

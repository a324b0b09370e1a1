import { explain, Interrupted } from '../errors/errors.ts'
import type { Clock } from '../ports/runner.ts'

export type Poll<Value> =
  | {
      readonly state: 'waiting'
      readonly note: string
      /** Milliseconds until the next poll, if one makes many calls or what is waited for takes long. */
      readonly every?: number
    }
  | { readonly state: 'settled'; readonly value: Value }

type WaitOptions = {
  readonly clock: Clock
  /** Epoch milliseconds. */
  readonly deadline: number
  readonly signal: AbortSignal
  /** Called with each new note. */
  readonly say: (note: string) => void
  /** What is waited for, for the time-out sentence. */
  readonly what: string
}

/** The end of a rollout is seen within three seconds, at one call to AWS every two seconds. */
const EVERY_MS = 2_000
const JITTER = 0.1
const FAILED_POLLS = 6
const LONGEST_BACKOFF = 8

/**
 * AWS shows a change up to two minutes after it has accepted it. Until then an absent or older state is no evidence.
 */
export const LAG_MS = 120_000

/**
 * Polls steadily until the result is settled. There is always one poll at the deadline itself. One failed poll
 * (throttling, a lost connection) is skipped, and the pause doubles; several in a row are an error.
 */
export async function waitFor<Value>(poll: () => Promise<Poll<Value>>, options: WaitOptions): Promise<Value> {
  const { clock, deadline, signal } = options
  let every = EVERY_MS
  let note = ''
  let failures = 0
  const seenLast = () => (note === '' ? '.' : `; last seen: ${note}.`)
  for (;;) {
    const last = clock.now() >= deadline
    try {
      const seen = await poll()
      failures = 0
      if (seen.state === 'settled') return seen.value
      if (seen.note !== note) options.say(seen.note)
      note = seen.note
      every = seen.every ?? EVERY_MS
    } catch (error) {
      failures += 1
      if (failures >= FAILED_POLLS || last) throw error
      if (!signal.aborted) options.say(`polling failed (${explain(error)}); retrying`)
    }
    if (last) throw new Interrupted(`The timeout passed while waiting for ${options.what}${seenLast()}`)
    const pause = every * (1 + JITTER * clock.random()) * Math.min(2 ** failures, LONGEST_BACKOFF)
    const left = Math.max(1, deadline - clock.now())
    if (!signal.aborted) await clock.sleep(Math.min(pause, left), signal).catch(() => undefined)
    if (signal.aborted)
      throw new Interrupted(`The run was cancelled while waiting for ${options.what}${seenLast()}`)
  }
}

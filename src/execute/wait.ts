import { explain } from '../errors/explain.ts'
import { Interrupted } from '../errors/rollout-error.ts'
import type { Clock } from '../ports/clock.ts'

export type Look<Value> =
  | { readonly state: 'waiting'; readonly note: string }
  | { readonly state: 'settled'; readonly value: Value }

export type WaitOptions = {
  readonly clock: Clock
  /** Epoch milliseconds. */
  readonly deadline: number
  readonly signal: AbortSignal
  /** Called with each note that differs from the one before. */
  readonly say: (note: string) => void
  /** What is waited for, for the sentence when it does not come. */
  readonly what: string
}

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 5_000
const FAILED_LOOKS = 6

/**
 * Looks again and again until the thing has settled. There is always one look at the deadline itself, so what
 * ends before it is never called late. A look that fails (throttling, a lost connection) is one look missed;
 * only several in a row are an error.
 */
export async function waitFor<Value>(look: () => Promise<Look<Value>>, options: WaitOptions): Promise<Value> {
  const { clock, deadline, signal } = options
  let pause = FIRST_PAUSE_MS
  let note = ''
  let failures = 0
  for (;;) {
    const last = clock.now() >= deadline
    try {
      const seen = await look()
      failures = 0
      if (seen.state === 'settled') return seen.value
      if (seen.note !== note) options.say(seen.note)
      note = seen.note
    } catch (error) {
      failures += 1
      if (failures >= FAILED_LOOKS || last) throw error
      options.say(`could not look (${explain(error)}), looking again`)
    }
    if (last)
      throw new Interrupted(`The timeout passed while waiting for ${options.what}; last seen: ${note}.`)
    await rest(Math.min(pause * (0.8 + 0.4 * clock.random()), Math.max(1, deadline - clock.now())))
    pause = Math.min(pause * 1.3, LONGEST_PAUSE_MS)
  }

  async function rest(milliseconds: number): Promise<void> {
    if (!signal.aborted) await clock.sleep(milliseconds, signal).catch(() => undefined)
    if (signal.aborted) {
      throw new Interrupted(`The run was cancelled while waiting for ${options.what}; last seen: ${note}.`)
    }
  }
}

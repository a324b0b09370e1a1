import { explain } from '../errors/explain.ts'
import { Interrupted } from '../errors/rollout-error.ts'
import type { Clock } from '../ports/clock.ts'

export type Look<Value> =
  | { readonly state: 'waiting'; readonly note: string; readonly pace?: Pace }
  | { readonly state: 'settled'; readonly value: Value }

/**
 * How soon it may be over. `calm`: not for some time, so looks are rare; `near`: any moment, so they are so dense
 * that the end is seen within three seconds, but not for ever: what is not over after a while is looked at less.
 */
export type Pace = 'calm' | 'near' | 'usual'

export type WaitOptions = {
  readonly clock: Clock
  /** Epoch milliseconds. */
  readonly deadline: number
  readonly signal: AbortSignal
  /** Called with each note that differs from the one before. */
  readonly say: (note: string) => void
  /** What is waited for, for the sentence when it does not come. */
  readonly what: string
  /** Asked between two looks, where that costs AWS nothing: true when it is time for the next one. */
  readonly hint?: () => Promise<boolean>
}

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = { calm: 15_000, usual: 5_000, near: 2_400, late: 6_000 } as const
const GROWTH = { calm: 2, usual: 1.3, near: 1.3, late: 1.3 } as const
/** After so many dense looks it is `late`: a rollout of three minutes is to cost at most 40 calls. */
const NEAR_LOOKS = 18
const HINT_PAUSE_MS = 1_200
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
  let near = 0
  for (;;) {
    let pace: Pace | 'late' = 'usual'
    const last = clock.now() >= deadline
    try {
      const seen = await look()
      failures = 0
      if (seen.state === 'settled') return seen.value
      if (seen.note !== note) options.say(seen.note)
      note = seen.note
      pace = paceOf(seen.pace)
    } catch (error) {
      failures += 1
      if (failures >= FAILED_LOOKS || last) throw error
      options.say(`could not look (${explain(error)}), looking again`)
    }
    if (last)
      throw new Interrupted(`The timeout passed while waiting for ${options.what}; last seen: ${note}.`)
    pause = Math.min(pause, LONGEST_PAUSE_MS[pace])
    await rest(Math.min(pause * (0.8 + 0.4 * clock.random()), Math.max(1, deadline - clock.now())))
    pause *= GROWTH[pace]
  }

  function paceOf(wanted: Pace = 'usual'): Pace | 'late' {
    if (wanted !== 'near') return wanted
    near += 1
    return near <= NEAR_LOOKS ? 'near' : 'late'
  }

  async function rest(milliseconds: number): Promise<void> {
    const until = clock.now() + milliseconds
    do {
      const left = Math.max(1, until - clock.now())
      const part = options.hint === undefined ? left : Math.min(left, HINT_PAUSE_MS)
      if (!signal.aborted) await clock.sleep(part, signal).catch(() => undefined)
    } while (!signal.aborted && clock.now() < until && !(await options.hint?.()))
    if (signal.aborted) {
      throw new Interrupted(`The run was cancelled while waiting for ${options.what}; last seen: ${note}.`)
    }
  }
}

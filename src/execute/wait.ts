import { explain, Interrupted } from '../errors/errors.ts'
import type { Clock } from '../ports/runner.ts'

export type Poll<Value> =
  | ({ readonly state: 'waiting'; readonly note: string } & Outlook)
  | { readonly state: 'settled'; readonly value: Value }

/**
 * How soon the wait may end. `calm`: not for some time, so polls are rare; `soon`: something else comes first; `near`:
 * any moment, so polls are dense enough to see the end within three seconds, and rarer again after a while.
 * `notBefore`: epoch milliseconds.
 */
export type Outlook = { readonly pace?: Pace; readonly notBefore?: number }

type Pace = 'calm' | 'soon' | 'near' | 'usual'

type WaitOptions = {
  readonly clock: Clock
  /** Epoch milliseconds. */
  readonly deadline: number
  readonly signal: AbortSignal
  /** Called with each new note. */
  readonly say: (note: string) => void
  /** What is waited for, for the time-out sentence. */
  readonly what: string
  /** Called between two polls, without a call to AWS: true ends the pause. */
  readonly hint?: () => Promise<boolean>
}

const HINT_PAUSE_MS = 1_200
const FAILED_POLLS = 6

/**
 * Polls until the result is settled. There is always one poll at the deadline itself. One failed poll (throttling, a
 * lost connection) is skipped; several in a row are an error.
 */
export async function waitFor<Value>(poll: () => Promise<Poll<Value>>, options: WaitOptions): Promise<Value> {
  const { clock, deadline, signal } = options
  const pauseAfter = pauses(clock)
  let note = ''
  let failures = 0
  for (;;) {
    let outlook: Outlook = {}
    const last = clock.now() >= deadline
    try {
      const seen = await poll()
      failures = 0
      if (seen.state === 'settled') return seen.value
      if (seen.note !== note) options.say(seen.note)
      note = seen.note
      outlook = seen
    } catch (error) {
      failures += 1
      if (failures >= FAILED_POLLS || last) throw error
      options.say(`polling failed (${explain(error)}); retrying`)
    }
    if (last)
      throw new Interrupted(`The timeout passed while waiting for ${options.what}; last seen: ${note}.`)
    await rest(Math.min(pauseAfter(outlook), Math.max(1, deadline - clock.now())))
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

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = { calm: 15_000, soon: 8_000, usual: 5_000, near: 2_200 } as const
const GROWTH = { calm: 3, soon: 1.3, usual: 1.3, near: 1.3 } as const
/** After so many dense polls, pauses grow from six to twelve seconds: a rollout of three minutes costs at most 40 calls. */
const NEAR_POLLS = 18
const LATE = { first: 6_000, growth: 1.15, longest: 12_000 } as const

/** The pause after a poll, with 20 % jitter. */
function pauses(clock: Clock): (outlook: Outlook) => number {
  let grown = FIRST_PAUSE_MS
  let near = 0
  return ({ pace = 'usual', notBefore = 0 }) => {
    const pause = Math.min(grown, LONGEST_PAUSE_MS[pace])
    grown *= GROWTH[pace]
    near = pace === 'near' ? near + 1 : pace === 'calm' ? 0 : near
    const late = near > NEAR_POLLS ? LATE.first * LATE.growth ** (near - NEAR_POLLS - 1) : 0
    const jittered = Math.max(pause, Math.min(late, LATE.longest)) * (0.8 + 0.4 * clock.random())
    return Math.max(jittered, Math.min(notBefore - clock.now(), LONGEST_PAUSE_MS.calm))
  }
}

import type { Failure, Verdict } from './evaluate.ts'
import type { Execution } from './execution.ts'
import { LAG_MS, waitFor } from './wait.ts'

type Following = Pick<Execution, 'clock' | 'deadline' | 'signal' | 'say'> & { readonly what: string }

/**
 * Polls a rollout until it ends. A stale state is waited out; if AWS still shows it after its longest read lag, `see`
 * is told so (`late`), and a state that remains stale is a failure.
 */
export function follow(
  see: (late: boolean) => Promise<Verdict>,
  following: Following,
): Promise<Failure | { readonly verdict: 'succeeded' }> {
  const { clock } = following
  let shownAt = clock.now()
  return waitFor(async () => {
    const late = clock.now() - shownAt >= LAG_MS
    const seen = await see(late)
    if (seen.verdict !== 'rolling') return { state: 'settled', value: seen }
    if (seen.stale === undefined) shownAt = clock.now()
    else if (late)
      return { state: 'settled', value: { verdict: 'failed', ending: 'superseded', sentence: seen.note } }
    return { state: 'waiting', note: seen.note }
  }, following)
}

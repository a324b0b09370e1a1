/**
 * A token bucket for each service, as AWS has for each of its APIs; off until a test sets it. In real time, because the
 * SDK pauses in real time before it tries again.
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
 */
export function makeRateLimit(): RateLimit {
  const buckets = new Map<string, { left: number; at: number }>()
  let rate: Rate | undefined
  return {
    set: wanted => {
      rate = wanted
      buckets.clear()
    },
    exceeds: service => {
      if (rate === undefined) return false
      const now = performance.now() / 1_000
      const { left, at } = buckets.get(service) ?? { left: rate.burst, at: now }
      const filled = Math.min(rate.burst, left + (now - at) * rate.perSecond)
      buckets.set(service, { left: filled < 1 ? filled : filled - 1, at: now })
      return filled < 1
    },
  }
}

/** Calls at once, and calls a second after those. */
type Rate = { readonly burst: number; readonly perSecond: number }

export type RateLimit = {
  /** undefined ends it. */
  set(rate: Rate | undefined): void
  /** Counts a call. */
  exceeds(service: string): boolean
}

import type { ECSClientConfig } from '@aws-sdk/client-ecs'

/**
 * How every client tries again. The SDK's own three attempts end a deploy at the third throttle, although nothing
 * is wrong; and its pauses for throttles (1 s, doubled) are for programs that call all the time, which this one
 * does not. Whatever a call does not survive is one missed look more for who waits (`execute/wait.ts`).
 */
export const clientRetries = {
  maxAttempts: 10,
  retryStrategy: backoffStrategy(10),
  // The SDK itself waits for ever for an answer. AWS answers in a second, at worst in a few.
  requestHandler: { connectionTimeout: 5_000, requestTimeout: 15_000, throwOnRequestTimeout: true },
} as const

type Strategy = Extract<NonNullable<ECSClientConfig['retryStrategy']>, { acquireInitialRetryToken: unknown }>

/** About 15 s in all when every attempt fails. */
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 5_000
/** Each of them takes the whole time that there is for an answer. */
const ATTEMPTS_AT_SILENCE = 2

/** https://smithy.io/2.0/guides/client-guidance/retries.html, without its bucket: a deploy makes some dozens of calls. */
function backoffStrategy(attempts: number): Strategy {
  return {
    acquireInitialRetryToken: async () => token(0, 0),
    async refreshRetryTokenForRetry(before, { error, errorType, retryAfterHint }) {
      const count = before.getRetryCount() + 1
      const most = error?.name === 'TimeoutError' ? ATTEMPTS_AT_SILENCE : attempts
      // Whoever calls gets the error of the last attempt, not this one.
      if (errorType === 'CLIENT_ERROR' || count >= most) throw new Error('not to be tried again')
      const asked = retryAfterHint === undefined ? 0 : retryAfterHint.getTime() - Date.now()
      return token(count, Math.min(Math.max(asked, pauseBefore(count)), 2 * LONGEST_PAUSE_MS))
    },
    recordSuccess: () => undefined,
  }
}

function token(count: number, delay: number) {
  return { getRetryCount: () => count, getRetryDelay: () => delay }
}

/** Half of it is chance, so that clients that were throttled together do not come back together. */
function pauseBefore(attempt: number): number {
  const longest = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS)
  return longest * (0.5 + 0.5 * Math.random())
}

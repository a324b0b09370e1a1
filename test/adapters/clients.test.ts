import { expect, test } from '@jest/globals'
import { clientRetries } from '../../src/adapters/clients.ts'

const { retryStrategy, maxAttempts } = clientRetries

type SdkError = NonNullable<Parameters<typeof retryStrategy.refreshRetryTokenForRetry>[1]['error']>

/** The pauses before each further attempt, until it gives up. */
async function pausesOf(
  errorType: 'THROTTLING' | 'TRANSIENT' | 'CLIENT_ERROR',
  retryAfterHint?: Date,
  cause?: SdkError,
) {
  const pauses: number[] = []
  let token = await retryStrategy.acquireInitialRetryToken('')
  try {
    for (;;) {
      const error = { errorType, ...(retryAfterHint && { retryAfterHint }), ...(cause && { error: cause }) }
      token = await retryStrategy.refreshRetryTokenForRetry(token, error)
      pauses.push(token.getRetryDelay())
    }
  } catch {
    return pauses
  }
}

test.each(['THROTTLING', 'TRANSIENT'] as const)(
  '%s: nine attempts more, later and later, within 20 s',
  async type => {
    const pauses = await pausesOf(type)
    expect(pauses).toHaveLength(maxAttempts - 1)
    expect(pauses[0]).toBeLessThanOrEqual(50)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(5_000)
    expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBeLessThan(20_000)
  },
)

test('what AWS refuses is not asked again', async () => {
  expect(await pausesOf('CLIENT_ERROR')).toEqual([])
})

test('a service that says when to come back is not asked before', async () => {
  const [first] = await pausesOf('THROTTLING', new Date(Date.now() + 4_000))
  expect(first).toBeGreaterThan(3_500)
})

// Both are a `TimeoutError` for the SDK.
const timeout = (code: string) => ({ name: 'TimeoutError', message: code, code }) as SdkError

test('a name without an address is looked up once more, not for seconds', async () => {
  const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND apprunner.x'), { code: 'ENOTFOUND' })
  expect(await pausesOf('TRANSIENT', undefined, unknown as SdkError)).toHaveLength(1)
})

test('an endpoint that says nothing is asked once more, a connection that was cut as often as a throttle', async () => {
  expect(await pausesOf('TRANSIENT', undefined, timeout('ETIMEDOUT'))).toHaveLength(1)
  expect(await pausesOf('TRANSIENT', undefined, timeout('ECONNRESET'))).toHaveLength(maxAttempts - 1)
})

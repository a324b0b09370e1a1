import { GitHubFailure } from '../errors/errors.ts'

type Asked = {
  /** The call after "from": `reading workflow run 7`. */
  readonly what: string
  /** What the job needs, in a sentence: `permissions: …`. */
  readonly permission: string
}

/**
 * Turns an error of Octokit into a failure with its own remedy: a rate limit, a missing permission or an outage. Other
 * errors stay. https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
export async function explainedByGitHub<Value>(asked: Asked, call: () => Promise<Value>): Promise<Value> {
  try {
    return await call()
  } catch (error) {
    throw failureOf(error, asked) ?? error
  }
}

function failureOf(error: unknown, { what, permission }: Asked): GitHubFailure | undefined {
  if (!(error instanceof Error) || !('status' in error)) return undefined
  const { status, message } = error
  // Octokit gives a request without an answer the status 500.
  const headers = headersOf(error)
  const http = headers === undefined ? 'no answer' : `HTTP ${status}`
  const limited = headers?.['retry-after'] !== undefined || headers?.['x-ratelimit-remaining'] === '0'
  if (status === 429 || (status === 403 && (limited || /rate limit/i.test(message)))) {
    const retryAt = retryTime(headers ?? {})
    const until = `${new Date(retryAt).toISOString().slice(11, 16)} UTC`
    return new GitHubFailure(
      `GitHub's rate limit keeps this token from ${what} until ${until} (${http}). Run again after that, or set \`github-token\` to a token with its own limit.`,
      { kind: 'rate-limit', retryAt, cause: error },
    )
  }
  if (status === 401) {
    return new GitHubFailure(
      `GitHub does not accept the token for ${what} (${http}): it is wrong or has expired. Set \`github-token\` to a valid token.`,
      { kind: 'denied', cause: error },
    )
  }
  if (status === 403 || status === 404) {
    return new GitHubFailure(
      `GitHub refused ${what} to this job's token (${http}). Give the job ${permission}.`,
      { kind: 'denied', cause: error },
    )
  }
  if (typeof status !== 'number' || status < 500) return undefined
  return new GitHubFailure(
    `GitHub failed at ${what} (${http}). Check https://www.githubstatus.com and this runner's way to GitHub, then run again.`,
    {
      kind: 'outage',
      retryAt: headers?.['retry-after'] === undefined ? undefined : retryTime(headers),
      cause: error,
    },
  )
}

type Headers = Readonly<Record<string, unknown>>

function headersOf(error: Error): Headers | undefined {
  const response: unknown = 'response' in error ? error.response : undefined
  const headers: unknown =
    typeof response === 'object' && response !== null && 'headers' in response ? response.headers : undefined
  return typeof headers === 'object' && headers !== null ? { ...headers } : undefined
}

/** "Wait for at least one minute" where GitHub names no time. */
const UNNAMED_MS = 60_000

/** GitHub's clock counts, because this runner's may be wrong. */
function retryTime(headers: Headers): number {
  const now = Date.now()
  const seconds = Number(headers['retry-after'] ?? Number.NaN)
  if (Number.isFinite(seconds)) return now + seconds * 1_000
  const reset = Number(headers['x-ratelimit-reset'] ?? Number.NaN) * 1_000
  if (headers['x-ratelimit-remaining'] !== '0' || !Number.isFinite(reset)) return now + UNNAMED_MS
  const theirs = Date.parse(String(headers['date'] ?? ''))
  return now + Math.max(0, reset - (Number.isFinite(theirs) ? theirs : now))
}

import type { ECSClientConfig } from '@aws-sdk/client-ecs'
import { Denied } from '../errors/errors.ts'

/** Makes `create` run at most once, when its result is first asked for. */
export function once<Value>(create: () => Promise<Value>): () => Promise<Value> {
  let value: Promise<Value> | undefined
  return () => {
    value ??= create()
    return value
  }
}

/** All pages of a listing: `page` gets the token of the page before and returns items with the next token. */
export async function allPages<Item>(
  page: (
    token: string | undefined,
  ) => Promise<{ readonly items: readonly Item[]; readonly next: string | undefined }>,
): Promise<readonly Item[]> {
  const items: Item[] = []
  let token: string | undefined
  do {
    const answer = await page(token)
    items.push(...answer.items)
    token = answer.next
  } while (token !== undefined && token !== '')
  return items
}

/** Whether an error is AWS's error of one of these names (`ServiceNotFoundException`). */
export function isAwsError(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.includes(error.name)
}

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

/** Makes IAM's refusal of a call name the permission to grant. RDS calls it `AccessDenied`, EC2 otherwise too. */
export async function allowed<Value>(permission: string, call: () => Promise<Value>): Promise<Value> {
  try {
    return await call()
  } catch (error) {
    if (isAwsError(error, 'AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation'))
      throw new Denied(permission, error)
    throw error
  }
}

/**
 * What AWS describes, whole. The SDK keeps only the members that its version of the service's model knows: a task
 * definition copied through it would lose whatever ECS has learnt since. These two steps stand next to the wire,
 * where the JSON is still what it was (https://github.com/aws/aws-sdk-js-v3#middleware-stack).
 */
type Handler = (args: { request: { body?: unknown } }) => Promise<{ response: { body?: unknown } }>
type Step = { readonly step: 'serialize' | 'deserialize'; readonly priority: 'low'; readonly name: string }
type Stack = { add(middleware: (next: Handler) => Handler, options: Step): void }
type Command = { readonly middlewareStack: unknown }

/** Makes a command keep its answer's JSON; the function gives it once the command was sent. */
export function keepAnswer(command: Command): () => Readonly<Record<string, unknown>> {
  let kept: Readonly<Record<string, unknown>> = {}
  stackOf(command).add(
    next => async args => {
      const result = await next(args)
      const body = await bytesOf(result.response.body)
      result.response.body = body
      kept = objectOf(body)
      return result
    },
    { step: 'deserialize', priority: 'low', name: 'keepAnswer' },
  )
  return () => kept
}

/** Sends `document` as the command's JSON, instead of what the SDK made of the command's input. */
export function sendWhole(command: Command, document: Readonly<Record<string, unknown>>): void {
  stackOf(command).add(
    next => args => {
      args.request.body = JSON.stringify(document)
      return next(args)
    },
    { step: 'serialize', priority: 'low', name: 'sendWhole' },
  )
}

function stackOf(command: Command): Stack {
  return command.middlewareStack as Stack
}

async function bytesOf(body: unknown): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** An error's body may be anything: it is the SDK's to read. */
function objectOf(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

import type { ECSClientConfig } from '@aws-sdk/client-ecs'
import { Denied } from '../errors/errors.ts'
import { explaining } from './aws-errors.ts'
import { type Cancel, until } from './cancel.ts'

/** Runs `create` at most once, on first use. */
export function once<Value>(create: () => Promise<Value>): () => Promise<Value> {
  let value: Promise<Value> | undefined
  return () => {
    value ??= create()
    return value
  }
}

/** Asks once for each key, and again if that failed. */
export function eachOnce<Value>(ask: (key: string) => Promise<Value>): (key: string) => Promise<Value> {
  const answers = new Map<string, Promise<Value>>()
  return key => {
    const answer = answers.get(key) ?? ask(key)
    answers.set(key, answer)
    answer.catch(() => answers.delete(key))
    return answer
  }
}

/** All pages of a list: `page` takes a token and returns items with the next token. `permission`: as for `allowed`. */
export async function allPages<Item>(
  page: (
    token: string | undefined,
  ) => Promise<{ readonly items: readonly Item[]; readonly next: string | undefined }>,
  permission?: string,
): Promise<readonly Item[]> {
  const items: Item[] = []
  let token: string | undefined
  do {
    const answer = await (permission === undefined ? page(token) : allowed(permission, () => page(token)))
    items.push(...answer.items)
    token = answer.next
  } while (token !== undefined && token !== '')
  return items
}

/** Undefined if `call` fails with one of AWS's errors `names`. */
export async function unlessError<Value>(
  names: readonly string[],
  call: () => Promise<Value>,
): Promise<Value | undefined> {
  try {
    return await call()
  } catch (error) {
    if (isAwsError(error, ...names)) return undefined
    throw error
  }
}

/** Whether an error is AWS's error of one of these names (`ServiceNotFoundException`). */
export function isAwsError(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.includes(error.name)
}

/**
 * How every client retries. The SDK's default of three attempts would fail a deploy at the third throttle, and its
 * pauses (1 s, doubled) suit programs with many more calls. `execute/wait.ts` skips a call that still fails.
 */
export const clientRetries = {
  maxAttempts: 10,
  retryStrategy: backoffStrategy(10),
  // The SDK has no time-out by default. AWS answers within a few seconds.
  requestHandler: { connectionTimeout: 5_000, requestTimeout: 15_000, throwOnRequestTimeout: true },
} as const

/** Calls that change nothing. */
const READS = /^(Describe|List|Get|Batch|Lookup|Filter)/

/** A client whose calls end with the run, and whose failures are explained: https://github.com/aws/aws-sdk-js-v3#abort-controller */
export function cancelable<Client extends SendingClient>(client: Client, cancel: Cancel | undefined): Client {
  explaining(client)
  if (cancel === undefined) return client
  const send = client.send.bind(client)
  client.send = command => {
    const abortSignal = cancel(READS.test(nameOf(command)) ? 'read' : 'write')
    return until(abortSignal, send(command, { abortSignal }))
  }
  return client
}

/** The third member of its schema, because the bundle shortens the names of classes. */
function nameOf(command: object): string {
  return 'schema' in command && Array.isArray(command.schema) ? String(command.schema[2]) : ''
}

type SendingClient = {
  readonly middlewareStack: unknown
  send(command: object, options?: { readonly abortSignal: AbortSignal }): Promise<object>
}

type Strategy = Extract<NonNullable<ECSClientConfig['retryStrategy']>, { acquireInitialRetryToken: unknown }>

/** About 15 s in all when every attempt fails. */
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 5_000
/** Each of them takes the whole request time-out, or shows what will not change. */
const ATTEMPTS_AT_SILENCE = 2

/** https://smithy.io/2.0/guides/client-guidance/retries.html, without its token bucket: a deploy makes few calls. */
function backoffStrategy(attempts: number): Strategy {
  return {
    acquireInitialRetryToken: async () => token(0, 0),
    async refreshRetryTokenForRetry(before, { error, errorType, retryAfterHint }) {
      const count = before.getRetryCount() + 1
      const most = wasSilent(error) || hasNoAddress(error) ? ATTEMPTS_AT_SILENCE : attempts
      // The caller gets the error of the last attempt, not this one.
      if ((errorType === 'CLIENT_ERROR' && !isNotShownYet(error)) || count >= most)
        throw new Error('no retry left')
      const asked = retryAfterHint === undefined ? 0 : retryAfterHint.getTime() - Date.now()
      return token(count, Math.min(Math.max(asked, pauseBefore(count)), 2 * LONGEST_PAUSE_MS))
    },
    recordSuccess: () => undefined,
  }
}

/** The SDK names a closed connection a time-out too, but it costs no time (@smithy/node-http-handler). */
function wasSilent(error: object | undefined): boolean {
  if (error === undefined || !('name' in error) || error.name !== 'TimeoutError') return false
  return !('code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE'))
}

/** DNS knows no such name, here or as the cause; a resolver that is down says EAI_AGAIN. */
export function hasNoAddress(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && error.code === 'ENOTFOUND') || hasNoAddress(error.cause)
}

/** ECS may not know a task definition for a moment after it was registered. */
function isNotShownYet(error: object | undefined): boolean {
  return (
    error instanceof Error &&
    /task ?definition (is )?not found|unable to describe task definition/i.test(error.message)
  )
}

function token(count: number, delay: number) {
  return { getRetryCount: () => count, getRetryDelay: () => delay }
}

/** Half of it is jitter, so that clients that were throttled together do not retry together. */
function pauseBefore(attempt: number): number {
  const longest = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS)
  return longest * (0.5 + 0.5 * Math.random())
}

/** Turns an IAM refusal into an error that names the permission to grant. Error names differ between services. */
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
 * Middleware for unchanged JSON (https://github.com/aws/aws-sdk-js-v3#middleware-stack). The SDK drops members that its
 * version does not know, so a task definition copied through it would lose newer settings.
 */
type Handler = (args: { request: { body?: unknown } }) => Promise<{ response: { body?: unknown } }>
type Step = { readonly step: 'serialize' | 'deserialize'; readonly priority: 'low'; readonly name: string }
type Stack = { add(middleware: (next: Handler) => Handler, options: Step): void }
type Command = { readonly middlewareStack: unknown }

/** Keeps the JSON of a command's answer; call the result after the command was sent. */
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

/** Sends `document` as the command's JSON instead of the SDK's serialisation. */
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

/** An error may have any body: the SDK reads it. */
function objectOf(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

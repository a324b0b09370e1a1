import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { AwsError } from './errors.ts'
import { type FaultKind, type Faults, faultError } from './faults.ts'
import type { Hooks } from './hooks.ts'
import type { Ids } from './ids.ts'
import type { JsonObject } from './json.ts'
import type { Lags } from './lag.ts'
import { type Answer, type Call, encodeError, encodeResult, parseRequest } from './protocols.ts'
import type { S3 } from './s3.ts'

/** One port for every AWS service, and `/_sandbox/…` for the VPC's control questions (never recorded). */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const requests: RecordedRequest[] = []
  const server = createServer((request, response) => {
    // A caller that is killed in the middle of its request ends only that request.
    serve(options, requests, request, response).catch(() => response.destroy())
  })
  // The SDK keeps connections open; a fast stop must not wait for them.
  server.keepAliveTimeout = 60_000
  await listen(server, options.port)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The sandbox got no port to listen on')
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    requests,
    stop: () => close(server),
  }
}

export type Operation = (input: JsonObject) => JsonObject | Promise<JsonObject>
export type Operations = Readonly<Record<string, Operation>>

export type ServerOptions = {
  readonly port: number
  readonly ids: Ids
  readonly now: () => Date
  readonly faults: Faults
  readonly lags: Lags
  readonly hooks: Hooks
  readonly services: Readonly<Record<string, Operations>>
  readonly s3: S3
  readonly control: (path: string, query: URLSearchParams, closed: AbortSignal) => unknown
}

export type RunningServer = {
  readonly endpoint: string
  readonly requests: readonly RecordedRequest[]
  stop(): Promise<void>
}

/** `at` is virtual time; `error` is the name of the error that was answered, `reset` when there was no answer. */
export type RecordedRequest = {
  /** 1 for the first call that the sandbox received. */
  readonly number: number
  readonly at: Date
  readonly service: string
  readonly operation: string
  /** Its access key. */
  readonly caller: string
  readonly input: JsonObject
  readonly status: number
  readonly error?: string
  /** Which attempt at this call it was, since the last one that met no fault. */
  readonly attempt: number
  /** The arranged fault that it met. */
  readonly fault?: string
}

/** Carries an operation out, also for those who are inside the sandbox. */
export async function dispatch(services: ServerOptions['services'], call: CallName, input: JsonObject) {
  const operations = services[call.service]
  const operation =
    operations && Object.hasOwn(operations, call.operation) ? operations[call.operation] : undefined
  if (!operation) {
    const known = operations ? Object.keys(operations).join(', ') : Object.keys(services).join(', ')
    throw new AwsError(
      'UnknownOperationException',
      `The sandbox does not know ${call.service} ${call.operation}. It knows: ${known}.`,
      404,
    )
  }
  return operation(input)
}

type CallName = { readonly service: string; readonly operation: string }

async function serve(
  options: ServerOptions,
  requests: RecordedRequest[],
  request: IncomingMessage,
  response: ServerResponse,
) {
  const body = await read(request)
  if (request.url?.startsWith('/_sandbox/')) return answerControl(options, request.url, response)
  // Langfuse's own traffic: nothing that the actions call, so not recorded among their calls.
  const object = options.s3.answer(request, body)
  if (object !== undefined) return void response.writeHead(object.status).end(object.body)
  const requestId = options.ids.uuid()
  const at = options.now()
  const number = numberOf(options)
  const handled = await handle(options, { request, body, requestId, number })
  const { call, answer } = handled
  requests.push({
    number,
    at,
    service: call.service,
    operation: call.operation,
    caller: callerOf(request),
    input: call.input,
    status: typeof answer === 'string' ? 0 : answer.status,
    attempt: handled.attempt,
    ...(handled.error === undefined ? {} : { error: handled.error }),
    ...(handled.fault === undefined ? {} : { fault: handled.fault }),
  })
  if (answer === 'silence') return
  if (answer === 'reset') return response.destroy()
  response.writeHead(answer.status, answer.headers).end(answer.body)
}

const counts = new WeakMap<ServerOptions, number>()

function numberOf(options: ServerOptions): number {
  const number = (counts.get(options) ?? 0) + 1
  counts.set(options, number)
  return number
}

type Handled = {
  readonly call: Call
  readonly answer: Answer | 'reset' | 'silence'
  readonly error?: string
  readonly attempt: number
  readonly fault?: string
}

type Received = {
  readonly request: IncomingMessage
  readonly body: string
  readonly requestId: string
  readonly number: number
}

async function handle(options: ServerOptions, received: Received): Promise<Handled> {
  const { request, requestId } = received
  let call: Call = { protocol: 'json', service: 'unknown', operation: 'unknown', input: {} }
  let met: Omit<Handled, 'call' | 'answer'> = { attempt: 1 }
  try {
    call = parseRequest(request, received.body)
    if (!request.headers.authorization)
      throw new AwsError('MissingAuthenticationTokenException', 'Missing Authentication Token', 403)
    if (await options.hooks.tell({ ...call, phase: 'before', number: received.number }))
      return { ...met, call, answer: 'reset', error: 'reset' }
    const { attempt, kind } = options.faults.take({ ...call, caller: callerOf(request) })
    met = { attempt, ...(kind === undefined ? {} : { fault: typeof kind === 'string' ? kind : 'answer' }) }
    const answer = await perform(options, call, { requestId, number: received.number, fault: kind })
    return typeof answer === 'string' ? { ...met, call, answer, error: answer } : { ...met, call, answer }
  } catch (error) {
    const known = error instanceof AwsError ? error : internal(error)
    return { ...met, call, answer: encodeError(call, known, requestId), error: known.code }
  }
}

async function perform(
  options: ServerOptions,
  call: Call,
  given: { requestId: string; number: number; fault: FaultKind | undefined },
): Promise<Answer | 'reset' | 'silence'> {
  const { requestId, fault } = given
  const before = beforeCall(options, call, fault, requestId)
  if (before) return before
  if (!isRead(call.operation)) options.lags.beforeWrite(call.service)
  const seen = options.lags.apply(call, await dispatch(options.services, call, call.input))
  const output = isChange(fault) ? fault.change(seen, call.input) : seen
  const answer = encodeResult(call, output, requestId)
  memoized(options).set(memoryKey(call), answer)
  const dropped = await options.hooks.tell({ ...call, phase: 'after', number: given.number })
  return dropped || fault === 'lost-answer' ? 'reset' : answer
}

const isRead = (operation: string) => /^(Describe|List|Get|BatchGet|Filter|Discover)/.test(operation)

function beforeCall(options: ServerOptions, call: Call, fault: FaultKind | undefined, requestId: string) {
  if (fault === undefined || fault === 'lost-answer' || isChange(fault)) return undefined
  if (fault === 'reset' || fault === 'silence') return fault
  if (fault === 'html') return PAGE
  if (fault === 'stale') return memoized(options).get(memoryKey(call))
  if (typeof fault === 'string') throw faultError(fault, call)
  if ('error' in fault) throw new AwsError(...fault.error)
  const output = fault.answer
  return encodeResult(call, typeof output === 'object' && output !== null ? { ...output } : {}, requestId)
}

const isChange = (fault: FaultKind | undefined) => typeof fault === 'object' && 'change' in fault

/** What a proxy or a captive portal says. */
const PAGE: Answer = {
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>',
}

function callerOf({ headers }: IncomingMessage): string {
  return /Credential=([^/,]+)/.exec(headers.authorization ?? '')?.[1] ?? ''
}

const memories = new WeakMap<ServerOptions, Map<string, Answer>>()

function memoized(options: ServerOptions): Map<string, Answer> {
  const memory = memories.get(options) ?? new Map<string, Answer>()
  memories.set(options, memory)
  return memory
}

const memoryKey = (call: Call) => `${call.service} ${call.operation} ${JSON.stringify(call.input)}`

function internal(error: unknown): AwsError {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return new AwsError('InternalFailure', `The sandbox failed: ${detail}`, 500)
}

async function answerControl(options: ServerOptions, url: string, response: ServerResponse) {
  const parsed = new URL(url, 'http://sandbox')
  const closed = new AbortController()
  response.once('close', () => closed.abort())
  const question = parsed.pathname.slice('/_sandbox/'.length)
  const answer = await options.control(question, parsed.searchParams, closed.signal)
  response
    .writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json', connection: 'close' })
    .end(JSON.stringify(answer ?? { error: 'unknown question' }))
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve())
  })
}

function close(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

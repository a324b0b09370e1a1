import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { AwsError } from './errors.ts'
import type { FaultKind, Faults } from './faults.ts'
import type { Ids } from './ids.ts'
import type { JsonObject } from './json.ts'
import { type Answer, type Call, encodeError, encodeResult, parseRequest } from './protocols.ts'

/** One port for every AWS service, and `/_sandbox/…` for the VPC's control questions (never recorded). */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const requests: RecordedRequest[] = []
  const server = createServer((request, response) => void serve(options, requests, request, response))
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
  readonly services: Readonly<Record<string, Operations>>
  readonly control: (path: string, query: URLSearchParams) => unknown
}

export type RunningServer = {
  readonly endpoint: string
  readonly requests: readonly RecordedRequest[]
  stop(): Promise<void>
}

/** `at` is virtual time; `error` is the name of the error that was answered. */
export type RecordedRequest = {
  readonly at: Date
  readonly service: string
  readonly operation: string
  readonly input: JsonObject
  readonly status: number
  readonly error?: string
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
  const requestId = options.ids.uuid()
  const at = options.now()
  const { call, answer, error } = await handle(options, request, body, requestId)
  const record = { at, service: call.service, operation: call.operation, input: call.input }
  if (answer === 'reset') {
    requests.push({ ...record, status: 0, error: 'reset' })
    return response.destroy()
  }
  requests.push({ ...record, status: answer.status, ...(error === undefined ? {} : { error }) })
  response.writeHead(answer.status, answer.headers).end(answer.body)
}

type Handled = { readonly call: Call; readonly answer: Answer | 'reset'; readonly error?: string }

async function handle(
  options: ServerOptions,
  request: IncomingMessage,
  body: string,
  requestId: string,
): Promise<Handled> {
  let call: Call = { protocol: 'json', service: 'unknown', operation: 'unknown', input: {} }
  try {
    call = parseRequest(request, body)
    if (!request.headers.authorization)
      throw new AwsError('MissingAuthenticationTokenException', 'Missing Authentication Token', 403)
    const answer = await perform(options, call, requestId)
    return answer === 'reset' ? { call, answer, error: 'reset' } : { call, answer }
  } catch (error) {
    const known = error instanceof AwsError ? error : internal(error)
    return { call, answer: encodeError(call, known, requestId), error: known.code }
  }
}

async function perform(options: ServerOptions, call: Call, requestId: string): Promise<Answer | 'reset'> {
  const fault = options.faults.take(call.service, call.operation)
  const before = beforeCall(options, call, fault, requestId)
  if (before) return before
  const output = await dispatch(options.services, call, call.input)
  const answer = encodeResult(call, output, requestId)
  remembered(options).set(memoryKey(call), answer)
  return fault === 'lost-answer' ? 'reset' : answer
}

function beforeCall(options: ServerOptions, call: Call, fault: FaultKind | undefined, requestId: string) {
  if (fault === undefined || fault === 'lost-answer') return undefined
  if (fault === 'reset') return 'reset'
  if (fault === 'throttle') throw new AwsError('ThrottlingException', 'Rate exceeded')
  if (fault === 'server-error')
    throw new AwsError('ServerException', 'Service Unavailable. Please try again later.', 500)
  if (fault === 'stale') return remembered(options).get(memoryKey(call))
  const output = fault.answer
  return encodeResult(call, typeof output === 'object' && output !== null ? { ...output } : {}, requestId)
}

const memories = new WeakMap<ServerOptions, Map<string, Answer>>()

function remembered(options: ServerOptions): Map<string, Answer> {
  const memory = memories.get(options) ?? new Map<string, Answer>()
  memories.set(options, memory)
  return memory
}

const memoryKey = (call: Call) => `${call.service} ${call.operation} ${JSON.stringify(call.input)}`

function internal(error: unknown): AwsError {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return new AwsError('InternalFailure', `The sandbox failed: ${detail}`, 500)
}

function answerControl(options: ServerOptions, url: string, response: ServerResponse) {
  const parsed = new URL(url, 'http://sandbox')
  const answer = options.control(parsed.pathname.slice('/_sandbox/'.length), parsed.searchParams)
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

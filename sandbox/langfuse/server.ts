import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

export type Request = {
  readonly query: URLSearchParams
  /** The last part of the path: what a route's `*` stands for. */
  readonly name: string
  readonly authorization: string | undefined
  /** SIGTERM or SIGINT has come: ready endpoints answer 500 from now on. */
  readonly terminating: boolean
  /** The JSON body; {} when there is none. */
  readonly body: unknown
}
export type Answer = { readonly status: number; readonly body: unknown }
/** By "METHOD /path"; a `*` at the end of the path stands for one part of it. */
export type Routes = Readonly<Record<string, (request: Request) => Promise<Answer> | Answer>>

/** How long a terminating container still answers, so that a load balancer can see it is not ready. */
const drainMilliseconds = 400
/** Requests that are being answered by then are answered, as Next.js does when its server is closed. */
const graceMilliseconds = 4_000

/**
 * Listens on SANDBOX_LISTEN until SIGTERM or SIGINT, then drains, answers what was asked, and exits with 0: within a
 * second where no answer takes long.
 * Comes back as soon as it listens.
 */
export function serve(options: {
  readonly listen: string
  readonly routes: Routes
  readonly onStop: () => Promise<void>
  readonly log: (line: string) => void
}): Promise<void> {
  let terminating = false
  const server = createServer((request, response) => {
    void answer(request, options.routes, () => terminating).then(
      ({ status, body }) => send(response, status, body),
      error => send(response, 500, { message: String(error) }),
    )
  })
  const stop = async () => {
    setTimeout(() => server.closeAllConnections(), graceMilliseconds).unref()
    await new Promise(closed => server.close(closed))
    await options.onStop()
    process.exit(0)
  }
  const terminate = (signal: NodeJS.Signals) => {
    if (terminating) return
    terminating = true
    options.log(`Received ${signal}, closing server...`)
    setTimeout(() => void stop(), drainMilliseconds)
  }
  process.on('SIGTERM', terminate)
  process.on('SIGINT', terminate)
  const { host, port } = parseListen(options.listen)
  return new Promise((listening, failed) => {
    server.once('error', failed)
    server.listen(port, host, () => listening())
  })
}

async function answer(message: IncomingMessage, routes: Routes, terminating: () => boolean): Promise<Answer> {
  const url = new URL(message.url ?? '/', 'http://sandbox')
  const [path = '', name = ''] = /^(.*\/)([^/]*)$/.exec(url.pathname)?.slice(1) ?? []
  const route = routes[`${message.method} ${url.pathname}`] ?? routes[`${message.method} ${path}*`]
  const body = await bodyOf(message)
  if (route === undefined)
    return { status: 404, body: { message: `No ${message.method} ${url.pathname} here` } }
  const { authorization } = message.headers
  const given = { query: url.searchParams, name: decodeURIComponent(name), authorization, body }
  return route({ ...given, terminating: terminating() })
}

async function bodyOf(message: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString('utf8')
  return text === '' ? {} : JSON.parse(text)
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const html = typeof body === 'string'
  response.writeHead(status, {
    'Content-Type': html ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
  })
  response.end(html ? body : JSON.stringify(body))
}

/** `ADDRESS:PORT` of SANDBOX_LISTEN. */
export function parseListen(listen: string): { readonly host: string; readonly port: number } {
  const match = /^(.+):(\d+)$/.exec(listen)
  if (match === null)
    throw new Error(`SANDBOX_LISTEN is "${listen}"; write an address and a port, like 127.0.0.1:3000.`)
  return { host: match[1] ?? '', port: Number(match[2]) }
}

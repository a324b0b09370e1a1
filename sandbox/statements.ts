import {
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http'
import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * Stands between an action and its databases and tells of each statement before the database gets it and before its
 * answer goes back, so that a test can end the run there, or make the world worse. Only what goes through these
 * URLs is seen: Langfuse's own containers keep the databases' real addresses.
 */
export async function watchStatements(options: {
  readonly databaseUrl: string
  readonly clickhouseUrl: string
  readonly watch: StatementWatcher
}): Promise<WatchedStores> {
  const number = counter()
  const tell = (event: Omit<StatementEvent, 'number'>, id: number) => options.watch({ ...event, number: id })
  const postgres = await listening(
    createServer(client => relayPostgres(client, new URL(options.databaseUrl), { number, tell })),
  )
  const clickhouse = await listening(
    createHttpServer((incoming, answer) => {
      relayClickHouse(incoming, answer, new URL(options.clickhouseUrl), { number, tell }).catch(() =>
        answer.destroy(),
      )
    }),
  )
  return {
    databaseUrl: at(options.databaseUrl, postgres.port),
    clickhouseUrl: at(options.clickhouseUrl, clickhouse.port),
    stop: async () => {
      await Promise.all([postgres.stop(), clickhouse.stop()])
    },
  }
}

/** What its promise comes to `drop` for is lost: the statement, or its answer. The connection ends with it. */
export type StatementWatcher = (event: StatementEvent) => Promise<'drop' | undefined>

export type StatementEvent = {
  /** 1 for the first statement through this watch. */
  readonly number: number
  readonly store: 'postgres' | 'clickhouse'
  readonly phase: 'before' | 'after'
  readonly sql: string
}

export type WatchedStores = {
  readonly databaseUrl: string
  readonly clickhouseUrl: string
  stop(): Promise<void>
}

type Relay = {
  readonly number: () => number
  readonly tell: (event: Omit<StatementEvent, 'number'>, id: number) => Promise<'drop' | undefined>
}

/** https://www.postgresql.org/docs/15/protocol-message-formats.html */
function relayPostgres(client: Socket, target: URL, relay: Relay): void {
  const server = connect(Number(target.port || 5432), target.hostname)
  const end = () => {
    client.destroy()
    server.destroy()
  }
  for (const socket of [client, server]) socket.on('error', end).on('close', end).setNoDelay(true)
  let prepared = ''
  let asked: { readonly id: number; readonly sql: string } | undefined
  const told = async (phase: 'before' | 'after'): Promise<boolean> => {
    if (asked === undefined) return true
    const { id, sql } = asked
    if (phase === 'after') asked = undefined
    return (await relay.tell({ store: 'postgres', phase, sql }, id)) !== 'drop'
  }
  eachMessage(client, { startup: true }, async (type, message) => {
    // What asks for TLS is answered here: there is none, and the client begins again without it.
    if (type === TLS) return void client.write('N')
    const text = () => message.subarray(5).toString()
    if (type === 'P') prepared = text().split('\0')[1] ?? ''
    if (type === 'Q' || type === 'E') {
      asked = { id: relay.number(), sql: type === 'Q' ? text().replace(/\0$/, '') : prepared }
      if (!(await told('before'))) return end()
    }
    server.write(message)
  })
  eachMessage(server, { startup: false }, async (type, message) => {
    if (type === 'Z' && !(await told('after'))) return end()
    client.write(message)
  })
}

/** The code of the SSLRequest, which has no type and which another message without one may follow. */
const SSL_REQUEST = 80_877_103
const TLS = 'TLS'

/** Whole messages, one after the other; the first of a client has no type. */
function eachMessage(
  socket: Socket,
  { startup }: { readonly startup: boolean },
  handle: (type: string, message: Buffer) => Promise<void>,
): void {
  let buffer: Buffer = Buffer.alloc(0)
  let isFirst = startup
  let work = Promise.resolve()
  const take = (): { readonly type: string; readonly message: Buffer } | undefined => {
    const head = isFirst ? 0 : 1
    if (buffer.length < head + 4) return undefined
    const length = head + buffer.readInt32BE(head)
    if (buffer.length < length) return undefined
    const message = buffer.subarray(0, length)
    const type = isFirst ? '' : String.fromCharCode(message[0] ?? 0)
    buffer = buffer.subarray(length)
    if (isFirst && length === 8 && message.readInt32BE(4) === SSL_REQUEST) return { type: TLS, message }
    isFirst = false
    return { type, message }
  }
  socket.on('data', chunk => {
    work = work.then(async () => {
      buffer = Buffer.concat([buffer, Buffer.from(chunk)])
      for (let next = take(); next !== undefined; next = take()) await handle(next.type, next.message)
    })
  })
}

async function relayClickHouse(
  incoming: IncomingMessage,
  answer: ServerResponse,
  target: URL,
  relay: Relay,
): Promise<void> {
  const body = await textOf(incoming)
  const url = new URL(incoming.url ?? '/', target)
  const sql = body || (url.searchParams.get('query') ?? '')
  const id = sql === '' ? undefined : relay.number()
  const continues = async (phase: 'before' | 'after') =>
    id === undefined || (await relay.tell({ store: 'clickhouse', phase, sql }, id)) !== 'drop'
  if (!(await continues('before'))) return void answer.destroy()
  const response = await forward(incoming, url, body)
  const text = await textOf(response)
  if (!(await continues('after'))) return void answer.destroy()
  const { 'transfer-encoding': _, 'content-length': __, ...headers } = response.headers
  answer.writeHead(response.statusCode ?? 502, headers).end(text)
}

function forward(incoming: IncomingMessage, url: URL, body: string): Promise<IncomingMessage> {
  const { 'content-length': _, 'transfer-encoding': __, ...headers } = incoming.headers
  return new Promise((resolve, reject) => {
    request(url, { method: incoming.method, headers }, resolve).on('error', reject).end(body)
  })
}

async function textOf(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString()
}

function counter(): () => number {
  let count = 0
  return () => {
    count += 1
    return count
  }
}

function at(address: string, port: number): string {
  const url = new URL(address)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  return url.href
}

async function listening(server: Server): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('There is no port to listen on')
  return {
    port: address.port,
    stop: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}

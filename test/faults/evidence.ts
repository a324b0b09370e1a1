import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { CACHE, CACHE_TOKEN } from '../../sandbox/article/settings.ts'
import type { FaultKind } from '../../sandbox/aws/faults.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import type { Route } from '../../sandbox/vpc/network.ts'
import { swap } from './fault.ts'
import type { Seen } from './run.ts'
import type { OpenFaultStage } from './stage.ts'

/** How evidence goes missing: it is refused, it does not come, or what comes is not what was asked for. */
export const WAYS = ['denied', 'silent', 'html', 'empty', 'wrong'] as const
export type Way = (typeof WAYS)[number]

/** Where evidence comes from: a call to AWS (`ecs.DescribeServices`), or a program that is asked itself. */
export const PROGRAMS = ['web', 'clickhouse', 'postgres', 'valkey', 'worker'] as const
export type Program = (typeof PROGRAMS)[number]

export type Without = {
  readonly source: string
  readonly way: Way
  readonly result: RunResult
  readonly checks: readonly Seen[]
}

/** Lets the built verify look at a healthy stack with one source of evidence spoilt; nobody else meets that. */
export async function verifyWithout(
  stage: OpenFaultStage,
  source: string,
  way: Way,
  inputs: Readonly<Record<string, string>> = {},
): Promise<Without> {
  number += 1
  const caller = `AKIASPOILT${String(number).padStart(10, '0')}`
  const who = `runner-${number}`
  const spoilt = isProgram(source)
    ? await spoilProgram(stage, source, way, who)
    : spoilCall(stage, source, way, caller)
  try {
    const result = await stage.verify(
      { ...inputs, ...spoilt.inputs },
      { env: { AWS_ACCESS_KEY_ID: caller, SANDBOX_SOURCE: who }, runner: who },
    )
    const { checks = [] } = (result.report ?? {}) as { readonly checks?: readonly Seen[] }
    return { source, way, result, checks }
  } finally {
    await spoilt.end()
  }
}

let number = 0

/** The calls to AWS that a verify makes, each once. */
export async function callsOf(
  stage: OpenFaultStage,
  inputs: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const { requests } = stage.stage.stack.sandbox
  const from = requests.length
  await stage.verify(inputs)
  return [...new Set(requests.slice(from).map(({ service, operation }) => `${service}.${operation}`))].sort()
}

const isProgram = (source: string): source is Program => (PROGRAMS as readonly string[]).includes(source)

type Spoilt = { readonly inputs: Readonly<Record<string, string>>; end(): Promise<void> }

function spoilCall({ world }: OpenFaultStage, operation: string, way: Way, caller: string): Spoilt {
  const kinds: Readonly<Record<Way, FaultKind>> = {
    denied: 'access-denied',
    silent: 'silence',
    html: 'html',
    empty: { answer: {} },
    wrong: { change: output => misshape(output) },
  }
  world.faults.add({ operation, kind: kinds[way], times: Number.POSITIVE_INFINITY, caller })
  return { inputs: {}, end: async () => undefined }
}

/** The same members, with something else in them. */
function misshape(output: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(output).map(([name, value]) => {
      if (Array.isArray(value)) return [name, [{ surprise: true }]]
      if (typeof value === 'object' && value !== null) return [name, { surprise: true }]
      return [name, typeof value === 'string' ? 'surprise' : value]
    }),
  )
}

async function spoilProgram(stage: OpenFaultStage, program: Program, way: Way, who: string): Promise<Spoilt> {
  if (program === 'postgres' && way === 'denied')
    return given({ 'database-url': stage.stage.stack.databaseUrl.replace(/:[^:@]+@/, ':wrong@') })
  if (program === 'valkey' && way === 'denied')
    return given({ 'redis-url': `redis://:${CACHE_TOKEN}wrong@${CACHE}:6379` })
  const server = way === 'silent' ? silence() : page(program, way)
  const port = await listen(server)
  const end = () => close(server)
  if (program === 'web') return { inputs: { url: `http://127.0.0.1:${port}` }, end }
  const stop = divert(stage, { who, wanted: PORTS[program], to: port })
  return {
    inputs: {},
    end: async () => {
      await stop()
      await end()
    },
  }
}

const given = (inputs: Spoilt['inputs']): Spoilt => ({ inputs, end: async () => undefined })

const PORTS = { clickhouse: 8123, postgres: 5432, valkey: 6379, worker: 3030 } as const

/** Leads one caller to another program. */
function divert(
  { world: { network } }: OpenFaultStage,
  { who, wanted, to }: { readonly who: string; readonly wanted: number; readonly to: number },
): () => Promise<void> {
  diverted.set(`${who} ${wanted}`, to)
  if (!watched.has(network)) {
    const { route } = network
    swap(network, {
      route: (asked): Route => {
        const port = diverted.get(`${asked.source} ${asked.port}`)
        return port === undefined ? route(asked) : { port }
      },
    })
    watched.add(network)
  }
  return async () => void diverted.delete(`${who} ${wanted}`)
}

const diverted = new Map<string, number>()
const watched = new WeakSet<object>()

/** Takes connections, and says nothing. */
function silence(): Server {
  return remember(createServer(socket => socket.on('error', () => undefined)))
}

/** For PostgreSQL and Valkey a page is garbage: they speak no HTTP. */
function page(program: Program, way: 'denied' | 'html' | 'empty' | 'wrong'): Server {
  const bodies = {
    denied: 'Forbidden',
    html: '<!DOCTYPE html><html><body>Please sign in.</body></html>',
    empty: '',
    wrong: program === 'clickhouse' ? '{"surprise":"1"}\n' : '{"surprise":true}',
  }
  const status = way === 'denied' ? 403 : 200
  if (program === 'postgres' || program === 'valkey') return talking(way, bodies[way])
  return remember(
    createHttpServer((request, response) => {
      request.resume()
      response.writeHead(status).end(bodies[way])
    }),
  )
}

/** Answers whatever comes in with the same: nothing at all, a page, or a reply of another protocol. */
function talking(way: Way, body: string): Server {
  return remember(
    createServer(socket => {
      socket.on('error', () => undefined)
      socket.on('data', () => {
        if (way === 'empty') socket.end()
        else if (way === 'wrong') socket.write('+OK\r\n')
        else socket.end(`HTTP/1.1 200 OK\r\n\r\n${body}`)
      })
    }),
  )
}

const open = new WeakMap<Server, Set<Socket>>()

function remember<Kind extends Server>(server: Kind): Kind {
  const sockets = new Set<Socket>()
  open.set(server, sockets)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  return server
}

function listen(server: Server): Promise<number> {
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { readonly port: number }).port))
  })
}

function close(server: Server): Promise<void> {
  for (const socket of open.get(server) ?? []) socket.destroy()
  return new Promise(done => void server.close(() => done()))
}

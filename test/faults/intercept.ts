import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { FaultStage } from './fault.ts'

/** What is answered instead; undefined: what the program behind it answers. */
export type Instead = (asked: {
  readonly path: string
  readonly body: string
}) => { readonly status: number; readonly body: string } | undefined

/** Stands before a program of the VPC and answers some of what it is asked; the answer takes it away. */
export async function intercept(
  { world: { network } }: Pick<FaultStage, 'world'>,
  place: { readonly address: string; readonly port: number },
  instead: Instead,
): Promise<() => Promise<void>> {
  const route = network.route({ host: place.address, port: place.port, source: 'person' })
  if (!('port' in route)) throw new Error(`Nobody answers at ${place.address}:${place.port}`)
  const { port, stop } = await standBefore(route.port, instead)
  network.publish(place.address, place.port, port)
  return async () => {
    network.publish(place.address, place.port, route.port)
    await stop()
  }
}

/** A loopback port that answers some of what it is asked itself, and has `behind` answer the rest. */
export async function standBefore(behind: number, instead: Instead) {
  const server = createServer((request, response) => {
    answer({ request, response, behind, instead }).catch(() => response.destroy())
  })
  const port = await new Promise<number>(resolve => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { readonly port: number }).port))
  })
  const stop = () =>
    new Promise<void>(done => {
      server.close(() => done())
      server.closeAllConnections()
    })
  return { port, stop }
}

async function answer(given: {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly behind: number
  readonly instead: Instead
}): Promise<void> {
  const { request, response, behind, instead } = given
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks).toString()
  const path = request.url ?? '/'
  const own = instead({ path, body })
  if (own !== undefined) return void response.writeHead(own.status).end(own.body)
  const real = await fetch(`http://127.0.0.1:${behind}${path}`, {
    method: request.method ?? 'GET',
    headers: headersOf(request),
    ...(body !== '' && { body }),
  })
  const text = await real.text()
  const names = ['content-type', 'x-clickhouse-format', 'x-clickhouse-exception-code']
  const headers = names.flatMap(name => {
    const value = real.headers.get(name)
    return value === null ? [] : [[name, value] as const]
  })
  response.writeHead(real.status, Object.fromEntries(headers)).end(text)
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const own = ['host', 'connection', 'content-length', 'transfer-encoding', 'accept-encoding', 'expect']
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      typeof value === 'string' && !own.includes(name) ? [[name, value] as const] : [],
    ),
  )
}

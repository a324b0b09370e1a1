import { connect, createServer, type Server, type Socket } from 'node:net'

/** A loopback port that stays while what answers behind it changes; nothing behind it cuts the connection. */
export async function openProxy(target: () => number | undefined): Promise<PortProxy> {
  const open = new Set<Socket>()
  const server = createServer(client => {
    open.add(client)
    client.on('close', () => open.delete(client))
    forward(client, target())
  })
  const port = await listen(server)
  return {
    port,
    stop: () => {
      for (const socket of open) socket.destroy()
      return new Promise(done => void server.close(() => done()))
    },
  }
}

export type PortProxy = { readonly port: number; stop(): Promise<void> }

function forward(client: Socket, port: number | undefined) {
  if (port === undefined) return void client.destroy()
  const upstream = connect(port, '127.0.0.1')
  client.on('error', () => upstream.destroy())
  upstream.on('error', () => client.destroy())
  client.on('close', () => upstream.destroy())
  upstream.on('close', () => client.destroy())
  client.pipe(upstream).pipe(client)
}

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  await new Promise(done => server.close(done))
  return port
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (address === null || typeof address === 'string') reject(new Error('no port to listen on'))
      else resolve(address.port)
    })
  })
}

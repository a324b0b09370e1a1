import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { RolloutError } from '../errors/errors.ts'
import type { Valkey, ValkeyReply, ValkeySession } from '../ports/databases.ts'

const TIMEOUT_MS = 10_000

type ValkeyAccess = {
  readonly host: string
  readonly port: number
  readonly user: string | undefined
  readonly password: string | undefined
  readonly tls: boolean
  /** With TLS: whether the certificate is verified. */
  readonly verify: boolean
  readonly prefix: string
}

/** Valkey or Redis without a client library, which would be half of the agent's bundle for a dozen commands. */
export function createValkey(access: ValkeyAccess): Valkey {
  const address = `${access.host}:${access.port}`
  return {
    address,
    prefix: access.prefix,
    async connect() {
      try {
        const session = sessionOn(await open(access))
        await authenticate(session, access)
        return session
      } catch (error) {
        throw new RolloutError(
          `Valkey at ${address} cannot be reached: check its security group, the AUTH token and whether it requires TLS.`,
          { cause: error },
        )
      }
    },
  }
}

/** `redis://:token@host:6379`, `rediss://` for TLS. */
export function valkeyAt(url: string, prefix = 'bull'): ValkeyAccess {
  const { protocol, hostname, port, username, password } = new URL(url)
  return {
    host: hostname,
    port: Number(port || 6379),
    user: decodeURIComponent(username) || undefined,
    password: decodeURIComponent(password) || undefined,
    tls: protocol === 'rediss:',
    verify: true,
    prefix,
  }
}

function open({ host, port, tls, verify }: ValkeyAccess): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = tls
      ? connectTls({ host, port, servername: host, rejectUnauthorized: verify })
      : connectTcp(port, host)
    socket.setTimeout(TIMEOUT_MS, () =>
      socket.destroy(new Error(`no answer within ${TIMEOUT_MS / 1_000} seconds`)),
    )
    socket.once(tls ? 'secureConnect' : 'connect', () => resolve(socket))
    socket.once('error', reject)
  })
}

async function authenticate(session: ValkeySession, { user, password }: ValkeyAccess): Promise<void> {
  if (password === undefined) return
  await (user === undefined ? session.run('AUTH', password) : session.run('AUTH', user, password))
}

type Waiting = { readonly answer: (reply: ValkeyReply) => void; readonly fail: (error: Error) => void }

/** Answers come in the order of the commands. */
function sessionOn(socket: Socket): ValkeySession {
  const waiting: Waiting[] = []
  let received = Buffer.alloc(0)
  const end = (error: Error) => {
    for (const one of waiting.splice(0)) one.fail(error)
  }
  socket.on('error', end)
  socket.on('close', () => end(new Error('the connection was closed')))
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    try {
      for (let next = parseReply(received); next !== undefined; next = parseReply(received)) {
        received = received.subarray(next.length)
        const one = waiting.shift()
        if (next.error === undefined) one?.answer(next.reply)
        else one?.fail(new Error(next.error))
      }
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  })
  return {
    run: (...command) =>
      new Promise((answer, fail) => {
        if (socket.destroyed) return fail(new Error('the connection was closed'))
        waiting.push({ answer, fail })
        socket.write(encode(command))
      }),
    close: () => socket.destroy(),
  }
}

function encode(command: readonly string[]): string {
  const parts = command.map(part => `$${Buffer.byteLength(part)}\r\n${part}\r\n`)
  return `*${command.length}\r\n${parts.join('')}`
}

type Parsed = {
  readonly reply: ValkeyReply
  /** The text of an error reply. */
  readonly error: string | undefined
  /** Parsed bytes. */
  readonly length: number
}

/**
 * The first reply in `bytes` (RESP2, https://valkey.io/topics/protocol/); undefined while it is incomplete.
 * @throws Error if it is not a reply
 */
export function parseReply(bytes: Buffer, at = 0): Parsed | undefined {
  const end = bytes.indexOf('\r\n', at)
  if (end < 0) return undefined
  const [kind, text] = [String.fromCharCode(bytes[at] ?? 0), bytes.toString('utf8', at + 1, end)]
  const line = (reply: ValkeyReply, error?: string): Parsed => ({ reply, error, length: end + 2 - at })
  switch (kind) {
    case '+':
      return line(text)
    case '-':
      return line(null, text)
    case ':':
      return line(Number(text))
    case '$':
      return bulk(bytes, { at, start: end + 2, size: Number(text) })
    case '*':
      return list(bytes, { at, start: end + 2, size: Number(text) })
    default:
      throw new Error('the server does not speak the protocol of Valkey or Redis')
  }
}

type Block = { readonly at: number; readonly start: number; readonly size: number }

function bulk(bytes: Buffer, { at, start, size }: Block): Parsed | undefined {
  if (size < 0) return { reply: null, error: undefined, length: start - at }
  if (bytes.length < start + size + 2) return undefined
  return {
    reply: bytes.toString('utf8', start, start + size),
    error: undefined,
    length: start + size + 2 - at,
  }
}

function list(bytes: Buffer, { at, start, size }: Block): Parsed | undefined {
  const items: ValkeyReply[] = []
  let next = start
  for (let index = 0; index < size; index++) {
    const item = parseReply(bytes, next)
    if (item === undefined) return undefined
    items.push(item.reply)
    next += item.length
  }
  return { reply: size < 0 ? null : items, error: undefined, length: next - at }
}

import { createServer, type Socket } from 'node:net'

/**
 * Stands for ElastiCache's Valkey: the few commands that tell of its state, answered from what a test puts into it, and
 * those with which Langfuse's stand-ins hand each other jobs.
 * Knows no CONFIG, as ElastiCache does not.
 */
export async function startValkey(options: { readonly password: string }): Promise<Valkey> {
  const state: ValkeyStore = {
    policy: 'volatile-lru',
    used: 3_400_000,
    maximum: 1_500_000_000,
    evicted: 0,
    cluster: false,
    lists: new Map(),
    sets: new Map(),
    hashes: new Map(),
    trouble: () => undefined,
  }
  const open = new Set<Socket>()
  const server = createServer(socket => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => undefined)
    serve(socket, { state, password: options.password })
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (address !== null && typeof address === 'object') resolve(address.port)
    })
  })
  return {
    port,
    state,
    stop: () => {
      for (const socket of open) socket.destroy()
      return new Promise(done => void server.close(() => done()))
    },
  }
}

export type Valkey = {
  readonly port: number
  /** What it answers from; a test changes it. */
  readonly state: ValkeyStore
  stop(): Promise<void>
}

export type ValkeyStore = {
  policy: string
  used: number
  maximum: number
  evicted: number
  cluster: boolean
  readonly lists: Map<string, readonly string[]>
  readonly sets: Map<string, readonly string[]>
  readonly hashes: Map<string, Readonly<Record<string, string>>>
  /** The error reply to a command, `closed` to hang up instead; undefined: none. */
  trouble: (command: string, key: string) => string | undefined
}

type Serving = { readonly state: ValkeyStore; readonly password: string }

function serve(socket: Socket, { state, password }: Serving) {
  let authenticated = false
  let received = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    received += chunk
    for (let next = takeCommand(received); next !== undefined; next = takeCommand(received)) {
      received = received.slice(next.length)
      const [name = '', ...given] = next.words
      const command = name.toUpperCase()
      const trouble = state.trouble(command, given[0] ?? '') ?? fullFor(state, command)
      if (trouble !== undefined) {
        if (trouble === 'closed') return void socket.destroy()
        socket.write(`-${trouble}\r\n`)
        continue
      }
      if (command === 'AUTH') {
        authenticated = given.at(-1) === password
        socket.write(authenticated ? '+OK\r\n' : WRONG_PASSWORD)
      } else
        socket.write(authenticated ? answer(state, command, given) : '-NOAUTH Authentication required.\r\n')
    }
  })
}

const WRONG_PASSWORD = '-WRONGPASS invalid username-password pair or user is disabled.\r\n'

/** The first whole command of ASCII words; undefined while there is none. */
function takeCommand(
  text: string,
): { readonly words: readonly string[]; readonly length: number } | undefined {
  const parts = text.split('\r\n')
  const count = Number(parts[0]?.slice(1))
  if (!text.startsWith('*') || parts.length < 2 * count + 2) return undefined
  const used = parts.slice(0, 2 * count + 1)
  return {
    words: used.filter((_, index) => index > 0 && index % 2 === 0),
    length: used.join('\r\n').length + 2,
  }
}

/** What `noeviction` means once the memory is used up: https://valkey.io/topics/lru-cache/ */
function fullFor({ used, maximum }: ValkeyStore, command: string): string | undefined {
  const grows = command === 'LPUSH' || command === 'HSET' || command === 'ZADD'
  return grows && maximum > 0 && used > maximum
    ? "OOM command not allowed when used memory > 'maxmemory'."
    : undefined
}

function answer(state: ValkeyStore, command: string, given: readonly string[]): string {
  const [key = '', field = ''] = given
  switch (command) {
    case 'PING':
      return '+PONG\r\n'
    case 'INFO':
      return bulk(info(state))
    case 'TIME':
      return time()
    case 'LLEN':
      return `:${state.lists.get(key)?.length ?? 0}\r\n`
    case 'ZCARD':
      return `:${state.sets.get(key)?.length ?? 0}\r\n`
    case 'LINDEX':
      return bulk(state.lists.get(key)?.at(Number(field)))
    case 'HGET':
      return bulk(state.hashes.get(key)?.[field])
    default:
      return (
        change(state, command, given) ??
        `-ERR unknown command '${command.toLowerCase()}', with args beginning with: '${key}'\r\n`
      )
  }
}

function time(): string {
  const now = Date.now()
  return `*2\r\n${bulk(String(Math.floor(now / 1_000)))}${bulk(String((now % 1_000) * 1_000))}`
}

/** A sorted set's members are kept with their score before them. */
function change(
  { lists, sets, hashes }: ValkeyStore,
  command: string,
  [key = '', first = '', second = '', ...more]: readonly string[],
): string | undefined {
  const list = lists.get(key) ?? []
  const set = sets.get(key) ?? []
  const member = (entry: string) => entry.slice(entry.indexOf(' ') + 1)
  switch (command) {
    case 'LPUSH':
      lists.set(key, [first, ...list])
      return ':1\r\n'
    case 'LREM':
      lists.set(
        key,
        list.filter(item => item !== second),
      )
      return ':1\r\n'
    case 'HSET':
      hashes.set(key, { ...hashes.get(key), ...pairs([first, second, ...more]) })
      return ':1\r\n'
    case 'DEL':
      return `:${hashes.delete(key) ? 1 : 0}\r\n`
    case 'ZADD':
      sets.set(key, [...set.filter(entry => member(entry) !== second), `${first} ${second}`])
      return ':1\r\n'
    case 'ZREM':
      sets.set(
        key,
        set.filter(entry => member(entry) !== first),
      )
      return ':1\r\n'
    case 'ZRANGEBYSCORE': {
      const due = set.filter(entry => Number(entry.split(' ')[0]) <= Number(second)).map(member)
      return `*${due.length}\r\n${due.map(bulk).join('')}`
    }
    default:
      return undefined
  }
}

const pairs = (words: readonly string[]) =>
  Object.fromEntries(
    words.flatMap((word, index) => (index % 2 === 0 ? [[word, words[index + 1] ?? '']] : [])),
  )

const bulk = (text: string | undefined) =>
  text === undefined ? '$-1\r\n' : `$${Buffer.byteLength(text)}\r\n${text}\r\n`

/** The lines of INFO that anybody here reads, in its form. */
function info({ used, maximum, policy, evicted, cluster }: ValkeyStore): string {
  const sections = {
    Server: {
      redis_version: '7.2.4',
      valkey_version: '7.2.6',
      redis_mode: cluster ? 'cluster' : 'standalone',
    },
    Memory: { used_memory: used, maxmemory: maximum, maxmemory_policy: policy },
    Stats: { evicted_keys: evicted },
    Cluster: { cluster_enabled: cluster ? 1 : 0 },
  }
  return Object.entries(sections)
    .map(([name, values]) =>
      [`# ${name}`, ...Object.entries(values).map(([key, value]) => `${key}:${value}`), ''].join('\r\n'),
    )
    .join('\r\n')
}

import { randomUUID } from 'node:crypto'
import { createValkey } from '../../src/adapters/valkey-client.ts'
import type { Valkey, ValkeySession } from '../../src/ports/databases.ts'
import { type Environment, setVariable } from './environment.ts'

/** Jobs between web and worker, in the keys that BullMQ keeps them in; its scripts are not needed for that. */
export type Queues = {
  /** @param delayMs how long before it may be taken */
  add(queue: string, data: unknown, delayMs: number): Promise<void>
  /** Takes one job a call, in the order of the queues; false when there is none. A job that fails is tried again later. */
  takeOne(queues: readonly string[], work: (queue: string, data: unknown) => Promise<void>): Promise<boolean>
  close(): void
}

/** REDIS_HOST and so on; undefined where none is named. */
export function queuesOf(env: Environment, log: (line: string) => void): Queues | undefined {
  const host = setVariable(env, 'REDIS_HOST')
  if (host === undefined) return undefined
  const valkey = createValkey({
    host,
    port: Number(setVariable(env, 'REDIS_PORT') ?? 6379),
    user: undefined,
    password: setVariable(env, 'REDIS_AUTH'),
    tls: false,
    verify: false,
    prefix: 'bull',
  })
  const connection = connectionTo(valkey)
  return {
    add: async (queue, data, delayMs) => addTo(await connection.open(), queue, { data, delayMs }),
    takeOne: async (queues, work) => takeOne(await connection.open(), { queues, work, log }),
    close: () => connection.close(),
  }
}

/** One that is opened again after it was lost. */
function connectionTo(valkey: Valkey) {
  let session: ValkeySession | undefined
  return {
    open: async (): Promise<ValkeySession> => {
      const alive = await session?.run('PING').then(
        () => session,
        () => undefined,
      )
      session = alive ?? (await valkey.connect())
      return session
    },
    close: () => session?.close(),
  }
}

async function addTo(
  session: ValkeySession,
  queue: string,
  { data, delayMs }: { data: unknown; delayMs: number },
): Promise<void> {
  const key = `bull:${queue}`
  const id = randomUUID()
  const now = Date.now()
  await session.run('HSET', `${key}:${id}`, 'timestamp', String(now), 'data', JSON.stringify(data))
  if (delayMs > 0) await session.run('ZADD', `${key}:delayed`, String(now + delayMs), id)
  else await session.run('LPUSH', `${key}:wait`, id)
}

type Taking = {
  readonly queues: readonly string[]
  readonly work: (queue: string, data: unknown) => Promise<void>
  readonly log: (line: string) => void
}

const RETRY_MS = 1_000

async function takeOne(session: ValkeySession, { queues, work, log }: Taking): Promise<boolean> {
  for (const queue of queues) {
    const key = `bull:${queue}`
    await promote(session, key)
    const id = await session.run('LINDEX', `${key}:wait`, '-1')
    // A job without data is one that a test put there: it stays, and all behind it.
    const data = typeof id === 'string' ? await session.run('HGET', `${key}:${id}`, 'data') : null
    if (typeof id !== 'string' || typeof data !== 'string') continue
    await session.run('LREM', `${key}:wait`, '-1', id)
    await session.run('LPUSH', `${key}:active`, id)
    try {
      await work(queue, JSON.parse(data))
      await session.run('DEL', `${key}:${id}`)
    } catch (error) {
      log(`error\tFailed job ${queue} ${error instanceof Error ? error.message : String(error)}`)
      await session.run('ZADD', `${key}:delayed`, String(Date.now() + RETRY_MS), id)
    }
    await session.run('LREM', `${key}:active`, '-1', id)
    return true
  }
  return false
}

async function promote(session: ValkeySession, key: string): Promise<void> {
  const due = await session.run('ZRANGEBYSCORE', `${key}:delayed`, '-inf', String(Date.now()))
  if (!Array.isArray(due)) return
  for (const id of due) {
    await session.run('ZREM', `${key}:delayed`, String(id))
    await session.run('LPUSH', `${key}:wait`, String(id))
  }
}

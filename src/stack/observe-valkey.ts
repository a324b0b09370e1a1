import { explain } from '../errors/errors.ts'
import type { Valkey, ValkeyReply, ValkeySession } from '../ports/databases.ts'
import type { Observed, Queue, ValkeyState } from './stack.ts'
import { known, unknown } from './stack.ts'

/** Valkey's memory, and Langfuse's queues in it. */
export async function observeValkey(
  valkey: Valkey | undefined,
  missing = 'input `redis-url` is empty',
): Promise<Observed<ValkeyState>> {
  if (valkey === undefined) return unknown(missing, 'not-asked')
  try {
    const session = await valkey.connect()
    try {
      return known(await readValkey(session, valkey.prefix), valkey.address)
    } finally {
      session.close()
    }
  } catch (error) {
    return unknown(explain(error), 'unreachable')
  }
}

async function readValkey(session: ValkeySession, prefix: string): Promise<ValkeyState> {
  await session.run('PING')
  const info = infoOf(String((await session.run('INFO')) ?? ''))
  const queues: Queue[] = []
  for (const name of QUEUES)
    queues.push(await readQueue(session, `${prefix}:${name}`, name).catch(onOtherNode(name)))
  return {
    version: info.get('valkey_version') ?? info.get('redis_version') ?? '',
    policy: info.get('maxmemory_policy') ?? (await configuredPolicy(session)),
    used: Number(info.get('used_memory') ?? 0),
    maximum: Number(info.get('maxmemory') ?? 0),
    evicted: Number(info.get('evicted_keys') ?? 0),
    cluster: info.get('cluster_enabled') === '1' || info.get('redis_mode') === 'cluster',
    now: await clockOf(session),
    queues: queues.filter(queue => queue.waiting + queue.active + queue.failed > 0),
  }
}

/** `name:value` lines below `# Section` headings: https://valkey.io/commands/info/ */
function infoOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').flatMap(line => {
      const at = line.indexOf(':')
      return at < 1 || line.startsWith('#') ? [] : [[line.slice(0, at), line.slice(at + 1).trim()] as const]
    }),
  )
}

/** Seconds and microseconds: https://valkey.io/commands/time/ */
async function clockOf(session: ValkeySession): Promise<number | undefined> {
  const reply = await session.run('TIME').catch(() => undefined)
  return Array.isArray(reply) ? Number(reply[0]) * 1_000 : undefined
}

/** ElastiCache has no CONFIG command; its INFO contains the policy. */
async function configuredPolicy(session: ValkeySession): Promise<string | undefined> {
  const reply = await session.run('CONFIG', 'GET', 'maxmemory-policy').catch(() => undefined)
  return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : undefined
}

/** BullMQ keeps waiting ids in a list and takes them from its end: https://docs.bullmq.io/guide/architecture */
async function readQueue(session: ValkeySession, key: string, name: string): Promise<Queue> {
  const waiting = await count(session, 'LLEN', `${key}:wait`)
  const prioritized = await count(session, 'ZCARD', `${key}:prioritized`)
  const active = await count(session, 'LLEN', `${key}:active`)
  const failed = await count(session, 'ZCARD', `${key}:failed`)
  const id = waiting === 0 ? null : await session.run('LINDEX', `${key}:wait`, '-1')
  const since = typeof id === 'string' ? await session.run('HGET', `${key}:${id}`, 'timestamp') : null
  return { name, waiting: waiting + prioritized, active, failed, oldest: timeOf(since) }
}

/** This reads one node of a cluster; a queue may be on another node. */
function onOtherNode(name: string): (error: unknown) => Queue {
  return error => {
    if (!(error instanceof Error) || !/^(MOVED|ASK|CLUSTERDOWN) /.test(error.message)) throw error
    return { name, waiting: 0, active: 0, failed: 0, oldest: undefined }
  }
}

async function count(session: ValkeySession, command: string, key: string): Promise<number> {
  return Number((await session.run(command, key)) ?? 0)
}

function timeOf(reply: ValkeyReply): number | undefined {
  const time = Number(reply ?? Number.NaN)
  return Number.isFinite(time) && time > 0 ? time : undefined
}

/** The queues between the arrival of a trace and its row (packages/shared/src/server/queues.ts, v3.0.0 to v4.16.0). */
const QUEUES = [
  'ingestion-queue',
  'secondary-ingestion-queue',
  'otel-ingestion-queue',
  'secondary-otel-ingestion-queue',
  'trace-upsert',
  'event-propagation-queue',
  'evaluation-execution-queue',
  'batch-export-queue',
  'trace-delete',
] as const

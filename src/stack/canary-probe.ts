import { explain } from '../errors/errors.ts'
import type { ClickHouse, Valkey, ValkeySession } from '../ports/databases.ts'
import { quoteClickHouseLiteral } from '../schema/quote.ts'
import type { CanaryQueue, CanaryRoute } from './canary.ts'
import { known, type Observed, unknown } from './stack.ts'

/** Behind the API, for a canary that did not come back. Reads only, never throws. */
export type CanaryProbe = {
  /** How many rows of ClickHouse are of the trace. */
  rows(traceId: string, path: CanaryRoute['path']): Promise<Observed<number>>
  queues(): Promise<Observed<readonly CanaryQueue[]>>
}

/** From a runner that reaches the stores; what it was given no address of is not looked at. */
export function canaryProbe(stores: {
  readonly clickhouse: ClickHouse | undefined
  readonly valkey: Valkey | undefined
}): CanaryProbe {
  return {
    rows: (traceId, path) => countRows(stores.clickhouse, traceId, path),
    queues: () => readQueues(stores.valkey),
  }
}

async function countRows(
  clickhouse: ClickHouse | undefined,
  traceId: string,
  path: CanaryRoute['path'],
): Promise<Observed<number>> {
  if (clickhouse === undefined) return unknown('ClickHouse is not asked from this runner', 'not-asked')
  const [table, column] = path === 'otel' ? ['events_full', 'trace_id'] : ['traces', 'id']
  try {
    const [row] = await clickhouse.run(
      `SELECT count() AS rows FROM ${table} WHERE ${column} = ${quoteClickHouseLiteral(traceId)}`,
      { timeoutMs: 10_000 },
    )
    return known(Number(row?.['rows'] ?? 0), clickhouse.address)
  } catch (error) {
    return unknown(explain(error), 'unreachable')
  }
}

async function readQueues(valkey: Valkey | undefined): Promise<Observed<readonly CanaryQueue[]>> {
  if (valkey === undefined) return unknown('Valkey is not asked from this runner', 'not-asked')
  try {
    const session = await valkey.connect()
    try {
      const queues: CanaryQueue[] = []
      for (const name of QUEUES) queues.push(await readQueue(session, `${valkey.prefix}:${name}`, name))
      return known(queues, valkey.address)
    } finally {
      session.close()
    }
  } catch (error) {
    return unknown(explain(error), 'unreachable')
  }
}

/** BullMQ: `wait` and `active` are lists; `delayed` (also what is tried again), `prioritized` and `failed` sorted sets. */
async function readQueue(session: ValkeySession, key: string, name: string): Promise<CanaryQueue> {
  const count = async (command: string, part: string) =>
    Number((await session.run(command, `${key}:${part}`)) ?? 0)
  return {
    name,
    waiting: (await count('LLEN', 'wait')) + (await count('ZCARD', 'prioritized')),
    delayed: await count('ZCARD', 'delayed'),
    active: await count('LLEN', 'active'),
    failed: await count('ZCARD', 'failed'),
  }
}

/** Those that a canary goes through (packages/shared/src/server/queues.ts, v3.0.0 to v4.16.0). */
const QUEUES = ['ingestion-queue', 'secondary-ingestion-queue', 'otel-ingestion-queue'] as const

import { explain } from '../errors/errors.ts'
import type { ClickHouse, Valkey, ValkeySession } from '../ports/databases.ts'
import { quoteClickHouseLiteral } from '../schema/quote.ts'
import type { CanaryQueue, CanaryRoute } from './canary.ts'
import { known, type Observed, unknown } from './stack.ts'

/** Reads the stores behind the API for a canary that was not readable. Never throws. */
export type CanaryProbe = {
  /** The number of ClickHouse rows of the trace. */
  rows(traceId: string, path: CanaryRoute['path']): Promise<Observed<number>>
  queues(): Promise<Observed<readonly CanaryQueue[]>>
}

/** For a runner that reaches the stores. A store without an address is not probed. */
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
  if (clickhouse === undefined) return unknown('this run does not query ClickHouse', 'not-asked')
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
  if (valkey === undefined) return unknown('this run does not query Valkey', 'not-asked')
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

/** BullMQ: `wait` and `active` are lists; `delayed` (also retries), `prioritized` and `failed` are sorted sets. */
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

/** The queues of a canary (packages/shared/src/server/queues.ts, v3.0.0 to v4.16.0). */
const QUEUES = ['ingestion-queue', 'secondary-ingestion-queue', 'otel-ingestion-queue'] as const

import type { ClickHouse, Valkey } from '../ports/databases.ts'
import { compareVersions } from '../release/release.ts'
import { majorOf } from '../release/requirements.ts'
import { flagDefault, readsV4Flags, WRITE_MODE } from '../release/v4-flags.ts'
import { quoteClickHouseLiteral } from '../schema/quote.ts'
import { countIn, inSession, inStore, readQueue } from './observe-databases.ts'
import type { Observed, Queue, WebComponent } from './stack.ts'

/** The observed result of a canary: a test trace that was written to be read back. The check evaluates it. */
export type Canary = {
  readonly traceId: string
  readonly route: CanaryRoute
  readonly address: string
  readonly write: CanaryWrite
  /** undefined: it was not accepted, so it was not read. */
  readonly read: CanaryRead | undefined
  /** Milliseconds by which Langfuse delays events around midnight UTC. */
  readonly heldBackMs: number | undefined
  /** Its rows in ClickHouse, if it was not readable and ClickHouse is reachable. */
  readonly rows: Observed<number>
  /** Langfuse's queues at the timeout. */
  readonly queues: Observed<readonly CanaryQueue[]>
  readonly deletion: CanaryDeletion
  /** Canaries that earlier runs left. */
  readonly left: Observed<CanaryLeft>
}

/**
 * How it is sent. `ingestion`: as clients before v4 do; `otel`: as v4 clients do, the only way that mode `events_only`
 * accepts. `configured`: the web's settings name the mode; otherwise its answers decide.
 */
export type CanaryRoute = {
  readonly path: 'ingestion' | 'otel'
  readonly mode: string
  readonly configured: boolean
}

/** `unanswered`: it may have been accepted. `problem`: Langfuse's message, or why there was none. */
export type CanaryWrite =
  | { readonly state: 'accepted' }
  | { readonly state: 'refused'; readonly status: number; readonly problem: string }
  | { readonly state: 'unanswered'; readonly problem: string }

/** `missing`: the parts that were not readable. `last`: the last answer. */
export type CanaryRead = {
  readonly state: 'seen' | 'missing' | 'refused' | 'cancelled'
  readonly missing: readonly CanaryPart[]
  readonly milliseconds: number
  readonly polls: number
  readonly last: string
}

export type CanaryPart = 'trace' | 'observation' | 'score'

/** `delayed`: includes jobs that wait for a retry. */
export type CanaryQueue = Omit<Queue, 'oldest'> & { readonly delayed: number }

export type CanaryDeletion =
  /** Langfuse deletes in the background. */
  | { readonly state: 'accepted' }
  | { readonly state: 'refused'; readonly problem: string }
  /** Nothing was written. */
  | { readonly state: 'needless' }

export type CanaryLeft = {
  readonly found: number
  readonly deleted: number
  readonly problem: string | undefined
}

/** The first release with `DELETE /api/public/traces/{id}` (web/src/pages/api/public/traces/[traceId].ts). */
const FIRST_WITH_DELETE = '3.39.0'

/** The route for this web, or why no canary is written: one that cannot be deleted is not written. */
export function canaryRoute(
  web: Pick<WebComponent, 'environment' | 'secrets'>,
  release: string | undefined,
): CanaryRoute | string {
  if (release !== undefined && majorOf(release) < 3)
    return `Langfuse ${release} writes only to PostgreSQL, so there is no path through S3, Valkey and ClickHouse to test`
  if (release !== undefined && compareVersions(release, FIRST_WITH_DELETE) < 0)
    return `Langfuse ${release} has no API to delete a trace (added in ${FIRST_WITH_DELETE}), so no canary is written`
  const mode = writeMode(web, release)
  return {
    path: mode === 'events_only' ? 'otel' : 'ingestion',
    mode: mode ?? 'unknown',
    configured: mode !== undefined,
  }
}

/** undefined: neither the settings nor the release determine it. */
function writeMode(
  { environment, secrets }: Pick<WebComponent, 'environment' | 'secrets'>,
  release: string | undefined,
): string | undefined {
  if (release !== undefined && !readsV4Flags(release)) return 'legacy'
  if (secrets[WRITE_MODE.name] !== undefined) return undefined
  const written = environment[WRITE_MODE.name] || undefined
  return written ?? (release === undefined ? undefined : flagDefault(WRITE_MODE.name, release))
}

/** The default of LANGFUSE_INGESTION_QUEUE_DELAY_MS: packages/shared/src/env.ts, v3.0.0 to v4.16.0. */
const USUAL_DELAY_MS = 15_000

/**
 * How long the web delays an event: up to five seconds, and the whole LANGFUSE_INGESTION_QUEUE_DELAY_MS between
 * 23:45 and 00:15 UTC (getDelay of processEventBatch.ts, v3.0.0 to v4.16.0).
 * @param now epoch milliseconds
 */
export function holdsBack(
  environment: Readonly<Record<string, string>>,
  now: number,
): { readonly milliseconds: number; readonly nearMidnight: boolean } {
  const configured = Number(environment['LANGFUSE_INGESTION_QUEUE_DELAY_MS'] || USUAL_DELAY_MS)
  const delay = Number.isFinite(configured) && configured >= 0 ? configured : USUAL_DELAY_MS
  const time = new Date(now)
  const minute = time.getUTCHours() * 60 + time.getUTCMinutes()
  const nearMidnight = minute >= 23 * 60 + 45 || minute <= 15
  return { milliseconds: nearMidnight ? delay : Math.min(5_000, delay), nearMidnight }
}

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
    rows: (traceId, path) =>
      inStore(stores.clickhouse, 'this run does not query ClickHouse', store =>
        countRows(store, traceId, path),
      ),
    queues: () => inStore(stores.valkey, 'this run does not query Valkey', readQueues),
  }
}

async function countRows(
  clickhouse: ClickHouse,
  traceId: string,
  path: CanaryRoute['path'],
): Promise<number> {
  const [table, column] = path === 'otel' ? ['events_full', 'trace_id'] : ['traces', 'id']
  const [row] = await clickhouse.run(
    `SELECT count() AS rows FROM ${table} WHERE ${column} = ${quoteClickHouseLiteral(traceId)}`,
    { timeoutMs: 10_000 },
  )
  return Number(row?.['rows'] ?? 0)
}

function readQueues(valkey: Valkey): Promise<readonly CanaryQueue[]> {
  return inSession(valkey, async session => {
    const queues: CanaryQueue[] = []
    for (const name of QUEUES) {
      const key = `${valkey.prefix}:${name}`
      const { oldest: _oldest, ...queue } = await readQueue(session, key, name)
      queues.push({ ...queue, delayed: await countIn(session, 'ZCARD', `${key}:delayed`) })
    }
    return queues
  })
}

/** The queues of a canary (packages/shared/src/server/queues.ts, v3.0.0 to v4.16.0). */
const QUEUES = ['ingestion-queue', 'secondary-ingestion-queue', 'otel-ingestion-queue'] as const

import { quoteClickHouseLiteral as text } from '../../src/schema/quote.ts'
import type { ClickHouseClient } from './clickhouse-http.ts'
import { atLeast, type Environment } from './environment.ts'
import type { Queues } from './queues.ts'
import type { EventBucket } from './s3.ts'
import { busy, pause } from './world-time.ts'
import { writeMode } from './write-mode.ts'

type Consumer = {
  readonly env: Environment
  readonly release: string
  readonly queues: Queues
  readonly bucket: EventBucket
  readonly clickhouse: ClickHouseClient
  readonly log: (line: string) => void
}

const QUEUES = ['ingestion-queue', 'otel-ingestion-queue', 'trace-delete'] as const
const PAUSE_MS = 10_000
/** So that a Valkey that is away is not asked all the time. */
const PAUSE_AFTER_TROUBLE_MS = 20_000

/** The worker's part of a trace's way: takes jobs from Valkey, reads their events from S3, writes them to ClickHouse. */
export function consume(consumer: Consumer): { close(): Promise<void> } {
  const closing = new AbortController()
  const loop = async () => {
    while (!closing.signal.aborted) {
      const took = await consumer.queues
        .takeOne(QUEUES, (queue, data) => work(consumer, queue, data as Job))
        .catch(() => 'trouble' as const)
      if (took !== true) await pause(took === 'trouble' ? PAUSE_AFTER_TROUBLE_MS : PAUSE_MS, closing.signal)
    }
    consumer.queues.close()
  }
  const ended = busy(loop)
  return {
    close: () => {
      closing.abort()
      return ended
    },
  }
}

type Job = { readonly project: string; readonly key?: string; readonly traceIds?: readonly string[] }

function work(consumer: Consumer, queue: string, job: Job): Promise<void> {
  if (queue === 'trace-delete') return remove(consumer, job)
  return queue === 'ingestion-queue' ? writeEvents(consumer, job) : writeSpans(consumer, job)
}

type Body = Readonly<Record<string, unknown>>

async function writeEvents({ clickhouse, bucket }: Consumer, { project, key = '' }: Job): Promise<void> {
  const events = (await bucket.get(key)) as readonly { readonly type: string; readonly body: Body }[]
  for (const { type, body } of events) {
    const row = rowOf(type, body)
    if (row !== undefined) await insert(clickhouse, row.table, { ...common(project), ...row.values })
  }
}

function rowOf(type: string, body: Body): { readonly table: string; readonly values: object } | undefined {
  const { id, name, traceId: trace_id } = body
  const now = new Date().toISOString()
  if (type === 'trace-create')
    return {
      table: 'traces',
      values: { id, name, tags: body['tags'] ?? [], timestamp: timeOf(body['timestamp'] ?? now) },
    }
  if (type === 'span-create')
    return {
      table: 'observations',
      values: { id, name, trace_id, type: 'SPAN', start_time: timeOf(body['startTime'] ?? now) },
    }
  if (type !== 'score-create') return undefined
  const { value, dataType: data_type } = body
  return {
    table: 'scores',
    values: { id, name, trace_id, value, data_type, source: 'API', timestamp: timeOf(now) },
  }
}

type Spans = readonly {
  readonly scopeSpans: readonly {
    readonly spans: readonly {
      readonly traceId: string
      readonly spanId: string
      readonly name: string
      readonly startTimeUnixNano: string
    }[]
  }[]
}[]

/** With `x-langfuse-ingestion-version: 4`: straight to v4's own table, else to those of v3. */
async function writeSpans(consumer: Consumer, { project, key = '' }: Job): Promise<void> {
  const { clickhouse, bucket, env, release } = consumer
  const legacy = writeMode(env, release) === 'legacy'
  const spans = ((await bucket.get(key)) as Spans).flatMap(resource =>
    resource.scopeSpans.flatMap(scope => scope.spans),
  )
  for (const { traceId: trace_id, spanId, name, startTimeUnixNano } of spans) {
    const start_time = timeOf(new Date(Number(startTimeUnixNano.slice(0, -6))).toISOString())
    const row = { ...common(project), name, start_time, type: 'SPAN', trace_id }
    if (!legacy) await insert(clickhouse, 'events_full', { ...row, span_id: spanId, trace_name: name })
    else await insert(clickhouse, 'observations', { ...row, id: spanId })
  }
}

/** Everything of a trace in every table that the release has. */
async function remove({ clickhouse, release }: Consumer, { project, traceIds = [] }: Job): Promise<void> {
  const ids = traceIds.map(text).join(', ')
  const tables = [
    ['traces', 'id'],
    ['observations', 'trace_id'],
    ['scores', 'trace_id'],
    ...(atLeast(release, '4.0.0')
      ? [['events_full', 'trace_id'] as const, ['events_core', 'trace_id'] as const]
      : []),
  ] as const
  for (const [table, column] of tables) {
    await clickhouse.execute(
      `ALTER TABLE ${table} DELETE WHERE project_id = ${text(project)} AND ${column} IN (${ids}) SETTINGS mutations_sync = 1`,
    )
  }
}

function common(project: string) {
  const now = timeOf(new Date().toISOString())
  return { project_id: project, event_ts: now, created_at: now, updated_at: now, is_deleted: 0 }
}

const timeOf = (iso: unknown) => String(iso).replace('T', ' ').replace('Z', '')

async function insert(clickhouse: ClickHouseClient, table: string, row: object): Promise<void> {
  await clickhouse.execute(`INSERT INTO ${table} FORMAT JSONEachRow`, JSON.stringify(row))
}

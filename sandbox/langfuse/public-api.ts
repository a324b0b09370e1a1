import { randomUUID } from 'node:crypto'
import type { Pool } from 'pg'
import { quoteClickHouseLiteral as text } from '../../src/schema/quote.ts'
import { projectOf } from './api-keys.ts'
import type { ClickHouseClient } from './clickhouse-http.ts'
import { atLeast, type Environment } from './environment.ts'
import type { Queues } from './queues.ts'
import type { EventBucket } from './s3.ts'
import type { Answer, Request, Routes } from './server.ts'
import { hasPreview, writeMode } from './write-mode.ts'

export type Api = {
  readonly env: Environment
  readonly release: string
  readonly pool: Pool
  readonly bucket: EventBucket
  readonly queues: Queues
  readonly clickhouse: ClickHouseClient
  readonly log: (line: string) => void
}

/**
 * Langfuse's public API as far as traces go through it: written to S3, queued in Valkey, answered before the worker has
 * done anything; read from ClickHouse; deleted by the worker. From web/src/pages/api/public at v3.0.0, v3.225.4 and
 * v4.16.0: the paths that a release has, and the words of its refusals.
 */
export function publicApi(api: Api): Routes {
  const { env, release } = api
  const eventsOnly = writeMode(env, release) === 'events_only'
  const reading = (work: Work): Work => (eventsOnly ? async () => NOT_IN_THIS_MODE : work)
  const routes: Record<string, Work> = {
    'POST /api/public/ingestion': ingest,
    'GET /api/public/traces': reading(listTraces),
    'GET /api/public/traces/*': reading(readTrace),
  }
  if (atLeast(release, '3.22.0')) routes['POST /api/public/otel/v1/traces'] = ingestSpans
  if (atLeast(release, '3.39.0')) routes['DELETE /api/public/traces/*'] = deleteTrace
  if (atLeast(release, '4.0.0')) routes['GET /api/public/v2/observations'] = listObservations
  return Object.fromEntries(
    Object.entries(routes).map(([route, work]) => [route, request => answer(api, request, work)]),
  )
}

type Asked = Api & { readonly request: Request; readonly project: string }
type Work = (asked: Asked) => Promise<Answer>

async function answer(api: Api, request: Request, work: Work): Promise<Answer> {
  try {
    const project = await projectOf(request.authorization, { pool: api.pool, salt: api.env.SALT ?? '' })
    if (project === undefined) return UNAUTHORIZED
    return await work({ ...api, request, project })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    api.log(`error\t${message}`)
    return { status: 500, body: { message: 'Invalid request data', errors: [message] } }
  }
}

const UNAUTHORIZED: Answer = {
  status: 401,
  body: {
    error: 'UnauthorizedError',
    message: "Invalid credentials. Confirm that you've configured the correct host.",
  },
}

const NOT_IN_THIS_MODE: Answer = {
  status: 404,
  body: {
    message:
      'This endpoint is not available on deployments running in Langfuse v4 events_only mode. Learn more about Langfuse v4 at: https://langfuse.com/docs/v4',
  },
}

/** A tenth of what Langfuse waits, min(5 s, LANGFUSE_INGESTION_QUEUE_DELAY_MS), so that tests do not wait for nothing. */
const DELAY_MS = 500

type Event = {
  readonly id: string
  readonly type: string
  readonly body: Readonly<Record<string, unknown>>
}

async function ingest({ env, release, bucket, queues, request, project, log }: Asked): Promise<Answer> {
  const batch = (request.body as { batch?: readonly Event[] }).batch ?? []
  const refuses = (event: Event) =>
    writeMode(env, release) === 'events_only' && !['score-create', 'sdk-log'].includes(event.type)
  const taken = batch.filter(event => !refuses(event))
  const keys = new Map(
    taken.map(event => [
      event,
      `${bucket.prefix}${project}/${event.type.replace('-create', '')}/${event.body['id']}/${event.id}.json`,
    ]),
  )
  try {
    for (const [event, key] of keys) await bucket.put(key, [event])
  } catch (error) {
    log(`error\tFailed to upload event to S3 ${String(error)}`)
    throw new Error('Failed to upload events to blob storage, aborting event processing')
  }
  for (const key of keys.values()) await queues.add('ingestion-queue', { key, project }, DELAY_MS)
  const successes = taken.map(({ id }) => ({ id, status: 201 }))
  return { status: 207, body: { successes, errors: batch.filter(refuses).map(refusal) } }
}

const refusal = ({ id, type }: Event) => ({
  id,
  status: 400,
  message: 'Event type not accepted',
  error: `Event type "${type}" is not accepted by /api/public/ingestion when LANGFUSE_MIGRATION_V4_WRITE_MODE is events_only.`,
})

async function ingestSpans({ bucket, queues, request, project }: Asked): Promise<Answer> {
  const { resourceSpans } = request.body as { resourceSpans?: unknown }
  const key = `${bucket.prefix}otel/${project}/${randomUUID()}.json`
  await bucket.put(key, resourceSpans)
  await queues.add('otel-ingestion-queue', { key, project }, 0)
  return { status: 200, body: {} }
}

async function readTrace({ clickhouse, request, project }: Asked): Promise<Answer> {
  const { name: id } = request
  const of = (column: string) =>
    `WHERE project_id = ${text(project)} AND ${column} = ${text(id)} AND is_deleted = 0`
  const [trace] = await clickhouse.query(`SELECT id, name, tags, timestamp FROM traces ${of('id')} LIMIT 1`)
  if (trace === undefined)
    return {
      status: 404,
      body: { message: `Trace ${id} not found within authorized project`, error: 'LangfuseNotFoundError' },
    }
  const observations = await clickhouse.query(`SELECT id, name FROM observations ${of('trace_id')}`)
  const scores = await clickhouse.query(`SELECT id, name FROM scores ${of('trace_id')}`)
  return { status: 200, body: { ...trace, observations, scores } }
}

async function listTraces({ clickhouse, request, project }: Asked): Promise<Answer> {
  const data = await clickhouse.query(
    `SELECT id, name, tags, ${asIso('timestamp')} AS timestamp FROM traces
     WHERE project_id = ${text(project)} AND is_deleted = 0 ${filters(request, { name: 'name', toTimestamp: 'timestamp' })}
     LIMIT ${limitOf(request)} ${PLAIN}`,
  )
  return { status: 200, body: { data, meta: { totalItems: data.length } } }
}

async function listObservations({ env, release, clickhouse, request, project }: Asked): Promise<Answer> {
  if (!hasPreview(env, release)) {
    const message =
      'The observations v2 API is only available in a Langfuse v4 write mode. Learn more at: https://langfuse.com/docs/v4'
    return { status: 404, body: { message, error: 'LangfuseNotFoundError' } }
  }
  const columns = { traceId: 'trace_id', name: 'name', toStartTime: 'start_time' }
  const data = await clickhouse.query(
    `SELECT span_id AS id, trace_id AS "traceId", name, ${asIso('start_time')} AS "startTime" FROM events_core
     WHERE project_id = ${text(project)} AND is_deleted = 0 ${filters(request, columns)} LIMIT ${limitOf(request)} ${PLAIN}`,
  )
  return { status: 200, body: { data, meta: {} } }
}

/** `AND column = value`; of a time that it is before. */
function filters({ query }: Request, columns: Readonly<Record<string, string>>): string {
  return Object.entries(columns)
    .flatMap(([name, column]) => {
      const value = query.get(name)
      if (value === null) return []
      if (!name.startsWith('to')) return [`AND ${column} = ${text(value)}`]
      return [`AND ${column} < parseDateTime64BestEffort(${text(value)}, 3, 'UTC')`]
    })
    .join(' ')
}

const asIso = (column: string) => `formatDateTime(${column}, '%Y-%m-%dT%H:%i:%SZ', 'UTC')`

/** What is selected may be called as the column that it comes from. */
const PLAIN = 'SETTINGS prefer_column_name_to_alias = 1'

const limitOf = ({ query }: Request) => Number(query.get('limit') ?? 50)

async function deleteTrace({ queues, request, project }: Asked): Promise<Answer> {
  await queues.add('trace-delete', { traceIds: [request.name], project }, DELAY_MS)
  return { status: 200, body: { message: 'Trace deleted successfully' } }
}

import { Pool } from 'pg'
import { startBackgroundMigrations } from './background-migrations.ts'
import { clickhouseClient, clickhouseOf } from './clickhouse-http.ts'
import { consume } from './consumer.ts'
import {
  atLeast,
  databaseUrl,
  databaseUrlMissing,
  type Environment,
  releaseOf,
  setVariable,
} from './environment.ts'
import { ingest } from './ingest.ts'
import { queuesOf } from './queues.ts'
import { eventBucket } from './s3.ts'
import { type Answer, type Request, type Routes, serve } from './server.ts'

type Log = (line: string) => void

/**
 * Stands for the container of langfuse/langfuse-worker: no migrations at start, health from its own point of view,
 * background migrations beside it. Comes back with an exit status, or undefined once it listens.
 */
export async function worker(env: Environment, log: Log): Promise<number | undefined> {
  const release = releaseOf(env)
  const url = databaseUrl(env)
  if (url === undefined) {
    log(databaseUrlMissing)
    return 1
  }
  const invalid = invalidVariables(env, release)
  if (invalid.length > 0) {
    log(`ZodError: ${JSON.stringify(invalid, undefined, 2)}`)
    return 1
  }
  const pool = new Pool({ connectionString: url, max: 4, connectionTimeoutMillis: 5_000 })
  pool.on('error', error => write(`error\t${error.message}`))
  const write: Log = line => log(`${new Date().toISOString()} ${line}`)
  const migrations = migratesInBackground(env, release)
    ? startBackgroundMigrations({ pool, env, release, log: write })
    : undefined
  const consumer = consumerOf(env, release, write)
  await serve({
    listen: setVariable(env, 'SANDBOX_LISTEN') ?? '127.0.0.1:3030',
    routes: routesOf({ env, release, pool, log: write }),
    onStop: async () => {
      await consumer?.close()
      await migrations?.close()
      await pool.end()
    },
    log: line => write(`info\t${line}`),
  })
  write('info\tListening: http://0.0.0.0:3030')
  return undefined
}

/** What takes the jobs; before v3 there were none for it. */
function consumerOf(env: Environment, release: string, log: Log) {
  const queues = atLeast(release, '3.0.0') ? queuesOf(env, log) : undefined
  const bucket = eventBucket(env)
  const clickhouse = clickhouseOf(env)
  if (queues === undefined || bucket === undefined || clickhouse === undefined) return undefined
  return consume({ env, release, queues, bucket, clickhouse, log })
}

// Off by default in v2, on by default from 3.0.0 (worker/src/env.ts at v2.93.7 and v3.0.0).
function migratesInBackground(env: Environment, release: string): boolean {
  const fallback = atLeast(release, '3.0.0') ? 'true' : 'false'
  return (setVariable(env, 'LANGFUSE_ENABLE_BACKGROUND_MIGRATIONS') ?? fallback) === 'true'
}

/** What zod says about the environment before anything starts: v3 needs ClickHouse and a bucket for events. */
function invalidVariables(env: Environment, release: string): readonly object[] {
  if (!atLeast(release, '3.0.0')) return []
  const required = [
    'LANGFUSE_S3_EVENT_UPLOAD_BUCKET',
    'CLICKHOUSE_URL',
    'CLICKHOUSE_USER',
    'CLICKHOUSE_PASSWORD',
  ]
  return required
    .filter(name => setVariable(env, name) === undefined)
    .map(name => ({
      code: 'invalid_type',
      expected: 'string',
      received: 'undefined',
      path: [name],
      message: name.includes('BUCKET') ? 'Langfuse requires a bucket name for S3 Event Uploads.' : 'Required',
    }))
}

type Context = { readonly env: Environment; readonly release: string; readonly pool: Pool; readonly log: Log }

// Redis is not part of the sandbox yet, so its PING counts as answered.
function routesOf(context: Context): Routes {
  const routes: Routes = {
    'GET /': () => ({ status: 200, body: { message: 'Langfuse Worker API 🚀' } }),
    'GET /api/health': () => health(context),
    'GET /api/ready': request =>
      request.terminating
        ? { status: 500, body: { status: 'SIGTERM / SIGINT received, shutting down' } }
        : health(context),
  }
  if (!atLeast(context.release, '3.0.0')) return routes
  return { ...routes, 'POST /sandbox/ingest': request => ingestRoute(request, context) }
}

async function health({ pool, log }: Context): Promise<Answer> {
  try {
    await pool.query('SELECT 1')
    return { status: 200, body: { status: 'ok' } }
  } catch (error) {
    log(`error\tHealth check failed ${error instanceof Error ? error.message : String(error)}`)
    return { status: 500, body: { status: 'error' } }
  }
}

async function ingestRoute({ body }: Request, { pool, env }: Context): Promise<Answer> {
  const clickhouse = clickhouseClient({
    url: env.CLICKHOUSE_URL ?? '',
    user: env.CLICKHOUSE_USER ?? '',
    password: env.CLICKHOUSE_PASSWORD ?? '',
    database: setVariable(env, 'CLICKHOUSE_DB') ?? 'default',
  })
  const count = typeof body === 'object' && body !== null && 'count' in body ? Number(body.count) : 5
  return { status: 200, body: await ingest({ pool, clickhouse, count }) }
}

if (import.meta.main) {
  process.exitCode = await worker(process.env, line => console.log(line))
}

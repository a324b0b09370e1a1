import { Pool } from 'pg'
import { clickhouseOf } from './clickhouse-http.ts'
import { type DeepProbe, deepProbe } from './deep-probe.ts'
import {
  atLeast,
  databaseUrl,
  databaseUrlMissing,
  type Environment,
  releaseOf,
  setVariable,
} from './environment.ts'
import { migrateUp } from './golang-migrate-rules.ts'
import { type Image, readImage } from './image.ts'
import { cleanUp, migrateDeploy } from './prisma-rules.ts'
import { publicApi } from './public-api.ts'
import { type Queues, queuesOf } from './queues.ts'
import { eventBucket } from './s3.ts'
import { type Answer, type Request, type Routes, serve } from './server.ts'

type Log = (line: string) => void

/**
 * Stands for the container of langfuse/langfuse: its entrypoint migrates both databases, then the command runs.
 * Without SANDBOX_COMMAND that is the server, and undefined comes back once it listens; otherwise the exit status does.
 */
export async function web(env: Environment, log: Log): Promise<number | undefined> {
  const url = databaseUrl(env)
  const image = readImage(releaseOf(env))
  const refusal = refusalOf(env, url, image)
  if (url === undefined || refusal !== undefined) {
    log(refusal ?? databaseUrlMissing)
    return 1
  }
  const status = await migrate({ env, url, image, log })
  if (status !== 0) return status
  const command = commandOf(env)
  if (command !== undefined) return runCommand(command, log)
  await start({ env, url, image, log })
  return undefined
}

function refusalOf(env: Environment, url: string | undefined, image: Image): string | undefined {
  if (url === undefined) return databaseUrlMissing
  if (atLeast(image.release, '3.0.0') && setVariable(env, 'CLICKHOUSE_URL') === undefined) {
    return 'Error: CLICKHOUSE_URL is not configured. Migrating from V2? Check out migration guide at https://langfuse.com/docs/deployment/v3/migrate-v2-to-v3.'
  }
  return undefined
}

/** The entrypoint: cleanup.sql, prisma migrate deploy, up.sh; each can be disabled, and a failure ends the container. */
async function migrate(given: { env: Environment; url: string; image: Image; log: Log }): Promise<number> {
  const { env, url, image, log } = given
  const directUrl = setVariable(env, 'DIRECT_URL') ?? url
  if (env.LANGFUSE_AUTO_POSTGRES_MIGRATION_DISABLED !== 'true') {
    await cleanUp({ databaseUrl: directUrl, names: image.postgresCleanup, log })
    const status = await migrateDeploy({ databaseUrl: directUrl, migrations: image.postgresMigrations, log })
    if (status !== 0) return failed('database', status, log)
  }
  if (env.LANGFUSE_AUTO_CLICKHOUSE_MIGRATION_DISABLED !== 'true') {
    const status = await migrateUp({
      env,
      release: image.release,
      migrations: image.clickhouseMigrations,
      log,
    })
    if (status !== 0) return failed('clickhouse', status, log)
  }
  return 0
}

function failed(what: 'database' | 'clickhouse', status: number, log: Log): number {
  log(`Applying ${what} migrations failed. This is mostly caused by the database being unavailable.`)
  log('Exiting...')
  return status
}

/** SANDBOX_COMMAND: a task's command override as a JSON array. Undefined means the image's own, the server. */
function commandOf(env: Environment): readonly string[] | undefined {
  const given = setVariable(env, 'SANDBOX_COMMAND')
  return given === undefined ? undefined : (JSON.parse(given) as readonly string[])
}

function runCommand(command: readonly string[], log: Log): number {
  const [program = ''] = command
  if (program === 'true') return 0
  if (program === 'false') return 1
  log(`./web/entrypoint.sh: exec: line 56: ${program}: not found`)
  return 127
}

async function start(given: { env: Environment; url: string; image: Image; log: Log }): Promise<void> {
  const { env, url, image, log } = given
  const pool = new Pool({ connectionString: url, max: 4, connectionTimeoutMillis: 5_000 })
  pool.on('error', error => log(`error\t${error.message}`))
  const probe = probeOf({ env, pool, image })
  const listen = setVariable(env, 'SANDBOX_LISTEN') ?? '127.0.0.1:3000'
  const queues = queuesOf(env, log)
  const routes = { ...routesOf({ pool, image, probe }), ...apiOf({ env, pool, image, queues, log }) }
  const onStop = async () => {
    queues?.close()
    await pool.end()
  }
  await serve({ listen, routes, onStop, log })
  log(
    `   ▲ Next.js\n   - Local:        http://localhost:3000\n\n ✓ Ready in ${Math.round(performance.now())}ms`,
  )
}

/** The way in for traces; before v3 there was no other store behind it than Postgres, and nobody here asks for that. */
function apiOf(given: {
  env: Environment
  pool: Pool
  image: Image
  queues: Queues | undefined
  log: Log
}): Routes {
  const { env, image, queues } = given
  const bucket = eventBucket(env)
  const clickhouse = clickhouseOf(env)
  if (
    !atLeast(image.release, '3.0.0') ||
    bucket === undefined ||
    queues === undefined ||
    clickhouse === undefined
  )
    return {}
  return publicApi({ ...given, release: image.release, bucket, queues, clickhouse })
}

function probeOf({ env, pool, image }: { env: Environment; pool: Pool; image: Image }): DeepProbe {
  const postgres = { pool, snapshot: image.postgresSnapshot() }
  const client = clickhouseOf(env)
  if (client === undefined) return deepProbe({ postgres })
  return deepProbe({ postgres, clickhouse: { client, snapshot: image.clickhouseSnapshot() } })
}

function routesOf({ pool, image, probe }: { pool: Pool; image: Image; probe: DeepProbe }): Routes {
  const version = image.reportedVersion
  const answer = (status: number, text: string): Answer => ({ status, body: { status: text, version } })
  return {
    'GET /': () => ({ status: 200, body: '<!DOCTYPE html><title>Langfuse</title>' }),
    'GET /api/public/health': request => health(request, pool, answer),
    'GET /api/public/ready': ({ terminating }) =>
      terminating ? answer(500, 'SIGTERM / SIGINT received, shutting down') : answer(200, 'OK'),
    'GET /sandbox/deep-probe': probe,
  }
}

async function health(
  { query }: Request,
  pool: Pool,
  answer: (status: number, text: string) => Answer,
): Promise<Answer> {
  if (query.get('failIfDatabaseUnavailable') !== 'true') return answer(200, 'OK')
  return pool.query('SELECT 1').then(
    () => answer(200, 'OK'),
    () => answer(503, 'Database not available'),
  )
}

if (import.meta.main) {
  process.exitCode = await web(process.env, line => console.log(line))
}

import { join } from 'node:path'
import { articleImages, keepImages, publishImages, pushImages } from './article/images.ts'
import { createClickHouse, createWeb, createWorker, type WebPlatform } from './article/services.ts'
import { type ArticleSettings, CACHE_TOKEN, createSettings, OTHER_SECRETS } from './article/settings.ts'
import { isSteady, operationStatus, until } from './article/wait.ts'
import { type Postgres, startPostgres } from './engines/postgres.ts'
import { type ApiKey, createApiKey } from './langfuse/api-keys.ts'
import { type Sandbox, startSandbox } from './sandbox.ts'
import { seedV2 } from './seed.ts'
import { startValkey, type Valkey } from './valkey.ts'

/**
 * The stack of the article as its Terraform module leaves it (tubone24/langfuse-v3-terraform a711e1d): names, sizes,
 * `:latest` images, 200/100 percent and all, with real databases and stand-ins for Langfuse's containers. Resolves when
 * all services are in steady state and the web has run its migrations. Stops everything if it fails.
 */
export async function startArticleStack(options: ArticleOptions): Promise<ArticleStack> {
  const log = options.log ?? (() => undefined)
  const release = options.release ?? '2.93.7'
  const postgres = await startPostgres({
    folder: join(options.folder, 'postgres'),
    password: DATABASE_PASSWORD,
  })
  log('PostgreSQL is running')
  let sandbox: Sandbox | undefined
  let valkey: Valkey | undefined
  try {
    valkey = await startValkey({ password: CACHE_TOKEN })
    sandbox = await startSandbox({ ...options, speed: options.speed ?? SPEED })
    return await build({
      sandbox,
      postgres,
      valkey,
      release,
      clickhouse: options.clickhouse ?? '24.8.7',
      worker: options.worker ?? {},
      web: options.web ?? {},
      seed: options.seed ?? false,
      webPlatform: options.webPlatform ?? 'app-runner',
      pushed: options.pushed ?? ['2.93.7', '3.0.0'],
      sound: options.sound ?? false,
      log,
    })
  } catch (error) {
    await sandbox?.stop()
    await valkey?.stop()
    await postgres.stop()
    throw error
  }
}

/** A rollout of minutes takes less than a second, and a pause of a second more than a tick of the clock. */
const SPEED = 300

export type ArticleOptions = {
  readonly folder: string
  /** Times as fast as real time; 300 by default. */
  readonly speed?: number
  readonly port?: number
  /** The release that `latest` is; 2.93.7 by default. */
  readonly release?: string
  /** The ClickHouse that `latest` is; 24.8.7 by default, which v4 refuses. */
  readonly clickhouse?: string
  /** Environment variables of the worker in addition to the module's. */
  readonly worker?: Readonly<Record<string, string>>
  /** The same for the web. */
  readonly web?: Readonly<Record<string, string>>
  /** Fill the database with a small team's data: that of 2.93.7. */
  readonly seed?: boolean
  /** Where the web runs; on App Runner by default. */
  readonly webPlatform?: WebPlatform
  /** Releases that are in the repositories and on Docker Hub beside the one that runs; 2.93.7 and 3.0.0 by default. */
  readonly pushed?: readonly string[]
  /** Without the module's mistakes, so that `verify` has no finding. */
  readonly sound?: boolean
  readonly log?: (line: string) => void
}

export type ArticleStack = {
  readonly sandbox: Sandbox
  readonly postgres: Postgres
  readonly valkey: Valkey
  /** By its Aurora endpoint's name: for processes in the VPC. */
  readonly databaseUrl: string
  readonly databaseUrlLocal: string
  readonly clickhouseUrl: string
  readonly clickhouseUser: string
  readonly clickhousePassword: string
  /** The same ClickHouse by a loopback port that stays while its task changes. */
  readonly clickhouseUrlLocal: string
  readonly webUrl: string
  /** Makes a key of a project (that key, when one is given), with which traces can be written; a database without projects gets one. */
  createApiKey(key?: ApiKey): Promise<ApiKey>
  /** The ARN of the web's App Runner or ECS service. */
  readonly webArn: string
  stop(): Promise<void>
}

// In the alphabet of the module's random_password: letters, digits and _!%^ (here without %, which breaks a URL).
const DATABASE_PASSWORD = 'K7w_tR2!mZ9qLx4e'
const CLICKHOUSE_PASSWORD = 'p3X!vN8_sQ6yHb1d'

type Parts = {
  readonly sandbox: Sandbox
  readonly postgres: Postgres
  readonly valkey: Valkey
  readonly release: string
  readonly clickhouse: string
  readonly worker: Readonly<Record<string, string>>
  readonly web: Readonly<Record<string, string>>
  readonly seed: boolean
  readonly webPlatform: WebPlatform
  readonly pushed: readonly string[]
  readonly sound: boolean
  readonly log: (line: string) => void
}

async function build(parts: Parts): Promise<ArticleStack> {
  const { sandbox, postgres, valkey, release, log } = parts
  const { world } = sandbox
  const settings = createSettings(world, {
    postgresPort: postgres.port,
    valkeyPort: valkey.port,
    databasePassword: DATABASE_PASSWORD,
    clickhousePassword: CLICKHOUSE_PASSWORD,
    sound: parts.sound ? { langfuse: release, clickhouse: parts.clickhouse } : undefined,
  })
  if (parts.sound) valkey.state.policy = 'noeviction'
  pushImages(world, articleImages(parts))
  keepImages(world, parts.sound)
  publishImages(world, [...new Set([...parts.pushed, parts.release])], parts.clickhouse)
  const web = await bringUp(parts, settings)
  log('Worker, ClickHouse and web are in steady state')
  const clickhousePort = await world.expose('clickhouse.langfuse.local', 8123)
  return {
    sandbox,
    postgres,
    valkey,
    databaseUrl: settings.databaseUrl,
    databaseUrlLocal: postgres.url,
    clickhouseUrl: 'http://clickhouse.langfuse.local:8123',
    clickhouseUser: 'clickhouse',
    clickhousePassword: CLICKHOUSE_PASSWORD,
    clickhouseUrlLocal: `http://127.0.0.1:${clickhousePort}`,
    webUrl: world.frontEndpoint(web),
    createApiKey: key => createApiKey(postgres.url, { salt: OTHER_SECRETS.SALT, key }),
    webArn: web,
    stop: async () => {
      await sandbox.stop()
      await valkey.stop()
      await postgres.stop()
    },
  }
}

/** In the order of their dependencies: the web migrates ClickHouse, the worker reads the web's tables. */
async function bringUp(parts: Parts, settings: ArticleSettings): Promise<string> {
  const { world } = parts.sandbox
  await createClickHouse(world, settings)
  await until({ what: 'the ClickHouse service', world, done: () => isSteady(world, 'clickhouse') })
  parts.log('ClickHouse is in steady state on its EFS volume')
  const web = await createWeb(world, settings, { platform: parts.webPlatform, more: parts.web })
  await until({
    what: 'the web service',
    world,
    done: () =>
      parts.webPlatform === 'app-runner'
        ? operationStatus(world, web) === 'SUCCEEDED'
        : isSteady(world, 'langfuse_web'),
  })
  parts.log(
    `Langfuse ${parts.release} ran its Postgres and ClickHouse migrations and serves ${world.frontEndpoint(web)}`,
  )
  if (parts.seed) {
    const seeded = await seedV2(parts.postgres.url)
    parts.log(`Seeded ${seeded.traces} traces, ${seeded.observations} observations, ${seeded.scores} scores`)
  }
  await createWorker(world, settings, parts.worker)
  await until({ what: 'the worker service', world, done: () => isSteady(world, 'langfuse_worker') })
  return web
}

import { type ClickHouseClient, ClickHouseError, clickhouseClient } from './clickhouse-http.ts'
import { atLeast, type Environment, setVariable } from './environment.ts'

/** One of the numbered ClickHouse migrations inside an image. */
export type ClickHouseMigration = {
  readonly version: number
  readonly name: string
  readonly statements: (database: string) => readonly string[]
}

type Options = {
  readonly env: Environment
  readonly release: string
  /** Sorted by version. */
  readonly migrations: readonly ClickHouseMigration[]
  readonly log: (line: string) => void
}

/**
 * `clickhouse/scripts/up.sh` and the `migrate up` of golang-migrate that it runs; the exit status comes back.
 * The real one speaks ClickHouse's native protocol to CLICKHOUSE_MIGRATION_URL. This one only looks whether that is set
 * as the real one needs it, and then migrates through the HTTP interface at CLICKHOUSE_URL.
 */
export async function migrateUp(options: Options): Promise<number> {
  const url = setVariable(options.env, 'CLICKHOUSE_URL')
  if (url === undefined) {
    options.log('Info: CLICKHOUSE_URL not configured, skipping migration.')
    return 0
  }
  const failure = await migrateThrough(url, options).catch((error: unknown) => failureOf(error, options.env))
  if (failure === undefined) return 0
  options.log(`error: ${failure}`)
  return 1
}

async function migrateThrough(url: string, options: Options): Promise<string | undefined> {
  if (setVariable(options.env, 'CLICKHOUSE_MIGRATION_URL') === undefined) {
    return 'failed to parse scheme from database URL: no scheme'
  }
  if (isClustered(options)) {
    // What a single ClickHouse without Keeper answers to the ON CLUSTER of the migrations table.
    return 'failed to open database: code: 139, message: There is no Zookeeper configuration in server config'
  }
  const access = credentials(options)
  const clickhouse = clickhouseClient({ url, ...access })
  await ensureVersionTable(clickhouse, access.database)
  const current = await currentVersion(clickhouse)
  if (current?.dirty) return `Dirty database version ${current.version}. Fix and force version.`
  return upFrom(current?.version ?? -1, { clickhouse, database: access.database }, options)
}

/**
 * Every step writes (version, dirty) before and (version, clean) after its statements. A database ahead of the image's
 * files is an error: this is why an older web image does not start on a newer ClickHouse schema.
 */
async function upFrom(
  version: number,
  { clickhouse, database }: { readonly clickhouse: ClickHouseClient; readonly database: string },
  { migrations, log }: Options,
): Promise<string | undefined> {
  if (version >= 0 && !migrations.some(migration => migration.version === version)) {
    return `no migration found for version ${version}: read down for version ${version} .: file does not exist`
  }
  const pending = migrations.filter(migration => migration.version > version)
  if (pending.length === 0) log('no change')
  for (const migration of pending) {
    const started = performance.now()
    await setVersion(clickhouse, migration.version, true)
    for (const statement of migration.statements(database)) {
      const failure = await run(clickhouse, statement)
      if (failure !== undefined) return failure
    }
    await setVersion(clickhouse, migration.version, false)
    log(`${migration.version}/u ${migration.name} (${(performance.now() - started).toFixed(6)}ms)`)
  }
  return undefined
}

async function run(clickhouse: ClickHouseClient, statement: string): Promise<string | undefined> {
  try {
    await clickhouse.execute(statement)
    return undefined
  } catch (error) {
    if (!(error instanceof ClickHouseError)) throw error
    return `migration failed in line 0: ${statement} (details: code: ${error.code}, message: ${error.message})`
  }
}

// The meaning of an unset variable changed: v2's script is unclustered unless told, v3's is clustered unless told.
function isClustered({ env, release }: Options): boolean {
  const enabled = env.CLICKHOUSE_CLUSTER_ENABLED
  return atLeast(release, '3.0.0') ? enabled !== 'false' : enabled === 'true'
}

/** up.sh builds a URL out of strings, so what is special in a URL changes the password that arrives. */
function credentials({ env, release }: Options) {
  const database = (atLeast(release, '3.6.0') ? setVariable(env, 'CLICKHOUSE_DB') : undefined) ?? 'default'
  const query = `username=${env.CLICKHOUSE_USER ?? ''}&password=${env.CLICKHOUSE_PASSWORD ?? ''}&database=${database}`
  const parsed = new URL(`clickhouse://host:9000?${query}`).searchParams
  return {
    user: parsed.get('username') ?? '',
    password: parsed.get('password') ?? '',
    database: parsed.get('database') ?? 'default',
  }
}

async function ensureVersionTable(clickhouse: ClickHouseClient, database: string): Promise<void> {
  const tables = await clickhouse.query(`SHOW TABLES FROM \`${database}\` LIKE 'schema_migrations'`)
  if (tables.length > 0) return
  await clickhouse.execute(
    'CREATE TABLE schema_migrations (version Int64, dirty UInt8, sequence UInt64) ENGINE = MergeTree ORDER BY sequence',
  )
}

async function currentVersion(
  clickhouse: ClickHouseClient,
): Promise<{ readonly version: number; readonly dirty: boolean } | undefined> {
  const [row] = await clickhouse.query(
    'SELECT version, dirty FROM schema_migrations ORDER BY sequence DESC LIMIT 1',
  )
  return row === undefined ? undefined : { version: Number(row.version), dirty: Number(row.dirty) === 1 }
}

// The sequence is Go's time.Now().UnixNano(). What ran before may have lived in a later time of the sandbox's.
async function setVersion(clickhouse: ClickHouseClient, version: number, dirty: boolean): Promise<void> {
  const now = `${Date.now()}000000`
  await clickhouse.execute(
    `INSERT INTO schema_migrations SELECT ${version}, ${dirty ? 1 : 0}, greatest(toUInt64(${now}), max(sequence) + 1) FROM schema_migrations`,
  )
}

function failureOf(error: unknown, env: Environment): string {
  if (error instanceof ClickHouseError) {
    return `failed to open database: code: ${error.code}, message: ${error.message}`
  }
  const at = new URL(env.CLICKHOUSE_MIGRATION_URL ?? '')
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  if (code === 'ENOTFOUND') return `failed to open database: dial tcp: lookup ${at.hostname}: no such host`
  if (code === 'ECONNREFUSED')
    return `failed to open database: dial tcp ${at.host}: connect: connection refused`
  return `failed to open database: ${error instanceof Error ? error.message : String(error)}`
}

import type {
  ClickHouse,
  Postgres,
  PostgresSession,
  Row,
  Valkey,
  ValkeyReply,
  ValkeySession,
} from '../ports/databases.ts'
import { KEPT_DAYS } from '../schema/keep-calls.ts'
import { readPostgresSnapshot } from '../schema/postgres-schema.ts'
import { reading } from '../schema/postgres-session.ts'
import { inSchema } from '../schema/quote.ts'
import { readLock } from '../schema/run-lock.ts'
import type {
  BackgroundMigration,
  ClickHouseState,
  KeptData,
  Observed,
  PendingUndo,
  PostgresMigration,
  PostgresState,
  Queue,
  ValkeyState,
} from './stack.ts'
import { observed, unknown } from './stack.ts'

const NOT_GIVEN = 'this runner does not reach the databases: set `network: direct` with'

/** PostgreSQL's migrations. A wrong password counts as `unreachable`. */
export function observePostgres(
  postgres: Postgres | undefined,
  missing = `${NOT_GIVEN} \`database-url\``,
): Promise<Observed<PostgresState>> {
  return inStore(postgres, missing, store =>
    reading(store, session => readPostgres(session, store.at.schema)),
  )
}

/** What `read` finds in a store. A store without an address is not read: `missing` says why. */
export async function inStore<Store extends { readonly address: string }, Value>(
  store: Store | undefined,
  missing: string,
  read: (store: Store) => Promise<Value>,
  failure: Parameters<typeof observed>[2] = {},
): Promise<Observed<Value>> {
  if (store === undefined) return unknown(missing, 'not-asked')
  return observed(store.address, () => read(store), failure)
}

export const NO_CLICKHOUSE = 'the address of ClickHouse is unknown'

/** Connects, reads and closes. */
export async function inSession<Session extends { close(): Promise<void> | void }, Value>(
  store: { connect(): Promise<Session> },
  read: (session: Session) => Promise<Value>,
): Promise<Value> {
  const session = await store.connect()
  try {
    return await read(session)
  } finally {
    await session.close()
  }
}

/** Langfuse's tables are in the schema of its URL, whatever the role's search_path is. */
async function readPostgres(session: PostgresSession, schema: string): Promise<PostgresState> {
  const migrations = await readMigrations(session, inSchema(schema, '_prisma_migrations'))
  const failed = migrations.some(migration => migration.state === 'failed')
  const table = inSchema(schema, 'background_migrations')
  const background = await tableExists(session, table)
  return {
    migrations,
    backgroundMigrations: background ? await readBackgroundMigrations(session, table) : [],
    noBackgroundMigrations: !background,
    pending: await readPending(session),
    kept: await readKept(session),
    lock: await readLock(session),
    ...(failed && schema === 'public' && { schema: await readPostgresSnapshot(sql => session.run(sql)) }),
  }
}

async function readMigrations(
  session: PostgresSession,
  table: string,
): Promise<readonly PostgresMigration[]> {
  if (!(await tableExists(session, table))) return []
  const rows = await session.run(
    `SELECT migration_name, checksum, finished_at IS NOT NULL AS finished, rolled_back_at IS NOT NULL AS rolled_back FROM ${table} ORDER BY migration_name COLLATE "C", started_at`,
  )
  return rows.map(row => ({
    name: String(row['migration_name']),
    checksum: String(row['checksum']),
    state: migrationState(row),
  }))
}

function migrationState(row: Row): PostgresMigration['state'] {
  if (row['rolled_back'] === true) return 'rolled-back'
  return row['finished'] === true ? 'applied' : 'failed'
}

async function readBackgroundMigrations(
  session: PostgresSession,
  table: string,
): Promise<readonly BackgroundMigration[]> {
  const rows = await session.run(
    `SELECT name, script, args->>'envGate' AS gate, left(failed_reason, ${WORDS}) AS failure,
       state IS NOT NULL AND state::text <> '{}' AS begun,
       finished_at IS NULL AND failed_at IS NULL
         AND coalesce(locked_at > (now() AT TIME ZONE 'UTC') - interval '60 s', false) AS active,
       CASE WHEN failed_at IS NOT NULL THEN 'failed' WHEN finished_at IS NOT NULL THEN 'finished' ELSE 'unfinished' END AS state
     FROM ${table} ORDER BY name COLLATE "C"`,
  )
  return rows.map(row => ({
    name: String(row['name']),
    state: row['state'] as BackgroundMigration['state'],
    gate: typeof row['gate'] === 'string' ? row['gate'] : undefined,
    active: row['active'] === true,
    script: String(row['script']),
    failure: typeof row['failure'] === 'string' ? row['failure'].split('\n')[0] : undefined,
    begun: row['begun'] === true,
  }))
}

/** Characters of a failed_reason: a stack trace may follow its first sentence. */
const WORDS = 200

/** Unfinished rollbacks in the journal: Postgres migrations end with `validate`, ClickHouse migrations with `contract`. */
async function readPending(session: PostgresSession): Promise<readonly PendingUndo[]> {
  if (!(await tableExists(session, 'langfuse_rollout.journal'))) return []
  const rows = await session.run(
    `SELECT store, migration, phase FROM langfuse_rollout.journal
     WHERE phase = 'expand' OR (phase = 'contract' AND store = 'postgres') ORDER BY store, migration COLLATE "C"`,
  )
  return rows.map(row => ({
    store: row['store'] as PendingUndo['store'],
    migration: String(row['migration']),
    phase: row['phase'] as PendingUndo['phase'],
  }))
}

async function readKept(session: PostgresSession): Promise<readonly KeptData[]> {
  if (!(await tableExists(session, 'langfuse_rollout.kept'))) return []
  const rows = await session.run(
    `SELECT DISTINCT ON (migration, kind, relation, column_name) migration, kind, relation, column_name, stored_as, rows,
       given_back_at IS NULL AND coalesce(closed_at < now() - interval '${KEPT_DAYS} days', false) AS is_old,
       extract(epoch FROM begun_at)::float8 * 1000 AS at,
       CASE WHEN given_back_at IS NOT NULL THEN 'given-back' WHEN problem IS NOT NULL THEN 'incomplete'
         WHEN closed_at IS NOT NULL THEN 'complete' WHEN kept_at IS NOT NULL THEN 'open' ELSE 'begun' END AS state
     FROM langfuse_rollout.kept ORDER BY migration, kind, relation, column_name, id DESC`,
  )
  return rows.map(row => ({
    migration: String(row['migration']),
    kind: row['kind'] as KeptData['kind'],
    relation: String(row['relation']),
    column: textOf(row['column_name']),
    storedAs: textOf(row['stored_as']),
    rows: row['rows'] === null ? undefined : Number(row['rows']),
    at: Number(row['at']),
    state: row['state'] as KeptData['state'],
    isOld: row['is_old'] === true,
  }))
}

function textOf(value: unknown): string | undefined {
  return value === null ? undefined : String(value)
}

async function tableExists(session: PostgresSession, table: string): Promise<boolean> {
  const [row] = await session.run('SELECT to_regclass($1) IS NOT NULL AS present', [table])
  return row?.['present'] === true
}

/** golang-migrate's state, and the server's version and timezone. */
export function observeClickHouse(
  clickhouse: ClickHouse | undefined,
  missing = `${NOT_GIVEN} \`clickhouse-url\``,
): Promise<Observed<ClickHouseState>> {
  return inStore(clickhouse, missing, readClickHouse)
}

async function readClickHouse(clickhouse: ClickHouse): Promise<ClickHouseState> {
  const [server] = await clickhouse.run(
    'SELECT version() AS version, timezone() AS timezone, hostName() AS host',
  )
  if (typeof server?.['version'] !== 'string')
    throw new Error(`The server at ${clickhouse.address} is not ClickHouse.`)
  const [migrated] = await clickhouse.run('EXISTS TABLE schema_migrations')
  const exists = Object.values(migrated ?? {}).some(value => Number(value) === 1)
  // The newest row counts: golang-migrate only inserts (x-migrations-table-engine=MergeTree, ORDER BY sequence).
  const [head] = exists
    ? await clickhouse.run('SELECT version, dirty FROM schema_migrations ORDER BY sequence DESC LIMIT 1')
    : []
  const kept = await clickhouse.run(
    "SELECT name FROM system.tables WHERE database = 'langfuse_rollout' AND startsWith(name, 'kept__')",
  )
  return {
    version: server['version'],
    timezone: String(server['timezone'] ?? ''),
    host: String(server['host'] ?? ''),
    head: Math.max(0, Number(head?.['version'] ?? 0)),
    dirty: Number(head?.['dirty'] ?? 0) === 1,
    kept: kept.map(({ name }) => String(name)),
  }
}

/** Valkey's memory, and Langfuse's queues in it. */
export function observeValkey(
  valkey: Valkey | undefined,
  missing = 'input `redis-url` is empty',
): Promise<Observed<ValkeyState>> {
  return inStore(valkey, missing, store => inSession(store, session => readValkey(session, store.prefix)))
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
export async function readQueue(session: ValkeySession, key: string, name: string): Promise<Queue> {
  const waiting = await countIn(session, 'LLEN', `${key}:wait`)
  const prioritized = await countIn(session, 'ZCARD', `${key}:prioritized`)
  const active = await countIn(session, 'LLEN', `${key}:active`)
  const failed = await countIn(session, 'ZCARD', `${key}:failed`)
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

export async function countIn(session: ValkeySession, command: string, key: string): Promise<number> {
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

import { explain } from '../errors/errors.ts'
import type { ClickHouse, Postgres, PostgresSession, Row } from '../ports/databases.ts'
import { readPostgresSnapshot } from '../schema/postgres-schema.ts'
import type {
  BackgroundMigration,
  ClickHouseState,
  Observed,
  PendingUndo,
  PostgresMigration,
  PostgresState,
} from './stack.ts'
import { known, unknown } from './stack.ts'

const NOT_GIVEN = 'this runner does not reach the databases: set `network: direct` with'

/** PostgreSQL's migrations. A wrong password counts as `unreachable`. */
export async function observePostgres(
  postgres: Postgres | undefined,
  missing = `${NOT_GIVEN} \`database-url\``,
): Promise<Observed<PostgresState>> {
  if (postgres === undefined) return unknown(missing, 'not-asked')
  try {
    const session = await postgres.connect()
    try {
      return known(await readPostgres(session), postgres.address)
    } finally {
      await session.close()
    }
  } catch (error) {
    return unknown(explain(error), 'unreachable')
  }
}

async function readPostgres(session: PostgresSession): Promise<PostgresState> {
  const migrations = await readMigrations(session)
  const failed = migrations.some(migration => migration.state === 'failed')
  const background = await tableExists(session, 'background_migrations')
  return {
    migrations,
    backgroundMigrations: background ? await readBackgroundMigrations(session) : [],
    noBackgroundMigrations: !background,
    pending: await readPending(session),
    ...(failed && { schema: await readPostgresSnapshot(sql => session.run(sql)) }),
  }
}

async function readMigrations(session: PostgresSession): Promise<readonly PostgresMigration[]> {
  if (!(await tableExists(session, '_prisma_migrations'))) return []
  const rows = await session.run(
    'SELECT migration_name, checksum, finished_at IS NOT NULL AS finished, rolled_back_at IS NOT NULL AS rolled_back FROM "_prisma_migrations" ORDER BY migration_name COLLATE "C", started_at',
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

async function readBackgroundMigrations(session: PostgresSession): Promise<readonly BackgroundMigration[]> {
  const rows = await session.run(
    `SELECT name, script, args->>'envGate' AS gate, left(failed_reason, ${WORDS}) AS failure,
       state IS NOT NULL AND state::text <> '{}' AS begun,
       finished_at IS NULL AND failed_at IS NULL
         AND coalesce(locked_at > (now() AT TIME ZONE 'UTC') - interval '60 s', false) AS active,
       CASE WHEN failed_at IS NOT NULL THEN 'failed' WHEN finished_at IS NOT NULL THEN 'finished' ELSE 'unfinished' END AS state
     FROM background_migrations ORDER BY name COLLATE "C"`,
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

async function tableExists(session: PostgresSession, table: string): Promise<boolean> {
  const [row] = await session.run('SELECT to_regclass($1) IS NOT NULL AS present', [table])
  return row?.['present'] === true
}

/** golang-migrate's state, and the server's version and timezone. */
export async function observeClickHouse(
  clickhouse: ClickHouse | undefined,
  missing = `${NOT_GIVEN} \`clickhouse-url\``,
): Promise<Observed<ClickHouseState>> {
  if (clickhouse === undefined) return unknown(missing, 'not-asked')
  try {
    return known(await readClickHouse(clickhouse), clickhouse.address)
  } catch (error) {
    return unknown(explain(error), 'unreachable')
  }
}

async function readClickHouse(clickhouse: ClickHouse): Promise<ClickHouseState> {
  const [server] = await clickhouse.run('SELECT version() AS version, timezone() AS timezone')
  if (typeof server?.['version'] !== 'string')
    throw new Error(`The server at ${clickhouse.address} is not ClickHouse.`)
  const [migrated] = await clickhouse.run('EXISTS TABLE schema_migrations')
  const exists = Object.values(migrated ?? {}).some(value => Number(value) === 1)
  // The newest row counts: golang-migrate only inserts (x-migrations-table-engine=MergeTree, ORDER BY sequence).
  const [head] = exists
    ? await clickhouse.run('SELECT version, dirty FROM schema_migrations ORDER BY sequence DESC LIMIT 1')
    : []
  return {
    version: String(server?.['version'] ?? ''),
    timezone: String(server?.['timezone'] ?? ''),
    head: Math.max(0, Number(head?.['version'] ?? 0)),
    dirty: Number(head?.['dirty'] ?? 0) === 1,
  }
}

import { randomUUID } from 'node:crypto'
import { Client, DatabaseError } from 'pg'

export type PostgresMigration = { readonly name: string; readonly checksum: string }

/** The Postgres migrations inside an image. */
export type PostgresMigrations = {
  /** All of them, sorted bytewise by name, as Prisma applies them. */
  readonly all: readonly PostgresMigration[]
  /** Those of the first release in the catalog: they are applied in one go, or not at all. */
  readonly base: { readonly names: ReadonlySet<string>; readonly sql: () => string }
  /** The SQL of a later one, given which names have been applied before it. */
  readonly sqlOf: (name: string, applied: ReadonlySet<string>) => string
}

type Options = {
  readonly databaseUrl: string
  readonly log: (line: string) => void
}

/** Prisma's advisory lock (schema-engine, postgres flavour): whoever migrates holds it. */
const advisoryLock = 72707369
const advisoryLockTimeout = 10_000

/** cleanup.sql: a container of 3.155.1 or newer also forgets a migration that was renamed, so that it is applied again. */
function cleanupSql(names: readonly string[]): string {
  return `DO $$ BEGIN
  IF to_regclass('public._prisma_migrations') IS NOT NULL THEN
    DELETE FROM public._prisma_migrations WHERE migration_name = ANY (ARRAY[${names.map(name => `'${name}'`).join(', ')}]::text[]);
  END IF;
END $$`
}

/**
 * `prisma migrate deploy` with the rules measured on Prisma 6.19.3: rows that the image does not know and edited
 * checksums are ignored, a row that is neither finished nor rolled back stops everything (P3009) even when the image
 * does not know it, a failing one stays unfinished with its logs (P3018). The exit status comes back.
 */
export async function migrateDeploy(
  options: Options & { readonly migrations: PostgresMigrations; readonly lockTimeout?: number },
): Promise<number> {
  const { databaseUrl, log, migrations } = options
  const at = new URL(databaseUrl)
  log('Prisma schema loaded from packages/shared/prisma/schema.prisma')
  log(
    `Datasource "db": PostgreSQL database "${at.pathname.slice(1)}", schema "public" at "${at.hostname}:${at.port || 5432}"`,
  )
  log('')
  const failure = await withClient(databaseUrl, async client => {
    log(`${migrations.all.length} migrations found in prisma/migrations`)
    log('')
    return (
      (await lock(client, at, options.lockTimeout ?? advisoryLockTimeout)) ??
      (await refuse(client, migrations)) ??
      (await applyPending(client, migrations, log))
    )
  })
  if (failure === undefined) return 0
  log(`Error: ${failure}`)
  return 1
}

/** `prisma db execute` of the entrypoint's cleanup.sql. Its exit status is ignored there, so it has none here. */
export async function cleanUp(options: Options & { readonly names: readonly string[] }): Promise<void> {
  const { databaseUrl, log, names } = options
  const failure = await withClient(databaseUrl, async client => void (await client.query(cleanupSql(names))))
  log(failure === undefined ? 'Script executed successfully.' : `Error: ${failure}`)
}

/** Runs `act` on a connection of its own; what Prisma would print about a failure comes back, or what `act` returns. */
async function withClient(
  databaseUrl: string,
  act: (client: Client) => Promise<string | undefined>,
): Promise<string | undefined> {
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 })
  // Without a listener a connection that breaks later would end the process with Node's words.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await act(client)
  } catch (error) {
    return connectionFailure(error, new URL(databaseUrl))
  } finally {
    await client.end().catch(() => undefined)
  }
}

function connectionFailure(error: unknown, at: URL): string {
  const place = `${at.hostname}:${at.port || 5432}`
  if (!(error instanceof DatabaseError)) {
    return `P1001: Can't reach database server at \`${place}\`\n\nPlease make sure your database server is running at \`${place}\`.`
  }
  if (error.code === '28P01' || error.code === '28000') {
    return `P1000: Authentication failed against database server at \`${at.hostname}\`, the provided database credentials for \`${decodeURIComponent(at.username)}\` are not valid.\n\nPlease make sure to provide valid database credentials for the database server at \`${at.hostname}\`.`
  }
  return `Schema engine error:\n${error.severity}: ${error.message}`
}

async function lock(client: Client, at: URL, timeout: number): Promise<string | undefined> {
  try {
    await client.query(`SET statement_timeout = ${timeout}; SELECT pg_advisory_lock(${advisoryLock})`)
    await client.query('SET statement_timeout = 0')
    return undefined
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== '57014') throw error
    const place = `${at.hostname}:${at.port || 5432}`
    return [
      `P1002\n\nThe database server at \`${place}\` was reached but timed out.`,
      'Please try again.',
      `Please make sure your database server is running at \`${place}\`.`,
      `Context: Timed out trying to acquire a postgres advisory lock (SELECT pg_advisory_lock(${advisoryLock})). Elapsed: ${timeout}ms. See https://pris.ly/d/migrate-advisory-locking for details.`,
    ].join('\n\n')
  }
}

/** P3005, P3009, or the stand-in's own limit; undefined when migrating may begin. */
async function refuse(client: Client, migrations: PostgresMigrations): Promise<string | undefined> {
  if (!(await exists(client, '_prisma_migrations'))) {
    if (!(await schemaIsEmpty(client))) {
      return 'P3005\n\nThe database schema is not empty. Read more about how to baseline an existing production database: https://pris.ly/d/migrate-baseline'
    }
    await client.query(migrationsTable)
  }
  const failed = await client.query<{ migration_name: string; started: string }>(
    `SELECT migration_name, to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS started
       FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL ORDER BY started_at`,
  )
  if (failed.rows.length > 0) {
    const list = failed.rows.map(
      row => `The \`${row.migration_name}\` migration started at ${row.started} UTC failed`,
    )
    return `P3009\n\nmigrate found failed migrations in the target database, new migrations will not be applied. Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve\n${list.join('\n')}\n`
  }
  const applied = await appliedNames(client)
  const known = [...migrations.base.names].filter(name => applied.has(name)).length
  if (known > 0 && known < migrations.base.names.size) {
    return `This database has ${known} of the ${migrations.base.names.size} Postgres migrations that the sandbox's first release applies in one go. The stand-in cannot continue from there: start from an empty database.`
  }
  return undefined
}

async function applyPending(
  client: Client,
  migrations: PostgresMigrations,
  log: (line: string) => void,
): Promise<string | undefined> {
  const applied = await appliedNames(client)
  const pending = migrations.all.filter(migration => !applied.has(migration.name))
  if (pending.length === 0) {
    log('No pending migrations to apply.')
    return undefined
  }
  const base = pending.filter(({ name }) => migrations.base.names.has(name))
  if (base.length > 0) await applyBase(client, { base, sql: migrations.base.sql(), log })
  for (const { name } of base) applied.add(name)
  for (const migration of pending.filter(({ name }) => !migrations.base.names.has(name))) {
    const failure = await applyOne(client, { migration, sql: migrations.sqlOf(migration.name, applied), log })
    if (failure !== undefined) return failure
    applied.add(migration.name)
  }
  log('\nThe following migration(s) have been applied:\n')
  log(['migrations/', ...pending.map(({ name }) => `  └─ ${name}/\n    └─ migration.sql`)].join('\n'))
  log('\nAll migrations have been successfully applied.')
  return undefined
}

async function applyBase(
  client: Client,
  { base, sql, log }: { base: readonly PostgresMigration[]; sql: string; log: (line: string) => void },
): Promise<void> {
  for (const { name } of base) log(`Applying migration \`${name}\``)
  await client.query('BEGIN')
  await client.query(sql)
  await client.query(
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
     SELECT gen_random_uuid()::text, checksum, name, clock_timestamp(), clock_timestamp(), 1
       FROM unnest($1::text[], $2::text[]) AS given (name, checksum)`,
    [base.map(({ name }) => name), base.map(({ checksum }) => checksum)],
  )
  await client.query('COMMIT')
}

/** The row is there before its SQL runs: a container that is killed meanwhile leaves what P3009 is about. */
async function applyOne(
  client: Client,
  options: { migration: PostgresMigration; sql: string; log: (line: string) => void },
): Promise<string | undefined> {
  const { name, checksum } = options.migration
  const id = randomUUID()
  options.log(`Applying migration \`${name}\``)
  await client.query('INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ($1, $2, $3)', [
    id,
    checksum,
    name,
  ])
  try {
    // One simple-protocol message: all statements of a migration are one implicit transaction.
    if (options.sql.trim() !== '') await client.query(options.sql)
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    const text = migrationFailure(name, error)
    await client.query('UPDATE _prisma_migrations SET logs = $2 WHERE id = $1', [id, text])
    return `P3018\n\n${text}`
  }
  await client.query(
    'UPDATE _prisma_migrations SET finished_at = clock_timestamp(), applied_steps_count = 1 WHERE id = $1',
    [id],
  )
  return undefined
}

function migrationFailure(name: string, error: DatabaseError): string {
  return [
    'A migration failed to apply. New migrations cannot be applied before the error is recovered from. Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve',
    `Migration name: ${name}`,
    `Database error code: ${error.code}`,
    `Database error:\nERROR: ${error.message}`,
  ].join('\n\n')
}

async function appliedNames(client: Client): Promise<Set<string>> {
  const { rows } = await client.query<{ migration_name: string }>(
    'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  )
  return new Set(rows.map(row => row.migration_name))
}

async function exists(client: Client, table: string): Promise<boolean> {
  const { rows } = await client.query<{ found: string | null }>('SELECT to_regclass($1)::text AS found', [
    `public.${table}`,
  ])
  return rows[0]?.found !== null
}

async function schemaIsEmpty(client: Client): Promise<boolean> {
  const { rows } = await client.query(
    "SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace LIMIT 1",
  )
  return rows.length === 0
}

// Prisma's own table, down to its types.
const migrationsTable = `CREATE TABLE _prisma_migrations (
  id                  VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum            VARCHAR(64) NOT NULL,
  finished_at         TIMESTAMPTZ,
  migration_name      VARCHAR(255) NOT NULL,
  logs                TEXT,
  rolled_back_at      TIMESTAMPTZ,
  started_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0
)`

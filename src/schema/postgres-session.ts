import { RolloutError } from '../errors/errors.ts'
import { type Postgres, type PostgresSession, type Row, sqlState } from '../ports/databases.ts'
import { quoteLiteral } from './quote.ts'

/**
 * Settings that a role or a database may have, and that would end our statements early, refuse them, hide rows from them
 * or change what they mean. Every session of ours overrides them all.
 */
export const POSTGRES_SETTINGS: Readonly<Record<string, string>> = {
  statement_timeout: '0',
  lock_timeout: '0',
  transaction_timeout: '0', // PostgreSQL 17
  idle_session_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  default_transaction_read_only: 'off',
  default_transaction_isolation: 'read committed',
  'plpgsql.extra_errors': 'none',
  // A policy that would hide rows is an error.
  row_security: 'off',
  search_path: 'public',
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  quote_all_identifiers: 'off',
  array_nulls: 'on',
  transform_null_equals: 'off',
  client_min_messages: 'warning',
}

/** The timeout first and by itself: a short one would end the longer statement. Older servers lack some settings. */
function overrideSql(scope: 'session' | 'transaction'): string {
  const local = scope === 'transaction'
  return `SET ${local ? 'LOCAL ' : ''}statement_timeout = 0;
    SELECT set_config(name, value, ${local}) FROM json_each_text(${quoteLiteral(JSON.stringify(POSTGRES_SETTINGS))}) AS wanted (name, value)
    WHERE name LIKE '%.%' OR lower(name) IN (SELECT lower(known.name) FROM pg_settings AS known)`
}

/** Overrides them until the session ends. Not through a pooler, where the next client would get this session. */
export async function overrideSettings(session: PostgresSession): Promise<void> {
  await session.run(overrideSql('session'))
}

/** Connects, reads in one transaction that is never committed, and closes. */
export function reading<Value>(
  postgres: Postgres,
  read: (session: PostgresSession) => Promise<Value>,
): Promise<Value> {
  return connected(postgres, session => readOnly(session, () => read(session)))
}

/** One read-only transaction, which leaves nothing in the session: through a pooler, the next client gets it. */
export async function readOnly<Value>(session: PostgresSession, read: () => Promise<Value>): Promise<Value> {
  await session.run(`BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; ${overrideSql('transaction')}`)
  try {
    return await read()
  } finally {
    // A lost connection has rolled back already.
    await session.run('ROLLBACK').catch(() => undefined)
  }
}

/** Connects, writes in one transaction, and closes. */
export function writing<Value>(
  postgres: Postgres,
  write: (session: PostgresSession) => Promise<Value>,
): Promise<Value> {
  return connected(postgres, async session => {
    await session.run(`BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ${overrideSql('transaction')}`)
    try {
      const value = await write(session)
      await session.run('COMMIT')
      return value
    } catch (error) {
      await session.run('ROLLBACK').catch(() => undefined)
      throw error
    }
  })
}

async function connected<Value>(
  postgres: Postgres,
  work: (session: PostgresSession) => Promise<Value>,
): Promise<Value> {
  const session = await postgres.connect()
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

/**
 * Foreign keys and most triggers are off in a session with replication role `replica`.
 * @throws RolloutError if the session has it and may not change it
 */
export async function requireForeignKeys(session: PostgresSession): Promise<void> {
  const [row] = await session.run(
    `SELECT current_setting('session_replication_role') AS role, quote_ident(current_user) AS who`,
  )
  if (isOrigin(row)) return
  try {
    await session.run('SET session_replication_role = origin')
  } catch (error) {
    if (sqlState(error) !== '42501') throw error
    throw new RolloutError(
      `Sessions of PostgreSQL's role ${row?.['who']} have session_replication_role = ${row?.['role']}, which turns foreign keys off. Nothing was changed. As a superuser, run \`ALTER ROLE ${row?.['who']} RESET session_replication_role\`, or the same for the database.`,
      { cause: error },
    )
  }
}

function isOrigin(row: Row | undefined): boolean {
  return row?.['role'] === 'origin' || row?.['role'] === 'local'
}

import { beforeEach, expect, test } from '@jest/globals'
import { createPostgres } from '../../src/adapters/postgres.ts'
import type { Postgres, PostgresSession, Row } from '../../src/ports/databases.ts'
import { overrideSettings, POSTGRES_SETTINGS, reading, writing } from '../../src/schema/postgres-session.ts'
import { type Database, usePostgres } from './databases.ts'

const postgres = usePostgres()
let database: Database

beforeEach(async () => {
  database = await postgres.fresh()
  await database.run(`
    CREATE TABLE pets (id int PRIMARY KEY); INSERT INTO pets VALUES (1), (2), (3);
    CREATE TABLE hidden (id int); INSERT INTO hidden VALUES (1), (2);
    ALTER TABLE hidden ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY even ON hidden USING (id > 1);
    CREATE SCHEMA other; CREATE TABLE other.pets (id int)`)
})

type Trial = {
  /** What a role or a database has. */
  readonly hostile: string
  /** What a session does that the setting spoils. */
  readonly does: (session: PostgresSession) => Promise<unknown>
  /** Its answer without the setting, or its error. */
  readonly good: unknown
}

const asks =
  (sql: string) =>
  async (session: PostgresSession): Promise<unknown> =>
    Object.values((await session.run(sql))[0] ?? {})[0]

/** Waits outside of the session that is tried. */
const wait = async () => {
  await database.run('SELECT pg_sleep(0.25)')
}

/** Another session has the table for a while. */
async function whileLocked(session: PostgresSession): Promise<unknown> {
  const other = await database.connect()
  await other.query('BEGIN; LOCK TABLE pets')
  const freed = wait().then(() => other.query('ROLLBACK'))
  try {
    return await asks('SELECT count(*)::int FROM pets')(session)
  } finally {
    await freed
  }
}

const TRIALS: Readonly<Record<string, Trial>> = {
  statement_timeout: { hostile: '100ms', does: asks(`SELECT pg_sleep(0.25)::text || 'done'`), good: 'done' },
  lock_timeout: { hostile: '50ms', does: whileLocked, good: 3 },
  idle_session_timeout: {
    hostile: '50ms',
    does: async session => {
      await wait()
      return asks('SELECT 1')(session)
    },
    good: 1,
  },
  idle_in_transaction_session_timeout: {
    hostile: '50ms',
    does: async session => {
      await session.run('BEGIN')
      await wait()
      return asks('SELECT 1')(session)
    },
    good: 1,
  },
  default_transaction_read_only: {
    hostile: 'on',
    does: asks('DELETE FROM pets WHERE id = 1 RETURNING id'),
    good: 1,
  },
  default_transaction_isolation: {
    hostile: 'repeatable read',
    does: async session => {
      await session.run('BEGIN; SELECT FROM pets')
      await database.run('UPDATE pets SET id = id + 10')
      return asks('DELETE FROM pets WHERE id = 11 RETURNING id')(session)
    },
    good: 11,
  },
  'plpgsql.extra_errors': {
    hostile: 'all',
    does: asks(
      'CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE plpgsql AS $$ DECLARE a int; BEGIN RETURN 1; END $$',
    ),
    good: undefined,
  },
  // The error is better than to archive a part.
  row_security: {
    hostile: 'on',
    does: asks('SELECT count(*)::int FROM hidden'),
    good: 'query would be affected by row-level security policy for table "hidden"',
  },
  search_path: { hostile: 'other', does: asks('SELECT count(*)::int FROM pets'), good: 3 },
  TimeZone: {
    hostile: 'Asia/Tokyo',
    does: asks(`SELECT '2024-01-31 12:00'::timestamp::timestamptz AT TIME ZONE 'UTC' = '2024-01-31 12:00'`),
    good: true,
  },
  DateStyle: { hostile: 'SQL, DMY', does: asks(`SELECT '2024-01-31'::date::text`), good: '2024-01-31' },
  IntervalStyle: { hostile: 'iso_8601', does: asks(`SELECT '1 day'::interval::text`), good: '1 day' },
  bytea_output: { hostile: 'escape', does: asks(`SELECT decode('00ff', 'hex')::text`), good: '\\x00ff' },
  extra_float_digits: {
    hostile: '-3',
    does: asks('SELECT (0.1::float8 + 0.2::float8)::text'),
    good: '0.30000000000000004',
  },
  standard_conforming_strings: { hostile: 'off', does: asks(`SELECT length('a\\tb')`), good: 4 },
  quote_all_identifiers: { hostile: 'on', does: asks(`SELECT 'pets'::regclass::text`), good: 'pets' },
  array_nulls: { hostile: 'off', does: asks(`SELECT ('{NULL}'::text[])[1] IS NULL`), good: true },
  transform_null_equals: {
    hostile: 'on',
    does: asks('SELECT count(*)::int FROM pets WHERE NULL = NULL'),
    good: 0,
  },
  client_min_messages: { hostile: 'debug5', does: asks('SHOW client_min_messages'), good: 'warning' },
}

test('each setting that sessions override is tried', () => {
  // PostgreSQL 15 does not have it, and the others are overridden nevertheless.
  expect(Object.keys(TRIALS).sort()).toEqual(
    Object.keys(POSTGRES_SETTINGS)
      .filter(name => name !== 'transaction_timeout')
      .sort(),
  )
})

/** What a session answers whose settings are overridden, all of them or all but one. */
async function answerOf(trial: Trial, except?: string): Promise<unknown> {
  const session = await createPostgres(database.url).connect()
  try {
    await overrideSettings(without(session, except))
    return await trial.does(session).catch((error: Error) => error.message)
  } finally {
    await session.close()
  }
}

function without(session: PostgresSession, name: string | undefined): PostgresSession {
  if (name === undefined) return session
  return {
    ...session,
    run: sql => session.run(sql.replace(`SET ${name} = 0;`, '').replace(`"${name}":`, `"rollout.none":`)),
  }
}

test.each(Object.keys(TRIALS))('%s of a role or a database does not reach a session', async name => {
  const trial = TRIALS[name]
  if (trial === undefined) throw new Error(name)
  await database.run(`DO $$ BEGIN END $$; ALTER DATABASE "${database.name}" SET ${name} = '${trial.hostile}'`)
  const spoiled = await answerOf(trial, name)
  await database.run(
    'DROP TABLE pets; CREATE TABLE pets (id int PRIMARY KEY); INSERT INTO pets VALUES (1), (2), (3)',
  )
  expect(await answerOf(trial)).toEqual(trial.good)
  expect(spoiled).not.toEqual(trial.good)
})

/** The backend of the next transaction, as a pooler in transaction mode gives it to anybody. */
async function leftBy(work: (shared: Postgres) => Promise<unknown>): Promise<Row | undefined> {
  const session = await createPostgres(database.url).connect()
  const shared: Postgres = {
    ...createPostgres(database.url),
    connect: async () => ({ ...session, close: async () => undefined }),
  }
  const [before] = await session.run(SETTINGS)
  await work(shared)
  const [after] = await session.run(SETTINGS)
  await session.close()
  expect(after).toEqual(before)
  return after
}
const SETTINGS = `SELECT jsonb_object_agg(name, setting) AS settings FROM pg_settings`

test('a read and a write leave nothing in their session, also when they fail', async () => {
  await database.run(`ALTER DATABASE "${database.name}" SET statement_timeout = '10s'`)
  await leftBy(async shared => {
    expect(await reading(shared, asks('SHOW statement_timeout'))).toBe('0')
    await expect(reading(shared, asks('DELETE FROM pets'))).rejects.toThrow('read-only transaction')
    await writing(shared, asks('DELETE FROM pets WHERE id = 1'))
    await expect(writing(shared, asks('DELETE FROM pets; SELECT 1/0'))).rejects.toThrow('division by zero')
  })
  expect(await database.run('SELECT count(*)::int AS n FROM pets')).toEqual([{ n: 2 }])
})

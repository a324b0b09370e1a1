import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createPostgres } from '../../src/adapters/postgres.ts'
import type { Postgres, PostgresSession, Row } from '../../src/ports/databases.ts'
import { sqlNotes, sqlState } from '../../src/ports/databases.ts'
import { readPicture, writePicture } from '../../src/schema/generated-store.ts'
import { takePicture } from '../../src/schema/picture.ts'
import { observePostgres } from '../../src/stack/databases.ts'
import { prismaRow, prismaTable } from '../down-sql/chain.ts'
import { type Database, usePostgres } from '../schema/databases.ts'
import { type DataApiStage, startDataApi } from '../support/data-api.ts'

const postgres = usePostgres()
const before = { ...process.env }
let stage: DataApiStage
let database: Database
let session: PostgresSession
const open: PostgresSession[] = []

beforeAll(async () => {
  stage = await startDataApi()
})
afterAll(async () => {
  await stage.stop()
  process.env = { ...before }
})
beforeEach(async () => {
  database = await postgres.fresh()
  session = await connect()
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(each => each.close()))
  Object.assign(stage.sandbox.world.dataApi.limits, { callMs: 45_000, idleSeconds: 180 })
  stage.sandbox.world.faults.clear()
  await database.close()
})

/** Another session of the same database. */
async function connect(way: Postgres = stage.postgres(database.url)): Promise<PostgresSession> {
  const made = await way.connect()
  open.push(made)
  return made
}

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    error => error,
  )

describe('rows are as the driver gives them', () => {
  test.each([
    'SELECT 1 AS one, 2::int2 AS small, 3::int8 AS big, count(*) FROM pg_class WHERE false',
    `SELECT 'it''s' AS text, 'x'::varchar AS varchar, '' AS empty, NULL AS nothing, true AS yes, false AS no`,
    'SELECT 1.50::numeric AS exact, 0.5::float8 AS double, 0.25::float4 AS single',
    `SELECT '{"a": [1, true, null]}'::jsonb AS b, '{"a":  1}'::json AS j, 'null'::jsonb AS n, '"text"'::jsonb AS t`,
    `SELECT ARRAY['a', 'b,"c"', NULL, '', '{}', 'back\\slash'] AS texts, ARRAY[1, 2] AS integers, '{}'::text[] AS none,
       ARRAY[3]::int8[] AS bigs, ARRAY[true, false] AS flags`,
    `SELECT '2024-12-10 01:02:03.456'::timestamp AS local, '2024-12-10 01:02:03.456+09'::timestamptz AS zoned`,
    `SELECT '00000000-0000-0000-0000-000000000001'::uuid AS id`,
    'SELECT 1 AS one WHERE false',
    `SELECT $$ :name 'x' $1 $$ AS dollars, 'a:b' AS colon, E'c\\\\:d' AS escaped, 'e\\:f' AS plain, 1 AS "odd: ""name"""`
      .replace(':name', 'name')
      .replace('odd: ', 'odd '),
    'CREATE TABLE pets (id int); INSERT INTO pets VALUES (1), (2); SELECT sum(id) AS sum FROM pets',
    `SELECT to_regclass('nothing') IS NOT NULL AS present`,
    'SELECT 1 -- :comment\n AS one',
  ])('%s', async sql => {
    const direct = await connect(createPostgres((await postgres.fresh()).url))
    const rows = await session.run(sql)
    expect(rows).toEqual(await direct.run(sql))
    expect(rows.map(row => Object.keys(row))).toEqual(
      (await direct.run(sql.split(';').at(-1) ?? '').catch(() => [])).map(row => Object.keys(row)),
    )
  })

  const arrays: readonly (readonly [string, readonly unknown[]])[] = [
    ['SELECT $1::text AS a, $2::int AS b, $10 AS c', ['x', 5, 3, 4, 5, 6, 7, 8, 9, 'ten']],
    ['SELECT $1::text[] AS list', [['a', `b'"\\c`, null, '', 'null', '{x}', 'd:e', ':f']]],
    [
      `SELECT name, kind FROM unnest($1::text[], $2::text[]) AS t (name, kind)`,
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [`SELECT 'a' = ANY($1) AS found`, [['a']]],
    ['SELECT to_regclass($1) IS NOT NULL AS present', ['pg_class']],
    [
      'SELECT $1::jsonb AS value',
      [JSON.stringify({ a: ':b', c: true, d: `'; DROP TABLE pets; --`, e: '\\:g' })],
    ],
    ['SELECT $1::text AS a, $1::text AS b', [`$1 $2 :x ::y \\ ' " `]],
    ['SELECT $1::timestamptz AS at', [new Date(Date.UTC(2024, 1, 2))]],
    ['SELECT $1::text IS NULL AS nothing, $2::boolean AS yes', [null, true]],
    ['SELECT length($1) AS length', ['x:y '.repeat(50_000)]],
  ]
  test.each(arrays)('%s', async (sql, parameters) => {
    const direct = await connect(createPostgres(database.url))
    const cast = sql.replace('$10 AS', '$10::text AS')
    const numbered =
      parameters.length < 10
        ? sql
        : cast.replace(' AS c', ' AS c, $3::int, $4::int, $5::int, $6::int, $7::int, $8::int, $9::int')
    expect(await session.run(numbered, parameters)).toEqual(await direct.run(numbered, parameters))
  })

  test('what the look at the databases reads is the same', async () => {
    await database.run(`${prismaTable};
      ${prismaRow('1_done', 'a'.repeat(64))}; ${prismaRow('2_failed', 'b'.repeat(64))};
      UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = '2_failed';
      CREATE TABLE background_migrations (id text, name text, script text, args jsonb, finished_at timestamp,
        failed_at timestamp, locked_at timestamp, failed_reason text, state jsonb);
      INSERT INTO background_migrations VALUES ('1', 'copy', 'copy.ts', '{"envGate": "GATE"}', NULL, NULL, now() AT TIME ZONE 'UTC'),
        ('2', 'done', 'done.ts', '{}', now(), NULL, NULL);
      CREATE TYPE mood AS ENUM ('sad', 'ok');
      CREATE TABLE "Odd ""table""" (id int PRIMARY KEY, mood mood DEFAULT 'ok', at timestamptz DEFAULT now());
      CREATE VIEW sad AS SELECT * FROM "Odd ""table""" WHERE mood = 'sad';
      CREATE SCHEMA langfuse_rollout;
      CREATE TABLE langfuse_rollout.journal (store text, migration text, phase text);
      INSERT INTO langfuse_rollout.journal VALUES ('postgres', '1_done', 'expand'), ('clickhouse', '0006', 'contract');`)
    const seen = await observePostgres(stage.postgres(database.url))
    const direct = await observePostgres(createPostgres(database.url))
    expect(seen).toMatchObject({ known: true, value: { pending: [{}] } })
    expect({ ...seen, source: '' }).toEqual({ ...direct, source: '' })
    const run = (sql: string, parameters?: readonly unknown[]) => session.run(sql, parameters)
    const picture = await takePicture(run)
    expect(picture).toEqual(await takePicture(database.run))
    await writePicture(run, picture)
    expect(await readPicture(run)).toEqual(picture)
  })
})

describe('a session of calls that share nothing', () => {
  test('what is set holds in every transaction and is nobody else’s', async () => {
    await session.run(`SET search_path = public; SET lock_timeout = '300ms'; SET timezone = 'Asia/Tokyo'`)
    await session.run(`SELECT set_config('statement_timeout', (setting::integer + 7000)::text, false)
      FROM pg_settings WHERE name = 'deadlock_timeout'`)
    const read = `SELECT current_setting('search_path') AS path, current_setting('lock_timeout') AS lock,
      current_setting('timezone') AS zone, current_setting('statement_timeout') AS statement`
    const wanted = [{ path: 'public', lock: '300ms', zone: 'Asia/Tokyo', statement: '8s' }]
    expect(await session.run(read)).toEqual(wanted)
    await session.run('BEGIN; SET CONSTRAINTS ALL IMMEDIATE')
    expect(await session.run(read)).toEqual(wanted)
    await session.run('COMMIT')
    const other = await connect(createPostgres(database.url))
    expect(await other.run(read)).not.toEqual(wanted)
  })

  test('what is set in a transaction is gone with it when it is rolled back, and stays when it is committed', async () => {
    const read = `SELECT current_setting('lock_timeout') AS lock`
    await session.run(`BEGIN; SET lock_timeout = '5s'`)
    expect(await session.run(read)).toEqual([{ lock: '5s' }])
    await session.run('ROLLBACK')
    expect(await session.run(read)).toEqual([{ lock: '0' }])
    await session.run(`BEGIN; SET lock_timeout = '5s'; COMMIT`)
    expect(await session.run(read)).toEqual([{ lock: '5s' }])
    await session.run(`BEGIN; SET LOCAL lock_timeout = '9s'; COMMIT`)
    expect(await session.run(read)).toEqual([{ lock: '5s' }])
  })

  test('isolation and the right to write are those of the session, or of BEGIN', async () => {
    const read = `SELECT current_setting('transaction_isolation') AS isolation, current_setting('transaction_read_only') AS only`
    await database.run(`ALTER DATABASE "${database.name}" SET default_transaction_isolation = 'serializable'`)
    await database.run(`ALTER DATABASE "${database.name}" SET default_transaction_read_only = on`)
    await session.run(
      `SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off`,
    )
    await session.run('BEGIN')
    expect(await session.run(read)).toEqual([{ isolation: 'read committed', only: 'off' }])
    await session.run('ROLLBACK')
    await session.run('BEGIN READ ONLY')
    expect(await session.run(read)).toEqual([{ isolation: 'read committed', only: 'on' }])
    await session.run('ROLLBACK')
  })

  test('several statements at once are all carried out or none', async () => {
    await expect(session.run('CREATE TABLE pets (id int); SELECT 1 / 0')).rejects.toThrow('division by zero')
    expect(await session.run(`SELECT to_regclass('pets') IS NULL AS gone`)).toEqual([{ gone: true }])
  })

  test('errors have PostgreSQL’s state, hint and detail, and no values of rows in their message', async () => {
    await database.run('CREATE TABLE pets (id int PRIMARY KEY); INSERT INTO pets VALUES (1)')
    const twice = await failure(session.run('INSERT INTO pets VALUES (1)'))
    expect(sqlState(twice)).toBe('23505')
    expect(String(twice)).toContain('duplicate key value violates unique constraint "pets_pkey"')
    expect(String(twice)).not.toContain('(1)')
    await database.run('CREATE VIEW seen AS SELECT * FROM pets')
    const direct = await connect(createPostgres(database.url))
    const drop = await failure(session.run('DROP TABLE pets'))
    const same = await failure(direct.run('DROP TABLE pets'))
    expect(sqlNotes(drop)).toEqual(sqlNotes(same))
    expect((drop as Error).message).toBe((same as Error).message)
  })

  test('a lock that is not to be had is the same error as the driver’s', async () => {
    await database.run('CREATE TABLE pets (id int)')
    const other = await connect(createPostgres(database.url))
    await other.run('BEGIN; LOCK TABLE pets')
    await session.run(`SET lock_timeout = '50ms'`)
    await session.run('BEGIN')
    expect(sqlState(await failure(session.run('ALTER TABLE pets ADD COLUMN name text')))).toBe('55P03')
    await session.run('ROLLBACK')
    await other.run('ROLLBACK')
    await session.run('ALTER TABLE pets ADD COLUMN name text')
  })

  test('what failed is not committed', async () => {
    await database.run('CREATE TABLE pets (id int)')
    await session.run('BEGIN; INSERT INTO pets VALUES (1)')
    await failure(session.run('SELECT 1 / 0'))
    expect(sqlState(await failure(session.run('COMMIT')))).toBe('25P02')
    expect(await database.run('SELECT * FROM pets')).toEqual([])
  })

  test('functions that answer nothing, and comments, and a colon in a string', async () => {
    await database.run(`CREATE SCHEMA langfuse_rollout;
      CREATE TABLE done (what text);
      CREATE FUNCTION langfuse_rollout.note(what text) RETURNS void LANGUAGE sql AS 'INSERT INTO public.done VALUES (what)'`)
    await session.run(`BEGIN; -- :one
      SELECT langfuse_rollout.note('a:b'); /* :two */ SELECT langfuse_rollout.note('c') -- three
      ; COMMIT`)
    await session.run(`SELECT langfuse_rollout.note('12:34')`)
    expect(await database.run('SELECT * FROM done')).toEqual([
      { what: 'a:b' },
      { what: 'c' },
      { what: '12:34' },
    ])
  })
})

describe('what nobody knows the end of', () => {
  test('a statement that takes longer than a call is waited for, in a transaction and alone', async () => {
    stage.sandbox.world.dataApi.limits.callMs = 300
    await database.run('CREATE TABLE pets (id int); INSERT INTO pets SELECT generate_series(1, 10)')
    await session.run('BEGIN')
    await session.run('UPDATE pets SET id = id + 1 FROM pg_sleep(1)')
    expect(await session.run('SELECT max(id) AS max FROM pets')).toEqual([{ max: 11 }])
    await session.run('COMMIT')
    const other = await connect(createPostgres(database.url))
    await other.run('BEGIN; INSERT INTO pets VALUES (12)') // an index waits for older transactions
    const made = session.run('CREATE INDEX CONCURRENTLY IF NOT EXISTS pets_id ON public.pets (id)')
    await new Promise(resolve => setTimeout(resolve, 1_000))
    await other.run('COMMIT')
    await made
    expect(
      await database.run(`SELECT indisvalid FROM pg_index WHERE indexrelid = 'pets_id'::regclass`),
    ).toEqual([{ indisvalid: true }])
  })

  test('an index that does not come to its end is no success', async () => {
    stage.sandbox.world.dataApi.limits.callMs = 300
    await database.run('CREATE TABLE pets (id int); INSERT INTO pets VALUES (1), (1)')
    const other = await connect(createPostgres(database.url))
    await other.run('BEGIN; INSERT INTO pets VALUES (2)')
    const made = failure(session.run('CREATE INDEX CONCURRENTLY IF NOT EXISTS pets_id ON public.pets (id)'))
    await new Promise(resolve => setTimeout(resolve, 700))
    await database.run(
      `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND state = 'active'`,
    )
    expect(String(await made)).toContain('did not come to its end')
    await other.run('ROLLBACK')
  })

  test('a statement that fails after its call has ended is an error, and a query whose rows are lost is', async () => {
    stage.sandbox.world.dataApi.limits.callMs = 200
    await session.run('BEGIN')
    const late = await failure(
      session.run('DO $$ BEGIN PERFORM pg_sleep(1); RAISE EXCEPTION $e$no$e$; END $$'),
    )
    expect(String(late)).toContain('has failed, and its reason is not known')
    await session.run('ROLLBACK')
    await session.run('BEGIN')
    expect(sqlState(await failure(session.run('SELECT 1 AS one FROM pg_sleep(1)')))).toBe('57014')
    expect(sqlState(await failure(session.run('COMMIT')))).toBe('25P02')
  })

  test('an answer that is lost: a commit is looked up, a statement is not made twice', async () => {
    await database.run('CREATE TABLE pets (id int)')
    const { faults } = stage.sandbox.world
    await session.run('BEGIN; INSERT INTO pets VALUES (1)')
    faults.add({ operation: 'CommitTransaction', kind: 'lost-answer', times: 1 })
    await session.run('COMMIT')
    await session.run('BEGIN; INSERT INTO pets VALUES (2)')
    faults.add({ operation: 'CommitTransaction', kind: 'reset', times: 1 })
    await session.run('COMMIT')
    await session.run('BEGIN')
    faults.add({ operation: 'ExecuteStatement', kind: 'lost-answer', times: 1 })
    expect(sqlState(await failure(session.run('INSERT INTO pets VALUES (3)')))).toBe('08006')
    await session.run('ROLLBACK')
    faults.add({ operation: 'ExecuteStatement', kind: 'lost-answer', times: 1 })
    expect(await session.run('SELECT id FROM pets')).toEqual([{ id: 1 }, { id: 2 }])
    faults.add({ operation: 'ExecuteStatement', kind: 'throttle', times: 3 })
    await session.run('INSERT INTO pets VALUES (4)')
    expect(await database.run('SELECT id FROM pets ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }, { id: 4 }])
  })

  test('a transaction that was left alone is rolled back, and what comes after says that it was lost', async () => {
    await database.run('CREATE TABLE pets (id int)')
    stage.sandbox.world.dataApi.limits.idleSeconds = 0.3
    await session.run('BEGIN; INSERT INTO pets VALUES (1)')
    await new Promise(resolve => setTimeout(resolve, 600))
    expect(sqlState(await failure(session.run('INSERT INTO pets VALUES (2)')))).toBe('08006')
    expect(await database.run('SELECT * FROM pets')).toEqual([])
  })

  test('PostgreSQL itself ends the transaction of a run that is no more', async () => {
    await session.run('BEGIN')
    const [row] = await session.run(
      `SELECT current_setting('idle_in_transaction_session_timeout') AS timeout`,
    )
    expect(row).toEqual({ timeout: '1min' })
    await session.run('ROLLBACK')
  })
})

describe('Prisma’s lock', () => {
  const take = (of: PostgresSession): Promise<readonly Row[]> =>
    of.run('SELECT pg_try_advisory_lock($1) AS held', [72_707_369])

  test('one session has it until it is closed, and others see that', async () => {
    const other = await connect()
    const direct = await connect(createPostgres(database.url))
    expect(await take(session)).toEqual([{ held: true }])
    await session.run('CREATE TABLE pets (id int)')
    expect(await take(other)).toEqual([{ held: false }])
    expect(await take(direct)).toEqual([{ held: false }])
    await session.close()
    expect(await take(direct)).toEqual([{ held: true }])
  })

  test('no index waits for it', async () => {
    await database.run('CREATE TABLE pets (id int)')
    await take(session)
    await session.run('SET statement_timeout = 20000')
    await session.run('CREATE INDEX CONCURRENTLY IF NOT EXISTS pets_id ON public.pets (id)')
    expect(
      await database.run(`SELECT indisvalid FROM pg_index WHERE indexrelid = 'pets_id'::regclass`),
    ).toEqual([{ indisvalid: true }])
  })

  test('it is kept alive by calls, which end with the session', async () => {
    let keep: () => void = () => undefined
    let resting = false
    const every = (_: number, work: () => void) => {
      keep = work
      return () => {
        resting = true
      }
    }
    const kept = await connect(stage.postgres(database.url, { sleep: async () => undefined, every }))
    stage.sandbox.world.dataApi.limits.idleSeconds = 0.5
    expect(await take(kept)).toEqual([{ held: true }])
    for (let time = 0; time < 4; time++) {
      await new Promise(resolve => setTimeout(resolve, 250))
      keep()
    }
    expect(await take(await connect())).toEqual([{ held: false }])
    await kept.close()
    expect(resting).toBe(true)
  })

  test('when it was lost nothing is committed any more', async () => {
    await database.run('CREATE TABLE pets (id int)')
    await take(session)
    await session.run('BEGIN; INSERT INTO pets VALUES (1)')
    await database.run(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 72707369`,
    )
    expect(String(await failure(session.run('COMMIT')))).toContain("Prisma's migration lock was lost")
    await session.run('ROLLBACK')
    expect(await database.run('SELECT * FROM pets')).toEqual([])
  })
})

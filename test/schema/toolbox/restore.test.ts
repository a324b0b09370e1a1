import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { useToolbox } from './use-toolbox.ts'

const { run, call, rows, database } = useToolbox()

const file = readFileSync(new URL('../../../down-sql/restore.sql', import.meta.url), 'utf8')
const restore = async (id = 'r') =>
  (await run(`SELECT * FROM langfuse_rollout.restore('${id}')`)).map(row => ({ ...row }))
const outcome = (why: string) => `1: ${why}`

beforeEach(async () => {
  await run(file)
  await run(`CREATE TABLE _prisma_migrations (migration_name text, finished_at timestamptz, rolled_back_at timestamptz);
    INSERT INTO _prisma_migrations VALUES ('m', now(), NULL);
    CREATE TABLE owners (id text PRIMARY KEY);
    CREATE TABLE pets (id int PRIMARY KEY, owner text REFERENCES owners ON DELETE SET NULL, legs int, data json, tags text[])`)
})

describe('what was written after the rollback stays', () => {
  test('a row of the same key, a value that was set since, a rewritten row that was changed since', async () => {
    await run(`INSERT INTO pets VALUES (1, NULL, 1), (2, NULL, 2), (3, NULL, 3), (4, NULL, 4)`)
    await call(`delete_rows('pets', 'id = 1', 'why')`, `rewrite_rows('pets', 'legs = 0', 'id = 2', 'why')`)
    await call(`drop_column('pets', 'legs')`)
    await run(`ALTER TABLE pets ADD COLUMN legs int; INSERT INTO pets (id, legs) VALUES (1, 8);
      UPDATE pets SET legs = 7 WHERE id IN (2, 3)`)
    expect(await restore()).toMatchObject([
      {
        kind: 'column legs',
        found: '3',
        restored: '1',
        skipped: '2',
        why: '2: it has another value than its default now',
      },
      { kind: 'deleted row', restored: '0', skipped: '1', why: outcome('another row with its key is there') },
      { kind: 'rewritten row', restored: '0', skipped: '1', why: outcome('it has been changed since') },
    ])
    expect(await run('SELECT id, legs FROM pets ORDER BY id')).toEqual(
      [1, 2, 3, 4].map(id => ({ id, legs: [8, 7, 7, 4][id - 1] })),
    )
  })

  test('what a person deletes or resets after it was restored does not come again', async () => {
    await run(`INSERT INTO pets VALUES (1, NULL, 1), (2, NULL, 2)`)
    await call(`delete_rows('pets', 'id = 1', 'why')`, `drop_column('pets', 'legs')`)
    await run('ALTER TABLE pets ADD COLUMN legs int')
    const first = await restore()
    await run('DELETE FROM pets WHERE id = 1; UPDATE pets SET legs = NULL')
    expect(await restore()).toEqual(first)
    expect(await run('SELECT id, legs FROM pets')).toEqual([{ id: 2, legs: null }])
  })
})

describe('foreign keys', () => {
  test('a parent comes before what refers to it, whichever was moved first', async () => {
    await run(`INSERT INTO owners VALUES ('ann'); INSERT INTO pets VALUES (1, 'ann', 4)`)
    await call(`drop_table('pets')`, `drop_table('owners')`)
    await run(`CREATE TABLE owners (id text PRIMARY KEY);
      CREATE TABLE pets (id int PRIMARY KEY, owner text REFERENCES owners, legs int, data json, tags text[])`)
    expect(await restore()).toMatchObject([{ restored: '1' }, { restored: '1' }])
    expect(await rows('pets')).toMatchObject([{ id: 1, owner: 'ann', legs: 4 }])
  })

  test('a reference that went with its row comes with it, unless it was set to another', async () => {
    await run(`INSERT INTO owners VALUES ('ann'), ('bob'); INSERT INTO pets VALUES (1, 'ann'), (2, 'ann')`)
    await call(`delete_rows('owners', $$id = 'ann'$$, 'why')`)
    await run(`UPDATE pets SET owner = 'bob' WHERE id = 2`)
    await restore()
    expect(await rows('pets')).toMatchObject([
      { id: 1, owner: 'ann' },
      { id: 2, owner: 'bob' },
    ])
  })

  test('a row whose parent is gone is told, and the others come', async () => {
    await run(`INSERT INTO owners VALUES ('ann'), ('bob'); INSERT INTO pets SELECT n, 'ann' FROM generate_series(1, 9) AS n;
      INSERT INTO pets VALUES (10, 'bob')`)
    await call(`delete_rows('pets', 'true', 'why')`)
    await run(`DELETE FROM owners WHERE id = 'bob'`)
    expect(await restore()).toMatchObject([
      {
        found: '10',
        restored: '9',
        skipped: '1',
        why: expect.stringContaining('violates foreign key constraint'),
      },
    ])
    expect(await run('SELECT count(*)::int AS count FROM pets')).toEqual([{ count: 9 }])
  })
})

test('values are what they were: json as it was written, arrays, NULL in an array', async () => {
  const all = `SELECT id, data::text AS data, tags FROM pets ORDER BY id`
  await run(
    `INSERT INTO pets VALUES (1, NULL, 1, '{"b": 1,  "a": "\\u0000"}', ARRAY['a"b', NULL, '{}']), (2, NULL, 2, 'null', '{}')`,
  )
  const before = await run(all)
  await call(`delete_rows('pets', 'true', 'why')`)
  await restore()
  expect(await run(all)).toEqual(before)
})

test('a label comes back where it still is what took its place', async () => {
  await run(`CREATE TYPE size AS ENUM ('S', 'L', 'XL'); CREATE TABLE hats (id int PRIMARY KEY, size size, sizes size[]);
    INSERT INTO hats VALUES (1, 'XL', '{S,XL}'), (2, 'XL', NULL)`)
  await call(`rebuild_enum('size', ARRAY['S', 'L'], '{"XL": "L"}')`)
  await run(`UPDATE hats SET size = 'S' WHERE id = 2`)
  expect(await restore()).toMatchObject([{ kind: 'label', restored: '0', skipped: '3' }])
  await run(`ALTER TYPE size ADD VALUE 'XL'`)
  expect(await restore()).toMatchObject([
    { kind: 'label', restored: '2', skipped: '1', why: outcome('it has been changed since') },
  ])
  expect(await run('SELECT id, size::text, sizes::text FROM hats ORDER BY id')).toEqual([
    { id: 1, size: 'XL', sizes: '{S,XL}' },
    { id: 2, size: 'S', sizes: null },
  ])
})

test('as long as the older release runs nothing is put back', async () => {
  await run(`INSERT INTO pets VALUES (1, NULL, 1); DELETE FROM _prisma_migrations`)
  await call(`rewrite_rows('pets', 'legs = 0', 'id = 1', 'why')`)
  expect(await restore()).toMatchObject([{ restored: '0', why: outcome('m is not applied again') }])
  await run(`SELECT * FROM langfuse_rollout.restore('r', ARRAY['m'])`)
  expect(await rows('pets')).toMatchObject([{ legs: 1 }])
})

test('names and ids that are SQL are only names', async () => {
  await run(
    `CREATE TABLE "a.b"";--" ("i'd" text PRIMARY KEY, "c""%I" text); INSERT INTO "a.b"";--" VALUES ('x'';', '%s$1'), ('y', NULL)`,
  )
  await run(`SET langfuse_rollout.rollback_id = 'r''";'`)
  const before = await rows('"a.b"";--"')
  await call(`drop_column('a.b";--', 'c"%I')`, `delete_rows('a.b";--', $$this."i'd" = 'y'$$, 'a%I''b')`)
  await run(`ALTER TABLE "a.b"";--" ADD COLUMN "c""%I" text`)
  await run(`SELECT * FROM langfuse_rollout.restore('r''";')`)
  expect(await rows('"a.b"";--"')).toEqual(before)
  await expect(restore('other')).rejects.toThrow(`the archive has nothing of a rollback 'other'`)
})

describe('a big archive', () => {
  const PETS = 3_500
  beforeEach(async () => {
    await run(`INSERT INTO pets (id, legs) SELECT n, n FROM generate_series(1, ${PETS}) AS n`)
  })
  const back = async () => (await run('SELECT count(*)::int AS n FROM pets WHERE legs = id'))[0]?.['n']

  test('a restore in batches that was killed goes on where it was', async () => {
    await call(`delete_rows('pets', 'true', 'why')`)
    await run(`CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'terminating connection' USING ERRCODE = 'admin_shutdown'; END $$;
      CREATE TRIGGER kills BEFORE INSERT ON pets FOR EACH ROW WHEN (NEW.id = 2500) EXECUTE FUNCTION kill()`)
    const client = await database().connect()
    try {
      await expect(client.query(`CALL langfuse_rollout.restore_in_batches('r')`)).rejects.toThrow(
        'terminating',
      )
    } finally {
      await client.end()
    }
    expect(await back()).toBe(2_000)
    await run(`DROP TRIGGER kills ON pets; DELETE FROM pets WHERE id = 1`)
    await run(`CALL langfuse_rollout.restore_in_batches('r')`)
    expect(await back()).toBe(PETS - 1) // what a person deleted meanwhile stays deleted
    expect((await run(`SELECT * FROM langfuse_rollout.restore_report('r')`))[0]).toMatchObject({
      skipped: '0',
    })
    expect((await run('SHOW search_path'))[0]).not.toMatchObject({ search_path: 'pg_catalog, pg_temp' })
  })

  test('a required column that went before its table was moved is looked up by key, not by reading the archive', async () => {
    await run('UPDATE pets SET legs = id; ALTER TABLE pets ALTER COLUMN legs SET NOT NULL')
    await call(`drop_column('pets', 'legs')`, `drop_table('pets')`)
    await run('CREATE TABLE pets (id int PRIMARY KEY, owner text, legs int NOT NULL, data json, tags text[])')
    await run(`CALL langfuse_rollout.restore_in_batches('r')`)
    expect(await back()).toBe(PETS)
    await run('SELECT pg_stat_force_next_flush()')
    const [read] = await run(
      `SELECT (seq_tup_read + idx_tup_fetch)::int AS rows FROM pg_stat_user_tables WHERE relname = 'archived_rows'`,
    )
    expect(Number(read?.['rows'])).toBeLessThan(PETS * 100)
  })
})

test('every function has the settings that no role and no database can change', async () => {
  const functions =
    await run(`SELECT proname, lanname, proconfig FROM pg_proc JOIN pg_language AS l ON l.oid = prolang
    WHERE pronamespace = 'langfuse_rollout'::regnamespace AND prokind = 'f'`) // a procedure that commits can have none
  const proconfig = expect.arrayContaining([
    'search_path=pg_catalog, pg_temp',
    'row_security=off',
    'extra_float_digits=1',
  ])
  expect(functions.length).toBeGreaterThan(70)
  expect(functions).toEqual(functions.map(({ proname }) => ({ proname, lanname: 'plpgsql', proconfig })))
})

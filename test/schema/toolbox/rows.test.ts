import { expect, test } from '@jest/globals'
import { useToolbox } from './use-toolbox.ts'

const { run, call, callTwice, archived, rows, refusal } = useToolbox()

const pets = `CREATE TABLE pets (id text PRIMARY KEY, legs int, note json);
  INSERT INTO pets VALUES ('cat', 4, '{"b": 1, "a": "\\u0000"}'), ('hen', 2, NULL), ('eel', 0, 'null');`

test('rows are archived as they are, once, a value of type json as its text', async () => {
  await run(pets)
  await callTwice(`archive_rows('pets', $$this.legs > 0$$, 'they walk')`)
  expect(await archived()).toEqual([
    {
      relation: 'public.pets',
      reason: 'they walk',
      kind: 'row',
      row: { id: 'cat', legs: 4, note: '{"b": 1, "a": "\\u0000"}' },
    },
    { relation: 'public.pets', reason: 'they walk', kind: 'row', row: { id: 'hen', legs: 2, note: null } },
  ])
})

test('a row that changed since it was archived is archived again, and so is one of another rollback', async () => {
  await run(pets)
  await call(`archive_rows('pets', $$this.id = 'hen'$$, 'first')`)
  await run('UPDATE pets SET legs = 3')
  expect(await call(`archive_rows('pets', $$this.id = 'hen'$$, 'again')`)).toBe('1')
  expect(await archived()).toHaveLength(2)
  await run(`SET langfuse_rollout.rollback_id = 'r2'`)
  expect(await call(`archive_rows('pets', 'true', 'later')`)).toBe('3')
  expect(await archived()).toHaveLength(3)
})

test('rows are deleted into the archive', async () => {
  await run(pets)
  await callTwice(`delete_rows('pets', $$this.legs = 0 -- swims$$, 'no legs')`)
  expect(await archived()).toMatchObject([
    { kind: 'row', reason: 'no legs', row: { id: 'eel', note: 'null' } },
  ])
  expect(await rows('pets')).toHaveLength(2)
})

test('nothing is dropped, deleted or rewritten when the archive does not receive every row', async () => {
  await run(`${pets}
    CREATE FUNCTION no_hens() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RETURN CASE WHEN NEW.row ->> 'id' <> 'hen' THEN NEW END; END $$;
    CREATE TRIGGER no_hens BEFORE INSERT ON langfuse_rollout.archived_rows FOR EACH ROW EXECUTE FUNCTION no_hens()`)
  for (const statement of [
    `delete_rows('pets', 'true', 'why')`,
    `rewrite_rows('pets', 'legs = 1', 'true', 'why')`,
    `archive_rows('pets', 'true', 'why')`,
    `archive_column('pets', 'legs')`,
    `drop_column('pets', 'legs')`,
  ]) {
    expect(await refusal(statement)).toBe(
      'the archive received 2 of 3 rows of public.pets, so nothing of them is dropped',
    )
  }
})

test('two equal rows of a table without a key are two rows in the archive', async () => {
  await run(`CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1), (2)`)
  expect(await call(`delete_rows('t', 'this.a = 1', 'why')`)).toBe('2')
  expect(await archived()).toHaveLength(2)
  expect(await call(`delete_rows('t', 'true', 'why')`)).toBe('1')
})

test('rows that go or change with a deleted row are archived too, also through circles and in tables of users', async () => {
  await run(`
    CREATE TABLE owner (id text PRIMARY KEY);
    CREATE TABLE pet (id text PRIMARY KEY, owner text REFERENCES owner ON DELETE CASCADE, mother text REFERENCES pet ON DELETE CASCADE);
    CREATE TABLE "toy; x" ("pet ""id""" text REFERENCES pet ON DELETE SET NULL, name text);
    CREATE TABLE visit (pet text DEFAULT 'any' REFERENCES pet ON DELETE SET DEFAULT, at int);
    CREATE SCHEMA mine; CREATE TABLE mine.photo (owner text REFERENCES public.owner ON DELETE CASCADE);
    INSERT INTO owner VALUES ('Ada'), ('Bob');
    INSERT INTO pet VALUES ('any', NULL, NULL), ('cat', 'Ada', NULL), ('kitten', 'Bob', 'cat'), ('kit', NULL, 'kitten');
    UPDATE pet SET mother = 'kit' WHERE id = 'cat';
    INSERT INTO "toy; x" VALUES ('kit', 'ball'), ('any', 'bone'), (NULL, 'rope');
    INSERT INTO visit VALUES ('cat', 1), ('any', 2);
    INSERT INTO mine.photo VALUES ('Ada'), ('Bob')`)
  await callTwice(`delete_rows('owner', $$this.id = 'Ada'$$, 'moved away')`)
  expect((await archived()).map(({ relation, row }) => [relation, row])).toEqual([
    ['mine.photo', { owner: 'Ada' }],
    ['public."toy; x"', { 'pet "id"': 'kit', name: 'ball' }],
    ['public.owner', { id: 'Ada' }],
    ['public.pet', { id: 'cat', owner: 'Ada', mother: 'kit' }],
    ['public.pet', { id: 'kit', owner: null, mother: 'kitten' }],
    ['public.pet', { id: 'kitten', owner: 'Bob', mother: 'cat' }],
    ['public.visit', { pet: 'cat', at: 1 }],
  ])
  expect(await rows('pet')).toEqual([{ id: 'any', owner: null, mother: null }])
})

test('rows are rewritten after they were archived as they were', async () => {
  await run(pets)
  await callTwice(
    `rewrite_rows('pets', $$legs = this.legs * 2, id = upper(id)$$, 'this.legs = 2', 'doubled')`,
  )
  expect(await archived()).toEqual([
    { relation: 'public.pets', reason: 'doubled', kind: 'row', row: { id: 'hen', legs: 2, note: null } },
  ])
  expect(await rows('pets')).toContainEqual({ id: 'HEN', legs: 4, note: null })
})

test.each([
  ['two columns of odd names', 'PRIMARY KEY ("this", "a b")'],
  ['none', 'CHECK (n > 0)'],
])('rewriting a table whose key is %s', async (_, key) => {
  await run(`CREATE TABLE "My; ""T""" ("this" text, "a b" int, n int, ${key});
    INSERT INTO "My; ""T""" VALUES ('x', 1, 1), ('x', 2, 1), ('y', 1, 2), ('x', 3, 1)`)
  await callTwice(`rewrite_rows('My; "T"', 'n = 5', 'this.n = 1 AND "a b" < 3', 'why')`)
  expect(await archived()).toMatchObject([
    { relation: 'public."My; ""T"""', row: { this: 'x', 'a b': 1, n: 1 } },
    { row: { this: 'x', 'a b': 2, n: 1 } },
  ])
  expect((await rows('"My; ""T"""')).filter(row => (row as { n: number }).n === 5)).toHaveLength(2)
})

test('missing rows are inserted, and those that are there stay as they are', async () => {
  await run(`${pets} CREATE TABLE heard (id text, legs int); INSERT INTO heard VALUES ('hen', 9), ('dog', 4)`)
  await callTwice(`insert_rows('pets', 'legs, id', 'SELECT legs, id FROM public.heard -- all')`)
  expect(await rows('pets')).toHaveLength(4)
  expect(await rows('pets')).toContainEqual({ id: 'hen', legs: 2, note: null })
  expect(await rows('pets')).toContainEqual({ id: 'dog', legs: 4, note: null })
})

test('numbers, times and bytes keep every digit, whatever the role has set', async () => {
  await run(`SET extra_float_digits = -15; SET datestyle = 'German'; SET bytea_output = 'escape'; SET timezone = 'Asia/Tokyo';
    CREATE TABLE t (id int PRIMARY KEY, f float8, r real, n numeric, at timestamp, z timestamptz, b bytea, l text[]);
    INSERT INTO t VALUES (1, 0.1::float8 + 0.2::float8, 1/3.0, 1e-20, 'infinity', '2024-01-01 00:00:00.123456Z', '\\x00ff',
      '{"a,b","c\\"d",NULL}'), (2, 'NaN', '-Infinity', 'NaN', '2024-02-29 23:59:59.999999', NULL, '', '{}')`)
  await call(`delete_rows('t', 'true', 'why')`)
  const back = `INSERT INTO t SELECT (jsonb_populate_record(NULL::t, row)).* FROM langfuse_rollout.archived_rows`
  const [kept] = await run(`SELECT jsonb_agg(row ORDER BY id) AS kept FROM langfuse_rollout.archived_rows`)
  await run(`${back}; SET extra_float_digits = 1`)
  expect(kept?.['kept']).toMatchObject([{ f: 0.30000000000000004, r: 0.33333334, n: 1e-20 }, { f: 'NaN' }])
  expect(
    await run(
      `SELECT id, f = 0.1::float8 + 0.2::float8 OR f = 'NaN' AS f, r, at, z = '2024-01-01 00:00:00.123456Z' AS z, b, l FROM t ORDER BY id`,
    ),
  ).toMatchObject([
    {
      id: 1,
      f: true,
      at: Number.POSITIVE_INFINITY,
      z: true,
      b: Buffer.from([0, 255]),
      l: ['a,b', 'c"d', null],
    },
    { id: 2, f: true, r: Number.NEGATIVE_INFINITY, z: null, l: [] },
  ])
})

test('in batches, the same call is made until nothing is left, and rows are looked up once', async () => {
  await run(`CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT n, n FROM generate_series(1, 7) AS n;
    CREATE TABLE u (id int PRIMARY KEY); SET langfuse_rollout.batch = '3'`)
  const calls = [
    `rewrite_rows('t', 'v = 0', 'this.v > 1', 'why')`,
    `delete_rows('t', 'this.id = ANY (ARRAY[1, 3, 5, 7])', 'why')`,
    `insert_rows('u', 'id', 'SELECT n FROM generate_series(1, 5) AS n')`,
  ]
  const done: (readonly unknown[])[] = []
  for (const sql of calls) {
    let more: unknown = 'yes'
    while (more === 'yes') {
      await run(`BEGIN; SET LOCAL langfuse_rollout.more = ''`)
      const count = await call(sql)
      more = (await run(`SELECT current_setting('langfuse_rollout.more') AS more`))[0]?.['more']
      await run('COMMIT')
      done.push([count, more])
    }
    // Called once more it has nothing to do, until the lists are forgotten.
    expect(await call(sql)).toBe('0')
  }
  expect(done).toEqual([
    ['3', 'yes'],
    ['3', ''],
    ['3', 'yes'],
    ['1', ''],
    ['3', 'yes'],
    ['2', ''],
  ])
  await run('INSERT INTO t VALUES (8, 8)')
  expect(await call(calls[0] ?? '')).toBe('0')
  await call('forget_todo_lists()')
  expect(await call(calls[0] ?? '')).toBe('1')
  expect(await archived()).toHaveLength(6 + 4 + 1)
})

test('in batches, a row that needs nothing any more when its turn comes is left alone', async () => {
  await run(`CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 1); CREATE TABLE u (id int);
    SET langfuse_rollout.batch = '1'`)
  const sql = `rewrite_rows('t', 'v = 0', $$NOT EXISTS (SELECT FROM public.u WHERE u.id = this.id) -- an orphan$$, 'why')`
  expect(await call(sql)).toBe('1')
  await run('INSERT INTO u VALUES (1), (2)')
  expect(await call(sql)).toBe('0')
})

test.each([
  ['rollback_id', `RESET langfuse_rollout.rollback_id`],
  ['rollback_id', `SET langfuse_rollout.rollback_id = ''`],
  ['migration', `RESET langfuse_rollout.migration`],
])('without the name of the %s nothing is done (%s)', async (name, sql) => {
  await run(`${pets} ${sql}; CREATE TYPE e AS ENUM ('a')`)
  for (const statement of [
    `archive_rows('pets', 'true', 'why')`,
    `delete_rows('pets', 'true', 'why')`,
    `rewrite_rows('pets', 'legs = 1', 'true', 'why')`,
    `archive_column('pets', 'legs')`,
    `drop_column('pets', 'legs')`,
    `drop_table('pets')`,
    `drop_enum('e')`,
    `rebuild_enum('e', '{b}')`,
  ]) {
    expect(await refusal(statement)).toBe(`langfuse_rollout.${name} is not set`)
  }
})

test('what stands before pg_catalog on the search path of a role is not used', async () => {
  await run(`${pets} CREATE SCHEMA evil; CREATE TABLE evil.pets (id text);
    CREATE FUNCTION evil.to_jsonb(anyelement) RETURNS jsonb LANGUAGE sql AS $$ SELECT '{}'::jsonb $$;
    CREATE FUNCTION evil.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT 1/0';
    CREATE FUNCTION evil.wrong(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
    CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.wrong);
    SET search_path = evil, pg_catalog, public`)
  await callTwice(`delete_rows('pets', 'this.legs = 2', 'why')`)
  await callTwice(`drop_column('pets', 'legs')`)
  await run('SET search_path = public')
  expect(await archived()).toMatchObject([
    { relation: 'public.pets', kind: 'values', row: { id: 'cat', legs: 4 } },
    { kind: 'values', row: { id: 'eel', legs: 0 } },
    { kind: 'row', row: { id: 'hen', legs: 2 } },
  ])
})

test('a background migration that is not finished is paused, and no other', async () => {
  await run(`CREATE TABLE background_migrations (id text PRIMARY KEY, finished_at timestamp(3), failed_at timestamp(3),
      failed_reason text, state jsonb NOT NULL DEFAULT '{}');
    INSERT INTO background_migrations VALUES ('x''1', NULL, NULL, NULL, '{"done": 3}'), ('x2', NULL, NULL, NULL, '{}'),
      ('x3', '2025-01-01', NULL, NULL, '{}'), ('x4', NULL, '2025-01-01', 'its own', '{}')`)
  await callTwice(...[`x''1`, 'x3', 'x4'].map(id => `pause_background_migration('${id}')`))
  expect(await rows('background_migrations')).toMatchObject([
    { id: "x'1", failed_at: expect.any(Date), failed_reason: expect.stringMatching(/^paused by a rollback/) },
    { id: 'x2', failed_at: null },
    { id: 'x3', failed_at: null },
    { id: 'x4', failed_reason: 'its own' },
  ])
  expect(await archived()).toMatchObject([
    { kind: 'row', row: { id: "x'1", failed_at: null, state: { done: 3 } } },
  ])
})

test('background migrations are taken away by id, and come back as finished', async () => {
  await run(`CREATE TABLE background_migrations (id text PRIMARY KEY, name text UNIQUE NOT NULL, script text NOT NULL,
      args jsonb NOT NULL, state jsonb NOT NULL DEFAULT '{}', finished_at timestamp(3));
    INSERT INTO background_migrations VALUES ('x''1', 'first', 's', '{}', '{"done": 3}'), ('x2', 'second', 's', '{}', '{}')`)
  await callTwice(
    `delete_background_migration('x''1')`,
    `insert_background_migration('x3', 'third', 'script', '{"a": 1}')`,
    `insert_background_migration('x4', 'second', 'script', '{}')`,
  )
  expect(await archived()).toMatchObject([{ kind: 'row', row: { id: "x'1", state: { done: 3 } } }])
  expect(await rows('background_migrations')).toMatchObject([
    { id: 'x2', finished_at: null },
    { id: 'x3', args: { a: 1 }, finished_at: expect.any(Date) },
  ])
})

import { describe, expect, test } from '@jest/globals'
import { useToolbox } from './use-toolbox.ts'

const { database, run, call, callTwice, archived, rows } = useToolbox()

const manifest = async (): Promise<readonly unknown[]> =>
  run(`SELECT relation, kind, how, rows::int, problem, closed_at IS NOT NULL AS closed,
    given_back_at IS NOT NULL AS back FROM langfuse_rollout.kept ORDER BY id`)
const stored = async (): Promise<string> => {
  const [row] = await run('SELECT stored_as FROM langfuse_rollout.kept ORDER BY id DESC LIMIT 1')
  return `langfuse_rollout."${row?.['stored_as']}"`
}
/** Runs SQL as the migration does: on a connection that holds Prisma's lock. */
const migrate = async (sql: string): Promise<void> => {
  const client = await database().connect()
  await client.query(`SELECT pg_advisory_lock(72707369); ${sql}`)
  await client.end()
}

const parent = `CREATE TABLE projects (id text PRIMARY KEY); INSERT INTO projects VALUES ('a'), ('b');`
/** Every kind of thing that a table of Langfuse, or its owner's, has. */
const rich = `${parent}
  CREATE TYPE "Kind" AS ENUM ('ONE', 'TWO'); CREATE TYPE "Shared" AS ENUM ('X');
  CREATE TABLE other (s "Shared");
  CREATE TABLE t (
    id text PRIMARY KEY, p text NOT NULL CONSTRAINT t_p_fkey REFERENCES projects ON DELETE CASCADE ON UPDATE CASCADE,
    kind "Kind" NOT NULL DEFAULT 'ONE', kinds "Kind"[], s "Shared", "odd; ""c" text COLLATE "C" CHECK ("odd; ""c" <> 'no'),
    n serial, i bigint GENERATED ALWAYS AS IDENTITY, twice int GENERATED ALWAYS AS (length(id) * 2) STORED,
    at timestamp(3) DEFAULT CURRENT_TIMESTAMP, CONSTRAINT t_once UNIQUE (p, n)
  ) WITH (fillfactor = 90);
  CREATE INDEX "t; idx" ON t (lower("odd; ""c")) WHERE p <> 'z';
  COMMENT ON TABLE t IS 'it''s'; COMMENT ON COLUMN t."odd; ""c" IS 'odd';
  GRANT SELECT ON t TO PUBLIC; GRANT UPDATE (s) ON t TO pg_monitor WITH GRANT OPTION;
  ALTER TABLE t ENABLE ROW LEVEL SECURITY;
  CREATE POLICY "only; a" ON t AS RESTRICTIVE FOR SELECT TO pg_monitor, PUBLIC USING (p = 'a');
  CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER "mine; --" BEFORE UPDATE OF s ON t FOR EACH ROW WHEN (old.s IS NULL) EXECUTE FUNCTION nothing();
  ALTER TABLE t DISABLE TRIGGER "mine; --"; ALTER TABLE t REPLICA IDENTITY FULL;
  CREATE VIEW v AS SELECT id, kind FROM t;
  INSERT INTO t (id, p, kind, kinds, s) VALUES ('1', 'a', 'TWO', '{ONE,TWO}', 'X'), ('2', 'b', 'ONE', NULL, NULL);`

/** A table with what hangs on it, by name only. */
const described = (name: string): Promise<readonly unknown[]> =>
  run(`SELECT replace(unnest(langfuse_rollout.twin_of('${name}'::regclass) || langfuse_rollout.extras_of('${name}'::regclass)),
    'langfuse_rollout', 'public') AS sql`)
const sqlOf = (each: unknown): string => (each as { readonly sql: string }).sql
/** Without the sequence, which goes with the table. */
const bare = (each: unknown): string => sqlOf(each).replace(/ DEFAULT nextval\(.+?\)/, '')

describe('a table that is moved aside', () => {
  test('leaves an empty twin of all that it is, and comes back after the migration has dropped that', async () => {
    await run(rich)
    const [schema, before, was] = [await database().snapshot(), await described('t'), await rows('t')]
    await callTwice(`keep_table('t')`)
    expect(await rows('t')).toEqual([])
    expect(await described('t')).toEqual(before)
    expect(await rows('v')).toHaveLength(2)
    await migrate('DROP TABLE t; DROP TYPE "Kind"')
    await callTwice(`close_keep('m')`)
    expect(await manifest()).toMatchObject([
      { kind: 'table', how: 'moved', rows: 2, problem: null, closed: true },
    ])
    await callTwice(`give_back_table('t')`)
    expect(await database().snapshot()).toEqual(schema)
    expect(await described('t')).toEqual(before)
    expect(await rows('t')).toEqual(was)
    await callTwice(`give_back_rows('t')`, `drop_kept('infinity')`)
    expect(await rows('t')).toEqual(was)
    expect(await manifest()).toEqual([])
  })

  test('comes back with what the twin got, when the migration has not run', async () => {
    await run(rich)
    const [schema, before, was] = [await database().snapshot(), await described('t'), await rows('t')]
    await call(`keep_table('t')`)
    expect(await described('t')).toEqual(before)
    await run(`INSERT INTO t (id, p, kind, kinds) VALUES ('3', 'a', 'TWO', '{TWO}')`)
    await callTwice(`reverse_keep('m')`)
    expect(await database().snapshot()).toEqual(schema)
    expect(await described('t')).toEqual(before)
    expect(await rows('t')).toMatchObject([...was, { id: '3', kind: 'TWO' }])
    expect(await manifest()).toEqual([])
  })

  test('loses the rows of a project that a user deletes meanwhile, and later', async () => {
    await run(rich)
    await call(`keep_table('t')`)
    await run(`DELETE FROM projects WHERE id = 'a'`)
    await migrate('DROP TABLE t')
    await call(`close_keep('m')`, `give_back_table('t')`)
    expect(await rows('t')).toMatchObject([{ id: '2' }])
  })

  test('is kept a second time beside what an earlier upgrade left', async () => {
    await run(rich)
    for (const turn of [1, 2]) {
      if (turn === 2)
        await run(`CREATE TABLE t (id text CONSTRAINT t_pkey PRIMARY KEY); INSERT INTO t VALUES ('new')`)
      await call(`keep_table('t')`)
      await migrate('DROP TABLE t')
      await call(`close_keep('m')`)
    }
    await call(`give_back_table('t')`)
    expect(await rows('t')).toEqual([{ id: 'new' }])
    expect(await manifest()).toMatchObject([{ back: false }, { back: true }])
  })

  test.each([
    ['is referred to', 'CREATE TABLE mine (t text REFERENCES t)', 'DROP TABLE mine;'],
    ['is inherited from', 'CREATE TABLE mine () INHERITS (t)', 'DROP TABLE mine;'],
    ['has a rule', 'CREATE RULE r AS ON DELETE TO t DO ALSO NOTHING', ''],
    ['is published by name', 'CREATE PUBLICATION mine FOR TABLE t', ''],
    [
      'is what an unfinished background migration reads',
      `CREATE TABLE background_migrations (name text, finished_at timestamp);
       INSERT INTO background_migrations VALUES ('1_migrate_t_from_pg_to_ch', NULL)`,
      '',
    ],
  ])('is copied when it %s', async (_, sql, first) => {
    await run(`${rich} ${sql}`)
    const was = await rows('t')
    const before = await described('t')
    const make = before.map(bare).filter(each => /^CREATE TABLE|^ALTER TABLE \S+ ADD/.test(each))
    await call(`keep_table('t')`)
    expect(await rows('t')).toEqual(was)
    await migrate(`${first} DROP TABLE t CASCADE; DROP TYPE "Kind"`)
    await call(`close_keep('m')`, `give_back_table('t')`)
    await run(`CREATE TYPE "Kind" AS ENUM ('ONE', 'TWO'); ${make.join(';')}`)
    await callTwice(`give_back_rows('t')`)
    expect(await manifest()).toMatchObject([{ how: 'copied', rows: 2, back: true }])
    expect(await rows('t')).toEqual(was)
    // What its owner had put on it is there again, but for indexes.
    expect((await described('t')).map(sqlOf)).toEqual(before.map(bare).filter(each => !/INDEX/.test(each)))
  })

  test.each([
    ['is absent', ''],
    ['is empty', 'CREATE TABLE t (id text PRIMARY KEY)'],
  ])('that %s needs nothing', async (_, sql) => {
    if (sql !== '') await run(sql)
    const before = await database().snapshot()
    await callTwice(`keep_table('t')`)
    expect(await database().snapshot()).toEqual(before)
    await migrate('DROP TABLE IF EXISTS t')
    await callTwice(`close_keep('m')`, `give_back_table('t')`, `give_back_rows('t')`)
    expect(await manifest()).toMatchObject([{ how: null, rows: 0, problem: null, closed: true }])
  })
})

describe('a table that is copied', () => {
  const table = `${parent} CREATE TYPE "Kind" AS ENUM ('ONE', 'TWO');
    CREATE TABLE t (id text PRIMARY KEY, p text REFERENCES projects ON DELETE CASCADE, k "Kind", j json, ks "Kind"[]);
    INSERT INTO t VALUES ('1', 'a', 'ONE', '{"b":1, "a":"\\u0000"}', '{TWO}'), ('2', 'b', 'TWO', NULL, NULL), ('3', NULL, NULL, NULL, NULL);`

  test('has what is written until the migration drops it', async () => {
    await run(table)
    await callTwice(`keep_table_copy('t')`)
    await run(`INSERT INTO t VALUES ('4', 'a', 'TWO', '[ ]', '{}'); UPDATE t SET id = '2b', k = 'ONE' WHERE id = '2';
      DELETE FROM t WHERE id = '3'; UPDATE t SET j = '[1]' WHERE id = '1'`)
    const was = await rows('t')
    expect(await rows(await stored())).toHaveLength(was.length)
    await migrate('DROP TABLE t; DROP TYPE "Kind"')
    await callTwice(`close_keep('m')`, `give_back_table('t')`)
    await run(table.slice(table.indexOf('CREATE TYPE'), table.indexOf('INSERT INTO t')))
    await callTwice(`give_back_rows('t')`)
    expect(await rows('t')).toEqual(was)
  })

  test('loses the rows of a project that a user deletes, before and after the migration', async () => {
    await run(table)
    await call(`keep_table_copy('t')`)
    await run(`DELETE FROM projects WHERE id = 'a'`)
    expect(await rows(await stored())).toHaveLength(2)
    await migrate('DROP TABLE t')
    await call(`close_keep('m')`)
    await run(`DELETE FROM projects WHERE id = 'b'`)
    expect(await rows(await stored())).toMatchObject([{ id: '3' }])
  })

  test('leaves no trace when the migration has not run', async () => {
    await run(table)
    const before = await database().snapshot()
    await call(`keep_table_copy('t')`)
    await callTwice(`reverse_keep('m')`)
    expect(await database().snapshot()).toEqual(before)
    expect(await manifest()).toEqual([])
    expect(await run(`SELECT FROM pg_class WHERE relname LIKE 'kept\\_\\_%'`)).toEqual([])
  })

  test('is incomplete, and gives nothing back, when a write could not be carried along', async () => {
    await run(table)
    await call(`keep_table_copy('t')`)
    await run(`ALTER TABLE ${await stored()} ADD CHECK (id <> '5')`)
    await run(`INSERT INTO t (id) VALUES ('5')`)
    await migrate('DROP TABLE t')
    await call(`close_keep('m')`, `give_back_table('t')`)
    await run(`CREATE TABLE t (id text PRIMARY KEY)`)
    await call(`give_back_rows('t')`)
    expect(await manifest()).toMatchObject([
      { problem: expect.stringContaining('could not be carried'), back: false },
    ])
    expect(await rows('t')).toEqual([])
    expect(await rows(await stored())).toHaveLength(3)
  })

  test('is incomplete when the migration runs before all is copied', async () => {
    await run(table)
    await run(
      `BEGIN; SELECT set_config('langfuse_rollout.batch', '2', true); SELECT langfuse_rollout.keep_table_copy('t'); COMMIT`,
    )
    await migrate('DROP TABLE t')
    await call(`close_keep('m')`)
    expect(await manifest()).toMatchObject([
      { problem: 'the migration ran before all was copied', closed: true },
    ])
  })

  test('without a primary key is incomplete from the beginning', async () => {
    await run('CREATE TABLE t (id text)')
    await call(`keep_table_copy('t')`)
    expect(await manifest()).toMatchObject([{ how: null, problem: 'public.t has no primary key' }])
  })

  test('stays open as long as the migration has not dropped it', async () => {
    await run(table)
    await callTwice(`keep_table_copy('t')`, `close_keep('m')`)
    expect(await manifest()).toMatchObject([{ closed: false }])
  })
})

describe('rows that are kept', () => {
  const table = `${parent} CREATE TABLE t (id int PRIMARY KEY, p text REFERENCES projects ON DELETE CASCADE, word text UNIQUE);
    CREATE TABLE child (id int PRIMARY KEY, t int REFERENCES t ON DELETE CASCADE);
    INSERT INTO t VALUES (1, 'a', 'bad'), (2, 'b', 'good'), (3, 'a', 'worse'), (4, 'b', 'bad too'); INSERT INTO child VALUES (1, 1), (2, 2);`
  const bad = `DELETE FROM t WHERE word LIKE '%bad%' OR word = 'worse'`
  const both = [
    `keep_rows('t', 'this.word LIKE ''%bad%''')`,
    `keep_rows('child', 'EXISTS (SELECT FROM public.t WHERE t.id = this.t AND t.word LIKE ''%bad%'')')`,
  ]

  test('are those that the migration deletes: with what it deletes along, and what was written meanwhile', async () => {
    await run(table)
    const was = [await rows('t'), await rows('child')]
    await callTwice(...both)
    await run(
      `INSERT INTO t VALUES (5, 'a', 'badder'), (6, 'a', 'fine'); UPDATE t SET word = 'baddest' WHERE id = 4`,
    )
    await migrate(bad)
    await callTwice(`close_keep('m')`)
    expect(await rows(await stored())).toEqual([{ id: 1, t: 1 }])
    expect(await manifest()).toMatchObject([
      { relation: 't', rows: 4 },
      { relation: 'child', rows: 1 },
    ])
    await callTwice(`give_back_rows('t')`, `give_back_rows('child')`)
    expect(await rows('t')).toEqual([
      ...was.flatMap(all => all.slice(0, 3).filter(row => 'word' in (row as object))),
      { id: 4, p: 'b', word: 'baddest' },
      { id: 5, p: 'a', word: 'badder' },
      { id: 6, p: 'a', word: 'fine' },
    ])
    expect(await rows('child')).toEqual(was[1])
  })

  test('do not come back when a user has deleted them, or what they belong to', async () => {
    await run(table)
    await call(...both)
    await run('DELETE FROM t WHERE id = 4')
    await migrate(bad)
    await call(`close_keep('m')`)
    await run(`DELETE FROM projects WHERE id = 'a'`)
    await call(`give_back_rows('t')`, `give_back_rows('child')`)
    expect(await rows('t')).toMatchObject([{ id: 2 }])
    // The child's parent is gone.
    expect(await archived()).toMatchObject([{ relation: 'public.child', kind: 'row', row: { id: 1, t: 1 } }])
  })

  test('go to the archive when their place is taken', async () => {
    await run(table)
    await call(...both)
    await migrate(bad)
    await call(`close_keep('m')`)
    await run(`INSERT INTO t VALUES (9, 'a', 'bad')`)
    await callTwice(`give_back_rows('t')`)
    expect(await rows('t')).toMatchObject([{ id: 2 }, { id: 3 }, { id: 4 }, { id: 9 }])
    expect(await archived()).toMatchObject([{ relation: 'public.t', row: { id: 1, word: 'bad' } }])
  })

  test('are incomplete when the migration ran without the lock of Prisma', async () => {
    await run(table)
    await call(`keep_rows('t', 'this.word = ''bad''')`)
    await run(`DELETE FROM t WHERE word = 'bad'`)
    await call(`close_keep('m')`)
    expect(await manifest()).toMatchObject([{ problem: 'its rows were deleted without the lock of Prisma' }])
  })

  test('stay kept when the keep is to be reversed but the migration has run', async () => {
    await run(table)
    await call(`keep_rows('t', 'this.word = ''bad''')`)
    await migrate(bad)
    await call(`reverse_keep('m')`)
    expect(await manifest()).toMatchObject([{ closed: false }])
    await call(`close_keep('m')`)
    await callTwice(`give_back_rows('t')`)
    expect(await rows('t')).toHaveLength(4)
  })

  test('are carried along when another role writes, which does not see the archive', async () => {
    await run(table)
    await call(`keep_rows('t', 'this.word = ''bad''')`)
    await run('CREATE ROLE app; GRANT app TO CURRENT_USER; GRANT ALL ON t TO app')
    await run(`SET ROLE app; UPDATE t SET word = 'BAD' WHERE id = 1; RESET ROLE`)
    expect(await rows(await stored())).toMatchObject([{ word: 'BAD' }])
  })
})

describe('a column that is kept', () => {
  const table = `CREATE TYPE "Kind" AS ENUM ('ONE', 'TWO');
    CREATE TABLE t (id int, part int, c "Kind", d text, PRIMARY KEY (id, part));
    INSERT INTO t VALUES (1, 1, 'ONE', 'x'), (1, 2, 'TWO', 'y'), (2, 1, NULL, 'z'), (3, 1, 'TWO', 'gone');`

  test('has its values again, but for what the older release has set since', async () => {
    await run(table)
    await callTwice(`keep_column('t', 'c')`)
    await run(`INSERT INTO t VALUES (4, 1, 'TWO', 'new'); DELETE FROM t WHERE id = 3`)
    const was = await rows('t')
    await migrate('ALTER TABLE t DROP COLUMN c')
    await run(`UPDATE t SET d = d; INSERT INTO t VALUES (5, 1, 'newer')`)
    await callTwice(`close_keep('m')`)
    await run(
      `ALTER TABLE t ADD COLUMN c "Kind"; DELETE FROM t WHERE id = 5; UPDATE t SET c = 'ONE' WHERE id = 4`,
    )
    await callTwice(`give_back_column('t', 'c')`)
    const byKey = (all: readonly unknown[]) =>
      all.map(row => JSON.stringify(Object.entries(row as object).toSorted()))
    expect(byKey(await rows('t')).toSorted()).toEqual(
      byKey(
        was.map(row => ((row as { id: number }).id === 4 ? { ...(row as object), c: 'ONE' } : row)),
      ).toSorted(),
    )
    expect(await manifest()).toMatchObject([{ kind: 'column', rows: 3, back: true }])
  })
})

test('without a manifest nothing comes back and nothing is an error', async () => {
  await run('CREATE TABLE t (id int PRIMARY KEY, c text)')
  await callTwice(
    `give_back_table('u')`,
    `give_back_rows('t')`,
    `give_back_column('t', 'c')`,
    `close_keep('m')`,
    `reverse_keep('m')`,
  )
  expect(await manifest()).toEqual([])
})

test('what is older than the date is dropped for good, and what something depends on stays', async () => {
  await run(`CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY); CREATE TYPE e AS ENUM ('a');
    ALTER TABLE t ADD COLUMN e e; INSERT INTO t VALUES (1, 'a'); INSERT INTO u VALUES (1); CREATE VIEW v AS SELECT * FROM u`)
  await call(`keep_table('t')`, `keep_table('u')`)
  await migrate('DROP TABLE t, u; DROP TYPE e')
  await call(`close_keep('m')`, `drop_kept('-infinity')`)
  expect(await manifest()).toHaveLength(2)
  await run(`INSERT INTO langfuse_rollout.kept (run_id, migration, relation, kind, stored_as, closed_at)
    VALUES ('r', '0044', 'u', 'table', 'kept__u_1', now())`) // ClickHouse's, of a name that is taken here
  await callTwice(`drop_kept('infinity')`)
  expect(await manifest()).toMatchObject([{ relation: 'u' }, { relation: 'u' }])
  expect(await rows('v')).toEqual([{ id: 1 }])
  expect(await run(`SELECT FROM pg_type WHERE typname LIKE 'kept\\_\\_e%'`)).toEqual([])
})

import { describe, expect, test } from '@jest/globals'
import { useToolbox } from './use-toolbox.ts'

const { database, run, call, callTwice, archived, definitions, rows, refusal } = useToolbox()
const values = async (): Promise<readonly unknown[]> => (await archived()).map(({ row }) => row)
const stored = (): Promise<readonly unknown[]> =>
  run(`SELECT relation, stored_as, rows FROM langfuse_rollout.archived_tables ORDER BY id`)

describe('a column', () => {
  test.each([
    [
      'has no default',
      'int',
      [
        { id: 1, c: 0 },
        { id: 3, c: 7 },
      ],
    ],
    [
      'has a constant as default',
      'int DEFAULT 7',
      [
        { id: 1, c: 0 },
        { id: 2, c: null },
      ],
    ],
    [
      'has NULL as default',
      'int DEFAULT NULL',
      [
        { id: 1, c: 0 },
        { id: 3, c: 7 },
      ],
    ],
    [
      'has a computed default',
      'int DEFAULT (random() * 0)::int',
      [
        { id: 1, c: 0 },
        { id: 2, c: null },
        { id: 3, c: 7 },
      ],
    ],
    [
      'has the time as default',
      `bigint DEFAULT extract(year FROM CURRENT_DATE)`,
      [
        { id: 1, c: 0 },
        { id: 2, c: null },
        { id: 3, c: 7 },
      ],
    ],
    [
      'is of type json',
      `json DEFAULT '7'`,
      [
        { id: 1, c: '0' },
        { id: 2, c: null },
      ],
    ],
    [
      'is an array',
      `int[] DEFAULT '{7}'`,
      [
        { id: 1, c: [0] },
        { id: 2, c: null },
      ],
    ],
  ])('that %s is dropped into the archive, where it is not its default', async (_, type, kept) => {
    const array = type.startsWith('int[]')
    await run(`CREATE TABLE t (id int PRIMARY KEY, c ${type});
      INSERT INTO t VALUES (1, ${array ? `'{0}'` : `'0'`}), (2, NULL), (3, ${array ? `'{7}'` : `'7'`})`)
    await callTwice(`drop_column('t', 'c')`)
    expect(await values()).toEqual(kept)
    const reason = 'the column c is dropped'
    expect(await archived()).toMatchObject(kept.map(() => ({ kind: 'values', relation: 'public.t', reason })))
    expect(await rows('t')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
  })

  test.each([
    [
      'generated',
      `int GENERATED ALWAYS AS (id * 2) STORED`,
      'integer GENERATED ALWAYS AS ((id * 2)) STORED',
      2,
    ],
    ['an identity', `int GENERATED ALWAYS AS IDENTITY`, 'integer GENERATED ALWAYS AS IDENTITY NOT NULL', 2],
    ['an enum with a default', `e DEFAULT 'b' NOT NULL`, `public.e DEFAULT 'b'::public.e NOT NULL`, 0],
    [
      'given by CURRENT_TIMESTAMP',
      `timestamp(3) DEFAULT CURRENT_TIMESTAMP`,
      'timestamp(3) without time zone DEFAULT CURRENT_TIMESTAMP',
      2,
    ],
  ])('that is %s is remembered with its definition', async (_, type, definition, count) => {
    await run(
      `CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (id int PRIMARY KEY, c ${type}); INSERT INTO t (id) VALUES (1), (2)`,
    )
    await callTwice(`drop_column('t', 'c')`)
    expect(
      await run(
        `SELECT relation, column_name, definition, rows, dropped_at IS NOT NULL AS dropped FROM langfuse_rollout.archived_columns`,
      ),
    ).toEqual([{ relation: 'public.t', column_name: 'c', definition, rows: String(count), dropped: true }])
    expect(await archived()).toHaveLength(count)
  })

  test('of a table without a key is archived with its whole row', async () => {
    await run(`CREATE TABLE t (a text, "B c" int); INSERT INTO t VALUES ('x', 1), ('y', NULL)`)
    await callTwice(`drop_column('t', 'B c')`)
    expect(await archived()).toMatchObject([{ kind: 'row', row: { a: 'x', 'B c': 1 } }])
  })

  test('that is part of the key is archived with the key', async () => {
    await run(`CREATE TABLE t (a text, b int, c int, PRIMARY KEY (b, a)); INSERT INTO t VALUES ('x', 1, 2)`)
    await callTwice(`drop_column('t', 'b')`)
    expect(await values()).toEqual([{ a: 'x', b: 1 }])
  })

  test('that was archived before is not read again when it is dropped', async () => {
    await run(`CREATE TABLE t (id int PRIMARY KEY, c int); INSERT INTO t VALUES (1, 1)`)
    await callTwice(`archive_column('t', 'c')`)
    await run('INSERT INTO t VALUES (2, 2)')
    await callTwice(`drop_column('t', 'c')`)
    expect(await values()).toEqual([{ id: 1, c: 1 }])
  })

  test.each(['r', 'r2'])('that an upgrade brought back is archived again by rollback %s', async rollback => {
    await run(`CREATE TABLE t (id int PRIMARY KEY, c int); INSERT INTO t VALUES (1, 1)`)
    await call(`drop_column('t', 'c')`)
    await run(
      `ALTER TABLE t ADD COLUMN c int; UPDATE t SET c = 5; SET langfuse_rollout.rollback_id = '${rollback}'`,
    )
    expect(await call(`archive_column('t', 'c')`)).toBe('1')
    await call(`drop_column('t', 'c')`)
    expect(await values()).toContainEqual({ id: 1, c: 5 })
  })

  test('takes indexes and constraints with it, of which the definitions are kept', async () => {
    await run(`CREATE TABLE t (id int PRIMARY KEY, c int CHECK (c > 0), d int, UNIQUE (c, d), CONSTRAINT "my check" CHECK (c < d));
      CREATE INDEX mine ON t (lower(d::text)) WHERE c > 3; CREATE INDEX other ON t (d); CREATE STATISTICS s ON c, d FROM t`)
    await callTwice(`drop_column('t', 'c')`)
    expect((await definitions()).map(({ reason, row }) => [reason, row])).toEqual(
      expect.arrayContaining([
        [
          'goes with the column c',
          expect.objectContaining({ kind: 'constraint', name: 'my check', definition: 'CHECK ((c < d))' }),
        ],
        [
          'goes with the column c',
          expect.objectContaining({ name: 't_c_d_key', definition: 'UNIQUE (c, d)' }),
        ],
        [
          'goes with the column c',
          {
            kind: 'index',
            name: 'mine',
            definition: 'CREATE INDEX mine ON public.t USING btree (lower((d)::text)) WHERE (c > 3)',
          },
        ],
        ['goes with the column c', expect.objectContaining({ kind: 'statistics' })],
      ]),
    )
    expect(await definitions()).toHaveLength(5)
    expect(Object.keys(await database().snapshot())).toContain('index public.t.other')
  })

  test('that a view of a user shows stays, and the error is that of PostgreSQL', async () => {
    await run(`CREATE TABLE t (id int PRIMARY KEY, c int); CREATE VIEW "my view" AS SELECT c FROM t`)
    expect(await refusal(`drop_column('t', 'c')`)).toBe(
      'cannot drop column c of table public.t because other objects depend on it',
    )
  })
})

describe('a table', () => {
  test('that is empty is dropped, and its definition kept', async () => {
    await run(
      `CREATE TABLE "T ""x""" (id serial PRIMARY KEY, n text NOT NULL DEFAULT 'a'); CREATE INDEX i ON "T ""x""" (n)`,
    )
    await callTwice(`drop_table('T "x"')`)
    expect(await database().snapshot()).toEqual({})
    expect(await stored()).toEqual([])
    expect(await definitions()).toMatchObject([
      {
        relation: 'public."T ""x"""',
        row: {
          columns: [
            `id integer DEFAULT nextval('public."T ""x""_id_seq"'::regclass) NOT NULL`,
            `n text DEFAULT 'a'::text NOT NULL`,
          ],
          indexes: [expect.stringContaining('_pkey'), expect.stringContaining('INDEX i')],
        },
      },
    ])
  })

  test('that has rows is moved as it is, each time under a name that is free', async () => {
    const name = `${'ö'.repeat(30)}_é` // 63 bytes, the longest there can be
    const create = `CREATE TABLE "${name}" (id serial PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, c text UNIQUE);
      CREATE INDEX i ON "${name}" (n); INSERT INTO "${name}" (c) VALUES ('a'), ('b')`
    await run(create)
    await callTwice(`drop_table('${name}')`, 'count_archived_tables()')
    await run(create)
    await callTwice(`drop_table('${name}')`, 'count_archived_tables()')
    expect(await database().snapshot()).toEqual({})
    const moved = (await stored()) as { stored_as: string }[]
    expect(moved).toEqual([
      { relation: `public."${name}"`, stored_as: `langfuse_rollout."${'ö'.repeat(30)}_1"`, rows: '2' },
      { relation: `public."${name}"`, stored_as: `langfuse_rollout."${'ö'.repeat(30)}_2"`, rows: '2' },
    ])
    for (const { stored_as: table } of moved) {
      await run(`INSERT INTO ${table} (c) VALUES ('c')`)
      expect(await rows(table)).toEqual([
        { id: 1, n: 1, c: 'a' },
        { id: 2, n: 2, c: 'b' },
        { id: 3, n: 3, c: 'c' },
      ])
      await expect(run(`INSERT INTO ${table} (c) VALUES ('c')`)).rejects.toThrow('duplicate key')
    }
  })

  test('finds a name whose array type has a free name, too', async () => {
    await run(
      `CREATE TABLE _t (a int); INSERT INTO _t VALUES (1); CREATE TABLE t (a int); INSERT INTO t VALUES (1)`,
    )
    await call(`drop_table('_t')`, `drop_table('t')`)
    expect(await stored()).toMatchObject([
      { stored_as: 'langfuse_rollout._t_1' },
      { stored_as: 'langfuse_rollout.t_2' },
    ])
  })

  test('lets go of what it refers to, and what users point at it goes on pointing at it', async () => {
    await run(`CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, p int REFERENCES p, self int REFERENCES t);
      CREATE TABLE "my table" (t int REFERENCES t ON DELETE CASCADE); CREATE VIEW "my view" AS SELECT p FROM t;
      INSERT INTO p VALUES (1); INSERT INTO t VALUES (1, 1, 1); INSERT INTO "my table" VALUES (1)`)
    await callTwice(`drop_table('t')`)
    await run('DELETE FROM p')
    expect(await rows('"my view"')).toEqual([{ p: 1 }])
    await expect(run('INSERT INTO "my table" VALUES (2)')).rejects.toThrow('violates foreign key constraint')
    await run('INSERT INTO "my table" VALUES (1)')
    expect(await definitions()).toMatchObject([
      { row: { constraints: { t_p_fkey: 'FOREIGN KEY (p) REFERENCES public.p(id)' } } },
    ])
  })

  test.each([
    ['a view', 'CREATE VIEW v AS SELECT * FROM t'],
    ['a foreign key', 'CREATE TABLE v (t int REFERENCES t)'],
    ['a default', `CREATE TABLE v (t int DEFAULT nextval('t_id_seq'))`],
  ])('that is empty, but that %s of a user needs, is moved', async (_, sql) => {
    await run(`CREATE TABLE t (id serial PRIMARY KEY); ${sql}`)
    await callTwice(`drop_table('t')`, 'count_archived_tables()')
    expect(await stored()).toEqual([{ relation: 'public.t', stored_as: 'langfuse_rollout.t_1', rows: '0' }])
    await run('SELECT * FROM v')
  })

  test('that someone took out of the archive does not stop the counting', async () => {
    await run(
      `CREATE TABLE t (id int); INSERT INTO t VALUES (1); CREATE TABLE u (id int); INSERT INTO u VALUES (1)`,
    )
    await call(`drop_table('t')`, `drop_table('u')`)
    await run('DROP TABLE langfuse_rollout.t_1')
    await call('count_archived_tables()')
    expect(await stored()).toMatchObject([{ rows: null }, { rows: '1' }])
  })
})

describe('an enum', () => {
  test('that nothing uses is dropped', async () => {
    await run(`CREATE TYPE "My E" AS ENUM ('b', 'a')`)
    await callTwice(`drop_enum('My E')`)
    expect(await database().snapshot()).toEqual({})
    expect(await definitions()).toMatchObject([{ row: { kind: 'enum', labels: ['b', 'a'] } }])
  })

  test.each([
    [
      'an archived table',
      `CREATE TABLE t (e "E"[]); INSERT INTO t VALUES ('{a}'); SELECT langfuse_rollout.drop_table('t')`,
    ],
    ['a table of a user', 'CREATE TABLE mine (e "E")'],
    ['a function of a user', `CREATE FUNCTION f("E") RETURNS "E" LANGUAGE sql AS 'SELECT $1'`],
    ['a domain of a user', 'CREATE DOMAIN d AS "E"'],
  ])('that %s uses goes into the archive, each time under a name that is free', async (_, sql) => {
    const create = `CREATE TYPE "E" AS ENUM ('a')`
    await run(`${create}; ${sql}`)
    await callTwice(`drop_enum('E')`)
    expect(await run(`SELECT 'a'::langfuse_rollout."E_1"::text AS e`)).toEqual([{ e: 'a' }])
    expect(Object.keys(await database().snapshot())).not.toContain('enum public.E')
    await run(`${create}; CREATE TABLE more (e "E")`)
    await call(`drop_enum('E')`)
    expect(await run(`SELECT 'a'::langfuse_rollout."E_2"::text AS e`)).toEqual([{ e: 'a' }])
  })
})

test('views, indexes and constraints are dropped, and their definitions kept', async () => {
  await run(`CREATE TABLE t (id int PRIMARY KEY, c int CHECK (c > 0)); CREATE INDEX "i ""x""" ON t (c);
    CREATE VIEW "V" AS SELECT c FROM t; CREATE MATERIALIZED VIEW m AS SELECT c FROM t`)
  await callTwice(
    `drop_index('i "x"')`,
    `drop_view('V')`,
    `drop_view('m')`,
    `drop_constraint('t', 't_c_check')`,
  )
  expect(Object.keys(await database().snapshot())).toEqual([
    'column public.t.c',
    'column public.t.id',
    'constraint public.t.t_pkey',
    'table public.t',
  ])
  expect((await definitions()).map(({ row }) => (row as { definition: string }).definition)).toEqual([
    'CREATE INDEX "i ""x""" ON public.t USING btree (c)',
    expect.stringContaining('SELECT t.c'),
    expect.stringContaining('SELECT t.c'),
    'CHECK ((c > 0))',
  ])
})

test.each([
  ['view', `drop_view('v')`, 'cannot drop view public.v because other objects depend on it'],
  [
    'primary key',
    `drop_constraint('t', 't_pkey')`,
    'cannot drop constraint t_pkey on table public.t because other objects depend on it',
  ],
  [
    'index of a key',
    `drop_index('t_pkey')`,
    'cannot drop index public.t_pkey because constraint t_pkey on table public.t requires it',
  ],
])('a %s that something of a user needs stays', async (_, sql, error) => {
  await run(`CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW v AS SELECT id FROM t; CREATE VIEW w AS SELECT id FROM v;
    CREATE TABLE mine (t int REFERENCES t)`)
  expect(await refusal(sql)).toBe(error)
})

test('only an invalid index is dropped as invalid', async () => {
  await run('CREATE TABLE t (id int); INSERT INTO t VALUES (1), (1); CREATE INDEX valid ON t (id)')
  await expect(run('CREATE UNIQUE INDEX CONCURRENTLY invalid ON t (id)')).rejects.toThrow()
  expect(Object.keys(await database().snapshot())).toContain('index public.t.invalid')
  await callTwice(
    `drop_invalid_index('invalid')`,
    `drop_invalid_index('valid')`,
    `drop_invalid_index('none')`,
  )
  expect(Object.keys(await database().snapshot()).filter(key => key.startsWith('index'))).toEqual([
    'index public.t.valid',
  ])
})

import { expect, test } from '@jest/globals'
import { useToolbox } from './use-toolbox.ts'

const { database, run, callTwice, archived, rows, refusal } = useToolbox()
const keys = async (): Promise<readonly string[]> => Object.keys(await database().snapshot())

test('renames keep everything, and a second call does nothing', async () => {
  await run(`CREATE TYPE "Old" AS ENUM ('a'); CREATE TABLE "old; t" ("old c" "Old" DEFAULT 'a', CONSTRAINT "old k" CHECK (true));
    CREATE INDEX "old i" ON "old; t" ("old c"); INSERT INTO "old; t" DEFAULT VALUES`)
  await callTwice(
    `rename_table('old; t', 'new; t')`,
    `rename_column('new; t', 'old c', 'new c')`,
    `rename_constraint('new; t', 'old k', 'new k')`,
    `rename_index('old i', 'new i')`,
    `rename_enum('Old', 'New')`,
  )
  expect(await keys()).toEqual([
    'column public."new; t"."new c"',
    'constraint public."new; t"."new k"',
    'enum public.New',
    'index public."new; t"."new i"',
    'table public."new; t"',
  ])
  expect(await rows('"new; t"')).toEqual([{ 'new c': 'a' }])
  expect(await archived()).toEqual([])
})

test('a name that is taken is not taken away from anyone', async () => {
  await run('CREATE TABLE t (a int, b int); CREATE TABLE u ()')
  expect(await refusal(`rename_column('t', 'a', 'b')`)).toBe('column "b" of relation "t" already exists')
  expect(await refusal(`rename_table('t', 'u')`)).toBe('relation "u" already exists')
})

test('what is missing is added, and what is there stays as it is', async () => {
  await run(`CREATE TABLE t (id int PRIMARY KEY, a text DEFAULT 'mine'); INSERT INTO t VALUES (1)`)
  await callTwice(
    `add_column('t', 'a', 'integer NOT NULL')`,
    `add_column('t', 'b "x"', 'integer NOT NULL DEFAULT 3')`,
    `add_constraint('t', 'k; "1"', 'CHECK ("b ""x""" > 0)')`,
    `add_constraint('t', 'k; "1"', 'CHECK (false)')`,
  )
  expect(await rows('t')).toEqual([{ id: 1, a: 'mine', 'b "x"': 3 }])
  expect((await database().snapshot())['constraint public.t."k; ""1"""']).toEqual({
    definition: 'CHECK (("b ""x""" > 0))',
  })
})

test('a foreign key is added NOT VALID and validated later; one that is gone is not looked for', async () => {
  await run('CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (p int); INSERT INTO t VALUES (1)')
  await callTwice(`add_constraint('t', 'k', 'FOREIGN KEY (p) REFERENCES public.p (id) NOT VALID')`)
  expect(await refusal(`validate_constraint('t', 'k')`)).toMatch('violates foreign key constraint')
  await run('INSERT INTO p VALUES (1)')
  await callTwice(
    `validate_constraint('t', 'k')`,
    `validate_constraint('t', 'none')`,
    `validate_constraint('none', 'k')`,
  )
  expect((await database().snapshot())['constraint public.t.k']).toEqual({
    definition: 'FOREIGN KEY (p) REFERENCES public.p(id)',
  })
})

test('rows with NULL are archived and filled before a column is NOT NULL', async () => {
  await run(
    `CREATE TABLE t (id int PRIMARY KEY, "C" text, d text); INSERT INTO t VALUES (1, NULL, 'x'), (2, 'y', NULL)`,
  )
  await callTwice(`set_not_null('t', 'C', $$this.d || '!'$$)`)
  expect(await rows('t')).toEqual([
    { id: 1, C: 'x!', d: 'x' },
    { id: 2, C: 'y', d: null },
  ])
  expect(await archived()).toMatchObject([{ kind: 'row', row: { id: 1, C: null } }])
  expect((await database().snapshot())['column public.t.C']).toMatchObject({ notNull: true })
})

test.each(['NULL', `'NULL'`, `'nullif(1, 1)'`])(
  'rows with NULL are an error when they are filled with %s',
  async fill => {
    await run('CREATE TABLE t (id int PRIMARY KEY, c int); INSERT INTO t VALUES (1), (2)')
    expect(await refusal(`set_not_null('t', 'c', ${fill})`)).toBe(
      'the column c of public.t is NULL in 2 rows, which the older release cannot have',
    )
  },
)

test('without NULLs nothing is needed to fill them', async () => {
  await run('CREATE TABLE t (id int PRIMARY KEY, c int); INSERT INTO t VALUES (1, 1)')
  await callTwice(`set_not_null('t', 'c', NULL)`)
  await callTwice(`drop_not_null('t', 'c')`)
  expect((await database().snapshot())['column public.t.c']).toMatchObject({ notNull: false })
})

test('defaults are set and taken away', async () => {
  await run(`CREATE TABLE t (a int DEFAULT 1, b text)`)
  await callTwice(`set_default('t', 'a', NULL)`, `set_default('t', 'b', $$'it''s'$$)`)
  const schema = await database().snapshot()
  expect([schema['column public.t.a'], schema['column public.t.b']]).toMatchObject([
    { default: null },
    { default: "'it''s'::text" },
  ])
})

const missing = (table: string, column: string): readonly string[] => [
  `archive_rows('${table}', 'true', 'why')`,
  `delete_rows('${table}', 'true', 'why')`,
  `rewrite_rows('${table}', 'a = 1', 'true', 'why')`,
  `insert_rows('${table}', 'a', 'SELECT 1')`,
  `drop_table('${table}')`,
  `rename_table('${table}', 'x')`,
  ...ofColumn(table, column),
]
const ofColumn = (table: string, column: string): readonly string[] => [
  `archive_column('${table}', '${column}')`,
  `drop_column('${table}', '${column}')`,
  `rename_column('${table}', '${column}', 'x')`,
  `set_not_null('${table}', '${column}', '1')`,
  `drop_not_null('${table}', '${column}')`,
  `set_default('${table}', '${column}', '1')`,
  `drop_constraint('${table}', '${column}')`,
  `rename_constraint('${table}', '${column}', 'x')`,
  `validate_constraint('${table}', '${column}')`,
]

const notThere: readonly string[] = [
  ...missing('none', 'none'),
  ...ofColumn('t', 'none'),
  `add_column('none', 'a', 'int')`,
  `add_constraint('none', 'a', 'CHECK (true)')`,
  ...['enum', 'view', 'index', 'invalid_index'].map(kind => `drop_${kind}('none')`),
  ...['enum', 'index'].map(kind => `rename_${kind}('none', 'x')`),
  `rebuild_enum('none', '{a}')`,
  `delete_background_migration('x')`,
  `pause_background_migration('x')`,
  `insert_background_migration('x', 'x', 'x', '{}')`,
  'count_archived_tables()',
  `drop_view('t')`,
  `drop_index('t')`,
  `drop_table('v')`,
  `drop_table('elsewhere')`,
  `drop_enum('t')`,
  `drop_column('t', 'ctid')`,
]

test('nothing is done when it is not there, or not what it is called, or not in public', async () => {
  await run(`CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT a FROM t;
    CREATE SCHEMA other; CREATE TABLE other.elsewhere (a int); SET search_path = other, public`)
  const before = await database().snapshot()
  for (const sql of notThere) {
    await callTwice(sql)
    expect([sql, await database().snapshot()]).toEqual([sql, before])
    expect([sql, await run('SELECT FROM langfuse_rollout.archived_rows')]).toEqual([sql, []])
  }
})

import { expect, test } from '@jest/globals'
import type { Snapshot } from '../../../src/schema/snapshot.ts'
import { useToolbox } from './use-toolbox.ts'

const { database, run, call, callTwice, archived, definitions, rows, refusal } = useToolbox()

/** The older release's enum is S. */
const rebuild = `rebuild_enum('S', ARRAY['B', 'it''s, "C"', 'A'], '{"P": "A", "Q\\\\": "it''s, \\"C\\""}')`
const newer = `CREATE TYPE "S" AS ENUM ('P', 'B', 'A', 'Q\\', 'it''s, "C"', 'unused');`
const labels = ['B', `it's, "C"`, 'A']

/** The schema as it was, but for the labels. */
function rebuilt(before: Snapshot): Snapshot {
  return { ...before, 'enum public.S': { labels } }
}

test('labels that go are archived and replaced, in columns and in arrays, and the order is exact', async () => {
  await run(`${newer}
    CREATE TABLE "T 1" (id int PRIMARY KEY, "s x" "S" NOT NULL, l "S"[], other text);
    CREATE TABLE bare (s "S");
    CREATE SCHEMA mine; CREATE TABLE mine.t (k text PRIMARY KEY, s public."S");
    INSERT INTO "T 1" (id, "s x", l) VALUES (1, 'P', '{P,A,P,NULL}'), (2, 'Q\\', '{{A,"Q\\\\"},{B,B}}'), (3, 'B', NULL), (4, 'A', '{}');
    INSERT INTO bare VALUES ('P'), (NULL), ('it''s, "C"'); INSERT INTO mine.t VALUES ('k', 'P')`)
  const before = await database().snapshot()
  await callTwice(rebuild)
  expect(await database().snapshot()).toEqual(rebuilt(before))
  expect(await run(`SELECT id, "s x"::text, l::text, other FROM "T 1" ORDER BY id`)).toEqual([
    { id: 1, 's x': 'A', l: '{A,A,A,NULL}', other: null },
    { id: 2, 's x': `it's, "C"`, l: `{{A,"it's, \\"C\\""},{B,B}}`, other: null },
    { id: 3, 's x': 'B', l: null, other: null },
    { id: 4, 's x': 'A', l: '{}', other: null },
  ])
  expect(await archived()).toEqual([
    { relation: 'mine.t', kind: 'values', reason: 'the label in s is replaced', row: { k: 'k', s: 'P' } },
    {
      relation: 'public."T 1"',
      kind: 'values',
      reason: 'the label in "s x" is replaced',
      row: { id: 1, 's x': 'P' },
    },
    {
      relation: 'public."T 1"',
      kind: 'values',
      reason: 'the label in l is replaced',
      row: { id: 1, l: ['P', 'A', 'P', null] },
    },
    {
      relation: 'public."T 1"',
      kind: 'values',
      reason: 'the label in "s x" is replaced',
      row: { id: 2, 's x': 'Q\\' },
    },
    {
      relation: 'public."T 1"',
      kind: 'values',
      reason: 'the label in l is replaced',
      row: {
        id: 2,
        l: [
          ['A', 'Q\\'],
          ['B', 'B'],
        ],
      },
    },
    { relation: 'public.bare', kind: 'row', reason: 'the label in s is replaced', row: { s: 'P' } },
  ])
  expect(await definitions()).toMatchObject([
    { row: { kind: 'enum', labels: ['P', 'B', 'A', 'Q\\', `it's, "C"`, 'unused'] } },
  ])
})

test('what mentions the type or its labels comes back as it was', async () => {
  await run(`${newer}
    CREATE TABLE p (s "S", id int, PRIMARY KEY (id, s));
    CREATE TABLE t (
      id int PRIMARY KEY, s "S" NOT NULL DEFAULT 'B', l "S"[] DEFAULT ARRAY['A'::"S", 'B'::"S"], n text DEFAULT ('A'::"S")::text,
      CONSTRAINT "check 1" CHECK (s <> 'A' OR n IS NOT NULL), CONSTRAINT "check 2" CHECK (l <@ '{A,B}') NOT VALID,
      UNIQUE (s, id), EXCLUDE (n WITH =) WHERE (s = 'B'),
      CONSTRAINT "my fk" FOREIGN KEY (id, s) REFERENCES p (id, s) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
    CREATE INDEX partial ON t (id) WHERE s = 'B';
    CREATE UNIQUE INDEX "of; expression" ON t ((CASE s WHEN 'A' THEN 1 ELSE id END), n DESC NULLS LAST);
    CREATE INDEX plain ON t USING hash (s);
    CREATE VIEW far AS SELECT 1 AS one;
    CREATE VIEW close WITH (security_barrier=true) AS SELECT id, s, l FROM t WHERE s IN ('A', 'B') WITH LOCAL CHECK OPTION;
    CREATE OR REPLACE VIEW far AS SELECT 1 AS one FROM close WHERE s = 'B';
    CREATE VIEW only_the_type AS SELECT 'B'::"S" AS s;
    CREATE MATERIALIZED VIEW m AS SELECT s, id FROM close; CREATE UNIQUE INDEX m_id ON m (id) WHERE s = 'A';
    CREATE MATERIALIZED VIEW later AS SELECT s FROM t WITH NO DATA;
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
    CREATE TRIGGER "on s" BEFORE UPDATE OF s ON t FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TRIGGER when_b BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.s = 'B') EXECUTE FUNCTION note();
    ALTER TABLE t DISABLE TRIGGER when_b;
    CREATE TRIGGER of_view INSTEAD OF UPDATE ON close FOR EACH ROW EXECUTE FUNCTION note();
    CREATE RULE of_far AS ON INSERT TO far DO INSTEAD NOTHING;
    CREATE ROLE "reader; ${database().name}"; GRANT SELECT ON close TO "reader; ${database().name}" WITH GRANT OPTION;
    GRANT SELECT ON close TO PUBLIC; REVOKE USAGE ON TYPE "S" FROM PUBLIC; GRANT USAGE ON TYPE "S" TO "reader; ${database().name}";
    COMMENT ON VIEW close IS 'it''s close';
    INSERT INTO p VALUES ('B', 1), ('P', 2); INSERT INTO t VALUES (1, 'B', '{A}', 'x'), (2, 'P', '{B}', 'y')`)
  const more = () =>
    run(`SELECT c.relname, pg_get_userbyid(relowner) AS owner, relacl::text, reloptions, obj_description(c.oid) AS comment,
        relispopulated, (SELECT array_agg(concat(tgname, tgenabled) ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal) AS triggers,
        (SELECT array_agg(pg_get_ruledef(r.oid)) FROM pg_rewrite r WHERE ev_class = c.oid AND rulename = 'of_far') AS rules,
        (SELECT array_agg(pg_get_indexdef(indexrelid) ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid = c.oid) AS indexes
      FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm')
      UNION ALL SELECT typname, NULL, typacl::text, NULL, NULL, NULL, NULL, NULL, NULL FROM pg_type
      WHERE typname = 'S' AND typnamespace = 'public'::regnamespace ORDER BY 1`)
  const [before, beside] = [await database().snapshot(), await more()]
  await callTwice(rebuild)
  expect(await database().snapshot()).toEqual(rebuilt(before))
  expect(await more()).toEqual(beside)
  expect(await run(`SELECT id, s::text FROM m ORDER BY id`)).toEqual([
    { id: 1, s: 'B' },
    { id: 2, s: 'A' },
  ])
  await run(`INSERT INTO p VALUES ('A', 3); INSERT INTO t (id, s) VALUES (3, 'A')`)
  expect(await run(`SELECT s::text, l::text, n FROM t WHERE id = 3`)).toEqual([
    { s: 'A', l: '{A,B}', n: 'A' },
  ])
  expect(await run(`SELECT FROM pg_type WHERE typname LIKE 'S\\_%'`)).toEqual([])
})

test('a default that is a label which goes is replaced like the values', async () => {
  await run(`${newer} CREATE TABLE t (id int, s "S" DEFAULT 'P', l "S"[] DEFAULT '{P,B}')`)
  await callTwice(rebuild)
  const schema = await database().snapshot()
  expect(schema['column public.t.s']).toMatchObject({ default: `'A'::public."S"` })
  expect(schema['column public.t.l']).toMatchObject({ default: `'{A,B}'::public."S"[]` })
})

test('labels can be added and reordered without touching a row', async () => {
  await run(`CREATE TYPE "S" AS ENUM ('A', 'B'); CREATE TABLE t (s "S"); INSERT INTO t VALUES ('A'), ('B')`)
  const before = await database().snapshot()
  await callTwice(`rebuild_enum('S', ARRAY['B', 'it''s, "C"', 'A'])`)
  expect(await database().snapshot()).toEqual(rebuilt(before))
  expect(await archived()).toEqual([])
  expect(await run('SELECT s::text FROM t ORDER BY t.s')).toEqual([{ s: 'B' }, { s: 'A' }])
})

test.each([
  ['a column', `CREATE TABLE t (s "S"); INSERT INTO t VALUES ('unused'), ('P')`, 't', 's'],
  ['an array', `CREATE TABLE "T" ("l ;" "S"[]); INSERT INTO "T" VALUES ('{A,unused}')`, '"T"', '"l ;"'],
])(
  'a label in %s that nothing replaces is an error with the number of rows',
  async (_, sql, table, column) => {
    await run(newer + sql)
    expect(await refusal(rebuild)).toBe(
      `1 rows of public.${table} have a label in ${column} that goes and that nothing replaces (unused)`,
    )
  },
)

test.each([
  ['P', 'C'],
  ['A', 'B'],
])('a replacement of %s by %s makes no sense', async (from, to) => {
  await run(newer)
  expect(await refusal(`rebuild_enum('S', '{A,B}', '{"${from}": "${to}"}')`)).toBe(
    `labels of public."S" cannot be replaced so: ${from} by ${to}`,
  )
})

test('an index or a check of a user on a label that goes is kept as a definition', async () => {
  await run(
    `${newer} CREATE TABLE t (id int, s "S" CHECK (s <> 'Q\\'), CHECK (s <> 'B')); CREATE INDEX mine ON t (id) WHERE s = 'P'`,
  )
  await call(rebuild)
  const schema = await database().snapshot()
  expect(Object.keys(schema).filter(key => /constraint|index/.test(key))).toEqual([
    'constraint public.t.t_s_check1',
  ])
  expect((await definitions()).map(({ row }) => row)).toContainEqual({
    kind: 'statement',
    definition: `CREATE INDEX mine ON public.t USING btree (id) WHERE (s = 'P'::public."S")`,
  })
  expect(await definitions()).toHaveLength(3)
})

test('a view of a user on a label that goes is an error that names it', async () => {
  await run(`${newer} CREATE TABLE t (id int, s "S"); CREATE VIEW mine AS SELECT id FROM t WHERE s = 'P'`)
  expect(await refusal(rebuild)).toMatch(
    /^invalid input value for enum public\."S": "P", which is used by: CREATE VIEW public\.mine AS/,
  )
})

test('a generated column of a user that needs the type is an error of PostgreSQL', async () => {
  await run(`${newer} CREATE TABLE t (s "S", is_a boolean GENERATED ALWAYS AS (s = 'A') STORED)`)
  expect(await refusal(rebuild)).toBe('cannot alter type of a column used by a generated column')
})

test.each([
  [
    'a table in the archive',
    `CREATE TABLE t (s "S"); INSERT INTO t VALUES ('unused'); SELECT langfuse_rollout.drop_table('t')`,
    'langfuse_rollout.t_1',
  ],
  [
    'a domain',
    `CREATE DOMAIN d AS "S" DEFAULT 'unused' CHECK (VALUE <> 'P'); CREATE TABLE t (s d); INSERT INTO t DEFAULT VALUES`,
    't',
  ],
  [
    'a composite type',
    `CREATE TYPE c AS (s "S"); CREATE TABLE t (s c); INSERT INTO t VALUES (ROW('unused'))`,
    't',
  ],
  [
    'a function',
    `CREATE FUNCTION f("S") RETURNS "S" LANGUAGE sql AS 'SELECT $1'; CREATE TABLE t (s text); INSERT INTO t VALUES ('x')`,
    't',
  ],
])('%s keeps the old type, which lives on in the archive', async (_, sql, table) => {
  await run(`${newer} ${sql}; CREATE TABLE own (s "S"); INSERT INTO own VALUES ('P')`)
  const before = await rows(table)
  await callTwice(rebuild)
  expect((await database().snapshot())['enum public.S']).toEqual({ labels })
  expect(await rows(table)).toEqual(before)
  expect(await rows('own')).toEqual([{ s: 'A' }])
  expect(
    await run(`SELECT typnamespace::regnamespace::text AS schema FROM pg_type WHERE typname = 'S_1'`),
  ).toEqual([{ schema: 'langfuse_rollout' }])
})

test('partitions and tables that inherit a column follow their parent', async () => {
  await run(`${newer} CREATE TABLE t (id int, s "S" DEFAULT 'B') PARTITION BY LIST (id);
    CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); CREATE INDEX i ON t (id) WHERE s = 'B';
    CREATE TABLE base (s "S"); CREATE TABLE child () INHERITS (base);
    INSERT INTO t VALUES (1, 'P'); INSERT INTO child VALUES ('P')`)
  const before = await database().snapshot()
  await callTwice(rebuild)
  expect(await database().snapshot()).toEqual(rebuilt(before))
  expect([await rows('t'), await rows('base')]).toEqual([[{ id: 1, s: 'A' }], [{ s: 'A' }]])
  expect((await archived()).map(({ row }) => row)).toEqual([{ s: 'P' }, { id: 1, s: 'P' }])
})

test('duplicates that a replacement would make in a unique key are an error of PostgreSQL', async () => {
  await run(`${newer} CREATE TABLE t (id int, s "S" UNIQUE); INSERT INTO t VALUES (1, 'A'), (2, 'P')`)
  expect(await refusal(rebuild)).toBe('could not create unique index "t_s_key"')
})

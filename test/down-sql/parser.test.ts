import { expect, test } from '@jest/globals'
import { concurrentIndex, parseDownSql } from '../../src/schema/down-sql.ts'
import { keepsOf } from '../../src/schema/keep-calls.ts'
import { splitStatements } from '../../src/schema/sql-text.ts'

const migration = '20240102030405_example'

const whole = `-- undoes: ${migration}
-- class: lossy
-- loses: the colour of 3 cats
-- count: cats: all of them: SELECT count(*) FROM public.cats
-- count: dogs that go: SELECT count(*) FROM "dogs; x" WHERE name <> '; -- INTO';
-- filled-by: 20240101_find_cats
-- filled-by: 20240102_find_dogs
--
-- What stands here is for people.

-- phase: expand
CREATE TABLE cats (id text);

-- phase: prepare
-- Big.
SELECT langfuse_rollout.archive_column('cats', 'colour');

-- phase: contract
DO $$
BEGIN
  IF true THEN BEGIN DROP TABLE dogs; END; END IF;
END
$$;

-- phase: validate
ALTER TABLE cats VALIDATE CONSTRAINT a;
ALTER TABLE cats VALIDATE CONSTRAINT "b; c"; -- the last one
SELECT langfuse_rollout.drop_invalid_index('Cats''s "x"');
-- It may be big, so CONCURRENTLY.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "Cats's ""x""" ON public.cats (name, id);
-- end
`

const parse = (text: string) => parseDownSql({ engine: 'postgres', migration, text })
const parseClickHouse = (sql: string) =>
  parseDownSql({
    engine: 'clickhouse',
    migration: '0006',
    text: `-- undoes: 0006\n-- class: schema\n-- loses: nothing\n-- phase: contract\n${sql}\n-- end\n`,
  })

test('a whole file is read into its header and its phases', () => {
  expect(parse(whole)).toEqual({
    migration,
    class: 'lossy',
    loses: 'the colour of 3 cats',
    counts: [
      { what: 'cats: all of them', sql: 'SELECT count(*) FROM public.cats' },
      { what: 'dogs that go', sql: `SELECT count(*) FROM "dogs; x" WHERE name <> '; -- INTO'` },
    ],
    written: undefined,
    filledBy: ['20240101_find_cats', '20240102_find_dogs'],
    sections: {
      keep: '',
      expand: 'CREATE TABLE cats (id text);',
      prepare: "-- Big.\nSELECT langfuse_rollout.archive_column('cats', 'colour');",
      contract: 'DO $$\nBEGIN\n  IF true THEN BEGIN DROP TABLE dogs; END; END IF;\nEND\n$$;',
      validate: expect.stringMatching(/^ALTER TABLE cats VALIDATE CONSTRAINT a;\n[\s\S]*id\);$/),
    },
  })
})

test('phase keep calls only what keeps', () => {
  const withKeep = (sql: string) =>
    whole.replace('-- phase: expand', `-- phase: keep\n${sql};\n-- phase: expand`)
  const { sections } = parse(withKeep("SELECT langfuse_rollout.keep_rows('cats', 'colour = ''red''')"))
  expect(keepsOf(sections.keep, 'postgres')).toEqual([
    { kind: 'rows', table: 'cats', condition: "colour = 'red'" },
  ])
  for (const sql of [
    'DELETE FROM cats',
    "SELECT langfuse_rollout.drop_table('cats')",
    "SELECT langfuse_rollout.keep_table('cats', 'soon')",
    "SELECT langfuse_rollout.keep_rows('cats')",
    'SELECT langfuse_rollout.keep_table(cats)',
    "SELECT langfuse_rollout.keep_table('cats'), pg_sleep(1)",
  ])
    expect(() => parse(withKeep(sql))).toThrow('its phase keep contains something other than calls that keep')
})

test('what the newer release has written is counted by one line', () => {
  const line = '-- written: traces: SELECT count(*) FROM public.traces\n'
  const parsed = parse(whole.replace('-- phase: expand', `${line}-- phase: expand`))
  expect(parsed.written).toEqual({ what: 'traces', sql: 'SELECT count(*) FROM public.traces' })
  expect(() => parse(whole.replace('-- phase: expand', `${line}${line}-- phase: expand`))).toThrow(
    'more than one line',
  )
})

test('a file from a machine with other line ends is the same file', () => {
  expect(parse(whole.replaceAll('\n', '\r\n'))).toEqual(parse(whole))
})

test('a phase that is absent is empty', () => {
  const text = whole
    .replace(/-- phase: expand[\s\S]*(?=-- phase: contract)/, '')
    .replace(/-- phase: validate[\s\S]*(?=-- end)/, '')
    .replaceAll(/-- count.*\n/g, '')
  expect(parse(text)).toMatchObject({ counts: [], sections: { expand: '', prepare: '', validate: '' } })
})

test('validate is run statement by statement, cut at semicolons that are code', () => {
  expect(splitStatements(parse(whole).sections.validate, 'postgres')).toEqual([
    'ALTER TABLE cats VALIDATE CONSTRAINT a',
    'ALTER TABLE cats VALIDATE CONSTRAINT "b; c"',
    expect.stringContaining('drop_invalid_index'),
    expect.stringContaining('CREATE INDEX'),
  ])
})

test('an index that is made beside the running release is known by its name', () => {
  const statements = splitStatements(parse(whole).sections.validate, 'postgres')
  expect(statements.map(concurrentIndex)).toEqual([
    undefined,
    undefined,
    undefined,
    { index: `Cats's "x"`, table: 'cats' },
  ])
  expect(concurrentIndex('create index concurrently if not exists Cats on public."Big Cats" (id)')).toEqual({
    index: 'cats',
    table: 'Big Cats',
  })
})

test.each([
  ['cut off at its end', whole.slice(0, -8), 'its last line is not `-- end`, so the file may be truncated'],
  [
    'cut off in the middle',
    whole.slice(0, 200),
    'its last line is not `-- end`, so the file may be truncated',
  ],
  ['empty', '', 'its last line is not `-- end`, so the file may be truncated'],
  ['of another migration', whole.replace(migration, 'another'), 'its header names another'],
  [
    'without a class',
    whole.replace(/-- class.*\n/, ''),
    'its header does not have exactly one line `-- class: …`',
  ],
  [
    'of an unknown class',
    whole.replace('lossy', 'fine'),
    'its class is fine instead of schema, lossy or restore',
  ],
  [
    'silent about what fills its tables',
    whole.replace('filled-by: 20240101_find_cats', 'filled-by:'),
    '`-- filled-by:` is not a header line',
  ],
  ['silent about what it loses', whole.replace(/loses: .*/, 'loses: '), '`-- loses:` is not a header line'],
  [
    'with two classes',
    whole.replace('-- class', '-- class: schema\n-- class'),
    'its header does not have exactly one line `-- class: …`',
  ],
  ['without a phase', whole.replaceAll(/-- phase[\s\S]*(?=-- end)/g, ''), 'it has no phase'],
  [
    'with SQL before its phases',
    whole.replace('-- phase: expand', 'DROP TABLE a;\n-- phase: expand'),
    'it contains SQL before its first phase',
  ],
  [
    'with an unknown phase',
    whole.replace('phase: expand', 'phase: explode'),
    '`-- phase: explode` names no phase',
  ],
  [
    'with phases out of order',
    whole.replace('phase: expand', 'phase: validate'),
    'its phases do not follow the order keep, expand, prepare, contract, validate',
  ],
  ['with an empty phase', whole.replace('CREATE TABLE cats (id text);', ''), 'its phase expand is empty'],
  [
    'that ends the transaction',
    whole.replace('CREATE TABLE cats (id text)', 'COMMIT; SELECT 1'),
    'its phase expand contains COMMIT',
  ],
  [
    'that builds an index concurrently',
    whole.replace('CREATE TABLE cats (id text)', 'CREATE INDEX CONCURRENTLY i ON cats (id)'),
    'its phase expand contains CONCURRENTLY',
  ],
  [
    'that builds an index in a way that waits for others',
    whole.replace('INDEX CONCURRENTLY IF', 'UNIQUE INDEX CONCURRENTLY IF'),
    'its phase validate contains CONCURRENTLY',
  ],
  [
    'that may take a broken index for whole',
    whole.replace('drop_invalid_index', 'drop_index'),
    `its phase validate contains the index Cats's "x" without drop_invalid_index before it`,
  ],
  [
    'that drops what others need',
    whole.replace('DROP TABLE dogs', 'DROP TABLE dogs CASCADE'),
    'its phase contract contains CASCADE',
  ],
  [
    'that empties a table',
    whole.replace('DROP TABLE dogs', 'TRUNCATE dogs'),
    'its phase contract contains TRUNCATE',
  ],
  [
    'with a phase of comments',
    whole.replace("SELECT langfuse_rollout.archive_column('cats', 'colour');", ''),
    'its phase prepare is empty',
  ],
  [
    'with a string cut off',
    whole.replace("'colour')", "'colour)"),
    "its phase prepare contains ' that does not end",
  ],
  [
    'with a body cut off',
    whole.replace('END\n$$;', 'END'),
    'its phase contract contains $$ that does not end',
  ],
  [
    'with a comment cut off',
    whole.replace('-- the last one', '/* the last one'),
    'its phase validate contains /* that does not end',
  ],
  [
    'with a quoted quote at its end',
    whole.replace("'colour')", "'colour'')"),
    "its phase prepare contains ' that does not end",
  ],
  [
    'that counts without SELECT',
    whole.replace('SELECT count(*) FROM public', 'count(*) FROM public'),
    '`-- count: cats: all of them: count(*) FROM public.cats` is not `-- count: <what>: SELECT …`',
  ],
  [
    'that counts without saying what',
    whole.replace('cats: all of them: ', ''),
    '`-- count: SELECT count(*) FROM public.cats` is not `-- count: <what>: SELECT …`',
  ],
  [
    'that counts and does more',
    whole.replace('FROM public.cats', 'FROM public.cats; DELETE FROM public.cats'),
    'its count of cats: all of them contains ;',
  ],
  [
    'that counts into a table',
    whole.replace('FROM public.cats', 'INTO x FROM public.cats'),
    'its count of cats: all of them contains INTO',
  ],
  [
    'that counts with a lock',
    whole.replace('FROM public.cats', 'FROM public.cats FOR NO KEY UPDATE'),
    'its count of cats: all of them contains FOR NO KEY UPDATE',
  ],
  [
    'that counts with the archive',
    whole.replace('FROM public.cats', 'FROM langfuse_rollout.archived_rows'),
    'its count of cats: all of them contains langfuse_rollout',
  ],
  [
    'that counts with a comment',
    whole.replace('FROM public.cats', 'FROM public.cats -- all'),
    'its count of cats: all of them contains a comment',
  ],
  [
    'whose count is misspelt',
    whole.replace('-- count: cats', '-- counts: cats'),
    '`-- counts: cats: all of them: SELECT count(*) FROM public.cats` is not a header line',
  ],
  [
    "that writes Prisma's table",
    whole.replace('CREATE TABLE cats (id text)', 'DELETE FROM _prisma_migrations'),
    'its phase expand contains _prisma_migrations',
  ],
])('a file %s is refused with the reason', (_, text, reason) => {
  expect(() => parse(text)).toThrow(`Cannot use the down SQL of ${migration}: ${reason}.`)
})

test.each([
  'DROP TABLE a ON CLUSTER default;',
  'EXCHANGE TABLES a AND b;',
  'CREATE OR REPLACE TABLE a (x Int8) ENGINE = Log;',
  'INSERT INTO schema_migrations VALUES (5, 0, 1);',
])('ClickHouse cannot or must not: %s', sql => {
  expect(() => parseClickHouse(sql)).toThrow(/^Cannot use the down SQL of 0006: its phase contract contains /)
})

test.each(['prepare', 'validate'])('ClickHouse has no phase %s', phase => {
  const text = `-- undoes: 0006\n-- class: schema\n-- loses: nothing\n-- phase: ${phase}\nSELECT 1;\n-- end\n`
  expect(() => parseDownSql({ engine: 'clickhouse', migration: '0006', text })).toThrow(
    `Cannot use the down SQL of 0006: ClickHouse has no phase ${phase}.`,
  )
})

test('what follows foreign keys is no CASCADE, and quotes that end are whole', () => {
  const sql = `ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c ON DELETE CASCADE ON UPDATE  CASCADE;
SELECT 'it''s', E'it\\'s', "a""b", $x$ ' $x$, '' -- '`
  const text = whole.replace('CREATE TABLE cats (id text);', () => sql)
  expect(parse(text).sections.expand).toBe(sql)
  expect(parseClickHouse(String.raw`SELECT '\\', 'it\'s'`).sections.contract).toContain('SELECT')
})

test('words in strings, names and comments are not code', () => {
  expect(parseClickHouse("-- not ON CLUSTER\nALTER TABLE a DELETE WHERE x = 'EXCHANGE TABLES';").class).toBe(
    'schema',
  )
})

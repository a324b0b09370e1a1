import { expect, test } from '@jest/globals'
import { parseDownSql, statementsOfSection } from '../../src/schema/down-sql.ts'

const migration = '20240102030405_example'

const whole = `-- undoes: ${migration}
-- class: lossy
-- loses: the colour of 3 cats
--
-- What stands here is for people.

-- phase: expand
CREATE TABLE cats (id text);

-- phase: contract
DO $$
BEGIN
  IF true THEN BEGIN DROP TABLE dogs; END; END IF;
END
$$;

-- phase: validate
ALTER TABLE cats VALIDATE CONSTRAINT a;
ALTER TABLE cats VALIDATE CONSTRAINT "b; c"; -- the last one
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
    sections: {
      expand: 'CREATE TABLE cats (id text);',
      contract: 'DO $$\nBEGIN\n  IF true THEN BEGIN DROP TABLE dogs; END; END IF;\nEND\n$$;',
      validate:
        'ALTER TABLE cats VALIDATE CONSTRAINT a;\nALTER TABLE cats VALIDATE CONSTRAINT "b; c"; -- the last one',
    },
  })
})

test('a file from a machine with other line ends is the same file', () => {
  expect(parse(whole.replaceAll('\n', '\r\n'))).toEqual(parse(whole))
})

test('a phase that is absent is empty', () => {
  const text = whole.replace(/-- phase: expand\n.*\n\n/, '').replace(/-- phase: validate\n.*\n.*\n/, '')
  expect(parse(text).sections).toMatchObject({ expand: '', validate: '' })
})

test('validate is run statement by statement, cut at semicolons that are code', () => {
  expect(statementsOfSection(parse(whole).sections.validate, 'postgres')).toEqual([
    'ALTER TABLE cats VALIDATE CONSTRAINT a',
    'ALTER TABLE cats VALIDATE CONSTRAINT "b; c"',
  ])
})

test.each([
  ['cut off at its end', whole.slice(0, -8), 'its last line is not `-- end`, so it may be cut off'],
  ['cut off in the middle', whole.slice(0, 200), 'its last line is not `-- end`, so it may be cut off'],
  ['empty', '', 'its last line is not `-- end`, so it may be cut off'],
  ['of another migration', whole.replace(migration, 'another'), 'it undoes another'],
  ['without a class', whole.replace(/-- class.*\n/, ''), 'its header has not one line `-- class: …`'],
  [
    'of an unknown class',
    whole.replace('lossy', 'fine'),
    'its class is fine instead of schema, lossy or restore',
  ],
  [
    'silent about what it loses',
    whole.replace(/loses: .*/, 'loses: '),
    'its header has not one line `-- loses: …`',
  ],
  [
    'with two classes',
    whole.replace('-- class', '-- class: schema\n-- class'),
    'its header has not one line `-- class: …`',
  ],
  ['without a phase', whole.replaceAll(/-- phase[\s\S]*(?=-- end)/g, ''), 'it has no phase'],
  [
    'with SQL before its phases',
    whole.replace('-- phase: expand', 'DROP TABLE a;\n-- phase: expand'),
    'it has SQL before its first phase',
  ],
  [
    'with an unknown phase',
    whole.replace('phase: expand', 'phase: explode'),
    '`-- phase: explode` names no phase',
  ],
  [
    'with phases out of order',
    whole.replace('phase: expand', 'phase: validate'),
    'its phases are not each once in the order expand, contract, validate',
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
    "that writes Prisma's table",
    whole.replace('CREATE TABLE cats (id text)', 'DELETE FROM _prisma_migrations'),
    'its phase expand contains _prisma_migrations',
  ],
])('a file %s is refused with the reason', (_, text, reason) => {
  expect(() => parse(text)).toThrow(`The down SQL of ${migration} is not usable: ${reason}.`)
})

test.each([
  'DROP TABLE a ON CLUSTER default;',
  'EXCHANGE TABLES a AND b;',
  'CREATE OR REPLACE TABLE a (x Int8) ENGINE = Log;',
  'INSERT INTO schema_migrations VALUES (5, 0, 1);',
])('ClickHouse cannot or must not: %s', sql => {
  expect(() => parseClickHouse(sql)).toThrow(
    /^The down SQL of 0006 is not usable: its phase contract contains /,
  )
})

test('words in strings, names and comments are not code', () => {
  expect(parseClickHouse("-- not ON CLUSTER\nALTER TABLE a DELETE WHERE x = 'EXCHANGE TABLES';").class).toBe(
    'schema',
  )
})

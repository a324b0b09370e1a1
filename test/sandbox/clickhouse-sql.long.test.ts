import { expect, test } from '@jest/globals'
import { diffSnapshots } from '../../sandbox/diff-snapshots.ts'
import { renderDelta } from '../../sandbox/langfuse/clickhouse-sql.ts'
import { isEmptyDelta } from '../../src/schema/diff.ts'
import { emptySnapshot, type Snapshot } from '../../src/schema/snapshot.ts'
import { type ClickHouseDatabase, useClickHouse } from '../schema/databases.ts'

const clickhouse = useClickHouse()

const table = (columns: string, rest = 'ENGINE = MergeTree ORDER BY id'): string =>
  `CREATE TABLE a (id String${columns}) ${rest}`

/** What Langfuse's ClickHouse migrations do, made up, before and after. */
const situations: readonly (readonly [
  situation: string,
  before: readonly string[],
  after: readonly string[],
])[] = [
  [
    'a table with keys, partitions, TTL, settings, codecs and indexes',
    [],
    [
      `CREATE TABLE a (id String, p String, at DateTime64(3), n Nullable(String) CODEC(ZSTD(3)), m Map(LowCardinality(String), String),
         created DateTime64(3) DEFAULT now(), day Date MATERIALIZED toDate(at), again String ALIAS id,
         INDEX i_one id TYPE bloom_filter(0.01) GRANULARITY 1, INDEX i_list (p, id, lower(p)) TYPE bloom_filter GRANULARITY 2,
         INDEX i_keys mapKeys(m) TYPE bloom_filter() GRANULARITY 1, INDEX i_call concat(p, ',', id) TYPE minmax GRANULARITY 1)
       ENGINE = ReplacingMergeTree(at) PARTITION BY toYYYYMM(at) PRIMARY KEY (p, toDate(at)) ORDER BY (p, toDate(at), id)
       TTL toDate(at) + INTERVAL 12 HOUR SETTINGS ttl_only_drop_parts = 1`,
    ],
  ],
  [
    'columns come, go and change type, default and codec',
    [table(', x Nullable(String), y UInt8 DEFAULT 1, z String CODEC(ZSTD(1)), gone String')],
    [table(", x String, y UInt16, z String CODEC(LZ4), `odd `` name` Array(String) DEFAULT ['it\\'s']")],
  ],
  [
    'indexes come, go and change',
    [
      table(
        ', x String, INDEX i x TYPE bloom_filter(0.1) GRANULARITY 1, INDEX j x TYPE minmax GRANULARITY 1',
      ),
    ],
    [
      table(
        ', x String, INDEX i x TYPE bloom_filter(0.001) GRANULARITY 1, INDEX k lower(x) TYPE set(10) GRANULARITY 4',
      ),
    ],
  ],
  [
    'views and materialized views come, change and go',
    [table(', x UInt64'), 'CREATE VIEW v AS SELECT id FROM a'],
    [
      table(', x UInt64'),
      'CREATE VIEW v AS SELECT id, x FROM a WHERE x > 0',
      'CREATE TABLE sums (id String, n SimpleAggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY id',
      "CREATE MATERIALIZED VIEW mv TO sums AS SELECT id, sum(x) AS n FROM a WHERE id != 'a.b' GROUP BY id",
    ],
  ],
  [
    'a TTL and a setting change',
    [table(', at DateTime', 'ENGINE = MergeTree ORDER BY id TTL at + INTERVAL 1 DAY')],
    [
      table(
        ', at DateTime',
        'ENGINE = MergeTree ORDER BY id TTL at + INTERVAL 2 DAY SETTINGS ttl_only_drop_parts = 1',
      ),
    ],
  ],
  [
    'a sorting key changes, which makes the table anew',
    [table(', x String')],
    [table(', x String', 'ENGINE = ReplacingMergeTree ORDER BY (id, x)')],
  ],
]

let count = 0
async function fresh(statements: readonly string[]): Promise<ClickHouseDatabase & { readonly name: string }> {
  const name = `test_${++count}`
  const database = await clickhouse.fresh(name)
  for (const sql of statements) await database.run(sql)
  return { ...database, name }
}

async function change(
  database: ClickHouseDatabase & { readonly name: string },
  from: Snapshot,
  to: Snapshot,
) {
  for (const { sql } of renderDelta(diffSnapshots(from, to), from, to, database.name)) await database.run(sql)
}

test.each(situations)('%s: up and down give the other database exactly', async (_, beforeSql, afterSql) => {
  const [before, after, empty] = [await fresh(beforeSql), await fresh(afterSql), await fresh([])]
  const [from, to] = [await before.snapshot(), await after.snapshot()]
  expect(isEmptyDelta(diffSnapshots(from, to))).toBe(false)
  await change(before, from, to)
  expect(await before.snapshot()).toEqual(to)
  await change(before, to, from)
  expect(await before.snapshot()).toEqual(from)
  await change(empty, emptySnapshot, to)
  expect(await empty.snapshot()).toEqual(to)
})

test('rows stay when NULLs are no longer allowed: they become the empty value', async () => {
  const database = await fresh([
    table(', x Nullable(String)'),
    "INSERT INTO a VALUES ('1', NULL), ('2', 'x')",
  ])
  const from = await database.snapshot()
  const { 'column a.x': x, ...rest } = from
  const to = { ...rest, 'column a.x': { ...x, type: 'String' } }
  await change(database, from, to)
  expect(await database.snapshot()).toEqual(to)
  expect(await database.rows('SELECT id, x FROM a ORDER BY id')).toEqual([
    { id: '1', x: '' },
    { id: '2', x: 'x' },
  ])
})

test("golang-migrate's own table is not part of a schema, whatever is in other databases", async () => {
  const database = await fresh([
    'CREATE TABLE schema_migrations (version Int64, dirty UInt8, sequence UInt64) ENGINE = MergeTree ORDER BY sequence',
    table(''),
  ])
  expect(Object.keys(await database.snapshot())).toEqual(['column a.id', 'table a'])
})

import { beforeAll, describe, expect, test } from '@jest/globals'
import { diffSnapshots } from '../../sandbox/diff-snapshots.ts'
import { renderDelta } from '../../sandbox/langfuse/clickhouse-sql.ts'
import { type UndoContext, undoClickHouse } from '../../src/execute/undo-clickhouse.ts'
import { dependentsQuestion, refusalsOf } from '../../src/plan/dependents.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { parseClickHouseStatement } from '../../src/schema/clickhouse-statement.ts'
import { parseDownSql } from '../../src/schema/down-sql.ts'
import { emptySnapshot } from '../../src/schema/snapshot.ts'
import { observeDependents } from '../../src/stack/observe-dependents.ts'
import { type ClickHouseDatabase, type Rows, useClickHouse } from '../schema/databases.ts'
import { runAny } from './clickhouse-proof.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const clickhouse = useClickHouse()

describe('what a file must not contain', () => {
  test.each([
    'DROP TABLE traces',
    'ALTER TABLE traces DROP COLUMN environment',
    'ALTER TABLE traces DROP PARTITION 202401',
    'TRUNCATE TABLE traces',
    'ALTER TABLE traces DELETE WHERE 1',
    'DELETE FROM traces WHERE 1',
    'RENAME TABLE traces TO gone',
    'ALTER TABLE traces MODIFY TTL now()',
    'INSERT INTO langfuse_rollout.archived SELECT 1',
    "SELECT langfuse_rollout.drop_everything('traces')",
    "SELECT langfuse_rollout.drop_table('traces', 'scores')",
    'SELECT langfuse_rollout.drop_table(traces)',
    "SELECT langfuse_rollout.drop_table('')",
    "SELECT langfuse_rollout.drop_columns('traces')",
    "SELECT langfuse_rollout.replace_view('analytics_scores')",
    'EXCHANGE TABLES traces AND scores',
    "SELECT langfuse_rollout.archive_column('traces', 'environment')",
    "SELECT langfuse_rollout.drop_table('traces'); DROP TABLE scores",
  ])('%s', sql => {
    expect(() => parseClickHouseStatement(sql)).toThrow()
  })

  test('what it may contain', () => {
    expect(
      parseClickHouseStatement("SELECT langfuse_rollout.archive_column('a', 'b', 'b != ''it\\\\s''')"),
    ).toEqual({
      kind: 'archive-column',
      table: 'a',
      column: 'b',
      condition: "b != 'it\\s'",
    })
    expect(parseClickHouseStatement('-- why\nALTER TABLE `a` DROP INDEX IF EXISTS b')).toEqual({
      kind: 'sql',
      sql: 'ALTER TABLE `a` DROP INDEX IF EXISTS b',
      table: 'a',
    })
  })
})

describe('in a database', () => {
  let database: ClickHouseDatabase
  const said: string[] = []
  const sent: string[] = []
  const contextOf = (facts: UndoContext['facts'] = catalog): UndoContext => ({
    facts,
    clock: { now: () => 0, random: () => 0, every: () => () => undefined, sleep: async () => undefined },
    deadline: 600_000,
    rollbackId: 'refused',
    say: line => said.push(line),
  })
  const run = async (sql: string): Promise<Rows> => {
    sent.push(sql)
    return runAny(database, sql)
  }
  const expand = (clickhouse: readonly number[], clickhouseHead?: number, facts?: UndoContext['facts']) =>
    undoClickHouse(
      { phase: 'expand', clickhouse, clickhouseHead },
      { address: 'here', ping: async () => true, run },
      contextOf(facts),
    )
  const isChanged = (): boolean =>
    sent.some(sql => !/^\s*(SELECT|CREATE (DATABASE|TABLE) IF NOT EXISTS langfuse_rollout)/.test(sql))

  beforeAll(async () => {
    database = await clickhouse.fresh('refusing')
    const schema = catalog.clickhouseSnapshot(12)
    for (const { sql } of renderDelta(
      diffSnapshots(emptySnapshot, schema),
      emptySnapshot,
      schema,
      'refusing',
    )) {
      await database.run(sql)
    }
    await database.run(
      'CREATE TABLE schema_migrations (version Int64, dirty UInt8, sequence UInt64) ENGINE = MergeTree ORDER BY sequence',
    )
    await database.run('CREATE TABLE mine (id String) ENGINE = MergeTree ORDER BY id')
  })

  // All of them: situations-clickhouse.long.test.ts.
  test.each([
    [
      'CREATE VIEW `my; view` AS SELECT session_id AS id FROM scores',
      'DROP VIEW `my; view`',
      12,
      [
        'View refusing.`my; view` reads scores.session_id, which the rollback drops. Run `DROP VIEW refusing.`my; view`;`, then run again.',
      ],
    ],
    [
      'CREATE MATERIALIZED VIEW feeding TO event_log AS SELECT id FROM traces',
      'DROP VIEW feeding',
      7,
      [
        'Materialized view refusing.feeding writes into event_log, which moves into the archive. Run `DROP VIEW refusing.feeding;`, then run again.',
      ],
    ],
    [
      "CREATE MATERIALIZED VIEW harmless ENGINE = Null AS SELECT id, 'x' AS session_id FROM scores",
      'DROP VIEW harmless',
      12,
      [],
    ],
  ] as const)('%s: what the check says, which only reads', async (make, drop, version, sentences) => {
    await database.run(make)
    sent.length = 0
    expect(await refusalsIn(run, version)).toEqual(sentences)
    expect(isChanged()).toBe(false)
    await database.run(drop)
  })

  test('a replicated table, which the sandbox cannot have', async () => {
    const replicated = async (sql: string): Promise<Rows> =>
      (await run(sql)).map(row =>
        row['engine_full'] === undefined ? row : { ...row, engine: 'ReplicatedMergeTree' },
      )
    expect(await refusalsIn(replicated, 12)).toEqual([
      'Table scores has engine ReplicatedMergeTree, and down SQL would change only the server that it reaches. Change that, then run again.',
    ])
  })

  test('a version that failed half-way', async () => {
    await database.run('INSERT INTO schema_migrations VALUES (12, 0, 5), (13, 1, 6)')
    sent.length = 0
    await expect(expand([12], 11)).rejects.toThrow(
      'ClickHouse migration 13 is dirty in schema_migrations: it failed part-way',
    )
    expect(isChanged()).toBe(false)
    await database.run('INSERT INTO schema_migrations VALUES (12, 0, 18446744073709000000)')
    await expand([12], 11)
    expect(
      await database.rows(
        'SELECT version, dirty, toString(sequence) AS at FROM schema_migrations ORDER BY sequence DESC LIMIT 1',
      ),
    ).toEqual([{ version: 11, dirty: 0, at: '18446744073709000001' }])
  })

  test('a file that drops a column which is not in the archive', async () => {
    const text = `-- undoes: 0012
-- class: schema
-- loses: nothing

-- phase: contract
SELECT langfuse_rollout.drop_columns('scores', 'session_id');
-- end
`
    const broken = {
      ...catalog,
      downSql: () => parseDownSql({ engine: 'clickhouse', migration: '0012', text }),
    }
    const step = { phase: 'contract' as const, clickhouse: [12], clickhouseHead: undefined }
    await expand([12])
    const contract = undoClickHouse(step, { address: 'here', ping: async () => true, run }, contextOf(broken))
    await expect(contract).rejects.toMatchObject({
      cause: { message: 'Column scores.session_id is not in the archive, so it was not dropped.' },
    })
    expect(Object.keys(await database.snapshot())).toContain('column scores.session_id')
  })

  test('a file with SQL that takes something away, of whatever migration of the step: nothing runs', async () => {
    const bad = parseDownSql({
      engine: 'clickhouse',
      migration: '0010',
      text: '-- undoes: 0010\n-- class: schema\n-- loses: nothing\n\n-- phase: contract\nDROP TABLE scores;\n-- end\n',
    })
    const facts = {
      ...catalog,
      downSql: (engine: 'postgres' | 'clickhouse', name: string | number) =>
        name === 10 ? bad : catalog.downSql(engine, name),
    }
    sent.length = 0
    await expect(expand([12, 11, 10], 9, facts)).rejects.toThrow(
      'The down SQL of ClickHouse migration 0010 is invalid; nothing was changed.',
    )
    expect(sent).toEqual([])
  })

  test('a database whose tables cannot be moved', async () => {
    const inMemory = async (sql: string): Promise<Rows> =>
      sql.includes('system.databases') ? [{ name: 'in_memory', engine: 'Memory' }] : run(sql)
    expect(await refusalsIn(inMemory, 7)).toEqual([
      'ClickHouse database in_memory has engine Memory, and only tables of an Atomic database can move into the archive. Change that, then run again.',
    ])
  })
})

async function refusalsIn(run: (sql: string) => Promise<Rows>, version: number): Promise<readonly string[]> {
  const question = dependentsQuestion({ postgres: [], clickhouse: [version] }, catalog)
  const clickhouse = { address: 'here', ping: async () => true, run }
  return refusalsOf(await observeDependents(question, { postgres: undefined, clickhouse }))
}

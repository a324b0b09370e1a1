import { afterAll, expect, test } from '@jest/globals'
import { diffSnapshots } from '../../sandbox/diff-snapshots.ts'
import { renderDelta } from '../../sandbox/langfuse/clickhouse-sql.ts'
import { type UndoContext, undoClickHouse } from '../../src/execute/undo-clickhouse.ts'
import { dependentsQuestion, refusalsOf } from '../../src/plan/dependents.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { emptySnapshot } from '../../src/schema/snapshot.ts'
import { observeDependents } from '../../src/stack/observe-dependents.ts'
import { type ClickHouseDatabase, useClickHouse } from '../schema/databases.ts'
import { runAny } from './clickhouse-proof.ts'
import { CLICKHOUSE_SITUATIONS, type ClickHouseSituation } from './situations/clickhouse.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const clickhouse = useClickHouse()
const lines: string[] = []

afterAll(() => {
  process.stdout.write(
    `\nAn owner's ClickHouse: verdict, situation, without the check\n${lines.join('\n')}\n`,
  )
})

/** Langfuse's schema and what the owner made of it. */
async function databaseOf(situation: ClickHouseSituation, name: string): Promise<ClickHouseDatabase> {
  const database = await clickhouse.fresh(name)
  const schema = catalog.clickhouseSnapshot(12)
  const delta = diffSnapshots(emptySnapshot, schema)
  for (const { sql } of renderDelta(delta, emptySnapshot, schema, name)) await database.run(sql)
  await database.run('CREATE TABLE mine (id String) ENGINE = MergeTree ORDER BY id')
  await database.run(
    "INSERT INTO event_log (id, project_id, entity_type, entity_id) VALUES ('e', 'p', 't', 'x')",
  )
  for (const sql of situation.sql) await database.run(sql.replaceAll('DB', name))
  return database
}

const portOf = (database: ClickHouseDatabase) => ({
  address: 'here',
  ping: async () => true,
  run: (sql: string) => runAny(database, sql),
})

const observe = (database: ClickHouseDatabase, version: number) =>
  observeDependents(dependentsQuestion({ postgres: [], clickhouse: [version] }, catalog), {
    postgres: undefined,
    clickhouse: portOf(database),
  })

async function undo(database: ClickHouseDatabase, version: number, rollbackId: string): Promise<void> {
  const context: UndoContext = {
    facts: catalog,
    clock: { now: () => 0, random: () => 0, every: () => () => undefined, sleep: async () => undefined },
    deadline: 600_000,
    rollbackId,
    say: () => undefined,
  }
  for (const phase of ['expand', 'contract'] as const)
    await undoClickHouse(
      { phase, clickhouse: [version], clickhouseHead: undefined },
      portOf(database),
      context,
    )
}

test.each(CLICKHOUSE_SITUATIONS.map((situation, at) => [situation.name, situation, at] as const))(
  '%s',
  async (_name, situation, at) => {
    const { version, verdict, says, works } = situation
    const name = `owner_${at}`
    const database = await databaseOf(situation, name)
    const dependents = await observe(database, version)
    expect([dependents.failed, dependents.unseen]).toEqual([[], []])
    const refusals = refusalsOf(dependents)
    let without = ''
    if (verdict === 'refused') {
      expect(refusals.join('\n')).toContain(says?.replaceAll('DB', name))
      const bare = await databaseOf(situation, `${name}_bare`)
      without = await Promise.race([
        undo(bare, version, `${name}_bare`).then(
          () => 'nothing',
          (error: Error) => `fails: ${error.cause instanceof Error ? error.cause.message : error.message}`,
        ),
        new Promise<string>(resolve => setTimeout(resolve, 5_000, 'waits').unref()),
      ])
      if (without === 'nothing' && works !== undefined)
        without = await bare.run(works.replaceAll('DB', `${name}_bare`)).then(
          () => 'nothing',
          (error: Error) => `later: ${error.message}`,
        )
      expect(without).not.toBe('nothing')
      for (const { remedy } of dependents.found) if (remedy !== undefined) await database.run(remedy)
      expect(refusalsOf(await observe(database, version))).toEqual([])
      await undo(database, version, name)
    } else {
      expect(refusals).toEqual([])
      await undo(database, version, name)
      if (works !== undefined) await database.run(works)
    }
    lines.push(
      `${verdict.padEnd(9)}${situation.name.padEnd(62)}${without.replaceAll(/\s+/g, ' ').slice(0, 110)}`,
    )
  },
  60_000,
)

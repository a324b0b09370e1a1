import { diffSnapshots } from '../../sandbox/diff-snapshots.ts'
import { startClickHouse } from '../../sandbox/engines/clickhouse.ts'
import type { Effect } from '../../src/schema/catalog.ts'
import { readClickHouseSnapshot } from '../../src/schema/clickhouse-schema.ts'
import type { Delta } from '../../src/schema/diff.ts'
import { emptySnapshot, keyOf, type Query } from '../../src/schema/snapshot.ts'
import type { ClickHouseMigration, LangfuseRelease } from './langfuse.ts'

export type ClickHouseStep = Delta & { readonly effects: readonly Effect[] }

/** Applies every ClickHouse migration to the real engine and looks after each: its change, by version. */
export async function readClickHouseCatalog(
  releases: readonly LangfuseRelease[],
  folder: string,
): Promise<ReadonlyMap<number, ClickHouseStep>> {
  const clickhouse = await startClickHouse({ folder: `${folder}/clickhouse` })
  const run = runnerOf(clickhouse.url)
  const query: Query = async sql => JSON.parse(await run(`${sql} FORMAT JSON`)).data
  try {
    const steps = new Map<number, ClickHouseStep>()
    let before = emptySnapshot
    for (const migration of releases.flatMap(release => release.clickhouse)) {
      if (steps.has(migration.version)) continue
      for (const statement of statementsOf(migration)) await run(statement)
      const after = await readClickHouseSnapshot(query, 'default')
      steps.set(migration.version, { ...diffSnapshots(before, after), effects: effectsOf(migration) })
      before = after
    }
    return steps
  } finally {
    await clickhouse.stop()
  }
}

/** golang-migrate's x-multi-statement cuts at every semicolon, wherever it stands. */
function statementsOf({ sql }: ClickHouseMigration): string[] {
  return sql
    .split(';')
    .map(statement => statement.trim())
    .filter(Boolean)
}

function effectsOf({ sql }: ClickHouseMigration): Effect[] {
  const materialize = /ALTER TABLE\s+(\w+)\s+MATERIALIZE INDEX\s+(?:IF EXISTS\s+)?(\w+)/gi
  return [...sql.matchAll(materialize)].map(([, table = '', index = '']) => ({
    materialize: keyOf({ kind: 'index', names: [table, index] }),
  }))
}

function runnerOf(url: string): (sql: string) => Promise<string> {
  return async sql => {
    const response = await fetch(url, { method: 'POST', body: sql })
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    return text
  }
}

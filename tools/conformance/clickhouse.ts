import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startClickHouse } from '../../sandbox/engines/clickhouse.ts'
import type { Catalog } from '../../src/schema/catalog.ts'
import { readClickHouseSnapshot } from '../../src/schema/clickhouse-schema.ts'
import {
  type Ground,
  isExact,
  newestOf,
  problemsOf,
  proveEach,
  proveJumps,
  type Verdict,
} from '../../test/down-sql/clickhouse-proof.ts'
import { hostileClickHouse } from '../../test/down-sql/data/clickhouse.ts'
import type { ClickHouseDatabase } from '../../test/schema/databases.ts'
import type { LangfuseRelease } from '../catalog/langfuse.ts'
import type { Part, Proof } from './postgres.ts'

/** Each ClickHouse migration, and each way from the newest head to an older release's, with Langfuse's own files. */
export async function proveClickHouse(
  catalog: Catalog,
  releases: readonly LangfuseRelease[],
  say: (line: string) => void,
): Promise<Proof> {
  const folder = await mkdtemp(join(tmpdir(), 'langfuse-rollout-conformance-'))
  const clickhouse = await startClickHouse({ folder })
  try {
    const files = new Map(
      releases.flatMap(release => release.clickhouse.map(file => [file.version, file.sql] as const)),
    )
    const groundOf = async (name: string): Promise<Ground> => {
      const database = await create(clickhouse.url, name)
      const up = async (version: number): Promise<void> => {
        // golang-migrate cuts at every semicolon, wherever it stands (x-multi-statement).
        const statements = (files.get(version) ?? '').split(';').map(each => each.trim())
        for (const sql of statements.filter(Boolean)) await database.run(sql)
      }
      return { catalog, name, database, up, data: hostileClickHouse }
    }
    const each = await proveEach(await groundOf('each'))
    say(`ClickHouse: ${each.length} migrations undone and applied again`)
    const newest = newestOf(catalog)
    const heads = [...new Set(releases.map(release => release.clickhouse.at(-1)?.version ?? 0))]
    const jumps = await proveJumps(await groundOf('jumps'), heads.filter(head => head < newest).toReversed())
    return {
      parts: [
        partOf('ClickHouse migrations undone and applied again, exact and nothing lost', each),
        partOf(`older heads reached from ${newest} directly, and up again`, jumps),
      ],
      notes: [],
      problems: [...each, ...jumps].flatMap(problemsOf).map(line => `ClickHouse ${line}`),
    }
  } finally {
    await clickhouse.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function partOf(what: string, verdicts: readonly Verdict[]): Part {
  return { what, done: verdicts.filter(isExact).length, of: verdicts.length }
}

async function create(url: string, name: string): Promise<ClickHouseDatabase> {
  const post = async (sql: string, database: string): Promise<string> => {
    const response = await fetch(`${url}/?database=${database}`, { method: 'POST', body: sql })
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    return text
  }
  await post(`CREATE DATABASE ${name}`, 'default')
  const rows: ClickHouseDatabase['rows'] = async sql =>
    JSON.parse(await post(`${sql} FORMAT JSON`, name)).data
  return {
    url,
    run: async sql => void (await post(sql, name)),
    rows,
    snapshot: () => readClickHouseSnapshot(rows, name),
  }
}

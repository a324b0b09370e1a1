// Writes catalog/ from a git checkout of Langfuse: `npm run catalog -- --langfuse PATH [--releases 2.93.7,3.0.0]`.
// Only facts are written: names, checksums, and the schema as real engines show it after each migration.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readClickHouseCatalog } from './catalog/clickhouse.ts'
import { type LangfuseRelease, readReleases } from './catalog/langfuse.ts'
import { readPostgresCatalog } from './catalog/postgres.ts'
import { writeCatalog } from './catalog/write.ts'

const defaultReleases = '2.93.7,3.0.0'

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { langfuse: { type: 'string' }, releases: { type: 'string', default: defaultReleases } },
  })
  if (!values.langfuse)
    throw new Error('Say where Langfuse is: npm run catalog -- --langfuse PATH_OF_A_CHECKOUT')
  const releases = readReleases(values.langfuse, values.releases.split(','))
  const folder = await mkdtemp(join(tmpdir(), 'langfuse-rollout-catalog-'))
  try {
    const postgres = await readPostgresCatalog(releases, folder)
    const clickhouse = await readClickHouseCatalog(releases, folder)
    writeCatalog(new URL('../catalog/', import.meta.url), { releases, postgres, clickhouse })
    for (const release of releases) console.log(describe(release))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function describe({ version, postgres, clickhouse }: LangfuseRelease): string {
  return `${version}: ${postgres.length} Postgres migrations, ClickHouse head ${clickhouse.at(-1)?.version ?? 0}`
}

await main()

// Writes catalog/ from a git checkout of Langfuse: `npm run catalog -- --langfuse PATH [--steps all | none]`.
// Facts (names, checksums, counts) of every tagged release since the first, and, unless told `none`, the schema as real
// engines show it after each migration.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readClickHouseCatalog } from './catalog/clickhouse.ts'
import { readEnvironmentNames } from './catalog/environment.ts'
import { mislabelledReleases } from './catalog/facts.ts'
import { type LangfuseRelease, readReleases, taggedReleases } from './catalog/langfuse.ts'
import { readPostgresCatalog } from './catalog/postgres.ts'
import { writeFacts, writeSteps } from './catalog/write.ts'

const FIRST = '2.93.7'
const CATALOG = new URL('../catalog/', import.meta.url)

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { langfuse: { type: 'string' }, steps: { type: 'string', default: 'all' } },
  })
  if (!values.langfuse)
    throw new Error('Say where Langfuse is: npm run catalog -- --langfuse PATH_OF_A_CHECKOUT')
  const versions = taggedReleases(values.langfuse, FIRST)
  const releases = readReleases(values.langfuse, versions)
  writeFacts(CATALOG, { releases, environment: readEnvironmentNames(values.langfuse, versions) })
  console.log(`${releases.length} releases, ${versions[0]} to ${versions.at(-1)}`)
  if (values.steps === 'none') return
  const mislabelled = mislabelledReleases(releases)
  await writeStepsOf(releases.filter(({ version }) => !mislabelled.has(version)))
}

async function writeStepsOf(releases: readonly LangfuseRelease[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'langfuse-rollout-catalog-'))
  try {
    const postgres = await readPostgresCatalog(releases, folder)
    const clickhouse = await readClickHouseCatalog(releases, folder)
    writeSteps(CATALOG, { postgres, clickhouse })
    const newest = releases.at(-1)
    console.log(`${postgres.steps.size} Postgres steps, ${clickhouse.size} ClickHouse steps`)
    if (newest !== undefined) console.log(describe(newest))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function describe({ version, postgres, clickhouse }: LangfuseRelease): string {
  return `${version}: ${postgres.length} Postgres migrations, ClickHouse head ${clickhouse.at(-1)?.version ?? 0}`
}

await main()

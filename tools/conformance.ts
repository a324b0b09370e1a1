// Proves the catalog and the down SQL on Langfuse's own migration files: `npm run conformance -- --langfuse PATH`
// (a checkout or a bare git directory with its tags; `--only postgres` or `--only clickhouse`). Takes about half an hour.
import { parseArgs } from 'node:util'
import { loadCatalog } from '../src/schema/catalog.ts'
import { git, type LangfuseRelease, readReleases } from './catalog/langfuse.ts'
import { proveClickHouse } from './conformance/clickhouse.ts'
import { isOther, type Proof, provePostgres } from './conformance/postgres.ts'

const catalog = loadCatalog(new URL('../', import.meta.url))

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { langfuse: { type: 'string' }, only: { type: 'string' } } })
  if (!values.langfuse)
    throw new Error('Say where Langfuse is: npm run conformance -- --langfuse PATH_OF_A_CHECKOUT')
  const releases = changing(readReleases(values.langfuse, versions()))
  const newest = releases.at(-1)?.version
  console.log(
    `${releases.length} releases from ${releases[0]?.version} to ${newest}, each of which changes something;`,
  )
  console.log(`v${newest} is ${git(values.langfuse, ['rev-parse', `v${newest}^{commit}`]).trim()}`)
  const began = Date.now()
  const say = (line: string): void =>
    console.log(`${String(Math.round((Date.now() - began) / 1_000)).padStart(5)} s  ${line}`)
  const proofs: Proof[] = []
  if (values.only !== 'clickhouse') proofs.push(await provePostgres(catalog, releases, say))
  if (values.only !== 'postgres') proofs.push(await proveClickHouse(catalog, releases, say))
  return report(proofs)
}

/** The mislabelled release has the files of another one, and is never deployed. */
function versions(): string[] {
  return catalog.releases.flatMap(release => (release.mislabelled === undefined ? [release.version] : []))
}

/** The oldest release, and each later one that has other migrations than the one before it. */
function changing(releases: readonly LangfuseRelease[]): readonly LangfuseRelease[] {
  return releases.filter((release, index) => {
    const before = releases[index - 1]
    return (
      before === undefined ||
      isOther(before, release) ||
      before.clickhouse.length !== release.clickhouse.length
    )
  })
}

function report(proofs: readonly Proof[]): number {
  for (const { parts, notes } of proofs) {
    for (const { what, done, of } of parts) console.log(`${`${done}/${of}`.padStart(9)}  ${what}`)
    for (const note of notes) console.log(`${''.padStart(9)}  ${note}`)
  }
  const problems = proofs.flatMap(proof => proof.problems)
  for (const problem of problems) console.log(`FAILED     ${problem}`)
  console.log(`${problems.length} failures`)
  return problems.length === 0 && proofs.every(({ parts }) => parts.every(({ done, of }) => done === of))
    ? 0
    : 1
}

process.exitCode = await main()

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { loadCatalog } from '../../src/schema/catalog.ts'
import {
  type Database,
  type PostgresServer,
  type Rows,
  startPostgresServer,
} from '../schema/postgres-server.ts'
import { appliedIn, buildHostile, type Newest, prismaRow, undoChain, upAgain } from './chain.ts'
import { readContents } from './contents.ts'
import { notBack, type Verdict } from './restored.ts'

/** Down from a release over hostile rows by the executor, up again by the catalog, and then the archive is restored. */
const MINUTES = 60_000
const catalog = loadCatalog(new URL('../../', import.meta.url))
const target = '3.100.0'
const rollbackId = `to ${target}`
/** Langfuse's own upgrade deletes such keys, also those that a rollback has left in place. */
const deletedByUpgrade = /^llm_api_keys: the row .*"adapter": "atla"/
const lines: string[] = []
let server: PostgresServer

beforeAll(async () => {
  server = await startPostgresServer()
}, MINUTES)
afterAll(async () => {
  await server?.stop()
  process.stdout.write(`\n${lines.join('\n')}\n`)
})

describe.each(['4.16.0', '3.225.4'])(`from %s to ${target}, up again, and restored`, release => {
  let start: Newest
  let database: Database
  let report: Rows
  let verdict: Verdict

  beforeAll(async () => {
    start = await buildHostile(server, catalog, release)
    database = await server.fresh(start.database)
    const down = await undoChain(start, database, catalog, {
      release: target,
      schema: catalog.postgresSnapshot(target),
    })
    expect(down.problems.filter(line => !line.startsWith('background'))).toEqual([])
    expect(await upAgain(start, database, catalog)).toEqual([])
    await recordUp(database, release)
    await database.run(readFileSync(new URL('../../down-sql/restore.sql', import.meta.url), 'utf8'))
    const missing = await notBack(database, start)
    report = await restore(database)
    verdict = await notBack(database, start)
    lines.push(summary(release, { report, missing, verdict }), ...describeReport(report))
  }, 5 * MINUTES)

  test('every row and value is there again, or its entry in the archive says why not', () => {
    expect(verdict.unexplained.filter(line => !deletedByUpgrade.test(line))).toEqual([])
  })

  test(
    'a second time nothing changes, and the same is reported',
    async () => {
      const before = await readContents(database.run)
      expect(await restore(database)).toEqual(report)
      expect(await readContents(database.run)).toEqual(before)
    },
    MINUTES,
  )

  test(
    'the archive goes only when nothing is missed, or when that is said',
    async () => {
      await expect(database.run(`SELECT langfuse_rollout.drop_archive('${rollbackId}')`)).rejects.toThrow(
        /are not back/,
      )
      await database.run(`SELECT langfuse_rollout.drop_archive('${rollbackId}', true)`)
      await expect(restore(database)).rejects.toThrow(`the archive has nothing of a rollback '${rollbackId}'`)
    },
    MINUTES,
  )
})

async function restore(database: Database): Promise<Rows> {
  return database.run(`SELECT * FROM langfuse_rollout.restore('${rollbackId}')`)
}

/** What Prisma notes of an upgrade. */
async function recordUp(database: Database, release: string): Promise<void> {
  const applied = await appliedIn(database)
  for (const { name, checksum } of catalog.postgresMigrations(release)) {
    if (!applied.has(name)) await database.run(prismaRow(name, checksum))
  }
}

function summary(
  release: string,
  {
    report,
    missing,
    verdict,
  }: { readonly report: Rows; readonly missing: Verdict; readonly verdict: Verdict },
): string {
  const sum = (column: string): number => report.reduce((total, row) => total + Number(row[column]), 0)
  return `${release} → ${target} → ${release}: of ${verdict.rows} rows ${missing.changed} were gone or changed, after restore ${verdict.changed}; archive: ${sum('found')} found, ${sum('restored')} restored, ${sum('skipped')} skipped`
}

function describeReport(report: Rows): readonly string[] {
  return report
    .filter(({ skipped }) => Number(skipped) > 0)
    .map(
      ({ relation, kind, found, restored, skipped, why }) =>
        `  ${relation}, ${kind}: ${found} found, ${restored} restored, ${skipped} skipped (${why})`,
    )
}

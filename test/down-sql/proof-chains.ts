import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { type Database, type PostgresServer, startPostgresServer } from '../schema/postgres-server.ts'
import { buildHostile, type ChainResult, type Newest, undoChain, upAgain } from './chain.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const newest = catalog.releases.at(-1)?.version ?? ''

/** From the newest release down at once, over hostile rows, by the executor; and up again. */
export function proveChainsTo(targets: readonly string[]): void {
  const lines: string[] = []
  let server: PostgresServer
  let start: Newest

  beforeAll(async () => {
    server = await startPostgresServer()
    start = await buildHostile(server, catalog, newest)
  }, 120_000)
  afterAll(async () => {
    await server?.stop()
    process.stdout.write(`\n${lines.join('\n')}\n`)
  })

  describe.each(targets)('from the newest release to %s', target => {
    const to = { release: target, schema: catalog.postgresSnapshot(target) }
    let copy: Database
    let straight: ChainResult

    beforeAll(async () => {
      copy = await server.fresh(start.database)
      straight = await undoChain(start, copy, catalog, to)
      const { migrations, rows, archived } = straight
      lines.push(
        `${newest} → ${target}: ${migrations} migrations in one transaction a phase, ${rows} rows, ${archived} in the archive`,
      )
    }, 120_000)

    test('each phase is one transaction, the schema is exact, no row is lost', () => {
      expect(straight.problems).toEqual([])
    })

    test('a run that was killed twice ends the same', async () => {
      const other = await server.fresh(start.database)
      expect(await undoChain(start, other, catalog, { ...to, interrupted: true })).toEqual(straight)
    }, 120_000)

    test('the upgrade works again, with what the rollback left', async () => {
      expect(await upAgain(start, copy, catalog)).toEqual([])
    }, 120_000)
  })

  test('most of the hostile rows can be in the newest release', () => {
    expect(start.threats).toBeGreaterThan(100)
  })
}

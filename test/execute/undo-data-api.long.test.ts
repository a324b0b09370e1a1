import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { buildHostile, type Newest, undoChain, upAgain } from '../down-sql/chain.ts'
import { type PostgresServer, startPostgresServer } from '../schema/postgres-server.ts'
import { type DataApiStage, startDataApi } from '../support/data-api.ts'

/** From the newest release down at once, over hostile rows, through the Data API: as with a connection of its own. */
const catalog = loadCatalog(new URL('../../', import.meta.url))
const newest = catalog.releases.at(-1)?.version ?? ''
const before = { ...process.env }
let server: PostgresServer
let stage: DataApiStage
let start: Newest

beforeAll(async () => {
  server = await startPostgresServer()
  stage = await startDataApi()
  start = await buildHostile(server, catalog, newest)
}, 120_000)
afterAll(async () => {
  await stage.stop()
  await server.stop()
  process.env = { ...before }
})

describe.each(['3.225.4', '3.0.0', '2.93.7'])('from the newest release to %s', target => {
  test('the schema is exact, no row is lost, the archive is the same, and the upgrade works again', async () => {
    const to = { release: target, schema: catalog.postgresSnapshot(target) }
    const direct = await undoChain(start, await server.fresh(start.database), catalog, to)
    const copy = await server.fresh(start.database)
    const calls = stage.sandbox.requests.length
    const through = await undoChain(start, copy, catalog, { ...to, postgres: stage.postgres(copy.url) })
    // How its statements lie in transactions is only watched on connections.
    const ofRows = through.problems.filter(problem => !/: transactions of /.test(problem))
    expect({ ...through, problems: ofRows }).toEqual(direct)
    process.stdout.write(
      `${newest} → ${target}: ${through.migrations} migrations, ${stage.sandbox.requests.length - calls} calls\n`,
    )
    expect(await upAgain(start, copy, catalog)).toEqual([])
  }, 600_000)
})

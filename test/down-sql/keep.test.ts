import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type PostgresServer, startPostgresServer } from '../schema/postgres-server.ts'
import { keepCases } from './keep-cases.ts'
import { databaseBefore, thereAndBack } from './keep-proof.ts'
import { leftovers } from './keeping.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgresServer()
})
afterAll(() => server?.stop())

/** A table that is copied, rows, and tables that are moved; the others are proven in the long tests. */
const some = keepCases.filter(({ migration }) => /event_log|atla|legacy/.test(migration))

test.each(some)('what $migration deletes comes back as it was', async each => {
  const before = await databaseBefore(server, each.migration, [each.hostile])
  const done = await thereAndBack(each, before)
  expect(done.problems).toEqual([])
  expect(done.upgrade).toEqual([])
  expect(done.closed.map(({ kind, relation, how }) => [kind, relation, how])).toEqual(each.keeps)
  expect(done.closed.filter(({ problem, rows }) => problem !== null || rows === 0)).toEqual([])
  expect(done.back.filter(({ back, held }) => back !== true || held.length > 0)).toEqual([])
  await before.database.run('SELECT langfuse_rollout.drop_kept(now())')
  expect(await leftovers(before.database)).toEqual([])
})

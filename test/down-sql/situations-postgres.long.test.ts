import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { type PostgresServer, startPostgresServer } from '../schema/postgres-server.ts'
import { SITUATIONS } from './situations/postgres.ts'
import { createPlayer, makeRoles, type Played } from './situations/run.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))
const played: Played[] = []
let server: PostgresServer
let play: ReturnType<typeof createPlayer>

beforeAll(async () => {
  server = await startPostgresServer()
  await makeRoles(server)
  play = createPlayer(server, catalog)
})
afterAll(async () => {
  await server?.stop()
  process.stdout.write(tableOf(played))
})

test.each(SITUATIONS.map(situation => [situation.name, situation] as const))(
  '%s',
  async (_name, situation) => {
    const one = await play(situation, true)
    played.push(one)
    expect(one.problems).toEqual([])
  },
  120_000,
)

function tableOf(all: readonly Played[]): string {
  const lines = all.map(
    ({ situation, without, problems }) =>
      [problems.length === 0 ? situation.verdict : 'WRONG', situation.name, without.slice(0, 110)] as const,
  )
  const count = (verdict: string) => lines.filter(([found]) => found === verdict).length
  const rows = [['verdict', 'situation', 'without the check'] as const, ...lines].map(
    ([verdict, name, without]) => `${verdict.padEnd(9)}${name.padEnd(78)}${without}`,
  )
  return `\nAn owner's PostgreSQL: ${count('taken')} taken along, ${count('left')} left alone, ${count('refused')} refused before any change\n${rows.join('\n')}\n`
}

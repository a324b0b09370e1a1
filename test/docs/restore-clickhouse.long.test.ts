import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { newestOf, rendered, undoPhase } from '../down-sql/clickhouse-proof.ts'
import { hostileClickHouse } from '../down-sql/data/clickhouse.ts'
import { useClickHouse } from '../schema/databases.ts'

const clickhouse = useClickHouse()

/** The commands of docs/restore.md's section about ClickHouse, without the settings, which are this test's. */
function commands(): readonly string[] {
  const document = readFileSync('docs/restore.md', 'utf8')
  const [, section = ''] = document.split(/^## ClickHouse$/m)
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)
}

test('the commands of docs/restore.md bring back a value and a table of ClickHouse as they stand there', async () => {
  const [settings = '', write = '', run = ''] = commands()
  expect(settings).toMatch(/^export CLICKHOUSE_URL=.*\nexport CLICKHOUSE_USER=/)
  const catalog = loadCatalog(new URL('../../', import.meta.url))
  const database = await clickhouse.fresh('langfuse')
  const up = rendered(catalog, database, 'langfuse')
  const newest = newestOf(catalog)
  for (let head = 1; head <= newest; head++) await up(head)
  await database.run(
    "INSERT INTO traces (id, project_id, timestamp, event_ts) VALUES ('t', 'p', now(), now())",
  )
  await database.run(
    "INSERT INTO traces (id, project_id, timestamp, event_ts, environment) VALUES ('u', 'p', now(), now(), 'it''s')",
  )
  const ground = { catalog, name: 'langfuse', database, up, data: hostileClickHouse }
  const versions = Array.from({ length: newest - 5 }, (_, index) => newest - index)
  await undoPhase(ground, 'expand', versions, 'r-1')
  await undoPhase(ground, 'contract', versions, 'r-1')
  for (const version of versions.toReversed()) await up(version)
  const environments = 'SELECT id, environment FROM traces FINAL ORDER BY id'
  expect(await database.rows(environments)).toEqual([
    { id: 't', environment: 'default' },
    { id: 'u', environment: 'default' },
  ])
  const folder = mkdtempSync(join(tmpdir(), 'langfuse-rollout-docs-'))
  const script = [`cp -r ${process.cwd()}/down-sql .`, write.replace('<rollback id>', 'r-1'), run, run].join(
    '\n',
  )
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
    cwd: folder,
    encoding: 'utf8',
    env: {
      ...process.env,
      CLICKHOUSE_URL: database.url,
      CLICKHOUSE_USER: 'default',
      CLICKHOUSE_PASSWORD: '',
      CLICKHOUSE_DB: 'langfuse',
    },
  })
  rmSync(folder, { recursive: true })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toContain('The script is done.')
  expect(await database.rows(environments)).toEqual([
    { id: 't', environment: 'default' },
    { id: 'u', environment: "it's" },
  ])
}, 300_000)

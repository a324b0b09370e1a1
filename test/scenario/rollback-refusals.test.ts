import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import {
  changingNothing,
  copyDatabase,
  databaseSnapshot,
  expectOneSentence,
  sql,
} from './rollback-refusals-support.ts'

/** What stands in the way of a rollback from 3.0.0: one clear sentence, exit 1, and nothing is another than before. */
let folder: string
let stage: Stage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollback-refusals-'))
  stage = await openStage({ folder, release: '3.0.0', pushed: ['2.93.7'] })
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('the release that runs already: unchanged, and it says so', async () => {
  const result = await changingNothing(stage, { to: '3.0.0' })
  expect(result.outputs).toMatchObject({
    outcome: 'unchanged',
    'current-version': '3.0.0',
    'target-version': '3.0.0',
    'postgres-reverted': '0',
    'archived-rows': '0',
  })
  expect(result.exitCode).toBe(0)
  expect(result.summary).toMatch(/3\.0\.0/)
})

const withUrl =
  (change: (url: URL) => void): (() => Readonly<Record<string, string>>) =>
  () => {
    const url = new URL(stage.stack.databaseUrl)
    change(url)
    return { to: '2.93.7', 'database-url': url.href }
  }

test.each<readonly [what: string, inputs: () => Readonly<Record<string, string>>, sentence: RegExp]>([
  [
    'a release that the catalog does not know',
    () => ({ to: '3.0.99' }),
    /Langfuse 3\.0\.99 is not in this action's catalog, .*\. Set `to` to a release from \S+ to \S+,/,
  ],
  [
    'a newer release',
    () => ({ to: '3.1.0' }),
    /Langfuse 3\.0\.0 is running, and 3\.1\.0 is newer\. A rollback never upgrades\. Use the deploy action/,
  ],
  [
    'a release that never ran, whose image is not in ECR',
    () => ({ to: '2.95.12' }),
    /image `.*langfuse-web:2\.95\.12` of the older release is not in its repository\. It was never pushed there, or a lifecycle policy deleted it/,
  ],
  [
    'PostgreSQL that cannot be reached',
    withUrl(url => {
      url.hostname = 'aurora.invalid'
    }),
    /PostgreSQL at aurora\.invalid:5432\/langfuse \(input `database-url`\) cannot be reached/,
  ],
  [
    "PostgreSQL's wrong password",
    withUrl(url => {
      url.password = 'wr0ng-Pass'
    }),
    /PostgreSQL at .*:5432\/langfuse \(input `database-url`\) cannot be reached: check the address, the password/,
  ],
  [
    'ClickHouse that cannot be reached',
    () => ({ to: '2.93.7', 'clickhouse-url': 'http://nowhere.langfuse.local:8123' }),
    /ClickHouse at .*nowhere\.langfuse\.local/,
  ],
  [
    "ClickHouse's wrong password",
    () => ({ to: '2.93.7', 'clickhouse-password': 'wr0ng-Pass' }),
    /ClickHouse at .* refused a statement: .*Authentication failed/,
  ],
  [
    'an image-only rollback that the older web would not survive',
    () => ({ to: '2.93.7', sql: 'images-only' }),
    /Its web would not start \("no migration found for version 6"\)\. Set `sql: auto`/,
  ],
])('%s: refused', async (_what, inputs, sentence) => {
  const result = await changingNothing(stage, inputs())
  expectOneSentence(result, 'refused', sentence)
  expect(result.summary).toMatch(/Nothing was changed/)
  expect(JSON.stringify([result.stdout, result.rawSummary, result.report])).not.toContain('wr0ng-Pass')
})

test("another stack's database: refused, and nothing is changed there", async () => {
  await copyDatabase(stage, 'staging')
  const inputs = withUrl(url => {
    url.pathname = '/staging'
  })
  const before = await databaseSnapshot(stage, 'staging')
  const result = await changingNothing(stage, inputs())
  expectOneSentence(
    result,
    'refused',
    /Nothing proves that the PostgreSQL database given to this run is this stack's: .*5432\/staging\. So this run writes nothing there and takes no snapshot of it\. Use `network: task`/,
  )
  expect(await databaseSnapshot(stage, 'staging')).toEqual(before)
})

test('a schema without migrations contradicts the running release; a search_path does not', async () => {
  const nowhere = withUrl(url => url.searchParams.set('schema', 'nowhere'))
  expectOneSentence(
    await changingNothing(stage, nowhere()),
    'refused',
    /Langfuse 3\.0\.0 is running, but .*\/langfuse has no Postgres migration in schema `nowhere`/,
  )
  await sql(
    stage,
    `CREATE ROLE astray LOGIN PASSWORD 'astray'; GRANT langfuse TO astray;
     ALTER ROLE astray SET search_path = nowhere`,
  )
  const astray = withUrl(url => {
    url.username = 'astray'
    url.password = 'astray'
  })
  const planned = await changingNothing(stage, { ...astray(), 'dry-run': 'true' })
  expect(planned.outputs).toMatchObject({ outcome: 'planned', 'rollback-class': 'schema' })
})

test('a user that may only read: refused, with what the user needs', async () => {
  await sql(
    stage,
    `CREATE ROLE reader LOGIN PASSWORD 'reads-only'; GRANT USAGE ON SCHEMA public TO reader;
     GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; GRANT pg_read_all_stats TO reader`,
  )
  const inputs = withUrl(url => {
    url.username = 'reader'
    url.password = 'reads-only'
  })
  const result = await changingNothing(stage, inputs())
  expectOneSentence(
    result,
    'refused',
    /tables and types \(public\.\S+ first\) belong to role langfuse, so role reader cannot change them\. Run `GRANT langfuse TO reader;`/,
  )
})

test('a count that may not be made is not counted, and the dry run shows the rest of the plan', async () => {
  await sql(stage, 'REVOKE SELECT ON public.traces FROM langfuse')
  const result = await stage.run('rollback', { to: '2.93.7', 'dry-run': 'true' })
  await sql(stage, 'GRANT SELECT ON public.traces TO langfuse')
  expect(result.outputs).toMatchObject({ outcome: 'planned', 'rollback-class': 'schema' })
  expect(result.summary).toMatch(/Traces \(not counted\), with observations and scores, will not be visible/)
  expect(result.summary).not.toMatch(/At least 0/)
})

test.each([{ 'dry-run': 'true' }, {}])(
  'a view of the owner on a column that goes: refused with %j before anything changes, with what clears the way',
  async mode => {
    await sql(stage, 'CREATE OR REPLACE VIEW public.bi AS SELECT id, deleted_at FROM public.projects')
    const result = await changingNothing(stage, { to: '2.93.7', ...mode })
    expectOneSentence(
      result,
      'refused',
      /View public\.bi reads public\.projects\.deleted_at, which the rollback drops\. Run `DROP VIEW public\.bi;`, then run again\./,
    )
    await sql(stage, 'DROP VIEW public.bi')
    const planned = await stage.run('rollback', { to: '2.93.7', 'dry-run': 'true' })
    expect(planned.outputs).toMatchObject({ outcome: 'planned' })
  },
)

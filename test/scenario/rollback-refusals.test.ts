import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { takeSnapshot } from '../../sandbox/stack-snapshot.ts'
import { isWrite, setupOf } from './support.ts'

/** What stands in the way of a rollback: one clear sentence, exit 1, and nothing is another than before. */
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollback-refusals-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A rollback that changes neither AWS nor a schema, a migration or a row. */
async function changingNothing(stage: Stage, inputs: Readonly<Record<string, string>>): Promise<RunResult> {
  const { stack, github } = stage
  const seen = async () => {
    const snapshot = await takeSnapshot(stack)
    return {
      ...snapshot,
      setup: setupOf(stack.sandbox.world),
      statuses: github.deployments.map(all => all.statuses),
    }
  }
  const before = await seen()
  const from = stack.sandbox.requests.length
  const result = await stage.run('rollback', inputs)
  expect(stack.sandbox.requests.slice(from).filter(isWrite)).toEqual([])
  expect(await seen()).toEqual(before)
  return result
}

function expectOneSentence(result: RunResult, outcome: 'refused' | 'failed', sentence: RegExp): void {
  const errors = result.commands.filter(({ command }) => command === 'error')
  expect(errors).toHaveLength(1)
  expect(errors[0]?.message).toMatch(sentence)
  expect(result.outputs['outcome']).toBe(outcome)
  expect(result.exitCode).toBe(1)
}

async function sql(stage: Stage, text: string): Promise<void> {
  const client = new Client({ connectionString: stage.stack.databaseUrlLocal })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

describe('on 3.0.0', () => {
  let stage: Stage

  beforeAll(async () => {
    stage = await openStage({ folder: join(folder, 'v3'), release: '3.0.0', pushed: ['2.93.7'] })
  }, 120_000)
  afterAll(() => stage?.stop())

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

  test('a user that may only read: failed, with what the user needs', async () => {
    await sql(
      stage,
      `CREATE ROLE reader LOGIN PASSWORD 'reads-only'; GRANT USAGE ON SCHEMA public TO reader;
       GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader`,
    )
    const inputs = withUrl(url => {
      url.username = 'reader'
      url.password = 'reads-only'
    })
    const result = await changingNothing(stage, inputs())
    expectOneSentence(result, 'failed', /permission denied/)
    expect(result.summary).toMatch(/must own Langfuse's tables and be allowed to create a schema/)
    expect(result.summary).toMatch(/re-run this rollback: it resumes where it stopped/)
  })

  /** As PostgreSQL says it: https://www.postgresql.org/docs/15/errcodes-appendix.html, class 53. */
  const fullDisk = (operation: string, table: string) =>
    sql(
      stage,
      `CREATE FUNCTION public.no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         RAISE EXCEPTION 'could not extend file "base/16384/2619": No space left on device'
           USING ERRCODE = '53100', HINT = 'Check free disk space.';
       END $$;
       CREATE TRIGGER full_disk BEFORE ${operation} ON ${table} EXECUTE FUNCTION public.no_space()`,
    )
  const moreDisk = () => sql(stage, 'DROP FUNCTION IF EXISTS public.no_space CASCADE')

  test('a full disk in contract: what is done is said, the older release works, and the next run ends it', async () => {
    await fullDisk('DELETE', 'public._prisma_migrations')
    const failed = await stage.run('rollback', { to: '2.93.7' })
    expectOneSentence(failed, 'failed', /No space left on device/)
    expect(failed.outputs).toMatchObject({ 'current-version': '2.93.7' })
    expect(failed.summary).toMatch(/re-run this rollback: it resumes where it stopped/)
    expect((await fetch(`${stage.stack.webUrl}/sandbox/deep-probe`)).status).toBe(200)
    await moreDisk()
    const again = await stage.run('rollback', { to: '2.93.7' })
    expect(again.outputs).toMatchObject({ outcome: 'rolled-back', 'postgres-reverted': '2' })
  }, 180_000)

  test('a full disk before the images: failed, nothing changed', async () => {
    const up = await stage.run('deploy', { version: '3.0.0', backup: 'false' })
    expect(up.outputs['outcome']).toBe('deployed')
    await fullDisk('INSERT OR UPDATE', 'langfuse_rollout.journal')
    const result = await changingNothing(stage, { to: '2.93.7' })
    expectOneSentence(result, 'failed', /No space left on device/)
    expect(result.outputs).toMatchObject({ 'current-version': '3.0.0' })
    await moreDisk()
  }, 180_000)
})

test('across the v4 cut-over without accept: restore: the runbook with the snapshot and its commands', async () => {
  const stage = await openStage({
    folder: join(folder, 'v4'),
    release: '3.225.4',
    pushed: ['4.0.0'],
    clickhouse: '25.12.1',
  })
  try {
    const deployed = await stage.run('deploy', { version: '4.0.0' })
    expect(deployed.outputs['outcome']).toBe('deployed')
    const snapshot = deployed.outputs['snapshot-id'] ?? ''
    const result = await changingNothing(stage, { to: 'previous' })
    expectOneSentence(result, 'refused', /class `restore` .*\. Set `accept: restore` to accept this/s)
    expect(result.summary).toContain('Nothing was changed')
    expect(snapshot).not.toBe('')
    expect(result.summary).toContain(snapshot)
    expect(result.summary).toMatch(/aws rds restore-db-cluster-from-snapshot .*--snapshot-identifier/)
    expect(result.summary).toMatch(/`to: 3\.225\.4` and `accept: restore`/)
  } finally {
    await stage.stop()
  }
}, 300_000)

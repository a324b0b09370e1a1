import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import { changingNothing, expectOneSentence, sql } from './rollback-refusals-support.ts'
import { step } from './support.ts'

/** What stands in the way of a rollback once it has begun, and across the v4 cut-over: each test has a stage of its own. */
let folder: string
let opened: Stage | undefined

async function open(settings: Omit<Parameters<typeof openStage>[0], 'folder'>): Promise<Stage> {
  folder = await mkdtemp(join(tmpdir(), 'rollback-refusals-'))
  opened = await openStage({ folder, ...settings })
  return opened
}

afterEach(async () => {
  await opened?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** As PostgreSQL says it: https://www.postgresql.org/docs/15/errcodes-appendix.html, class 53. */
const fullDisk = (stage: Stage, operation: string, table: string) =>
  sql(
    stage,
    `CREATE FUNCTION public.no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         RAISE EXCEPTION 'could not extend file "base/16384/2619": No space left on device'
           USING ERRCODE = '53100', HINT = 'Check free disk space.';
       END $$;
       CREATE TRIGGER full_disk BEFORE ${operation} ON ${table} EXECUTE FUNCTION public.no_space()`,
  )
const moreDisk = (stage: Stage) => sql(stage, 'DROP FUNCTION IF EXISTS public.no_space CASCADE')

test('a full disk, in contract and before the images', async () => {
  const stage = await open({ release: '3.0.0', pushed: ['2.93.7'] })
  await step(
    'a full disk in contract: what is done is said, the older release works, and the next run ends it',
    async () => {
      await fullDisk(stage, 'DELETE', 'public._prisma_migrations')
      const failed = await stage.run('rollback', { to: '2.93.7' })
      expectOneSentence(failed, 'failed', /No space left on device/)
      expect(failed.outputs).toMatchObject({ 'current-version': '2.93.7' })
      expect(failed.summary).toMatch(/re-run this rollback: it resumes where it stopped/)
      expect((await fetch(`${stage.stack.webUrl}/sandbox/deep-probe`)).status).toBe(200)
      await moreDisk(stage)
      const again = await stage.run('rollback', { to: '2.93.7' })
      expect(again.outputs).toMatchObject({ outcome: 'rolled-back', 'postgres-reverted': '2' })
    },
  )

  await step('a full disk before the images: failed, nothing changed', async () => {
    const up = await stage.run('deploy', { version: '3.0.0', backup: 'false' })
    expect(up.outputs['outcome']).toBe('deployed')
    await fullDisk(stage, 'INSERT OR UPDATE', 'langfuse_rollout.journal')
    const result = await changingNothing(stage, { to: '2.93.7' })
    expectOneSentence(result, 'failed', /No space left on device/)
    expect(result.outputs).toMatchObject({ 'current-version': '3.0.0' })
    await moreDisk(stage)
  })
}, 300_000)

test('across the v4 cut-over without accept: restore: the runbook with the snapshot and its commands', async () => {
  const stage = await open({ release: '3.225.4', pushed: ['4.0.0'], clickhouse: '25.12.1' })
  const deployed = await stage.run('deploy', { version: '4.0.0' })
  expect(deployed.outputs['outcome']).toBe('deployed')
  const snapshot = deployed.outputs['snapshot-id'] ?? ''
  // As after an upgrade by hand, or by a version that kept nothing.
  await sql(stage, 'DROP TABLE langfuse_rollout.kept CASCADE')
  const dry = await changingNothing(stage, { to: 'previous', 'dry-run': 'true' })
  expect(dry.outputs).toMatchObject({ outcome: 'planned', 'rollback-class': 'restore' })
  expect(dry.exitCode).toBe(0)
  expect(dry.summary).toMatch(/down SQL, expand phase[\s\S]*down SQL, contract phase/)
  expect(dry.summary).toMatch(/Traces \(0 counted\) in them will not be visible/)
  const result = await changingNothing(stage, { to: 'previous' })
  expectOneSentence(result, 'refused', /class `restore` .*\. Set `accept: restore` to accept this/s)
  expect(result.summary).toContain('Nothing was changed')
  expect(snapshot).not.toBe('')
  expect(result.summary).toContain(snapshot)
  expect(result.summary).toMatch(/aws rds restore-db-cluster-from-snapshot [^)]*--db-subnet-group-name [a-z]/)
  expect(result.summary).toMatch(/`to: 3\.225\.4` and `accept: restore`/)
}, 300_000)

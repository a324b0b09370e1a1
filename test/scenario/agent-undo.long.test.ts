import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import type { RequestEvent } from '../../sandbox/aws/hooks.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { agentRuns, FAMILY, HOSTED, jobIn, nothingIsLeft, OUTSIDE } from './agent-support.ts'
import {
  comparable,
  INSIDE,
  lossesOf,
  openUndoStage,
  stepsOf,
  type UndoStage,
  UPGRADE,
} from './agent-undo-support.ts'
import { cancelledAt } from './support.ts'

/** Rollbacks from outside of the VPC: what one inside of it would do, also when they are cut off. Each test begins and ends on 2.93.7. */
let undo: UndoStage

beforeAll(async () => {
  undo = await openUndoStage()
})

afterAll(() => undo?.close())

afterEach(() => undo.stage.stack.sandbox.world.taskFaults.clear())

test('the same rollback from outside and from inside gives the same report', async () => {
  await undo.upgrade()
  const before = agentRuns(undo.stage)
  const outside = await undo.rollback()
  // One that looks, one that counts beside one that checks what depends on the schema, one that checks it again, one for
  // expand, one for contract and validate, one that looks again.
  expect(agentRuns(undo.stage) - before).toBe(7)
  expect(outside.outputs).toMatchObject({
    outcome: 'rolled-back',
    'postgres-reverted': '2',
    'clickhouse-reverted': '1',
    'archived-rows': expect.stringMatching(/^2\d$/),
  })
  await undo.isBack()
  await undo.upgrade()
  const inside = await undo.stage.run('rollback', { ...INSIDE, to: '2.93.7' })
  expect(comparable(outside)).toEqual(comparable(inside))
  await nothingIsLeft(undo.stage)
}, 240_000)

const TRACES = '20241024_1730_migrate_traces_from_pg_to_ch'

test('before a rollback the plan counts what is archived, and a background migration runs again, from both sides', async () => {
  await undo.upgrade()
  const dryRun = { to: '2.93.7', 'dry-run': 'true' }
  const before = agentRuns(undo.stage)
  const planned = await undo.stage.run('rollback', { ...OUTSIDE, ...dryRun }, { env: HOSTED })
  expect(agentRuns(undo.stage) - before).toBe(3)
  expect(lossesOf(planned).join()).toMatch(/\(\d+ [a-z]/)
  expect(comparable(planned)).toEqual(comparable(await undo.stage.run('rollback', { ...INSIDE, ...dryRun })))
  await undo.query('CREATE VIEW public.bi AS SELECT id, deleted_at FROM public.projects')
  const refused = await undo.rollback()
  expect(refused.outputs).toMatchObject({ outcome: 'refused' })
  expect(refused.summary).toMatch(
    /View public\.bi reads public\.projects\.deleted\S*_at, which the rollback drops\. Run `DROP VIEW/,
  )
  await undo.query('DROP VIEW public.bi')

  const again = { ...UPGRADE, 'rerun-background-migrations': TRACES }
  const outside = await undo.stage.run('deploy', { ...OUTSIDE, ...again }, { env: HOSTED })
  expect(stepsOf(outside)).toEqual(['rerun-background-migrations done'])
  expect(outside.stdout).toContain(`re-armed ${TRACES}`)
  await finished(TRACES)
  const inside = await undo.stage.run('deploy', { ...INSIDE, ...again })
  expect(settled(outside)).toEqual(settled(inside))
  await finished(TRACES)
  await undo.rollback()
  await undo.isBack()
  await nothingIsLeft(undo.stage)
}, 240_000)

async function finished(name: string): Promise<void> {
  const until = Date.now() + 180_000
  const sql = `SELECT finished_at IS NOT NULL AS finished FROM background_migrations WHERE name = '${name}'`
  while ((await undo.query(sql))[0]?.['finished'] !== true && Date.now() < until)
    await new Promise(done => setTimeout(done, 200))
}

/** By the time of the last look the background migration is running or over. */
function settled(result: RunResult): object {
  return JSON.parse(
    JSON.stringify(comparable(result))
      .replaceAll(/is (active|finished)/g, 'is …')
      .replaceAll(/\["background-migrations",[^\]]*\]/g, '"…"')
      .replaceAll(/"deployment-id":"\d+"/g, '"deployment-id":"…"'),
  ) as object
}

test('the agent is killed in the expand phase, then in the contract phase: each run goes on from there', async () => {
  await undo.upgrade()
  const first = await rollbackKilledIn('expand')
  expect(first.outputs).toMatchObject({ outcome: 'failed', 'postgres-reverted': '0' })
  expect(first.commands.at(-1)?.message).toMatch(
    /The agent did not confirm that the down SQL, expand phase finished: .*end of its result is missing .* exit code 137.*run again to resume/,
  )
  expect(stepsOf(first)[0]).toBe('undo-schema expand failed')

  const second = await rollbackKilledIn('contract')
  expect(second.outputs).toMatchObject({ outcome: 'failed', 'postgres-reverted': '0' })
  expect(stepsOf(second).filter(step => step.startsWith('undo'))).toEqual([
    'undo-schema expand done',
    'undo-schema contract failed',
    'undo-schema validate not-started',
  ])

  const third = await undo.rollback()
  expect(third.outputs).toMatchObject({ outcome: 'rolled-back', 'current-version': '2.93.7' })
  await undo.isBack()
  await nothingIsLeft(undo.stage)
}, 240_000)

/** Whether an agent is registered that undoes this phase. */
const undoes = (phase: string) => (call: Pick<RequestEvent, 'operation' | 'input'>) =>
  jobIn(call)?.steps?.[0]?.phase === phase

async function rollbackKilledIn(phase: string): Promise<RunResult> {
  const { onRequest, taskFaults } = undo.stage.stack.sandbox.world
  const begins = undoes(phase)
  const unwatch = onRequest(call => {
    if (call.phase === 'before' && begins(call)) taskFaults.add({ family: FAMILY, killedAfter: 1 })
  })
  return undo.rollback().finally(unwatch)
}

test('down SQL that fails comes back with what PostgreSQL says, and nothing of its phase is done', async () => {
  await undo.upgrade()
  await undo.query('ALTER TABLE traces RENAME COLUMN session_id TO session_id_')
  const failed = await undo.rollback()
  await undo.query('ALTER TABLE traces RENAME COLUMN session_id_ TO session_id')
  expect(failed.outputs).toMatchObject({ outcome: 'failed', 'postgres-reverted': '0' })
  expect(failed.commands.at(-1)?.message).toMatch(
    /The prepare down SQL of 20241206115829_\w+ failed; .*rolled back its transaction\. Cause: column .*session_id.* does not exist/,
  )
  expect(stepsOf(failed).slice(-2)).toEqual([
    'undo-schema contract failed',
    'undo-schema validate not-started',
  ])
  expect((await undo.rollback()).outputs).toMatchObject({ outcome: 'rolled-back' })
  await undo.isBack()
}, 240_000)

test('a rollback that is cancelled stops its agent, which leaves nothing half-done', async () => {
  await undo.upgrade()
  const begins = undoes('expand')
  let begun = false
  const result = await cancelledAt(undo.stage, {
    at: call => {
      begun ||= begins(call)
      return begun && call.operation === 'DescribeTasks'
    },
    run: options => undo.rollback(options),
  })
  expect(result.exitCode).toBe(1)
  expect(result.outputs['outcome']).toBe('failed')
  expect(result.commands.at(-1)?.message).toMatch(
    /cancelled while waiting for the agent that should run the down SQL/,
  )
  expect(undo.stage.stack.sandbox.requests.at(-1)?.operation).not.toBe('RunTask')
  await nothingIsLeft(undo.stage)
  expect((await undo.rollback()).outputs).toMatchObject({ outcome: 'rolled-back' })
  await undo.isBack()
}, 240_000)

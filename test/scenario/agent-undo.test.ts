import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import type { RunResult } from '../../sandbox/runner.ts'
import { agentRuns, HOSTED, nothingIsLeft, OUTSIDE } from './agent-support.ts'
import {
  comparable,
  INSIDE,
  lossesOf,
  openUndoStage,
  stepsOf,
  type UndoStage,
  UPGRADE,
} from './agent-undo-support.ts'
import { breakWebAtUpdate } from './support.ts'

/** `network: task`: a runner outside of the VPC undoes what one inside of it undoes. */
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
  // One that looks, one that counts, one for expand, one for contract and validate, one that looks again.
  expect(agentRuns(undo.stage) - before).toBe(5)
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
  expect(agentRuns(undo.stage) - before).toBe(2)
  expect(lossesOf(planned).join()).toMatch(/\(\d+ [a-z]/)
  expect(comparable(planned)).toEqual(comparable(await undo.stage.run('rollback', { ...INSIDE, ...dryRun })))

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
  const until = Date.now() + 60_000
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

test('a deploy that fails goes back from outside by itself, down SQL included', async () => {
  const spoiled = breakWebAtUpdate(undo.stage.stack.sandbox.world)
  const result = await undo.stage.run('deploy', { ...OUTSIDE, ...UPGRADE }, { env: HOSTED })
  spoiled.repair()
  expect(result.outputs).toMatchObject({ outcome: 'rolled-back', 'current-version': '2.93.7' })
  expect(stepsOf(result)).toEqual(
    expect.arrayContaining([
      'undo-schema expand done',
      'undo-schema contract done',
      'undo-schema validate done',
    ]),
  )
  await undo.isBack()
  await nothingIsLeft(undo.stage)
}, 240_000)

import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { agentRuns, HOSTED, nothingIsLeft, OUTSIDE } from './agent-support.ts'
import { comparable, INSIDE, openUndoStage, stepsOf, type UndoStage, UPGRADE } from './agent-undo-support.ts'
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
  // One that looks, one for expand, one for contract and validate, one that looks again.
  expect(agentRuns(undo.stage) - before).toBe(4)
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

import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { HOSTED, nothingIsLeft, OUTSIDE } from './agent-support.ts'
import { openUndoStage, stepsOf, type UndoStage, UPGRADE } from './agent-undo-support.ts'
import { breakWebAtUpdate } from './support.ts'

/** `network: task`: a runner outside of the VPC undoes what one inside of it undoes. */
let undo: UndoStage

beforeAll(async () => {
  undo = await openUndoStage()
})

afterAll(() => undo?.close())

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
  // The down SQL took the lock, and the last observation released it.
  expect(await undo.query('SELECT what FROM langfuse_rollout.run_lock')).toEqual([])
  await nothingIsLeft(undo.stage)
})

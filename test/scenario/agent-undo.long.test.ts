import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { FAMILY, nothingIsLeft } from './agent-support.ts'
import { openUndoStage, stepsOf, type UndoStage } from './agent-undo-support.ts'

/** Rollbacks from outside of the VPC that are cut off, and go on. */
let undo: UndoStage

beforeAll(async () => {
  undo = await openUndoStage()
})

afterAll(() => undo?.close())

afterEach(() => undo.stage.stack.sandbox.world.taskFaults.clear())

test('the agent is killed in the expand phase, then in the contract phase: each run goes on from there', async () => {
  await undo.upgrade()
  const { taskFaults } = undo.stage.stack.sandbox.world
  const killAt = (phase: string) => ({
    onLine: (line: string) => {
      if (line.includes(`group]down SQL, ${phase} phase`)) taskFaults.add({ family: FAMILY, killedAfter: 1 })
    },
  })
  const first = await undo.rollback(killAt('expand'))
  expect(first.outputs).toMatchObject({ outcome: 'failed', 'postgres-reverted': '0' })
  expect(first.commands.at(-1)?.message).toMatch(
    /The down SQL, expand phase was not seen to finish: .*end of its answer is missing .* exit code 137.*the next run goes on from there/,
  )
  expect(stepsOf(first)[0]).toBe('undo-schema expand failed')

  const second = await undo.rollback(killAt('contract'))
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

test('down SQL that fails comes back with what PostgreSQL says, and nothing of its phase is done', async () => {
  await undo.upgrade()
  await undo.query('ALTER TABLE traces RENAME COLUMN session_id TO session_id_')
  const failed = await undo.rollback()
  await undo.query('ALTER TABLE traces RENAME COLUMN session_id_ TO session_id')
  expect(failed.outputs).toMatchObject({ outcome: 'failed', 'postgres-reverted': '0' })
  expect(failed.commands.at(-1)?.message).toMatch(
    /The down SQL of 20241206115829_\w+, prepare, failed; .*rolled back\. Cause: column .*session_id.* does not exist/,
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
  const cancel = new AbortController()
  let inPhase = false
  const onLine = (line: string) => {
    inPhase ||= line.includes('group]down SQL, expand phase')
    if (inPhase && /the agent's task \S+ is/.test(line)) cancel.abort()
  }
  const started = Date.now()
  const result = await undo.rollback({ signal: cancel.signal, onLine })
  expect(Date.now() - started).toBeLessThan(20_000)
  expect(result.outputs['outcome']).toBe('failed')
  expect(result.commands.at(-1)?.message).toMatch(
    /cancelled while waiting for the agent that was to run the down SQL/,
  )
  expect(undo.stage.stack.sandbox.requests.at(-1)?.operation).not.toBe('RunTask')
  await nothingIsLeft(undo.stage)
  expect((await undo.rollback()).outputs).toMatchObject({ outcome: 'rolled-back' })
  await undo.isBack()
}, 240_000)

import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import type { Workflow } from '../workflows/run-workflow.ts'
import { denied, openQuickStart, type QuickStart } from './quick-start-support.ts'
import { breakWebAtUpdate } from './support.ts'

let start: QuickStart

beforeAll(async () => {
  start = await openQuickStart()
})

afterAll(() => start?.close())

test('approved, and the new web dies: everything is what it was, and the job is red', async () => {
  const { repair } = breakWebAtUpdate(start.stage.stack.sandbox.world)
  const { outcomes, jobs, done } = await start.run(parse(start.readme), { version: '3.0.0' }, true)
  repair()
  expect(outcomes).toEqual([
    ['deploy', 'planned'],
    ['deploy', 'rolled-back'],
    ['verify', 'passed'],
  ])
  expect(jobs['upgrade']).toMatchObject({ result: 'failure' })
  expect(done[1]?.result.outputs).toMatchObject({ 'current-version': '2.93.7', 'target-version': '3.0.0' })
  expect(denied(done[1]?.calls ?? [], 'deploy')).toEqual([])
})

test('rollback.yml, used the same way, brings the release before it back', async () => {
  const upgraded = await start.run(parse(start.readme), { version: '3.0.0' }, true)
  expect(upgraded.jobs['upgrade']).toMatchObject({ result: 'success' })
  const rollback = parse(await readFile('.github/workflows/rollback.yml', 'utf8')) as Workflow
  const { outcomes, done } = await start.run(rollback, { region: 'ap-northeast-1' }, true)
  expect(outcomes).toEqual([
    ['rollback', 'planned'],
    ['rollback', 'rolled-back'],
    ['verify', 'passed'],
  ])
  expect(done[1]?.result.outputs).toMatchObject({ 'current-version': '2.93.7' })
  expect(denied(done[0]?.calls ?? [], 'verify', 'agent')).toEqual([])
  expect(denied(done[1]?.calls ?? [], 'rollback')).toEqual([])
})

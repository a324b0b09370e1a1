import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { evaluate } from '../workflows/validator.ts'
import { denied, openQuickStart, type QuickStart } from './quick-start-support.ts'
import { isWrite } from './support.ts'

let start: QuickStart

beforeAll(async () => {
  start = await openQuickStart()
})

afterAll(() => start?.close())

test("GitHub takes the README's workflow", async () => {
  const [finding] = await evaluate([{ path: '.github/workflows/upgrade-langfuse.yml', text: start.readme }])
  expect(finding).toEqual({ problems: [], injections: [] })
})

test('planned, and not approved: the plan is in the summary, and nothing was changed', async () => {
  const from = start.stage.stack.sandbox.requests.length
  const { outcomes, asked, done } = await start.run(parse(start.readme), { version: '3.0.0' }, false)
  expect(outcomes).toEqual([['deploy', 'planned']])
  expect(asked).toEqual(['langfuse'])
  expect(done[0]?.result.summary).toMatch(/### Plan/)
  expect(denied(done[0]?.calls ?? [], 'verify', 'agent')).toEqual([])
  const writes = start.stage.stack.sandbox.requests.slice(from).filter(isWrite)
  // The agent that looks at the databases comes and goes.
  expect([...new Set(writes.map(({ operation }) => operation))].sort()).toEqual([
    'DeregisterTaskDefinition',
    'RegisterTaskDefinition',
    'RunTask',
  ])
})

/** The last, which leaves the stage on 3.0.0. */
test('approved: the plan that was approved is deployed, and verified', async () => {
  const { outcomes, jobs, done } = await start.run(parse(start.readme), { version: '3.0.0' }, true)
  expect(outcomes).toEqual([
    ['deploy', 'planned'],
    ['deploy', 'deployed'],
    ['verify', 'passed'],
  ])
  expect(jobs['upgrade']).toMatchObject({ result: 'success', outputs: { 'current-version': '3.0.0' } })
  expect(done[1]?.result.outputs['plan-digest']).toBe(done[0]?.result.outputs['plan-digest'])
  expect(denied(done[1]?.calls ?? [], 'deploy')).toEqual([])
  expect(denied(done[2]?.calls ?? [], 'verify', 'agent')).toEqual([])
  // What docs/summary.md shows is this, word for word.
  if (process.env['KEEP_SUMMARY'] !== undefined)
    await writeFile('docs/summary.md', `${done[1]?.result.summary}\n`)
})

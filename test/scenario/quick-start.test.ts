import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { type PolicyName, permissionOf, permissionsIn } from '../../sandbox/permissions.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { runWorkflow, type Workflow } from '../workflows/run-workflow.ts'
import { evaluate } from '../workflows/validator.ts'
import { HOSTED, OUTSIDE } from './agent-support.ts'
import { breakWebAtUpdate, isWrite } from './support.ts'

/**
 * The README's quick start, by somebody who has nothing but the README: the workflow that it shows, on GitHub's runner
 * outside of the VPC, with the roles of docs/iam. Each test is the next thing that happens.
 */
let folder: string
let stage: Stage
let readme: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quick-start-'))
  stage = await openStage({ folder })
  const text = await readFile('README.md', 'utf8')
  readme = /^```yaml\n(# \.github\/workflows\/[\s\S]*?)^```$/m.exec(text)?.[1] ?? ''
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

type Done = {
  readonly job: string
  readonly action: string
  readonly result: RunResult
  readonly calls: readonly string[]
}

/** Runs a workflow of this repository or the README's, and says what each of its actions did. */
async function run(workflow: Workflow, inputs: Readonly<Record<string, unknown>>, approval: boolean) {
  const done: Done[] = []
  const asked: string[] = []
  const jobs = await runWorkflow(workflow, inputs, {
    approve: environment => {
      asked.push(environment)
      return approval
    },
    act: async (action, given, job) => {
      const from = stage.stack.sandbox.requests.length
      const { 'clickhouse-user': _, ...wanted } = given
      const result = await stage.run(
        action as 'deploy',
        // The sandbox's web has an address of this machine instead of App Runner's.
        { ...OUTSIDE, ...wanted, url: stage.stack.webUrl },
        { env: HOSTED },
      )
      const calls = stage.stack.sandbox.requests.slice(from).map(permissionOf)
      await allOutputs(action, result)
      done.push({ job, action, result, calls: [...new Set(calls)].sort() })
      return { outputs: result.outputs, success: result.exitCode === 0 }
    },
  })
  return {
    jobs,
    done,
    asked,
    outcomes: done.map(({ action, result }) => [action, result.outputs['outcome']]),
  }
}

/** Every output that action.yml declares is set, on every path. */
async function allOutputs(action: string, { outputs }: RunResult): Promise<void> {
  const declared = parse(await readFile(`actions/${action}/action.yml`, 'utf8')) as { outputs: object }
  expect(Object.keys(outputs).sort()).toEqual(Object.keys(declared.outputs).sort())
}

/** The calls that a role with these policies would be denied. */
function denied(calls: readonly string[], ...names: readonly PolicyName[]): readonly string[] {
  const allowed = names.flatMap(permissionsIn)
  return calls.filter(call => !allowed.includes(call))
}

test("GitHub takes the README's workflow", async () => {
  const [finding] = await evaluate([{ path: '.github/workflows/upgrade-langfuse.yml', text: readme }])
  expect(finding).toEqual({ problems: [], injections: [] })
})

test('planned, and not approved: the plan is in the summary, and nothing was changed', async () => {
  const from = stage.stack.sandbox.requests.length
  const { outcomes, asked, done } = await run(parse(readme), { version: '3.0.0' }, false)
  expect(outcomes).toEqual([['deploy', 'planned']])
  expect(asked).toEqual(['langfuse'])
  expect(done[0]?.result.summary).toMatch(/### Plan/)
  expect(denied(done[0]?.calls ?? [], 'verify', 'agent')).toEqual([])
  const writes = stage.stack.sandbox.requests.slice(from).filter(isWrite)
  // The agent that looks at the databases comes and goes.
  expect([...new Set(writes.map(({ operation }) => operation))].sort()).toEqual([
    'DeregisterTaskDefinition',
    'RegisterTaskDefinition',
    'RunTask',
  ])
})

test('approved, and the new web dies: everything is what it was, and the job is red', async () => {
  const { repair } = breakWebAtUpdate(stage.stack.sandbox.world)
  const { outcomes, jobs, done } = await run(parse(readme), { version: '3.0.0' }, true)
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

test('approved: the plan that was approved is deployed, and verified', async () => {
  const { outcomes, jobs, done } = await run(parse(readme), { version: '3.0.0' }, true)
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

test('rollback.yml, used the same way, brings the release before it back', async () => {
  const rollback = parse(await readFile('.github/workflows/rollback.yml', 'utf8')) as Workflow
  const { outcomes, done } = await run(rollback, { region: 'ap-northeast-1' }, true)
  expect(outcomes).toEqual([
    ['rollback', 'planned'],
    ['rollback', 'rolled-back'],
    ['verify', 'passed'],
  ])
  expect(done[1]?.result.outputs).toMatchObject({ 'current-version': '2.93.7' })
  expect(denied(done[0]?.calls ?? [], 'verify', 'agent')).toEqual([])
  expect(denied(done[1]?.calls ?? [], 'rollback')).toEqual([])
})

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { parse } from 'yaml'
import { type PolicyName, permissionOf, permissionsIn } from '../../sandbox/permissions.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { runWorkflow, type Workflow } from '../workflows/run-workflow.ts'
import { HOSTED, OUTSIDE } from './agent-support.ts'

/**
 * The README's quick start, by somebody who has nothing but the README: the workflow that it shows, on GitHub's runner
 * outside of the VPC, with the roles of docs/iam.
 */
export async function openQuickStart(): Promise<QuickStart> {
  const folder = await mkdtemp(join(tmpdir(), 'quick-start-'))
  const stage = await openStage({ folder })
  const text = await readFile('README.md', 'utf8')
  return {
    stage,
    readme: /^```yaml\n(# \.github\/workflows\/[\s\S]*?)^```$/m.exec(text)?.[1] ?? '',
    run: (workflow, inputs, approval) => run(stage, { workflow, inputs, approval }),
    close: async () => {
      await stage.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type QuickStart = {
  readonly stage: Stage
  /** The workflow that the README shows. */
  readonly readme: string
  /** Runs a workflow of this repository or the README's, and says what each of its actions did. */
  run(workflow: Workflow, inputs: Given, approval: boolean): Promise<Awaited<ReturnType<typeof run>>>
  close(): Promise<void>
}

type Given = Readonly<Record<string, unknown>>
type Asked = { readonly workflow: Workflow; readonly inputs: Given; readonly approval: boolean }

type Done = {
  readonly job: string
  readonly action: string
  readonly result: RunResult
  readonly calls: readonly string[]
}

async function run(stage: Stage, { workflow, inputs, approval }: Asked) {
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
export function denied(calls: readonly string[], ...names: readonly PolicyName[]): readonly string[] {
  const allowed = names.flatMap(permissionsIn)
  return calls.filter(call => !allowed.includes(call))
}

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of GitHub are written so.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { evaluate } from './validator.ts'

const PATHS = [
  ...yamlIn('.github/workflows'),
  ...yamlIn('examples').filter(path => path.includes('.github/workflows/')),
  'action.yml',
  'actions/deploy/action.yml',
  'actions/verify/action.yml',
  'actions/rollback/action.yml',
]

function yamlIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return files.filter(name => /\.ya?ml$/.test(name)).map(name => join(folder, name))
}

test('GitHub takes every workflow, action and example, and no script is made of what others write', async () => {
  const findings = await evaluate(PATHS.map(path => ({ path, text: readFileSync(path, 'utf8') })))
  const problems = findings.flatMap((finding, index) =>
    [...finding.problems, ...finding.injections].map(problem => `${PATHS[index]}:${problem}`),
  )
  expect(findings).toHaveLength(PATHS.length)
  expect(problems).toEqual([])
})

const WORKFLOW = '.github/workflows/workflow.yml'

/** A workflow of one job, with a mistake in it. */
function workflow(job: string): string {
  return `on: workflow_dispatch\npermissions: {}\njobs:\n${job.replace(/^/gm, '  ')}\n`
}

const step = (lines: string) =>
  workflow(`job:\n  runs-on: ubuntu-24.04\n  steps:\n${lines.replace(/^/gm, '    ')}`)
const call = (lines: string) =>
  workflow(
    `job:\n  uses: OWNER/langfuse-rollout/.github/workflows/upgrade.yml@v1\n${lines.replace(/^/gm, '  ')}`,
  )

const MISTAKES: readonly [string, string, RegExp][] = [
  [
    'an input that the action does not have',
    step('- uses: OWNER/langfuse-rollout/actions/deploy@v1\n  with: { version: 3.0.0, clickhouse: 24.12.3 }'),
    /Invalid action input 'clickhouse'/,
  ],
  [
    'a required input that is not given',
    step('- uses: $/actions/deploy\n  with: { dry-run: "true" }'),
    /Missing required input `version`/,
  ],
  ['an action that is not there', step('- uses: $/actions/undeploy'), /Unable to resolve action/],
  [
    'an input of another type',
    call('with: { version: 3.0.0, max-parallel: many }'),
    /`max-parallel` .* is a number/,
  ],
  [
    'a value that the action does not take',
    step('- uses: $/actions/deploy\n  with: { version: latest }'),
    /`version` is `latest`/,
  ],
  [
    'a value of the wrong type',
    step('- uses: OWNER/langfuse-rollout/actions/verify@v1\n  with: { timeout: 10 }'),
    /`timeout` is `10`/,
  ],
  ['an input that the workflow does not have', call('with: { version: 3.0.0, stacks: "[]" }'), /stacks/],
  ['a workflow without its required input', call('with: { role: x }'), /version/],
  [
    'a secret that the workflow does not take',
    call('with: { version: 3.0.0 }\nsecrets: { token: x }'),
    /token/,
  ],
  [
    'a job that needs one that is not there',
    workflow('job:\n  needs: plan\n  runs-on: ubuntu-24.04\n  steps: [{ run: "true" }]'),
    /plan/,
  ],
]

test('a mistake in a workflow is found, whichever it is', async () => {
  const findings = await evaluate(MISTAKES.map(([, text]) => ({ path: WORKFLOW, text })))
  for (const [index, [mistake, , problem]] of MISTAKES.entries()) {
    expect({ mistake, problems: findings[index]?.problems }).toEqual({
      mistake,
      problems: expect.arrayContaining([expect.stringMatching(problem)]),
    })
  }
})

const UNTRUSTED = 'potentially untrusted'
const INJECTIONS: readonly [string, string, string][] = [
  ['a title', step('- run: echo ${{ github.event.pull_request.title }}'), UNTRUSTED],
  ['a title behind an anchor', step('- &it\n  run: echo ${{ github.event.issue.title }}\n- *it'), UNTRUSTED],
  [
    'an input',
    step('- run: |\n    deploy ${{ inputs.version }}'),
    'has an expression in it: deploy ${{ inputs',
  ],
]

test('a script that is made of what others write is found', async () => {
  const findings = await evaluate(INJECTIONS.map(([, text]) => ({ path: WORKFLOW, text })))
  for (const [index, [source, , problem]] of INJECTIONS.entries()) {
    expect({ source, injections: findings[index]?.injections }).toEqual({
      source,
      injections: expect.arrayContaining([expect.stringContaining(problem)]),
    })
  }
})

type Job = { readonly permissions?: object; readonly 'timeout-minutes'?: unknown; readonly uses?: string }
type Workflow = {
  readonly permissions?: object
  readonly concurrency?: { readonly 'cancel-in-progress'?: unknown }
  readonly jobs: Readonly<Record<string, Job & Pick<Workflow, 'concurrency'>>>
}

const WORKFLOWS = PATHS.filter(path => path.includes('.github/workflows/')).map(
  path => [path, parse(readFileSync(path, 'utf8')) as Workflow] as const,
)

test('every workflow gives nothing by default, each job what it says, and no job hangs for hours', () => {
  for (const [path, { permissions, jobs }] of WORKFLOWS) {
    expect([path, permissions]).toEqual([path, {}])
    for (const [name, job] of Object.entries(jobs)) {
      expect([path, name, job.permissions]).toEqual([path, name, expect.any(Object)])
      if (job.uses === undefined)
        expect([path, name, job['timeout-minutes']]).toEqual([path, name, expect.any(Number)])
    }
  }
})

test('no deploy is cancelled by a newer one', () => {
  const cancelling = WORKFLOWS.flatMap(([path, { concurrency, jobs }]) =>
    [concurrency, ...Object.values(jobs).map(job => job.concurrency)].some(
      each => each !== undefined && each['cancel-in-progress'] !== false,
    )
      ? [path]
      : [],
  )
  expect(cancelling).toEqual(['.github/workflows/ci.yml'])
})

test('actions of others are pinned by their whole commit, with the version beside it', () => {
  for (const path of PATHS) {
    const uses = [...readFileSync(path, 'utf8').matchAll(/\buses: *(\S+)(.*)$/gm)]
    for (const [, reference = '', rest] of uses) {
      if (/^(\$\/|\.\/|OWNER\/langfuse-rollout\/?)/.test(reference)) continue
      expect(`${path}: ${reference}${rest}`).toMatch(/@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
    }
  }
})

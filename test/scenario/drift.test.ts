import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { addIssue, type Issue } from '../../sandbox/github-issues.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import type { CheckId } from '../../src/checks/run.ts'
import { type Schema, violations } from '../report/json-schema.ts'
import { HAND_MADE, type HandMade } from './drift-changes.ts'
import { isWrite } from './support.ts'

/** What was deployed against what runs, through `dist/`, on one stack: each test is the next thing that happens. */
let folder: string
let stage: Stage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drift-'))
  stage = await openStage({ folder, release: RELEASE })
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

const RELEASE = '3.0.0'
const SCHEMA = JSON.parse(readFileSync('docs/report.schema.json', 'utf8')) as Schema

type Check = { readonly id: CheckId; readonly state: string; readonly sentence: string }

function driftIn(result: RunResult): Check | undefined {
  expect(violations(result.report, SCHEMA)).toEqual([])
  return (result.report as { checks: Check[] }).checks.find(check => check.id === 'drift')
}

/** As drift.yml runs it, but only the one check: what else is wrong with the article's stack is not asked here. */
const look = (inputs: Readonly<Record<string, string>> = {}, env: Readonly<Record<string, string>> = {}) =>
  stage.run('verify', { checks: 'drift', baseline: 'record', ...inputs }, { env })

const withIssue = (inputs: Readonly<Record<string, string>> = {}) =>
  look({ 'drift-issue': 'true', ...inputs })

function changeNamed(part: string): HandMade {
  const found = HAND_MADE.find(({ name }) => name.includes(part))
  if (found === undefined) throw new Error(`Nobody changes ${part}`)
  return found
}

test('before anything was deployed there is nothing to compare with, and the sentence says how to have it', async () => {
  const result = await withIssue()
  expect(driftIn(result)).toMatchObject({
    state: 'inconclusive',
    sentence: expect.stringMatching(/no deploy has recorded a baseline yet.*: run the deploy action once/),
  })
  expect(result.outputs).toMatchObject({ outcome: 'inconclusive', drift: 'false', 'issue-number': '' })
  expect(stage.github.issues).toEqual([])
})

test('a deploy leaves what runs, without a value of any variable', async () => {
  const deployed = await stage.run('deploy', { version: RELEASE })
  expect(['deployed', 'unchanged']).toContain(deployed.outputs['outcome'])
  const baseline = stage.github.baselines.at(-1)
  expect(baseline).toMatchObject({ task: 'langfuse-rollout:baseline', statuses: [{ state: 'success' }] })
  const payload = JSON.stringify(baseline?.payload)
  expect(payload).toContain('variable ENCRYPTION_KEY')
  expect(payload).not.toMatch(/0123456789abcdef0123|c2FuZGJveC1|K7w_tR2|p3X!vN8/)
  expect(payload.length).toBeLessThan(12_000)
})

test('right after it nothing differs: no drift, no issue, nothing written', async () => {
  const from = stage.stack.sandbox.requests.length
  const result = await withIssue()
  expect(driftIn(result)?.sentence).toMatch(/^The stack matches what the deploy of workflow run \d+ left\.$/)
  expect(result.outputs).toMatchObject({ outcome: 'passed', drift: 'false', 'issue-number': '' })
  expect(stage.github.issues).toEqual([])
  expect(stage.stack.sandbox.requests.slice(from).filter(isWrite)).toEqual([])
})

test('without being asked verify compares nothing', async () => {
  const result = await stage.run('verify', { checks: 'drift' })
  expect(driftIn(result)).toMatchObject({ state: 'skipped' })
  expect(result.outputs).toMatchObject({ outcome: 'inconclusive', drift: 'false' })
})

test.each(HAND_MADE.map(made => [made.name, made] as const))('%s', async (_name, made) => {
  const putBack = await made.change(stage, RELEASE)
  try {
    const result = await look()
    const drift = driftIn(result)
    expect(drift).toMatchObject({ state: 'failed', sentence: expect.stringMatching(made.says) })
    expect(result.outputs).toMatchObject({ outcome: 'failed', drift: 'true', 'issue-number': '' })
  } finally {
    await putBack()
  }
})

test('changed back, all is as it was deployed', async () => {
  expect(driftIn(await look())).toMatchObject({ state: 'passed' })
})

let changeBack: () => Promise<void>
const issue = (number: number): Issue => {
  const found = stage.github.issues.find(item => item.number === number)
  if (found === undefined) throw new Error(`no issue ${number}`)
  return found
}

test('drift opens one issue: what differs, where it was seen, what to do', async () => {
  changeBack = await changeNamed('health check becomes').change(stage, RELEASE)
  const result = await withIssue()
  expect(result.outputs).toMatchObject({ drift: 'true', 'issue-number': '1' })
  expect(stage.github.issues).toHaveLength(1)
  expect(issue(1)).toMatchObject({ state: 'open', title: 'Langfuse `langfuse` drifted from the last deploy' })
  expect(issue(1).body).toMatch(
    /^<!-- langfuse-rollout: drift of [0-9a-f]{16} -->\n<!-- state [0-9a-f]{16} -->/,
  )
  expect(issue(1).body).toContain('| web | `health check protocol` | `TCP` | `HTTP` |')
  expect(issue(1).body).toContain('### What to do')
})

test('the same drift again: the issue is not touched', async () => {
  const before = structuredClone(issue(1))
  const result = await withIssue()
  expect(result.outputs).toMatchObject({ drift: 'true', 'issue-number': '1' })
  expect(stage.github.issues).toEqual([before])
})

test('more drift: the same issue says so', async () => {
  const healthBack = changeBack
  const sizeBack = await changeNamed('another size').change(stage, RELEASE)
  changeBack = async () => {
    await sizeBack()
    await healthBack()
  }
  expect((await withIssue()).outputs['issue-number']).toBe('1')
  expect(stage.github.issues).toHaveLength(1)
  expect(issue(1)).toMatchObject({ state: 'open', edits: 1, comments: [] })
  expect(issue(1).body).toContain('| web | `cpu` |')
})

test('a second environment of the same repository has an issue of its own', async () => {
  const other = { environment: 'staging', version: RELEASE }
  await changeBack()
  expect((await stage.run('deploy', other)).outputs).toMatchObject({ outcome: 'unchanged' })
  changeBack = await changeNamed('another size').change(stage, RELEASE)
  const result = await withIssue({ environment: 'staging' })
  expect(result.outputs['issue-number']).toBe('2')
  expect(issue(2).title).toContain('`staging`')
  expect(issue(1).edits).toBe(1)
  Object.assign(issue(2), { state: 'closed' })
})

test('a duplicate is closed with a word about it: the oldest is the issue', async () => {
  const twin = addIssue(stage.github.issues, { title: 'the same', body: issue(1).body })
  expect((await withIssue()).outputs['issue-number']).toBe('1')
  expect(twin).toMatchObject({ state: 'closed', state_reason: 'not_planned' })
  expect(twin.comments).toEqual([
    expect.stringContaining('Duplicate: #1 is older and is about the same stack.'),
  ])
})

test('all is as deployed again: the issue is closed with a comment', async () => {
  await changeBack()
  const result = await withIssue()
  expect(result.outputs).toMatchObject({ outcome: 'passed', drift: 'false', 'issue-number': '' })
  expect(issue(1)).toMatchObject({ state: 'closed', state_reason: 'completed' })
  expect(issue(1).comments).toEqual([expect.stringMatching(/^All checks pass again/)])
})

test('the same drift comes back: a new issue, and the old one stays the history of the other change', async () => {
  changeBack = await changeNamed('another size').change(stage, RELEASE)
  const { outputs } = await withIssue()
  expect(outputs['issue-number']).toBe('4')
  expect(issue(1).state).toBe('closed')
})

test('closed by a person it stays closed, until something else is found', async () => {
  Object.assign(issue(4), { state: 'closed' })
  expect((await withIssue()).outputs).toMatchObject({ drift: 'true', 'issue-number': '' })
  expect(stage.github.issues).toHaveLength(4)
  const sizeBack = changeBack
  const healthBack = await changeNamed('health check becomes').change(stage, RELEASE)
  changeBack = async () => {
    await healthBack()
    await sizeBack()
  }
  expect((await withIssue()).outputs['issue-number']).toBe('5')
})

test.each([
  ['denied', /is not allowed to write issues in .*: give the job `permissions: issues: write`/],
  ['disabled', /issues are disabled in .*: enable them, or set `drift-issue: false`/],
] as const)('issues %s: a warning, and the verdict of the checks', async (refusal, sentence) => {
  stage.github.refuses.issues = refusal
  try {
    const result = await withIssue()
    expect(result.outputs).toMatchObject({ outcome: 'failed', drift: 'true', 'issue-number': '' })
    expect((result.report as { warnings: string[] }).warnings.join('\n')).toMatch(sentence)
    const { outputs } = await withIssue({ checks: 'web-health', baseline: 'none' })
    expect(outputs).toMatchObject({ outcome: 'passed', drift: 'false' })
  } finally {
    stage.github.refuses.issues = false
  }
})

test('a token that may not read deployments: inconclusive with the permission to give, and the issue stays', async () => {
  stage.github.refuses.deployments = true
  try {
    const before = structuredClone(issue(5))
    const result = await withIssue()
    expect(driftIn(result)).toMatchObject({
      state: 'inconclusive',
      sentence: expect.stringContaining('permissions: deployments: read'),
    })
    expect(result.outputs).toMatchObject({ outcome: 'inconclusive', drift: 'false', 'issue-number': '5' })
    expect(issue(5)).toEqual(before)
  } finally {
    stage.github.refuses.deployments = false
  }
})

test('what differs while a deploy is in progress is not drift; of a run that was killed it is', async () => {
  const record = {
    schema: 1,
    from: RELEASE,
    to: '3.1.0',
    images: { web: 'w', worker: 'w', clickhouse: 'c' },
    taskDefinitions: {},
    run: '77',
  }
  const statuses = [{ state: 'in_progress', description: '', environment_url: '' }]
  const id = 1_000 + stage.github.all.length
  stage.github.all.push({ id, environment: 'langfuse', task: 'langfuse-rollout', payload: record, statuses })
  stage.github.runs.set('77', 'in_progress')
  const going = await withIssue()
  expect(driftIn(going)).toMatchObject({
    state: 'skipped',
    sentence: expect.stringMatching(
      /^Workflow run 77 is deploying Langfuse 3\.1\.0, so the differences are not drift\./,
    ),
  })
  expect(going.outputs).toMatchObject({ drift: 'false', 'issue-number': '5' })
  stage.github.refuses.actions = true
  expect(driftIn(await look())?.sentence).toMatch(
    /^Cannot tell whether .* workflow run 77.*`permissions: actions: read`/,
  )
  stage.github.refuses.actions = false
  stage.github.runs.set('77', 'completed')
  expect(driftIn(await look())).toMatchObject({
    state: 'failed',
    sentence: expect.stringMatching(
      /The deploy of Langfuse 3\.1\.0 in workflow run 77 did not come to its end\./,
    ),
  })
  statuses.unshift({ state: 'inactive', description: '', environment_url: '' })
})

test('a deploy that finds nothing to do takes what runs for what is wanted, and says what that was', async () => {
  const result = await stage.run('deploy', { version: RELEASE })
  expect(result.outputs).toMatchObject({ outcome: 'unchanged' })
  expect((result.report as { warnings: string[] }).warnings.join('\n')).toMatch(
    /Accepted into the baseline and no longer reported as drift: .*web health check protocol: `TCP` → `HTTP`/,
  )
  const baselines = stage.github.baselines.length
  expect((await withIssue()).outputs).toMatchObject({ outcome: 'passed', drift: 'false' })
  expect(issue(5).state).toBe('closed')
  await stage.run('deploy', { version: RELEASE })
  expect(stage.github.baselines).toHaveLength(baselines)
})

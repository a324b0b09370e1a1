import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { addIssue, type Issue } from '../../sandbox/github-issues.ts'
import { HAND_MADE } from './drift-changes.ts'
import { type DriftStage, driftIn, expectFound, openDriftStage, RELEASE } from './drift-support.ts'
import { step } from './support.ts'

/** More changes by hand, and what becomes of the issue that tells of them. */
let drift: DriftStage

beforeAll(async () => {
  drift = await openDriftStage()
})

afterAll(() => drift?.close())

/** What differs now, and the issue about it. */
async function openIssue() {
  const changeBack = await drift.change('health check becomes')
  const { outputs } = await drift.withIssue()
  const number = Number(outputs['issue-number'])
  return {
    number,
    issue: (): Issue => drift.issue(number),
    changeBack: async () => {
      await changeBack()
      await drift.withIssue()
    },
  }
}

/** The first, which counts the issues. */
test('one issue for what differs, whatever becomes of it', async () => {
  let changeBack = await drift.change('health check becomes')
  expect((await drift.withIssue()).outputs['issue-number']).toBe('1')

  await step('more drift: the same issue says so', async () => {
    const healthBack = changeBack
    const sizeBack = await drift.change('another size')
    changeBack = async () => {
      await sizeBack()
      await healthBack()
    }
    expect((await drift.withIssue()).outputs['issue-number']).toBe('1')
    expect(drift.stage.github.issues).toHaveLength(1)
    expect(drift.issue(1)).toMatchObject({ state: 'open', edits: 1, comments: [] })
    expect(drift.issue(1).body).toContain('| web | `cpu` |')
  })

  await step('a second environment of the same repository has an issue of its own', async () => {
    const other = { environment: 'staging', version: RELEASE }
    await changeBack()
    expect((await drift.stage.run('deploy', other)).outputs).toMatchObject({ outcome: 'unchanged' })
    changeBack = await drift.change('another size')
    const result = await drift.withIssue({ environment: 'staging' })
    expect(result.outputs['issue-number']).toBe('2')
    expect(drift.issue(2).title).toContain('`staging`')
    expect(drift.issue(1).edits).toBe(1)
    Object.assign(drift.issue(2), { state: 'closed' })
  })

  await step('a duplicate is closed with a word about it: the oldest is the issue', async () => {
    const twin = addIssue(drift.stage.github.issues, { title: 'the same', body: drift.issue(1).body })
    expect((await drift.withIssue()).outputs['issue-number']).toBe('1')
    expect(twin).toMatchObject({ state: 'closed', state_reason: 'not_planned' })
    expect(twin.comments).toEqual([
      expect.stringContaining('Duplicate: #1 is older and is about the same stack.'),
    ])
  })

  await changeBack()
  await drift.withIssue()
  expect(drift.issue(1).state).toBe('closed')

  await step(
    'the same drift comes back: a new issue, and the old one stays the history of the other change',
    async () => {
      changeBack = await drift.change('another size')
      const { outputs } = await drift.withIssue()
      expect(outputs['issue-number']).toBe('4')
      expect(drift.issue(1).state).toBe('closed')
    },
  )

  await step('closed by a person it stays closed, until something else is found', async () => {
    Object.assign(drift.issue(4), { state: 'closed' })
    expect((await drift.withIssue()).outputs).toMatchObject({ drift: 'true', 'issue-number': '' })
    expect(drift.stage.github.issues).toHaveLength(4)
    const sizeBack = changeBack
    const healthBack = await drift.change('health check becomes')
    changeBack = async () => {
      await healthBack()
      await sizeBack()
    }
    expect((await drift.withIssue()).outputs['issue-number']).toBe('5')
  })

  await changeBack()
  await drift.withIssue()
}, 240_000)

/** The others are in `drift.test.ts`. */
const MOST = HAND_MADE.filter((_, index) => index % 4 !== 0)

test.each(MOST.map(made => [made.name, made] as const))('%s', async (_name, made) => {
  await expectFound(drift, made)
})

test.each([
  ['denied', /is not allowed to write issues in .*: give the job `permissions: issues: write`/],
  ['disabled', /issues are disabled in .*: enable them, or set `drift-issue: false`/],
] as const)('issues %s: a warning, and the verdict of the checks', async (refusal, sentence) => {
  const changeBack = await drift.change('another size')
  drift.stage.github.refuses.issues = refusal
  try {
    const result = await drift.withIssue()
    expect(result.outputs).toMatchObject({ outcome: 'failed', drift: 'true', 'issue-number': '' })
    expect((result.report as { warnings: string[] }).warnings.join('\n')).toMatch(sentence)
    const { outputs } = await drift.withIssue({ checks: 'web-health', baseline: 'none' })
    expect(outputs).toMatchObject({ outcome: 'passed', drift: 'false' })
  } finally {
    drift.stage.github.refuses.issues = false
    await changeBack()
  }
})

test('a token that may not read deployments: inconclusive with the permission to give, and the issue stays', async () => {
  const opened = await openIssue()
  drift.stage.github.refuses.deployments = true
  try {
    const before = structuredClone(opened.issue())
    const result = await drift.withIssue()
    expect(driftIn(result)).toMatchObject({
      state: 'inconclusive',
      sentence: expect.stringContaining('permissions: deployments: read'),
    })
    expect(result.outputs).toMatchObject({
      outcome: 'inconclusive',
      drift: 'false',
      'issue-number': `${opened.number}`,
    })
    expect(opened.issue()).toEqual(before)
  } finally {
    drift.stage.github.refuses.deployments = false
    await opened.changeBack()
  }
})

test('what differs while a deploy is in progress is not drift; of a run that was killed it is', async () => {
  const opened = await openIssue()
  const record = {
    schema: 1,
    from: RELEASE,
    to: '3.1.0',
    images: { web: 'w', worker: 'w', clickhouse: 'c' },
    taskDefinitions: {},
    run: '77',
  }
  const statuses = [{ state: 'in_progress', description: '', environment_url: '', log_url: '' }]
  const id = 1_000 + drift.stage.github.all.length
  drift.stage.github.all.push({
    id,
    environment: 'langfuse',
    task: 'langfuse-rollout',
    payload: record,
    statuses,
  })
  drift.stage.github.runs.set('77', 'in_progress')
  try {
    const going = await drift.withIssue()
    expect(driftIn(going)).toMatchObject({
      state: 'skipped',
      sentence: expect.stringMatching(
        /^Workflow run 77 is deploying Langfuse 3\.1\.0 or rolls it back, so the differences are not drift\./,
      ),
    })
    expect(going.outputs).toMatchObject({ drift: 'false', 'issue-number': `${opened.number}` })
    drift.stage.github.refuses.actions = true
    expect(driftIn(await drift.look())?.sentence).toMatch(
      /^Cannot tell whether .* workflow run 77.*`permissions: actions: read`/,
    )
    drift.stage.github.refuses.actions = false
    drift.stage.github.runs.set('77', 'completed')
    expect(driftIn(await drift.look())).toMatchObject({
      state: 'failed',
      sentence: expect.stringMatching(/The deploy of Langfuse 3\.1\.0 in workflow run 77 did not finish\./),
    })
  } finally {
    drift.stage.github.refuses.actions = false
    statuses.unshift({ state: 'inactive', description: '', environment_url: '', log_url: '' })
    await opened.changeBack()
  }
})

/** The last: what differs is deployed. */
test('a deploy that finds nothing to do takes what runs for what is wanted, and says what that was', async () => {
  const opened = await openIssue()
  const result = await drift.stage.run('deploy', { version: RELEASE })
  expect(result.outputs).toMatchObject({ outcome: 'unchanged' })
  expect((result.report as { warnings: string[] }).warnings.join('\n')).toMatch(
    /Accepted into the baseline and no longer reported as drift: .*web health check protocol: `TCP` → `HTTP`/,
  )
  const baselines = drift.stage.github.baselines.length
  expect((await drift.withIssue()).outputs).toMatchObject({ outcome: 'passed', drift: 'false' })
  expect(opened.issue().state).toBe('closed')
  await drift.stage.run('deploy', { version: RELEASE })
  expect(drift.stage.github.baselines).toHaveLength(baselines)
})

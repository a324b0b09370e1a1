import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { HAND_MADE } from './drift-changes.ts'
import { type DriftStage, driftIn, expectFound, openDriftStage } from './drift-support.ts'
import { isWrite, step } from './support.ts'

/** What was deployed against what runs, through `dist/`: each test leaves the stage as it found it. */
let drift: DriftStage

beforeAll(async () => {
  drift = await openDriftStage()
})

afterAll(() => drift?.close())

test('before anything was deployed there is nothing to compare with, and the sentence says how to have it', async () => {
  const result = await drift.withIssue({ environment: 'fresh' })
  expect(driftIn(result)).toMatchObject({
    state: 'inconclusive',
    sentence: expect.stringMatching(/no deploy has recorded a baseline yet.*: run the deploy action once/),
  })
  expect(result.outputs).toMatchObject({ outcome: 'inconclusive', drift: 'false', 'issue-number': '' })
  expect(drift.stage.github.issues).toEqual([])
})

test('a deploy leaves what runs, without a value of any variable', () => {
  expect(['deployed', 'unchanged']).toContain(drift.deployed.outputs['outcome'])
  const baseline = drift.stage.github.baselines.at(-1)
  expect(baseline).toMatchObject({ task: 'langfuse-rollout:baseline', statuses: [{ state: 'success' }] })
  const payload = JSON.stringify(baseline?.payload)
  expect(payload).toContain('variable ENCRYPTION_KEY')
  expect(payload).not.toMatch(/0123456789abcdef0123|c2FuZGJveC1|K7w_tR2|p3X!vN8/)
  expect(payload.length).toBeLessThan(12_000)
})

test('right after it nothing differs: no drift, no issue, nothing written', async () => {
  const from = drift.stage.stack.sandbox.requests.length
  const result = await drift.withIssue()
  expect(driftIn(result)?.sentence).toMatch(/^The stack matches what the deploy of workflow run \d+ left\.$/)
  expect(result.outputs).toMatchObject({ outcome: 'passed', drift: 'false', 'issue-number': '' })
  expect(drift.stage.github.issues).toEqual([])
  expect(drift.stage.stack.sandbox.requests.slice(from).filter(isWrite)).toEqual([])
})

test('without being asked verify compares nothing', async () => {
  const result = await drift.stage.run('verify', { checks: 'drift' })
  expect(driftIn(result)).toMatchObject({ state: 'skipped' })
  expect(result.outputs).toMatchObject({ outcome: 'inconclusive', drift: 'false' })
})

/** The others are in `drift.long.test.ts`. */
const SOME = HAND_MADE.filter((_, index) => index % 4 === 0)

test.each(SOME.map(made => [made.name, made] as const))('%s', async (_name, made) => {
  await expectFound(drift, made)
})

test('changed back, all is as it was deployed', async () => {
  expect(driftIn(await drift.look())).toMatchObject({ state: 'passed' })
})

test('an issue is opened, kept and closed', async () => {
  let changeBack: () => Promise<void> = async () => undefined
  await step('drift opens one issue: what differs, where it was seen, what to do', async () => {
    changeBack = await drift.change('health check becomes')
    const result = await drift.withIssue()
    expect(result.outputs).toMatchObject({ drift: 'true', 'issue-number': '1' })
    expect(drift.stage.github.issues).toHaveLength(1)
    expect(drift.issue(1)).toMatchObject({
      state: 'open',
      title: 'Langfuse `langfuse` drifted from the last deploy',
    })
    expect(drift.issue(1).body).toMatch(
      /^<!-- langfuse-rollout: drift of [0-9a-f]{16} -->\n<!-- state [0-9a-f]{16} -->/,
    )
    expect(drift.issue(1).body).toContain('| web | `health check protocol` | `TCP` | `HTTP` |')
    expect(drift.issue(1).body).toContain('### What to do')
  })

  await step('the same drift again: the issue is not touched', async () => {
    const before = structuredClone(drift.issue(1))
    const result = await drift.withIssue()
    expect(result.outputs).toMatchObject({ drift: 'true', 'issue-number': '1' })
    expect(drift.stage.github.issues).toEqual([before])
  })

  await step('all is as deployed again: the issue is closed with a comment', async () => {
    await changeBack()
    const result = await drift.withIssue()
    expect(result.outputs).toMatchObject({ outcome: 'passed', drift: 'false', 'issue-number': '' })
    expect(drift.issue(1)).toMatchObject({ state: 'closed', state_reason: 'completed' })
    expect(drift.issue(1).comments).toEqual([expect.stringMatching(/^All checks pass again/)])
  })
})

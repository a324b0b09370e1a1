import { expect, test } from '@jest/globals'
import { type Outcome, runComposite } from './run-workflow.ts'

/** What each action would come to, and what the one-step action makes of it. */
async function oneStep(
  outcomes: Readonly<Record<string, string>>,
  inputs: Readonly<Record<string, string>> = {},
  regressions = 'web-health',
): Promise<Outcome & { readonly ran: readonly string[] }> {
  const ran: string[] = []
  const good = ['deployed', 'unchanged', 'planned', 'passed']
  const result = await runComposite(
    'action.yml',
    { version: '3.0.0', ...inputs },
    {
      approve: () => true,
      act: async action => {
        ran.push(action)
        const outcome = outcomes[action] ?? ''
        const success = good.includes(outcome) || (action === 'rollback' && outcome === 'rolled-back')
        const counts =
          action === 'verify'
            ? { passed: '5', failed: '4', warned: '3', inconclusive: '2', skipped: '1' }
            : {}
        return { outputs: { outcome, 'current-version': `after ${action}`, regressions, ...counts }, success }
      },
    },
  )
  return { ...result, ran }
}

test('a good deploy is verified, and that is all', async () => {
  const { ran, success, outputs } = await oneStep({ deploy: 'deployed', verify: 'passed' })
  expect(ran).toEqual(['deploy', 'verify'])
  expect(success).toBe(true)
  expect(outputs).toMatchObject({ outcome: 'deployed', 'current-version': 'after verify' })
  expect(outputs).toMatchObject({ passed: '5', failed: '4', warned: '3', inconclusive: '2', skipped: '1' })
})

test('what verify finds brings the release before it back, and the job is red', async () => {
  const { ran, success, outputs } = await oneStep({
    deploy: 'deployed',
    verify: 'failed',
    rollback: 'rolled-back',
  })
  expect(ran).toEqual(['deploy', 'verify', 'rollback'])
  expect(success).toBe(false)
  expect(outputs).toMatchObject({ outcome: 'rolled-back', 'current-version': 'after rollback' })
})

test('what was as bad before the deploy, or has nothing to do with it, makes the job red and undoes nothing', async () => {
  const inputs = { 'fail-on': 'warning' }
  const { ran, success, outputs } = await oneStep({ deploy: 'deployed', verify: 'failed' }, inputs, '')
  expect(ran).toEqual(['deploy', 'verify'])
  expect(success).toBe(false)
  expect(outputs).toMatchObject({ outcome: 'failed', 'current-version': 'after verify' })
})

test('a rollback that is refused leaves a failed run', async () => {
  const { success, outputs } = await oneStep({ deploy: 'deployed', verify: 'failed', rollback: 'refused' })
  expect(success).toBe(false)
  expect(outputs).toMatchObject({ outcome: 'failed' })
})

test('nothing goes back that this run has not deployed, for want of evidence, or when that is not wanted', async () => {
  const unchanged = await oneStep({ deploy: 'unchanged', verify: 'failed' })
  const unseen = await oneStep({ deploy: 'deployed', verify: 'inconclusive' }, {}, '')
  const stop = await oneStep({ deploy: 'deployed', verify: 'failed' }, { 'on-failure': 'stop' })
  for (const { ran, outputs } of [unchanged, unseen, stop]) {
    expect(ran).toEqual(['deploy', 'verify'])
    expect(outputs).toMatchObject({ outcome: 'failed' })
  }
})

test.each(['refused', 'rolled-back', 'failed'])('a deploy that came to %s is not verified', async outcome => {
  const { ran, success, outputs } = await oneStep({ deploy: outcome })
  expect(ran).toEqual(['deploy'])
  expect(success).toBe(false)
  expect(outputs).toMatchObject({ outcome })
})

test('a dry run is a plan', async () => {
  const { ran, outputs } = await oneStep({ deploy: 'planned' }, { 'dry-run': 'true' })
  expect(ran).toEqual(['deploy'])
  expect(outputs).toMatchObject({ outcome: 'planned' })
  const nothing = await oneStep({ deploy: 'unchanged' }, { 'dry-run': 'true' })
  expect(nothing).toMatchObject({ ran: ['deploy'], success: true, outputs: { outcome: 'unchanged' } })
})

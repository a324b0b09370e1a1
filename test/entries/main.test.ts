import { expect, test } from '@jest/globals'
import { concludeError } from '../../src/entries/main.ts'

test('an error before the first step: nothing was changed', () => {
  expect(concludeError('deploy', new Error('no such cluster'), [])).toMatchObject({
    outcome: 'refused',
    headline: 'Nothing was changed.',
    problems: [expect.stringContaining('no such cluster')],
  })
})

test('an error after a step began is a failure that names the steps, never "nothing was changed"', () => {
  const seen = concludeError('deploy', new Error('socket hang up'), ['worker (ECS service langfuse_worker)'])
  expect(seen.outcome).toBe('failed')
  expect(seen.headline).toMatch(/^The deploy stopped after these steps began: worker \(ECS service/)
  expect(seen.problems).toEqual([expect.stringContaining('socket hang up')])
})

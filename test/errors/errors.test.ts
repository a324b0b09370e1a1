import { expect, test } from '@jest/globals'
import { Denied, explain, RolloutError } from '../../src/errors/errors.ts'

test('a sentence ends before its cause begins', () => {
  expect(explain(new Denied('s3:GetObject', new Error('not authorized')))).toBe(
    'AWS denied s3:GetObject. Cause: not authorized',
  )
  expect(explain(new RolloutError('It failed.', { cause: new Error('no') }))).toBe('It failed. Cause: no')
  expect(explain(new Error('alone'))).toBe('alone')
})

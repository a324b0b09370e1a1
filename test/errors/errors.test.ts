import { expect, test } from '@jest/globals'
import { Denied, deniedPermission, explain, RolloutError } from '../../src/errors/errors.ts'

test('a sentence ends before its cause begins', () => {
  expect(explain(new Denied('s3:GetObject', new Error('not authorized')))).toBe(
    'AWS denied s3:GetObject. Cause: not authorized',
  )
  expect(explain(new RolloutError('It failed.', { cause: new Error('no') }))).toBe('It failed. Cause: no')
  expect(explain(new Error('alone'))).toBe('alone')
})

test('the permission that this run lacks is found in a cause, but not in what a container printed', () => {
  const words =
    'User: arn:aws:sts::1:assumed-role/x is not authorized to perform: ecs:UpdateService on resource: y'
  const aws = Object.assign(new Error(words), { name: 'AccessDeniedException' })
  expect(deniedPermission(new Error('It failed.', { cause: aws }))).toBe('ecs:UpdateService')
  expect(deniedPermission(new Denied('rds:CreateDBClusterSnapshot', aws))).toBe('rds:CreateDBClusterSnapshot')
  expect(deniedPermission(new Error(`CannotPull: ${words}`))).toBeUndefined()
})

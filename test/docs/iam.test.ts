import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { checkPermissions, POLICIES, permissionsIn } from '../../sandbox/permissions.ts'
import { RARE, readCalls } from '../../tools/docs/iam.ts'

type Policy = {
  readonly Statement: readonly { readonly Action: readonly string[]; readonly Condition?: unknown }[]
}

/** Permissions that belong to no call: what IAM asks for beside another one. */
const BESIDE = ['backup:TagResource', 'ecs:TagResource', 'iam:PassRole', 'rds:AddTagsToResource']

test('the policies allow every command of the SDK that is bundled, and no other call', () => {
  const bundled = readdirSync('src/adapters').flatMap(file =>
    [...readFileSync(`src/adapters/${file}`, 'utf8').matchAll(/\bnew Sdk\.(\w+)Command\b/g)].map(
      ([, name = '']) => name,
    ),
  )
  const calls = POLICIES.flatMap(permissionsIn).filter(action => !BESIDE.includes(action))
  const allowed = calls.map(call => call.split(':')[1] ?? '')
  expect([...new Set(allowed)].sort()).toEqual([...new Set(bundled)].sort())
})

test('a call that is listed by hand is not in the record', () => {
  const recorded = readCalls()
  const both = RARE.flatMap(({ call, policies }) => policies.filter(name => recorded[name].includes(call)))
  expect(both).toEqual([])
})

test('a run that calls what the policies of its role do not allow is an error', () => {
  const call = (service: string, operation: string) => ({ service, operation })
  const update = [call('ecs', 'UpdateService')]
  const start = [call('ecs', 'RunTask'), call('efs', 'DescribeFileSystems')]
  const direct = { 'database-url': 'postgresql://db' }
  const check = (action: string, inputs: Readonly<Record<string, string>>, calls: typeof update) => () =>
    checkPermissions({ action, inputs }, calls)
  expect(check('deploy', {}, update)).not.toThrow()
  expect(check('deploy', { 'dry-run': 'true' }, update)).toThrow(
    /deploy called ecs:UpdateService, not allowed by docs\/iam\/verify\.json and docs\/iam\/agent\.json: run/,
  )
  expect(check('verify', {}, update)).toThrow(/verify called ecs:UpdateService/)
  expect(check('verify', {}, start)).not.toThrow()
  expect(check('verify', direct, start)).toThrow(
    /verify called ecs:RunTask, not allowed by docs\/iam\/verify\.json: run/,
  )
  expect(check('rollback', direct, [call('rds', 'CreateDBClusterSnapshot')])).toThrow(/rds:CreateDB/)
})

test('the role that only looks can change nothing', () => {
  const writing = permissionsIn('verify').filter(action => !/:(Describe|List|Get|BatchGet)/.test(action))
  expect(writing).toEqual([])
})

test('no policy reads a secret', () => {
  for (const name of POLICIES) {
    expect(permissionsIn(name).filter(action => action.startsWith('secretsmanager:'))).toEqual([])
  }
})

test('roles are handed on to the services that take them, and to no other', () => {
  for (const name of ['agent', 'deploy', 'rollback']) {
    const { Statement } = JSON.parse(readFileSync(`docs/iam/${name}.json`, 'utf8')) as Policy
    const passing = Statement.filter(({ Action }) => Action.includes('iam:PassRole'))
    expect(passing.length).toBeGreaterThan(0)
    for (const { Condition } of passing) {
      expect(Condition).toEqual({
        StringEquals: { 'iam:PassedToService': expect.stringMatching(/\.amazonaws\.com$/) },
      })
    }
  }
})

test('only a job of the approved environment takes the role that changes, by the immutable numbers of its repository', () => {
  const trust = readFileSync('docs/iam/trust-policy.json', 'utf8')
  expect(JSON.parse(trust)).toMatchObject({
    Statement: [
      {
        Condition: {
          StringEquals: {
            'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com',
            'token.actions.githubusercontent.com:sub':
              'repo:ORGANISATION@ORGANISATION_ID/REPOSITORY@REPOSITORY_ID:environment:langfuse',
          },
        },
      },
    ],
  })
  expect(trust).not.toMatch(/StringLike|\*/)
})

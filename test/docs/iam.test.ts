import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { awsCalls } from '../../tools/docs/aws-calls.ts'

type Policy = {
  readonly Statement: readonly { readonly Action: readonly string[]; readonly Condition?: unknown }[]
}

function allowed(name: string): readonly string[] {
  const { Statement } = JSON.parse(readFileSync(`docs/iam/${name}.json`, 'utf8')) as Policy
  return [...new Set(Statement.flatMap(statement => statement.Action))].sort()
}

/** Permissions that belong to no call: what IAM asks for beside another one. */
const BESIDE = ['backup:TagResource', 'ecs:TagResource', 'iam:PassRole', 'rds:AddTagsToResource']

test('each policy allows the calls that its action can make: none is missing, none too many', () => {
  const { look, agent, deploy, rollback } = awsCalls()
  const calls = { verify: look, agent, deploy, rollback }
  for (const [name, made] of Object.entries(calls)) {
    expect([name, allowed(name).filter(action => !BESIDE.includes(action))]).toEqual([name, made])
  }
})

test('what is read from the source is all of it: every command of the SDK that is bundled is somebody’s call', () => {
  const bundled = readdirSync('src/adapters/sdk').flatMap(file =>
    [...readFileSync(`src/adapters/sdk/${file}`, 'utf8').matchAll(/\b(\w+)Command\b/g)].map(
      ([, name = '']) => name,
    ),
  )
  const { look, deploy, rollback } = awsCalls()
  const made = [...look, ...deploy, ...rollback].map(call => call.split(':')[1] ?? '')
  expect([...new Set(made)].sort()).toEqual([...new Set(bundled)].sort())
})

test('the role that only looks can change nothing', () => {
  const writing = allowed('verify').filter(action => !/:(Describe|List|Get|BatchGet)/.test(action))
  expect(writing).toEqual([])
})

test('no policy reads a secret', () => {
  for (const name of ['verify', 'agent', 'deploy', 'rollback']) {
    expect(allowed(name).filter(action => action.startsWith('secretsmanager:'))).toEqual([])
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

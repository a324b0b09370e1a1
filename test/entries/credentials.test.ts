import { expect, test } from '@jest/globals'
import { assertCredentialsLast } from '../../src/entries/credentials.ts'
import { readDeployConfig, readRollbackConfig } from '../../src/inputs/config.ts'
import { jumpingClock } from '../support/execution.ts'
import { fakeRunner } from '../support/runner.ts'

const BEGUN = Date.UTC(2026, 10, 30, 10, 0)

type Given = Readonly<Record<string, string>>

function attempt(action: 'deploy' | 'rollback', { inputs, env }: { inputs: Given; env: Given }) {
  const runner = fakeRunner(action, inputs, { AWS_REGION: 'eu-west-1', AWS_SESSION_TOKEN: 't', ...env })
  const config = action === 'deploy' ? readDeployConfig(runner) : readRollbackConfig(runner)
  return () => assertCredentialsLast(config, { runner, clock: jumpingClock(BEGUN) })
}

const DEPLOY = { version: '3.0.0', timeout: '45m' }
const ends = (time: string) => ({ AWS_CREDENTIAL_EXPIRATION: `2026-11-30T${time}:00Z` })

test.each([
  [
    'a deploy with its rollback',
    'deploy',
    DEPLOY,
    ends('11:00'),
    /end at 11:00 UTC, but this run may take until 11:05 UTC \(input `timeout`, with 20 minutes for its rollback\)\. Set `role-duration-seconds: 4200`/,
  ],
  ['a rollback', 'rollback', { to: '2.93.7', timeout: '2h' }, ends('11:30'), /`role-duration-seconds: 7500`/],
  [
    'the output of configure-aws-credentials',
    'deploy',
    DEPLOY,
    { AWS_CREDENTIAL_EXPIRATION: '"2026-11-30T11:00:00.000Z"' },
    /end at 11:00/,
  ],
  [
    'more than a session can last',
    'deploy',
    { ...DEPLOY, timeout: '20h' },
    ends('11:00'),
    /Lower input `timeout`, because the session of a role lasts 12 hours/,
  ],
] as const)(
  'credentials that end too early for %s are refused, with the setting',
  (_what, action, inputs, env, sentence) => {
    expect(attempt(action, { inputs, env })).toThrow(sentence)
  },
)

test.each([
  ['credentials that last', 'deploy', DEPLOY, ends('11:06')],
  ['a deploy that never goes back', 'deploy', { ...DEPLOY, 'on-failure': 'stop' }, ends('10:50')],
  ['a dry run', 'deploy', { ...DEPLOY, 'dry-run': 'true' }, ends('10:10')],
  ['an end that is not known', 'deploy', DEPLOY, {}],
  ['an end that is no time', 'deploy', DEPLOY, { AWS_CREDENTIAL_EXPIRATION: 'later' }],
  [
    'credentials of a machine, which are renewed',
    'deploy',
    DEPLOY,
    { ...ends('10:10'), AWS_SESSION_TOKEN: '' },
  ],
] as const)('%s: nothing is refused', (_what, action, inputs, env) => {
  expect(attempt(action, { inputs, env })).not.toThrow()
})

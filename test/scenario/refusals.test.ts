import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import { runAction } from '../../sandbox/runner.ts'

let folder: string
let stage: Stage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refusals-'))
  stage = await openStage({ folder, seed: false })
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

type BadInput = readonly [
  what: string,
  action: 'deploy' | 'verify' | 'rollback',
  inputs: Record<string, string>,
  sentence: RegExp,
]

const BAD_INPUT: readonly BadInput[] = [
  [
    'a floating tag',
    'deploy',
    { version: '3' },
    /Input `version` is `3`, which is a floating tag that can move .*\. Set it to an exact release/,
  ],
  ['no version', 'deploy', { version: '' }, /Input `version` is empty\. Set it to an exact Langfuse release/],
  [
    'a cluster that does not exist',
    'deploy',
    { version: '3.0.0', cluster: 'lang-fuse' },
    /Input `cluster` is `lang-fuse`, but ap-northeast-1 has no ECS cluster of that name/,
  ],
  [
    'a worker service that does not exist',
    'deploy',
    { version: '3.0.0', 'worker-service': 'worker' },
    /Input `worker-service` is `worker`, but cluster `langfuse` has no ECS service of that name/,
  ],
  [
    'a ClickHouse service that does not exist',
    'verify',
    { 'clickhouse-service': 'ch' },
    /Input `clickhouse-service` is `ch`, but cluster `langfuse` has no ECS service/,
  ],
  [
    'a web service that does not exist',
    'rollback',
    { to: '2.93.7', 'web-service': 'web' },
    /Input `web-service` is `web`, but there is no App Runner service of that name/,
  ],
  [
    'an image that does not exist',
    'deploy',
    { version: '3.0.0', 'clickhouse-version': '25.1.1' },
    /ClickHouse image `.*\/clickhouse:25\.1\.1` does not exist in its registry\. Push it first/,
  ],
  [
    'a repository that does not exist',
    'deploy',
    { version: '3.0.0', 'web-image': '123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/lf-web:3.0.0' },
    /no ECR repository `lf-web`.*: create it and push the image/,
  ],
  [
    'a release that the catalog does not know',
    'deploy',
    { version: '3.0.1' },
    /3\.0\.1 is not in this action's catalog \(newest: \S+\), .*\. Use a newer version of this action/,
  ],
  [
    'a release whose images hold another',
    'deploy',
    { version: '3.28.2' },
    /images of Langfuse 3\.28\.2 contain 2\.95\.1: they were published under a wrong tag\. .*\. Deploy 3\.28\.3\./,
  ],
  [
    'a mandatory stop left out',
    'deploy',
    { version: '3.100.0' },
    /3\.100\.0 cannot be deployed directly over 2\.93\.7, .*\. Deploy 3\.29\.0 first/,
  ],
  [
    'v4 on the ClickHouse of v3',
    'deploy',
    { version: '4.0.0' },
    /Langfuse 4\.0\.0 needs ClickHouse 25\.12 or newer, .*\. Set `clickhouse-version` to 25\.12 or newer/,
  ],
  [
    'a release that cannot migrate a ClickHouse on EFS',
    'deploy',
    { version: '3.207.0' },
    /Langfuse 3\.207\.0 fails in ClickHouse migration 36 with data on EFS, .*: deploy 3\.213\.0 or newer/,
  ],
  [
    'a wrong database password',
    'deploy',
    { version: '3.0.0', 'database-url': 'postgresql://langfuse:wr0ng-Pass@aurora.invalid:5432/langfuse' },
    /PostgreSQL at aurora\.invalid:5432\/langfuse \(input `database-url`\) cannot be reached/,
  ],
  [
    'a wrong ClickHouse password',
    'rollback',
    { to: '2.93.7', 'clickhouse-password': 'wr0ng-Pass' },
    /ClickHouse at .* refused a statement: .*Authentication failed/,
  ],
  [
    'a time that no job has',
    'rollback',
    { to: '2.93.7', timeout: '720h' },
    /Input `timeout` is `720h`, but GitHub ends every job after 120 hours.*Set it to `120h` or less/,
  ],
  ['a wrong check', 'verify', { checks: 'cloudmap' }, /Input `checks` contains `cloudmap`/],
  [
    'nothing to go back to',
    'rollback',
    { to: 'previous' },
    /no deployment record and task definition langfuse-worker:1 is the worker's first: set `to` to the exact release/,
  ],
]

test.each(BAD_INPUT)(
  '%s: one sentence, exit 1, every output set, nothing written',
  async (_what, action, inputs, sentence) => {
    const from = stage.stack.sandbox.requests.length
    const result = await stage.run(action, inputs)
    expect(result.exitCode).toBe(1)
    const errors = result.commands.filter(({ command }) => command === 'error')
    expect(errors).toHaveLength(1)
    expect(errors[0]?.message).toMatch(sentence)
    expect(result.outputs['outcome']).toBe(action === 'verify' ? 'inconclusive' : 'refused')
    expect(result.summary).toMatch(/Nothing was changed/)
    const writes = stage.stack.sandbox.requests
      .slice(from)
      .filter(({ operation }) => /^(Create|Update|Register|Deregister|Delete|Run|Start|Stop)/.test(operation))
    expect(writes).toEqual([])
    expect(stage.github.deployments).toEqual([])
    expectNoSecret(JSON.stringify([result.stdout, result.rawSummary, result.report, result.outputs]))
  },
)

/** What the user gave in confidence is nowhere: log, summary, report, outputs. */
function expectNoSecret(text: string): void {
  const { clickhousePassword, databaseUrl } = stage.stack
  for (const secret of [clickhousePassword, new URL(databaseUrl).password, 'wr0ng-Pass', 'ghs_rehearsal']) {
    expect(text).not.toContain(secret)
  }
}

test('a dry run with nothing to do is unchanged, so nobody is asked to approve it', async () => {
  const { outputs, exitCode } = await stage.run('rollback', { to: '2.93.7', 'dry-run': 'true' })
  expect({ outcome: outputs['outcome'], exitCode }).toEqual({ outcome: 'unchanged', exitCode: 0 })
  expect(stage.github.all).toEqual([])
})

test('credentials that outlast the deploy, but not its rollback: refused before the first change', async () => {
  const from = stage.stack.sandbox.requests.length
  const env = {
    AWS_SESSION_TOKEN: 't',
    AWS_CREDENTIAL_EXPIRATION: new Date(Date.now() + 55 * 60_000).toISOString(),
  }
  const result = await stage.run('deploy', { version: '3.0.0' }, { env })
  expect(result.outputs['outcome']).toBe('refused')
  expect(result.commands.at(-1)?.message).toMatch(
    /^The AWS credentials of this job end at .*with 20 minutes for its rollback.*role-duration-seconds: 4200/m,
  )
  expect(stage.stack.sandbox.requests.slice(from)).toEqual([])
})

test('without AWS credentials the sentence says what step is missing', async () => {
  const result = await runAction({
    action: 'deploy',
    inputs: { version: '3.0.0' },
    folder: join(folder, 'anonymous'),
    env: {
      AWS_REGION: 'ap-northeast-1',
      AWS_ENDPOINT_URL: stage.stack.sandbox.endpoint,
      AWS_EC2_METADATA_DISABLED: 'true',
    },
  })
  expect(result.exitCode).toBe(1)
  expect(result.commands.at(-1)?.message).toMatch(
    /Could not load credentials.*: run aws-actions\/configure-aws-credentials with this stack's role/,
  )
})

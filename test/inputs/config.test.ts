import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { BadInput } from '../../src/errors/errors.ts'
import { readDeployConfig, readRollbackConfig, readVerifyConfig } from '../../src/inputs/config.ts'
import { fakeRunner } from '../support/runner.ts'

function problemsOf(read: () => unknown): readonly string[] {
  try {
    read()
  } catch (error) {
    if (error instanceof BadInput) return error.problems
    throw error
  }
  return []
}

const deploy = (inputs: Record<string, string>, environment?: Record<string, string>) =>
  problemsOf(() => readDeployConfig(fakeRunner('deploy', inputs, environment)))

test('a user of the article writes the version and nothing else', () => {
  const config = readDeployConfig(fakeRunner('deploy', { version: '3.0.0' }))
  expect(config).toMatchObject({
    version: '3.0.0',
    region: 'ap-northeast-1',
    cluster: 'langfuse',
    services: { web: 'langfuse_web', worker: 'langfuse_worker', clickhouse: 'clickhouse' },
    order: ['worker', 'clickhouse', 'web'],
    timeoutMs: 45 * 60_000,
    dryRun: false,
    databases: undefined,
  })
})

test.each([
  ['version', '3', /`version` is `3`, which is a floating tag that can move .*\. Set it to an exact release/],
  ['version', '3.225', /`version` is `3.225`, which is a floating tag/],
  ['version', 'latest', /`version` is `latest`, which is a floating tag/],
  ['version', 'three', /`version` is `three`, which is not a version\. Set it to an exact release/],
  ['version', '', /`version` is empty\. Set it to an exact Langfuse release/],
  ['aws-region', 'tokyo', /`aws-region` is `tokyo`\. Set it to a region such as/],
  ['cluster', ' ', /`cluster` is empty\. Set it to the name of the ECS cluster/],
  ['timeout', '45', /`timeout` is `45`\. Set it to a duration above zero/],
  [
    'timeout',
    '720h',
    /`timeout` is `720h`, but GitHub ends every job after 120 hours.*Set it to `120h` or less/,
  ],
  ['timeout', '0m', /`timeout` is `0m`\. Set it to a duration above zero/],
  [
    'accept',
    'lossy,restore',
    /`accept` names `restore`\. Set it to `lossy` or `contradiction`, or leave it empty/,
  ],
  ['dry-run', 'yes', /`dry-run` is `yes`\. Set it to `false` or `true`/],
  ['migrate', 'start', /`migrate` is `start`\. Set it to `task` or `boot`/],
  ['order', 'worker,web', /`order` is `worker,web`\. Name each of/],
  ['order', 'worker,web,web', /`order` is `worker,web,web`\. Name each of/],
  ['clickhouse-version', '24.8', /`clickhouse-version` is `24.8`, which is not an exact version/],
  [
    'mirror-from',
    'docker.io/langfuse/langfuse:3',
    /`mirror-from` is `.*`\. Set it to a registry and a namespace/,
  ],
  ['mirror-from', '--help', /`mirror-from` is `--help`\. Set it to a registry and a namespace/],
  ['web-image', 'langfuse/langfuse:3', /`web-image` is .*, which can point to another image later/],
  ['url', 'langfuse.example.com', /`url` is not a URL that starts with `https:\/\/`/],
  ['network', 'tunnel', /`network` is `tunnel`\. Set it to `auto` or `task` or `direct`/],
  ['network', 'direct', /`network` is `direct`, but `database-url` and `clickhouse-url` are empty/],
  ['redis-url', 'http://cache:6379', /`redis-url` is not a URL that starts with `redis:\/\/`/],
])('deploy refuses %s = "%s" in one sentence', (name, value, sentence) => {
  const problems = deploy({ version: '3.0.0', [name]: value })
  expect(problems).toHaveLength(1)
  expect(problems[0]).toMatch(sentence)
})

test('a deploy may accept that its automatic rollback loses data', () => {
  expect(readDeployConfig(fakeRunner('deploy', { version: '3.0.0' })).accept).toEqual(new Set())
  const { accept } = readDeployConfig(fakeRunner('deploy', { version: '3.0.0', accept: 'lossy' }))
  expect(accept).toEqual(new Set(['lossy']))
})

test('no region anywhere is named with the variables that were looked at', () => {
  expect(deploy({ version: '3.0.0' }, {})).toEqual([
    expect.stringMatching(/`aws-region` is empty, and neither AWS_REGION/),
  ])
})

test('all problems are told at once', () => {
  expect(deploy({ version: '3', timeout: 'x', 'dry-run': 'y' })).toHaveLength(3)
})

test.each(['deploy', 'verify', 'rollback'] as const)('every input that %s declares is read', action => {
  const { inputs } = parse(readFileSync(`actions/${action}/action.yml`, 'utf8')) as {
    inputs: Record<string, unknown>
  }
  const runner = fakeRunner(action, {
    version: '3.0.0',
    to: '2.93.7',
    'database-url': 'postgresql://a:b@c/d',
    'clickhouse-url': 'http://c:8123',
  })
  const read = new Set<string>()
  const input = (name: string) => {
    read.add(name)
    return runner.input(name)
  }
  const spy = { ...runner, input }
  if (action === 'deploy') readDeployConfig(spy)
  if (action === 'verify') readVerifyConfig(spy)
  if (action === 'rollback') readRollbackConfig(spy)
  const masks = [
    'database-url',
    'clickhouse-password',
    'redis-url',
    'github-token',
    'langfuse-public-key',
    'langfuse-secret-key',
  ]
  expect([...new Set([...read, ...masks])].sort()).toEqual(expect.arrayContaining(Object.keys(inputs).sort()))
  expect(Object.keys(inputs)).toEqual(expect.arrayContaining([...read].filter(name => !masks.includes(name))))
})

test('secrets are masked before anything is refused, and never shown', () => {
  const runner = fakeRunner('deploy', {
    version: '3',
    'database-url': 'mysql://langfuse:p%40ss@db/langfuse',
    'clickhouse-password': 'hunter2',
  })
  const problems = problemsOf(() => readDeployConfig(runner))
  expect(runner.masked).toEqual(
    expect.arrayContaining(['mysql://langfuse:p%40ss@db/langfuse', 'p%40ss', 'p@ss', 'hunter2']),
  )
  expect(problems.join()).not.toMatch(/p%40ss|p@ss|hunter2/)
})

test('the keys of the canary are masked, and taken as a pair or not at all', () => {
  const keys = { 'langfuse-public-key': 'pk-lf-1', 'langfuse-secret-key': 'sk-lf-1' }
  const runner = fakeRunner('verify', keys)
  expect(readVerifyConfig(runner).langfuse).toEqual({ publicKey: 'pk-lf-1', secretKey: 'sk-lf-1' })
  expect(runner.masked).toEqual(expect.arrayContaining(['pk-lf-1', 'sk-lf-1']))
  expect(readVerifyConfig(fakeRunner('verify', {})).langfuse).toBeUndefined()
  const problems = (inputs: Record<string, string>) =>
    problemsOf(() => readVerifyConfig(fakeRunner('verify', inputs)))
  expect(problems({ 'langfuse-public-key': 'pk-lf-1' })).toEqual([
    'Input `langfuse-public-key` is set, but `langfuse-secret-key` is empty. Set both keys of one project, or neither.',
  ])
  expect(problems({ 'langfuse-secret-key': 'sk-lf-1' })).toEqual([
    expect.stringMatching(/^Input `langfuse-secret-key` is set, but `langfuse-public-key` is empty/),
  ])
  expect(problems({ 'langfuse-public-key': 'sk-lf-1', 'langfuse-secret-key': 'pk-lf-1' })).toEqual([
    expect.stringMatching(/are swapped: the public key begins with `pk-`/),
  ])
})

test('a rollback goes to the previous release unless it is told another', () => {
  expect(readRollbackConfig(fakeRunner('rollback', {})).to).toBe('previous')
  expect(readRollbackConfig(fakeRunner('rollback', { to: 'v2.93.7' })).to).toBe('2.93.7')
  expect(problemsOf(() => readRollbackConfig(fakeRunner('rollback', { to: '2' })))).toHaveLength(1)
})

test('the databases are looked at from this runner where it has their addresses, else by a task', () => {
  const network = (inputs: Record<string, string>) => {
    const config = readVerifyConfig(fakeRunner('verify', inputs))
    return [config.network, config.databases === undefined ? 'task' : 'direct']
  }
  const addresses = { 'database-url': 'postgresql://a:b@c/d', 'clickhouse-url': 'http://c:8123' }
  expect(network({})).toEqual(['auto', 'task'])
  expect(network({ network: 'task' })).toEqual(['task', 'task'])
  expect(network(addresses)).toEqual(['auto', 'direct'])
  expect(network({ ...addresses, network: 'direct' })).toEqual(['direct', 'direct'])
})

test('addresses beside `network: task` are a contradiction', () => {
  const inputs = { network: 'task', 'database-url': 'postgresql://a:b@c/d' }
  expect(problemsOf(() => readVerifyConfig(fakeRunner('verify', inputs)))).toEqual([
    expect.stringMatching(
      /`network` is `task`, which reads the database addresses from the worker's environment\. Leave/,
    ),
  ])
})

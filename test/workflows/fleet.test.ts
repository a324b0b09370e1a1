import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { runWorkflow, type Workflow } from './run-workflow.ts'

const read = (path: string) => parse(readFileSync(path, 'utf8')) as Workflow

test('a fleet: each stack is planned, approved and deployed with what is its own, the rest by default', async () => {
  const acts: string[] = []
  const asked: string[] = []
  const jobs = await runWorkflow(
    read('.github/workflows/upgrade.yml'),
    {
      version: '3.0.0',
      region: 'ap-northeast-1',
      environments: JSON.stringify([
        'staging',
        { environment: 'eu', region: 'eu-central-1', cluster: 'lf', 'web-platform': 'ecs' },
      ]),
    },
    {
      approve: environment => asked.push(environment) > 0,
      act: async (action, inputs, job) => {
        const {
          environment,
          'aws-region': region,
          cluster,
          'web-platform': platform,
          'plan-digest': digest,
        } = inputs
        acts.push([job, action, environment, region, cluster, platform, digest ?? ''].join(' ').trim())
        const planned = inputs['dry-run'] === 'true'
        const outputs = {
          outcome: planned ? 'planned' : 'deployed',
          'plan-digest': `digest-of-${environment}`,
        }
        return { outputs, success: true }
      },
    },
  )
  expect(jobs['stack']).toMatchObject({ result: 'success' })
  expect(asked).toEqual(['staging', 'eu'])
  expect(acts).toEqual([
    'plan deploy staging ap-northeast-1 langfuse auto',
    'deploy deploy staging ap-northeast-1 langfuse auto digest-of-staging',
    'verify verify staging ap-northeast-1 langfuse auto',
    'plan deploy eu eu-central-1 lf ecs',
    'deploy deploy eu eu-central-1 lf ecs digest-of-eu',
    'verify verify eu eu-central-1 lf ecs',
  ])
})

test('each stack of a fleet uses its own secrets, and never those of another', async () => {
  const environments = JSON.stringify([
    'production',
    { environment: 'staging', 'secret-prefix': 'staging_' },
    { environment: 'eu', 'secret-prefix': 'eu_' },
  ])
  const secrets = { database_url: 'postgresql://production', staging_database_url: 'postgresql://staging' }
  for (const workflow of ['upgrade', 'drift']) {
    const urls = new Set<string>()
    await runWorkflow(
      read(`.github/workflows/${workflow}.yml`),
      { version: '3.0.0', environments },
      {
        approve: () => true,
        act: async (_action, inputs) => {
          urls.add(`${inputs['environment']} ${inputs['database-url']}`)
          const outcome = inputs['dry-run'] === 'true' ? 'planned' : 'deployed'
          return { outputs: { outcome }, success: true }
        },
      },
      secrets,
    )
    expect([...urls]).toEqual(['production postgresql://production', 'staging postgresql://staging', 'eu '])
  }
})

test('drift looks at each stack against its record, with one issue', async () => {
  const acts: unknown[] = []
  await runWorkflow(
    read('.github/workflows/drift.yml'),
    { environments: '["staging", "production"]', region: 'ap-northeast-1' },
    {
      approve: () => false,
      act: async (action, inputs) => {
        acts.push([
          action,
          inputs['environment'],
          inputs['baseline'],
          inputs['drift-issue'],
          inputs['checks'],
        ])
        return { outputs: { outcome: 'passed' }, success: true }
      },
    },
  )
  expect(acts).toEqual([
    ['verify', 'staging', 'record', 'true', 'all'],
    ['verify', 'production', 'record', 'true', 'all'],
  ])
})

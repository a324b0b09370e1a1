import { expect, test } from '@jest/globals'
import type { Program, PushedImage } from '../../sandbox/aws/images.ts'
import type { JsonObject } from '../../sandbox/aws/json.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { IMAGE, push, send, until, withSandbox } from './aws-helpers.ts'

const source = (tag: string): JsonObject => ({
  AuthenticationConfiguration: { AccessRoleArn: 'arn:aws:iam::123456789012:role/ecr' },
  AutoDeploymentsEnabled: false,
  ImageRepository: {
    ImageIdentifier: `${IMAGE}:${tag}`,
    ImageRepositoryType: 'ECR',
    ImageConfiguration: { Port: '3000', RuntimeEnvironmentVariables: { A: '1' } },
  },
})

async function startWeb(sandbox: Sandbox, more: JsonObject = {}) {
  push(sandbox, 'good', { kind: 'scripted', startSeconds: 8 })
  const ServiceArn = await sandbox.world.createAppRunnerService({
    ServiceName: 'langfuse_web',
    SourceConfiguration: source('good'),
    HealthCheckConfiguration: { Protocol: 'HTTP', Path: '/api/public/health' },
    ...more,
  })
  await until(
    () => operations(sandbox, ServiceArn),
    all => all[0]?.Status === 'SUCCEEDED',
  )
  return ServiceArn
}

async function operations(sandbox: Sandbox, ServiceArn: string) {
  const { body } = await send(sandbox, 'AppRunner.ListOperations', { ServiceArn })
  return body.OperationSummaryList as { Id: string; Status: string; Type: string }[]
}

async function describe(sandbox: Sandbox, ServiceArn: string) {
  const { body } = await send(sandbox, 'AppRunner.DescribeService', { ServiceArn })
  return body.Service as { Status: string; ServiceId: string; SourceConfiguration: JsonObject }
}

async function update(
  sandbox: Sandbox,
  ServiceArn: string,
  tag: string,
  program?: Program,
  more: Partial<PushedImage> = {},
) {
  if (program) push(sandbox, tag, program, more)
  return send(sandbox, 'AppRunner.UpdateService', { ServiceArn, SourceConfiguration: source(tag) })
}

const finished = (status: string) => /SUCCEEDED|FAILED/.test(status)

test('an update runs as one operation, refuses another meanwhile, and ends with the new image', async () => {
  await withSandbox({}, async sandbox => {
    const arn = await startWeb(sandbox)
    const answer = await update(sandbox, arn, 'new', { kind: 'scripted', startSeconds: 8 })
    expect(answer.body).toMatchObject({
      Service: { Status: 'OPERATION_IN_PROGRESS', SourceConfiguration: source('new') },
    })
    const busy = await update(sandbox, arn, 'good')
    expect(busy).toMatchObject({
      status: 400,
      body: {
        __type: expect.stringContaining('InvalidStateException'),
        Message: 'Service cannot be updated in the current state: OPERATION_IN_PROGRESS.',
      },
    })
    const [newest] = await until(
      () => operations(sandbox, arn),
      all => finished(all[0]?.Status ?? ''),
    )
    expect(newest).toMatchObject({ Id: answer.body.OperationId, Type: 'UPDATE_SERVICE', Status: 'SUCCEEDED' })
    expect(await describe(sandbox, arn)).toMatchObject({
      Status: 'RUNNING',
      SourceConfiguration: source('new'),
    })
  })
})

test('a failed health check rolls back in silence: RUNNING again, with the old image', async () => {
  await withSandbox({}, async sandbox => {
    const arn = await startWeb(sandbox)
    await update(sandbox, arn, 'sick', { kind: 'scripted', healthy: false })
    const seen: string[] = []
    await until(
      () => operations(sandbox, arn),
      all => {
        const status = all[0]?.Status ?? ''
        if (seen.at(-1) !== status) seen.push(status)
        return finished(status) && status !== 'ROLLBACK_IN_PROGRESS'
      },
    )
    expect(seen.slice(-2)).toEqual(['ROLLBACK_IN_PROGRESS', 'ROLLBACK_SUCCEEDED'])
    const service = await describe(sandbox, arn)
    expect(service).toMatchObject({ Status: 'RUNNING', SourceConfiguration: source('good') })
    const log = sandbox.world.logs.text(`/aws/apprunner/langfuse_web/${service.ServiceId}/service`)
    expect(log).toContain(
      "[AppRunner] Health check failed on protocol `HTTP` [Path: '/api/public/health'], [Port: '3000']. Check your configured port number.",
    )
    expect(log).toMatch(/Deployment with ID : [0-9a-f]{32} failed\. Failure reason : Health check failed\./)
  })
})

test('an image without amd64 is taken, and fails as it does in life: exec format error, rollback', async () => {
  await withSandbox({}, async sandbox => {
    const arn = await startWeb(sandbox)
    await update(sandbox, arn, 'arm', { kind: 'scripted' }, { platforms: ['linux/arm64'] })
    await until(
      () => operations(sandbox, arn),
      all => all[0]?.Status === 'ROLLBACK_SUCCEEDED',
    )
    const { ServiceId } = await describe(sandbox, arn)
    const group = `/aws/apprunner/langfuse_web/${ServiceId}`
    expect(sandbox.world.logs.text(`${group}/application`)).toContain('exec format error')
    expect(sandbox.world.logs.text(`${group}/service`)).toContain('Container exit code: 1')
  })
})

test('an image that does not exist rolls back too', async () => {
  await withSandbox({}, async sandbox => {
    const arn = await startWeb(sandbox)
    await update(sandbox, arn, 'missing')
    await until(
      () => operations(sandbox, arn),
      all => all[0]?.Status === 'ROLLBACK_SUCCEEDED',
    )
    const { ServiceId } = await describe(sandbox, arn)
    expect(sandbox.world.logs.text(`/aws/apprunner/langfuse_web/${ServiceId}/service`)).toContain(
      'Failed to pull',
    )
  })
})

test('operations come newest first and in pages', async () => {
  await withSandbox({ speed: 500 }, async sandbox => {
    const arn = await startWeb(sandbox)
    for (let count = 2; count <= 4; count += 1) {
      await send(sandbox, 'AppRunner.StartDeployment', { ServiceArn: arn })
      await until(
        () => operations(sandbox, arn),
        all => all.length === count && all[0]?.Status === 'SUCCEEDED',
      )
    }
    const first = await send(sandbox, 'AppRunner.ListOperations', { ServiceArn: arn, MaxResults: 3 })
    const second = await send(sandbox, 'AppRunner.ListOperations', {
      ServiceArn: arn,
      MaxResults: 3,
      NextToken: first.body.NextToken,
    })
    const types = [first, second].map(({ body }) =>
      (body.OperationSummaryList as { Type: string }[]).map(o => o.Type),
    )
    expect(types).toEqual([['START_DEPLOYMENT', 'START_DEPLOYMENT', 'START_DEPLOYMENT'], ['CREATE_SERVICE']])
    expect(second.body).not.toHaveProperty('NextToken')
  })
})

test('with automatic deployments a pushed tag deploys by itself, a paused service does not', async () => {
  await withSandbox({}, async sandbox => {
    const arn = await startWeb(sandbox, {
      SourceConfiguration: { ...source('good'), AutoDeploymentsEnabled: true },
    })
    push(sandbox, 'good', { kind: 'scripted', startSeconds: 1 })
    await until(
      () => operations(sandbox, arn),
      all => all.length === 2 && all[0]?.Status === 'SUCCEEDED',
    )
    await send(sandbox, 'AppRunner.PauseService', { ServiceArn: arn })
    await until(
      () => describe(sandbox, arn),
      service => service.Status === 'PAUSED',
    )
    push(sandbox, 'good', { kind: 'scripted', startSeconds: 2 })
    expect(await operations(sandbox, arn)).toHaveLength(3)
    await send(sandbox, 'AppRunner.ResumeService', { ServiceArn: arn })
    await until(
      () => describe(sandbox, arn),
      service => service.Status === 'RUNNING',
    )
  })
})

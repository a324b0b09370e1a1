import { once } from 'node:events'
import { connect } from 'node:net'
import { DescribeServiceDeploymentsCommand, ECSClient } from '@aws-sdk/client-ecs'
import { expect, test } from '@jest/globals'
import type { RequestEvent } from '../../sandbox/aws/hooks.ts'
import type { JsonObject } from '../../sandbox/aws/json.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import {
  definition,
  ECS,
  IMAGE,
  isSteady,
  NETWORK,
  push,
  send,
  service,
  until,
  withSandbox,
} from './aws-helpers.ts'

async function startService(sandbox: Sandbox) {
  await sandbox.world.call('ecs', 'CreateCluster', { clusterName: 'c' })
  push(sandbox, 'good', { kind: 'scripted', startSeconds: 1 })
  await sandbox.world.createService({
    cluster: 'c',
    serviceName: 'app',
    taskDefinition: await sandbox.world.registerTaskDefinition(definition('good')),
    desiredCount: 1,
    networkConfiguration: NETWORK,
  })
  await until(() => service(sandbox), isSteady)
}

const describe = (sandbox: Sandbox) =>
  send(sandbox, `${ECS}.DescribeServices`, { cluster: 'c', services: ['app'] })
    .then(({ body, status }) => (status === 200 ? 'ok' : String(body.__type).replace(/.*#/, '')))
    .catch(() => 'reset')

const times = async (count: number, ask: () => Promise<string>) => {
  const seen: string[] = []
  for (let n = 0; n < count; n += 1) seen.push(await ask())
  return seen
}

test('a fault on each call is met before every success, and the record says which attempt met it', async () => {
  await withSandbox({}, async sandbox => {
    await startService(sandbox)
    const { faults } = sandbox.world
    faults.add({ operation: '*', kind: 'throttle', times: 2, each: true })
    faults.add({ operation: 'ecs.*', kind: 'server-error', each: 'distinct' })
    faults.add({ operation: 'DescribeServices', kind: 'reset', each: 'call' })
    const from = sandbox.requests.length
    expect(await times(9, () => describe(sandbox))).toEqual([
      ...['ThrottlingException', 'ThrottlingException', 'ServerException', 'reset', 'ok'],
      ...['ThrottlingException', 'ThrottlingException', 'reset', 'ok'],
    ])
    expect(sandbox.requests.slice(from).map(({ attempt, fault }) => `${attempt} ${fault}`)).toEqual([
      ...['1 throttle', '2 throttle', '3 server-error', '4 reset', '5 undefined'],
      ...['1 throttle', '2 throttle', '3 reset', '4 undefined'],
    ])
    expect((await send(sandbox, `${ECS}.ListClusters`)).status).toBe(400)
    faults.clear()
    expect(await describe(sandbox)).toBe('ok')
  })
})

test('the names of faults are those of the services, and a denied operation is denied for ever', async () => {
  await withSandbox({}, async sandbox => {
    const { faults } = sandbox.world
    faults.add({
      operation: 'DescribeServiceDeployments',
      kind: 'access-denied',
      times: Number.POSITIVE_INFINITY,
    })
    const ecs = new ECSClient({
      endpoint: sandbox.endpoint,
      region: 'ap-northeast-1',
      credentials: { accessKeyId: 'AKIASANDBOX', secretAccessKey: 'sandbox' },
    })
    for (const serviceDeploymentArns of [['a'], ['a'], ['b']])
      await expect(
        ecs.send(new DescribeServiceDeploymentsCommand({ serviceDeploymentArns })),
      ).rejects.toMatchObject({
        name: 'AccessDeniedException',
        message: expect.stringContaining('is not authorized to perform: ecs:DescribeServiceDeployments'),
      })
    faults.add({ operation: 'AppRunner.ListServices', kind: 'server-error' })
    faults.add({ operation: 'apprunner.ListServices', kind: 'server-error' })
    expect(await send(sandbox, 'AppRunner.ListServices')).toMatchObject({
      status: 500,
      body: { __type: 'com.amazonaws.apprunner#InternalServiceErrorException' },
    })
  })
})

test('with read-after-write lag a service shows what was, and what is new is missing', async () => {
  await withSandbox({ speed: 20 }, async sandbox => {
    await startService(sandbox)
    const { world } = sandbox
    world.faults.lag({ of: 'ecs', seconds: 5 })
    let resume = world.clock.hold()
    const next = await world.registerTaskDefinition(definition('good'))
    const update = await send(sandbox, `${ECS}.UpdateService`, {
      cluster: 'c',
      service: 'app',
      taskDefinition: next,
    })
    const at = world.clock.now().getTime()
    expect(update.body).toMatchObject({ service: { taskDefinition: next } })
    const read = async () => {
      const { body } = await send(sandbox, `${ECS}.DescribeServices`, { cluster: 'c', services: ['app'] })
      return (body.services as { taskDefinition: string; deployments: unknown[] }[])[0]
    }
    expect(await read()).toMatchObject({ deployments: [{ rolloutState: 'COMPLETED' }] })
    const { currentServiceDeployment } = update.body.service as JsonObject
    const deployment = () =>
      send(sandbox, `${ECS}.DescribeServiceDeployments`, {
        serviceDeploymentArns: [currentServiceDeployment],
      })
    expect((await deployment()).body).toEqual({
      serviceDeployments: [],
      failures: [{ arn: currentServiceDeployment, reason: 'MISSING' }],
    })
    do {
      resume()
      await world.clock.sleep(0.5)
      resume = world.clock.hold()
    } while ((await read())?.taskDefinition !== next)
    const seconds = (world.clock.now().getTime() - at) / 1000
    resume()
    expect(seconds).toBeGreaterThanOrEqual(5)
    expect(seconds).toBeLessThan(10)
    await until(deployment, ({ body }) => (body.serviceDeployments as unknown[]).length === 1)
  })
})

test('App Runner lags too: the old configuration, and operations that come into the list late', async () => {
  await withSandbox({ speed: 20 }, async sandbox => {
    const { world } = sandbox
    push(sandbox, 'web', { kind: 'scripted' })
    const SourceConfiguration = {
      AuthenticationConfiguration: { AccessRoleArn: 'arn:aws:iam::123456789012:role/ecr' },
      ImageRepository: { ImageIdentifier: `${IMAGE}:web`, ImageRepositoryType: 'ECR' },
    }
    const ServiceArn = await world.createAppRunnerService({
      ServiceName: 'langfuse_web',
      SourceConfiguration,
    })
    const status = async () => {
      const { body } = await send(sandbox, 'AppRunner.DescribeService', { ServiceArn })
      return (body.Service as JsonObject).Status
    }
    const newest = async () => {
      const { body } = await send(sandbox, 'AppRunner.ListOperations', { ServiceArn })
      return (body.OperationSummaryList as { Id: string }[])[0]?.Id
    }
    await until(status, seen => seen === 'RUNNING')
    world.faults.lag({ of: 'apprunner', seconds: 5 })
    world.faults.lag({ of: 'apprunner.ListOperations', seconds: 3 })
    const resume = world.clock.hold()
    const { body } = await send(sandbox, 'AppRunner.StartDeployment', { ServiceArn })
    expect(await status()).toBe('RUNNING')
    expect(await newest()).not.toBe(body.OperationId)
    resume()
    await until(newest, seen => seen === body.OperationId)
    await until(status, seen => seen === 'OPERATION_IN_PROGRESS')
  })
})

test('a test stands between caller and AWS: before and after each call, and may lose either way', async () => {
  await withSandbox({}, async sandbox => {
    const events: RequestEvent[] = []
    const first = sandbox.requests.length + 1
    const end = sandbox.world.onRequest(event => {
      events.push(event)
      if (event.number === first && event.phase === 'before') return 'drop'
      if (event.number === first + 1 && event.phase === 'after') return 'drop'
      return undefined
    })
    const create = (clusterName: string) => send(sandbox, `${ECS}.CreateCluster`, { clusterName })
    await expect(create('one')).rejects.toThrow()
    await expect(create('two')).rejects.toThrow()
    await create('three')
    end()
    await create('four')
    expect(events.map(({ number, phase }) => `${number} ${phase}`)).toEqual([
      '1 before',
      '2 before',
      '2 after',
      '3 before',
      '3 after',
    ])
    expect([...sandbox.world.ecs.clusters.keys()]).toEqual(['two', 'three', 'four'])
    expect(sandbox.requests.map(({ number, error }) => `${number} ${error}`)).toEqual([
      '1 reset',
      '2 reset',
      '3 undefined',
      '4 undefined',
    ])
  })
})

test('a caller that dies in the middle of a request harms nobody else', async () => {
  await withSandbox({}, async sandbox => {
    const socket = connect(Number(new URL(sandbox.endpoint).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"half"')
    await new Promise(resolve => setTimeout(resolve, 50))
    socket.destroy()
    await new Promise(resolve => setTimeout(resolve, 50))
    expect((await send(sandbox, `${ECS}.ListClusters`)).status).toBe(200)
    expect(sandbox.requests).toHaveLength(1)
  })
})

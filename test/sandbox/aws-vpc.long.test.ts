import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import type { JsonObject } from '../../sandbox/aws/json.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import {
  definition,
  ECS,
  HEALTH,
  IMAGE,
  isSteady,
  NETWORK,
  push,
  send,
  service,
  tasks,
  until,
  withSandbox,
} from './aws-helpers.ts'

const PROGRAM = {
  kind: 'command',
  command: ['node', fileURLToPath(new URL('aws-program.mjs', import.meta.url))],
} as const

async function startStore(sandbox: Sandbox) {
  const { world } = sandbox
  await world.call('ecs', 'CreateCluster', { clusterName: 'c' })
  world.logs.createGroup('/ecs/app')
  const namespace = world.cloudMap.createNamespace('langfuse.local')
  const registry = world.cloudMap.createService({
    namespaceId: namespace.id,
    name: 'store',
    ttl: 10,
    customHealth: true,
  })
  push(sandbox, 'store', PROGRAM)
  const taskDefinition = await world.registerTaskDefinition(
    storeDefinition(world.secrets.put('s', 'hunter2'), 'one'),
  )
  await world.createService({
    cluster: 'c',
    serviceName: 'app',
    taskDefinition,
    desiredCount: 1,
    networkConfiguration: NETWORK,
    serviceRegistries: [{ registryArn: registry.arn }],
    deploymentConfiguration: { maximumPercent: 100, minimumHealthyPercent: 0 },
  })
  await until(() => service(sandbox), isSteady)
  return registry
}

const storeDefinition = (secret: string, name: string): JsonObject =>
  definition('store', {
    healthCheck: HEALTH,
    environment: [{ name: 'NAME', value: name }],
    secrets: [{ name: 'SECRET', valueFrom: secret }],
    logConfiguration: {
      logDriver: 'awslogs',
      options: {
        'awslogs-group': '/ecs/app',
        'awslogs-stream-prefix': 'app',
        'awslogs-region': 'ap-northeast-1',
      },
    },
  })

async function instances(sandbox: Sandbox, ServiceId: string) {
  const target = 'Route53AutoNaming_v20170314'
  const list = await send(sandbox, `${target}.ListInstances`, { ServiceId })
  const health = await send(sandbox, `${target}.GetInstancesHealthStatus`, { ServiceId })
  return (list.body.Instances as { Id: string; Attributes: Record<string, string> }[]).map(
    ({ Id, Attributes }) => ({
      id: Id,
      address: Attributes.AWS_INSTANCE_IPV4,
      health: (health.body.Status as Record<string, string> | undefined)?.[Id],
    }),
  )
}

test('Cloud Map follows the running task, and a name inside the VPC leads to it', async () => {
  await withSandbox({ speed: 100 }, async sandbox => {
    const registry = await startStore(sandbox)
    const [before] = await tasks(sandbox)
    const address = (seen: typeof before) =>
      seen?.attachments[0]?.details.find(detail => detail.name === 'privateIPv4Address')?.value
    const healthy = await until(
      () => instances(sandbox, registry.id),
      all => all[0]?.health === 'HEALTHY',
    )
    expect(healthy).toEqual([
      { id: before?.taskArn.split('/').at(-1), address: address(before), health: 'HEALTHY' },
    ])

    const port = await sandbox.world.expose('store.langfuse.local', 8123)
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('one\n')

    const next = await sandbox.world.registerTaskDefinition(
      storeDefinition(sandbox.world.secrets.put('s', 'x'), 'two'),
    )
    await send(sandbox, `${ECS}.UpdateService`, { cluster: 'c', service: 'app', taskDefinition: next })
    await until(
      () => service(sandbox),
      seen => isSteady(seen) && seen.taskDefinition === next,
    )
    const [after, ...others] = await until(
      () => instances(sandbox, registry.id),
      all => all[0]?.health === 'HEALTHY',
    )
    expect(others).toEqual([])
    expect(after?.address).not.toBe(address(before))
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('two\n')
    const log = sandbox.world.logs.text('/ecs/app')
    expect(log).toContain('starting as one with secret of 7 characters')
    expect(log).toContain('stopping')
  })
})

test('inside the VPC a closed port refuses and an unknown name is not found', async () => {
  await withSandbox({ speed: 100 }, async sandbox => {
    await startStore(sandbox)
    const [task] = await tasks(sandbox)
    const address = task?.attachments[0]?.details.find(detail => detail.name === 'privateIPv4Address')?.value
    const port = await sandbox.world.expose('store.langfuse.local', 8123)
    const ask = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text()
    expect(await ask('/fetch?url=http://store.langfuse.local:8123/')).toBe('one\n')
    expect(await ask(`/fetch?url=http://${address}:8123/`)).toBe('one\n')
    expect(await ask('/lookup?name=store.langfuse.local')).toBe(address)
    expect(await ask(`/fetch?url=http://${address}:9000/`)).toBe(
      `ECONNREFUSED connect ECONNREFUSED ${address}:9000`,
    )
    expect(await ask('/fetch?url=http://nothing.langfuse.local/')).toMatch(
      /^ENOTFOUND getaddrinfo ENOTFOUND nothing/,
    )
    expect(await ask('/lookup?name=nothing.langfuse.local')).toMatch(/^ENOTFOUND/)
  })
})

test('a one-off task ends with the exit code of its program, with its overrides, and leaves its log', async () => {
  await withSandbox({ speed: 100 }, async sandbox => {
    await startStore(sandbox)
    const run = await send(sandbox, `${ECS}.RunTask`, {
      cluster: 'c',
      taskDefinition: 'app',
      networkConfiguration: NETWORK,
      overrides: { containerOverrides: [{ name: 'app', environment: [{ name: 'EXIT', value: '3' }] }] },
      startedBy: 'test',
    })
    const [started] = run.body.tasks as { taskArn: string }[]
    const describe = () => send(sandbox, `${ECS}.DescribeTasks`, { cluster: 'c', tasks: [started?.taskArn] })
    const ended = await until(
      describe,
      ({ body }) => (body.tasks as { lastStatus: string }[])[0]?.lastStatus === 'STOPPED',
    )
    expect(ended.body.tasks).toMatchObject([
      {
        stopCode: 'EssentialContainerExited',
        stoppedReason: 'Essential container in task exited',
        startedBy: 'test',
        containers: [
          { exitCode: 3, image: `${IMAGE}:store`, imageDigest: expect.stringMatching(/^sha256:/) },
        ],
      },
    ])
    const events = await send(sandbox, 'Logs_20140328.GetLogEvents', {
      logGroupName: '/ecs/app',
      logStreamName: `app/app/${started?.taskArn.split('/').at(-1)}`,
      startFromHead: true,
    })
    expect((events.body.events as { message: string }[]).map(e => e.message)).toEqual([
      'starting as one with secret of 7 characters',
    ])
    const end = await send(sandbox, 'Logs_20140328.GetLogEvents', {
      logGroupName: '/ecs/app',
      logStreamName: `app/app/${started?.taskArn.split('/').at(-1)}`,
      nextToken: events.body.nextForwardToken,
    })
    expect(end.body).toMatchObject({ events: [], nextForwardToken: events.body.nextForwardToken })
  })
})

test('App Runner serves a real program at a stable front door and keeps the old one when the new one exits', async () => {
  await withSandbox({ speed: 100 }, async sandbox => {
    push(sandbox, 'web', PROGRAM)
    const source = (environment: JsonObject) => ({
      AuthenticationConfiguration: { AccessRoleArn: 'arn:aws:iam::123456789012:role/ecr' },
      ImageRepository: {
        ImageIdentifier: `${IMAGE}:web`,
        ImageRepositoryType: 'ECR',
        ImageConfiguration: { Port: '3000', RuntimeEnvironmentVariables: environment },
      },
    })
    const arn = await sandbox.world.createAppRunnerService({
      ServiceName: 'langfuse_web',
      SourceConfiguration: source({ NAME: 'one' }),
    })
    const status = async () => {
      const { body } = await send(sandbox, 'AppRunner.ListOperations', { ServiceArn: arn })
      return (body.OperationSummaryList as { Status: string }[])[0]?.Status
    }
    // A kept connection would lead to the instance that is being stopped.
    const visit = async () =>
      (await fetch(sandbox.world.frontEndpoint(arn), { headers: { connection: 'close' } })).text()
    await until(status, seen => seen === 'SUCCEEDED')
    expect(await visit()).toBe('one\n')
    await send(sandbox, 'AppRunner.UpdateService', {
      ServiceArn: arn,
      SourceConfiguration: source({ NAME: 'two', EXIT: '1' }),
    })
    await until(status, seen => seen === 'ROLLBACK_SUCCEEDED')
    expect(await visit()).toBe('one\n')
    await send(sandbox, 'AppRunner.UpdateService', {
      ServiceArn: arn,
      SourceConfiguration: source({ NAME: 'three' }),
    })
    await until(status, seen => seen === 'SUCCEEDED')
    expect(await visit()).toBe('three\n')
    expect(sandbox.world.runtime.alive()).toBeLessThanOrEqual(2)
  })
})

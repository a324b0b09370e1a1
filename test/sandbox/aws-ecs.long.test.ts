import { expect, test } from '@jest/globals'
import type { JsonObject } from '../../sandbox/aws/json.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import {
  definition,
  ECS,
  HEALTH,
  isSteady,
  NETWORK,
  push,
  send,
  service,
  tasks,
  until,
  withSandbox,
} from './aws-helpers.ts'

async function startService(sandbox: Sandbox, options: JsonObject = {}, container: JsonObject = {}) {
  await sandbox.world.call('ecs', 'CreateCluster', { clusterName: 'c' })
  push(sandbox, 'good', { kind: 'scripted', startSeconds: 5 })
  const taskDefinition = await sandbox.world.registerTaskDefinition(definition('good', container))
  const settings = {
    cluster: 'c',
    serviceName: 'app',
    taskDefinition,
    desiredCount: 1,
    networkConfiguration: NETWORK,
  }
  await sandbox.world.createService({ launchType: 'FARGATE', ...settings, ...options })
  await until(() => service(sandbox), isSteady)
  return taskDefinition
}

async function deploy(sandbox: Sandbox, tag: string, container: JsonObject = {}) {
  const taskDefinition = await sandbox.world.registerTaskDefinition(definition(tag, container))
  const { body } = await send(sandbox, `${ECS}.UpdateService`, {
    cluster: 'c',
    service: 'app',
    taskDefinition,
  })
  expect(body).toHaveProperty('service.deployments')
  return taskDefinition
}

test('a rollout keeps between the minimum and the maximum all the time and ends steady', async () => {
  await withSandbox({ speed: 100 }, async sandbox => {
    await startService(
      sandbox,
      { desiredCount: 3, deploymentConfiguration: { minimumHealthyPercent: 67, maximumPercent: 134 } },
      { healthCheck: HEALTH },
    )
    push(sandbox, 'new', { kind: 'scripted', startSeconds: 10 })
    const wanted = await deploy(sandbox, 'new', { healthCheck: HEALTH })
    const running: number[] = []
    const live: number[] = []
    const steady = await until(async () => {
      const seen = await service(sandbox)
      const all = await tasks(sandbox)
      running.push(seen.runningCount)
      live.push(all.filter(task => !['STOPPED', 'DEPROVISIONING'].includes(task.lastStatus)).length)
      return seen
    }, isSteady)
    // 67 % of 3 rounds up to 3 (of 2.01), 134 % rounds down to 4.
    expect(Math.min(...running)).toBeGreaterThanOrEqual(3)
    expect(Math.max(...live)).toBe(4)
    expect(steady.taskDefinition).toBe(wanted)
    const messages = steady.events.map(event => event.message)
    expect(messages[0]).toBe('(service app) has reached a steady state.')
    expect(messages[1]).toMatch(/^\(service app\) \(deployment ecs-svc\/\d{19}\) deployment completed\.$/)
    expect(messages).toContainEqual(
      expect.stringMatching(/^\(service app\) has started 1 tasks: \(task [0-9a-f]{32}\)\.$/),
    )
    expect(messages).toContainEqual(
      expect.stringMatching(/^\(service app\) has stopped 1 running tasks: \(task [0-9a-f]{32}\)\.$/),
    )
  })
})

type Times = {
  readonly createdAt?: number
  readonly rollback?: { readonly startedAt: number }
  readonly finishedAt?: number
}

/** Of two times in seconds. */
function minutes(from = 0, to = 0): number {
  return (to - from) / 60
}

test('a circuit breaker with rollback goes back after three failed tasks, and says so everywhere', async () => {
  await withSandbox({}, async sandbox => {
    const breaker = { deploymentCircuitBreaker: { enable: true, rollback: true } }
    const before = await startService(sandbox, { deploymentConfiguration: breaker })
    const first = (await service(sandbox)).deployments[0]?.id
    await deploy(sandbox, 'missing')
    const failing = (await service(sandbox)).deployments[0]?.id

    const after = await until(
      () => service(sandbox),
      seen => isSteady(seen) && seen.events.some(e => e.message.includes('rolling back')),
    )
    expect(after.taskDefinition).toBe(before)
    expect(after.deployments[0]?.id).toBe(first)
    expect(after.runningCount).toBe(1)
    const messages = after.events.map(event => event.message)
    expect(messages).toContain(
      `(service app) (deployment ${failing}) deployment failed: tasks failed to start.`,
    )
    expect(messages).toContain(`(service app) rolling back to deployment ${first}.`)

    const list = await send(sandbox, `${ECS}.ListServiceDeployments`, { cluster: 'c', service: 'app' })
    const [newest] = list.body.serviceDeployments as { serviceDeploymentArn: string }[]
    const detail = await send(sandbox, `${ECS}.DescribeServiceDeployments`, {
      serviceDeploymentArns: [newest?.serviceDeploymentArn],
    })
    expect(detail.body.serviceDeployments).toMatchObject([
      {
        status: 'ROLLBACK_SUCCESSFUL',
        deploymentCircuitBreaker: { status: 'TRIGGERED', failureCount: 3, threshold: 3 },
        rollback: { reason: expect.stringContaining('circuit breaker') },
      },
    ])
    // As reports have it; and what ran before ran all the while.
    const { createdAt, rollback, finishedAt } = (detail.body.serviceDeployments as Times[])[0] ?? {}
    const tripped = minutes(createdAt, rollback?.startedAt)
    expect(tripped).toBeGreaterThan(8)
    expect(tripped).toBeLessThan(12)
    expect(minutes(rollback?.startedAt, finishedAt) * 60).toBeGreaterThan(45)
    const stopped = (await tasks(sandbox)).filter(task => task.stopCode === 'TaskFailedToStart')
    expect(stopped).toHaveLength(3)
    expect(stopped[0]?.stoppedReason).toMatch(
      /^CannotPullContainerError: pull image manifest has been retried 7 time\(s\): failed to resolve ref .*app:missing: not found$/,
    )
  })
})

test('a circuit breaker without rollback leaves the failed deployment primary and the old task running', async () => {
  await withSandbox({}, async sandbox => {
    await startService(sandbox, {
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } },
    })
    await deploy(sandbox, 'missing')
    const failed = await until(
      () => service(sandbox),
      seen => seen.deployments[0]?.rolloutState === 'FAILED',
    )
    expect(failed.deployments[0]).toMatchObject({
      status: 'PRIMARY',
      failedTasks: 3,
      rolloutStateReason: 'ECS deployment circuit breaker: tasks failed to start.',
    })
    expect(failed.runningCount).toBe(1)
  })
})

test('without a circuit breaker a deployment that cannot start goes on for ever', async () => {
  await withSandbox({ speed: 400 }, async sandbox => {
    await startService(sandbox)
    push(sandbox, 'amd64', { kind: 'scripted' }, { platforms: ['linux/amd64'] })
    await deploy(sandbox, 'amd64')
    const seen = await until(
      () => service(sandbox),
      s => (s.deployments[0]?.failedTasks ?? 0) >= 4,
    )
    expect(seen.deployments.map(d => [d.status, d.rolloutState])).toEqual([
      ['PRIMARY', 'IN_PROGRESS'],
      ['ACTIVE', 'COMPLETED'],
    ])
    expect(seen.events.map(e => e.message)).toContainEqual(
      expect.stringContaining('is unable to consistently start tasks'),
    )
    const reasons = (await tasks(sandbox)).map(task => task.stoppedReason ?? '')
    expect(reasons).toContainEqual(
      expect.stringContaining("does not contain descriptor matching platform 'linux/arm64'"),
    )
  })
})

test('a container that fails its health check is replaced, with the event that names it', async () => {
  await withSandbox({}, async sandbox => {
    await startService(sandbox, {}, { healthCheck: HEALTH })
    push(sandbox, 'sick', { kind: 'scripted', healthy: false })
    await deploy(sandbox, 'sick', { healthCheck: HEALTH })
    const seen = await until(
      () => service(sandbox),
      s => s.events.some(e => e.message.includes('failed container health checks')),
    )
    expect(seen.deployments[0]?.rolloutState).toBe('IN_PROGRESS')
    const sick = await until(
      () => tasks(sandbox),
      all => all.some(t => t.stoppedReason === 'Task failed container health checks'),
    )
    expect(sick.find(t => t.stoppedReason?.includes('health'))?.stopCode).toBe('ServiceSchedulerInitiated')
  })
})

const CLICKHOUSE = {
  volumes: [] as unknown[],
  mountPoints: [{ sourceVolume: 'data', containerPath: '/var/lib/clickhouse' }],
}

async function startClickHouse(sandbox: Sandbox, deploymentConfiguration: JsonObject) {
  const efs = sandbox.world.efs.createFileSystem({
    creationToken: 'data',
    mountTargets: [{ subnetId: 'subnet-0aaa', securityGroups: ['sg-0ccc'] }],
  })
  sandbox.world.logs.createGroup('/ecs/app')
  await sandbox.world.call('ecs', 'CreateCluster', { clusterName: 'c' })
  const options = {
    'awslogs-group': '/ecs/app',
    'awslogs-stream-prefix': 'ch',
    'awslogs-region': 'ap-northeast-1',
  }
  const container = {
    healthCheck: HEALTH,
    mountPoints: CLICKHOUSE.mountPoints,
    logConfiguration: { logDriver: 'awslogs', options },
  }
  const volumes = [{ name: 'data', efsVolumeConfiguration: { fileSystemId: efs.id, rootDirectory: '/' } }]
  const register = (tag: string) => {
    push(sandbox, tag, { kind: 'scripted', startSeconds: 3, singleWriter: true, log: [tag] })
    return sandbox.world.registerTaskDefinition(definition(tag, container, { volumes }))
  }
  const taskDefinition = await register('24.8')
  const settings = {
    cluster: 'c',
    serviceName: 'app',
    taskDefinition,
    desiredCount: 1,
    networkConfiguration: NETWORK,
  }
  await sandbox.world.createService({ ...settings, deploymentConfiguration })
  await until(() => service(sandbox), isSteady)
  return { next: await register('24.12') }
}

test('with 200/100 percent a second ClickHouse on one EFS never becomes steady', async () => {
  await withSandbox({ speed: 400 }, async sandbox => {
    const { next } = await startClickHouse(sandbox, { maximumPercent: 200, minimumHealthyPercent: 100 })
    await sandbox.world.call('ecs', 'UpdateService', { cluster: 'c', service: 'app', taskDefinition: next })
    const seen = await until(
      () => service(sandbox),
      s => (s.deployments[0]?.failedTasks ?? 0) >= 3,
    )
    expect(seen.deployments).toHaveLength(2)
    expect(seen.runningCount).toBe(1)
    const failed = (await tasks(sandbox)).find(task => task.stopCode === 'EssentialContainerExited')
    expect(failed).toMatchObject({
      stoppedReason: 'Essential container in task exited',
      containers: [{ exitCode: 76 }],
    })
    expect(sandbox.world.logs.text('/ecs/app')).toContain('Cannot lock file /var/lib/clickhouse/status.')
  })
})

test('with 100/0 percent the old ClickHouse stops first and the new one becomes steady without a failure', async () => {
  await withSandbox({}, async sandbox => {
    const { next } = await startClickHouse(sandbox, { maximumPercent: 100, minimumHealthyPercent: 0 })
    await sandbox.world.call('ecs', 'UpdateService', { cluster: 'c', service: 'app', taskDefinition: next })
    const counts: number[] = []
    const seen = await until(
      async () => {
        const now = await service(sandbox)
        counts.push(now.runningCount)
        return now
      },
      s => isSteady(s) && s.taskDefinition === next,
    )
    expect(seen.deployments[0]?.failedTasks).toBe(0)
    expect(Math.max(...counts)).toBe(1)
    expect(Math.min(...counts)).toBe(0)
    expect(sandbox.world.logs.text('/ecs/app')).not.toContain('Cannot lock file')
  })
})

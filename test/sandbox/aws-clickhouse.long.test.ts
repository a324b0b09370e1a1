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

/** The real engine on an EFS folder, with a table in it, as the article runs it. */
async function startClickHouse(sandbox: Sandbox, deploymentConfiguration: JsonObject) {
  const { world } = sandbox
  await world.call('ecs', 'CreateCluster', { clusterName: 'c' })
  world.logs.createGroup('/ecs/clickhouse')
  const efs = world.efs.createFileSystem({
    creationToken: 'data',
    mountTargets: [{ subnetId: 'subnet-0aaa', securityGroups: ['sg-0ccc'] }],
  })
  const namespace = world.cloudMap.createNamespace('langfuse.local')
  const registry = world.cloudMap.createService({
    namespaceId: namespace.id,
    name: 'clickhouse',
    ttl: 10,
    customHealth: true,
  })
  const options = { 'awslogs-group': '/ecs/clickhouse', 'awslogs-stream-prefix': 'clickhouse' }
  const register = (release: string) => {
    push(sandbox, release, { kind: 'clickhouse', release })
    return world.registerTaskDefinition(
      definition(
        release,
        {
          portMappings: [{ containerPort: 8123 }, { containerPort: 9000 }],
          environment: [
            { name: 'CLICKHOUSE_USER', value: 'clickhouse' },
            { name: 'CLICKHOUSE_PASSWORD', value: 'secret' },
          ],
          healthCheck: { ...HEALTH, retries: 10 },
          mountPoints: [{ sourceVolume: 'data', containerPath: '/var/lib/clickhouse' }],
          logConfiguration: { logDriver: 'awslogs', options },
        },
        { volumes: [{ name: 'data', efsVolumeConfiguration: { fileSystemId: efs.id, rootDirectory: '/' } }] },
      ),
    )
  }
  await world.createService({
    cluster: 'c',
    serviceName: 'app',
    taskDefinition: await register('24.8.7'),
    desiredCount: 1,
    networkConfiguration: NETWORK,
    serviceRegistries: [{ registryArn: registry.arn }],
    deploymentConfiguration,
  })
  await until(() => service(sandbox), isSteady, 60)
  const port = await world.expose('clickhouse.langfuse.local', 8123)
  const query = async (sql: string) => {
    const headers = { 'X-ClickHouse-User': 'clickhouse', 'X-ClickHouse-Key': 'secret' }
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: sql, headers })
    return (await response.text()).trim()
  }
  await query('CREATE TABLE kept (n Int32) ENGINE = MergeTree ORDER BY n')
  await query('INSERT INTO kept VALUES (42)')
  return { next: await register('24.12.3'), query }
}

test('a second real ClickHouse on one EFS: never steady with 200/100, steady with 100/0, and the data stays', async () => {
  await withSandbox({ speed: 100 }, async sandbox => {
    const { next, query } = await startClickHouse(sandbox, {
      maximumPercent: 200,
      minimumHealthyPercent: 100,
    })
    expect(await query('SELECT version()')).toMatch(/^24\.8\.7/)

    await send(sandbox, `${ECS}.UpdateService`, { cluster: 'c', service: 'app', taskDefinition: next })
    const stuck = await until(
      () => service(sandbox),
      seen => (seen.deployments[0]?.failedTasks ?? 0) >= 2,
      60,
    )
    expect(stuck.deployments).toHaveLength(2)
    expect(stuck.runningCount).toBe(1)
    const failed = (await tasks(sandbox)).find(task => task.stopCode === 'EssentialContainerExited')
    expect(failed).toMatchObject({
      stoppedReason: 'Essential container in task exited',
      containers: [{ exitCode: 76 }],
    })
    expect(sandbox.world.logs.text('/ecs/clickhouse')).toContain(
      'Another server instance in same directory is already running.',
    )
    expect(await query('SELECT version()')).toMatch(/^24\.8\.7/)

    const deploymentConfiguration = { maximumPercent: 100, minimumHealthyPercent: 0 }
    await send(sandbox, `${ECS}.UpdateService`, {
      cluster: 'c',
      service: 'app',
      deploymentConfiguration,
      forceNewDeployment: true,
    })
    await until(() => service(sandbox), isSteady, 60)
    await until(
      () => query('SELECT version()').catch(String),
      version => version.startsWith('24.12.3'),
    )
    expect(await query('SELECT n FROM kept')).toBe('42')
  })
})

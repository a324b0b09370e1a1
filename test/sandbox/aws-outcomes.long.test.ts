import { expect, test } from '@jest/globals'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import type { JsonObject } from '../../sandbox/aws/json.ts'
import {
  type AppRunnerOutcome,
  appRunnerOutcomes,
  arrangeAppRunner,
  arrangeEcs,
  type EcsOutcome,
  ecsOutcomes,
} from '../../sandbox/aws/outcomes.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import {
  definition,
  ECS,
  isSteady,
  NETWORK,
  push,
  send,
  service,
  tasks,
  until,
  withSandbox,
} from './aws-helpers.ts'

const TARGET = `${REGISTRY}/app:target`

/** A service with an EFS volume, and a target image beside it. */
async function startService(sandbox: Sandbox) {
  const { world } = sandbox
  await world.call('ecs', 'CreateCluster', { clusterName: 'c' })
  const efs = world.efs.createFileSystem({
    creationToken: 'data',
    mountTargets: [{ subnetId: 'subnet-0aaa', securityGroups: ['sg-0ccc'] }],
  })
  const register = (tag: string) =>
    world.registerTaskDefinition(
      definition(
        tag,
        { mountPoints: [{ sourceVolume: 'data', containerPath: '/data' }] },
        { volumes: [{ name: 'data', efsVolumeConfiguration: { fileSystemId: efs.id, rootDirectory: '/' } }] },
      ),
    )
  push(sandbox, 'before', { kind: 'scripted', startSeconds: 1 })
  push(sandbox, 'target', { kind: 'scripted', startSeconds: 2 })
  await world.createService({
    cluster: 'c',
    serviceName: 'app',
    taskDefinition: await register('before'),
    desiredCount: 1,
    networkConfiguration: NETWORK,
  })
  await until(() => service(sandbox), isSteady)
  return register('target')
}

async function deployment(sandbox: Sandbox, arn: unknown) {
  const { body } = await send(sandbox, `${ECS}.DescribeServiceDeployments`, { serviceDeploymentArns: [arn] })
  return (body.serviceDeployments as JsonObject[])[0]
}

const CAUSES: Readonly<Partial<Record<EcsOutcome, RegExp>>> = {
  'never-starts': /Essential container in task exited/,
  'image-missing': /failed to resolve ref .*: not found/,
  'wrong-platform': /does not contain descriptor matching platform 'linux\/arm64'/,
  'out-of-memory': /"exitCode":137.*OutOfMemoryError|OutOfMemoryError.*"exitCode":137/s,
  'efs-unresolved': /Failed to import necessary dependency botocore/,
  'efs-access-denied': /access denied by server while mounting/,
}

test.each(Object.entries(ecsOutcomes) as [EcsOutcome, (typeof ecsOutcomes)[EcsOutcome]][])(
  'ECS: %s',
  async (outcome, arrangement) => {
    await withSandbox({ speed: 300 }, async sandbox => {
      const taskDefinition = await startService(sandbox)
      await arrangeEcs(sandbox.world, { cluster: 'c', service: 'app', image: TARGET, outcome, late: true })
      const { body } = await send(sandbox, `${ECS}.UpdateService`, {
        cluster: 'c',
        service: 'app',
        taskDefinition,
      })
      const { currentServiceDeployment } = body.service as JsonObject
      const cause = CAUSES[outcome]
      const ended = await until(
        () => deployment(sandbox, currentServiceDeployment),
        seen =>
          arrangement.ends === 'IN_PROGRESS'
            ? (sandbox.world.ecs.clusters.get('c')?.services.get('app')?.deployments[0]?.failedTasks ?? 0) >=
              2
            : seen?.finishedAt !== undefined,
      )
      expect(ended?.status).toBe(arrangement.ends)
      if (cause) expect(JSON.stringify(await tasks(sandbox))).toMatch(cause)
    })
  },
)

test.each(
  Object.entries(appRunnerOutcomes) as [AppRunnerOutcome, (typeof appRunnerOutcomes)[AppRunnerOutcome]][],
)('App Runner: %s', async (outcome, { ends }) => {
  await withSandbox({ speed: 300 }, async sandbox => {
    const { world } = sandbox
    push(sandbox, 'before', { kind: 'scripted', startSeconds: 1 })
    push(sandbox, 'target', { kind: 'scripted', startSeconds: 2 })
    const source = (tag: string) => ({
      AuthenticationConfiguration: { AccessRoleArn: 'arn:aws:iam::123456789012:role/ecr' },
      ImageRepository: { ImageIdentifier: `${REGISTRY}/app:${tag}`, ImageRepositoryType: 'ECR' },
      AutoDeploymentsEnabled: false,
    })
    const ServiceArn = await world.createAppRunnerService({
      ServiceName: 'langfuse_web',
      SourceConfiguration: source('before'),
    })
    await until(
      () => world.appRunner.services.get(ServiceArn)?.status,
      status => status === 'RUNNING',
    )
    await arrangeAppRunner(world, { serviceArn: ServiceArn, image: TARGET, outcome })
    const { status, body } = await send(sandbox, 'AppRunner.UpdateService', {
      ServiceArn,
      SourceConfiguration: source('target'),
    })
    if (ends === 'refused') {
      expect(body.__type).toBe('com.amazonaws.apprunner#InvalidStateException')
      return
    }
    expect(status).toBe(200)
    const operation = await until(
      () => world.appRunner.services.get(ServiceArn)?.operations.find(one => one.id === body.OperationId),
      one => one?.endedAt !== undefined,
    )
    expect(operation?.status).toBe(ends)
    const page = await send(sandbox, 'AppRunner.ListOperations', { ServiceArn })
    const ids = (page.body.OperationSummaryList as { Id: string }[]).map(one => one.Id)
    expect(ids.includes(String(body.OperationId))).toBe(outcome !== 'beyond-first-page')
  })
})

import type * as Sdk from '@aws-sdk/client-ecs'
import { Denied, RolloutError } from '../errors/errors.ts'
import type { DerivedTask, EcsTask, EcsTasks, TaskDefinition } from '../ports/cloud.ts'
import { allPages, isAwsError } from './clients.ts'

type EcsSdk = typeof import('./sdk/ecs.ts') & { readonly client: Sdk.ECSClient }

/** One-off Fargate tasks: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html */
export function ecsTasks(sdk: () => Promise<EcsSdk>): EcsTasks {
  return {
    async registerDerived(base, derived) {
      const { client, RegisterTaskDefinitionCommand } = await sdk()
      const answer = await permitted('ecs:RegisterTaskDefinition', () =>
        client.send(new RegisterTaskDefinitionCommand(derive(base, derived))),
      )
      const arn = answer.taskDefinition?.taskDefinitionArn
      if (arn !== undefined) return arn
      throw new RolloutError('RegisterTaskDefinition answered without an ARN: run again.')
    },
    sizeOfDerived: (base, derived) => Buffer.byteLength(JSON.stringify(derive(base, derived))),
    async deregister(taskDefinition) {
      const { client, DeregisterTaskDefinitionCommand } = await sdk()
      await client.send(new DeregisterTaskDefinitionCommand({ taskDefinition }))
    },
    async activeRevisions(family, tag) {
      const { client, ListTaskDefinitionsCommand, DescribeTaskDefinitionCommand } = await sdk()
      try {
        const answer = await client.send(
          new ListTaskDefinitionsCommand({ familyPrefix: family, status: 'ACTIVE', sort: 'DESC' }),
        )
        const described = await Promise.all(
          (answer.taskDefinitionArns ?? []).map(async arn => {
            const { tags, taskDefinition } = await client.send(
              new DescribeTaskDefinitionCommand({ taskDefinition: arn, include: ['TAGS'] }),
            )
            const found = tags?.find(({ key }) => key === tag)
            const registeredAt = taskDefinition?.registeredAt?.getTime()
            return found === undefined ? [] : [{ arn, tag: found.value ?? '', registeredAt }]
          }),
        )
        return described.flat()
      } catch (error) {
        if (isAwsError(error, 'AccessDeniedException')) return []
        throw error
      }
    },
    async runTask({ subnets, securityGroups, assignPublicIp, ...request }) {
      const { client, RunTaskCommand } = await sdk()
      const answer = await permitted('ecs:RunTask', () =>
        client.send(
          new RunTaskCommand({
            ...request,
            count: 1,
            launchType: 'FARGATE',
            networkConfiguration: {
              awsvpcConfiguration: {
                subnets: [...subnets],
                securityGroups: [...securityGroups],
                assignPublicIp: assignPublicIp ? 'ENABLED' : 'DISABLED',
              },
            },
          }),
        ),
      )
      const [task] = answer.tasks ?? []
      if (task !== undefined) return toTask(task)
      const why = answer.failures?.map(({ reason, detail }) => [reason, detail].filter(Boolean).join(', '))
      throw new RolloutError(
        `ECS started no task of ${request.taskDefinition} (${why?.join('; ') || 'no reason given'})`,
      )
    },
    async task(cluster, arn) {
      const { client, DescribeTasksCommand } = await sdk()
      const answer = await client.send(new DescribeTasksCommand({ cluster, tasks: [arn] }))
      const [task] = answer.tasks ?? []
      return task && toTask(task)
    },
    async stopTask(cluster, arn, reason) {
      const { client, StopTaskCommand } = await sdk()
      await client.send(new StopTaskCommand({ cluster, task: arn, reason }))
    },
    async tasksStartedBy(cluster, { family, startedBy }) {
      const { client, ListTasksCommand, DescribeTasksCommand } = await sdk()
      // Not by startedBy: ECS accepts it only alone, and then lists only tasks with desired status RUNNING.
      const listed = await Promise.all(
        (['RUNNING', 'STOPPED'] as const).map(desiredStatus =>
          allPages<string>(async nextToken => {
            const page = await client.send(
              new ListTasksCommand({ cluster, family, desiredStatus, nextToken }),
            )
            return { items: page.taskArns ?? [], next: page.nextToken }
          }),
        ),
      )
      const tasks = listed.flat().slice(0, 100)
      if (tasks.length === 0) return []
      const answer = await client.send(new DescribeTasksCommand({ cluster, tasks }))
      return (answer.tasks ?? [])
        .filter(task => task.startedBy === startedBy && task.lastStatus !== 'STOPPED')
        .map(toTask)
    },
  }
}

/** IAM's message names the missing permission, which may be iam:PassRole. */
async function permitted<Value>(permission: string, call: () => Promise<Value>): Promise<Value> {
  try {
    return await call()
  } catch (error) {
    if (!isAwsError(error, 'AccessDeniedException', 'AccessDenied')) throw error
    const named = /not authorized to perform: (\S+)/.exec(error instanceof Error ? error.message : '')?.[1]
    throw new Denied(named ?? permission, error)
  }
}

function derive(base: TaskDefinition, derived: DerivedTask): Sdk.RegisterTaskDefinitionCommandInput {
  const { taskDefinition: definition, tags = [] } = base.source as Sdk.DescribeTaskDefinitionCommandOutput
  const container = definition?.containerDefinitions?.find(item => item.name === derived.from)
  const { mount } = derived
  const mounted = (mount?.of.source as Sdk.DescribeTaskDefinitionCommandOutput | undefined)?.taskDefinition
  const volume = mounted?.volumes?.find(({ name }) => name === mount?.volume)
  return {
    family: derived.family,
    cpu: definition?.cpu ?? '1024',
    memory: definition?.memory ?? '2048',
    networkMode: 'awsvpc',
    requiresCompatibilities: ['FARGATE'],
    executionRoleArn: definition?.executionRoleArn,
    taskRoleArn: mounted === undefined ? definition?.taskRoleArn : mounted.taskRoleArn,
    runtimePlatform: { operatingSystemFamily: 'LINUX', cpuArchitecture: derived.architecture },
    containerDefinitions: [
      {
        name: derived.name,
        image: derived.image,
        essential: true,
        ...(derived.entryPoint && { entryPoint: [...derived.entryPoint] }),
        command: [...derived.command],
        ...(mount && {
          user: mount.user,
          mountPoints: [{ sourceVolume: mount.volume, containerPath: mount.path, readOnly: true }],
        }),
        environment: Object.entries(derived.environment).map(([name, value]) => ({ name, value })),
        secrets: Object.entries(derived.secrets).map(([name, valueFrom]) => ({ name, valueFrom })),
        ...(container?.environmentFiles && { environmentFiles: container.environmentFiles }),
        ...(container?.repositoryCredentials && { repositoryCredentials: container.repositoryCredentials }),
        // FireLens needs a log-router container, which is not copied.
        ...(container?.logConfiguration?.logDriver !== 'awsfirelens' && {
          logConfiguration: container?.logConfiguration,
        }),
      },
    ],
    ...(volume && { volumes: [volume] }),
    tags: [
      // ECS refuses AWS's own tags (aws:cloudformation:…) from callers.
      ...tags.filter(({ key }) => !key?.startsWith('aws:') && !(key !== undefined && key in derived.tags)),
      ...Object.entries(derived.tags).map(([key, value]) => ({ key, value })),
    ],
  }
}

export function toTask(task: Sdk.Task): EcsTask {
  const interfaces =
    task.attachments?.find(attachment => attachment.type === 'ElasticNetworkInterface')?.details ?? []
  const detail = (name: string) => interfaces.find(item => item.name === name)?.value
  const arn = task.taskArn ?? ''
  return {
    arn,
    id: arn.slice(arn.lastIndexOf('/') + 1),
    taskDefinition: task.taskDefinitionArn ?? '',
    lastStatus: task.lastStatus ?? '',
    healthStatus: task.healthStatus ?? 'UNKNOWN',
    address: detail('privateIPv4Address'),
    subnet: detail('subnetId'),
    startedBy: task.startedBy,
    stopCode: task.stopCode,
    stoppedAt: task.stoppedAt?.getTime(),
    stoppedReason: task.stoppedReason,
    containers: (task.containers ?? []).map(container => ({
      name: container.name ?? '',
      image: container.image ?? '',
      digest: container.imageDigest,
      exitCode: container.exitCode,
      reason: container.reason,
    })),
  }
}

import * as Sdk from '@aws-sdk/client-ecs'
import { Denied, RolloutError } from '../errors/errors.ts'
import type { EcsTask, EcsTasks } from '../ports/cloud.ts'
import { allPages, isAwsError } from './clients.ts'
import { derive, sizeOfDerived } from './derive-task.ts'

/** One-off Fargate tasks: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html */
export function ecsTasks(client: Sdk.ECSClient): EcsTasks {
  return {
    sizeOfDerived,
    async registerDerived(base, derived) {
      const answer = await permitted('ecs:RegisterTaskDefinition', () =>
        client.send(new Sdk.RegisterTaskDefinitionCommand(derive(base, derived))),
      )
      const arn = answer.taskDefinition?.taskDefinitionArn
      if (arn !== undefined) return arn
      throw new RolloutError('RegisterTaskDefinition answered without an ARN: run again.')
    },
    async deregister(taskDefinition) {
      await client.send(new Sdk.DeregisterTaskDefinitionCommand({ taskDefinition }))
    },
    async activeRevisions(family, tag) {
      try {
        const answer = await client.send(
          new Sdk.ListTaskDefinitionsCommand({ familyPrefix: family, status: 'ACTIVE', sort: 'DESC' }),
        )
        const described = await Promise.all(
          (answer.taskDefinitionArns ?? []).map(async arn => {
            const { tags, taskDefinition } = await client.send(
              new Sdk.DescribeTaskDefinitionCommand({ taskDefinition: arn, include: ['TAGS'] }),
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
      const answer = await permitted('ecs:RunTask', () =>
        client.send(
          new Sdk.RunTaskCommand({
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
      const answer = await client.send(new Sdk.DescribeTasksCommand({ cluster, tasks: [arn] }))
      const [task] = answer.tasks ?? []
      return task && toTask(task)
    },
    async stopTask(cluster, arn, reason) {
      await client.send(new Sdk.StopTaskCommand({ cluster, task: arn, reason }))
    },
    async tasksStartedBy(cluster, { family, startedBy }) {
      // Not by startedBy: ECS accepts it only alone, and then lists only tasks with desired status RUNNING.
      const listed = await Promise.all(
        (['RUNNING', 'STOPPED'] as const).map(desiredStatus =>
          allPages<string>(async nextToken => {
            const page = await client.send(
              new Sdk.ListTasksCommand({ cluster, family, desiredStatus, nextToken }),
            )
            return { items: page.taskArns ?? [], next: page.nextToken }
          }),
        ),
      )
      const tasks = listed.flat().slice(0, 100)
      if (tasks.length === 0) return []
      const answer = await client.send(new Sdk.DescribeTasksCommand({ cluster, tasks }))
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

import * as Sdk from '@aws-sdk/client-ecs'
import { RolloutError } from '../errors/errors.ts'
import type {
  Container,
  ContainerHealthCheck,
  DeploymentSettings,
  Ecs,
  EcsService,
  EcsTask,
  EfsVolume,
  ServiceChange,
  TaskContent,
  TaskDefinition,
} from '../ports/cloud.ts'
import { ecsTasks, toTask } from './aws-ecs-tasks.ts'
import type { Cancel } from './cancel.ts'
import {
  allPages,
  cancelable,
  clientRetries,
  eachOnce,
  isAwsError,
  keepAnswer,
  sendWhole,
  unlessError,
} from './clients.ts'

/** ECS: rolling deployments of Fargate services. Members: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ */
export function ecsAdapter(region: string, cancel?: Cancel): Ecs {
  const client = cancelable(new Sdk.ECSClient({ region, ...clientRetries }), cancel)
  return {
    ...ecsTasks(client),
    async service(cluster, name) {
      const [service] = await services(cluster, [name])
      return service
    },
    services,
    taskDefinition: eachOnce(async arn => {
      const command = new Sdk.DescribeTaskDefinitionCommand({ taskDefinition: arn, include: ['TAGS'] })
      const whole = keepAnswer(command)
      const answer = await client.send(command)
      return toTaskDefinition(answer, whole())
    }),
    async tasks(cluster, service, status) {
      return describeTasks(cluster, await taskArns(cluster, service, status))
    },
    async tasksOfEach(cluster, names) {
      const arns = await Promise.all(names.map(name => taskArns(cluster, name, 'RUNNING')))
      const tasks = await describeTasks(cluster, arns.flat())
      return arns.map(own => tasks.filter(task => own.includes(task.arn)))
    },
    async serviceDeployment(arn) {
      // Many IAM policies lack this newer permission; DescribeServices is enough.
      return unlessError(['AccessDeniedException', 'UnsupportedFeatureException'], async () => {
        const answer = await client.send(
          new Sdk.DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [arn] }),
        )
        const found = answer.serviceDeployments?.[0]
        return found && { status: found.status ?? '', statusReason: found.statusReason }
      })
    },
    async registerWithImage(base, container, image) {
      const command = new Sdk.RegisterTaskDefinitionCommand({ family: base.family, containerDefinitions: [] })
      sendWhole(command, copyWithImage(base, container, image))
      const answer = await client.send(command)
      return present(
        answer.taskDefinition?.taskDefinitionArn,
        'RegisterTaskDefinition answered without an ARN',
      )
    },
    async expressService(arn) {
      return unlessError(NOT_EXPRESS, async () => {
        const answer = await client.send(new Sdk.DescribeExpressGatewayServiceCommand({ serviceArn: arn }))
        const configuration = answer.service?.activeConfigurations?.[0]
        const endpoint = configuration?.ingressPaths?.find(path => path.accessType === 'PUBLIC')?.endpoint
        return configuration?.primaryContainer === undefined
          ? undefined
          : { arn, url: endpoint && httpsUrl(endpoint), container: configuration.primaryContainer }
      })
    },
    async updateExpress(service, image) {
      const container = service.container as Sdk.ExpressGatewayContainer
      await client.send(
        new Sdk.UpdateExpressGatewayServiceCommand({
          serviceArn: service.arn,
          primaryContainer: { ...container, image },
        }),
      )
    },
    async stopDeployment(cluster, service, deployment) {
      const described = await client.send(new Sdk.DescribeServicesCommand({ cluster, services: [service] }))
      const [found] = described.services ?? []
      const primary = found?.deployments?.find(({ status }) => status === 'PRIMARY')
      if (primary?.id !== deployment || primary.rolloutState !== 'IN_PROGRESS') return false
      const listed = async () => {
        const status: Sdk.ServiceDeploymentStatus[] = ['PENDING', 'IN_PROGRESS']
        const answer = await client.send(new Sdk.ListServiceDeploymentsCommand({ cluster, service, status }))
        return answer.serviceDeployments?.[0]?.serviceDeploymentArn
      }
      const serviceDeploymentArn = found?.currentServiceDeployment ?? (await listed())
      if (serviceDeploymentArn === undefined) return false
      await client.send(new Sdk.StopServiceDeploymentCommand({ serviceDeploymentArn, stopType: 'ROLLBACK' }))
      return true
    },
    async updateService(change) {
      const answer = await client.send(new Sdk.UpdateServiceCommand(toUpdate(change)))
      const primary = answer.service?.deployments?.find(deployment => deployment.status === 'PRIMARY')
      return {
        deploymentId: present(
          primary?.id,
          `UpdateService of ${change.service} answered without a PRIMARY deployment`,
        ),
      }
    },
  }

  async function services(cluster: string, names: readonly string[]): Promise<readonly EcsService[]> {
    try {
      const answer = await client.send(new Sdk.DescribeServicesCommand({ cluster, services: [...names] }))
      const found = (answer.services ?? []).filter(service => service.status !== 'INACTIVE')
      return found.map(service => toService(service, cluster))
    } catch (error) {
      if (!isAwsError(error, 'ClusterNotFoundException')) throw error
      throw new RolloutError(
        `Input \`cluster\` is \`${cluster}\`, but ${region} has no ECS cluster of that name: set it to the cluster that runs the worker, or correct \`aws-region\`.`,
        { cause: error },
      )
    }
  }

  function taskArns(
    cluster: string,
    serviceName: string,
    desiredStatus: 'RUNNING' | 'STOPPED',
  ): Promise<readonly string[]> {
    return allPages(async nextToken => {
      const page = await client.send(
        new Sdk.ListTasksCommand({ cluster, serviceName, desiredStatus, nextToken }),
      )
      return { items: page.taskArns ?? [], next: page.nextToken }
    })
  }

  async function describeTasks(cluster: string, arns: readonly string[]): Promise<readonly EcsTask[]> {
    if (arns.length === 0) return []
    // DescribeTasks takes at most 100; a Langfuse service runs a handful.
    const answer = await client.send(new Sdk.DescribeTasksCommand({ cluster, tasks: arns.slice(0, 100) }))
    return (answer.tasks ?? []).map(toTask)
  }
}

const NOT_EXPRESS = [
  'ResourceNotFoundException',
  'InvalidParameterException',
  'ServiceNotFoundException',
  'AccessDeniedException',
  'UnsupportedFeatureException',
]

function httpsUrl(endpoint: string): string {
  return endpoint.includes('://') ? endpoint : `https://${endpoint}`
}

function toUpdate(change: ServiceChange): Sdk.UpdateServiceCommandInput {
  return {
    cluster: change.cluster,
    service: change.service,
    ...(change.taskDefinition !== undefined && { taskDefinition: change.taskDefinition }),
    ...(change.force === true && { forceNewDeployment: true }),
    ...(change.settings !== undefined && {
      deploymentConfiguration: {
        ...change.settings.rest,
        minimumHealthyPercent: change.settings.minimumHealthyPercent,
        maximumPercent: change.settings.maximumPercent,
        deploymentCircuitBreaker: { ...breakerRest(change.settings.rest), ...change.settings.circuitBreaker },
      },
    }),
  }
}

function toService(service: Sdk.Service, cluster: string): EcsService {
  const network = service.networkConfiguration?.awsvpcConfiguration
  return {
    arn: service.serviceArn ?? '',
    name: service.serviceName ?? '',
    cluster,
    status: service.status ?? '',
    taskDefinition: service.taskDefinition ?? '',
    desiredCount: service.desiredCount ?? 0,
    runningCount: service.runningCount ?? 0,
    pendingCount: service.pendingCount ?? 0,
    settings: toSettings(service.deploymentConfiguration),
    deployments: (service.deployments ?? []).map(deployment => ({
      id: deployment.id ?? '',
      status: deployment.status ?? '',
      rolloutState: deployment.rolloutState,
      rolloutStateReason: deployment.rolloutStateReason,
      taskDefinition: deployment.taskDefinition ?? '',
      desiredCount: deployment.desiredCount ?? 0,
      runningCount: deployment.runningCount ?? 0,
      failedTasks: deployment.failedTasks ?? 0,
    })),
    events: (service.events ?? []).map(event => ({
      at: event.createdAt?.getTime() ?? 0,
      message: event.message ?? '',
    })),
    subnets: network?.subnets ?? [],
    securityGroups: network?.securityGroups ?? [],
    assignPublicIp: network?.assignPublicIp === 'ENABLED',
    registries: (service.serviceRegistries ?? []).flatMap(registry => registry.registryArn ?? []),
    serviceDeployment: service.currentServiceDeployment,
    capacityProviders: (service.capacityProviderStrategy ?? []).flatMap(item => item.capacityProvider ?? []),
    rebalancing: service.availabilityZoneRebalancing === 'ENABLED',
  }
}

/** ECS's own defaults for a rolling service: 100 % and 200 %, no circuit breaker. */
function toSettings(configuration: Sdk.DeploymentConfiguration | undefined): DeploymentSettings {
  const { minimumHealthyPercent, maximumPercent, ...rest } = configuration ?? {}
  return {
    minimumHealthyPercent: minimumHealthyPercent ?? 100,
    maximumPercent: maximumPercent ?? 200,
    circuitBreaker: {
      enable: configuration?.deploymentCircuitBreaker?.enable ?? false,
      rollback: configuration?.deploymentCircuitBreaker?.rollback ?? false,
    },
    rest,
  }
}

/** Members of the circuit breaker that we do not set (its threshold configuration). */
function breakerRest(rest: DeploymentSettings['rest']): object {
  const breaker = rest?.['deploymentCircuitBreaker']
  return typeof breaker === 'object' && breaker !== null ? breaker : {}
}

type Described = Sdk.DescribeTaskDefinitionCommandOutput

function toTaskDefinition(answer: Described, source: unknown): TaskDefinition {
  const definition = answer.taskDefinition
  return {
    arn: definition?.taskDefinitionArn ?? '',
    family: definition?.family ?? '',
    revision: definition?.revision ?? 0,
    containers: (definition?.containerDefinitions ?? []).map(container =>
      toContainer(container, definition?.memory),
    ),
    volumes: (definition?.volumes ?? []).flatMap(toEfsVolume),
    architecture: definition?.runtimePlatform?.cpuArchitecture ?? 'X86_64',
    taskRole: definition?.taskRoleArn,
    content: contentOf(source as WholeTaskDefinition),
    source,
  }
}

function toContainer(container: Sdk.ContainerDefinition, taskMemory: string | undefined): Container {
  const logs = container.logConfiguration
  return {
    name: container.name ?? '',
    image: container.image ?? '',
    essential: container.essential ?? true,
    environment: Object.fromEntries(
      (container.environment ?? []).map(pair => [pair.name ?? '', pair.value ?? '']),
    ),
    secrets: Object.fromEntries(
      (container.secrets ?? []).map(secret => [secret.name ?? '', secret.valueFrom ?? '']),
    ),
    environmentFiles: container.environmentFiles?.length ?? 0,
    memory: container.memory ?? (taskMemory === undefined ? undefined : Number(taskMemory)),
    mounts: (container.mountPoints ?? []).map(point => ({
      volume: point.sourceVolume ?? '',
      path: point.containerPath ?? '',
    })),
    user: container.user,
    logGroup: logs?.logDriver === 'awslogs' ? logs.options?.['awslogs-group'] : undefined,
    logStreamPrefix: logs?.options?.['awslogs-stream-prefix'],
    healthCheck: container.healthCheck && toHealthCheck(container.healthCheck),
    stopTimeout: container.stopTimeout,
    openFiles: container.ulimits?.find(limit => limit.name === 'nofile')?.softLimit,
  }
}

/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html has the defaults. */
function toHealthCheck({ interval, retries, startPeriod }: Sdk.HealthCheck): ContainerHealthCheck {
  return { interval: interval ?? 30, retries: retries ?? 3, startPeriod: startPeriod ?? 0 }
}

function toEfsVolume(volume: Sdk.Volume): readonly EfsVolume[] {
  const efs = volume.efsVolumeConfiguration
  if (efs === undefined) return []
  return [
    {
      name: volume.name ?? '',
      fileSystemId: efs.fileSystemId ?? '',
      rootDirectory: efs.rootDirectory ?? '/',
      accessPointId: efs.authorizationConfig?.accessPointId,
      encrypted: efs.transitEncryption === 'ENABLED',
      iam: efs.authorizationConfig?.iam === 'ENABLED',
    },
  ]
}

/** Members that DescribeTaskDefinition adds and RegisterTaskDefinition refuses; all others are copied. */
const DESCRIBED_ONLY = [
  'taskDefinitionArn',
  'revision',
  'status',
  'requiresAttributes',
  'compatibilities',
  'registeredAt',
  'registeredBy',
  'deregisteredAt',
] as const

function copyWithImage(
  base: TaskDefinition,
  container: string,
  image: string,
): Readonly<Record<string, unknown>> {
  const described = base.source as WholeTaskDefinition
  const definition = { ...described.taskDefinition }
  for (const member of DESCRIBED_ONLY) delete definition[member]
  const containers = described.taskDefinition.containerDefinitions
  // ECS refuses tags with AWS's own prefix `aws:` (CloudFormation's) from callers.
  const tags = (described.tags ?? []).filter(tag => !tag.key?.startsWith('aws:'))
  return {
    ...definition,
    containerDefinitions: containers.map(item => (item['name'] === container ? { ...item, image } : item)),
    // ECS refuses an empty list: "Tags can not be empty".
    ...(tags.length > 0 && { tags }),
  }
}

function contentOf(described: WholeTaskDefinition): TaskContent {
  const { containerDefinitions, family: _family, ...task } = described.taskDefinition
  for (const member of DESCRIBED_ONLY) delete task[member]
  const containers = containerDefinitions.map(container => [String(container['name']), container] as const)
  return { task, containers: Object.fromEntries(containers) }
}

/** DescribeTaskDefinition's answer as unchanged JSON. */
type WholeTaskDefinition = {
  readonly taskDefinition: Record<string, unknown> & {
    readonly containerDefinitions: readonly Readonly<Record<string, unknown>>[]
  }
  readonly tags?: readonly { readonly key?: string; readonly value?: string }[]
}

function present<Value>(value: Value | undefined, problem: string): Value {
  if (value === undefined)
    throw new RolloutError(`${problem}: run again, and report this if it happens again.`)
  return value
}

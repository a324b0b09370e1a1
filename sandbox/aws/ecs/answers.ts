import { type JsonObject, reader } from '../json.ts'
import { zoneOf } from '../zones.ts'
import { containersOf } from './container.ts'
import { breakerThreshold, tasksOf } from './scheduler.ts'
import type { Cluster, Deployment, Service, ServiceDeployment, ServiceRevision, Task } from './types.ts'

export function serviceAnswer(service: Service, withTags: boolean): JsonObject {
  const current = service.serviceDeployments.find(record => record.finishedAt === undefined)
  return {
    ...service.settings,
    serviceArn: service.arn,
    serviceName: service.name,
    clusterArn: service.cluster.arn,
    loadBalancers: service.settings.loadBalancers ?? [],
    serviceRegistries: service.settings.serviceRegistries ?? [],
    status: service.status,
    desiredCount: service.desiredCount,
    ...counts(tasksOf(service)),
    platformVersion: service.settings.platformVersion ?? 'LATEST',
    platformFamily: 'Linux',
    taskDefinition: service.taskDefinition.arn,
    deploymentConfiguration: configurationAnswer(service),
    deployments: service.deployments.map(deployment => deploymentAnswer(service, deployment)),
    roleArn: 'arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS',
    events: service.events,
    createdAt: service.createdAt,
    currentServiceDeployment: current?.arn,
    currentServiceRevisions: service.deployments.map(({ revision }) => revisionCounts(service, revision)),
    placementConstraints: [],
    placementStrategy: [],
    schedulingStrategy: service.settings.schedulingStrategy ?? 'REPLICA',
    deploymentController: service.settings.deploymentController ?? { type: 'ECS' },
    createdBy: 'arn:aws:iam::123456789012:user/sandbox',
    enableECSManagedTags: service.settings.enableECSManagedTags ?? false,
    propagateTags: service.settings.propagateTags ?? 'NONE',
    enableExecuteCommand: service.settings.enableExecuteCommand ?? false,
    availabilityZoneRebalancing: service.settings.availabilityZoneRebalancing ?? 'ENABLED',
    tags: withTags ? service.tags : undefined,
    resourceManagementType: service.express ? 'ECS' : 'CUSTOMER',
    // Only its deployments carry it in an answer.
    serviceConnectConfiguration: undefined,
    volumeConfigurations: undefined,
  }
}

export function configurationAnswer(service: Service): JsonObject {
  const { rest, ...configuration } = service.deploymentConfiguration
  return { strategy: 'ROLLING', bakeTimeInMinutes: 0, ...rest, ...configuration }
}

function deploymentAnswer(service: Service, deployment: Deployment): JsonObject {
  const tasks = tasksOf(service).filter(task => task.deployment === deployment)
  const { settings } = deployment
  return {
    id: deployment.id,
    status: deployment.status,
    taskDefinition: deployment.taskDefinition.arn,
    desiredCount: deployment.status === 'PRIMARY' ? service.desiredCount : 0,
    ...counts(tasks),
    failedTasks: deployment.failedTasks,
    createdAt: deployment.createdAt,
    updatedAt: deployment.updatedAt,
    launchType: settings.launchType,
    capacityProviderStrategy: settings.capacityProviderStrategy,
    platformVersion: '1.4.0',
    platformFamily: 'Linux',
    networkConfiguration: settings.networkConfiguration,
    serviceConnectConfiguration: settings.serviceConnectConfiguration,
    rolloutState: deployment.rolloutState,
    rolloutStateReason: deployment.rolloutStateReason,
  }
}

function counts(tasks: readonly Task[]) {
  const pending = tasks.filter(task => ['PROVISIONING', 'PENDING', 'ACTIVATING'].includes(task.lastStatus))
  return {
    runningCount: tasks.filter(task => task.lastStatus === 'RUNNING').length,
    pendingCount: pending.filter(task => task.desiredStatus === 'RUNNING').length,
  }
}

function revisionCounts(service: Service, revision: ServiceRevision) {
  const { runningCount, pendingCount } = counts(
    tasksOf(service).filter(task => task.deployment?.revision === revision),
  )
  const primary = service.deployments[0]?.revision === revision
  return {
    arn: revision.arn,
    requestedTaskCount: primary ? service.desiredCount : 0,
    runningTaskCount: runningCount,
    pendingTaskCount: pendingCount,
  }
}

export function serviceDeploymentBrief(service: Service, record: ServiceDeployment): JsonObject {
  return {
    serviceDeploymentArn: record.arn,
    serviceArn: service.arn,
    clusterArn: service.cluster.arn,
    createdAt: record.createdAt,
    startedAt: record.startedAt,
    finishedAt: record.finishedAt,
    targetServiceRevisionArn: record.deployment.revision.arn,
    status: record.status,
    statusReason: record.statusReason,
  }
}

export function serviceDeploymentAnswer(service: Service, record: ServiceDeployment): JsonObject {
  const { targetServiceRevisionArn: _, ...brief } = serviceDeploymentBrief(service, record)
  return {
    ...brief,
    stoppedAt: record.stoppedAt,
    updatedAt: record.updatedAt,
    sourceServiceRevisions: record.source ? [revisionCounts(service, record.source)] : [],
    targetServiceRevision: revisionCounts(service, record.deployment.revision),
    lifecycleStage: record.lifecycleStage,
    deploymentConfiguration: configurationAnswer(service),
    rollback: record.rollback && {
      reason: record.rollback.reason,
      startedAt: record.rollback.startedAt,
      serviceRevisionArn: record.rollback.revision.arn,
    },
    deploymentCircuitBreaker: {
      status: record.breaker,
      failureCount: record.deployment.failureCount,
      threshold: breakerThreshold(service.desiredCount),
    },
    alarms: { status: 'DISABLED', alarmNames: [] },
  }
}

export function revisionAnswer(service: Service, revision: ServiceRevision): JsonObject {
  const task = tasksOf(service).find(candidate => candidate.deployment?.revision === revision)
  return {
    serviceRevisionArn: revision.arn,
    serviceArn: service.arn,
    clusterArn: service.cluster.arn,
    taskDefinition: revision.taskDefinition.arn,
    launchType: revision.settings.launchType,
    capacityProviderStrategy: revision.settings.capacityProviderStrategy,
    platformVersion: '1.4.0',
    platformFamily: 'Linux',
    loadBalancers: revision.settings.loadBalancers,
    serviceRegistries: revision.settings.serviceRegistries,
    networkConfiguration: revision.settings.networkConfiguration,
    serviceConnectConfiguration: revision.settings.serviceConnectConfiguration,
    containerImages: containersOf(revision.taskDefinition).map((view, index) => ({
      containerName: view.name,
      image: view.image,
      imageDigest: task?.containers[index]?.imageDigest,
    })),
    guardDutyEnabled: false,
    createdAt: revision.createdAt,
  }
}

export function clusterAnswer(cluster: Cluster, include: readonly string[]): JsonObject {
  const tasks = [...cluster.tasks.values()]
  const of = (name: string, key: string) => (include.includes(key) ? cluster.input[name] : undefined)
  const { runningCount, pendingCount } = counts(tasks)
  return {
    clusterArn: cluster.arn,
    clusterName: cluster.name,
    status: 'ACTIVE',
    registeredContainerInstancesCount: 0,
    runningTasksCount: runningCount,
    pendingTasksCount: pendingCount,
    activeServicesCount: [...cluster.services.values()].filter(service => service.status === 'ACTIVE').length,
    statistics: [],
    tags: include.includes('TAGS') ? cluster.tags : [],
    settings: of('settings', 'SETTINGS') ?? [],
    configuration: of('configuration', 'CONFIGURATIONS'),
    capacityProviders: cluster.input.capacityProviders ?? [],
    defaultCapacityProviderStrategy: cluster.input.defaultCapacityProviderStrategy ?? [],
    serviceConnectDefaults: cluster.input.serviceConnectDefaults,
  }
}

export function taskAnswer(task: Task, withTags: boolean): JsonObject {
  const document = reader(task.taskDefinition.document)
  const overridden = reader(task.input.overrides)
  const attached = task.times.connectivityAt !== undefined
  return {
    attachments: [attachmentAnswer(task)],
    attributes: [{ name: 'ecs.cpu-architecture', value: architecture(task) }],
    availabilityZone: zoneOf(task.address).name,
    capacityProviderName: task.input.capacityProvider,
    clusterArn: task.cluster.arn,
    connectivity: attached ? 'CONNECTED' : undefined,
    containers: task.containers.map((_, index) => containerAnswer(task, index)),
    cpu: overridden.text('cpu') ?? document.text('cpu'),
    createdAt: task.createdAt,
    desiredStatus: task.desiredStatus,
    enableExecuteCommand: task.input.enableExecuteCommand,
    group: task.input.group,
    healthStatus: taskHealth(task),
    lastStatus: task.lastStatus,
    launchType: task.input.launchType ?? 'FARGATE',
    memory: overridden.text('memory') ?? document.text('memory'),
    overrides: { containerOverrides: [], inferenceAcceleratorOverrides: [], ...task.input.overrides },
    platformVersion: task.input.platformVersion,
    platformFamily: 'Linux',
    startedBy: task.input.startedBy,
    stopCode: task.stopCode,
    stoppedReason: task.stoppedReason,
    tags: withTags ? task.tags : [],
    taskArn: task.arn,
    taskDefinitionArn: task.taskDefinition.arn,
    version: task.version,
    ephemeralStorage: { sizeInGiB: 20 },
    fargateEphemeralStorage: { sizeInGiB: 20 },
    ...task.times,
  }
}

function attachmentAnswer(task: Task) {
  const attached = task.times.connectivityAt !== undefined
  const details = [
    { name: 'subnetId', value: task.subnetId },
    { name: 'networkInterfaceId', value: task.interfaceId },
    { name: 'macAddress', value: task.macAddress },
    {
      name: 'privateDnsName',
      value: `ip-${task.address.replaceAll('.', '-')}.ap-northeast-1.compute.internal`,
    },
    { name: 'privateIPv4Address', value: task.address },
  ]
  return {
    id: task.attachmentId,
    type: 'ElasticNetworkInterface',
    status: task.lastStatus === 'STOPPED' ? 'DELETED' : attached ? 'ATTACHED' : 'PRECREATED',
    // The interface has its address from the moment it is attached.
    details: attached ? details : details.slice(0, 1),
  }
}

function containerAnswer(task: Task, index: number): JsonObject {
  const container = task.containers[index]
  const attached = task.times.connectivityAt !== undefined
  return {
    containerArn: container?.arn,
    taskArn: task.arn,
    name: container?.name,
    image: container?.image,
    imageDigest: container?.imageDigest,
    runtimeId: container?.running ? container.runtimeId : undefined,
    lastStatus: container?.lastStatus,
    exitCode: container?.exitCode,
    reason: container?.reason,
    networkBindings: [],
    networkInterfaces: attached
      ? [{ attachmentId: task.attachmentId, privateIpv4Address: task.address }]
      : [],
    healthStatus: container?.health,
    cpu: '0',
  }
}

function taskHealth(task: Task): string {
  const checked = task.containers.filter((_, index) => containersOf(task.taskDefinition)[index]?.healthCheck)
  if (checked.some(container => container.health === 'UNHEALTHY')) return 'UNHEALTHY'
  if (checked.length > 0 && checked.every(container => container.health === 'HEALTHY')) return 'HEALTHY'
  return 'UNKNOWN'
}

function architecture(task: Task): string {
  const platform = reader(reader(task.taskDefinition.document).object('runtimePlatform'))
  return platform.text('cpuArchitecture') === 'ARM64' ? 'arm64' : 'x86_64'
}

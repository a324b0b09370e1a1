import type * as Sdk from '@aws-sdk/client-ecs'
import type { DerivedTask, TaskDefinition } from '../ports/cloud.ts'

/** Bytes of the request that registers a derived task: ECS accepts 64 KiB. */
export function sizeOfDerived(base: TaskDefinition, derived: DerivedTask): number {
  return Buffer.byteLength(JSON.stringify(derive(base, derived)))
}

export function derive(base: TaskDefinition, derived: DerivedTask): Sdk.RegisterTaskDefinitionCommandInput {
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

import { spawn, spawnSync } from 'node:child_process'
import { AppRunnerClient, DescribeServiceCommand } from '@aws-sdk/client-apprunner'
import { CloudWatchLogsClient, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import { DescribeImagesCommand, ECRClient } from '@aws-sdk/client-ecr'
import {
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs'
import { DescribeFileSystemPolicyCommand, DescribeMountTargetsCommand, EFSClient } from '@aws-sdk/client-efs'
import { GetServiceCommand, ServiceDiscoveryClient } from '@aws-sdk/client-servicediscovery'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { expect, test } from '@jest/globals'
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
  until,
  withSandbox,
} from './aws-helpers.ts'

const config = (sandbox: Sandbox) => ({
  endpoint: sandbox.endpoint,
  region: 'ap-northeast-1',
  credentials: { accessKeyId: 'AKIASANDBOX', secretAccessKey: 'sandbox' },
  maxAttempts: 1,
})

async function startStack(sandbox: Sandbox) {
  const { world } = sandbox
  await world.call('ecs', 'CreateCluster', { clusterName: 'c' })
  const efs = world.efs.createFileSystem({
    creationToken: 'data',
    mountTargets: [{ subnetId: 'subnet-0aaa', securityGroups: ['sg-0ccc'] }],
  })
  const namespace = world.cloudMap.createNamespace('langfuse.local')
  const registry = world.cloudMap.createService({
    namespaceId: namespace.id,
    name: 'app',
    ttl: 10,
    customHealth: true,
  })
  push(sandbox, 'good', { kind: 'scripted', startSeconds: 3 })
  const taskDefinition = await world.registerTaskDefinition(definition('good', { healthCheck: HEALTH }))
  await world.createService({
    cluster: 'c',
    serviceName: 'app',
    taskDefinition,
    desiredCount: 1,
    networkConfiguration: NETWORK,
    serviceRegistries: [{ registryArn: registry.arn }],
  })
  push(sandbox, 'web', { kind: 'scripted', startSeconds: 2 })
  const web = await world.createAppRunnerService({
    ServiceName: 'langfuse_web',
    SourceConfiguration: {
      AuthenticationConfiguration: { AccessRoleArn: 'arn:aws:iam::123456789012:role/ecr' },
      ImageRepository: {
        ImageIdentifier: '123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/app:web',
        ImageRepositoryType: 'ECR',
      },
    },
  })
  await until(() => service(sandbox), isSteady)
  return { efs, registry, web }
}

test('the SDK reads what is missing as the errors that AWS has for it', async () => {
  await withSandbox({}, async sandbox => {
    const { efs, web } = await startStack(sandbox)
    const ecs = new ECSClient(config(sandbox))
    const services = (cluster: string) =>
      ecs.send(new DescribeServicesCommand({ cluster, services: ['app', 'none'] }))
    await expect(services('none')).rejects.toMatchObject({
      name: 'ClusterNotFoundException',
      message: 'Cluster not found.',
    })
    expect((await services('c')).failures).toEqual([
      { arn: 'arn:aws:ecs:ap-northeast-1:123456789012:service/c/none', reason: 'MISSING' },
    ])
    const update = (service: string, taskDefinition: string) =>
      ecs.send(new UpdateServiceCommand({ cluster: 'c', service, taskDefinition }))
    await expect(update('none', 'app')).rejects.toMatchObject({ name: 'ServiceNotFoundException' })
    await expect(update('app', 'app:99')).rejects.toMatchObject({
      name: 'ClientException',
      message: 'TaskDefinition not found.',
    })
    const oversized = definition('good', {}, { cpu: '256', memory: '9999' })
    await expect(
      ecs.send(new RegisterTaskDefinitionCommand({ ...oversized } as never)),
    ).rejects.toMatchObject({
      name: 'ClientException',
      message: expect.stringContaining(
        'No Fargate configuration exists for given values: 256 CPU, 9999 memory.',
      ),
    })

    const appRunner = new AppRunnerClient(config(sandbox))
    const unknown = new DescribeServiceCommand({ ServiceArn: `${web}0` })
    await expect(appRunner.send(unknown)).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
    const found = await appRunner.send(new DescribeServiceCommand({ ServiceArn: web }))
    expect(found.Service?.CreatedAt).toBeInstanceOf(Date)

    const files = new EFSClient(config(sandbox))
    const targets = await files.send(new DescribeMountTargetsCommand({ FileSystemId: efs.id }))
    expect(targets.MountTargets).toMatchObject([{ SubnetId: 'subnet-0aaa', LifeCycleState: 'available' }])
    await expect(files.send(new DescribeMountTargetsCommand({ FileSystemId: 'fs-0' }))).rejects.toMatchObject(
      {
        name: 'FileSystemNotFound',
        $metadata: { httpStatusCode: 404 },
      },
    )
    await expect(
      files.send(new DescribeFileSystemPolicyCommand({ FileSystemId: efs.id })),
    ).rejects.toMatchObject({
      name: 'PolicyNotFound',
    })

    const ecr = new ECRClient(config(sandbox))
    const image = (repositoryName: string) =>
      ecr.send(new DescribeImagesCommand({ repositoryName, imageIds: [{ imageTag: '9.9.9' }] }))
    await expect(image('app')).rejects.toMatchObject({
      name: 'ImageNotFoundException',
      message:
        "The image with imageId {imageDigest:'null', imageTag:'9.9.9'} does not exist within the repository with name 'app' in the registry with id '123456789012'",
    })
    await expect(image('none')).rejects.toMatchObject({ name: 'RepositoryNotFoundException' })

    const map = new ServiceDiscoveryClient(config(sandbox))
    await expect(map.send(new GetServiceCommand({ Id: 'srv-none' }))).rejects.toMatchObject({
      name: 'ServiceNotFound',
    })
    const logs = new CloudWatchLogsClient(config(sandbox))
    const events = new GetLogEventsCommand({ logGroupName: '/none', logStreamName: 'x' })
    await expect(logs.send(events)).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
    const identity = await new STSClient(config(sandbox)).send(new GetCallerIdentityCommand({}))
    expect(identity.Account).toBe('123456789012')
  })
})

test('an operation that the sandbox does not know is refused by name', async () => {
  await withSandbox({}, async sandbox => {
    expect(await send(sandbox, `${ECS}.CreateTaskSet`)).toMatchObject({
      body: {
        __type: expect.stringContaining('UnknownOperationException'),
        message: expect.stringMatching(
          /^The sandbox does not know ecs CreateTaskSet\. It knows: CreateCluster/,
        ),
      },
    })
  })
})

test('arranged faults meet the calls they are for, and every call is recorded', async () => {
  await withSandbox({}, async sandbox => {
    await startStack(sandbox)
    const { faults } = sandbox.world
    const ecs = new ECSClient({ ...config(sandbox), maxAttempts: 1 })
    const describe = () => ecs.send(new DescribeServicesCommand({ cluster: 'c', services: ['app'] }))
    const before = await describe()
    const from = sandbox.requests.length
    faults.add({ operation: 'DescribeServices', kind: 'throttle' })
    faults.add({ operation: 'ecs.DescribeServices', kind: 'server-error' })
    faults.add({ operation: 'DescribeServices', kind: 'reset' })
    await expect(describe()).rejects.toMatchObject({ name: 'ThrottlingException' })
    await expect(describe()).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } })
    await expect(describe()).rejects.toThrow()
    faults.add({ operation: 'DescribeServices', kind: 'stale' })
    await ecs.send(new UpdateServiceCommand({ cluster: 'c', service: 'app', desiredCount: 2 }))
    expect((await describe()).services?.[0]?.desiredCount).toBe(before.services?.[0]?.desiredCount)
    expect((await describe()).services?.[0]?.desiredCount).toBe(2)
    faults.add({ operation: 'UpdateService', kind: 'lost-answer' })
    const update = new UpdateServiceCommand({ cluster: 'c', service: 'app', desiredCount: 3 })
    await expect(ecs.send(update)).rejects.toThrow()
    expect((await describe()).services?.[0]?.desiredCount).toBe(3)
    expect(sandbox.requests.slice(from).map(r => `${r.operation} ${r.error ?? r.status}`)).toEqual([
      'DescribeServices ThrottlingException',
      'DescribeServices ServerException',
      'DescribeServices reset',
      'UpdateService 200',
      'DescribeServices 200',
      'DescribeServices 200',
      'UpdateService reset',
      'DescribeServices 200',
    ])
  })
})

test('members of a task definition that the sandbox does not know are kept', async () => {
  await withSandbox({}, async sandbox => {
    await sandbox.world.registerTaskDefinition(
      definition(
        'good',
        { newContainerMember: { a: [1] }, dockerLabels: { x: 'y' } },
        { newMember: 'kept', revision: 77 },
      ),
    )
    const { body } = await send(sandbox, `${ECS}.DescribeTaskDefinition`, { taskDefinition: 'app' })
    expect(body.taskDefinition).toMatchObject({
      revision: 1,
      newMember: 'kept',
      containerDefinitions: [{ newContainerMember: { a: [1] }, dockerLabels: { x: 'y' }, mountPoints: [] }],
    })
  })
})

const cli = spawnSync('aws', ['--version']).status === 0
const whereCli = cli ? test : test.skip

/** Not spawnSync: the sandbox answers from this very process. */
function aws(sandbox: Sandbox, args: readonly string[]): Promise<unknown> {
  const child = spawn('aws', [...args, '--output', 'json'], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...sandbox.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let errors = ''
  child.stdout.on('data', chunk => {
    output += chunk
  })
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  return new Promise((resolve, reject) => {
    child.on('close', status => (status === 0 ? resolve(JSON.parse(output)) : reject(new Error(errors))))
  })
}

whereCli("the AWS CLI reads the sandbox's answers (skipped where aws is not installed)", async () => {
  await withSandbox({}, async sandbox => {
    const { efs, registry, web } = await startStack(sandbox)
    const answers = await Promise.all([
      aws(sandbox, ['ecs', 'describe-services', '--cluster', 'c', '--services', 'app']),
      aws(sandbox, ['apprunner', 'list-operations', '--service-arn', web]),
      aws(sandbox, ['efs', 'describe-mount-targets', '--file-system-id', efs.id]),
      aws(sandbox, ['servicediscovery', 'list-instances', '--service-id', registry.id]),
      aws(sandbox, ['sts', 'get-caller-identity']),
    ])
    expect(answers).toMatchObject([
      {
        services: [{ serviceName: 'app', runningCount: 1, deployments: [{ rolloutState: 'COMPLETED' }] }],
        failures: [],
      },
      { OperationSummaryList: [{ Type: 'CREATE_SERVICE' }] },
      { MountTargets: [{ FileSystemId: efs.id, IpAddress: expect.stringMatching(/^10\.0\.11\./) }] },
      { Instances: [{ Attributes: { ECS_SERVICE_NAME: 'app', AWS_INSTANCE_IPV4: expect.any(String) } }] },
      { Account: '123456789012' },
    ])
    await expect(aws(sandbox, ['ecs', 'list-services', '--cluster', 'none'])).rejects.toThrow(
      /ClusterNotFoundException/,
    )
  })
})

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { tcp } from '../../sandbox/aws/ec2.ts'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import type { JsonObject } from '../../sandbox/aws/json.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import {
  DATABASE,
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

const MAP = 'Route53AutoNaming_v20170314'
const ECR = 'AmazonEC2ContainerRegistry_V20150921'
const LOGS = 'Logs_20140328'
const NAMES: Readonly<Record<string, string>> = {
  [ECS]: 'ecs',
  AppRunner: 'apprunner',
  [MAP]: 'servicediscovery',
  [ECR]: 'ecr',
  [LOGS]: 'logs',
}

const SIGNED = (service: string) =>
  `AWS4-HMAC-SHA256 Credential=AKIA/20261122/ap-northeast-1/${service}/aws4_request`

type Recorded = { readonly service: string; readonly operation: string; readonly body: JsonObject | string }

/** Sends operations and keeps the answers, in the order in which they were asked. */
function recorder(sandbox: Sandbox) {
  const answers: Recorded[] = []
  const ask = async (target: string, operation: string, input: JsonObject = {}) => {
    const { status, body } = await send(sandbox, `${target}.${operation}`, input)
    if (status !== 200) throw new Error(`${operation}: ${JSON.stringify(body)}`)
    answers.push({ service: NAMES[target] ?? target, operation, body })
    return body
  }
  const get = async (operation: string, path: string) => {
    const response = await fetch(`${sandbox.endpoint}/2015-02-01/${path}`, {
      headers: { authorization: 'x' },
    })
    const body = (await response.json()) as JsonObject
    if (response.status !== 200) throw new Error(`${operation}: ${JSON.stringify(body)}`)
    answers.push({ service: 'efs', operation, body })
    return body
  }
  const backup = async (operation: string, path: string, input?: JsonObject) => {
    const response = await fetch(`${sandbox.endpoint}${path}`, {
      method: input ? 'PUT' : 'GET',
      headers: { authorization: SIGNED('backup') },
      ...(input ? { body: JSON.stringify(input) } : {}),
    })
    const body = (await response.json()) as JsonObject
    if (response.status !== 200) throw new Error(`${operation}: ${JSON.stringify(body)}`)
    answers.push({ service: 'backup', operation, body })
    return body
  }
  const form = async (service: string, operation: string, input: Readonly<Record<string, string>> = {}) => {
    const response = await fetch(sandbox.endpoint, {
      method: 'POST',
      headers: { authorization: SIGNED(service), 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ Action: operation, ...input }).toString(),
    })
    const body = await response.text()
    if (response.status !== 200) throw new Error(`${operation}: ${body}`)
    answers.push({ service, operation, body })
    return body
  }
  return { answers, ask, get, backup, form }
}

async function everyAnswer(sandbox: Sandbox): Promise<readonly Recorded[]> {
  const { answers, ask, get, backup, form } = recorder(sandbox)
  await askEcs(sandbox, ask)
  await askExpress(sandbox, ask)
  await askAppRunner(sandbox, ask)
  await askOthers(sandbox, ask, get)
  await askBackups(sandbox, backup, form)
  await askNetwork(sandbox, ask, form)
  return answers
}

type Recorder = ReturnType<typeof recorder>
type Ask = Recorder['ask']
type Get = Recorder['get']

async function askEcs(sandbox: Sandbox, ask: Ask) {
  const { world } = sandbox
  await ask(ECS, 'CreateCluster', { clusterName: 'c', tags: [{ key: 'Name', value: 'c' }] })
  world.logs.createGroup('/ecs/app')
  const efs = world.efs.createFileSystem({
    creationToken: 'data',
    tags: { Name: 'data' },
    policy:
      '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"elasticfilesystem:ClientMount"}]}',
    mountTargets: [{ subnetId: 'subnet-0aaa', securityGroups: ['sg-0ccc'] }],
  })
  world.efs.createAccessPoint(efs.id, { path: '/clickhouse', uid: 101, gid: 101 })
  const namespace = world.cloudMap.createNamespace('langfuse.local')
  const registry = world.cloudMap.createService({
    namespaceId: namespace.id,
    name: 'app',
    ttl: 10,
    customHealth: true,
  })
  push(sandbox, 'good', { kind: 'scripted', startSeconds: 3, log: ['hello'] })
  push(sandbox, 'bad', { kind: 'scripted', exitAfter: 1, exitCode: 1 })
  const container = {
    healthCheck: HEALTH,
    mountPoints: [{ sourceVolume: 'data', containerPath: '/data' }],
    environment: [{ name: 'A', value: '1' }],
    logConfiguration: {
      logDriver: 'awslogs',
      options: { 'awslogs-group': '/ecs/app', 'awslogs-stream-prefix': 'p' },
    },
  }
  const volumes = [{ name: 'data', efsVolumeConfiguration: { fileSystemId: efs.id, rootDirectory: '/' } }]
  const tags = [{ key: 'team', value: 'llm' }]
  const register = (tag: string) =>
    ask(ECS, 'RegisterTaskDefinition', definition(tag, container, { volumes, tags }))
  await register('good')
  const created = await ask(ECS, 'CreateService', {
    cluster: 'c',
    serviceName: 'app',
    taskDefinition: 'app:1',
    desiredCount: 1,
    launchType: 'FARGATE',
    networkConfiguration: NETWORK,
    serviceRegistries: [{ registryArn: registry.arn }],
    serviceConnectConfiguration: { enabled: true },
    deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
    tags,
  })
  await ask(ECS, 'DescribeServices', { cluster: 'c', services: ['app', 'none'], include: ['TAGS'] })
  await until(() => service(sandbox), isSteady)
  await register('bad')
  await ask(ECS, 'UpdateService', { cluster: 'c', service: 'app', taskDefinition: 'app:2' })
  await until(
    () => service(sandbox),
    seen => isSteady(seen) && seen.events.some(e => e.message.includes('rolling back')),
  )
  await ask(ECS, 'DescribeServices', { cluster: 'c', services: ['app'], include: ['TAGS'] })
  await ask(ECS, 'ListServices', { cluster: 'c' })
  await ask(ECS, 'DescribeTaskDefinition', { taskDefinition: 'app', include: ['TAGS'] })
  await ask(ECS, 'ListTaskDefinitions', { familyPrefix: 'app' })
  await ask(ECS, 'DescribeClusters', {
    clusters: ['c', 'none'],
    include: ['TAGS', 'SETTINGS', 'CONFIGURATIONS'],
  })
  await ask(ECS, 'ListClusters')
  const run = { cluster: 'c', taskDefinition: 'app:1', networkConfiguration: NETWORK, clientToken: 't', tags }
  await ask(ECS, 'RunTask', run)
  for (const desiredStatus of ['RUNNING', 'STOPPED']) {
    const { taskArns } = await ask(ECS, 'ListTasks', { cluster: 'c', desiredStatus })
    await ask(ECS, 'DescribeTasks', {
      cluster: 'c',
      tasks: [...(taskArns as string[]), 'none'],
      include: ['TAGS'],
    })
    await ask(ECS, 'StopTask', { cluster: 'c', task: (taskArns as string[])[0], reason: 'enough' })
  }
  const list = await ask(ECS, 'ListServiceDeployments', { cluster: 'c', service: 'app' })
  const serviceDeploymentArns = (list.serviceDeployments as { serviceDeploymentArn: string }[]).map(
    d => d.serviceDeploymentArn,
  )
  const described = await ask(ECS, 'DescribeServiceDeployments', { serviceDeploymentArns })
  const [target] = described.serviceDeployments as { targetServiceRevision: { arn: string } }[]
  await ask(ECS, 'DescribeServiceRevisions', {
    serviceRevisionArns: [target?.targetServiceRevision.arn, 'none'],
  })
  await ask(ECS, 'UpdateService', { cluster: 'c', service: 'app', forceNewDeployment: true })
  const now = await ask(ECS, 'DescribeServices', { cluster: 'c', services: ['app'] })
  const [{ currentServiceDeployment: serviceDeploymentArn }] = now.services as [
    { currentServiceDeployment: string },
  ]
  await ask(ECS, 'StopServiceDeployment', { serviceDeploymentArn, stopType: 'ROLLBACK' })
  await ask(ECS, 'DescribeServiceDeployments', { serviceDeploymentArns: [serviceDeploymentArn] })
  const { serviceArn: resourceArn } = created.service as { serviceArn: string }
  await ask(ECS, 'TagResource', { resourceArn, tags: [{ key: 'a', value: 'b' }] })
  await ask(ECS, 'ListTagsForResource', { resourceArn })
  await ask(ECS, 'DeregisterTaskDefinition', { taskDefinition: 'app:2' })
}

async function askExpress(sandbox: Sandbox, ask: Ask) {
  const primaryContainer = { image: `${REGISTRY}/app:good`, containerPort: 3000, environment: [] }
  const { service: made } = await ask(ECS, 'CreateExpressGatewayService', {
    cluster: 'c',
    serviceName: 'web',
    executionRoleArn: 'arn:aws:iam::123456789012:role/execution',
    infrastructureRoleArn: 'arn:aws:iam::123456789012:role/infrastructure',
    primaryContainer,
    tags: [{ key: 'team', value: 'llm' }],
  })
  const { serviceArn } = made as { serviceArn: string }
  await until(() => service(sandbox, 'web'), isSteady)
  await ask(ECS, 'UpdateExpressGatewayService', { serviceArn, primaryContainer, healthCheckPath: '/health' })
  await ask(ECS, 'DescribeExpressGatewayService', { serviceArn, include: ['TAGS'] })
  await ask(ECS, 'DescribeServices', { cluster: 'c', services: ['web'] })
  await until(() => service(sandbox, 'web'), isSteady)
  const list = await ask(ECS, 'ListServiceDeployments', { cluster: 'c', service: 'web' })
  const [newest] = list.serviceDeployments as { serviceDeploymentArn: string }[]
  await ask(ECS, 'DescribeServiceDeployments', { serviceDeploymentArns: [newest?.serviceDeploymentArn] })
  await ask(ECS, 'DeleteExpressGatewayService', { serviceArn })
}

async function askAppRunner(sandbox: Sandbox, ask: Ask) {
  push(sandbox, 'web', { kind: 'scripted', startSeconds: 2 })
  const SourceConfiguration = {
    AuthenticationConfiguration: { AccessRoleArn: 'arn:aws:iam::123456789012:role/ecr' },
    ImageRepository: {
      ImageIdentifier: `${REGISTRY}/app:web`,
      ImageRepositoryType: 'ECR',
      ImageConfiguration: { Port: '3000', RuntimeEnvironmentVariables: { A: '1' } },
    },
  }
  const { Service } = await ask('AppRunner', 'CreateService', {
    ServiceName: 'langfuse_web',
    SourceConfiguration,
  })
  const { ServiceArn } = Service as { ServiceArn: string }
  const status = () =>
    ask('AppRunner', 'DescribeService', { ServiceArn }).then(body => (body.Service as JsonObject).Status)
  await until(status, seen => seen === 'RUNNING')
  await ask('AppRunner', 'UpdateService', {
    ServiceArn,
    HealthCheckConfiguration: { Protocol: 'HTTP', Path: '/' },
  })
  await until(status, seen => seen === 'RUNNING')
  await ask('AppRunner', 'StartDeployment', { ServiceArn })
  await until(status, seen => seen === 'RUNNING')
  await ask('AppRunner', 'PauseService', { ServiceArn })
  await until(status, seen => seen === 'PAUSED')
  await ask('AppRunner', 'ResumeService', { ServiceArn })
  await ask('AppRunner', 'ListServices')
  await ask('AppRunner', 'ListOperations', { ServiceArn, MaxResults: 3 })
}

async function askOthers(sandbox: Sandbox, ask: Ask, get: Get) {
  const { world } = sandbox
  const [fileSystem] = [...world.efs.fileSystems.values()]
  const { MountTargets } = await get('DescribeMountTargets', `mount-targets?FileSystemId=${fileSystem?.id}`)
  const [{ MountTargetId }] = MountTargets as [{ MountTargetId: string }]
  await get('DescribeMountTargetSecurityGroups', `mount-targets/${MountTargetId}/security-groups`)
  await get('DescribeFileSystems', 'file-systems')
  await get('DescribeFileSystemPolicy', `file-systems/${fileSystem?.id}/policy`)
  await get('DescribeAccessPoints', `access-points?FileSystemId=${fileSystem?.id}`)

  const { Namespaces } = await ask(MAP, 'ListNamespaces')
  await ask(MAP, 'GetNamespace', { Id: (Namespaces as { Id: string }[])[0]?.Id })
  const { Services } = await ask(MAP, 'ListServices')
  const ServiceId = (Services as { Id: string }[])[0]?.Id
  await ask(MAP, 'GetService', { Id: ServiceId })
  const { Instances } = await ask(MAP, 'ListInstances', { ServiceId })
  const [instance] = Instances as { Id: string }[]
  if (instance) await ask(MAP, 'GetInstance', { ServiceId, InstanceId: instance.Id })
  if (instance) await ask(MAP, 'GetInstancesHealthStatus', { ServiceId })
  await ask(MAP, 'DiscoverInstances', { NamespaceName: 'langfuse.local', ServiceName: 'app' })

  await ask(ECR, 'DescribeRepositories', { repositoryNames: ['app'] })
  await ask(ECR, 'DescribeImages', { repositoryName: 'app' })
  await ask(ECR, 'DescribeImages', { repositoryName: 'app', imageIds: [{ imageTag: 'good' }] })

  const { images } = await ask(ECR, 'BatchGetImage', {
    repositoryName: 'app',
    imageIds: [{ imageTag: 'good' }, { imageTag: 'none' }],
  })
  const index = JSON.parse((images as [{ imageManifest: string }])[0].imageManifest)
  const one = await ask(ECR, 'BatchGetImage', {
    repositoryName: 'app',
    imageIds: [{ imageDigest: index.manifests[0].digest }],
  })
  const manifest = JSON.parse((one.images as [{ imageManifest: string }])[0].imageManifest)
  await ask(ECR, 'GetDownloadUrlForLayer', { repositoryName: 'app', layerDigest: manifest.config.digest })
  await ask(ECR, 'GetAuthorizationToken')

  await ask(LOGS, 'DescribeLogGroups')
  const logGroupName = '/ecs/app'
  const { logStreams } = await ask(LOGS, 'DescribeLogStreams', {
    logGroupName,
    orderBy: 'LastEventTime',
    descending: true,
  })
  const [{ logStreamName }] = logStreams as [{ logStreamName: string }]
  await ask(LOGS, 'GetLogEvents', { logGroupName, logStreamName, startFromHead: true })
  await ask(LOGS, 'FilterLogEvents', { logGroupName, filterPattern: '"hello"' })
}

async function askBackups(sandbox: Sandbox, backup: Recorder['backup'], form: Recorder['form']) {
  const { world } = sandbox
  world.rds.createCluster(DATABASE)
  await form('sts', 'GetCallerIdentity')
  await form('rds', 'DescribeDBClusters')
  await form('rds', 'DescribeDBInstances', {
    'Filters.Filter.1.Name': 'db-cluster-id',
    'Filters.Filter.1.Values.Value.1': 'db',
  })
  await form('rds', 'CreateDBClusterSnapshot', {
    DBClusterIdentifier: 'db',
    DBClusterSnapshotIdentifier: 'before',
    'Tags.Tag.1.Key': 'a',
    'Tags.Tag.1.Value': 'b & c',
  })
  await until(
    () => form('rds', 'DescribeDBClusterSnapshots', { DBClusterSnapshotIdentifier: 'before' }),
    body => body.includes('<Status>available</Status>'),
  )
  world.backup.createVault('vault')
  const [fileSystem] = [...world.efs.fileSystems.values()]
  const { BackupJobId } = await backup('StartBackupJob', '/backup-jobs', {
    BackupVaultName: 'vault',
    ResourceArn: fileSystem?.arn,
    IamRoleArn: 'arn:aws:iam::123456789012:role/backup',
  })
  await until(
    () => backup('DescribeBackupJob', `/backup-jobs/${String(BackupJobId)}`),
    body => body.State === 'COMPLETED',
  )
  await backup('DescribeBackupVault', '/backup-vaults/vault')
  await backup('ListBackupVaults', '/backup-vaults/')
  const points = `/resources/${encodeURIComponent(fileSystem?.arn ?? '')}/recovery-points/`
  const { RecoveryPoints } = await backup('ListRecoveryPointsByResource', points)
  expect(RecoveryPoints).toHaveLength(1)
}

async function askNetwork({ world: { ec2, appRunner } }: Sandbox, ask: Ask, form: Recorder['form']) {
  const { dhcpOptionsId } = ec2.createVpc({ id: 'vpc-0ddd', cidr: '10.0.0.0/16' })
  const zone = { name: 'ap-northeast-1a', id: 'apne1-az4' }
  ec2.createSubnet({ id: 'subnet-0aaa', vpcId: 'vpc-0ddd', cidr: '10.0.11.0/24', zone })
  ec2.createGroup({
    id: 'sg-0ccc',
    vpcId: 'vpc-0ddd',
    name: 'efs',
    ingress: [tcp(2049, 'sg-0eee'), { protocol: '-1', ranges: ['10.0.0.0/8'], prefixLists: ['pl-0fff'] }],
  })
  await form('ec2', 'DescribeSubnets', { 'Filter.1.Name': 'subnet-id', 'Filter.1.Value.1': 'subnet-0aaa' })
  await form('ec2', 'DescribeSecurityGroups', { 'GroupId.1': 'sg-0ccc' })
  const filter = { 'Filter.1.Name': 'description', 'Filter.1.Value.1': 'EFS mount target *' }
  const interfaces = await form('ec2', 'DescribeNetworkInterfaces', filter)
  expect(interfaces).toContain('sg-0ccc')
  await form('ec2', 'DescribeVpcs', { 'VpcId.1': 'vpc-0ddd' })
  await form('ec2', 'DescribeVpcAttribute', { VpcId: 'vpc-0ddd', Attribute: 'enableDnsSupport' })
  await form('ec2', 'DescribeDhcpOptions', { 'DhcpOptionsId.1': dhcpOptionsId })
  const VpcConnectorArn = 'arn:aws:apprunner:ap-northeast-1:123456789012:vpcconnector/c/1/abc'
  appRunner.connectors.set(VpcConnectorArn, {
    arn: VpcConnectorArn,
    subnets: ['subnet-0aaa'],
    securityGroups: ['sg-0ccc'],
  })
  await ask('AppRunner', 'DescribeVpcConnector', { VpcConnectorArn })
}

const botocore = spawnSync('python3', ['-c', 'import botocore']).status === 0
const whereModels = botocore ? test : test.skip

whereModels(
  "every answer fits AWS's own service models (skipped where python3 has no botocore)",
  async () => {
    await withSandbox({ speed: 400 }, async sandbox => {
      const answers = await everyAnswer(sandbox)
      expect(
        new Set(answers.map(answer => `${answer.service} ${answer.operation}`)).size,
      ).toBeGreaterThanOrEqual(70)
      const script = fileURLToPath(new URL('validate_models.py', import.meta.url))
      const input = answers.map(answer => JSON.stringify(answer)).join('\n')
      const result = spawnSync('python3', [script], { input, encoding: 'utf8' })
      expect(result.stdout).toBe('')
      expect(result.stderr).toBe(`${answers.length} answers checked\n`)
      expect(result.status).toBe(0)
    })
  },
)

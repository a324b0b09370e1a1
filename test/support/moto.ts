import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { CloudWatchLogsClient, CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs'
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DescribeSubnetsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2'
import { CreateRepositoryCommand, ECRClient, PutImageCommand } from '@aws-sdk/client-ecr'
import {
  CreateClusterCommand,
  CreateServiceCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  type RunTaskCommandInput,
} from '@aws-sdk/client-ecs'
import { CreateFileSystemCommand, CreateMountTargetCommand, EFSClient } from '@aws-sdk/client-efs'
import { CreateDBClusterCommand, RDSClient } from '@aws-sdk/client-rds'
import {
  CreateServiceCommand as CreateNameCommand,
  CreatePrivateDnsNamespaceCommand,
  ListNamespacesCommand,
  RegisterInstanceCommand,
  ServiceDiscoveryClient,
} from '@aws-sdk/client-servicediscovery'
import { freePort } from '../../sandbox/vpc/proxy.ts'

/** An AWS emulator that this project did not write, where its owner installed it. */
export const hasMoto = spawnSync('python3', ['-c', 'import moto.server, flask, botocore']).status === 0

const REGION = 'ap-northeast-1'
export const CLUSTER = 'langfuse'

export type Moto = {
  /** For a process that shall take it for AWS. */
  readonly env: Readonly<Record<string, string>>
  /** Where a web of this release answers. */
  readonly url: string
  stop(): Promise<void>
}

type Given = {
  readonly release: string
  /** Further tags in the repositories. */
  readonly pushed: readonly string[]
  /** Variables of the containers. */
  readonly environment: Readonly<Record<string, string>>
}

/** Langfuse with its web on ECS, made by AWS's own clients. */
export async function startMoto(given: Given): Promise<Moto> {
  const web = await serve(given.release)
  const port = await freePort()
  const server = spawn('python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
    env: { ...process.env, MOTO_ECS_SERVICE_RUNNING: '1' },
  })
  const endpoint = `http://127.0.0.1:${port}`
  const stop = async () => {
    web.close()
    server.kill('SIGKILL')
    await once(server, 'close')
  }
  try {
    await answering(endpoint, server)
    await createStack(endpoint, given)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    env: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: 'AKIAMOTO',
      AWS_SECRET_ACCESS_KEY: 'moto',
    },
    url: `http://127.0.0.1:${portOf(web)}`,
    stop,
  }
}

async function serve(release: string): Promise<Server> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ status: 'OK', version: release }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

async function answering(endpoint: string, server: ChildProcess): Promise<void> {
  while (server.exitCode === null) {
    const answer = await fetch(`${endpoint}/moto-api/data.json`).catch(() => undefined)
    if (answer?.ok) return
    await setTimeout(100)
  }
  throw new Error(`moto ended with ${server.exitCode}`)
}

async function createStack(endpoint: string, given: Given): Promise<void> {
  const config = {
    endpoint,
    region: REGION,
    credentials: { accessKeyId: 'AKIAMOTO', secretAccessKey: 'moto' },
  }
  const { environment } = given
  const network = await createNetwork(new EC2Client(config))
  const cloudMap = new ServiceDiscoveryClient(config)
  const name = await createName(cloudMap)
  const fileSystem = await createFiles(new EFSClient(config), network)
  const images = await pushImages(new ECRClient(config), given)
  await new CloudWatchLogsClient(config).send(new CreateLogGroupCommand({ logGroupName: 'langfuse' }))
  const ecs = new ECSClient(config)
  await ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }))
  await createService(ecs, { name: 'langfuse_web', image: images.web, network, environment })
  await createService(ecs, { name: 'langfuse_worker', image: images.worker, network, environment })
  const clickhouse = await createService(ecs, {
    name: 'clickhouse',
    image: images.clickhouse,
    network,
    registry: name,
    fileSystem,
    environment: {},
  })
  await startClickHouse({ ecs, cloudMap, name }, clickhouse)
  await new RDSClient(config).send(
    new CreateDBClusterCommand({
      DBClusterIdentifier: 'langfuse',
      Engine: 'aurora-postgresql',
      MasterUsername: 'langfuse',
      MasterUserPassword: 'not-a-secret',
    }),
  )
}

type Network = { readonly subnet: string; readonly securityGroup: string }

/** moto's default VPC, with a group of our own. */
async function createNetwork(ec2: EC2Client): Promise<Network> {
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}))
  const { SubnetId: subnet = '', VpcId: vpc = '' } = Subnets[0] ?? {}
  const { GroupId: securityGroup = '' } = await ec2.send(
    new CreateSecurityGroupCommand({ GroupName: 'langfuse', Description: 'Langfuse', VpcId: vpc }),
  )
  const among = [{ IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: securityGroup }] }]
  await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: securityGroup, IpPermissions: among }))
  return { subnet, securityGroup }
}

type Name = { readonly id: string; readonly arn: string }

/** The Cloud Map service `clickhouse.langfuse.local`. */
async function createName(cloudMap: ServiceDiscoveryClient): Promise<Name> {
  await cloudMap.send(new CreatePrivateDnsNamespaceCommand({ Name: 'langfuse.local', Vpc: 'vpc-1' }))
  const { Namespaces = [] } = await cloudMap.send(new ListNamespacesCommand({}))
  const { Service } = await cloudMap.send(
    new CreateNameCommand({
      Name: 'clickhouse',
      NamespaceId: Namespaces[0]?.Id,
      DnsConfig: { DnsRecords: [{ Type: 'A', TTL: 10 }] },
    }),
  )
  return { id: Service?.Id ?? '', arn: Service?.Arn ?? '' }
}

/** moto starts no task for a service and registers none, so this does: it shows the task under every service. */
async function startClickHouse(
  {
    ecs,
    cloudMap,
    name,
  }: { readonly ecs: ECSClient; readonly cloudMap: ServiceDiscoveryClient; readonly name: Name },
  where: Where,
): Promise<void> {
  const run = new RunTaskCommand({ ...where, launchType: 'FARGATE', group: 'service:clickhouse' })
  const { tasks = [] } = await ecs.send(run)
  const details = tasks[0]?.attachments?.[0]?.details ?? []
  const address = details.find(detail => detail.name === 'privateIPv4Address')?.value ?? ''
  await cloudMap.send(
    new RegisterInstanceCommand({
      ServiceId: name.id,
      InstanceId: 'clickhouse',
      Attributes: { AWS_INSTANCE_IPV4: address },
    }),
  )
}

async function createFiles(efs: EFSClient, { subnet, securityGroup }: Network): Promise<string> {
  const { FileSystemId = '' } = await efs.send(
    new CreateFileSystemCommand({ CreationToken: 'clickhouse', Encrypted: true }),
  )
  await efs.send(
    new CreateMountTargetCommand({ FileSystemId, SubnetId: subnet, SecurityGroups: [securityGroup] }),
  )
  return FileSystemId
}

/** References of the running images. */
async function pushImages(
  ecr: ECRClient,
  { release, pushed }: Given,
): Promise<Readonly<Record<'web' | 'worker' | 'clickhouse', string>>> {
  const push = async (repository: string, tags: readonly string[]) => {
    const { repository: made } = await ecr.send(new CreateRepositoryCommand({ repositoryName: repository }))
    for (const tag of tags) {
      const image = { repositoryName: repository, imageManifest: manifestOf(`${repository}:${tag}`) }
      await ecr.send(new PutImageCommand({ ...image, imageTag: tag }))
    }
    return `${made?.repositoryUri}:${tags[0]}`
  }
  return {
    web: await push('langfuse-web', [release, ...pushed]),
    worker: await push('langfuse-worker', [release, ...pushed]),
    clickhouse: await push('clickhouse', ['24.8.4.13']),
  }
}

function manifestOf(content: string): string {
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 7023 },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: 32654 }],
  })
}

type Where = Pick<RunTaskCommandInput, 'cluster' | 'taskDefinition' | 'networkConfiguration'>

/** A service of one task, with its task definition. */
async function createService(
  ecs: ECSClient,
  service: {
    readonly name: string
    readonly image: string
    readonly network: Network
    readonly registry?: Name
    readonly fileSystem?: string
    readonly environment: Given['environment']
  },
): Promise<Where> {
  const { name, image, network, registry, fileSystem, environment } = service
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: name,
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      cpu: '1024',
      memory: '4096',
      containerDefinitions: [
        {
          name,
          image,
          essential: true,
          // moto counts them, although Fargate does not need them.
          cpu: 1024,
          memory: 4096,
          environment: Object.entries(environment).map(([name, value]) => ({ name, value })),
          logConfiguration: {
            logDriver: 'awslogs',
            options: { 'awslogs-group': 'langfuse', 'awslogs-region': REGION, 'awslogs-stream-prefix': name },
          },
          ...(fileSystem && {
            mountPoints: [{ sourceVolume: 'data', containerPath: '/var/lib/clickhouse' }],
          }),
        },
      ],
      ...(fileSystem && {
        volumes: [{ name: 'data', efsVolumeConfiguration: { fileSystemId: fileSystem } }],
      }),
    }),
  )
  const networkConfiguration = {
    awsvpcConfiguration: { subnets: [network.subnet], securityGroups: [network.securityGroup] },
  }
  const where: Where = {
    cluster: CLUSTER,
    taskDefinition: taskDefinition?.taskDefinitionArn,
    networkConfiguration,
  }
  await ecs.send(
    new CreateServiceCommand({
      ...where,
      serviceName: name,
      desiredCount: 1,
      launchType: 'FARGATE',
      ...(registry && { serviceRegistries: [{ registryArn: registry.arn }] }),
    }),
  )
  return where
}

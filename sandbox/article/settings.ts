import { tcp } from '../aws/ec2.ts'
import { arn } from '../aws/ids.ts'
import type { World } from '../aws/world.ts'
import { zoneOf } from '../aws/zones.ts'

/** Everything below the services: network, file system, Cloud Map, log groups, secrets, the Aurora endpoint's name. */
export function createSettings(world: World, given: Given): ArticleSettings {
  createNetwork(world)
  world.logs.createGroup('/aws/ecs/langfuse_worker_log')
  world.logs.createGroup('/aws/ecs/langfuse_clickhouse_log')
  for (const bucket of [EVENT_BUCKET, BLOB_BUCKET]) world.s3.createBucket(bucket)
  const auroraAddress = world.network.newAddress(SUBNETS[0])
  world.network.publishName(AURORA, auroraAddress)
  world.network.publish(auroraAddress, 5432, given.postgresPort)
  world.ec2.attach({
    id: 'eni-0a0405ada7aba5e01',
    description: 'RDSNetworkInterface',
    subnetId: SUBNETS[0],
    address: auroraAddress,
    securityGroups: [SECURITY_GROUPS.database],
  })
  world.rds.createCluster({
    identifier: 'langfuse-postgres',
    endpoint: AURORA,
    engineVersion: given.sound ? '16.4' : '15.6',
    databaseName: 'langfuse',
    masterUsername: 'langfuse',
    instances: ['langfuse-postgres-1'],
    subnetGroup: 'langfuse-postgres',
    securityGroups: [SECURITY_GROUPS.database],
    backupRetentionDays: given.sound ? 14 : 5,
    deletionProtection: true,
  })
  const cacheAddress = world.network.newAddress(SUBNETS[0])
  world.ec2.attach({
    id: 'eni-0ca11ab1ecac4e001',
    description: 'ElastiCache langfuse-cache-001',
    subnetId: SUBNETS[0],
    address: cacheAddress,
    securityGroups: [SECURITY_GROUPS.cache],
  })
  world.network.publishName(CACHE, cacheAddress)
  world.network.publishName(PLAIN_CACHE, cacheAddress)
  world.network.publish(cacheAddress, 6379, given.valkeyPort)
  const databaseUrl = `postgresql://langfuse:${given.databasePassword}@${AURORA}:5432/langfuse`

  const fileSystem = world.efs.createFileSystem({
    creationToken: 'clickhouse-data',
    tags: { Name: 'clickhouse-data' },
    mountTargets: SUBNETS.map(subnetId => ({ subnetId, securityGroups: [SECURITY_GROUPS.efs] })),
  })
  const accessPoint = given.sound
    ? world.efs.createAccessPoint(fileSystem.id, { path: '/clickhouse', uid: 101, gid: 101 })
    : undefined
  if (given.sound) {
    const vault = world.backup.createVault('Default')
    world.backup.addRecoveryPoint({
      vault,
      resourceArn: fileSystem.arn,
      roleArn: 'arn:aws:iam::123456789012:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup',
    })
  }
  const namespace = world.cloudMap.createNamespace('langfuse.local')
  const registry = world.cloudMap.createService({
    namespaceId: namespace.id,
    name: 'clickhouse',
    ttl: 10,
    customHealth: true,
  })
  return {
    databaseUrl,
    clickhousePassword: given.clickhousePassword,
    fileSystemId: fileSystem.id,
    accessPointId: accessPoint?.id,
    registryArn: registry.arn,
    namespaceArn: namespace.arn,
    sound: given.sound,
    secrets: {
      databaseUrl: world.secrets.put('langfuse_database_url20241204091500000000000003', databaseUrl),
      clickhousePassword: world.secrets.put(
        'clickhouse_password20241204091500000000000002',
        given.clickhousePassword,
      ),
    },
    otherSecrets: given.sound
      ? Object.fromEntries(
          Object.entries(OTHER_SECRETS).map(([name, value]) => [
            name,
            world.secrets.put(name.toLowerCase(), value),
          ]),
        )
      : {},
  }
}

/** The module's groups. Its worker and web may reach everything, and what they reach lets them in. */
function createNetwork({ ec2, appRunner }: World): void {
  const vpcId = VPC
  ec2.createVpc({ id: vpcId, cidr: '10.0.0.0/16' })
  for (const [index, id] of SUBNETS.entries()) {
    const cidr = `10.0.${11 + index}.0/24`
    ec2.createSubnet({ id, vpcId, cidr, zone: zoneOf(cidr) })
  }
  const { worker, clickhouse, connector, efs, database, cache } = SECURITY_GROUPS
  const reached = (port: number) => [tcp(port, worker, connector)]
  const groups = [
    // The agent asks the worker's health from where the worker stands.
    { id: worker, name: 'langfuse_worker', ingress: [tcp(3030, worker)] },
    { id: clickhouse, name: 'clickhouse', ingress: [...reached(8123), ...reached(9000)] },
    { id: connector, name: 'langfuse_vpc_connector', ingress: [] },
    { id: efs, name: 'clickhouse_efs', ingress: [tcp(2049, clickhouse)] },
    { id: database, name: 'langfuse_aurora', ingress: reached(5432) },
    { id: cache, name: 'langfuse_cache', ingress: reached(6379) },
  ]
  for (const group of groups) ec2.createGroup({ ...group, vpcId })
  appRunner.connectors.set(CONNECTOR, { arn: CONNECTOR, subnets: SUBNETS, securityGroups: [connector] })
}

type Given = {
  readonly postgresPort: number
  readonly valkeyPort: number
  readonly databasePassword: string
  readonly clickhousePassword: string
  readonly sound: Sound | undefined
}

/** The exact tags of a stack without the module's mistakes. */
export type Sound = { readonly langfuse: string; readonly clickhouse: string }

export type ArticleSettings = {
  readonly databaseUrl: string
  readonly clickhousePassword: string
  readonly fileSystemId: string
  /** undefined: the root of the file system is mounted, as the module has it. */
  readonly accessPointId: string | undefined
  readonly registryArn: string
  readonly namespaceArn: string
  readonly sound: Sound | undefined
  /** ARNs. */
  readonly secrets: { readonly databaseUrl: string; readonly clickhousePassword: string }
  /** Variables that a sound stack reads from secrets too, by their ARNs. */
  readonly otherSecrets: Readonly<Record<string, string>>
}

const AURORA = 'langfuse-postgres.cluster-c3xq7mzk0e1v.ap-northeast-1.rds.amazonaws.com'
export const CACHE_TOKEN = 'sandboxcacheauthtoken0000000001'
/** Its name says that it has encryption in transit. */
export const CACHE = 'master.langfuse-cache.x1y2z3.apne1.cache.amazonaws.com'
/** The same without. */
export const PLAIN_CACHE = 'langfuse-cache.x1y2z3.ng.0001.apne1.cache.amazonaws.com'

export const ENCRYPTION_KEY = '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'
/** What the module gives by value. */
export const OTHER_SECRETS = {
  SALT: 'c2FuZGJveC1zYWx0LXNhbmRib3gtc2FsdA==',
  ENCRYPTION_KEY,
  NEXTAUTH_SECRET: 'c2FuZGJveC1uZXh0YXV0aC1zZWNyZXQ=',
  REDIS_AUTH: CACHE_TOKEN,
} as const

export const VPC = 'vpc-0a1b2c3d4e5f60718'

export const EVENT_BUCKET = 'sandbox-langfuse-event-dev'
export const BLOB_BUCKET = 'sandbox-langfuse-blob-dev'

export const SUBNETS = [
  'subnet-0a11f00d5eed00001',
  'subnet-0c22f00d5eed00002',
  'subnet-0d33f00d5eed00003',
] as const

export const SECURITY_GROUPS = {
  worker: 'sg-0a1worker000000001',
  clickhouse: 'sg-0a2clickhouse00002',
  connector: 'sg-0a3connector000003',
  efs: 'sg-0a4efs000000000004',
  database: 'sg-0a5database0000005',
  cache: 'sg-0a6cache000000006',
} as const

export const ROLES = {
  execution: 'arn:aws:iam::123456789012:role/LangfuseECSTaskExecuteRole',
  task: 'arn:aws:iam::123456789012:role/LangfuseTaskRole',
  infrastructure: 'arn:aws:iam::123456789012:role/LangfuseEcsInfrastructureRole',
  ecrAccess: 'arn:aws:iam::123456789012:role/LangfuseAppRunnerECRAccessRole',
  instance: 'arn:aws:iam::123456789012:role/LangfuseAppRunnerLangfuseInstanceRole',
} as const

export const CONNECTOR = arn(
  'apprunner',
  'vpcconnector/langfuse_vpc_connector/1/0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f',
)
export const OBSERVABILITY = arn(
  'apprunner',
  'observabilityconfiguration/langfuse/1/9f8e7d6c5b4a39281706f5e4d3c2b1a0',
)

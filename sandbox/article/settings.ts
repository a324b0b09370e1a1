import { arn } from '../aws/ids.ts'
import type { World } from '../aws/world.ts'

/** Everything below the services: network, file system, Cloud Map, log groups, secrets, the Aurora endpoint's name. */
export function createSettings(world: World, given: Given): ArticleSettings {
  world.logs.createGroup('/aws/ecs/langfuse_worker_log')
  world.logs.createGroup('/aws/ecs/langfuse_clickhouse_log')
  const auroraAddress = world.network.newAddress(SUBNETS[0])
  world.network.publishName(AURORA, auroraAddress)
  world.network.publish(auroraAddress, 5432, given.postgresPort)
  const cluster = world.rds.createCluster({
    identifier: 'langfuse-postgres',
    endpoint: AURORA,
    engineVersion: '15.6',
    databaseName: 'langfuse',
    masterUsername: 'langfuse',
    instances: ['langfuse-postgres-1'],
    subnetGroup: 'langfuse-postgres',
    securityGroups: [SECURITY_GROUPS.database],
    backupRetentionDays: 1,
    engineUrl: `postgresql://127.0.0.1:${given.postgresPort}`,
  })
  if (given.dataApi) {
    const secret = JSON.stringify({ username: 'langfuse', password: given.databasePassword })
    cluster.masterSecret = world.secrets.put('rds!cluster-7e1d9a52-0c4b-4d6e-9a59-3f1f4b8d2c60', secret)
  }
  const cacheAddress = world.network.newAddress(SUBNETS[0])
  world.network.publishName(CACHE, cacheAddress)
  world.network.publish(cacheAddress, 6379, given.valkeyPort)
  const databaseUrl = `postgresql://langfuse:${given.databasePassword}@${AURORA}:5432/langfuse`

  const fileSystem = world.efs.createFileSystem({
    creationToken: 'clickhouse-data',
    tags: { Name: 'clickhouse-data' },
    mountTargets: SUBNETS.map(subnetId => ({ subnetId, securityGroups: [SECURITY_GROUPS.efs] })),
  })
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
    registryArn: registry.arn,
    namespaceArn: namespace.arn,
    secrets: {
      databaseUrl: world.secrets.put('langfuse_database_url20241204091500000000000003', databaseUrl),
      clickhousePassword: world.secrets.put(
        'clickhouse_password20241204091500000000000002',
        given.clickhousePassword,
      ),
    },
  }
}

type Given = {
  readonly postgresPort: number
  readonly valkeyPort: number
  readonly databasePassword: string
  readonly clickhousePassword: string
  readonly dataApi: boolean
}

export type ArticleSettings = {
  readonly databaseUrl: string
  readonly clickhousePassword: string
  readonly fileSystemId: string
  readonly registryArn: string
  readonly namespaceArn: string
  /** ARNs. */
  readonly secrets: { readonly databaseUrl: string; readonly clickhousePassword: string }
}

const AURORA = 'langfuse-postgres.cluster-c3xq7mzk0e1v.ap-northeast-1.rds.amazonaws.com'
export const CACHE_TOKEN = 'sandboxcacheauthtoken0000000001'
export const CACHE = 'master.langfuse-cache.x1y2z3.apne1.cache.amazonaws.com'

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

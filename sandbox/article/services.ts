import { REGION, REGISTRY } from '../aws/ids.ts'
import { type JsonObject, textMap } from '../aws/json.ts'
import type { World } from '../aws/world.ts'
import {
  type ArticleSettings,
  BLOB_BUCKET,
  CACHE,
  CACHE_TOKEN,
  CONNECTOR,
  ENCRYPTION_KEY,
  EVENT_BUCKET,
  OBSERVABILITY,
  OTHER_SECRETS,
  PLAIN_CACHE,
  ROLES,
  SECURITY_GROUPS,
  SUBNETS,
} from './settings.ts'

/** The module's ClickHouse: one task on EFS, root directory, no deployment settings, so 200/100 percent. */
export async function createClickHouse(world: World, settings: ArticleSettings): Promise<string> {
  createCluster(world, settings)
  const taskDefinition = await world.registerTaskDefinition({
    ...fargate('clickhouse', '1024', '8192'),
    volumes: [
      {
        name: 'clickhouse_data',
        efsVolumeConfiguration: clickhouseVolume(settings),
      },
    ],
    containerDefinitions: [clickhouseContainer(settings)],
  })
  return world.createService({
    ...service('clickhouse', taskDefinition, SECURITY_GROUPS.clickhouse),
    ...(settings.sound && {
      deploymentConfiguration: { minimumHealthyPercent: 0, maximumPercent: 100, ...BREAKER },
    }),
    serviceRegistries: [{ registryArn: settings.registryArn }],
    tags: [{ key: 'Name', value: 'langfuse_clickhouse' }],
  })
}

function clickhouseVolume({ fileSystemId, accessPointId }: ArticleSettings): JsonObject {
  if (accessPointId === undefined) return { fileSystemId, rootDirectory: '/' }
  return { fileSystemId, transitEncryption: 'ENABLED', authorizationConfig: { accessPointId } }
}

/** The module's worker, with its misspelt ENCRIPTION_KEY and without a health check. */
export async function createWorker(
  world: World,
  settings: ArticleSettings,
  worker: Readonly<Record<string, string>> = {},
): Promise<string> {
  const taskDefinition = await world.registerTaskDefinition({
    ...fargate('langfuse-worker', '2048', '4096'),
    containerDefinitions: [workerContainer(settings, worker)],
  })
  return world.createService({
    ...service('langfuse_worker', taskDefinition, SECURITY_GROUPS.worker),
    ...(settings.sound && { deploymentConfiguration: BREAKER }),
    serviceConnectConfiguration: { enabled: true },
    tags: [{ key: 'Name', value: 'langfuse_worker' }],
  })
}

/** The web: on App Runner as the module has it, or as teams run it that App Runner did not take. Answers its ARN. */
export function createWeb(
  world: World,
  settings: ArticleSettings,
  { platform, more }: { readonly platform: WebPlatform; readonly more: Readonly<Record<string, string>> },
): Promise<string> {
  const environment = { ...webEnvironment(settings), ...more }
  if (platform === 'ecs') return createEcsWeb(world, settings, environment)
  const create = platform === 'ecs-express' ? createExpressWeb : createAppRunnerWeb
  return create(world, settings, environment)
}

export type WebPlatform = 'app-runner' | 'ecs' | 'ecs-express'

/** No health check settings, so TCP; automatic deployments left on. */
function createAppRunnerWeb(
  world: World,
  settings: ArticleSettings,
  environment: WebEnvironment,
): Promise<string> {
  return world.createAppRunnerService({
    ServiceName: 'langfuse_web',
    SourceConfiguration: {
      AuthenticationConfiguration: { AccessRoleArn: ROLES.ecrAccess },
      ImageRepository: {
        ImageIdentifier: imageOf('langfuse-web', settings),
        ImageRepositoryType: 'ECR',
        ImageConfiguration: {
          Port: '3000',
          RuntimeEnvironmentVariables: given(environment, settings).environment,
          RuntimeEnvironmentSecrets: given(environment, settings).secrets,
        },
      },
      ...(settings.sound && { AutoDeploymentsEnabled: false }),
    },
    ...(settings.sound && {
      HealthCheckConfiguration: {
        Protocol: 'HTTP',
        Path: '/api/public/health',
        Interval: 10,
        Timeout: 5,
        UnhealthyThreshold: 10,
      },
    }),
    InstanceConfiguration: { InstanceRoleArn: ROLES.instance },
    NetworkConfiguration: {
      EgressConfiguration: { EgressType: 'VPC', VpcConnectorArn: CONNECTOR },
      IngressConfiguration: { IsPubliclyAccessible: true },
    },
    ObservabilityConfiguration: { ObservabilityEnabled: true, ObservabilityConfigurationArn: OBSERVABILITY },
    Tags: [{ Key: 'Name', Value: 'langfuse_web' }],
  })
}

async function createEcsWeb(
  world: World,
  settings: ArticleSettings,
  environment: WebEnvironment,
): Promise<string> {
  world.logs.createGroup('/aws/ecs/langfuse_web_log')
  const taskDefinition = await world.registerTaskDefinition({
    ...fargate('langfuse-web', '1024', '2048'),
    containerDefinitions: [webContainer(settings, environment)],
  })
  return world.createService({
    ...service('langfuse_web', taskDefinition, SECURITY_GROUPS.connector),
    deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
    healthCheckGracePeriodSeconds: 120,
    tags: [{ key: 'Name', value: 'langfuse_web' }],
  })
}

async function createExpressWeb(
  world: World,
  settings: ArticleSettings,
  environment: WebEnvironment,
): Promise<string> {
  const { service: made } = await world.call('ecs', 'CreateExpressGatewayService', {
    cluster: 'langfuse',
    serviceName: 'langfuse_web',
    executionRoleArn: ROLES.execution,
    infrastructureRoleArn: ROLES.infrastructure,
    taskRoleArn: ROLES.task,
    healthCheckPath: '/api/public/health',
    cpu: '1024',
    memory: '2048',
    networkConfiguration: { subnets: SUBNETS, securityGroups: [SECURITY_GROUPS.connector] },
    primaryContainer: {
      image: imageOf('langfuse-web', settings),
      containerPort: 3000,
      ...container(environment, settings),
    },
    scalingTarget: { minTaskCount: 1, maxTaskCount: 1 },
    tags: [{ key: 'Name', value: 'langfuse_web' }],
  })
  return textMap(made).serviceArn ?? ''
}

function createCluster(world: World, settings: ArticleSettings) {
  world.ecs.createCluster({
    clusterName: 'langfuse',
    settings: [{ name: 'containerInsights', value: 'enabled' }],
    configuration: {
      executeCommandConfiguration: {
        logging: 'OVERRIDE',
        logConfiguration: {
          cloudWatchLogGroupName: '/aws/ecs/langfuse_worker_log',
          s3KeyPrefix: '/aws/ecs/langfuse/logs',
        },
      },
    },
    capacityProviders: ['FARGATE'],
    defaultCapacityProviderStrategy: [{ capacityProvider: 'FARGATE' }],
    serviceConnectDefaults: { namespace: settings.namespaceArn },
    tags: [{ key: 'Name', value: 'langfuse' }],
  })
}

const fargate = (family: string, cpu: string, memory: string) => ({
  family,
  cpu,
  memory,
  networkMode: 'awsvpc',
  requiresCompatibilities: ['FARGATE'],
  executionRoleArn: ROLES.execution,
  taskRoleArn: ROLES.task,
  runtimePlatform: { operatingSystemFamily: 'LINUX', cpuArchitecture: 'ARM64' },
})

const service = (serviceName: string, taskDefinition: string, securityGroup: string) => ({
  cluster: 'langfuse',
  serviceName,
  taskDefinition,
  desiredCount: 1,
  launchType: 'FARGATE',
  networkConfiguration: {
    awsvpcConfiguration: { subnets: SUBNETS, securityGroups: [securityGroup], assignPublicIp: 'DISABLED' },
  },
})

const clickhouseContainer = (settings: ArticleSettings): JsonObject => ({
  name: 'clickhouse',
  image: imageOf('clickhouse', settings),
  cpu: 1024,
  memory: 8192,
  essential: true,
  ulimits: [settings.sound ? openFiles(262144) : openFiles(65535)],
  ...(settings.sound && { stopTimeout: 120 }),
  portMappings: [8123, 9000].map(port => ({ containerPort: port, hostPort: port, protocol: 'tcp' })),
  environment: variables({
    CLICKHOUSE_DB: 'default',
    CLICKHOUSE_USER: 'clickhouse',
    ...(!settings.sound && { CLICKHOUSE_PASSWORD: settings.clickhousePassword }),
    AWS_REGION: REGION,
    S3_BUCKET: 'sandbox-langfuse-clickhouse-dev',
  }),
  ...(settings.sound && {
    secrets: [{ name: 'CLICKHOUSE_PASSWORD', valueFrom: settings.secrets.clickhousePassword }],
  }),
  healthCheck: {
    command: ['CMD-SHELL', 'wget --no-verbose --tries=1 --spider http://localhost:8123/ping || exit 1'],
    interval: 5,
    timeout: 5,
    retries: 10,
    startPeriod: settings.sound ? 300 : 1,
  },
  logConfiguration: awslogs('/aws/ecs/langfuse_clickhouse_log', 'clickhouse'),
  mountPoints: [{ sourceVolume: 'clickhouse_data', containerPath: '/var/lib/clickhouse', readOnly: false }],
})

const workerContainer = (settings: ArticleSettings, more: Readonly<Record<string, string>>): JsonObject => ({
  name: 'worker',
  image: imageOf('langfuse-worker', settings),
  cpu: 2048,
  memory: 4096,
  essential: true,
  linuxParameters: { initProcessEnabled: true },
  portMappings: [{ containerPort: 3030 }],
  ...(settings.sound && {
    healthCheck: {
      command: ['CMD-SHELL', 'wget -q --spider http://127.0.0.1:3030/api/health || exit 1'],
      interval: 10,
      timeout: 5,
      retries: 3,
      startPeriod: 120,
    },
  }),
  ...container(
    {
      SALT,
      ...(settings.sound
        ? { ENCRYPTION_KEY, HOSTNAME: '0.0.0.0', NEXTAUTH_URL: webEnvironment(settings).NEXTAUTH_URL }
        : { ENCRIPTION_KEY: ENCRYPTION_KEY }),
      TELEMETRY_ENABLED: 'true',
      LANGFUSE_ENABLE_EXPERIMENTAL_FEATURES: 'true',
      ...shared(settings),
      LANGFUSE_S3_MEDIA_UPLOAD_BUCKET: BLOB_BUCKET,
      ...(!settings.sound && { LANGFUSE_S3_MEDIA_UPLOAD_ENABLED: 'true' }),
      NODE_OPTIONS: `--max-old-space-size=${settings.sound ? 3072 : 4096}`,
      ...more,
    },
    settings,
  ),
  logConfiguration: awslogs('/aws/ecs/langfuse_worker_log', 'langfuse-worker'),
})

const webContainer = (settings: ArticleSettings, environment: WebEnvironment): JsonObject => ({
  name: 'web',
  image: imageOf('langfuse-web', settings),
  cpu: 1024,
  memory: 2048,
  essential: true,
  portMappings: [{ containerPort: 3000 }],
  ...container(environment, settings),
  healthCheck: {
    command: ['CMD-SHELL', 'wget -q --spider http://localhost:3000/api/public/health || exit 1'],
    interval: 10,
    timeout: 5,
    retries: 3,
    startPeriod: 120,
  },
  logConfiguration: awslogs('/aws/ecs/langfuse_web_log', 'langfuse-web'),
})

/** `latest` is what the module deploys. */
const imageOf = (repository: 'clickhouse' | 'langfuse-web' | 'langfuse-worker', { sound }: ArticleSettings) =>
  `${REGISTRY}/${repository}:${sound?.[repository === 'clickhouse' ? 'clickhouse' : 'langfuse'] ?? 'latest'}`

/** What a container is given by value, and what from secrets. */
function given(values: Readonly<Record<string, string>>, { secrets, otherSecrets }: ArticleSettings) {
  const plain = Object.entries(values).filter(([name]) => otherSecrets[name] === undefined)
  const read = Object.entries(otherSecrets).filter(([name]) => values[name] !== undefined)
  return {
    environment: Object.fromEntries(plain),
    secrets: {
      DATABASE_URL: secrets.databaseUrl,
      CLICKHOUSE_PASSWORD: secrets.clickhousePassword,
      ...Object.fromEntries(read),
    },
  }
}

function container(values: Readonly<Record<string, string>>, settings: ArticleSettings) {
  const { environment, secrets } = given(values, settings)
  return {
    environment: variables(environment),
    secrets: Object.entries(secrets).map(([name, valueFrom]) => ({ name, valueFrom })),
  }
}

const BREAKER = { deploymentCircuitBreaker: { enable: true, rollback: true } }
const openFiles = (limit: number) => ({ name: 'nofile', softLimit: limit, hardLimit: limit })
const { SALT } = OTHER_SECRETS

/** What web and worker have in common. */
const shared = ({ sound }: ArticleSettings) => ({
  CLICKHOUSE_MIGRATION_URL: 'clickhouse://clickhouse.langfuse.local:9000',
  CLICKHOUSE_URL: 'http://clickhouse.langfuse.local:8123',
  CLICKHOUSE_USER: 'clickhouse',
  CLICKHOUSE_CLUSTER_ENABLED: 'false',
  LANGFUSE_S3_EVENT_UPLOAD_BUCKET: EVENT_BUCKET,
  LANGFUSE_S3_EVENT_UPLOAD_REGION: REGION,
  LANGFUSE_S3_EVENT_UPLOAD_PREFIX: 'events/',
  REDIS_HOST: sound ? PLAIN_CACHE : CACHE,
  REDIS_PORT: '6379',
  REDIS_AUTH: CACHE_TOKEN,
})

const webEnvironment = (settings: ArticleSettings) => ({
  NEXTAUTH_URL: 'https://langfuse.example.com',
  NEXTAUTH_SECRET: OTHER_SECRETS.NEXTAUTH_SECRET,
  SALT,
  ENCRYPTION_KEY,
  HOSTNAME: '0.0.0.0',
  ...(!settings.sound && OBSOLETE),
  LANGFUSE_S3_MEDIA_UPLOAD_BUCKET: BLOB_BUCKET,
  LANGFUSE_S3_MEDIA_DOWNLOAD_URL_EXPIRY_SECONDS: '604800',
  ...shared(settings),
  TELEMETRY_ENABLED: 'true',
  LANGFUSE_ENABLE_EXPERIMENTAL_FEATURES: 'true',
  LANGFUSE_SDK_CI_SYNC_PROCESSING_ENABLED: 'false',
})

/** What only v2 read. */
const OBSOLETE = {
  S3_BUCKET_NAME: BLOB_BUCKET,
  LANGFUSE_S3_MEDIA_UPLOAD_ENABLED: 'true',
  LANGFUSE_READ_FROM_POSTGRES_ONLY: 'false',
  LANGFUSE_READ_FROM_CLICKHOUSE_ONLY: 'true',
  LANGFUSE_RETURN_FROM_CLICKHOUSE: 'true',
}

type WebEnvironment = Readonly<Record<string, string>>

const variables = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).map(([name, value]) => ({ name, value }))

const awslogs = (group: string, prefix: string) => ({
  logDriver: 'awslogs',
  options: { 'awslogs-stream-prefix': prefix, 'awslogs-region': REGION, 'awslogs-group': group },
})

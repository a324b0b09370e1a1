import type { AppRunnerService, EcsService, EcsTask, TaskDefinition } from '../../src/ports/cloud.ts'
import { clickhouseName, type ReleaseFacts } from '../../src/release/facts.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import type { Canary } from '../../src/stack/canary.ts'
import type { DeepProbe } from '../../src/stack/deep-probe.ts'
import type { PostgresIdentity } from '../../src/stack/identity.ts'
import { BY_AGENT } from '../../src/stack/proof.ts'
import type { AppRunnerWeb, EcsComponent, Probe, Stack } from '../../src/stack/stack.ts'
import { known, unknown } from '../../src/stack/stack.ts'
import { healthyInfrastructure } from './infrastructure.ts'

/** A healthy stack on 2.93.7, shaped like the article's, to be spoiled one fact at a time. */
export const REGISTRY = '123456789012.dkr.ecr.ap-northeast-1.amazonaws.com'
export const DIGEST = {
  web2: `sha256:${'a2'.repeat(32)}`,
  web3: `sha256:${'a3'.repeat(32)}`,
  worker2: `sha256:${'b2'.repeat(32)}`,
  worker3: `sha256:${'b3'.repeat(32)}`,
  clickhouse: `sha256:${'c1'.repeat(32)}`,
  clickhouseNew: `sha256:${'c2'.repeat(32)}`,
} as const

const release = (version: string, clickhouseHead: number, names: readonly string[]) => ({
  version,
  date: '2024-12-09',
  reportedVersion: version,
  postgresMigrations: names.length,
  lastPostgresMigration: names.at(-1) ?? '',
  clickhouseHead,
})
const NAMES: Readonly<Record<string, readonly string[]>> = {
  '2.93.7': ['20240101000000_base'],
  '3.0.0': ['20240101000000_base', '20241124115100_a', '20241206115829_b'],
}

/** What web and worker have in common, and what only the web has: a healthy environment for v2, v3 and v4. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  CLICKHOUSE_URL: 'http://clickhouse.langfuse.local:8123',
  CLICKHOUSE_MIGRATION_URL: 'clickhouse://clickhouse.langfuse.local:9000',
  CLICKHOUSE_USER: 'clickhouse',
  CLICKHOUSE_CLUSTER_ENABLED: 'false',
  LANGFUSE_S3_EVENT_UPLOAD_BUCKET: 'langfuse-events',
  REDIS_HOST: 'master.langfuse-cache.example',
  HOSTNAME: '0.0.0.0',
  NEXTAUTH_URL: 'https://langfuse.example.com',
}
const secret = (name: string) =>
  `arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:${name.toLowerCase()}-AbCdEf`
export const SECRETS: Readonly<Record<string, string>> = Object.fromEntries(
  ['DATABASE_URL', 'CLICKHOUSE_PASSWORD', 'ENCRYPTION_KEY', 'SALT'].map(name => [name, secret(name)]),
)
const WEB_SECRETS = { ...SECRETS, NEXTAUTH_SECRET: secret('NEXTAUTH_SECRET') }
export const ENVIRONMENT_NAMES = [...Object.keys(ENVIRONMENT), ...Object.keys(WEB_SECRETS), 'CLICKHOUSE_DB']

/** What the databases of a healthy stack have: little, but of each kind. */
export const SCHEMA = {
  postgres: {
    'column public.projects.id': { default: null, notNull: true, type: 'text' },
    'column public.projects.name': { default: null, notNull: true, type: 'text' },
    'constraint public.projects.projects_pkey': { definition: 'PRIMARY KEY (id)' },
    'enum public."ScoreSource"': { labels: ['API', 'EVAL'] },
    'index public.projects.projects_name_idx': {
      definition: 'CREATE INDEX projects_name_idx ON public.projects USING btree (name)',
    },
    'table public.projects': {},
  },
  clickhouse: {
    'column traces.id': { codec: null, default: null, type: 'String' },
    'column traces.metadata': { codec: null, default: null, type: 'Map(LowCardinality(String), String)' },
    'index traces.idx_id': { expression: 'id', granularity: 1, type: 'bloom_filter(0.001)' },
    'table traces': { engine: 'ReplacingMergeTree(event_ts, is_deleted)', settings: [] },
    'view analytics_traces': { engine: 'View', select: 'SELECT 1' },
  },
} as const

export const FACTS: ReleaseFacts = {
  releases: [release('2.93.7', 5, NAMES['2.93.7'] ?? []), release('3.0.0', 6, NAMES['3.0.0'] ?? [])],
  release: version => FACTS.releases.find(item => item.version === version),
  postgresMigrations: version => (NAMES[version] ?? []).map(name => ({ name, checksum: 'x' })),
  otherNames: () => [],
  postgresChecksums: () => ['x'],
  postgresSchema: () => SCHEMA.postgres,
  clickhouseSnapshot: () => SCHEMA.clickhouse,
  postgresChange: name => {
    throw new Error(`The catalog has no change for Postgres migration ${name}.`)
  },
  allBackgroundMigrations: () => [],
  environmentNames: () => new Set(ENVIRONMENT_NAMES),
  postgresStep: name => {
    const key = `column public.projects.of_${name}`
    return { renamed: [], removed: {}, changed: {}, added: { [key]: { type: 'text', notNull: false } } }
  },
  downSql: (_store, name) => ({
    migration: typeof name === 'number' ? clickhouseName(name) : name,
    class: 'schema',
    loses: 'nothing',
    counts: [],
    sections: { keep: '', expand: '', prepare: '', contract: 'SELECT 1', validate: '' },
  }),
  toolbox: engine => loadCatalog(new URL('../../', import.meta.url)).toolbox(engine),
  dependentsSql: () => loadCatalog(new URL('../../', import.meta.url)).dependentsSql(),
  ownKeys: engine => new Set(Object.keys(SCHEMA[engine])),
}

export function ecsService(name: string, over: Partial<EcsService> = {}): EcsService {
  const taskDefinition = `arn:aws:ecs:ap-northeast-1:123456789012:task-definition/${name}:1`
  return {
    arn: `arn:aws:ecs:ap-northeast-1:123456789012:service/langfuse/${name}`,
    name,
    cluster: 'langfuse',
    status: 'ACTIVE',
    taskDefinition,
    desiredCount: 1,
    runningCount: 1,
    pendingCount: 0,
    settings: {
      minimumHealthyPercent: 100,
      maximumPercent: 200,
      circuitBreaker: { enable: false, rollback: false },
    },
    deployments: [
      {
        id: 'ecs-svc/1',
        status: 'PRIMARY',
        rolloutState: 'COMPLETED',
        rolloutStateReason: undefined,
        taskDefinition,
        desiredCount: 1,
        runningCount: 1,
        failedTasks: 0,
      },
    ],
    events: [],
    subnets: ['subnet-a', 'subnet-b'],
    securityGroups: ['sg-1'],
    assignPublicIp: false,
    registries:
      name === 'clickhouse' ? ['arn:aws:servicediscovery:ap-northeast-1:123456789012:service/srv-1'] : [],
    serviceDeployment: undefined,
    ...over,
  }
}

export function ecsTask(service: EcsService, over: Partial<EcsTask> = {}): EcsTask {
  return {
    arn: `arn:aws:ecs:ap-northeast-1:123456789012:task/langfuse/${service.name}-task`,
    id: `${service.name}-task`,
    taskDefinition: service.taskDefinition,
    lastStatus: 'RUNNING',
    healthStatus: 'HEALTHY',
    address: '10.0.11.37',
    subnet: 'subnet-a',
    startedBy: 'ecs-svc/1',
    stopCode: undefined,
    stoppedReason: undefined,
    containers: [],
    ...over,
  }
}

function ecsComponent(
  component: 'worker' | 'clickhouse',
  name: string,
  version: string,
  digest: string,
): EcsComponent {
  const service = ecsService(name)
  const repository = `${REGISTRY}/${component === 'worker' ? 'langfuse-worker' : 'clickhouse'}`
  const container = {
    name: component,
    image: `${repository}:latest`,
    essential: true,
    environment: component === 'worker' ? ENVIRONMENT : {},
    secrets: component === 'worker' ? SECRETS : {},
    logGroup: undefined,
    logStreamPrefix: undefined,
  }
  const taskDefinition: TaskDefinition = {
    arn: service.taskDefinition,
    family: name,
    revision: 1,
    containers: [container],
    volumes:
      component === 'clickhouse'
        ? [{ name: 'data', fileSystemId: 'fs-1', rootDirectory: '/', accessPointId: 'fsap-1' }]
        : [],
    architecture: 'ARM64',
    source: {},
  }
  const image = {
    reference: `${repository}:latest`,
    repository,
    digest,
    version,
    source: 'digest of the running task',
    tags: [version],
  }
  return { component, service, taskDefinition, container, tasks: [ecsTask(service)], image }
}

export function appRunnerService(over: Partial<AppRunnerService> = {}): AppRunnerService {
  return {
    arn: 'arn:aws:apprunner:ap-northeast-1:123456789012:service/langfuse_web/abc',
    name: 'langfuse_web',
    url: 'https://abc.ap-northeast-1.awsapprunner.com',
    status: 'RUNNING',
    image: `${REGISTRY}/langfuse-web:latest`,
    automaticDeployments: false,
    healthCheck: { protocol: 'HTTP', path: '/api/public/health' },
    environment: ENVIRONMENT,
    secrets: WEB_SECRETS,
    source: {},
    ...over,
  }
}

export function stackOn2(over: Partial<Stack> = {}): Stack {
  return {
    account: '123456789012',
    region: 'ap-northeast-1',
    cluster: 'langfuse',
    worker: ecsComponent('worker', 'langfuse_worker', '2.93.7', DIGEST.worker2),
    clickhouse: ecsComponent('clickhouse', 'clickhouse', '24.8.7', DIGEST.clickhouse),
    web: {
      component: 'web',
      platform: 'app-runner',
      environment: ENVIRONMENT,
      secrets: WEB_SECRETS,
      service: appRunnerService(),
      operation: undefined,
      image: {
        reference: `${REGISTRY}/langfuse-web:latest`,
        repository: `${REGISTRY}/langfuse-web`,
        digest: DIGEST.web2,
        version: '2.93.7',
        source: 'tag, as ECR has it now',
        tags: ['2.93.7'],
      },
    },
    url: 'https://abc.ap-northeast-1.awsapprunner.com',
    health: known({ status: 200, version: '2.93.7' }, 'https://abc/api/public/health'),
    postgres: known(
      {
        migrations: FACTS.postgresMigrations('2.93.7').map(({ name, checksum }) => ({
          name,
          checksum,
          state: 'applied' as const,
        })),
        backgroundMigrations: [{ name: '20241024_a', state: 'finished' as const, gate: undefined }],
        pending: [],
      },
      'aurora:5432/langfuse',
    ),
    clickhouseStore: known(
      { version: '24.8.7', timezone: 'UTC', head: 5, dirty: false },
      'clickhouse.langfuse.local:8123',
    ),
    discovery: known(
      {
        name: 'clickhouse.langfuse.local',
        instances: [{ id: 'clickhouse-task', address: '10.0.11.37', health: 'HEALTHY' }],
        records: [{ type: 'A', ttl: 10 }],
        customHealth: true,
      },
      'cloud map',
    ),
    files: known(
      {
        id: 'fs-1',
        state: 'available',
        mountTargets: ['a', 'b'].map(zone => ({
          id: `fsmt-${zone}`,
          subnet: `subnet-${zone}`,
          zone: `ap-northeast-1${zone}`,
          address: '10.0.1.1',
          state: 'available',
        })),
      },
      'efs',
    ),
    probe: healthyProbe(),
    infrastructure: healthyInfrastructure(),
    proofs: { postgres: BY_AGENT, clickhouse: BY_AGENT, valkey: BY_AGENT },
    ...over,
  }
}

/** What the connection to the healthy stack's PostgreSQL reached. */
export function identity(over: Partial<PostgresIdentity> = {}): PostgresIdentity {
  return {
    host: 'aurora',
    port: 5432,
    database: 'langfuse',
    schema: 'public',
    names: ['aurora'],
    configuredNames: [],
    system: '7',
    server: '7 10.0.11.5 langfuse',
    otherSchemas: [],
    mark: undefined,
    usedBy: [],
    hasKey: undefined,
    ...over,
  }
}

export function healthyProbe(over: Partial<Probe> = {}): Probe {
  const clickhouse = 'clickhouse.langfuse.local'
  return {
    identity: known(identity(), 'aurora:5432/langfuse'),
    name: known({ name: clickhouse, addresses: ['10.0.11.37'] }, 'the resolver of the VPC'),
    ping: known(true, `${clickhouse}:8123`),
    disks: known([{ name: 'default', free: 2 ** 60, total: 2 ** 60 }], `${clickhouse}:8123`),
    tables: known(
      [{ database: 'default', name: 'traces', engine: 'ReplacingMergeTree', rows: 12, bytes: 2 ** 20 }],
      `${clickhouse}:8123`,
    ),
    valkey: known(
      {
        version: '7.2.6',
        policy: 'noeviction',
        used: 1e6,
        maximum: 1e9,
        evicted: 0,
        cluster: false,
        now: 1_700_000_000_000,
        queues: [],
      },
      'master.langfuse-cache.example:6379',
    ),
    mount: known(
      {
        state: 'mounted',
        entries: ['.', 'metadata', 'store'].map(name => ({ name, uid: 101, gid: 101, mode: 0o755 })),
        count: 12,
        free: 2 ** 63,
      },
      'clickhouse:1',
    ),
    workers: known(
      [
        {
          task: 'langfuse_worker-task',
          url: 'http://10.0.11.37:3030/api/health',
          status: 200,
          problem: undefined,
        },
      ],
      'the tasks of the worker',
    ),
    web: known({ status: 200, version: '2.93.7' }, 'http://10.0.11.38:3000/api/public/health'),
    deepProbe: healthyDeepProbe(),
    ...over,
  }
}

/** The same stack after a deploy of 3.0.0. */
export function stackOn3(over: Partial<Stack> = {}): Stack {
  const two = stackOn2()
  return {
    ...two,
    worker: { ...two.worker, image: { ...two.worker.image, digest: DIGEST.worker3, version: '3.0.0' } },
    web: { ...two.web, image: { ...two.web.image, digest: DIGEST.web3, version: '3.0.0' } },
    health: known({ status: 200, version: '3.0.0' }, 'https://abc/api/public/health'),
    postgres: known(
      {
        migrations: FACTS.postgresMigrations('3.0.0').map(({ name, checksum }) => ({
          name,
          checksum,
          state: 'applied' as const,
        })),
        backgroundMigrations: [],
        pending: [],
      },
      'aurora:5432/langfuse',
    ),
    clickhouseStore: known(
      { version: '24.8.7', timezone: 'UTC', head: 6, dirty: false },
      'clickhouse.langfuse.local:8123',
    ),
    ...over,
  }
}

/** The same stack with another release on web and worker. */
export function onRelease({ web, worker, ...stack }: Stack, version: string): Stack {
  return {
    ...stack,
    web: { ...web, image: { ...web.image, version } },
    worker: { ...worker, image: { ...worker.image, version } },
    health: known({ status: 200, version }, 'https://abc/api/public/health'),
  }
}

/** A stack whose web on App Runner is otherwise than the healthy one. */
export function withWeb(stack: Stack, over: Partial<AppRunnerWeb>): Stack {
  if (stack.web.platform !== 'app-runner') throw new Error('the web is not on App Runner')
  return { ...stack, web: { ...stack.web, ...over } }
}

export function healthyDeepProbe(over: Partial<DeepProbe> = {}): DeepProbe {
  const [postgres, clickhouse] = ['aurora:5432/langfuse', 'clickhouse.langfuse.local:8123']
  return {
    postgresSchema: known(SCHEMA.postgres, postgres),
    postgresLoad: known(
      {
        sessions: 12,
        maximum: 200,
        transactionAge: 50_000_000,
        longest: 0,
        tables: [{ name: 'audit_logs', bytes: 2 ** 30 }],
        sessionsOfTraces: false,
      },
      postgres,
    ),
    clickhouseSchema: known(SCHEMA.clickhouse, clickhouse),
    detached: known([], clickhouse),
    mutations: known([], clickhouse),
    memory: known({ used: 2 ** 30, limit: 2 ** 33, refused: 0, lastRefused: 0 }, clickhouse),
    ...over,
  }
}

/** A canary that came back at once and is deleted. */
export function arrivedCanary(over: Partial<Canary> = {}): Canary {
  const nothing = unknown<never>('it was not needed', 'not-asked')
  return {
    traceId: 'ab'.repeat(16),
    route: { path: 'ingestion', mode: 'legacy', configured: true },
    address: 'https://langfuse.example.com',
    write: { state: 'accepted' },
    read: { state: 'seen', missing: [], milliseconds: 8_000, polls: 5, last: '200' },
    heldBackMs: undefined,
    rows: nothing,
    queues: nothing,
    deletion: { state: 'accepted' },
    left: known({ found: 0, deleted: 0, problem: undefined }, 'https://langfuse.example.com'),
    ...over,
  }
}

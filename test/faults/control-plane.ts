import type { Repository } from '../../sandbox/aws/images.ts'
import type { JsonObject } from '../../sandbox/aws/json.ts'
import type { CheckId } from '../../src/checks/run.ts'
import { type Expected, type Fault, type FaultStage, swap } from './fault.ts'

type Name = 'langfuse_worker' | 'clickhouse'
type Undo = () => Promise<void>
type Pair = { readonly name: string; readonly value?: string; readonly valueFrom?: string }

/** Changes the only container of a task definition as ECS describes it; the task that runs stays as it is. */
async function container(
  { service }: FaultStage,
  name: Name,
  change: (before: JsonObject) => JsonObject,
): Promise<Undo> {
  const { taskDefinition } = service(name)
  const [before = {}] = taskDefinition.document['containerDefinitions'] as readonly JsonObject[]
  return swap(taskDefinition, {
    document: { ...taskDefinition.document, containerDefinitions: [{ ...before, ...change(before) }] },
  })
}

/** Sets variables of a container by value, or takes them away, also where they were secrets. */
function variables(
  stage: FaultStage,
  name: Name,
  values: Readonly<Record<string, string | undefined>>,
): Promise<Undo> {
  return container(stage, name, before => {
    const others = (list: unknown) => ((list ?? []) as readonly Pair[]).filter(pair => !(pair.name in values))
    const given = Object.entries(values).flatMap(([key, value]) =>
      value === undefined ? [] : [{ name: key, value }],
    )
    return { environment: [...others(before['environment']), ...given], secrets: others(before['secrets']) }
  })
}

/** The web's variables, on App Runner. */
async function webVariables({ world }: FaultStage, values: Readonly<Record<string, string>>): Promise<Undo> {
  return web({ world }, configuration => {
    const source = configuration['SourceConfiguration'] as JsonObject
    const repository = source['ImageRepository'] as JsonObject
    const image = repository['ImageConfiguration'] as JsonObject
    const secrets = Object.entries(image['RuntimeEnvironmentSecrets'] as JsonObject)
    const changed = {
      ...image,
      RuntimeEnvironmentVariables: { ...(image['RuntimeEnvironmentVariables'] as JsonObject), ...values },
      RuntimeEnvironmentSecrets: Object.fromEntries(secrets.filter(([name]) => !(name in values))),
    }
    return {
      SourceConfiguration: { ...source, ImageRepository: { ...repository, ImageConfiguration: changed } },
    }
  })
}

function web({ world }: Pick<FaultStage, 'world'>, change: (before: JsonObject) => JsonObject): Undo {
  const [service] = world.appRunner.services.values()
  if (service === undefined) throw new Error('The stage has no App Runner service')
  return swap(service, { configuration: { ...service.configuration, ...change(service.configuration) } })
}

function repository({ world }: FaultStage, name = 'langfuse-worker'): Repository {
  const found = world.images.repositories.get(name)
  if (found === undefined) throw new Error(`The stage has no repository ${name}`)
  return found
}

function cluster({ world }: FaultStage) {
  const [found] = world.rds.clusters.values()
  if (found === undefined) throw new Error('The stage has no Aurora cluster')
  return found
}

async function all(...puts: readonly Promise<Undo>[]): Promise<Undo> {
  const undos = await Promise.all(puts)
  return async () => {
    for (const undo of undos) await undo()
  }
}

/** As after one more deploy of the worker: what runs is revision 2, and revision 1 named another image. */
async function previousRevision({ service, world }: FaultStage, image: string): Promise<Undo> {
  const { taskDefinition } = service('langfuse_worker')
  const revisions = world.ecs.definitions.families.get(taskDefinition.family) as (typeof taskDefinition)[]
  const [now = {}] = taskDefinition.document['containerDefinitions'] as readonly JsonObject[]
  const before = {
    ...taskDefinition,
    document: { ...taskDefinition.document, containerDefinitions: [{ ...now, image }] },
  }
  revisions.unshift(before)
  const undo = swap(taskDefinition, { revision: 2, arn: taskDefinition.arn.replace(/:1$/, ':2') })
  return async () => {
    revisions.shift()
    await undo()
  }
}

const DENIED =
  (operation: string) =>
  async ({ world }: FaultStage) => {
    world.faults.add({ operation, kind: 'access-denied', times: Number.POSITIVE_INFINITY })
    return async () => world.faults.clear()
  }

const warns = (check: CheckId, says: RegExp): Expected => ({ check, state: 'warning', says })
const fails = (check: CheckId, says: RegExp): Expected => ({ check, state: 'failed', says })
const unsure = (check: CheckId, says: RegExp): Expected => ({ check, state: 'inconclusive', says })

export const SETTING_FAULTS: readonly Fault[] = [
  {
    name: 'ClickHouse is deployed start-before-stop (100 % to 200 %)',
    row: 30,
    put: async ({ service }) => {
      const clickhouse = service('clickhouse')
      const percents = { minimumHealthyPercent: 100, maximumPercent: 200 }
      return swap(clickhouse, {
        deploymentConfiguration: { ...clickhouse.deploymentConfiguration, ...percents },
      })
    },
    expects: [
      warns(
        'clickhouse-single-writer',
        /a new task starts before the old one stops.*deployment_maximum_percent = 100/,
      ),
      // With a second task allowed, rebalancing may start one too.
      warns('clickhouse-placement', /move ECS service clickhouse to another availability zone/),
    ],
  },
  {
    name: 'the worker has no circuit breaker',
    put: async ({ service }) => {
      const worker = service('langfuse_worker')
      const deploymentCircuitBreaker = { enable: false, rollback: false }
      return swap(worker, {
        deploymentConfiguration: { ...worker.deploymentConfiguration, deploymentCircuitBreaker },
      })
    },
    expects: [warns('circuit-breaker', /ECS service langfuse_worker has no deployment circuit breaker/)],
  },
  {
    name: 'the circuit breaker of ClickHouse does not roll back',
    put: async ({ service }) => {
      const clickhouse = service('clickhouse')
      const deploymentCircuitBreaker = { enable: true, rollback: false }
      return swap(clickhouse, {
        deploymentConfiguration: { ...clickhouse.deploymentConfiguration, deploymentCircuitBreaker },
      })
    },
    expects: [warns('circuit-breaker', /circuit breaker of ECS service clickhouse does not roll back/)],
  },
  {
    name: 'ClickHouse runs on FARGATE_SPOT',
    put: async ({ service }) => {
      const clickhouse = service('clickhouse')
      const capacityProviderStrategy = [{ capacityProvider: 'FARGATE_SPOT', weight: 1 }]
      return swap(clickhouse, {
        settings: { ...clickhouse.settings, launchType: undefined, capacityProviderStrategy },
      })
    },
    expects: [
      warns('clickhouse-placement', /FARGATE_SPOT, so AWS may stop ClickHouse.*is_spot_instance = false/),
    ],
  },
  {
    name: 'ClickHouse has 30 s to stop',
    put: stage => container(stage, 'clickhouse', () => ({ stopTimeout: undefined })),
    expects: [warns('clickhouse-stop', /kills ClickHouse 30 s after.*`stopTimeout = 120`/)],
  },
  {
    name: 'ClickHouse has 50 s to start',
    put: stage =>
      container(stage, 'clickhouse', ({ healthCheck }) => ({
        healthCheck: { ...(healthCheck as JsonObject), startPeriod: 1 },
      })),
    expects: [warns('clickhouse-health-check', /does not answer within about 51 s.*startPeriod = 300/)],
  },
  {
    name: 'ClickHouse has no container health check',
    put: stage => container(stage, 'clickhouse', () => ({ healthCheck: undefined })),
    expects: [warns('clickhouse-health-check', /no health check, so ECS and Cloud Map report it as healthy/)],
  },
  {
    name: 'ClickHouse may open 65535 files',
    put: stage => container(stage, 'clickhouse', () => ({ ulimits: undefined })),
    expects: [warns('clickhouse-open-files', /may open 65535 files but recommends 262144/)],
  },
  {
    name: 'the worker has no container health check',
    row: 23,
    put: stage => container(stage, 'langfuse_worker', () => ({ healthCheck: undefined })),
    expects: [warns('worker-health-check', /stopped processing its queues.*127\.0\.0\.1:3030\/api\/health/)],
  },
  {
    name: "ClickHouse's log goes nowhere",
    row: 42,
    put: stage => container(stage, 'clickhouse', () => ({ logConfiguration: undefined })),
    expects: [warns('container-logs', /ClickHouse does not log to CloudWatch.*logger\.console/)],
  },
  {
    name: 'App Runner deploys what is pushed',
    put: async stage =>
      web(stage, ({ SourceConfiguration }) => ({
        SourceConfiguration: { ...(SourceConfiguration as JsonObject), AutoDeploymentsEnabled: true },
      })),
    expects: [warns('automatic-deployments', /deploys every image pushed.*auto_deployments_enabled = false/)],
  },
  {
    name: "a console edit sets App Runner's health check back to TCP",
    row: 32,
    put: async stage =>
      web(stage, ({ HealthCheckConfiguration }) => ({
        HealthCheckConfiguration: {
          ...(HealthCheckConfiguration as JsonObject),
          Protocol: 'TCP',
          Path: undefined,
        },
      })),
    expects: [warns('web-health-check', /health check is TCP, which passes although.*resets it to TCP/)],
  },
  {
    name: 'App Runner gives the web 25 s to start',
    row: 31,
    put: async stage =>
      web(stage, () => ({ HealthCheckConfiguration: { Protocol: 'HTTP', Path: '/api/public/health' } })),
    expects: [warns('web-health-window', /gives the web 25 s to start \(5 checks, one every 5 s\)/)],
  },
]

export const ENVIRONMENT_FAULTS: readonly Fault[] = [
  {
    name: 'the worker has ENCRIPTION_KEY',
    row: 41,
    put: stage =>
      container(stage, 'langfuse_worker', ({ secrets }) => ({
        secrets: (secrets as readonly Pair[]).map(pair =>
          pair.name === 'ENCRYPTION_KEY' ? { ...pair, name: 'ENCRIPTION_KEY' } : pair,
        ),
      })),
    expects: [warns('environment-names', /`ENCRIPTION_KEY`.*rename it.*name = "ENCRYPTION_KEY"/)],
  },
  {
    name: 'a lower-case v4 in a name',
    put: stage => variables(stage, 'langfuse_worker', { LANGFUSE_MIGRATION_v4_WRITE_MODE: 'dual' }),
    expects: [warns('environment-names', /should be `LANGFUSE_MIGRATION_V4_WRITE_MODE`/)],
  },
  {
    name: 'the web has a variable that only v2 read',
    put: stage => webVariables(stage, { LANGFUSE_READ_FROM_CLICKHOUSE_ONLY: 'true' }),
    expects: [
      warns(
        'environment-names',
        /`LANGFUSE_READ_FROM_CLICKHOUSE_ONLY`, which the newest Langfuse 3 no longer reads/,
      ),
    ],
  },
  {
    name: "the worker's ENCRYPTION_KEY is too short",
    row: 41,
    put: stage => variables(stage, 'langfuse_worker', { ENCRYPTION_KEY: 'abc' }),
    expects: [
      fails('environment-values', /`ENCRYPTION_KEY` of the worker is not 64 characters long/),
      // It is a plain value beside the web's secret.
      warns(
        'environment-pairs',
        /`ENCRYPTION_KEY` is a secret on one of web and worker and plain text on the other/,
      ),
      warns('plain-secrets', /worker \(`ENCRYPTION_KEY`\)/),
    ],
  },
  {
    name: 'the worker has no ENCRYPTION_KEY',
    row: 41,
    put: stage => variables(stage, 'langfuse_worker', { ENCRYPTION_KEY: undefined }),
    expects: [
      warns('environment-values', /The worker has no `ENCRYPTION_KEY`/),
      warns('environment-pairs', /Only the web has `ENCRYPTION_KEY`/),
    ],
  },
  {
    name: 'flags of v4 with which the worker crashes',
    put: stage =>
      variables(stage, 'langfuse_worker', {
        LANGFUSE_MIGRATION_V4_WRITE_MODE: 'legacy',
        LANGFUSE_MIGRATION_V4_NATIVE_OTEL_BEHAVIOUR: 'direct',
      }),
    expects: [
      fails(
        'environment-values',
        /worker of Langfuse 3\.225\.4 crashes at its start with `LANGFUSE_MIGRATION_V4_WRITE_MODE=legacy`/,
      ),
    ],
  },
  {
    name: 'a heap as large as the task',
    row: 37,
    put: stage => variables(stage, 'langfuse_worker', { NODE_OPTIONS: '--max-old-space-size=4096' }),
    expects: [
      warns('environment-values', /grow to 4096 MiB in a container of 4096 MiB.*max-old-space-size=3072/),
    ],
  },
  {
    name: 'the worker has no HOSTNAME',
    put: stage => variables(stage, 'langfuse_worker', { HOSTNAME: undefined }),
    expects: [warns('environment-values', /`HOSTNAME` of the worker is not 0\.0\.0\.0/)],
  },
  {
    name: 'ClickHouse is taken for a cluster',
    row: 9,
    put: stage =>
      all(
        variables(stage, 'langfuse_worker', { CLICKHOUSE_CLUSTER_ENABLED: 'true' }),
        webVariables(stage, { CLICKHOUSE_CLUSTER_ENABLED: 'true' }),
      ),
    expects: [warns('environment-values', /`CLICKHOUSE_CLUSTER_ENABLED` of web and worker is not false/)],
  },
  {
    name: 'a password of ClickHouse that breaks a URL',
    row: 10,
    put: stage => variables(stage, 'clickhouse', { CLICKHOUSE_PASSWORD: 'a%b' }),
    expects: [
      warns(
        'environment-values',
        /break the URL of the ClickHouse migrations.*random_password\.clickhouse_password/,
      ),
      warns('plain-secrets', /ClickHouse \(`CLICKHOUSE_PASSWORD`\)/),
    ],
  },
  {
    name: 'web and worker have different buckets',
    row: 33,
    put: stage => variables(stage, 'langfuse_worker', { LANGFUSE_S3_EVENT_UPLOAD_BUCKET: 'another' }),
    expects: [warns('environment-pairs', /different values for `LANGFUSE_S3_EVENT_UPLOAD_BUCKET`/)],
  },
  {
    name: 'web and worker read SALT from different secrets',
    put: stage =>
      container(stage, 'langfuse_worker', ({ secrets }) => ({
        secrets: (secrets as readonly Pair[]).map(pair =>
          pair.name === 'SALT' ? { ...pair, valueFrom: `${pair.valueFrom}x` } : pair,
        ),
      })),
    expects: [warns('environment-pairs', /read `SALT` from different secrets/)],
  },
  {
    name: 'the web has a secret as a plain value',
    put: stage => webVariables(stage, { NEXTAUTH_SECRET: 'c2VjcmV0LXZhbHVl' }),
    expects: [
      warns('plain-secrets', /configuration of web \(`NEXTAUTH_SECRET`\), so everyone(?!.*c2VjcmV0)/),
    ],
  },
  {
    name: 'a cache with TLS is talked to in plain text',
    put: stage => {
      const REDIS_HOST = 'master.langfuse-cache.x1y2z3.apne1.cache.amazonaws.com'
      return all(variables(stage, 'langfuse_worker', { REDIS_HOST }), webVariables(stage, { REDIS_HOST }))
    },
    expects: [warns('valkey-tls', /web and worker connect in plain text.*REDIS_TLS_ENABLED = "true"/)],
  },
]

export const REGISTRY_FAULTS: readonly Fault[] = [
  {
    name: 'the worker runs a floating tag',
    row: 1,
    put: stage => {
      const images = repository(stage)
      const tagged = images.images.map(image =>
        image.tags.includes(stage.release) ? { ...image, tags: [...image.tags, '3'] } : image,
      )
      return all(
        Promise.resolve(swap(images, { images: tagged })),
        container(stage, 'langfuse_worker', ({ image }) => ({
          image: String(image).replace(/:[\d.]+$/, ':3'),
        })),
      )
    },
    expects: [warns('image-tags', /Worker \(langfuse-worker:3\) uses a tag that is not an exact release/)],
  },
  {
    name: "the worker's tag was moved to another image",
    row: 1,
    put: async stage => {
      const images = repository(stage)
      const moved = images.images.map(image => {
        const others = image.tags.filter(tag => tag !== stage.release)
        return { ...image, tags: image.tags.includes('3.0.0') ? [...others, stage.release] : others }
      })
      return swap(images, { images: moved })
    },
    expects: [
      fails('image-tags', /Worker runs sha256:\w+, but `langfuse-worker:[\d.]+` now points to sha256:\w+/),
    ],
  },
  {
    name: 'tags of a repository can be moved',
    row: 1,
    put: async stage => swap(repository(stage), { mutability: 'MUTABLE' }),
    expects: [warns('image-mutability', /Tags in ECR repository langfuse-worker can be moved.*"IMMUTABLE"/)],
  },
  {
    name: "the worker's image is no longer in ECR",
    put: async stage => {
      const images = repository(stage)
      return swap(images, { images: images.images.filter(({ tags }) => !tags.includes(stage.release)) })
    },
    expects: [
      fails(
        'image-retention',
        /no longer in ECR \(worker image in langfuse-worker\), so the next task cannot start/,
      ),
    ],
    // A tag that leads nowhere may have led elsewhere before.
    also: ['image-tags'],
  },
  {
    name: 'a repository keeps the newest five images, whatever runs',
    put: async stage => {
      const selection = { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 5 }
      const lifecycle = JSON.stringify({
        rules: [{ rulePriority: 1, selection, action: { type: 'expire' } }],
      })
      return swap(repository(stage), { lifecycle })
    },
    expects: [warns('image-retention', /worker image in langfuse-worker (after \d more push|within a day)/)],
  },
  {
    name: 'a repository keeps images for a week, whatever runs',
    put: async stage => {
      const selection = {
        tagStatus: 'tagged',
        tagPatternList: ['3.*'],
        countType: 'sinceImagePushed',
        countUnit: 'days',
        countNumber: 7,
      }
      return swap(repository(stage, 'langfuse-web'), {
        lifecycle: JSON.stringify({ rules: [{ selection }] }),
      })
    },
    expects: [warns('image-retention', /web image in langfuse-web in \d+ days/)],
  },
  {
    name: 'the image to go back to is no longer in ECR',
    put: stage => {
      const now = repository(stage).images.find(({ tags }) => tags.includes(stage.release))
      return previousRevision(
        stage,
        `123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/${now?.repository}:3.225.0`,
      )
    },
    expects: [
      warns('rollback-image', /The previous image is no longer in ECR, .*: worker \(langfuse-worker:1\)/),
    ],
  },
  {
    name: 'nobody may look into ECR',
    put: DENIED('DescribeRepositories'),
    expects: [
      unsure('image-tags', /ecr:DescribeRepositories/),
      unsure('image-mutability', /ecr:DescribeRepositories/),
      unsure('image-retention', /ecr:DescribeRepositories/),
      unsure('rollback-image', /ecr:DescribeRepositories/),
    ],
  },
]

export const BACKUP_FAULTS: readonly Fault[] = [
  {
    name: 'Aurora keeps backups for a day',
    put: async stage => swap(cluster(stage), { backupRetentionDays: 1 }),
    expects: [warns('database-backups', /keeps backups for only 1 day,.*backup_retention_period = 14/)],
  },
  {
    name: 'Aurora can be deleted by mistake',
    put: async stage => swap(cluster(stage), { deletionProtection: false }),
    expects: [warns('database-backups', /no deletion protection.*deletion_protection = true/)],
  },
  {
    name: 'PostgreSQL is the oldest that v4 works on',
    put: async stage => swap(cluster(stage), { engineVersion: '15.6' }),
    expects: [warns('database-version', /PostgreSQL is 15\.6, but Langfuse 4 needs at least 15/)],
  },
  {
    name: 'PostgreSQL is too old',
    put: async stage => swap(cluster(stage), { engineVersion: '11.21' }),
    expects: [
      fails(
        'database-version',
        /Langfuse [\d.]+ needs PostgreSQL 12 or newer, but Aurora cluster langfuse-postgres runs 11\.21/,
      ),
    ],
  },
  {
    name: "ClickHouse's files have no recovery point",
    put: async ({ world }) => {
      const points = [...world.backup.jobs]
      world.backup.jobs.clear()
      return async () => {
        for (const [id, point] of points) world.backup.jobs.set(id, point)
      }
    },
    expects: [warns('file-backups', /has no recovery point, so lost ClickHouse data cannot be restored/)],
  },
  {
    name: 'AWS Backup stopped three weeks ago',
    put: async ({ world }) => {
      const [point] = world.backup.jobs.values()
      if (point === undefined) throw new Error('The stage has no recovery point')
      return swap(point, { createdAt: new Date(Date.now() - 21 * 86_400_000) })
    },
    expects: [warns('file-backups', /The newest recovery point of fs-\w+ is \d+ days old/)],
  },
  {
    name: 'nobody may look at recovery points',
    put: DENIED('ListRecoveryPointsByResource'),
    expects: [unsure('file-backups', /backup:ListRecoveryPointsByResource/)],
  },
]

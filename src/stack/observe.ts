import { explain } from '../errors/explain.ts'
import { RolloutError } from '../errors/rollout-error.ts'
import type { StackConfig } from '../inputs/config.ts'
import type { AppRunnerOperation, Cloud, EcsService, EcsTask } from '../ports/cloud.ts'
import type { ClickHouse, Postgres } from '../ports/databases.ts'
import type { Http } from '../ports/http.ts'
import { pickContainer } from './container.ts'
import { observeClickHouse, observePostgres } from './databases.ts'
import { observeImage } from './image.ts'
import type {
  Discovery,
  EcsComponent,
  FileSystem,
  Observed,
  Stack,
  WebComponent,
  WebHealth,
} from './stack.ts'
import { known, unknown } from './stack.ts'

/** What observing needs; the databases are absent when the caller gave no way to reach them. */
export type Sources = {
  readonly cloud: Cloud
  readonly http: Http
  readonly postgres: Postgres | undefined
  readonly clickhouse: ClickHouse | undefined
}

/** Looks at the whole stack, side by side where nothing depends on another answer. Reads only. */
export async function observe(config: StackConfig, sources: Sources): Promise<Stack> {
  const { cloud } = sources
  const [identity, worker, clickhouse, web, postgres, clickhouseStore] = await Promise.all([
    cloud.account(),
    observeEcs('worker', config, cloud),
    observeEcs('clickhouse', config, cloud),
    observeWeb(config, cloud),
    observePostgres(sources.postgres),
    observeClickHouse(sources.clickhouse),
  ])
  const url = config.url ?? web.service.url
  const [health, discovery, files] = await Promise.all([
    observeHealth(url, sources.http),
    observeDiscovery(clickhouse.service, cloud),
    observeFiles(clickhouse, cloud),
  ])
  return {
    account: identity.account,
    region: cloud.region,
    cluster: config.cluster,
    worker,
    clickhouse,
    web,
    url,
    health,
    postgres,
    clickhouseStore,
    discovery,
    files,
  }
}

async function observeEcs(
  component: 'worker' | 'clickhouse',
  config: StackConfig,
  cloud: Cloud,
): Promise<EcsComponent> {
  const name = config.services[component]
  const service = await cloud.ecs.service(config.cluster, name)
  if (service === undefined) {
    throw new RolloutError(
      `Input \`${component}-service\` is \`${name}\`, but cluster \`${config.cluster}\` has no ECS service of that name: write the name of the service that runs ${component === 'worker' ? 'the worker' : 'ClickHouse'}.`,
    )
  }
  const [taskDefinition, tasks] = await Promise.all([
    cloud.ecs.taskDefinition(service.taskDefinition),
    cloud.ecs.tasks(config.cluster, name, 'RUNNING'),
  ])
  const container = pickContainer(component, taskDefinition)
  const image = await observeImage(container.image, runningDigest(tasks, container.name), cloud)
  return { component, service, taskDefinition, container, tasks, image }
}

/** The digest that the tasks run, if they all run the same one. */
function runningDigest(tasks: readonly EcsTask[], container: string): string | undefined {
  const digests = new Set(tasks.map(task => task.containers.find(item => item.name === container)?.digest))
  const [digest] = digests
  return digests.size === 1 ? digest : undefined
}

async function observeWeb(config: StackConfig, cloud: Cloud): Promise<WebComponent> {
  const name = config.services.web
  const service = await cloud.appRunner.service(name)
  if (service === undefined) {
    throw new RolloutError(
      `Input \`web-service\` is \`${name}\`, but there is no App Runner service of that name in ${cloud.region}: write the name of the service that runs the web, or correct \`aws-region\`.`,
    )
  }
  const operations = await cloud.appRunner.operations(service.arn)
  const image = await observeImage(service.image, undefined, cloud)
  return { component: 'web', service, operation: openOperation(operations), image }
}

function openOperation(operations: readonly AppRunnerOperation[]): AppRunnerOperation | undefined {
  return operations.find(operation =>
    ['PENDING', 'IN_PROGRESS', 'ROLLBACK_IN_PROGRESS'].includes(operation.status),
  )
}

const HEALTH_TIMEOUT_MS = 10_000

/** `/api/public/health`: 200 or 503 with the version that the code carries. */
export async function observeHealth(url: string, http: Http): Promise<Observed<WebHealth>> {
  const address = `${url}/api/public/health`
  try {
    const answer = await http.get(address, { timeoutMs: HEALTH_TIMEOUT_MS })
    return known({ status: answer.status, version: reportedVersion(answer.body) }, address)
  } catch (error) {
    return unknown(`${address} did not answer: ${explain(error)}`, 'unreachable')
  }
}

function reportedVersion(body: string): string | undefined {
  try {
    const answer: unknown = JSON.parse(body)
    if (typeof answer !== 'object' || answer === null || !('version' in answer)) return undefined
    return typeof answer.version === 'string' ? answer.version.replace(/^v/, '') : undefined
  } catch {
    return undefined // An App Runner error page, not Langfuse.
  }
}

export async function observeDiscovery(service: EcsService, cloud: Cloud): Promise<Observed<Discovery>> {
  const [registry] = service.registries
  if (registry === undefined)
    return unknown(`ECS service ${service.name} registers in no Cloud Map service`, 'unreachable')
  try {
    return known(await cloud.cloudMap.service(registry), registry)
  } catch (error) {
    return unknown(`Cloud Map service ${registry} cannot be read: ${explain(error)}`, 'unreachable')
  }
}

async function observeFiles(clickhouse: EcsComponent, cloud: Cloud): Promise<Observed<FileSystem>> {
  const [volume] = clickhouse.taskDefinition.volumes
  if (volume === undefined)
    return unknown(`task definition ${clickhouse.taskDefinition.arn} has no EFS volume`, 'unreachable')
  try {
    const fileSystem = await cloud.efs.fileSystem(volume.fileSystemId)
    if (fileSystem === undefined)
      return unknown(`there is no EFS file system ${volume.fileSystemId}`, 'unreachable')
    return known(fileSystem, 'efs:DescribeFileSystems')
  } catch (error) {
    return unknown(`EFS file system ${volume.fileSystemId} cannot be read: ${explain(error)}`, 'unreachable')
  }
}

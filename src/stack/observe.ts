import { Denied, explain, NoEndpoint, RolloutError } from '../errors/errors.ts'
import type { Component, StackConfig } from '../inputs/config.ts'
import type {
  Cloud,
  CloudMapService,
  Container,
  EcsService,
  EcsTask,
  FileSystem,
  TaskDefinition,
} from '../ports/cloud.ts'
import type { Http } from '../ports/http.ts'
import { type ObserveInfrastructure, unseenInfrastructure } from './infrastructure.ts'
import { healthAddress, observeHealth, webAddresses } from './observe-health.ts'
import { observeImageAtLeast } from './observe-images.ts'
import { dataVolume, GONE } from './observe-storage.ts'
import { type Inside, type ProbeInside, type ProbeMount, unseenInside } from './probe-inside.ts'
import { proofsOf } from './proof.ts'
import type {
  AppRunnerWeb,
  EcsComponent,
  EcsWeb,
  Mount,
  Observed,
  Stack,
  WebComponent,
  WebHealth,
} from './stack.ts'
import { observed, openOperation, unknown } from './stack.ts'

export type Sources = {
  readonly cloud: Cloud
  readonly http: Http
  readonly probeInside: ProbeInside
  /** Only if a check needs it: it starts a task of its own. */
  readonly probeMount?: ProbeMount | undefined
  /** The probe starts a task and takes a minute, so it is not repeated. */
  readonly probeIsExpensive: boolean
  /** Only if a check needs it: it costs about twenty calls. */
  readonly observeInfrastructure?: ObserveInfrastructure | undefined
  /** Whether to read the schemas and the load of the databases too. */
  readonly deepProbe?: boolean
  /** Called as soon as the web is known, to start work that runs in parallel. */
  readonly onWeb?: (web: WebComponent, url: string) => void
}

/** The same sources for repeated observations: an expensive probe is replaced by its earlier result, or by nothing. */
export function quickSources(
  sources: Sources,
  inside: Inside = unseenInside('the databases have not been probed yet', 'not-asked'),
): Sources {
  return sources.probeIsExpensive ? { ...sources, probeInside: async () => inside } : sources
}

/** Observes the whole stack, in parallel where possible. Reads only. */
export async function observe(config: StackConfig, sources: Sources): Promise<Stack> {
  const { cloud } = sources
  const [[worker, clickhouse], web] = await Promise.all([
    observeEcs(config, cloud),
    observeWeb(config, cloud),
  ])
  const url = publicUrl(config, web)
  sources.onWeb?.(web, url)
  // arn:partition:ecs:region:account:service/…
  const account = worker.service.arn.split(':')[4] ?? ''
  const components = { account, region: cloud.region, cluster: config.cluster, worker, clickhouse, web }
  const beside = {
    inside: sources.probeInside(worker, sources.deepProbe, webAddresses(web, url)),
    files: observeFiles(clickhouse, cloud),
  }
  const [inside, files, mount, infrastructure, health, discovery] = await Promise.all([
    beside.inside,
    beside.files,
    sources.probeMount?.(worker, clickhouse) ??
      unknown<Mount>('this run does not mount the volume', 'not-asked'),
    sources.observeInfrastructure?.(components, beside) ??
      unseenInfrastructure('this run does not observe it', 'not-asked'),
    observePublic(web, url, sources.http),
    observeDiscovery(clickhouse.service, cloud),
  ])
  const probe = { ...inside.probe, mount }
  return {
    ...components,
    url,
    health,
    postgres: inside.postgres,
    clickhouseStore: inside.clickhouse,
    discovery,
    files,
    probe,
    infrastructure,
    proofs: proofsOf({ ...components, probe, clickhouseStore: inside.clickhouse }, config),
  }
}

/** The same stack with the databases probed again: what AWS shows of the rest was read just before. */
export async function probeAgain(stack: Stack, sources: Sources): Promise<Stack> {
  const addresses = webAddresses(stack.web, stack.url)
  const inside = await sources.probeInside(stack.worker, sources.deepProbe, addresses)
  const { postgres, clickhouse, probe } = inside
  return { ...stack, postgres, clickhouseStore: clickhouse, probe: { ...probe, mount: stack.probe.mount } }
}

/** Worker and ClickHouse. */
async function observeEcs(
  { cluster, services: names }: StackConfig,
  cloud: Cloud,
): Promise<readonly [EcsComponent, EcsComponent]> {
  const found = await cloud.ecs.services(cluster, [names.worker, names.clickhouse])
  const serviceOf = (component: 'worker' | 'clickhouse') => {
    const service = found.find(({ name }) => name === names[component])
    if (service !== undefined) return service
    throw new RolloutError(
      `Input \`${component}-service\` is \`${names[component]}\`, but cluster \`${cluster}\` has no ECS service of that name: set the name of the service that runs ${component === 'worker' ? 'the worker' : 'ClickHouse'}.`,
    )
  }
  const [worker, clickhouse] = [serviceOf('worker'), serviceOf('clickhouse')]
  const tasks = cloud.ecs.tasksOfEach(cluster, [worker.name, clickhouse.name])
  return Promise.all([
    observeService('worker', worker, { cloud, tasks: tasks.then(([own = []]) => own) }),
    observeService('clickhouse', clickhouse, { cloud, tasks: tasks.then(([, own = []]) => own) }),
  ])
}

async function observeService(
  component: Component,
  service: EcsService,
  from: { readonly cloud: Cloud; readonly tasks: Promise<readonly EcsTask[]> },
): Promise<EcsComponent> {
  const [taskDefinition, tasks] = await Promise.all([
    from.cloud.ecs.taskDefinition(service.taskDefinition),
    from.tasks,
  ])
  const container = pickContainer(component, taskDefinition)
  const image = await observeImageAtLeast(container.image, runningDigest(tasks, container.name), from.cloud)
  return { component, service, taskDefinition, container, tasks, image }
}

/** The digest that the tasks run, if they all run the same one. */
function runningDigest(tasks: readonly EcsTask[], container: string): string | undefined {
  const digests = new Set(tasks.map(task => task.containers.find(item => item.name === container)?.digest))
  const [digest] = digests
  return digests.size === 1 ? digest : undefined
}

/** With `auto`: the App Runner service of that name if it exists, else the ECS service. */
async function observeWeb(config: StackConfig, cloud: Cloud): Promise<WebComponent> {
  const { webPlatform, services, cluster } = config
  const onAppRunner = webPlatform === 'auto' || webPlatform === 'app-runner'
  const found = onAppRunner ? await askAppRunner(services.web, cloud) : undefined
  if (typeof found === 'object') return found
  const web = webPlatform === 'app-runner' ? undefined : await observeEcsWeb(config, cloud)
  if (web !== undefined) return found === undefined ? web : { ...web, appRunnerUnseen: found }
  const noEcs = `no ECS service in cluster \`${cluster}\``
  const noAppRunner = found ?? `there is no App Runner service of that name in ${cloud.region}`
  const reasons = {
    auto: `${noAppRunner}, and there is ${noEcs}`,
    'app-runner': noAppRunner,
    ecs: `cluster \`${cluster}\` has no ECS service of that name`,
    'ecs-express': `cluster \`${cluster}\` has no service of ECS Express Mode of that name`,
  }
  const remedy =
    found === undefined
      ? 'set the name of the service that runs the web, or correct `aws-region`'
      : 'for a web on ECS set `web-platform: ecs` and the name of its service; for App Runner grant `apprunner:ListServices` and correct `aws-region`'
  throw new RolloutError(
    `Input \`web-service\` is \`${services.web}\`, but ${reasons[webPlatform]}: ${remedy}.`,
  )
}

/** The web, or why App Runner cannot be asked for it. */
async function askAppRunner(name: string, cloud: Cloud): Promise<AppRunnerWeb | string | undefined> {
  try {
    return await observeAppRunnerWeb(name, cloud)
  } catch (error) {
    if (error instanceof NoEndpoint || error instanceof Denied) return error.message
    throw error
  }
}

async function observeAppRunnerWeb(name: string, cloud: Cloud): Promise<AppRunnerWeb | undefined> {
  const service = await cloud.appRunner.service(name)
  if (service === undefined) return undefined
  const operations = await cloud.appRunner.operations(service.arn).catch(explain)
  const seen =
    typeof operations === 'string'
      ? { operation: undefined, unseen: operations }
      : { operation: openOperation(operations) }
  const { environment, secrets } = service
  const image = await observeImageAtLeast(service.image, undefined, cloud)
  return { component: 'web', platform: 'app-runner', service, ...seen, image, environment, secrets }
}

async function observeEcsWeb(config: StackConfig, cloud: Cloud): Promise<EcsWeb | undefined> {
  const service = await cloud.ecs.service(config.cluster, config.services.web)
  if (service === undefined) return undefined
  const express = config.webPlatform === 'ecs' ? undefined : await cloud.ecs.expressService(service.arn)
  if (express === undefined && config.webPlatform === 'ecs-express') return undefined
  const tasks = cloud.ecs.tasks(config.cluster, service.name, 'RUNNING')
  const seen = await observeService('web', service, { cloud, tasks })
  const { environment, secrets } = seen.container
  const platform = express === undefined ? 'ecs' : 'ecs-express'
  return { ...seen, component: 'web', platform, express, environment, secrets }
}

/** The input's URL, else the one that App Runner or Express Mode reports. */
function publicUrl(config: StackConfig, web: WebComponent): string {
  const found = config.url ?? (web.platform === 'app-runner' ? web.service.url : web.express?.url)
  if (found !== undefined) return found
  throw new RolloutError(
    `The web runs on ECS service ${web.service.name}, which has no known public address: set input \`url\`, e.g. \`https://langfuse.example.com\`.`,
  )
}

/** An App Runner service that is private may have no public URL. */
async function observePublic(web: WebComponent, url: string, http: Http): Promise<Observed<WebHealth>> {
  const address = healthAddress(url)
  if (address !== undefined) return observeHealth(address, http)
  return unknown(`the web (${web.service.name}) has no public URL`, 'no-evidence')
}

async function observeDiscovery(service: EcsService, cloud: Cloud): Promise<Observed<CloudMapService>> {
  const [registry] = service.registries
  if (registry === undefined)
    return unknown(`ECS service ${service.name} is not registered in Cloud Map`, 'not-asked')
  return observed(registry, () => cloud.cloudMap.service(registry), {
    failed: `Cloud Map service ${registry} cannot be read: `,
  })
}

async function observeFiles(clickhouse: EcsComponent, cloud: Cloud): Promise<Observed<FileSystem>> {
  const volume = dataVolume(clickhouse.taskDefinition, clickhouse.container)
  if (volume === undefined)
    return unknown(`task definition ${clickhouse.taskDefinition.arn} has no EFS volume`, 'not-asked')
  const id = volume.fileSystemId
  return observed(
    'elasticfilesystem:DescribeFileSystems',
    async () => (await cloud.efs.fileSystem(id)) ?? { id, state: GONE, mountTargets: [] },
    { failed: `EFS file system ${id} cannot be read: ` },
  )
}

/** The container that runs the component; throws if several essential containers may be it. */
export function pickContainer(component: Component, definition: TaskDefinition): Container {
  const essential = definition.containers.filter(container => container.essential)
  const [only] = essential
  if (essential.length === 1 && only !== undefined) return only
  const named = essential.filter(container =>
    `${container.name} ${container.image}`.toLowerCase().includes(component),
  )
  const [match] = named
  if (named.length === 1 && match !== undefined) return match
  throw new RolloutError(
    `Task definition ${definition.arn} has the containers ${definition.containers.map(container => container.name).join(', ')}, and it is unclear which one runs ${component}: put "${component}" into the name of that container.`,
  )
}

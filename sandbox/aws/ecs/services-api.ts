import { openProxy } from '../../vpc/proxy.ts'
import { AwsError } from '../errors.ts'
import { arn } from '../ids.ts'
import { isObject, type JsonObject, pick, type Reader, reader } from '../json.ts'
import { page } from '../paging.ts'
import type { Operations } from '../server.ts'
import { serviceAnswer } from './answers.ts'
import { beginDeployment } from './deployments.ts'
import { serving } from './express.ts'
import { isHealthy, tasksOf } from './scheduler.ts'
import { tagsOf } from './tags.ts'
import type { Cluster, DeploymentConfiguration, Express, Service } from './types.ts'
import { clusterNamed, type Ecs, findService, runnableDefinition, serviceNamed } from './world.ts'

export function serviceOperations(ecs: Ecs): Operations {
  const ask = (handle: (ecs: Ecs, read: Reader) => JsonObject | Promise<JsonObject>) => (input: JsonObject) =>
    handle(ecs, reader(input))
  return {
    CreateService: ask(createService),
    UpdateService: ask(updateService),
    DescribeServices: ask(describeServices),
    ListServices: ask(listServices),
  }
}

/** Members whose change starts a new deployment; the others take effect where they stand. */
const DEPLOYED_SETTINGS = [
  'launchType',
  'capacityProviderStrategy',
  'platformVersion',
  'networkConfiguration',
  'serviceRegistries',
  'serviceConnectConfiguration',
  'loadBalancers',
  'volumeConfigurations',
  'enableExecuteCommand',
  'enableECSManagedTags',
  'propagateTags',
]
const OTHER_SETTINGS = [
  'schedulingStrategy',
  'deploymentController',
  'healthCheckGracePeriodSeconds',
  'availabilityZoneRebalancing',
  'placementConstraints',
  'placementStrategy',
]

async function createService(ecs: Ecs, read: Reader): Promise<JsonObject> {
  const cluster = clusterNamed(ecs, read.text('cluster'))
  return { service: serviceAnswer(await makeService(ecs, cluster, { input: read.input }), true) }
}

export async function makeService(
  ecs: Ecs,
  cluster: Cluster,
  given: { readonly input: JsonObject; readonly express?: Express },
): Promise<Service> {
  const read = reader(given.input)
  const name = read.needText('serviceName')
  if (!/^[A-Za-z0-9_-]{1,255}$/.test(name)) refuse('Invalid service name.')
  if (findService(cluster, name)?.status === 'ACTIVE') refuse('Creation of service was not idempotent.')
  const settings = pick(read.input, [...DEPLOYED_SETTINGS, ...OTHER_SETTINGS])
  requireNetwork(settings)
  requireRegistries(ecs, settings)
  let made: Service | undefined
  const service: Service = {
    endpoint: await openProxy(() => made && endpointPort(ecs, made)),
    express: given.express,
    arn: arn('ecs', `service/${cluster.name}/${name}`),
    name,
    cluster,
    createdAt: ecs.clock.now(),
    status: 'ACTIVE',
    taskDefinition: runnableDefinition(ecs, read.needText('taskDefinition')),
    desiredCount: read.number('desiredCount') ?? 0,
    settings,
    deploymentConfiguration: configured(undefined, read.object('deploymentConfiguration')),
    deployments: [],
    serviceDeployments: [],
    revisions: [],
    lastCompleted: undefined,
    events: [],
    tags: tagsOf(read.objects('tags')),
    failuresInRow: 0,
    nextStartAt: 0,
    steady: false,
    rollbackSeconds: undefined,
  }
  made = service
  beginDeployment(service, { ids: ecs.ids, now: ecs.clock.now })
  cluster.services.set(name, service)
  ecs.wake(service)
  return service
}

/** The first port of the task that answers. */
function endpointPort(ecs: Ecs, service: Service): number | undefined {
  const task = serving(service, tasksOf(service).filter(isHealthy), ecs.clock.now())
  return task?.containers.flatMap(({ running }) => [...(running?.ports.values() ?? [])])[0]
}

function updateService(ecs: Ecs, read: Reader): JsonObject {
  const service = serviceNamed(clusterNamed(ecs, read.text('cluster')), read.needText('service'))
  if (service.status !== 'ACTIVE') throw new AwsError('ServiceNotActiveException', 'Service was not ACTIVE.')
  // Everything is checked before anything changes.
  const reference = read.text('taskDefinition')
  const definition = reference === undefined ? service.taskDefinition : runnableDefinition(ecs, reference)
  const deploymentConfiguration = configured(
    service.deploymentConfiguration,
    read.object('deploymentConfiguration'),
  )
  const settings = { ...service.settings, ...pick(read.input, [...DEPLOYED_SETTINGS, ...OTHER_SETTINGS]) }
  requireNetwork(settings)
  requireRegistries(ecs, settings)
  const desiredCount = read.number('desiredCount') ?? service.desiredCount
  const changed = DEPLOYED_SETTINGS.some(name => differ(settings[name], service.settings[name]))
  const redeploy =
    changed || definition !== service.taskDefinition || (read.flag('forceNewDeployment') ?? false)

  if (desiredCount !== service.desiredCount) service.steady = false
  Object.assign(service, { desiredCount, deploymentConfiguration, settings, taskDefinition: definition })
  if (redeploy) beginDeployment(service, { ids: ecs.ids, now: ecs.clock.now })
  ecs.wake(service)
  return { service: serviceAnswer(service, true) }
}

const differ = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b)

/** Members that are not given keep their value; on creation ECS's defaults are 100 and 200 percent, no breaker. */
function configured(
  before: DeploymentConfiguration | undefined,
  given: JsonObject | undefined,
): DeploymentConfiguration {
  const read = reader(given)
  const { maximumPercent, minimumHealthyPercent, deploymentCircuitBreaker, ...rest } = given ?? {}
  const breaker = isObject(deploymentCircuitBreaker)
    ? {
        enable: deploymentCircuitBreaker.enable === true,
        rollback: deploymentCircuitBreaker.rollback === true,
      }
    : (before?.deploymentCircuitBreaker ?? { enable: false, rollback: false })
  const made = {
    maximumPercent: read.number('maximumPercent') ?? before?.maximumPercent ?? 200,
    minimumHealthyPercent: read.number('minimumHealthyPercent') ?? before?.minimumHealthyPercent ?? 100,
    deploymentCircuitBreaker: breaker,
    rest: { ...before?.rest, ...rest },
  }
  if (
    made.maximumPercent < 100 ||
    made.minimumHealthyPercent < 0 ||
    made.minimumHealthyPercent > made.maximumPercent
  )
    refuse(
      'Both maximumPercent and minimumHealthyPercent must be valid; maximumPercent must be at least 100.',
    )
  if (made.maximumPercent === 100 && made.minimumHealthyPercent === 100)
    refuse('Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.')
  return made
}

function requireNetwork(settings: JsonObject) {
  const network = isObject(settings.networkConfiguration) ? settings.networkConfiguration : {}
  const subnets = reader(reader(network).object('awsvpcConfiguration')).texts('subnets')
  if (subnets.length === 0)
    refuse("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
}

function requireRegistries(ecs: Ecs, settings: JsonObject) {
  const registries = reader(settings).objects('serviceRegistries')
  if (registries.length > 1) refuse('Only one service registry can be given for a service.')
  for (const registry of registries)
    if (!ecs.cloudMap.serviceByArn(String(registry.registryArn))) refuse('service registry not found.')
}

function describeServices(ecs: Ecs, read: Reader): JsonObject {
  const cluster = clusterNamed(ecs, read.text('cluster'))
  const names = read.texts('services')
  if (names.length === 0) refuse('Services cannot be empty.')
  if (names.length > 10) refuse('Services cannot have more than 10 items.')
  const withTags = read.texts('include').includes('TAGS')
  return {
    services: names
      .flatMap(name => findService(cluster, name) ?? [])
      .map(service => serviceAnswer(service, withTags)),
    failures: names.filter(name => !findService(cluster, name)).map(name => missing(cluster.name, name)),
  }
}

const missing = (cluster: string, name: string) => ({
  arn: name.startsWith('arn:') ? name : arn('ecs', `service/${cluster}/${name}`),
  reason: 'MISSING',
})

function listServices(ecs: Ecs, read: Reader): JsonObject {
  const cluster = clusterNamed(ecs, read.text('cluster'))
  const arns = [...cluster.services.values()].filter(service => service.status !== 'INACTIVE').map(s => s.arn)
  const { items, next } = page(arns, {
    token: read.text('nextToken'),
    size: read.number('maxResults') ?? 10,
    limit: 100,
    invalid: 'InvalidParameterException',
  })
  return { serviceArns: items, nextToken: next }
}

function refuse(message: string): never {
  throw new AwsError('InvalidParameterException', message)
}

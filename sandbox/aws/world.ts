import type { Network } from '../vpc/network.ts'
import { openProxy, type PortProxy } from '../vpc/proxy.ts'
import { appRunnerOperations } from './apprunner/api.ts'
import { type AppRunner, makeAppRunner } from './apprunner/world.ts'
import { type Backup, makeBackup } from './backup.ts'
import { backupOperations } from './backup-api.ts'
import type { Clock } from './clock.ts'
import { type CloudMap, makeCloudMap } from './cloudmap.ts'
import { cloudMapOperations } from './cloudmap-api.ts'
import { type Ec2, makeEc2 } from './ec2.ts'
import { ec2Operations } from './ec2-api.ts'
import { ecrOperations } from './ecr.ts'
import { ecsOperations } from './ecs/api.ts'
import { makeTaskFaults, type TaskFaults } from './ecs/task-faults.ts'
import { type Ecs, makeEcs } from './ecs/world.ts'
import { type Efs, makeEfs } from './efs.ts'
import { efsOperations } from './efs-api.ts'
import { type Faults, makeFaults } from './faults.ts'
import { type Hooks, makeHooks, type RequestWatcher } from './hooks.ts'
import type { Ids } from './ids.ts'
import { type Image, type Images, makeImages, type PushedImage } from './images.ts'
import { isObject, type JsonObject } from './json.ts'
import { type Lags, makeLags } from './lag.ts'
import { laggedViews } from './lagged-views.ts'
import { type Logs, makeLogs } from './logs.ts'
import { logsOperations } from './logs-api.ts'
import { makeRateLimit } from './rate-limit.ts'
import { makeRds, type Rds } from './rds.ts'
import { rdsOperations } from './rds-api.ts'
import { addressOfTask, makeReach } from './reach.ts'
import type { Runtime } from './runtime/runtime.ts'
import { makeS3, type S3 } from './s3.ts'
import { makeSecrets, type Secrets } from './secrets.ts'
import { dispatch, type Operations } from './server.ts'
import { stsOperations } from './sts.ts'

/** Everything that exists in the sandbox's account, and shortcuts for tests and stacks. */
export function makeWorld(parts: WorldParts): World {
  const { clock, ids, network, runtime } = parts
  const images = makeImages(clock.now)
  const secrets = makeSecrets(ids)
  const logs = makeLogs(clock.now)
  const ec2 = makeEc2()
  const efs = makeEfs({ folder: parts.folder, ids, now: clock.now, newAddress: network.newAddress, ec2 })
  const cloudMap = makeCloudMap({ ids, clock })
  network.onLookup(cloudMap.addresses)
  const taskFaults = makeTaskFaults()
  const shared = { ids, clock, images, secrets, logs, network, runtime, taskFaults }
  const hasSubnet = (id: string) => ec2.subnets.size === 0 || ec2.subnets.has(id)
  const ecs = makeEcs({ ...shared, efs, cloudMap, hasSubnet })
  // Lags look at the services, and App Runner asks for its own.
  const listLagSeconds = (): number => lags.secondsOf('apprunner.ListOperations')
  const appRunner = makeAppRunner({ ...shared, listLagSeconds })
  network.allows = makeReach({ ec2, ecs, appRunner })
  network.addressOf = source => addressOfTask(source, ecs)
  const lags = makeLags(clock, laggedViews(ecs, appRunner))
  const faults = makeFaults(lags, makeRateLimit())
  const hooks = makeHooks()
  const rds = makeRds({ ids, clock })
  const backup = makeBackup({ ids, clock })
  const s3 = makeS3()
  const proxies: PortProxy[] = []
  const services: Record<string, Operations> = {
    ec2: ec2Operations(ec2),
    ecs: ecsOperations(ecs),
    apprunner: appRunnerOperations(appRunner),
    efs: efsOperations(efs),
    servicediscovery: cloudMapOperations(cloudMap),
    ecr: ecrOperations({ images, now: clock.now, endpoint: parts.endpoint }),
    logs: logsOperations(logs),
    sts: stsOperations,
    rds: rdsOperations(rds),
    backup: backupOperations(backup, efs),
  }
  const call = (service: string, operation: string, input: JsonObject = {}) =>
    dispatch(services, { service, operation }, input)

  return {
    ...shared,
    faults,
    lags,
    hooks,
    onRequest: hooks.watch,
    ec2,
    efs,
    cloudMap,
    ecs,
    appRunner,
    rds,
    backup,
    s3,
    services,
    call,
    pushImage: images.push,
    registerTaskDefinition: async input =>
      textIn(await call('ecs', 'RegisterTaskDefinition', input), ['taskDefinition', 'taskDefinitionArn']),
    createService: async input =>
      textIn(await call('ecs', 'CreateService', input), ['service', 'serviceArn']),
    createAppRunnerService: async input =>
      textIn(await call('apprunner', 'CreateService', input), ['Service', 'ServiceArn']),
    frontEndpoint: serviceArn => frontEndpoint(appRunner, ecs, serviceArn),
    expose: async (host, port) => {
      const proxy = await openProxy(() => loopbackOf(network, host, port))
      proxies.push(proxy)
      return proxy.port
    },
    closeEndpoints: async () => {
      const endpoints = [...appRunner.services.values(), ...ecsServices(ecs)].map(service => service.endpoint)
      await Promise.all([...endpoints, ...proxies].map(endpoint => endpoint.stop()))
    },
  }
}

export type WorldParts = {
  readonly folder: string
  readonly clock: Clock
  readonly ids: Ids
  readonly network: Network
  readonly runtime: Runtime
  /** Where the sandbox answers, once it listens. */
  readonly endpoint: () => string
}

export type World = {
  readonly clock: Clock
  readonly ids: Ids
  readonly network: Network
  readonly runtime: Runtime
  readonly faults: Faults
  /** Of one-off tasks, by the family of their task definition. */
  readonly taskFaults: TaskFaults
  readonly lags: Lags
  readonly hooks: Hooks
  /** Calls back before each call is carried out, and after, before it is answered; the answer ends it. */
  onRequest(watcher: RequestWatcher): () => void
  readonly images: Images
  readonly secrets: Secrets
  readonly logs: Logs
  readonly ec2: Ec2
  readonly efs: Efs
  readonly cloudMap: CloudMap
  readonly ecs: Ecs
  readonly appRunner: AppRunner
  readonly rds: Rds
  /** No vault unless one is made with `createVault(name)`. */
  readonly backup: Backup
  readonly s3: S3
  readonly services: Readonly<Record<string, Operations>>
  /** Any operation, from inside: not recorded, no faults. Errors are thrown as AwsError. */
  call(service: string, operation: string, input?: JsonObject): Promise<JsonObject>
  pushImage(image: PushedImage): Image
  /** Answers the ARN. */
  registerTaskDefinition(input: JsonObject): Promise<string>
  /** Creates an ECS service; answers its ARN. */
  createService(input: JsonObject): Promise<string>
  /** Answers the ARN; the service deploys for some minutes of virtual time. */
  createAppRunnerService(input: JsonObject): Promise<string>
  /** `http://127.0.0.1:PORT` of an App Runner or ECS service, stable while what answers behind it changes. */
  frontEndpoint(serviceArn: string): string
  /** A stable loopback port for a name or address in the VPC. */
  expose(host: string, port: number): Promise<number>
  closeEndpoints(): Promise<void>
}

function frontEndpoint(appRunner: AppRunner, ecs: Ecs, serviceArn: string): string {
  const service =
    appRunner.services.get(serviceArn) ?? ecsServices(ecs).find(candidate => candidate.arn === serviceArn)
  if (!service) throw new Error(`The sandbox has no service ${serviceArn}`)
  return `http://127.0.0.1:${service.endpoint.port}`
}

const ecsServices = (ecs: Ecs) =>
  [...ecs.clusters.values()].flatMap(cluster => [...cluster.services.values()])

function loopbackOf(network: Network, host: string, port: number): number | undefined {
  const route = network.route({ host, port, source: 'person' })
  return 'port' in route ? route.port : undefined
}

function textIn(value: unknown, path: readonly string[]): string {
  const found = path.reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), value)
  if (typeof found !== 'string') throw new Error(`The sandbox answered without ${path.join('.')}`)
  return found
}

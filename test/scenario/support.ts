import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { until } from '../../sandbox/article/wait.ts'
import { viewOf } from '../../sandbox/aws/apprunner/configuration.ts'
import type { AppRunnerService, Configuration } from '../../sandbox/aws/apprunner/types.ts'
import type { Service } from '../../sandbox/aws/ecs/types.ts'
import type { RequestEvent } from '../../sandbox/aws/hooks.ts'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import type { Image, Program } from '../../sandbox/aws/images.ts'
import { reader } from '../../sandbox/aws/json.ts'
import type { RecordedRequest } from '../../sandbox/aws/server.ts'
import type { World } from '../../sandbox/aws/world.ts'
import type { Stage, StageRun } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'

/** What every scenario of a failed deploy needs from the article's stage: its parts, its writes, and how it was. */
export function ecsService(world: World, name: string): Service {
  const service = world.ecs.clusters.get('langfuse')?.services.get(name)
  if (service === undefined) throw new Error(`The stage has no ECS service ${name}`)
  return service
}

export function webService(world: World): AppRunnerService {
  const [service] = world.appRunner.services.values()
  if (service === undefined) throw new Error('The stage has no App Runner service')
  return service
}

const WRITES = /^(Create|Update|Register|Deregister|Delete|Run|Start|Stop|Pause|Resume|Put|Tag)/

export function isWrite({ operation }: Pick<RecordedRequest, 'operation'>): boolean {
  return WRITES.test(operation)
}

/** What a deploy may change outside of the databases, and what a test may spoil. */
export type Setup = {
  readonly services: readonly Pick<Service, 'name' | 'taskDefinition' | 'deploymentConfiguration'>[]
  /** undefined: the web is a service of ECS. */
  readonly web: Configuration | undefined
  readonly images: ReadonlyMap<string, readonly Image[]>
}

export function setupOf(world: World): Setup {
  const web = world.appRunner.services.size > 0 ? webService(world).configuration : undefined
  const names = ['langfuse_worker', 'clickhouse', ...(web === undefined ? ['langfuse_web'] : [])]
  const services = names.map(name => {
    const { taskDefinition, deploymentConfiguration } = ecsService(world, name)
    return { name, taskDefinition, deploymentConfiguration }
  })
  const repositories = [...world.images.repositories.values()]
  const images = new Map(repositories.map(repository => [repository.name, repository.images]))
  return { services, web, images }
}

/**
 * Brings images, services and configuration back to what they were, past the API: cheaper than a rollback, for
 * deploys that failed before a database changed.
 */
export async function putBack({ stack }: Stage, setup: Setup): Promise<void> {
  const { world } = stack.sandbox
  world.faults.clear()
  world.images.pullSeconds.clear()
  for (const { id } of [...world.efs.fileSystems.values()]) world.efs.failMounts(id, undefined)
  restoreImages(world, setup.images)
  await Promise.all([
    ...setup.services.map(before => putServiceBack(world, before)),
    ...(setup.web === undefined ? [] : [putWebBack(world, setup.web)]),
  ])
}

/** Tags lead to the programs that they led to. */
export function restoreImages(world: World, images: Setup['images']): void {
  for (const repository of world.images.repositories.values())
    repository.images = images.get(repository.name) ?? []
}

async function putServiceBack(world: World, before: Setup['services'][number]): Promise<void> {
  const service = ecsService(world, before.name)
  service.deploymentConfiguration = before.deploymentConfiguration
  const settled = service.steady && service.deployments.length === 1
  if (settled && service.taskDefinition === before.taskDefinition) return
  await world.call('ecs', 'UpdateService', {
    cluster: 'langfuse',
    service: before.name,
    taskDefinition: before.taskDefinition.arn,
    forceNewDeployment: true,
  })
  const done = () => service.steady && service.deployments.length === 1
  await until({ what: `ECS service ${before.name}`, world: unfailing(world), done })
}

/** The failures are what is being tidied up. */
function unfailing(world: World): World {
  return { ...world, ecs: { ...world.ecs, clusters: new Map() } }
}

async function putWebBack(world: World, before: Configuration): Promise<void> {
  const service = webService(world)
  await until({
    what: 'the end of the operation of App Runner',
    world: unfailing(world),
    done: () => service.operations[0]?.endedAt !== undefined,
  })
  service.nextFailure = undefined
  if (service.status === 'PAUSED') {
    await world.call('apprunner', 'ResumeService', { ServiceArn: service.arn })
    await until({ what: 'App Runner to resume', world, done: () => service.status === 'RUNNING' })
  }
  service.status = 'RUNNING'
  service.configuration = before
}

/** The image that App Runner's service has. */
export function webImage(world: World): string {
  return viewOf(webService(world).configuration).image
}

/** The image migrates well in its task, and crashes as soon as App Runner starts it. */
export function breakWebAtUpdate(world: World, release = '3.0.0'): { repair(): void } {
  const reference = `${REGISTRY}/langfuse-web:${release}`
  const { program: good, ...image } = imageNamed(world, reference)
  const replace = (program: Program) => {
    world.images.remove(reference)
    world.pushImage({ ...image, program })
  }
  const end = world.onRequest(({ phase, service, operation }) => {
    if (phase !== 'before' || service !== 'apprunner' || operation !== 'UpdateService') return
    end()
    replace({ kind: 'scripted', exitAfter: 2, exitCode: 1, log: ['Error: SALT is not set'] })
  })
  return { repair: () => replace(good) }
}

export function imageNamed(world: World, reference: string): Image {
  const found = world.images.find(reference)
  if (!found.found) throw new Error(`The stage has no image ${reference}`)
  return found.image
}

/** Somebody else deploys an image to an ECS service; resolves when that is done. */
export async function rollTo(world: World, name: string, image: string): Promise<void> {
  const service = ecsService(world, name)
  const { document } = service.taskDefinition
  const [container, ...rest] = reader(document).objects('containerDefinitions')
  const taskDefinition = await world.registerTaskDefinition({
    ...document,
    containerDefinitions: [{ ...container, image }, ...rest],
  })
  await world.call('ecs', 'UpdateService', { cluster: 'langfuse', service: name, taskDefinition })
  await until({ what: `ECS service ${name}`, world, done: () => service.steady })
}

/** A web that reports a release, until it hangs: from then on it takes requests and never answers. */
export async function hangingWeb(version: string) {
  let hangs = false
  const server = createServer((_, response) => {
    if (!hangs) response.end(JSON.stringify({ status: 'OK', version }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    hang: () => {
      hangs = true
    },
    stop: () => {
      server.closeAllConnections()
      return new Promise<void>(resolve => server.close(() => resolve()))
    },
  }
}

/** One of the things that happen after each other in a scenario: what fails in it is told with its name. */
export async function step(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof Error) error.stack = `${name}\n${error.stack}`
    throw error
  }
}

type Hit = {
  /** Which call to AWS, once it is carried out and before it is answered. */
  readonly at: (call: Pick<RequestEvent, 'service' | 'operation' | 'input'>) => boolean
  readonly run: (options: StageRun) => Promise<RunResult>
}

/** A run whose machine is lost at a call to AWS. The clock stands still until the run has ended. */
export function lostAt(stage: Stage, hit: Hit): Promise<RunResult> {
  return hitAt('lost', stage, hit)
}

/** A run that is cancelled at a call to AWS, which it still gets its answer to. The clock stands still until it has ended. */
export function cancelledAt(stage: Stage, hit: Hit): Promise<RunResult> {
  return hitAt('signal', stage, hit)
}

async function hitAt(how: 'lost' | 'signal', { stack }: Stage, { at, run }: Hit): Promise<RunResult> {
  const { clock, onRequest } = stack.sandbox.world
  const hit = new AbortController()
  const ended = Promise.withResolvers<void>()
  let release: () => void = () => undefined
  const unwatch = onRequest(async call => {
    if (!hit.signal.aborted && (call.phase !== 'after' || !at(call))) return undefined
    if (!hit.signal.aborted) release = clock.hold()
    hit.abort()
    if (how === 'signal') return undefined
    await ended.promise
    return 'drop'
  })
  try {
    const result = await run({ [how]: hit.signal })
    if (!hit.signal.aborted) throw new Error(`The run ended before it was hit: ${result.stdout}`)
    return result
  } finally {
    ended.resolve()
    // What was held back is recorded now.
    await setImmediate()
    unwatch()
    release()
  }
}

import { addOperations } from './apprunner/operations.ts'
import type { AppRunnerService } from './apprunner/types.ts'
import { containersOf, efsVolume } from './ecs/container.ts'
import type { Service } from './ecs/types.ts'
import { REGISTRY } from './ids.ts'
import type { Platform, Program } from './images.ts'
import { isObject, textMap } from './json.ts'
import type { World } from './world.ts'

/** How the next deployment of an ECS service ends, and how that is arranged. Also for a service of Express Mode. */
export const ecsOutcomes: Readonly<Record<EcsOutcome, EcsArrangement>> = {
  success: { image: { program: { kind: 'scripted', startSeconds: 5 } }, ends: 'SUCCESSFUL' },
  'breaker-rolled-back': { image: crashing(), breaker: 'rollback', ends: 'ROLLBACK_SUCCESSFUL' },
  // [KNOW] ServiceDeployment has no FAILED: the deployment's rolloutState has, and the service deployment is stopped.
  'breaker-without-rollback': { image: crashing(), breaker: 'on', ends: 'STOPPED' },
  'never-starts': { image: crashing(), breaker: 'off', ends: 'IN_PROGRESS' },
  superseded: { image: slow(), meanwhile: supersede, ends: 'STOPPED' },
  'stopped-abort': { image: slow(), meanwhile: stop('ABORT'), ends: 'STOPPED' },
  'stopped-rollback': { image: slow(), meanwhile: stop('ROLLBACK'), ends: 'ROLLBACK_SUCCESSFUL' },
  'image-missing': { image: 'missing', breaker: 'rollback', ends: 'ROLLBACK_SUCCESSFUL' },
  'wrong-platform': { image: 'wrong-platform', breaker: 'rollback', ends: 'ROLLBACK_SUCCESSFUL' },
  'out-of-memory': {
    image: { program: { kind: 'scripted', exitAfter: 2, outOfMemory: true } },
    breaker: 'rollback',
    ends: 'ROLLBACK_SUCCESSFUL',
  },
  'efs-unresolved': { breaker: 'off', before: failMounts('unresolved'), ends: 'IN_PROGRESS' },
  'efs-access-denied': { breaker: 'off', before: failMounts('access-denied'), ends: 'IN_PROGRESS' },
}

export type EcsOutcome =
  | 'success'
  | 'breaker-rolled-back'
  | 'breaker-without-rollback'
  | 'never-starts'
  | 'superseded'
  | 'stopped-abort'
  | 'stopped-rollback'
  | 'image-missing'
  | 'wrong-platform'
  | 'out-of-memory'
  | 'efs-unresolved'
  | 'efs-access-denied'

export type EcsArrangement = {
  /** What the target's tag becomes; left as it is when absent. */
  readonly image?: { readonly program: Program } | 'missing' | 'wrong-platform'
  /** The service's circuit breaker; left as it is when absent. */
  readonly breaker?: 'off' | 'on' | 'rollback'
  readonly before?: (world: World, service: Service) => void
  /** What somebody else does as soon as the deployment has begun. */
  readonly meanwhile?: (world: World, service: Service) => Promise<unknown>
  /** The status of the deployment's own service deployment in the end. */
  readonly ends: 'SUCCESSFUL' | 'ROLLBACK_SUCCESSFUL' | 'STOPPED' | 'IN_PROGRESS'
}

/**
 * Arranges how the next deployment of a service ends. `image` is the target's reference, `REGISTRY/repository:tag`. With
 * `late`, an image that is missing or of the wrong platform becomes so when UpdateService is called, after a preflight.
 */
export async function arrangeEcs(
  world: World,
  given: EcsTarget & { outcome: EcsOutcome },
): Promise<EcsArrangement> {
  const arrangement = ecsOutcomes[given.outcome]
  const service = world.ecs.clusters.get(given.cluster)?.services.get(given.service)
  if (!service) throw new Error(`The sandbox has no service ${given.service}`)
  if (arrangement.breaker) setBreaker(service, arrangement.breaker)
  arrangement.before?.(world, service)
  if (arrangement.image) arrangeImage(world, arrangement.image, given)
  if (arrangement.meanwhile) onNextDeployment(world, service, arrangement.meanwhile)
  return arrangement
}

export type EcsTarget = {
  readonly cluster: string
  readonly service: string
  readonly image: string
  readonly late?: boolean
}

export const appRunnerOutcomes: Readonly<Record<AppRunnerOutcome, AppRunnerArrangement>> = {
  success: { image: { kind: 'scripted', startSeconds: 5 }, ends: 'SUCCEEDED' },
  'rolled-back': { image: crashing().program, ends: 'ROLLBACK_SUCCEEDED' },
  'rollback-failed': {
    image: crashing().program,
    before: (_, service) => void Object.assign(service, { nextFailure: 'rollback-failed' }),
    ends: 'ROLLBACK_FAILED',
  },
  failed: {
    image: crashing().program,
    before: (_, service) => void Object.assign(service, { nextFailure: 'failed' }),
    ends: 'FAILED',
  },
  busy: {
    before: (world, { arn }) => world.call('apprunner', 'StartDeployment', { ServiceArn: arn }),
    ends: 'refused',
  },
  paused: { before: pauseService, ends: 'refused' },
  'beyond-first-page': {
    image: { kind: 'scripted', startSeconds: 5 },
    meanwhile: (world, service) => addOperations(world.appRunner, service, 25),
    ends: 'SUCCEEDED',
  },
  'create-failed': {
    before: (_, service) => void Object.assign(service, { status: 'CREATE_FAILED' }),
    ends: 'refused',
  },
}

export type AppRunnerOutcome =
  | 'success'
  | 'rolled-back'
  | 'rollback-failed'
  | 'failed'
  | 'busy'
  | 'paused'
  | 'beyond-first-page'
  | 'create-failed'

export type AppRunnerArrangement = {
  readonly image?: Program
  readonly before?: (world: World, service: AppRunnerService) => unknown
  readonly meanwhile?: (world: World, service: AppRunnerService) => void
  /** The status of the update's operation; refused: UpdateService answers InvalidStateException. */
  readonly ends: 'SUCCEEDED' | 'FAILED' | 'ROLLBACK_SUCCEEDED' | 'ROLLBACK_FAILED' | 'refused'
}

/** Arranges how the next update of an App Runner service ends. `image` is the target's reference. */
export async function arrangeAppRunner(
  world: World,
  given: { readonly serviceArn: string; readonly image: string; readonly outcome: AppRunnerOutcome },
): Promise<AppRunnerArrangement> {
  const arrangement = appRunnerOutcomes[given.outcome]
  const service = world.appRunner.services.get(given.serviceArn)
  if (!service) throw new Error(`The sandbox has no App Runner service ${given.serviceArn}`)
  if (arrangement.image) replaceImage(world, given.image, { program: arrangement.image })
  await arrangement.before?.(world, service)
  const { meanwhile } = arrangement
  if (meanwhile) {
    const known = service.operations[0]
    when(
      world,
      () => service.operations[0] !== known,
      () => meanwhile(world, service),
    )
  }
  return arrangement
}

function crashing() {
  const log = ['❌ Invalid environment variables: { SALT: [ "Required" ] }']
  return { program: { kind: 'scripted', exitAfter: 2, exitCode: 1, log } } as const
}

function slow() {
  return { program: { kind: 'scripted', startSeconds: 60 } } as const
}

function setBreaker(service: Service, breaker: 'off' | 'on' | 'rollback') {
  const deploymentCircuitBreaker = { enable: breaker !== 'off', rollback: breaker === 'rollback' }
  service.deploymentConfiguration = { ...service.deploymentConfiguration, deploymentCircuitBreaker }
}

function arrangeImage(world: World, image: NonNullable<EcsArrangement['image']>, target: EcsTarget) {
  if (typeof image === 'object') return replaceImage(world, target.image, image)
  const spoil = () =>
    image === 'missing'
      ? world.images.remove(target.image)
      : replaceImage(world, target.image, { platforms: [otherPlatform(world, target)] })
  if (!target.late) return spoil()
  const end = world.onRequest(({ phase, operation, input }) => {
    const named = [input.service, input.serviceArn].some(name => String(name).endsWith(target.service))
    if (phase !== 'before' || !/^Update(ExpressGateway)?Service$/.test(operation) || !named) return
    spoil()
    end()
  })
}

/** Other content at the same place, and under the same digest: a plan that pinned it still finds it. */
function replaceImage(
  world: World,
  reference: string,
  change: { readonly program?: Program; readonly platforms?: readonly Platform[] },
) {
  const found = world.images.find(reference)
  const [repository = '', tag = 'latest'] = reference.slice(REGISTRY.length + 1).split(':')
  if (found.found) world.images.remove(reference)
  world.pushImage({
    repository,
    tags: found.found ? found.image.tags : [tag],
    program: { kind: 'scripted' },
    ...(found.found ? { program: found.image.program, digest: found.image.digest } : {}),
    ...change,
  })
}

function otherPlatform(world: World, target: EcsTarget): Platform {
  const definition = world.ecs.clusters.get(target.cluster)?.services.get(target.service)?.taskDefinition
  const arm = JSON.stringify(definition?.document.runtimePlatform ?? {}).includes('ARM64')
  return arm ? 'linux/amd64' : 'linux/arm64'
}

function failMounts(trouble: 'unresolved' | 'access-denied') {
  return (world: World, service: Service) => {
    const names = containersOf(service.taskDefinition).flatMap(view => view.mounts.map(mount => mount.volume))
    const volume = names.map(name => efsVolume(service.taskDefinition, name)).find(isObject)
    const { fileSystemId } = textMap(volume)
    if (fileSystemId === undefined) throw new Error(`Service ${service.name} mounts no EFS volume`)
    world.efs.failMounts(fileSystemId, trouble)
  }
}

/** Somebody else deploys what ran before. */
function supersede(world: World, service: Service) {
  return world.call('ecs', 'UpdateService', {
    cluster: service.cluster.name,
    service: service.name,
    taskDefinition: service.lastCompleted?.taskDefinition.arn,
    forceNewDeployment: true,
  })
}

function stop(stopType: 'ABORT' | 'ROLLBACK') {
  return (world: World, service: Service) =>
    world.call('ecs', 'StopServiceDeployment', {
      serviceDeploymentArn: service.serviceDeployments[0]?.arn,
      stopType,
    })
}

async function pauseService(world: World, service: AppRunnerService) {
  await world.call('apprunner', 'PauseService', { ServiceArn: service.arn })
  await new Promise<void>(done => when(world, () => service.status === 'PAUSED', done))
}

function onNextDeployment(
  world: World,
  service: Service,
  act: (world: World, service: Service) => Promise<unknown>,
) {
  const known = service.serviceDeployments[0]
  const begun = () => service.serviceDeployments[0] !== known
  when(world, begun, () => void world.clock.after(5, () => void act(world, service)))
}

function when(world: World, condition: () => boolean, act: () => void) {
  const end = world.clock.every(1, () => {
    if (!condition()) return
    end()
    act()
  })
}

import { viewOf } from './configuration.ts'
import { startInstance, stoppedOnStart } from './instance.ts'
import { logApplication, logService } from './logs.ts'
import type { AppRunnerOperation, AppRunnerService, Configuration, Instance, OperationType } from './types.ts'
import type { AppRunner } from './world.ts'

/**
 * Starts an operation that deploys the service's configuration. When it fails, App Runner goes back by itself: the
 * operation ends ROLLBACK_SUCCEEDED and the service is RUNNING, with the configuration it had before.
 */
export function beginDeployment(
  world: AppRunner,
  service: AppRunnerService,
  how: HowToDeploy,
): AppRunnerOperation {
  const operation = newOperation(world, service, how.type)
  const before = service.configuration
  if (how.configuration) service.configuration = how.configuration
  service.status = 'OPERATION_IN_PROGRESS'
  service.updatedAt = operation.startedAt
  void deploy(world, service, operation, before)
  return operation
}

type HowToDeploy = { readonly type: OperationType; readonly configuration?: Configuration }

/** Operations of somebody else that came and failed at once: they push older ones to later pages. */
export function addOperations(world: AppRunner, service: AppRunnerService, count: number) {
  for (let n = 0; n < count; n += 1) {
    const operation = newOperation(world, service, 'START_DEPLOYMENT')
    setStatus(world, operation, 'FAILED')
    operation.endedAt = world.clock.now()
  }
}

/** Pausing ends the instance, resuming starts one. */
export function beginPause(world: AppRunner, service: AppRunnerService): AppRunnerOperation {
  const operation = newOperation(world, service, 'PAUSE_SERVICE')
  service.status = 'OPERATION_IN_PROGRESS'
  void pause(world, service, operation)
  return operation
}

/** Virtual seconds; an update takes App Runner three to five minutes in all, most of it before the health check. */
const TIMES = { queue: 5, pull: 40, provision: 40, route: 30, rollback: 60, stop: 20 }

function newOperation(world: AppRunner, service: AppRunnerService, type: OperationType): AppRunnerOperation {
  const now = world.clock.now()
  const operation: AppRunnerOperation = {
    id: world.ids.hex(32),
    type,
    startedAt: now,
    updatedAt: now,
    endedAt: undefined,
    status: 'PENDING',
  }
  service.operations.unshift(operation)
  return operation
}

async function deploy(
  world: AppRunner,
  service: AppRunnerService,
  operation: AppRunnerOperation,
  before: Configuration,
) {
  const log = logService(world, service, operation)
  log.event(`Deployment with ID : ${operation.id} started. Triggering event : ${TRIGGERS[operation.type]}`)
  log.event('Service status is set to OPERATION_IN_PROGRESS.')
  await world.clock.sleep(TIMES.queue)
  setStatus(world, operation, 'IN_PROGRESS')
  const instance = await newInstance(world, service, log)
  if ('failure' in instance)
    return giveUp(world, service, { operation, before, log, reason: instance.failure })
  log.deployment('Health check is successful. Routing traffic to application.')
  await world.clock.sleep(TIMES.route)
  switchTo(world, service, instance)
  log.deployment('Successfully routed incoming traffic to application.')
  log.event(`Deployment with ID : ${operation.id} completed successfully.`)
  succeed(world, service, operation, 'RUNNING')
}

type Log = ReturnType<typeof logService>

const TRIGGERS: Readonly<Record<OperationType, string>> = {
  CREATE_SERVICE: 'SERVICE_CREATE',
  UPDATE_SERVICE: 'SERVICE_UPDATE',
  START_DEPLOYMENT: 'MANUAL_DEPLOYMENT',
  PAUSE_SERVICE: 'SERVICE_PAUSE',
  RESUME_SERVICE: 'SERVICE_RESUME',
}

/** A healthy instance of the current configuration, or why there is none. */
async function newInstance(
  world: AppRunner,
  service: AppRunnerService,
  log: Log,
): Promise<Instance | { readonly failure: string }> {
  const view = viewOf(service.configuration)
  log.deployment(`Pulling image ${view.image} from ECR repository.`)
  const found = world.images.find(view.image)
  const { repository = '' } = found.found ? found.image : {}
  await world.clock.sleep(world.images.pullSeconds.get(repository) ?? TIMES.pull)
  if (!found.found) {
    log.deployment(
      'Failed to pull your application image. Be sure you configure your service with a valid access role to your ECR repository.',
    )
    return { failure: 'Failed to pull your application image.' }
  }
  log.deployment('Successfully pulled your application image from ECR.')
  log.deployment('Provisioning instances and deploying image for publicly accessible service.')
  await world.clock.sleep(TIMES.provision)
  // App Runner is amd64 only and does not look: the kernel refuses the program [REPORT, apprunner-roadmap#79].
  if (!found.image.platforms.includes('linux/amd64')) {
    logApplication(world, service, world.ids.hex(32))('exec /usr/bin/dumb-init: exec format error')
    return stoppedOnStart(log, 1)
  }
  return startInstance(world, service, { image: found.image, view, log })
}

async function giveUp(
  world: AppRunner,
  service: AppRunnerService,
  given: { operation: AppRunnerOperation; before: Configuration; log: Log; reason: string },
) {
  const { operation, log } = given
  log.deployment('Failed to deploy your application image.')
  log.event(`Deployment with ID : ${operation.id} failed. Failure reason : ${given.reason}`)
  if (!service.instance && operation.type === 'CREATE_SERVICE') {
    setStatus(world, operation, 'FAILED')
    return end(world, service, operation, 'CREATE_FAILED')
  }
  const ends = service.nextFailure
  service.nextFailure = undefined
  if (ends === 'failed') {
    service.configuration = given.before
    setStatus(world, operation, 'FAILED')
    return end(world, service, operation, 'RUNNING')
  }
  setStatus(world, operation, 'ROLLBACK_IN_PROGRESS')
  await world.clock.sleep(TIMES.rollback)
  if (ends === 'rollback-failed') {
    // [KNOW] What DescribeService shows then is not documented; the new configuration is the harder case for a reader.
    setStatus(world, operation, 'ROLLBACK_FAILED')
    return end(world, service, operation, 'RUNNING')
  }
  service.configuration = given.before
  setStatus(world, operation, 'ROLLBACK_SUCCEEDED')
  log.event('Service status is set to RUNNING.')
  end(world, service, operation, 'RUNNING')
}

async function pause(world: AppRunner, service: AppRunnerService, operation: AppRunnerOperation) {
  await world.clock.sleep(TIMES.queue)
  setStatus(world, operation, 'IN_PROGRESS')
  const ending = service.instance
  service.instance = undefined
  ending?.running.stop(TIMES.stop)
  await ending?.running.exited
  succeed(world, service, operation, 'PAUSED')
}

function switchTo(world: AppRunner, service: AppRunnerService, instance: Instance) {
  const old = service.instance
  service.instance = instance
  old?.running.stop(TIMES.stop)
  // App Runner starts an instance that ended again, with the same configuration.
  void instance.running.exited.then(() => revive(world, service, instance))
}

async function revive(world: AppRunner, service: AppRunnerService, ended: Instance) {
  if (service.instance !== ended) return
  service.instance = undefined
  await world.clock.sleep(TIMES.provision)
  if (service.instance || service.status !== 'RUNNING') return
  const quiet = { event: () => undefined, deployment: () => undefined }
  const instance = await newInstance(world, service, quiet)
  if (!('failure' in instance) && !service.instance) switchTo(world, service, instance)
}

function succeed(
  world: AppRunner,
  service: AppRunnerService,
  operation: AppRunnerOperation,
  status: AppRunnerService['status'],
) {
  setStatus(world, operation, 'SUCCEEDED')
  end(world, service, operation, status)
}

function end(
  world: AppRunner,
  service: AppRunnerService,
  operation: AppRunnerOperation,
  status: AppRunnerService['status'],
) {
  operation.endedAt = world.clock.now()
  service.status = status
  service.updatedAt = operation.endedAt
}

function setStatus(world: AppRunner, operation: AppRunnerOperation, status: AppRunnerOperation['status']) {
  operation.status = status
  operation.updatedAt = world.clock.now()
}

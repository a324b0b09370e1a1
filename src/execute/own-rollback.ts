import type { Component } from '../inputs/config.ts'
import { componentName } from '../plan/plan.ts'
import type { Cloud, EcsService } from '../ports/cloud.ts'
import { openOperation, type Stack } from '../stack/stack.ts'
import { primaryOf } from './follow-ecs.ts'

/** A component that AWS itself is taking back to what ran before. */
export type Restoring = { readonly component: Component; readonly note: string }

/**
 * Every component that AWS is restoring now, as AWS says it at this moment: ECS after its circuit breaker, an alarm or a
 * stop, App Runner after a failed health check. Both disturb an update that comes meanwhile, or refuse it.
 */
export async function restoringNow(stack: Stack, cloud: Cloud): Promise<readonly Restoring[]> {
  const { web, worker, clickhouse } = await observeServices(stack, cloud)
  const restoring: Restoring[] = []
  for (const { component, service } of onEcs({ web, worker, clickhouse })) {
    const note = await ecsRestores(service, cloud)
    if (note !== undefined) restoring.push({ component, note })
  }
  const open = web.platform === 'app-runner' ? web.operation : undefined
  if (open !== undefined)
    restoring.push({ component: 'web', note: `App Runner operation ${open.id} of the web is ${open.status}` })
  return restoring
}

/** The stack with its services and the web's operation as AWS shows them now, in two calls. */
async function observeServices(stack: Stack, cloud: Cloud): Promise<Stack> {
  const { web, worker, clickhouse } = stack
  const names = onEcs(stack).map(({ service }) => service.name)
  const [services, operations] = await Promise.all([
    cloud.ecs.services(stack.cluster, names),
    web.platform === 'app-runner' ? cloud.appRunner.operations(web.service.arn) : [],
  ])
  const now = <On extends { readonly service: EcsService }>(component: On): On => {
    const service = services.find(({ name }) => name === component.service.name)
    return service === undefined ? component : { ...component, service }
  }
  return {
    ...stack,
    worker: now(worker),
    clickhouse: now(clickhouse),
    web: web.platform === 'app-runner' ? { ...web, operation: openOperation(operations) } : now(web),
  }
}

/** The components that run on ECS. */
export function onEcs({ web, worker, clickhouse }: Pick<Stack, 'web' | 'worker' | 'clickhouse'>) {
  return [worker, clickhouse, ...(web.platform === 'app-runner' ? [] : [web])]
}

/** What ECS says of its own rollback of a service; undefined: it is not rolling back. */
export async function ecsRestores(
  service: EcsService,
  { ecs }: Pick<Cloud, 'ecs'>,
): Promise<string | undefined> {
  const primary = primaryOf(service)
  const others = service.deployments.length - 1
  if (primary === undefined || primary.rolloutState === 'FAILED') return undefined
  // The failed deployment's last tasks still run: they would hide which image the service has.
  if (primary.rolloutState === 'COMPLETED')
    return others > 0 ? `ECS is stopping the last tasks of an older deployment of ${service.name}` : undefined
  const rollingBack = `ECS is rolling ${service.name} back to deployment ${primary.id}`
  const named =
    /roll(ing|ed) back/i.test(primary.rolloutStateReason ?? '') ||
    service.events.some(({ message }) => message.includes(`rolling back to deployment ${primary.id}`))
  if (named) return rollingBack
  // Right after a request to stop, only the service deployment shows it.
  const detail = service.serviceDeployment && (await ecs.serviceDeployment(service.serviceDeployment))
  if (detail === undefined || detail === '') return undefined
  const { status } = detail
  if (status === 'STOP_REQUESTED') return `ECS is stopping a deployment of ${service.name}`
  // Then the primary deployment may still be the one that ECS stops.
  return /^ROLLBACK_(REQUESTED|IN_PROGRESS)$/.test(status)
    ? `ECS is rolling ${service.name} back (${status})`
    : undefined
}

/** What AWS is doing now with the components of a stack, for "Still in progress". */
export async function stillInProgress(before: Stack, cloud: Cloud): Promise<readonly string[]> {
  const stack = await observeServices(before, cloud)
  const { web } = stack
  const notes = await Promise.all(
    onEcs(stack).map(async ({ component, service }) => {
      const what = (await ecsRestores(service, cloud).catch(() => undefined)) ?? rollingOf(service)
      return what === undefined ? [] : `${componentName(component)} (${what})`
    }),
  )
  const operation = web.platform === 'app-runner' ? web.operation : undefined
  const open = operation && `web (App Runner operation ${operation.id} is ${operation.status})`
  return [...notes.flat(), ...(open === undefined ? [] : [open])]
}

/** ECS has given up a deployment that is FAILED. Without a circuit breaker it never does. */
function rollingOf(service: EcsService): string | undefined {
  const primary = primaryOf(service)
  if (primary === undefined || primary.rolloutState !== 'IN_PROGRESS') return undefined
  const { id, failedTasks, runningCount, desiredCount } = primary
  return failedTasks > 0
    ? `ECS keeps restarting deployment ${id} of ${service.name}, ${failedTasks} tasks failed`
    : `deployment ${id} of ECS service ${service.name}, ${runningCount} of ${desiredCount} tasks running`
}

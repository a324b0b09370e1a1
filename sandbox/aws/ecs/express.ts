import type { Deployment, Service, Task } from './types.ts'

/**
 * Express Mode deploys as a canary: 5 % of the traffic for 3 minutes, all of it for 3 more, and only then do the old
 * tasks go (docs.aws.amazon.com, AmazonECS, express-service-update-full). Here the canary's 5 % stay with the old tasks.
 */
export function canaryStage(service: Service, primary: Deployment, now: Date): CanaryStage {
  if (!service.express || primary.rollbackOf) return 'CLEAN_UP'
  if (primary.healthySince === undefined) return 'SCALE_UP'
  if (service.deployments.length < 2) return 'CLEAN_UP'
  const minutes = (now.getTime() - primary.healthySince.getTime()) / 60_000
  if (minutes < CANARY.canaryConfiguration.canaryBakeTimeInMinutes) return 'PRODUCTION_TRAFFIC_SHIFT'
  const whole = CANARY.canaryConfiguration.canaryBakeTimeInMinutes + CANARY.bakeTimeInMinutes
  return minutes < whole ? 'BAKE_TIME' : 'CLEAN_UP'
}

export type CanaryStage = 'SCALE_UP' | 'PRODUCTION_TRAFFIC_SHIFT' | 'BAKE_TIME' | 'CLEAN_UP'

/** What Express Mode gives its services. */
export const CANARY = {
  strategy: 'CANARY',
  bakeTimeInMinutes: 3,
  canaryConfiguration: { canaryPercent: 5, canaryBakeTimeInMinutes: 3 },
  deploymentCircuitBreaker: { enable: true, rollback: true },
}

/** Where a request from outside goes: the newest healthy task, and in a canary the old ones until the traffic shifts. */
export function serving(service: Service, healthy: readonly Task[], now: Date): Task | undefined {
  const [primary] = service.deployments
  const stage = primary && canaryStage(service, primary, now)
  const old = healthy.filter(task => task.deployment !== primary)
  const waits = stage === 'SCALE_UP' || stage === 'PRODUCTION_TRAFFIC_SHIFT'
  return (
    (waits ? old.at(-1) : undefined) ?? healthy.findLast(task => task.deployment === primary) ?? old.at(-1)
  )
}

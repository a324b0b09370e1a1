import type { EcsDeployment, EcsService } from '../ports/cloud.ts'

/** Where an ECS service is: at rest, in the middle of a deployment, or in one that never ends. */
type EcsState =
  | { readonly kind: 'settled' }
  | { readonly kind: 'rolling'; readonly deployment: EcsDeployment | undefined }
  | { readonly kind: 'hopeless'; readonly deployment: EcsDeployment }

/** A service without a circuit breaker never fails by itself; ECS's own threshold for one task is three. */
const HOPELESS_FAILURES = 3

export function ecsState(service: EcsService): EcsState {
  const primary = service.deployments.find(deployment => deployment.status === 'PRIMARY')
  if (primary !== undefined && isHopeless(service, primary)) return { kind: 'hopeless', deployment: primary }
  const atRest = service.deployments.length === 1 && primary?.rolloutState === 'COMPLETED'
  return atRest ? { kind: 'settled' } : { kind: 'rolling', deployment: primary }
}

/** Whether ECS goes on starting tasks that die, for ever, because nothing tells it to stop. */
export function isHopeless(service: EcsService, deployment: EcsDeployment): boolean {
  const endless = !service.settings.circuitBreaker.enable || deployment.rolloutState === 'FAILED'
  return endless && deployment.failedTasks >= HOPELESS_FAILURES && deployment.runningCount === 0
}

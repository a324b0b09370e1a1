import type { Ids } from '../ids.ts'
import { arn } from '../ids.ts'
import type { Deployment, Service, ServiceDeployment, ServiceRevision } from './types.ts'

/** Makes a service's settings and task definition its new primary deployment; what was under way is superseded. */
export function beginDeployment(service: Service, context: DeploymentContext): Deployment {
  const now = context.now()
  const source = service.deployments[0]?.revision
  const revision = newRevision(service, context)
  const deployment: Deployment = {
    id: `ecs-svc/${context.ids.digits()}`,
    taskDefinition: service.taskDefinition,
    settings: service.settings,
    revision,
    createdAt: now,
    status: 'PRIMARY',
    updatedAt: now,
    failedTasks: 0,
    failureCount: 0,
    rolloutState: 'IN_PROGRESS',
    rolloutStateReason: '',
    rolloutSeconds: undefined,
    healthySince: undefined,
    rollbackOf: undefined,
  }
  deployment.rolloutStateReason = `ECS deployment ${deployment.id} in progress.`
  supersede(service, now)
  service.deployments.unshift(deployment)
  service.serviceDeployments.unshift(newServiceDeployment(service, { deployment, source, context }))
  service.failuresInRow = 0
  service.nextStartAt = 0
  service.steady = false
  return deployment
}

export type DeploymentContext = { readonly ids: Ids; readonly now: () => Date }

/** The service deployment that a deployment belongs to: its own, or the one that rolls back to it. */
export function serviceDeploymentOf(service: Service, deployment: Deployment): ServiceDeployment | undefined {
  return deployment.rollbackOf ?? service.serviceDeployments.find(one => one.deployment === deployment)
}

export function finish(
  record: ServiceDeployment,
  status: ServiceDeployment['status'],
  now: Date,
  reason?: string,
) {
  record.status = status
  record.updatedAt = now
  record.finishedAt = now
  record.lifecycleStage = undefined
  if (reason !== undefined) record.statusReason = reason
  if (status === 'STOPPED') record.stoppedAt = now
  if (record.breaker === 'MONITORING') record.breaker = 'MONITORING_COMPLETE'
}

/** Goes back to the last completed deployment: it becomes primary again, under its own id. */
export function beginRollback(service: Service, target: Deployment, options: { now: Date; reason: string }) {
  const failed = service.deployments[0]
  const record = failed && serviceDeploymentOf(service, failed)
  for (const deployment of service.deployments) deployment.status = 'ACTIVE'
  service.deployments = [target, ...service.deployments.filter(deployment => deployment !== target)]
  target.status = 'PRIMARY'
  target.rolloutState = 'IN_PROGRESS'
  target.rolloutStateReason = `ECS deployment circuit breaker: rolling back to deploymentId ${target.id}.`
  target.updatedAt = options.now
  target.failureCount = 0
  target.rollbackOf = record
  service.taskDefinition = target.taskDefinition
  service.settings = target.settings
  if (service.express && target.revision.express) service.express.configuration = target.revision.express
  service.failuresInRow = 0
  service.nextStartAt = 0
  service.steady = false
  if (!record) return
  record.status = 'ROLLBACK_IN_PROGRESS'
  record.statusReason = options.reason
  record.updatedAt = options.now
  record.rollback = { reason: options.reason, startedAt: options.now, revision: target.revision }
}

/** [KNOW] A newer deployment stops the one under way. */
function supersede(service: Service, now: Date) {
  for (const deployment of service.deployments) {
    deployment.status = 'ACTIVE'
    const record = serviceDeploymentOf(service, deployment)
    if (record && record.finishedAt === undefined)
      finish(
        record,
        'STOPPED',
        now,
        'Service deployment was stopped because a newer service deployment started.',
      )
  }
}

function newRevision(service: Service, context: DeploymentContext): ServiceRevision {
  const revision = {
    arn: arn('ecs', `service-revision/${service.cluster.name}/${service.name}/${context.ids.digits()}`),
    taskDefinition: service.taskDefinition,
    settings: service.settings,
    createdAt: context.now(),
    express: service.express?.configuration,
  }
  service.revisions.push(revision)
  return revision
}

function newServiceDeployment(
  service: Service,
  made: { deployment: Deployment; source: ServiceRevision | undefined; context: DeploymentContext },
): ServiceDeployment {
  const now = made.context.now()
  return {
    arn: arn(
      'ecs',
      `service-deployment/${service.cluster.name}/${service.name}/${made.context.ids.base32(21)}`,
    ),
    deployment: made.deployment,
    source: made.source,
    createdAt: now,
    startedAt: undefined,
    finishedAt: undefined,
    stoppedAt: undefined,
    updatedAt: now,
    status: 'PENDING',
    statusReason: undefined,
    lifecycleStage: 'RECONCILE_SERVICE',
    rollback: undefined,
    breaker: service.deploymentConfiguration.deploymentCircuitBreaker.enable ? 'MONITORING' : 'DISABLED',
  }
}

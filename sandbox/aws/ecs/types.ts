import type { PortProxy } from '../../vpc/proxy.ts'
import type { Health } from '../cloudmap.ts'
import type { JsonObject } from '../json.ts'
import type { Running } from '../runtime/program.ts'
import type { CanaryStage } from './express.ts'

export type Tag = { readonly key: string; readonly value: string }

export type Cluster = {
  readonly arn: string
  readonly name: string
  readonly input: JsonObject
  readonly services: Map<string, Service>
  readonly tasks: Map<string, Task>
  tags: readonly Tag[]
}

/** `document` is what was registered, member for member, with the defaults that ECS fills in. */
export type TaskDefinition = {
  readonly arn: string
  readonly family: string
  readonly revision: number
  readonly document: JsonObject
  readonly registeredAt: Date
  status: 'ACTIVE' | 'INACTIVE'
  deregisteredAt: Date | undefined
  tags: readonly Tag[]
}

export type Service = {
  readonly arn: string
  readonly name: string
  readonly cluster: Cluster
  readonly createdAt: Date
  /** The stable loopback port for people; a healthy task answers behind it. */
  readonly endpoint: PortProxy
  /** Set for a service of Express Mode. */
  readonly express: Express | undefined
  status: 'ACTIVE' | 'DRAINING' | 'INACTIVE'
  taskDefinition: TaskDefinition
  desiredCount: number
  /** launchType, networkConfiguration, serviceRegistries … as they were given. */
  settings: JsonObject
  deploymentConfiguration: DeploymentConfiguration
  /** The primary one first. */
  deployments: Deployment[]
  /** Newest first. */
  serviceDeployments: ServiceDeployment[]
  revisions: ServiceRevision[]
  /** What a circuit breaker goes back to. */
  lastCompleted: Deployment | undefined
  events: ServiceEvent[]
  tags: readonly Tag[]
  /** Tasks that failed one after the other; ECS waits longer and longer between attempts. */
  failuresInRow: number
  nextStartAt: number
  steady: boolean
  /** What ECS's own rollback takes at least, in virtual seconds; undefined: as long as the rollout that it goes back to. */
  rollbackSeconds: number | undefined
}

export type Express = {
  readonly infrastructureRoleArn: string
  readonly endpoint: string
  /** Members of Create- and UpdateExpressGatewayService as they were given, with defaults. */
  configuration: JsonObject
  updatedAt: Date
}

export type DeploymentConfiguration = {
  readonly maximumPercent: number
  readonly minimumHealthyPercent: number
  readonly deploymentCircuitBreaker: { readonly enable: boolean; readonly rollback: boolean }
  readonly rest: JsonObject
}

export type Deployment = {
  readonly id: string
  readonly taskDefinition: TaskDefinition
  readonly settings: JsonObject
  readonly revision: ServiceRevision
  readonly createdAt: Date
  status: 'PRIMARY' | 'ACTIVE' | 'INACTIVE'
  updatedAt: Date
  failedTasks: number
  /** Failed tasks since one was healthy: what the circuit breaker counts. */
  failureCount: number
  rolloutState: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED'
  rolloutStateReason: string
  /** What it took to complete the first time. */
  rolloutSeconds: number | undefined
  /** Since when all its tasks are healthy; a canary's times count from then. */
  healthySince: Date | undefined
  /** Set while this deployment is what an earlier one rolls back to. */
  rollbackOf: ServiceDeployment | undefined
}

export type ServiceDeployment = {
  readonly arn: string
  readonly deployment: Deployment
  readonly source: ServiceRevision | undefined
  readonly createdAt: Date
  startedAt: Date | undefined
  finishedAt: Date | undefined
  stoppedAt: Date | undefined
  updatedAt: Date
  status: ServiceDeploymentStatus
  statusReason: string | undefined
  lifecycleStage: 'RECONCILE_SERVICE' | CanaryStage | undefined
  rollback:
    | { readonly reason: string; readonly startedAt: Date; readonly revision: ServiceRevision }
    | undefined
  breaker: 'TRIGGERED' | 'MONITORING' | 'MONITORING_COMPLETE' | 'DISABLED'
}

export type ServiceDeploymentStatus =
  | 'PENDING'
  | 'IN_PROGRESS'
  | 'SUCCESSFUL'
  | 'STOP_REQUESTED'
  | 'STOPPED'
  | 'ROLLBACK_REQUESTED'
  | 'ROLLBACK_IN_PROGRESS'
  | 'ROLLBACK_SUCCESSFUL'
  | 'ROLLBACK_FAILED'

export type ServiceRevision = {
  readonly arn: string
  readonly taskDefinition: TaskDefinition
  readonly settings: JsonObject
  readonly createdAt: Date
  /** What Express Mode made it from. */
  readonly express: JsonObject | undefined
}

export type ServiceEvent = { readonly id: string; readonly createdAt: Date; readonly message: string }

export type TaskStatus =
  | 'PROVISIONING'
  | 'PENDING'
  | 'ACTIVATING'
  | 'RUNNING'
  | 'DEACTIVATING'
  | 'STOPPING'
  | 'DEPROVISIONING'
  | 'STOPPED'

export type Task = {
  readonly id: string
  readonly arn: string
  readonly cluster: Cluster
  readonly taskDefinition: TaskDefinition
  readonly input: TaskInput
  readonly containers: readonly TaskContainer[]
  readonly address: string
  readonly subnetId: string
  readonly attachmentId: string
  readonly interfaceId: string
  readonly macAddress: string
  readonly createdAt: Date
  readonly service: Service | undefined
  readonly deployment: Deployment | undefined
  tags: readonly Tag[]
  lastStatus: TaskStatus
  desiredStatus: 'RUNNING' | 'STOPPED'
  /** What the load balancer's health check says; undefined without a load balancer. */
  target: Health | 'INITIAL' | undefined
  /** Whether the scheduler has counted its failure. */
  counted: boolean
  version: number
  stopCode: string | undefined
  stoppedReason: string | undefined
  times: Partial<Record<TaskTime, Date>>
}

export type TaskTime =
  | 'pullStartedAt'
  | 'pullStoppedAt'
  | 'connectivityAt'
  | 'startedAt'
  | 'stoppingAt'
  | 'executionStoppedAt'
  | 'stoppedAt'

/** What RunTask or the service gave. */
export type TaskInput = {
  readonly overrides: JsonObject
  readonly group: string
  readonly startedBy: string | undefined
  readonly launchType: string | undefined
  readonly platformVersion: string
  readonly enableExecuteCommand: boolean
  readonly securityGroups: readonly string[]
  readonly capacityProvider: string | undefined
}

export type TaskContainer = {
  readonly name: string
  readonly image: string
  readonly arn: string
  readonly runtimeId: string
  imageDigest: string | undefined
  lastStatus: 'PENDING' | 'RUNNING' | 'STOPPED'
  exitCode: number | undefined
  reason: string | undefined
  health: Health | 'UNKNOWN'
  running: Running | undefined
}

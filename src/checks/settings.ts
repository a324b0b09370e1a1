import { componentName } from '../plan/plan.ts'
import type { EcsService } from '../ports/cloud.ts'
import { deploysByItself } from '../stack/rules.ts'
import type { EcsComponent } from '../stack/stack.ts'
import { type Check, capital, isOfModule, KIND, moduleHint, passed, skipped, warning } from './check.ts'

const circuitBreaker = {
  ...KIND.setUp,
  id: 'circuit-breaker',
  title: 'ECS ends a rollout that keeps failing',
  about: ['worker', 'clickhouse'],
  run({ stack }) {
    const services = [stack.worker.service, stack.clickhouse.service]
    const without = services.filter(({ settings }) => !settings.circuitBreaker.enable)
    if (without.length > 0)
      return warning(
        `${serviceNames(without)} ${without.length === 1 ? 'has' : 'have'} no deployment circuit breaker, so a failing rollout retries forever: turn it on, with rollback.${moduleHint(stack, 'breaker')}`,
      )
    const stays = services.filter(({ settings }) => !settings.circuitBreaker.rollback)
    if (stays.length > 0)
      return warning(
        `The circuit breaker of ${serviceNames(stays)} does not roll back, so a failed rollout leaves no running task: turn its rollback on.`,
      )
    return passed('Worker and ClickHouse have a circuit breaker that rolls back.')
  },
} as const satisfies Check

function serviceNames(services: readonly EcsService[]): string {
  return `ECS service ${services.map(({ name }) => name).join(' and ')}`
}

/** Both make ECS stop ClickHouse's only task, or start a second one beside it. */
const clickhousePlacement = {
  ...KIND.setUp,
  id: 'clickhouse-placement',
  title: "ECS stops ClickHouse's task only for a rollout",
  about: ['clickhouse', 'efs'],
  run({ stack }) {
    const { name, capacityProviders = [], rebalancing, settings } = stack.clickhouse.service
    if (capacityProviders.includes('FARGATE_SPOT'))
      return warning(
        `ECS service ${name} runs on FARGATE_SPOT, so AWS may stop ClickHouse at any time with two minutes' notice: run it on FARGATE${isOfModule(stack) ? ' (in Terraform module langfuse-v3-terraform `is_spot_instance = false`)' : ''}.`,
      )
    // Rebalancing starts the new task first, which a maximum of 100 % forbids.
    if (rebalancing === true && settings.maximumPercent > 100)
      return warning(
        `ECS may move ECS service ${name} to another availability zone, and then starts a second ClickHouse on the same files. Set its maximum to 100 %, or turn rebalancing off.${moduleHint(stack, 'percents')}`,
      )
    return passed(
      `ECS service ${name} runs on ${capacityProviders.join(', ') || 'FARGATE'}, and ECS does not move it.`,
    )
  },
} as const satisfies Check

/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html: 30 s on Fargate, 120 at most. */
const LONGEST_STOP = 120

const clickhouseStop = {
  ...KIND.setUp,
  id: 'clickhouse-stop',
  title: 'ClickHouse has enough time to stop',
  about: ['clickhouse', 'efs'],
  run({ stack }) {
    const { stopTimeout } = stack.clickhouse.container
    if (stopTimeout === LONGEST_STOP) return passed(`ClickHouse has ${LONGEST_STOP} s to stop.`)
    return warning(
      `ECS kills ClickHouse ${stopTimeout ?? 30} s after the stop signal${stopTimeout === undefined ? " (Fargate's default)" : ''}. This can interrupt a write and leave its lock on EFS: set stopTimeout to ${LONGEST_STOP}.${moduleHint(stack, 'stopTimeout')}`,
    )
  },
} as const satisfies Check

/** From experience with EFS, where parts are read one by one: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html, 300 s at most. */
const START_SECONDS = 180

const clickhouseHealthCheck = {
  ...KIND.setUp,
  id: 'clickhouse-health-check',
  title: "ClickHouse's health check gives it time to start",
  about: ['clickhouse'],
  run({ stack }) {
    const { healthCheck } = stack.clickhouse.container
    if (healthCheck === undefined)
      return warning(
        `ClickHouse's container has no health check, so ECS and Cloud Map report it as healthy even if it does not answer. Add one on /ping with a startPeriod of 300.${moduleHint(stack, 'startPeriod')}`,
      )
    const { interval, retries, startPeriod } = healthCheck
    const window = startPeriod + interval * retries
    if (window < START_SECONDS)
      return warning(
        `ClickHouse's health check stops a task that does not answer within about ${window} s, but a start with data on EFS takes longer. Set its startPeriod to 300.${moduleHint(stack, 'startPeriod')}`,
      )
    return passed(`ClickHouse has about ${window} s to start.`)
  },
} as const satisfies Check

/** https://clickhouse.com/docs/operations/tips and its image's documentation: `--ulimit nofile=262144:262144`. */
const OPEN_FILES = 262_144

const clickhouseOpenFiles = {
  ...KIND.setUp,
  id: 'clickhouse-open-files',
  title: 'ClickHouse may open enough files',
  about: ['clickhouse'],
  run({ stack }) {
    // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html: what Fargate gives.
    const limit = stack.clickhouse.container.openFiles ?? 65_535
    if (limit >= OPEN_FILES) return passed(`ClickHouse may open ${limit} files.`)
    return warning(
      `ClickHouse may open ${limit} files but recommends ${OPEN_FILES}, because a table can have many parts: raise the ulimit nofile.${moduleHint(stack, 'openFiles')}`,
    )
  },
} as const satisfies Check

const workerHealthCheck = {
  ...KIND.setUp,
  id: 'worker-health-check',
  title: "ECS checks the worker's health",
  about: ['worker'],
  run({ stack }) {
    if (stack.worker.container.healthCheck !== undefined)
      return passed("The worker's container has a health check.")
    return warning(
      `The worker's container has no health check, so ECS keeps a worker that has stopped processing its queues: add one on /api/health.${moduleHint(stack, 'workerHealth')}`,
    )
  },
} as const satisfies Check

const containerLogs = {
  ...KIND.setUp,
  id: 'container-logs',
  title: 'Containers log to CloudWatch',
  about: ['worker', 'clickhouse', 'web'],
  run({ stack }) {
    const onEcs: readonly Pick<EcsComponent, 'component' | 'container'>[] = [
      stack.worker,
      stack.clickhouse,
      ...('container' in stack.web ? [stack.web] : []),
    ]
    const silent = onEcs.filter(({ container }) => container.logGroup === undefined)
    if (silent.length === 0) return passed('All containers on ECS log to CloudWatch.')
    return warning(
      `${silent.map(({ component }) => capital(componentName(component))).join(', ')} does not log to CloudWatch, so the cause of a failed start is lost: set the log driver awslogs, and for ClickHouse logger.console.`,
    )
  },
} as const satisfies Check

const automaticDeployments = {
  ...KIND.setUp,
  id: 'automatic-deployments',
  title: 'A push to ECR does not deploy by itself',
  about: ['web'],
  run({ stack }) {
    if (stack.web.platform !== 'app-runner')
      return skipped('The web runs on ECS, which does not deploy on a push.')
    const byItself = deploysByItself(stack)
    return byItself === undefined
      ? passed('Automatic deployments are off.')
      : warning(`${byItself}${moduleHint(stack, 'autoDeployments')}`)
  },
} as const satisfies Check

/** App Runner rolls back a slower start and still reports RUNNING. */
const WEB_SECONDS = 100

const webHealthWindow = {
  ...KIND.setUp,
  id: 'web-health-window',
  title: "App Runner's health check gives the web time to start",
  about: ['web'],
  run({ stack }) {
    if (stack.web.platform !== 'app-runner') return skipped('The web runs on ECS, not on App Runner.')
    const { interval, unhealthyThreshold } = stack.web.service.healthCheck
    if (interval === undefined || unhealthyThreshold === undefined)
      return skipped('App Runner does not report the interval of its health check.')
    const window = interval * unhealthyThreshold
    if (window >= WEB_SECONDS) return passed(`The web has ${window} s to start.`)
    return warning(
      `App Runner gives the web ${window} s to start (${unhealthyThreshold} checks, one every ${interval} s) and silently rolls back a slower one: set interval and unhealthy threshold to 20.${moduleHint(stack, 'webWindow')}`,
    )
  },
} as const satisfies Check

export const SETTINGS_CHECKS = [
  circuitBreaker,
  clickhousePlacement,
  clickhouseStop,
  clickhouseHealthCheck,
  clickhouseOpenFiles,
  workerHealthCheck,
  containerLogs,
  automaticDeployments,
  webHealthWindow,
] as const

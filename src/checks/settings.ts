import { componentName } from '../plan/plan.ts'
import type { EcsService } from '../ports/cloud.ts'
import { deploysByItself } from '../stack/rules.ts'
import type { EcsComponent } from '../stack/stack.ts'
import type { Check } from './check.ts'
import { passed, skipped, warning } from './check.ts'
import { isOfModule, moduleHint } from './module-hint.ts'

const circuitBreaker = {
  id: 'circuit-breaker',
  title: 'A rollout that cannot succeed ends',
  group: 'control-plane',
  needs: [],
  settles: false,
  about: ['worker', 'clickhouse'],
  run({ stack }) {
    const services = [stack.worker.service, stack.clickhouse.service]
    const without = services.filter(({ settings }) => !settings.circuitBreaker.enable)
    if (without.length > 0) {
      return warning(
        `${serviceNames(without)} ${without.length === 1 ? 'has' : 'have'} no deployment circuit breaker, so ECS starts tasks that cannot start for ever: turn it on, with rollback.${moduleHint(stack, 'breaker')}`,
      )
    }
    const stays = services.filter(({ settings }) => !settings.circuitBreaker.rollback)
    if (stays.length > 0)
      return warning(
        `The circuit breaker of ${serviceNames(stays)} does not roll back, so a failed rollout leaves no task: turn its rollback on.`,
      )
    return passed('Worker and ClickHouse have a circuit breaker that rolls back.')
  },
} as const satisfies Check

function serviceNames(services: readonly EcsService[]): string {
  return `ECS service ${services.map(({ name }) => name).join(' and ')}`
}

/** Both make ECS take ClickHouse's only task away, or start a second one beside it. */
const clickhousePlacement = {
  id: 'clickhouse-placement',
  title: "Nothing but a rollout takes ClickHouse's task away",
  group: 'control-plane',
  needs: [],
  settles: false,
  about: ['clickhouse', 'efs'],
  run({ stack }) {
    const { name, capacityProviders = [], rebalancing, settings } = stack.clickhouse.service
    if (capacityProviders.includes('FARGATE_SPOT')) {
      return warning(
        `ECS service ${name} runs on FARGATE_SPOT, so AWS stops ClickHouse whenever it needs the capacity, with two minutes' notice: run it on FARGATE${isOfModule(stack) ? " (in the article's Terraform module `is_spot_instance = false`)" : ''}.`,
      )
    }
    // Rebalancing starts the new task first, which a maximum of 100 % does not let it.
    if (rebalancing === true && settings.maximumPercent > 100) {
      return warning(
        `ECS may move ECS service ${name} to another availability zone, and then starts a second ClickHouse on the same files first: set its maximum to 100 % or turn rebalancing off.${moduleHint(stack, 'percents')}`,
      )
    }
    return passed(
      `ECS service ${name} runs on ${capacityProviders.join(', ') || 'FARGATE'} and stays where it is.`,
    )
  },
} as const satisfies Check

/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html: 30 s on Fargate, 120 at most. */
const LONGEST_STOP = 120

const clickhouseStop = {
  id: 'clickhouse-stop',
  title: 'ClickHouse is given time to stop',
  group: 'control-plane',
  needs: [],
  settles: false,
  about: ['clickhouse', 'efs'],
  run({ stack }) {
    const { stopTimeout } = stack.clickhouse.container
    if (stopTimeout === LONGEST_STOP) return passed(`It has ${LONGEST_STOP} s.`)
    return warning(
      `ClickHouse is killed ${stopTimeout ?? 30} s after it is told to stop${stopTimeout === undefined ? " (Fargate's default)" : ''}; what it then still writes is left half done, and its lock on EFS outlives it: set stopTimeout to ${LONGEST_STOP}.${moduleHint(stack, 'stopTimeout')}`,
    )
  },
} as const satisfies Check

/** From experience with EFS, where parts are read one by one: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html, 300 s at most. */
const START_SECONDS = 180

const clickhouseHealthCheck = {
  id: 'clickhouse-health-check',
  title: "ClickHouse's health check gives it time to start",
  group: 'control-plane',
  needs: [],
  settles: false,
  about: ['clickhouse'],
  run({ stack }) {
    const { healthCheck } = stack.clickhouse.container
    if (healthCheck === undefined) {
      return warning(
        `ClickHouse's container has no health check, so ECS and Cloud Map take one for healthy that does not answer: add one on /ping with a startPeriod of 300.${moduleHint(stack, 'startPeriod')}`,
      )
    }
    const { interval, retries, startPeriod } = healthCheck
    const window = startPeriod + interval * retries
    if (window < START_SECONDS) {
      return warning(
        `ClickHouse's health check ends a task that does not answer within about ${window} s, and with data on EFS a start takes longer than that: set its startPeriod to 300.${moduleHint(stack, 'startPeriod')}`,
      )
    }
    return passed(`A start may take about ${window} s.`)
  },
} as const satisfies Check

/** https://clickhouse.com/docs/operations/tips and its image's documentation: `--ulimit nofile=262144:262144`. */
const OPEN_FILES = 262_144

const clickhouseOpenFiles = {
  id: 'clickhouse-open-files',
  title: 'ClickHouse may open enough files',
  group: 'control-plane',
  needs: [],
  settles: false,
  about: ['clickhouse'],
  run({ stack }) {
    // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html: what Fargate gives.
    const limit = stack.clickhouse.container.openFiles ?? 65_535
    if (limit >= OPEN_FILES) return passed(`${limit} files.`)
    return warning(
      `ClickHouse may open ${limit} files and asks for ${OPEN_FILES}; a table of many parts needs them: raise the ulimit nofile.${moduleHint(stack, 'openFiles')}`,
    )
  },
} as const satisfies Check

const workerHealthCheck = {
  id: 'worker-health-check',
  title: "ECS looks at the worker's health",
  group: 'control-plane',
  needs: [],
  settles: false,
  about: ['worker'],
  run({ stack }) {
    if (stack.worker.container.healthCheck !== undefined)
      return passed("The worker's container has a health check.")
    return warning(
      `The worker's container has no health check, so ECS keeps one that has stopped to work its queues: add one on /api/health.${moduleHint(stack, 'workerHealth')}`,
    )
  },
} as const satisfies Check

const containerLogs = {
  id: 'container-logs',
  title: 'What the containers say is kept',
  group: 'control-plane',
  needs: [],
  settles: false,
  about: ['worker', 'clickhouse', 'web'],
  run({ stack }) {
    const onEcs: readonly Pick<EcsComponent, 'component' | 'container'>[] = [
      stack.worker,
      stack.clickhouse,
      ...('container' in stack.web ? [stack.web] : []),
    ]
    const silent = onEcs.filter(({ container }) => container.logGroup === undefined)
    if (silent.length === 0) return passed('They log to CloudWatch.')
    return warning(
      `${silent.map(({ component }) => componentName(component)).join(', ')} does not log to CloudWatch, so nobody can say why a start failed: set the log driver awslogs, and for ClickHouse logger.console.`,
    )
  },
} as const satisfies Check

const automaticDeployments = {
  id: 'automatic-deployments',
  title: 'A push to ECR deploys nothing by itself',
  group: 'control-plane',
  needs: [],
  settles: false,
  about: ['web'],
  run({ stack }) {
    if (stack.web.platform !== 'app-runner')
      return skipped('The web is on ECS, which deploys nothing by itself.')
    const byItself = deploysByItself(stack)
    return byItself === undefined
      ? passed('Automatic deployments are off.')
      : warning(`${byItself}${moduleHint(stack, 'autoDeployments')}`)
  },
} as const satisfies Check

/** Row 31: a start that takes longer is rolled back, and App Runner says RUNNING. */
const WEB_SECONDS = 100

const webHealthWindow = {
  id: 'web-health-window',
  title: "App Runner's health check gives the web time to start",
  group: 'control-plane',
  needs: [],
  settles: false,
  about: ['web'],
  run({ stack }) {
    if (stack.web.platform !== 'app-runner') return skipped('The web is on ECS.')
    const { interval, unhealthyThreshold } = stack.web.service.healthCheck
    if (interval === undefined || unhealthyThreshold === undefined)
      return skipped('App Runner does not say its interval.')
    const window = interval * unhealthyThreshold
    if (window >= WEB_SECONDS) return passed(`A start may take ${window} s.`)
    return warning(
      `App Runner gives the web ${window} s (${unhealthyThreshold} checks, one each ${interval} s) and rolls back one that starts more slowly, quietly: set interval and unhealthy threshold to 20.${moduleHint(stack, 'webWindow')}`,
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

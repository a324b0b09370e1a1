import { describeSettings, singleWriterSettings, whySingleWriter } from '../plan/image-steps.ts'
import { componentName } from '../plan/plan.ts'
import { shortImage } from '../release/image.ts'
import { appRunnerBusy, wrongClickHouseCount } from '../stack/rules.ts'
import type { EcsComponent } from '../stack/stack.ts'
import type { Check, Finding } from './check.ts'
import { failed, inconclusive, passed, skipped, warning } from './check.ts'
import { moduleHint } from './module-hint.ts'

export const workerSteady = {
  id: 'worker-steady',
  title: 'Worker service is steady',
  group: 'control-plane',
  needs: [],
  settles: true,
  about: ['worker'],
  run: ({ stack }) => steady(stack.worker),
} as const satisfies Check

export const clickhouseSteady = {
  id: 'clickhouse-steady',
  title: 'ClickHouse service is steady',
  group: 'control-plane',
  needs: [],
  settles: true,
  about: ['clickhouse'],
  run: ({ stack }) => steady(stack.clickhouse),
} as const satisfies Check

function steady({
  component,
  service,
  tasks,
}: Pick<EcsComponent, 'component' | 'service' | 'tasks'>): Finding {
  const name = `${componentName(component)} (ECS service ${service.name})`
  const [deployment] = service.deployments
  if (service.desiredCount === 0)
    return failed(`${name} is scaled to 0 tasks: set its desired count to at least 1.`)
  if (service.deployments.length !== 1 || deployment === undefined) {
    return failed(
      `${name} has ${service.deployments.length} deployments at once: wait for the rollout to finish. If it does not, the last service event may say why (${service.events[0]?.message ?? 'no event'}).`,
    )
  }
  if (deployment.rolloutState === 'FAILED')
    return failed(`${name}: its deployment failed: ${deployment.rolloutStateReason}`)
  const stray = tasks.find(task => task.taskDefinition !== service.taskDefinition)
  if (stray !== undefined)
    return failed(
      `${name}: task ${stray.id} still runs ${stray.taskDefinition}: stop it so that ECS replaces it.`,
    )
  if (service.runningCount !== service.desiredCount || tasks.length !== service.desiredCount) {
    return failed(
      `${name} runs ${service.runningCount} of ${service.desiredCount} tasks: ${service.events[0]?.message ?? 'ECS reports no reason'}`,
    )
  }
  const unhealthy = tasks.find(task => task.healthStatus === 'UNHEALTHY')
  if (unhealthy !== undefined)
    return failed(`${name}: task ${unhealthy.id} fails its container health check: check its log.`)
  return passed(
    `${service.runningCount} of ${service.desiredCount} tasks run ${service.taskDefinition.split('/').at(-1)}.`,
  )
}

export const webSteady = {
  id: 'web-steady',
  title: 'Web service is running',
  group: 'control-plane',
  needs: [],
  settles: true,
  about: ['web'],
  run({ stack }) {
    if (stack.web.platform !== 'app-runner') return steady(stack.web)
    const { service, unseen } = stack.web
    if (unseen !== undefined)
      return inconclusive(`Cannot read the operations of App Runner service ${service.name}: ${unseen}`)
    const busy = appRunnerBusy(stack)
    if (busy !== undefined) return failed(busy)
    return passed(`${service.name} is RUNNING ${shortImage(service.image)}.`)
  },
} as const satisfies Check

export const webHealthCheck = {
  id: 'web-health-check',
  title: "App Runner's health check calls Langfuse",
  group: 'control-plane',
  needs: [],
  settles: true,
  about: ['web'],
  run({ stack }) {
    if (stack.web.platform !== 'app-runner')
      return skipped('The web runs on ECS, where the target group checks its health.')
    const { protocol, path } = stack.web.service.healthCheck
    if (protocol === 'HTTP' && path === '/api/public/health') return passed('HTTP on /api/public/health.')
    return warning(
      `App Runner's health check is ${protocol}${protocol === 'HTTP' ? ` on ${path}` : ''}, which passes although Langfuse is unhealthy. Set it to HTTP on /api/public/health (an edit in the console resets it to TCP).${moduleHint(stack, 'webHealth')}`,
    )
  },
} as const satisfies Check

export const clickhouseSingleWriter = {
  id: 'clickhouse-single-writer',
  title: 'Only one ClickHouse can write to EFS',
  group: 'control-plane',
  needs: [],
  settles: true,
  about: ['clickhouse', 'efs'],
  run({ stack }) {
    const { service } = stack.clickhouse
    const count = wrongClickHouseCount(service)
    if (count !== undefined) return failed(count)
    if (singleWriterSettings(service) === undefined)
      return passed(`Desired count 1, ${describeSettings(service.settings)}.`)
    return warning(
      `${whySingleWriter(service)} Set minimum 0 % and maximum 100 % (the deploy action does).${moduleHint(stack, 'percents')}`,
    )
  },
} as const satisfies Check

export const oneRelease = {
  id: 'one-release',
  title: 'Web and worker run the same release',
  group: 'control-plane',
  needs: [],
  settles: true,
  about: ['web', 'worker'],
  run({ stack }) {
    const [web, worker] = [stack.web.image.version, stack.worker.image.version]
    if (web === undefined || worker === undefined) {
      const image = web === undefined ? stack.web.image : stack.worker.image
      if (image.unseen !== undefined)
        return inconclusive(`Cannot tell the release of ${image.reference}: ${image.unseen}`)
      return skipped(
        `No exact tag names the release of the ${web === undefined ? 'web' : 'worker'} image ${image.reference}.`,
      )
    }
    if (web === worker) return passed(`Both run ${web}.`)
    return failed(`The web runs ${web} and the worker ${worker}: deploy one exact release to both.`)
  },
} as const satisfies Check

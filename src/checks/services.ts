import { describeSettings, singleWriterSettings, whySingleWriter } from '../plan/image-steps.ts'
import { componentName } from '../plan/plan.ts'
import type { EcsService } from '../ports/cloud.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { shortImage } from '../release/image.ts'
import {
  fixOfBrokenOnEfs,
  majorOf,
  minimumClickHouse,
  mislabelled,
  missingClickHouse,
  tooOldClickHouse,
} from '../release/requirements.ts'
import { appRunnerBusy, brokenOnEfs, runningClickHouse, wrongClickHouseCount } from '../stack/rules.ts'
import { currentRelease, type EcsComponent } from '../stack/stack.ts'
import type { Check, Finding } from './check.ts'
import { capital, failed, inconclusive, KIND, moduleHint, passed, skipped, unseen, warning } from './check.ts'

export const workerSteady = steadyCheck('worker', 'Worker')
export const clickhouseSteady = steadyCheck('clickhouse', 'ClickHouse')

function steadyCheck<On extends 'worker' | 'clickhouse'>(on: On, name: string): Check<`${On}-steady`> {
  const title = `${name} service is steady`
  return { ...KIND.rollout, id: `${on}-steady`, title, about: [on], run: ({ stack }) => steady(stack[on]) }
}

type Service = Pick<EcsComponent, 'component' | 'service' | 'tasks'>

function steady({ component, service, tasks }: Service): Finding {
  const name = `${capital(componentName(component))} (ECS service ${service.name})`
  const [deployment] = service.deployments
  if (service.desiredCount === 0)
    return failed(`${name} is scaled to 0 tasks: set its desired count to at least 1.`)
  if (service.deployments.length !== 1 || deployment === undefined)
    return failed(
      `${name} has ${service.deployments.length} deployments at once: wait for the rollout to finish. If it does not, read the last service event: ${service.events[0]?.message ?? 'none.'}`,
    )
  if (deployment.rolloutState === 'FAILED')
    return failed(`${name}: its deployment failed: ${deployment.rolloutStateReason}`)
  const stray = tasks.find(task => task.taskDefinition !== service.taskDefinition)
  if (stray !== undefined)
    return failed(
      `${name}: task ${stray.id} still runs ${stray.taskDefinition}: stop it so that ECS replaces it.`,
    )
  if (service.runningCount !== service.desiredCount || tasks.length !== service.desiredCount)
    return failed(
      `${name} runs ${service.runningCount} of ${service.desiredCount} tasks. Check its stopped tasks and ECS events.${lastEvent(service)}`,
    )
  const unhealthy = tasks.find(task => task.healthStatus === 'UNHEALTHY')
  if (unhealthy !== undefined)
    return failed(`${name}: task ${unhealthy.id} fails its container health check: check its log.`)
  return passed(
    `${service.runningCount} of ${service.desiredCount} tasks run ${service.taskDefinition.split('/').at(-1)}.`,
  )
}

function lastEvent({ events: [event] }: EcsService): string {
  return event === undefined ? '' : ` Last event, which may be older: ${event.message}`
}

export const webSteady = {
  ...KIND.rollout,
  id: 'web-steady',
  title: 'Web service is running',
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
  ...KIND.rollout,
  id: 'web-health-check',
  title: "App Runner's health check calls Langfuse",
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
  ...KIND.rollout,
  id: 'clickhouse-single-writer',
  title: 'Only one ClickHouse can write to EFS',
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
  ...KIND.rollout,
  id: 'one-release',
  title: 'Web and worker run the same release',
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

export const workerHealth = {
  ...KIND.stores,
  id: 'worker-health',
  title: 'The worker reports that it is healthy',
  about: ['worker'],
  run({ stack }) {
    const { workers } = stack.probe
    if (!workers.known) return unseen(workers)
    const ill = workers.value.find(({ status }) => status !== undefined && status !== 200)
    if (ill !== undefined)
      return failed(
        `Worker task ${ill.task} answers ${ill.status} on /api/health, so PostgreSQL or Valkey is probably unreachable. Find which one in the task's log.`,
      )
    const strange = workers.value.find(({ status, problem }) => status === 200 && problem !== undefined)
    if (strange !== undefined)
      return inconclusive(`${strange.url} ${strange.problem}: check what listens there.`)
    const silent = workers.value.find(({ status }) => status === undefined)
    if (silent === undefined)
      return passed(`${workers.value.length} of ${workers.value.length} worker tasks answer 200.`)
    // Langfuse never calls the worker, so its security group rarely allows this port.
    return skipped(
      `The health endpoint of worker task ${silent.task} is not reachable (${silent.problem}). To check it, allow port 3030 in its security group and set HOSTNAME to 0.0.0.0.`,
    )
  },
} as const satisfies Check

const soundRelease = {
  ...KIND.setUp,
  id: 'sound-release',
  title: 'The running release has no known defect',
  about: ['web', 'worker'],
  run({ stack, expected, facts }) {
    const release = expected ?? currentRelease(stack, facts)
    if (release === undefined) return skipped('No exact tag names the running release.')
    const problem = mislabelled(release, facts) ?? brokenOnEfs(stack, release)
    if (problem !== undefined) return failed(problem)
    const onEfs = stack.clickhouse.taskDefinition.volumes.length > 0
    const later = onEfs ? fixOfBrokenOnEfs(release, undefined) : undefined
    if (later === undefined) return passed(`Langfuse ${release} has no known defect.`)
    return warning(
      `Langfuse ${release} applied ClickHouse migration 36 here, but would fail at it on a new ClickHouse on EFS (renameat2): deploy ${later} or newer.`,
    )
  },
} as const satisfies Check

const clickhouseMinimum = {
  ...KIND.setUp,
  id: 'clickhouse-minimum',
  title: 'ClickHouse is new enough for the release',
  about: ['clickhouse'],
  run({ stack, expected, facts }) {
    const release = expected ?? currentRelease(stack, facts)
    const version = runningClickHouse(stack)
    if (version === undefined)
      return skipped(
        'The version of ClickHouse is unknown: no exact tag names it, and this run did not query the server.',
      )
    if (release === undefined)
      return skipped(`ClickHouse is ${version}; no exact tag names the running release.`)
    const tooOld = tooOldClickHouse(release, version)
    if (tooOld !== undefined) return failed(`${tooOld}${moduleHint(stack, 'clickhouseTag')}`)
    const next = `${majorOf(release) + 1}.0.0`
    const later = missingClickHouse(next, version)
    const enough = `ClickHouse is ${version}; Langfuse ${release} needs ${minimumClickHouse(release) ?? 'no particular version'}`
    if (later === undefined) return passed(`${enough}.`)
    return isNewest(release, facts)
      ? warning(
          `ClickHouse is ${version}, but the next release, Langfuse ${majorOf(next)}, needs ${later}: upgrade ClickHouse before you upgrade Langfuse.${moduleHint(stack, 'clickhouseTag')}`,
        )
      : passed(`${enough}. Langfuse ${majorOf(next)} will need ${later}.`)
  },
} as const satisfies Check

/** Whether it is the last of its major and the next major exists. */
function isNewest(release: string, { releases }: ReleaseFacts): boolean {
  const majors = releases.map(({ version }) => majorOf(version))
  const same = releases.filter(({ version }) => majorOf(version) === majorOf(release))
  return same.at(-1)?.version === release && majors.includes(majorOf(release) + 1)
}

export const RELEASE_CHECKS = [soundRelease, clickhouseMinimum] as const

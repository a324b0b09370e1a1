import { describeSettings } from '../plan/image-steps.ts'
import type { RollEcs, SetDeploymentSettings } from '../plan/plan.ts'
import type { EcsTask, ExpressService } from '../ports/cloud.ts'
import { parseImage, shortDigest, shortImage } from '../release/image.ts'
import type { EcsComponent } from '../stack/stack.ts'
import { ecsComponent } from '../stack/stack.ts'
import { onlyRunningTask } from './evaluate.ts'
import type { Done, Execution } from './execution.ts'
import { StepFailed } from './execution.ts'
import { followDeployment, primaryOf, type Rollout } from './follow-ecs.ts'
import { LAG_MS, type Poll, waitFor } from './wait.ts'

/**
 * Rolls one ECS service to another image: registers the task definition with only the image changed, follows the
 * deployment that the update returned, and verifies the digest that the tasks run.
 */
export async function rollEcs(step: RollEcs, execution: Execution): Promise<Done> {
  const { stack } = execution
  const component = ecsComponent(stack, step.component)
  const rollout = await (step.follow === undefined
    ? begin(step, execution)
    : resume(step, step.follow, execution))
  await followDeployment(step, rollout, execution)
  const { tasks, unseen } = await assertDigest(step, rollout, execution)
  if (step.component === 'clickhouse') await followName(component, rollout, { tasks, execution })
  const doubt = unseen === undefined ? '' : `, but ${unseen}, so this run could not verify its image`
  return { sentence: `runs ${shortImage(step.to)} (deployment ${rollout.deploymentId})${doubt}` }
}

async function begin(step: RollEcs, execution: Execution): Promise<Rollout> {
  const { cloud, stack } = execution
  const { taskDefinition: base, container } = ecsComponent(stack, step.component)
  const { web } = stack
  if (step.component === 'web' && web.platform === 'ecs-express' && web.express !== undefined) {
    return beginExpress(step, web.express, execution)
  }
  const taskDefinition = await cloud.ecs.registerWithImage(base, container.name, step.to)
  execution.say(`registered ${taskDefinition}, which differs from ${base.arn} only in the image`)
  const { deploymentId } = await cloud.ecs.updateService({
    cluster: stack.cluster,
    service: step.service,
    taskDefinition,
    ...(step.settings && { settings: step.settings }),
  })
  execution.began?.(deploymentId)
  execution.say(`ECS started deployment ${deploymentId}`)
  return { deploymentId, taskDefinition }
}

/** Express Mode registers the task definition itself; its update appears as a new deployment of the ECS service. */
async function beginExpress(step: RollEcs, express: ExpressService, execution: Execution): Promise<Rollout> {
  const { cloud, stack } = execution
  const before = primaryOf(ecsComponent(stack, 'web').service)
  await cloud.ecs.updateExpress(express, step.to)
  const primary = await waitFor(
    async () => {
      const service = await cloud.ecs.service(stack.cluster, step.service)
      const now = service && primaryOf(service)
      return now === undefined || now.id === before?.id
        ? { state: 'waiting', note: 'Express Mode has not started the deployment yet' }
        : { state: 'settled', value: now }
    },
    { ...execution, what: `Express Mode to start the deployment of ${step.service}` },
  )
  execution.began?.(primary.id)
  execution.say(`Express Mode started deployment ${primary.id} of ${primary.taskDefinition}`)
  return { deploymentId: primary.id, taskDefinition: primary.taskDefinition }
}

async function resume(step: RollEcs, deploymentId: string, execution: Execution): Promise<Rollout> {
  execution.say(`ECS is already running deployment ${deploymentId} of this image`)
  return {
    deploymentId,
    taskDefinition: ecsComponent(execution.stack, step.component).service.taskDefinition,
  }
}

/** The tasks of a rollout, and what their digests do not prove. */
type Proof = { readonly tasks: readonly EcsTask[]; readonly unseen?: string }

/**
 * A steady service is no proof: the tasks of the new task definition must run the plan's digest. ECS reports a digest
 * some seconds after the task runs; one that never appears is unknown, not wrong.
 */
async function assertDigest(step: RollEcs, rollout: Rollout, execution: Execution): Promise<Proof> {
  const { cloud, stack, clock } = execution
  const { container } = ecsComponent(stack, step.component)
  const wanted = parseImage(step.to)?.digest
  const shownUntil = clock.now() + LAG_MS
  const seen = await waitFor(
    async () => {
      const running = await cloud.ecs.tasks(stack.cluster, step.service, 'RUNNING')
      const tasks = running.filter(task => task.taskDefinition === rollout.taskDefinition)
      const doubt = wanted === undefined ? undefined : doubtOf(tasks, container.name, wanted)
      return doubt === undefined || clock.now() >= shownUntil
        ? { state: 'settled', value: { tasks, doubt } }
        : { state: 'waiting', note: doubt.sentence }
    },
    { ...execution, what: `the tasks of ${step.service} to run ${shortDigest(wanted ?? '')}` },
  )
  const { tasks, doubt } = seen
  if (doubt === undefined) return { tasks }
  if (!doubt.contradicts) return { tasks, unseen: doubt.sentence }
  throw new StepFailed(
    `ECS reports that the rollout of ${step.service} finished, but ${doubt.sentence}: check the service before you change anything else.`,
  )
}

type Doubt = { readonly sentence: string; readonly contradicts: boolean }

function doubtOf(tasks: readonly EcsTask[], container: string, wanted: string): Doubt | undefined {
  if (tasks.length === 0) return { sentence: 'no task of the new task definition runs', contradicts: true }
  const digests = tasks.map(task => task.containers.find(item => item.name === container)?.digest)
  const other = digests.find(digest => digest !== undefined && digest !== wanted)
  if (other !== undefined) {
    const sentence = `a task runs ${shortDigest(other)} instead of ${shortDigest(wanted)}`
    return { sentence, contradicts: true }
  }
  return digests.includes(undefined)
    ? { sentence: `ECS reports no digest of a task, expected ${shortDigest(wanted)}`, contradicts: false }
    : undefined
}

/**
 * Cloud Map lags about half a minute behind the tasks, and web and worker find ClickHouse only through it. A poll is one
 * call: first for the addresses, then for the health.
 */
async function followName(
  component: EcsComponent,
  { taskDefinition }: Rollout,
  { tasks, execution }: { readonly tasks: readonly EcsTask[]; readonly execution: Execution },
): Promise<void> {
  const { cloud, stack } = execution
  const [registry] = component.service.registries
  if (registry === undefined) return
  const name = stack.discovery.known ? stack.discovery.value.name : 'Cloud Map'
  let task = onlyRunningTask(tasks, taskDefinition)
  let listed: string | undefined
  const healthy = async (): Promise<Poll<string>> => {
    const health = await cloud.cloudMap.health(registry)
    if (health.some(state => state !== 'HEALTHY'))
      return { state: 'waiting', note: `${name} resolves to ${listed} ${health.join(', ')}` }
    const now = await addresses()
    return now === task?.address
      ? { state: 'settled', value: `${name} → ${now}` }
      : { state: 'waiting', note: `${name} resolves to ${now}` }
  }
  const addresses = async () => {
    listed = (await cloud.cloudMap.addresses(registry)).join(', ') || 'no instance'
    return listed
  }
  const resolved = await waitFor<string>(
    async () => {
      if (task !== undefined && listed === task.address) return healthy()
      const before = listed
      const now = await addresses()
      // ECS may have replaced the task meanwhile.
      if (task === undefined || (now !== before && now !== task.address)) {
        const running = await cloud.ecs.tasks(stack.cluster, component.service.name, 'RUNNING')
        task = onlyRunningTask(running, taskDefinition)
      }
      return task !== undefined && now === task.address
        ? healthy()
        : { state: 'waiting', note: `${name} resolves to ${now}` }
    },
    { ...execution, what: 'Cloud Map to resolve to the new ClickHouse task only' },
  )
  execution.say(resolved)
  await answers(execution)
}

/** ClickHouse itself, if it is reachable from the runner. */
async function answers({ clickhouse, ...execution }: Execution): Promise<void> {
  if (clickhouse === undefined) return
  const version = await waitFor(
    async () => {
      if (!(await clickhouse.ping()))
        return { state: 'waiting', note: "ClickHouse's /ping does not answer Ok." }
      const [row] = await clickhouse.run('SELECT version() AS version')
      return { state: 'settled', value: String(row?.['version']) }
    },
    { ...execution, what: `ClickHouse at ${clickhouse.address} to answer` },
  )
  execution.say(`ClickHouse ${version} answers at ${clickhouse.address}`)
}

/** Changes the service's deployment settings; running tasks stay as they are. */
export async function setDeploymentSettings(
  step: SetDeploymentSettings,
  execution: Execution,
): Promise<Done> {
  const { cloud, stack } = execution
  await cloud.ecs.updateService({ cluster: stack.cluster, service: step.service, settings: step.settings })
  await waitFor(
    async () => {
      const service = await cloud.ecs.service(stack.cluster, step.service)
      const now = service?.settings
      return now?.minimumHealthyPercent === step.settings.minimumHealthyPercent &&
        now.maximumPercent === step.settings.maximumPercent
        ? { state: 'settled', value: undefined }
        : { state: 'waiting', note: 'ECS still shows the old settings' }
    },
    { ...execution, what: `ECS to show the new settings of ${step.service}` },
  )
  return { sentence: `set to ${describeSettings(step.settings)}` }
}

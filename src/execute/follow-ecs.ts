import { componentName, type RollEcs } from '../plan/plan.ts'
import type { EcsDeployment, EcsService, ServiceDeployment } from '../ports/cloud.ts'
import { ecsComponent } from '../stack/stack.ts'
import { knownCause } from './classify-log.ts'
import { evaluateEcs, evaluateOpen, type Rolling, type Verdict } from './evaluate.ts'
import { type Execution, StepFailed } from './execution.ts'
import { causeOfEcs, quoted, tellingLine } from './task-log.ts'
import { type Outlook, type Poll, waitFor } from './wait.ts'

export type Rollout = {
  readonly deploymentId: string
  readonly taskDefinition: string
}

type Followed = Pick<RollEcs, 'component' | 'service'>

/** Follows one deployment of an ECS service until it has succeeded; anything else is thrown. */
export async function followDeployment(
  step: Followed,
  rollout: Rollout,
  execution: Execution,
): Promise<void> {
  const { cloud, stack } = execution
  const { deploymentId } = rollout
  const verdict = await waitFor(pollRollout(step, rollout, execution), {
    ...execution,
    what: `deployment ${deploymentId} of ECS service ${step.service}`,
  })
  if (verdict.verdict !== 'failed') return
  const { reasons, lines } = await causeOfEcs(cloud, {
    cluster: stack.cluster,
    service: step.service,
    deploymentId,
    container: ecsComponent(stack, step.component).container,
  })
  const evidence = [...reasons, ...lines]
  for (const line of evidence) execution.say(quoted(line))
  const telling = tellingLine(lines)
  const why = reasons.length > 0 ? ` Last failed task: ${reasons.join('; ')}.` : ''
  const log = telling === undefined ? '' : ` Its log: ${telling}`
  throw new StepFailed(
    `${componentName(step.component)} did not roll out: ${knownCause(evidence)}${verdict.sentence}.${why}${log}`,
    evidence,
  )
}

export function primaryOf(service: EcsService): EcsDeployment | undefined {
  return service.deployments.find(deployment => deployment.status === 'PRIMARY')
}

/** ECS reads lag up to a minute; a service that rolled back looks the same. */
const LAG_MS = 120_000
/** A running service deployment has all data, so the service is read only now and then. */
const SERVICE_EVERY_MS = 120_000
/** A missing permission for DescribeServiceDeployments does not appear during the run. */
const SILENT_POLLS = 2

/** Usually one call a poll: the service deployment while it runs, else the service. Only the service proves the end. */
function pollRollout(step: Followed, rollout: Rollout, execution: Execution): () => Promise<Poll<Verdict>> {
  const { cloud, stack, clock } = execution
  const { deploymentId } = rollout
  const { service: first } = ecsComponent(stack, step.component)
  const before = primaryOf(first)
  const shownUntil = clock.now() + LAG_MS
  let appeared = before?.id === deploymentId
  // ECS names the current service deployment only while it runs.
  let ours = appeared ? first.serviceDeployment : undefined
  const outlook = outlooks(clock.now())
  let silent = 0
  let trustedUntil = 0
  return async () => {
    const detail = await askDetail()
    const open = detail && evaluateOpen(detail)
    if (open !== undefined && clock.now() < trustedUntil) return waiting(open)
    const service = await cloud.ecs.service(stack.cluster, step.service)
    if (service === undefined) return { state: 'waiting', note: `ECS does not show service ${step.service}` }
    const primary = primaryOf(service)
    if (primary?.id === deploymentId) {
      appeared = true
      ours = service.serviceDeployment ?? ours
    }
    if (!appeared && primary?.id === before?.id && clock.now() < shownUntil) {
      return { state: 'waiting', note: 'ECS does not show the deployment yet' }
    }
    trustedUntil = clock.now() + SERVICE_EVERY_MS
    const seen = evaluateEcs(service, deploymentId, rollout, detail)
    if (seen.verdict === 'rolling') return waiting(seen)
    // The service shows the end; its service deployment shows the reason.
    const evaluated = evaluateEcs(service, deploymentId, rollout, detail ?? (await askDetail()))
    return evaluated.verdict === 'rolling' ? waiting(evaluated) : { state: 'settled', value: evaluated }
  }

  async function askDetail(): Promise<ServiceDeployment | undefined> {
    if (ours === undefined || silent >= SILENT_POLLS) return undefined
    const detail = await cloud.ecs.serviceDeployment(ours)
    silent = detail === undefined ? silent + 1 : 0
    return detail
  }

  function waiting({ note, progress }: Rolling): Poll<Verdict> {
    return { state: 'waiting', note, ...(progress && outlook(progress, clock.now())) }
  }
}

/** The progress of an ECS deployment. */
export type Progress = {
  readonly wanted: number
  readonly running: number
  readonly pending: number
  /** Running tasks of older deployments. */
  readonly older: number
  readonly failures: number
  /** The number of failures that ends it. */
  readonly threshold: number
}

/**
 * When a deployment may end. It succeeds only after its tasks run (half a minute on Fargate) and the older tasks
 * ended. It fails with the task that reaches the threshold.
 */
export function outlooks(begun: number): (progress: Progress, now: number) => Outlook {
  const earliestDeath = deaths(begun)
  let attempt = { failures: 0, begun: false }
  return (progress, now) => {
    const { wanted, running, pending, older, failures, threshold } = progress
    const notBefore = earliestDeath(progress, now)
    const there = running + pending > 0
    attempt = { failures, begun: there || (attempt.begun && attempt.failures === failures) }
    // ECS counts a failed task with some delay.
    if (failures >= threshold - 1 && attempt.begun)
      return there ? { pace: 'near', notBefore } : { pace: 'near' }
    if (!there) return { pace: 'calm' }
    if (running < wanted) return { pace: 'calm' }
    return { pace: older > 0 || failures > 0 ? 'soon' : 'near' }
  }
}

/** Tasks of one image fail at about the same age. */
const SAME_AGE = 0.8

/** The earliest time at which the current task fails, if it lives as long as the tasks before it. */
function deaths(begun: number): (progress: Progress, now: number) => number {
  let failed = 0
  let lastPoll = begun
  let goneAt = begun
  let firstSeen: number | undefined
  let lastSeen = begun
  let age = 0
  return ({ running, pending, failures }, now) => {
    if (failures > failed) {
      age = Math.max(age, lastSeen - (firstSeen ?? lastSeen))
      goneAt = lastPoll
      firstSeen = undefined
    }
    failed = failures
    if (running + pending === 0) goneAt = now
    else {
      firstSeen ??= now
      lastSeen = now
    }
    lastPoll = now
    return goneAt + SAME_AGE * age
  }
}

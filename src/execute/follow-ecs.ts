import { componentName, type RollEcs } from '../plan/plan.ts'
import type { EcsDeployment, EcsService, ServiceDeployment } from '../ports/cloud.ts'
import { ecsComponent } from '../stack/stack.ts'
import { knownCause } from './classify-log.ts'
import { evaluateEcs, evaluateOpen, type Rolling, type Verdict } from './evaluate.ts'
import { type Execution, StepFailed } from './execution.ts'
import { causeOfEcs, tellingLine } from './task-log.ts'
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
  for (const line of evidence) execution.say(`│ ${line}`)
  const quoted = tellingLine(lines)
  const why = reasons.length > 0 ? ` The last task that died: ${reasons.join('; ')}.` : ''
  const log = quoted === undefined ? '' : ` Its log: ${quoted}`
  throw new StepFailed(
    `${componentName(step.component)} did not roll out: ${knownCause(evidence)}${verdict.sentence}.${why}${log}`,
    evidence,
  )
}

export function primaryOf(service: EcsService): EcsDeployment | undefined {
  return service.deployments.find(deployment => deployment.status === 'PRIMARY')
}

/** What is read may be some seconds old; a service that went back to the deployment before looks just like that. */
const LAG_MS = 30_000
/** A service deployment that is under way tells all there is to know: its service is read beside it only now and then. */
const SERVICE_EVERY_MS = 120_000
/** An IAM policy that knows no DescribeServiceDeployments does not learn it meanwhile. */
const SILENT_POLLS = 2

/**
 * One look is one call as a rule: the service deployment while it is under way, else the service. No end is believed
 * unless the service shows it.
 */
function pollRollout(step: Followed, rollout: Rollout, execution: Execution): () => Promise<Poll<Verdict>> {
  const { cloud, stack, clock } = execution
  const { deploymentId } = rollout
  const { service: first } = ecsComponent(stack, step.component)
  const before = primaryOf(first)
  const shownUntil = clock.now() + LAG_MS
  let appeared = before?.id === deploymentId
  // ECS says which service deployment is current, and forgets it as soon as that has ended.
  let ours = appeared ? first.serviceDeployment : undefined
  const outlook = outlooks(clock.now())
  let silent = 0
  let trustedUntil = 0
  return async () => {
    const detail = await askDetail()
    const open = detail && evaluateOpen(detail)
    if (open !== undefined && clock.now() < trustedUntil) return waiting(open)
    const service = await cloud.ecs.service(stack.cluster, step.service)
    if (service === undefined) return { state: 'waiting', note: 'ECS does not show the service' }
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
    // The service shows that it is over; its service deployment knows why, or that somebody stopped it.
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

/** How far an ECS deployment is. */
export type Progress = {
  readonly wanted: number
  readonly running: number
  readonly pending: number
  /** Running tasks of what is replaced. */
  readonly older: number
  readonly failures: number
  /** Failures that end it. */
  readonly threshold: number
}

/**
 * When a deployment may be over. It cannot succeed before its tasks run, and that takes a Fargate task half a minute
 * at least; nor before the older tasks have ended. It fails with the task that reaches the threshold.
 */
export function outlooks(begun: number): (progress: Progress, now: number) => Outlook {
  const earliestDeath = deaths(begun)
  let attempt = { failures: 0, begun: false }
  return (progress, now) => {
    const { wanted, running, pending, older, failures, threshold } = progress
    const notBefore = earliestDeath(progress, now)
    const there = running + pending > 0
    attempt = { failures, begun: there || (attempt.begun && attempt.failures === failures) }
    // ECS counts a task a moment after it is gone.
    if (failures >= threshold - 1 && attempt.begun)
      return there ? { pace: 'near', notBefore } : { pace: 'near' }
    if (!there) return { pace: 'calm' }
    if (running < wanted) return { pace: 'calm' }
    return { pace: older > 0 || failures > 0 ? 'soon' : 'near' }
  }
}

/** Tasks of one image die at about the same age. */
const SAME_AGE = 0.8

/**
 * When the task that is there now will die at the earliest, if it gets as old as those before it. Nothing is known
 * but what was seen: it began between a look without it and the first look with it.
 */
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

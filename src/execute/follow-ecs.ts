import { componentName, type RollEcs } from '../plan/plan.ts'
import type { EcsDeployment, EcsService } from '../ports/cloud.ts'
import { ecsComponent } from '../stack/stack.ts'
import { knownCause } from './classify-log.ts'
import { evaluateEcs, stale, type Verdict, withReason } from './evaluate.ts'
import { type Execution, StepFailed } from './execution.ts'
import { follow } from './follow.ts'
import { causeOfEcs, quoted, tellingLine } from './task-log.ts'

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
  const verdict = await follow(seeRollout(step, rollout, execution), {
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

/** One call a poll: the service alone proves the end, and its service deployment gives the reason of a failure. */
function seeRollout(step: Followed, rollout: Rollout, execution: Execution) {
  const { cloud, stack } = execution
  const { deploymentId } = rollout
  const { service: first } = ecsComponent(stack, step.component)
  const before = primaryOf(first)
  let appeared = before?.id === deploymentId
  let ours = appeared ? first.serviceDeployment : undefined
  return async (late: boolean): Promise<Verdict> => {
    const service = await cloud.ecs.service(stack.cluster, step.service)
    if (service === undefined) return stale(`ECS does not show service ${step.service}`)
    const primary = primaryOf(service)
    if (primary?.id === deploymentId) {
      appeared = true
      ours = service.serviceDeployment ?? ours
    }
    if (!appeared && primary?.id === before?.id && !late) return stale('ECS does not show the deployment yet')
    const seen = evaluateEcs(service, rollout)
    // ECS names the current service deployment only while it runs.
    const open = seen.verdict === 'rolling' && service.serviceDeployment !== undefined
    return ours === undefined || open || seen.verdict === 'succeeded'
      ? seen
      : withReason(seen, await cloud.ecs.serviceDeployment(ours))
  }
}

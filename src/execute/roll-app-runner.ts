import { Busy, RolloutError } from '../errors/errors.ts'
import type { RollAppRunner } from '../plan/plan.ts'
import type { AppRunnerOperation, AppRunnerService } from '../ports/cloud.ts'
import { shortImage } from '../release/image.ts'
import type { Stack } from '../stack/stack.ts'
import { knownCause } from './classify-log.ts'
import { evaluateAppRunner } from './evaluate.ts'
import { type Done, type Execution, StepFailed } from './execution.ts'
import { follow } from './follow.ts'
import { causeOfAppRunner, quoted, tellingLine } from './task-log.ts'
import { LAG_MS, waitFor } from './wait.ts'

/** Rolls the App Runner service to another image and follows that operation. */
export async function rollAppRunner(step: RollAppRunner, execution: Execution): Promise<Done> {
  const { cloud, stack } = execution
  const service = appRunnerOf(stack)
  const begunAt = execution.clock.now()
  const operationId = step.follow ?? (await begin(step, execution))
  if (step.follow !== undefined)
    execution.say(`App Runner is already running operation ${operationId} for this image`)
  let operation: AppRunnerOperation | undefined
  const verdict = await follow(
    async () => {
      if (operation?.status !== 'SUCCEEDED') {
        const operations = await cloud.appRunner.operations(service.arn, operationId)
        operation = operations.find(item => item.id === operationId)
      }
      // The service may show its state of before for half a minute after that.
      const done = operation?.status === 'SUCCEEDED'
      const shown = done ? await cloud.appRunner.describe(service.arn) : undefined
      return evaluateAppRunner(operation, shown, step.to)
    },
    { ...execution, what: `operation ${operationId} of App Runner service ${step.service}` },
  )
  if (verdict.verdict === 'succeeded')
    return { sentence: `runs ${shortImage(step.to)} (operation ${operationId})` }
  const evidence = await causeOfAppRunner(cloud, service, operation?.startedAt ?? begunAt)
  for (const line of evidence) execution.say(quoted(line))
  const why = tellingLine(evidence)
  throw new StepFailed(
    `web did not roll out: ${knownCause(evidence)}${verdict.sentence}.${why === undefined ? '' : ` Its log: ${why}`}`,
    evidence,
  )
}

async function begin(step: RollAppRunner, execution: Execution): Promise<string> {
  const { cloud, stack, say } = execution
  const service = appRunnerOf(stack)
  try {
    const { operationId } = await cloud.appRunner.updateImage(service, step.to)
    say(`App Runner started operation ${operationId}`)
    return operationId
  } catch (error) {
    const ours = error instanceof Busy ? await operationOf(step, service, execution) : undefined
    if (ours === undefined) throw error
    say(`App Runner is already running operation ${ours} for this image`)
    return ours
  }
}

/** The operation for this image: if AWS's answer is lost, the SDK repeats the update, and App Runner refuses the second. */
function operationOf(
  step: RollAppRunner,
  service: AppRunnerService,
  execution: Execution,
): Promise<string | undefined> {
  const { cloud, clock } = execution
  const shownUntil = clock.now() + LAG_MS
  return waitFor(
    async () => {
      const [newest] = await cloud.appRunner.operations(service.arn)
      const now = await cloud.appRunner.describe(service.arn)
      const open = newest?.type === 'UPDATE_SERVICE' && /^(PENDING|IN_PROGRESS)$/.test(newest.status)
      if (open && now.image === step.to) return { state: 'settled', value: newest.id }
      return clock.now() < shownUntil
        ? { state: 'waiting', note: `App Runner service ${step.service} is ${now.status}` }
        : { state: 'settled', value: undefined }
    },
    { ...execution, what: `the running operation of App Runner service ${step.service}` },
  )
}

/** The plan has this step only for a web on App Runner. */
function appRunnerOf({ web }: Stack): AppRunnerService {
  if (web.platform === 'app-runner') return web.service
  throw new RolloutError(`The web runs on ECS service ${web.service.name}, not on App Runner.`)
}

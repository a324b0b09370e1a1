import { Busy, RolloutError } from '../errors/errors.ts'
import type { RollAppRunner } from '../plan/plan.ts'
import type { AppRunnerService } from '../ports/cloud.ts'
import { shortImage } from '../release/image.ts'
import type { Stack } from '../stack/stack.ts'
import { knownCause } from './classify-log.ts'
import { evaluateAppRunner } from './evaluate.ts'
import { type Done, type Execution, StepFailed } from './execution.ts'
import { causeOfAppRunner, quoted, tellingLine } from './task-log.ts'
import { waitFor } from './wait.ts'

/** Rolls the App Runner service to another image and follows that operation. */
export async function rollAppRunner(step: RollAppRunner, execution: Execution): Promise<Done> {
  const { cloud, stack } = execution
  const service = appRunnerOf(stack)
  const begunAt = execution.clock.now()
  let startedAt = begunAt
  const operationId = step.follow ?? (await begin(step, execution))
  if (step.follow !== undefined)
    execution.say(`App Runner is already running operation ${operationId} for this image`)
  const hint = servesAnother(execution)
  const verdict = await waitFor(
    async () => {
      const operations = await cloud.appRunner.operations(service.arn, operationId)
      const operation = operations.find(item => item.id === operationId)
      startedAt = operation?.startedAt ?? startedAt
      const now = operation?.status === 'SUCCEEDED' ? await cloud.appRunner.describe(service.arn) : service
      const evaluated = evaluateAppRunner(operation, now, step.to)
      const early = step.follow === undefined && execution.clock.now() < begunAt + EARLY_MS
      return evaluated.verdict === 'rolling'
        ? { state: 'waiting', note: evaluated.note, pace: early ? 'calm' : 'near' }
        : { state: 'settled', value: evaluated }
    },
    {
      ...execution,
      what: `operation ${operationId} of App Runner service ${step.service}`,
      ...(hint && { hint }),
    },
  )
  if (verdict.verdict === 'succeeded')
    return { sentence: `runs ${shortImage(step.to)} (operation ${operationId})` }
  const evidence = await causeOfAppRunner(cloud, service, startedAt)
  for (const line of evidence) execution.say(quoted(line))
  const why = tellingLine(evidence)
  throw new StepFailed(
    `web did not roll out: ${knownCause(evidence)}${verdict.sentence}.${why === undefined ? '' : ` Its log: ${why}`}`,
    evidence,
  )
}

/** An update takes three to five minutes; App Runner starts the image only after the first. */
const EARLY_MS = 75_000

/** Whether the public address serves another release than before: then App Runner is nearly done. */
function servesAnother({ stack, http }: Execution): (() => Promise<boolean>) | undefined {
  const before = stack.health.known ? stack.health.value.version : undefined
  if (before === undefined || http === undefined) return undefined
  return async () => {
    try {
      const { body } = await http.get(`${stack.url}/api/public/health`, { timeoutMs: 1_000 })
      return body.includes('"version"') && !body.includes(before)
    } catch {
      return false
    }
  }
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

/** App Runner's reads lag some seconds, ListOperations the most. */
const LAG_MS = 10_000

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

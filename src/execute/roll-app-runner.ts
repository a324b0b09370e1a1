import { RolloutError } from '../errors/rollout-error.ts'
import type { RollAppRunner } from '../plan/plan.ts'
import type { AppRunnerService } from '../ports/cloud.ts'
import { shortImage } from '../release/image.ts'
import type { Stack } from '../stack/stack.ts'
import { causeOfAppRunner } from './cause.ts'
import { knownCause } from './classify-log.ts'
import type { Done, Execution } from './execute.ts'
import { StepFailed } from './execute.ts'
import { judgeAppRunner } from './judge.ts'
import { waitFor } from './wait.ts'

/** Rolls the App Runner service to another image and follows that very operation, through all pages of the list. */
export async function rollAppRunner(step: RollAppRunner, execution: Execution): Promise<Done> {
  const { cloud, stack } = execution
  const service = appRunnerOf(stack)
  const startedAt = execution.clock.now()
  const operationId = step.follow ?? (await begin(step, execution))
  if (step.follow !== undefined)
    execution.say(`App Runner is at operation ${operationId} for this image already`)
  const verdict = await waitFor(
    async () => {
      const operations = await cloud.appRunner.operations(service.arn)
      const operation = operations.find(item => item.id === operationId)
      const judged = judgeAppRunner(operation, await cloud.appRunner.describe(service.arn), step.to)
      return judged.verdict === 'rolling'
        ? { state: 'waiting', note: judged.note }
        : { state: 'settled', value: judged }
    },
    { ...execution, what: `operation ${operationId} of App Runner service ${step.service}` },
  )
  if (verdict.verdict === 'succeeded')
    return { sentence: `runs ${shortImage(step.to)} (operation ${operationId})` }
  const evidence = await causeOfAppRunner(cloud, service, startedAt)
  const why = evidence.find(line => /error|failed|dirty|P[13]\d{3}/i.test(line))
  throw new StepFailed(
    `web did not roll out: ${knownCause(evidence)}${verdict.sentence}.${why === undefined ? '' : ` Its log: ${why.trim()}`}`,
    evidence,
  )
}

async function begin(step: RollAppRunner, { cloud, stack, say }: Execution): Promise<string> {
  const { operationId } = await cloud.appRunner.updateImage(appRunnerOf(stack), step.to)
  say(`App Runner started operation ${operationId}`)
  return operationId
}

/** The plan has this step only for a web on App Runner. */
function appRunnerOf({ web }: Stack): AppRunnerService {
  if (web.platform === 'app-runner') return web.service
  throw new RolloutError(`The web is not on App Runner but on ECS service ${web.service.name}.`)
}

import type { RollAppRunner } from '../plan/plan.ts'
import { shortImage } from '../release/image.ts'
import { causeOfAppRunner } from './cause.ts'
import type { Done, Execution } from './execute.ts'
import { StepFailed } from './execute.ts'
import { judgeAppRunner } from './judge.ts'
import { waitFor } from './wait.ts'

/** Rolls the App Runner service to another image and follows that very operation, through all pages of the list. */
export async function rollAppRunner(step: RollAppRunner, execution: Execution): Promise<Done> {
  const { cloud, stack } = execution
  const { service } = stack.web
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
    `web did not roll out: ${verdict.sentence}.${why === undefined ? '' : ` Its log: ${why.trim()}`}`,
    evidence,
  )
}

async function begin(step: RollAppRunner, { cloud, stack, say }: Execution): Promise<string> {
  const { operationId } = await cloud.appRunner.updateImage(stack.web.service, step.to)
  say(`App Runner started operation ${operationId}`)
  return operationId
}

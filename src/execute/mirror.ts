import { explain, Interrupted } from '../errors/errors.ts'
import type { Mirror } from '../plan/plan.ts'
import { ecrRepository, parseImage, shortDigest } from '../release/image.ts'
import type { Done, Execution } from './execution.ts'
import { StepFailed } from './execution.ts'
import { waitFor } from './wait.ts'

/** Copies one image with all platforms into ECR, then compares ECR's digest with the plan's. */
export async function mirror(step: Mirror, execution: Execution): Promise<Done> {
  const { imageTool, say } = execution
  if (imageTool === undefined) {
    throw new StepFailed(
      `This runner has no tool to copy images (the plan used ${step.tool}): install it, then run again.`,
    )
  }
  say(`${imageTool.name} copies ${step.from} to ${step.to}`)
  const { signal, late } = untilDeadline(execution)
  try {
    await imageTool.copy(step.from, step.to, signal)
  } catch (error) {
    if (signal.aborted) {
      const why = late() ? 'The timeout passed' : 'The run was cancelled'
      throw new Interrupted(`${why} while ${step.to} was being copied: run again to copy it.`)
    }
    throw new StepFailed(explain(error))
  }
  await assertDigest(step, execution)
  return { sentence: `ECR has ${step.to} with the digest of its source` }
}

function untilDeadline({ deadline, clock, signal }: Execution): { signal: AbortSignal; late: () => boolean } {
  const late = AbortSignal.timeout(Math.max(1, deadline - clock.now()))
  return { signal: AbortSignal.any([signal, late]), late: () => late.aborted }
}

async function assertDigest(step: Mirror, execution: Execution): Promise<void> {
  const target = parseImage(step.to)
  const repository = target && ecrRepository(target.repository)
  const wanted = parseImage(step.from)?.digest
  if (repository === undefined || target?.tag === undefined) return
  const tag = target.tag
  const digest = await waitFor(
    async () => {
      const found = await execution.cloud.ecr.image(repository, { tag })
      return found === undefined
        ? { state: 'waiting', note: 'ECR does not show the image yet' }
        : { state: 'settled', value: found.digest }
    },
    { ...execution, what: `ECR to show ${step.to}` },
  )
  if (digest === wanted) return
  throw new StepFailed(
    `${step.to} has digest ${shortDigest(digest)} in ECR, but the plan expects ${shortDigest(wanted)}: someone may have pushed that tag meanwhile. No running service was changed. Check the repository, then run again.`,
  )
}

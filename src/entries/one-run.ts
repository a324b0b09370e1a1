import type { Records } from '../ports/github.ts'
import type { Ports } from './ports.ts'

/**
 * Two runs must not change one stack at once. The newest record says which run began to; when that run still goes on,
 * this one is refused: the sentence, or undefined when nobody else is at it.
 */
export async function otherRun(records: Records | undefined, { runner }: Ports): Promise<string | undefined> {
  // Without permission to read records nobody can be seen; opening ours says so.
  const latest = await records?.latest().catch(() => undefined)
  const run = latest?.record.run
  if (records === undefined || latest?.state !== 'in_progress' || run === undefined) return undefined
  if (run === runner.environment('GITHUB_RUN_ID')) return undefined
  const running = await records.isRunning(run)
  if (running === true) {
    return `Workflow run ${run} is rolling out Langfuse ${latest.record.to} right now (deployment record ${latest.id}): wait until it has ended, or cancel it, then run again.`
  }
  if (running === undefined) {
    runner.info(
      `Warning: whether workflow run ${run}, which began to roll out Langfuse ${latest.record.to}, still goes on cannot be told: give the job \`permissions: actions: read\`.`,
    )
  }
  return undefined
}

import { refusalsOf } from '../plan/dependents.ts'
import { type DependentsQuestion, isAsked, observeDependents } from '../stack/observe-dependents.ts'
import type { Execution } from './execution.ts'
import { StepFailed } from './execution.ts'

/**
 * The plan's check of dependents once more, because an object may be newer than the plan.
 * @throws StepFailed that names each object with what clears the way; nothing was changed.
 */
export async function checkDependents(question: DependentsQuestion, execution: Execution): Promise<void> {
  if (!isAsked(question)) return
  const { postgres, clickhouse, stack, say } = execution
  const dependents =
    execution.observeDependents === undefined
      ? await observeDependents(question, { postgres, clickhouse })
      : await execution.observeDependents(question, stack.worker)
  const refusals = refusalsOf(dependents)
  if (refusals.length > 0) throw new StepFailed(`${refusals.join(' ')} Nothing was changed.`, refusals)
  if (dependents.failed.length > 0) {
    throw new StepFailed(
      `The objects of the databases' owner were not checked: ${dependents.failed.join('; ')}. Nothing was changed.`,
    )
  }
  for (const what of dependents.unseen) say(`It was not checked ${what}.`)
}

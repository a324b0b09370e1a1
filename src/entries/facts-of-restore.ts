import { classOf, type RollbackQuestion, repairFrom, undoFrom } from '../plan/rollback-class.ts'
import type { Cloud } from '../ports/cloud.ts'
import { observeRestore, type RestoreFacts } from '../stack/observe-restore.ts'

/** What the commands of a restore need, read only where a rollback has class `restore`. */
export async function factsOfRestore(
  question: Omit<RollbackQuestion, 'counted' | 'restore'>,
  cloud: Cloud,
): Promise<RestoreFacts | undefined> {
  const { config, stack, target } = question
  const needed = config.sql === 'auto' && classOf(undoFrom(question, repairFrom(question))) === 'restore'
  return needed ? await observeRestore(stack, target, cloud) : undefined
}

import { whyFinishFirst } from '../release/background.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { isDormant } from '../stack/rules.ts'
import type { BackgroundMigration, Stack } from '../stack/stack.ts'
import { currentRelease } from '../stack/stack.ts'

type Question = {
  readonly config: { readonly version: string }
  readonly stack: Stack
  readonly facts: ReleaseFacts
}

/** Background migrations that have to be finished before the target is deployed. */
export function backgroundProblems(question: Question): readonly string[] {
  return openRows(question).flatMap(row => {
    const why = whyFinishFirst(row.name, wayOf(question))
    return why === undefined
      ? []
      : [`Background migration ${row.name} ${stateOf(row)}, and ${why}: ${remedyOf(row)}, then run again.`]
  })
}

/** Those that nothing depends on yet; Langfuse asks to have all finished before another upgrade. */
export function backgroundWarnings(question: Question): readonly string[] {
  return openRows(question)
    .filter(row => whyFinishFirst(row.name, wayOf(question)) === undefined)
    .map(
      row =>
        `Background migration ${row.name} ${stateOf(row)}, and Langfuse asks to have all of them finished before another upgrade: ${remedyOf(row)}.`,
    )
}

function wayOf({ config, stack, facts }: Question) {
  return { from: currentRelease(stack, facts), to: config.version }
}

/** Unfinished or failed, and not dormant behind a gate that the worker's environment does not open. */
function openRows(question: Question): readonly BackgroundMigration[] {
  const { stack } = question
  if (!stack.postgres.known) return []
  const { from } = wayOf(question)
  return stack.postgres.value.backgroundMigrations.filter(
    row => row.state !== 'finished' && !isDormant(row, stack.worker, stack.worker.image.version ?? from),
  )
}

function stateOf({ state }: BackgroundMigration): string {
  return state === 'failed' ? 'failed' : 'has not finished'
}

function remedyOf({ state }: BackgroundMigration): string {
  return state === 'failed'
    ? 'repair what its failed_reason says, retry it and restart the worker'
    : 'wait until it has, or restart the worker if it does not move'
}

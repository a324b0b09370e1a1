import { gateIsOpen, whyFinishFirst } from '../release/background.ts'
import type { BackgroundMigration, Stack } from '../stack/stack.ts'
import { currentRelease } from '../stack/stack.ts'

/** Background migrations that have to be finished before the target is deployed. */
export function backgroundProblems(stack: Stack, to: string): readonly string[] {
  return openRows(stack).flatMap(row => {
    const why = whyFinishFirst(row.name, { from: currentRelease(stack), to })
    return why === undefined
      ? []
      : [`Background migration ${row.name} ${stateOf(row)}, and ${why}: ${remedyOf(row)}, then run again.`]
  })
}

/** Those that nothing depends on yet; Langfuse asks to have all finished before another upgrade. */
export function backgroundWarnings(stack: Stack, to: string): readonly string[] {
  return openRows(stack)
    .filter(row => whyFinishFirst(row.name, { from: currentRelease(stack), to }) === undefined)
    .map(
      row =>
        `Background migration ${row.name} ${stateOf(row)}, and Langfuse asks to have all of them finished before another upgrade: ${remedyOf(row)}.`,
    )
}

/** Unfinished or failed, and not dormant behind a gate that the worker's environment does not open. */
function openRows(stack: Stack): readonly BackgroundMigration[] {
  if (!stack.postgres.known) return []
  const { environment } = stack.worker.container
  return stack.postgres.value.backgroundMigrations.filter(
    ({ state, gate }) =>
      state !== 'finished' &&
      (gate === undefined || gateIsOpen(gate, environment[gate], currentRelease(stack))),
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

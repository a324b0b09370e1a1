import { whyFinishFirst } from '../release/background.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { majorOf } from '../release/requirements.ts'
import { BACKGROUND_SWITCH, isDormant, runsNone } from '../stack/rules.ts'
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
      : [
          `Background migration ${row.name} ${stateOf(row)}, and ${why}: ${remedyOf(row, question)}, then run again.`,
        ]
  })
}

/** Those that nothing depends on yet; Langfuse asks to have all finished before another upgrade. */
export function backgroundWarnings(question: Question): readonly string[] {
  return openRows(question)
    .filter(row => whyFinishFirst(row.name, wayOf(question)) === undefined && !waitsForV3(row, question))
    .map(
      row =>
        `Background migration ${row.name} ${stateOf(row)}, and Langfuse asks to have all of them finished before another upgrade: ${remedyOf(row, question)}.`,
    )
}

function wayOf({ config, stack, facts }: Question) {
  return { from: currentRelease(stack, facts), to: config.version }
}

/** Unfinished or failed, and not dormant behind a gate that the worker's environment does not open. */
function openRows(question: Question): readonly BackgroundMigration[] {
  const { postgres, worker } = question.stack
  if (!postgres.known) return []
  return postgres.value.backgroundMigrations.filter(
    row => row.state !== 'finished' && !isDormant(row, worker, workerRelease(question)),
  )
}

function workerRelease({ stack, facts }: Question): string | undefined {
  return stack.worker.image.version ?? currentRelease(stack, facts)
}

/** v2 runs none by itself: its rows are copied by the v3 that is deployed. */
function waitsForV3({ state }: BackgroundMigration, question: Question): boolean {
  const release = workerRelease(question)
  const isV2 = release !== undefined && majorOf(release) < 3
  return state === 'unfinished' && isV2 && runsNone(question.stack.worker, release)
}

function stateOf({ state }: BackgroundMigration): string {
  return state === 'failed' ? 'failed' : 'has not finished'
}

function remedyOf({ state }: BackgroundMigration, question: Question): string {
  if (state === 'failed') return 'repair what its failed_reason says, retry it and restart the worker'
  return runsNone(question.stack.worker, workerRelease(question))
    ? `set the worker's ${BACKGROUND_SWITCH} to \`true\` and wait until it has`
    : 'wait until it has, or restart the worker if it does not move'
}

import type { DeployConfig } from '../inputs/config.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { majorOf, whyFinishFirst } from '../release/requirements.ts'
import { BACKGROUND_SWITCH, isDormant, runsNone } from '../stack/rules.ts'
import { type BackgroundMigration, currentRelease, type Stack } from '../stack/stack.ts'
import type { RerunBackgroundMigrations } from './plan.ts'

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

type RerunPlan = {
  readonly steps: readonly RerunBackgroundMigrations[]
  readonly problems: readonly string[]
}

/** Background migrations that are to run again by the worker of release `to`: those that are there and at rest. Pure. */
export function planRerun(names: readonly string[], stack: Stack, to: string): RerunPlan {
  if (names.length === 0) return { steps: [], problems: [] }
  const { postgres, worker } = stack
  if (!postgres.known) {
    const problem = `\`rerun-background-migrations\` names ${names.join(', ')}, but ${postgres.reason}.`
    return { steps: [], problems: [problem] }
  }
  const rows = postgres.value.backgroundMigrations
  const problems = [...disabled(stack, to), ...names.flatMap(name => problemOf(name, rows, stack, to))]
  if (problems.length > 0) return { steps: [], problems }
  const step: RerunBackgroundMigrations = {
    kind: 'rerun-background-migrations',
    component: 'worker',
    service: worker.service.name,
    names: [...new Set(names)],
    reason: 'Asked for by `rerun-background-migrations`; the worker only looks for them when it starts.',
  }
  return { steps: [step], problems: [] }
}

/** Re-arming is a conversation with PostgreSQL: from here, or through the agent, which needs no address. Pure. */
export function rerunNeeds(steps: RerunPlan['steps'], { databases }: DeployConfig): readonly string[] {
  if (steps.length === 0 || databases === undefined || databases.databaseUrl !== undefined) return []
  return [
    '`rerun-background-migrations` needs `database-url` beside the other addresses that this runner was given: give it, or give none (`network: task`).',
  ]
}

function problemOf(
  name: string,
  rows: readonly BackgroundMigration[],
  stack: Stack,
  to: string,
): readonly string[] {
  const row = rows.find(item => item.name === name)
  if (row === undefined) {
    const there = rows.map(item => item.name).join(', ') || 'none'
    return [
      `\`rerun-background-migrations\` names ${name}, which is not in the table background_migrations (there: ${there}): correct the name.`,
    ]
  }
  if (row.active === true) {
    return [
      `Background migration ${name} is active, a worker is at it right now: wait until it has finished or failed, then run again.`,
    ]
  }
  if (!isDormant(row, stack.worker, to)) return []
  return [
    `Background migration ${name} is dormant: the worker runs it only when ${row.gate} is \`true\`. Set that in its environment first.`,
  ]
}

/** https://langfuse.com/self-hosting/upgrade/background-migrations */
function disabled({ worker }: Stack, to: string): readonly string[] {
  if (!runsNone(worker, to)) return []
  return [
    `The worker runs no background migration, because its ${BACKGROUND_SWITCH} is not \`true\`: set it to \`true\`, or leave \`rerun-background-migrations\` empty.`,
  ]
}

import type { DeployConfig } from '../inputs/config.ts'
import { BACKGROUND_SWITCH, isDormant, runsNone } from '../stack/rules.ts'
import type { BackgroundMigration, Stack } from '../stack/stack.ts'
import type { RerunBackgroundMigrations } from './plan.ts'

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

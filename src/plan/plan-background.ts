import type { DeployConfig } from '../inputs/config.ts'
import { backgroundRowsOf, type ReleaseFacts } from '../release/facts.ts'
import { majorOf, whyFinishFirst } from '../release/requirements.ts'
import { BACKGROUND_SWITCH, isDormant, runsNone } from '../stack/rules.ts'
import { type BackgroundMigration, currentRelease, type Stack } from '../stack/stack.ts'
import type { Refill, RerunBackgroundMigrations, Step } from './plan.ts'

type Question = {
  readonly config: { readonly version: string; readonly rerun: readonly string[] }
  readonly stack: Stack
  readonly facts: ReleaseFacts
}

/** Background migrations that must finish before the target is deployed. */
export function backgroundProblems(question: Question): readonly string[] {
  return openRows(question).flatMap(row => {
    const why = whyFinishFirst(row.name, wayOf(question))
    if (why === undefined) return []
    return `Background migration ${row.name} ${stateOf(row)}. ${why} ${remedyOf(row, question)}, then run again.`
  })
}

/** Background migrations that the target does not need finished. */
export function backgroundWarnings(question: Question): readonly string[] {
  return [
    ...openRows(question)
      .filter(row => whyFinishFirst(row.name, wayOf(question)) === undefined)
      .map(
        row =>
          `Background migration ${row.name} ${stateOf(row)}. Langfuse requires all background migrations to finish before the next upgrade. ${remedyOf(row, question)}.`,
      ),
    ...failedBefore(question),
  ]
}

/** A worker of v3 runs no migration again that failed on an earlier v3. */
function failedBefore({ stack, facts, config }: Question): readonly string[] {
  const { postgres } = stack
  if (!postgres.known || !leavesThemToV3(stack, facts) || majorOf(config.version) < 3) return []
  const failed = postgres.value.backgroundMigrations.filter(({ state }) => state === 'failed')
  const names = failed.map(({ name }) => name).filter(name => !config.rerun.includes(name))
  if (names.length === 0) return []
  return [
    `Background migrations that failed on an earlier Langfuse 3 do not start again by themselves. Set \`rerun-background-migrations: ${names.join(',')}\` for this deploy.`,
  ]
}

function wayOf({ config, stack, facts }: Question) {
  return { from: currentRelease(stack, facts), to: config.version }
}

/** Unfinished or failed, without those that the worker's environment or v2 does not run. */
function openRows(question: Question): readonly BackgroundMigration[] {
  const { postgres, worker } = question.stack
  if (!postgres.known || leavesThemToV3(question.stack, question.facts)) return []
  return postgres.value.backgroundMigrations.filter(
    row => row.state !== 'finished' && !isDormant(row, worker, workerRelease(question)),
  )
}

function workerRelease({ stack, facts }: Pick<Question, 'stack' | 'facts'>): string | undefined {
  return stack.worker.image.version ?? currentRelease(stack, facts)
}

/** v2 runs none itself: the deployed v3 copies its rows. */
function leavesThemToV3(stack: Stack, facts: ReleaseFacts): boolean {
  const release = workerRelease({ stack, facts })
  return release !== undefined && majorOf(release) < 3 && runsNone(stack.worker, release)
}

function stateOf({ state }: BackgroundMigration): string {
  return state === 'failed' ? 'failed' : 'has not finished'
}

function remedyOf({ state }: BackgroundMigration, question: Question): string {
  if (state === 'failed')
    return 'Read `failed_reason` in table `background_migrations` and fix the cause. Retry the migration, then restart the worker'
  return runsNone(question.stack.worker, workerRelease(question))
    ? `Set the worker's ${BACKGROUND_SWITCH} to \`true\` and wait until the migration has finished`
    : 'Wait until it has finished, or restart the worker if it makes no progress'
}

/**
 * Background migrations that the target's worker starts: open rows, and rows that its Postgres migrations insert. Of a
 * database that is not observed, the catalog tells which rows the running release cannot have run.
 */
export function startedByWorker(question: Question): readonly string[] {
  const { config, stack, facts } = question
  const { postgres, worker } = stack
  const { version } = config
  const { from } = wayOf(question)
  if (runsNone(worker, version)) return []
  const runs = (gate: string | undefined) => !isDormant({ gate }, worker, version)
  const open = postgres.known
    ? postgres.value.backgroundMigrations.filter(row => row.state === 'unfinished' && runs(row.gate))
    : []
  const before = from === undefined || facts.release(from) === undefined ? [] : facts.postgresMigrations(from)
  const applied = new Set((postgres.known ? postgres.value.migrations : before).map(({ name }) => name))
  const ranNone = !postgres.known && runsNone(worker, from)
  const added = backgroundRowsOf(version, facts).filter(
    row => (ranNone || !applied.has(row.addedBy)) && runs(gateOf(row.args)),
  )
  return [...new Set([...open, ...added].map(({ name }) => name))]
}

function gateOf({ envGate }: Readonly<Record<string, unknown>>): string | undefined {
  return typeof envGate === 'string' ? envGate : undefined
}

/** Whether the worker that runs has a background migration to run. */
export function mayBeCopying({ postgres, worker }: Stack): boolean {
  if (!postgres.known || runsNone(worker)) return false
  return postgres.value.backgroundMigrations.some(
    row => row.state === 'unfinished' && !isDormant(row, worker),
  )
}

/** Stopping ClickHouse makes them fail. */
export function runningWhileClickHouseStops(
  changes: readonly Step[],
  { postgres }: Stack,
): readonly string[] {
  if (!postgres.known || !changes.some(stopsClickHouse)) return []
  return postgres.value.backgroundMigrations
    .filter(({ active }) => active === true)
    .map(
      ({ name }) =>
        `Background migration ${name} is running, and would fail when this deploy stops ClickHouse. Wait until it has finished, then run again.`,
    )
}

function stopsClickHouse(step: Step): boolean {
  return step.kind === 'roll-ecs' && step.component === 'clickhouse' && step.follow === undefined
}

type RerunPlan = {
  readonly steps: readonly RerunBackgroundMigrations[]
  readonly problems: readonly string[]
}

/** Re-runs background migrations in the worker of release `to`, where they exist and are not running. Pure. */
export function planRerun(names: readonly string[], stack: Stack, to: string): RerunPlan {
  if (names.length === 0) return { steps: [], problems: [] }
  const { postgres, worker } = stack
  if (!postgres.known) {
    const problem = `Cannot re-run ${names.join(', ')} (input \`rerun-background-migrations\`): ${postgres.reason}.`
    return { steps: [], problems: [problem] }
  }
  const rows = postgres.value.backgroundMigrations
  const problems = [disabled(stack, to), ...names.map(name => problemOf(name, rows, stack, to))].filter(
    problem => problem !== undefined,
  )
  if (problems.length > 0) return { steps: [], problems }
  const step: RerunBackgroundMigrations = {
    kind: 'rerun-background-migrations',
    component: 'worker',
    service: worker.service.name,
    names: [...new Set(names)],
    reason:
      'Requested by input `rerun-background-migrations`. The worker restarts, because it only checks for them at its start.',
  }
  return { steps: [step], problems: [] }
}

/** A re-run updates PostgreSQL: from this runner, or through the agent, which needs no address. Pure. */
export function rerunNeeds(steps: RerunPlan['steps'], { databases }: DeployConfig): readonly string[] {
  if (steps.length === 0 || databases === undefined || databases.databaseUrl !== undefined) return []
  return [
    'Input `rerun-background-migrations` needs `database-url`, but only other database addresses are set. Set `database-url` too, or leave all of them empty (`network: task`).',
  ]
}

function problemOf(
  name: string,
  rows: readonly BackgroundMigration[],
  stack: Stack,
  to: string,
): string | undefined {
  const row = rows.find(item => item.name === name)
  if (row === undefined) {
    const there = rows.map(item => item.name).join(', ') || 'none'
    return `Input \`rerun-background-migrations\` names ${name}, which table background_migrations does not contain. It contains: ${there}. Correct the name.`
  }
  if (row.active === true) {
    return `Background migration ${name} is currently running in a worker. Wait until it has finished or failed, then run again.`
  }
  if (!isDormant(row, stack.worker, to)) return undefined
  return `Background migration ${name} is turned off: the worker runs it only if its ${row.gate} is \`true\`. Set this variable first.`
}

/** https://langfuse.com/self-hosting/upgrade/background-migrations */
function disabled({ worker }: Stack, to: string): string | undefined {
  if (!runsNone(worker, to)) return undefined
  return `The worker runs no background migrations, because its ${BACKGROUND_SWITCH} is not \`true\`. Set it to \`true\`, or leave \`rerun-background-migrations\` empty.`
}

/**
 * What becomes of the background migrations that made the archived data of these ClickHouse migrations. Only of those
 * that release `to` knows: the down SQL deletes the others. Pure.
 */
export function refillOf(
  clickhouse: readonly number[],
  { worker }: Stack,
  to: string,
  facts: ReleaseFacts,
): Refill {
  const names = new Set(clickhouse.flatMap(version => facts.downSql('clickhouse', version)?.filledBy ?? []))
  const rows = backgroundRowsOf(to, facts).filter(({ name }) => names.has(name))
  const isLeftAlone = ({ args }: (typeof rows)[number]) =>
    runsNone(worker, to) || isDormant({ gate: gateOf(args) }, worker, to)
  return {
    open: rows.filter(isLeftAlone).map(({ name }) => name),
    hold: rows.filter(row => !isLeftAlone(row)).map(({ name }) => name),
  }
}

/** What the next upgrade does with them, for the plan. */
export function refillNote({ open }: Refill): readonly string[] {
  if (open.length === 0) return []
  return [
    `Background migrations ${open.join(', ')} start from their beginning after the next upgrade, because the data that they made goes to the archive.`,
  ]
}

export function refillWarning({ hold }: Refill, to: string): readonly string[] {
  if (hold.length === 0) return []
  const names = hold.join(', ')
  return [
    `The worker's variables let Langfuse ${to} run background migrations ${names}, but their tables will be gone. This rollback marks them as failed. Deploy the next upgrade with \`rerun-background-migrations: ${hold.join(',')}\`.`,
  ]
}

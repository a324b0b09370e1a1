import { explain, Interrupted } from '../errors/errors.ts'
import type { Migrate } from '../plan/plan.ts'
import { migrateEnvironment } from '../plan/plan-migrate.ts'
import type { Cloud, EcsTask } from '../ports/cloud.ts'
import { shortImage } from '../release/image.ts'
import { observeClickHouse, observePostgres } from '../stack/observe-databases.ts'
import type { Stack } from '../stack/stack.ts'
import { knownCause } from './classify-log.ts'
import { type Done, type Execution, StepFailed } from './execution.ts'
import {
  exitCodeOf,
  familyOf,
  followTask,
  type OneOffTask,
  startedBy,
  startTask,
  stopTask,
  tidy,
} from './one-off-task.ts'
import { logLocation, quoted, reasonsOf, type TaskLog, taskLog } from './task-log.ts'
import { waitFor } from './wait.ts'

/**
 * Runs Langfuse's own migrations in a one-off Fargate task of the target's web image. Verifies the exit code, the log
 * and, if reachable, the databases. Follows a task that a killed run left, so there is only one migrator.
 */
export async function migrate(step: Migrate, execution: Execution): Promise<Done> {
  const found = await runningTask(step, execution)
  const oneOff = agentDefinition(step, execution)
  const task = found === undefined ? await start(oneOff, execution) : await adopt(found, oneOff, execution)
  const log = logOf(task, execution)
  const ended = await follow(task, log, oneOff, execution)
  assertSuccess(ended, exitCodeOf(ended, oneOff), log)
  await assertMigrated(step, execution)
  return { sentence: `${describeProgress(progressOf(log.lines))} (task ${task.id}, exit code 0)` }
}

const CONTAINER = 'migrate'
const TAG = 'langfuse-rollout'

/** Migration tasks of any run that have not stopped. */
export function migrationTasks({ cluster, worker }: Stack, cloud: Cloud): Promise<readonly EcsTask[]> {
  return cloud.ecs.tasksStartedBy(cluster, {
    family: familyOf(CONTAINER, worker.taskDefinition),
    startedBy: startedBy(CONTAINER, worker.service),
  })
}

/** A migration task of an earlier run with this image; waits for one with another image to end. */
function runningTask(step: Migrate, execution: Execution): Promise<EcsTask | undefined> {
  const { cloud, stack } = execution
  return waitFor(
    async () => {
      const tasks = await migrationTasks(stack, cloud)
      const other = tasks.find(task => imageOf(task) !== step.image)
      if (other === undefined) return { state: 'settled', value: tasks[0] }
      return {
        state: 'waiting',
        note: `migration task ${other.id} of ${shortImage(imageOf(other) ?? 'another image')} is ${other.lastStatus}`,
      }
    },
    { ...execution, what: "an earlier run's migration task to end" },
  )
}

function imageOf(task: EcsTask): string | undefined {
  return task.containers.find(container => container.name === CONTAINER)?.image
}

async function adopt(task: EcsTask, oneOff: OneOffTask, execution: Execution): Promise<EcsTask> {
  execution.say(
    `this run follows migration task ${task.id}, which an earlier run started with the same image`,
  )
  await tidy(task.taskDefinition, oneOff, execution)
  return task
}

async function start(oneOff: OneOffTask, execution: Execution): Promise<EcsTask> {
  const { fromWeb, left } = migrateEnvironment(execution.stack)
  try {
    const task = await startTask(oneOff, execution)
    const notes = [
      `${oneOff.derived.architecture}; roles, network, size and environment from ${oneOff.base.arn}`,
      ...(fromWeb.length > 0 ? [`from the web ${fromWeb.join(', ')}`] : []),
      ...(left.length > 0 ? [`without ${left.join(', ')}`] : []),
    ]
    execution.say(`ECS started task ${task.id} of ${shortImage(oneOff.derived.image)} (${notes.join('; ')})`)
    return task
  } catch (error) {
    throw new StepFailed(
      `${knownCause([explain(error)])}ECS could not start the migration task, so nothing was migrated.`,
      [],
      error,
    )
  }
}

function agentDefinition({ image, architecture }: Migrate, { stack }: Execution): OneOffTask {
  const { taskDefinition: base, container, service } = stack.worker
  const { environment, secrets } = migrateEnvironment(stack)
  const derived = {
    family: familyOf(CONTAINER, base),
    from: container.name,
    name: CONTAINER,
    image,
    // The image's entry point migrates and then runs this: "migrate and exit with status".
    command: ['true'],
    architecture,
    environment,
    secrets,
    tags: { [TAG]: 'migrate' },
  }
  return { called: 'migration task', base, derived, tag: TAG, service }
}

function logOf(task: EcsTask, { cloud, stack, say }: Execution): TaskLog {
  const location = logLocation(stack.worker.container, CONTAINER, task)
  return taskLog(cloud, location, { say, secrets: secretsOf(migrateEnvironment(stack).environment) })
}

/** Plain-text values of the task definition that no log may show. */
function secretsOf(environment: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(environment)
    .filter(
      ([name, value]) =>
        /PASSWORD|SECRET|TOKEN|KEY|AUTH|SALT|DATABASE_URL|DIRECT_URL|CONNECTION/.test(name) &&
        value.length >= 6,
    )
    .map(([, value]) => value)
}

const LOG_SETTLE_MS = 20_000

async function follow(
  task: EcsTask,
  log: TaskLog,
  oneOff: OneOffTask,
  execution: Execution,
): Promise<EcsTask> {
  const output = {
    more: log.more,
    isRead: (exitCode: number) => !log.readable || hasEnded(log.lines, exitCode),
    settleMs: () => LOG_SETTLE_MS,
  }
  try {
    return await followTask(task, oneOff, output, execution)
  } catch (error) {
    const now =
      error instanceof Interrupted
        ? await stopTask(task, oneOff, execution.cloud)
        : 'The task may still be running: run this deploy again to follow it.'
    throw new Interrupted(`${explain(error)} ${now} ${stateOf(log)}`, { cause: error })
  }
}

/** How far the migrations got, from the log. */
function stateOf(log: TaskLog): string {
  const { postgres, postgresDone, clickhouse } = progressOf(log.lines)
  const last = postgres.at(-1)
  if (log.lines.length === 0) return 'Its log is empty, so probably nothing was migrated.'
  if (!postgresDone && last !== undefined) {
    return `Its log ends with Postgres migration ${last}. If it did not finish, the next start fails with P3009 and says how to resolve it.`
  }
  if (!postgresDone) return 'Its log shows no Postgres migration yet.'
  const head = clickhouse.at(-1)
  return `Its log shows that the Postgres migrations finished${head === undefined ? '' : ` and that ClickHouse is at version ${head}`}. If a ClickHouse migration was interrupted, the next start fails with "Dirty database version" and its number.`
}

const EVIDENCE_LINES = 30

/** Exit code 0 and, if the log is readable, Prisma's last line: another entry point could exit 0 without migrating. */
function assertSuccess(task: EcsTask, exitCode: number | undefined, log: TaskLog): void {
  const evidence = [...reasonsOf(task), ...log.lines.slice(-EVIDENCE_LINES)]
  if (exitCode === 0) {
    if (log.lines.length === 0 || hasMigrated(log.lines)) return
    throw new StepFailed(
      `The migration task ended with exit code 0, but its log does not show that Prisma ran: check that the image uses Langfuse's own entry point.${lastLines(log)}`,
      evidence,
    )
  }
  const cause = knownCause(exitCode === undefined ? reasonsOf(task) : evidence)
  const end =
    exitCode === undefined
      ? `The migration task did not start (${task.stoppedReason ?? 'ECS gives no reason'}), so nothing was migrated.`
      : `The migration task ended with exit code ${exitCode}. ${stateOf(log)}${cause === '' ? lastLines(log) : ''}`
  throw new StepFailed(`${cause}${end}`, evidence)
}

const LAST_LINES = 10
const LONGEST_LINE = 300

/** What a person reads who knows the cause that this action does not know. */
function lastLines({ lines }: TaskLog): string {
  const last = lines.filter(line => line.trim() !== '').slice(-LAST_LINES)
  if (last.length === 0) return ''
  return [' The log ends with:', ...last.map(line => quoted(line.slice(0, LONGEST_LINE)))].join('\n')
}

/** If the databases are reachable: every expected migration is applied, and ClickHouse is not dirty. */
async function assertMigrated(step: Migrate, execution: Execution): Promise<void> {
  const [postgres, clickhouse] = await Promise.all([
    observePostgres(execution.postgres),
    observeClickHouse(execution.clickhouse),
  ])
  const missing: string[] = []
  if (postgres.known && step.postgres !== undefined) {
    const applied = new Set(
      postgres.value.migrations.filter(row => row.state === 'applied').map(row => row.name),
    )
    missing.push(
      ...step.postgres.filter(name => !applied.has(name)).map(name => `Postgres migration ${name}`),
    )
  }
  const head = step.clickhouse?.at(-1)
  if (clickhouse.known && clickhouse.value.dirty) missing.push('a clean ClickHouse schema version')
  if (clickhouse.known && head !== undefined && clickhouse.value.head < head)
    missing.push(`ClickHouse migration ${head} (it is at ${clickhouse.value.head})`)
  if (missing.length === 0) return
  throw new StepFailed(
    `The migration task ended with exit code 0, but the databases lack ${missing.join(', ')}: check whether it migrated different databases from those that this deploy observes.`,
  )
}

/** The progress of Langfuse's migrations, from their log. */
type Progress = {
  /** Started Postgres migrations, in order. */
  readonly postgres: readonly string[]
  readonly postgresDone: boolean
  /** Finished ClickHouse migrations, in order. */
  readonly clickhouse: readonly number[]
  readonly clickhouseDone: boolean
}

/** Parses the output of `prisma migrate deploy` (5.x and 6.x) and of golang-migrate (4.18, 4.19). */
export function progressOf(lines: readonly string[]): Progress {
  const clickhouse = lines.flatMap(line => {
    const match = /^(\d+)\/u \S+ \(/.exec(line)
    return match ? [Number(match[1])] : []
  })
  return {
    postgres: lines.flatMap(line => /^Applying migration `(.+)`/.exec(line)?.[1] ?? []),
    postgresDone: hasMigrated(lines),
    clickhouse,
    clickhouseDone:
      clickhouse.length > 0 ||
      lines.some(line => /^no change$|not configured, skipping migration/.test(line)),
  }
}

/** Prisma prints one of these lines whether or not anything was pending. */
export function hasMigrated(lines: readonly string[]): boolean {
  return lines.some(line =>
    /^(No pending migrations to apply|All migrations have been successfully applied)\./.test(line),
  )
}

/** Whether the log has the entry point's last line. */
export function hasEnded(lines: readonly string[], exitCode: number): boolean {
  if (exitCode !== 0) return lines.some(line => line.startsWith('Exiting...'))
  return hasMigrated(lines) && progressOf(lines).clickhouseDone
}

export function describeProgress({ postgres, clickhouse }: Progress): string {
  if (postgres.length === 0 && clickhouse.length === 0) return 'no migrations were pending'
  const count = (number: number, store: string) =>
    `${number} ${store} ${number === 1 ? 'migration' : 'migrations'}`
  return `${count(postgres.length, 'Postgres')} and ${count(clickhouse.length, 'ClickHouse')} applied`
}

import { createHash } from 'node:crypto'
import { explain } from '../errors/explain.ts'
import { Interrupted } from '../errors/rollout-error.ts'
import { migrateEnvironment } from '../plan/migrate-environment.ts'
import type { Migrate } from '../plan/plan.ts'
import type { Cloud, EcsTask } from '../ports/cloud.ts'
import { shortImage } from '../release/image.ts'
import { observeClickHouse, observePostgres } from '../stack/databases.ts'
import type { Stack } from '../stack/stack.ts'
import { reasonsOf } from './cause.ts'
import { knownCause } from './classify-log.ts'
import type { Done, Execution } from './execution.ts'
import { StepFailed } from './execution.ts'
import { describeProgress, hasEnded, hasMigrated, progressOf } from './migrate-progress.ts'
import { type TaskLog, taskLog } from './task-log.ts'
import { waitFor } from './wait.ts'

/**
 * Runs Langfuse's own migrations in a one-off Fargate task of the target's web image and believes its exit code, its
 * log, and where they can be seen the databases. A task that a killed run left is followed: there is one migrator.
 */
export async function migrate(step: Migrate, execution: Execution): Promise<Done> {
  const found = await runningTask(step, execution)
  const task = found === undefined ? await startTask(step, execution) : await adopt(found, execution)
  const log = logOf(task, execution)
  const ended = await followTask(task, log, execution)
  await readToTheEnd(log, ended, execution)
  assertSuccess(ended, log)
  await assertMigrated(step, execution)
  return { sentence: `${describeProgress(progressOf(log.lines))} (task ${task.id}, exit code 0)` }
}

const CONTAINER = 'migrate'
const TAG = 'langfuse-rollout'

/** Migration tasks of any run that have not stopped yet. */
export function migrationTasks(stack: Stack, cloud: Cloud): Promise<readonly EcsTask[]> {
  return cloud.ecs.tasksStartedBy(stack.cluster, {
    family: familyOf({ stack }),
    startedBy: startedBy({ stack }),
  })
}

type OnStack = Pick<Execution, 'stack'>

function familyOf({ stack }: OnStack): string {
  return `${stack.worker.taskDefinition.family}-migrate`
}

/** The same for every run on this stack, so that a run finds what another one left. */
function startedBy({ stack }: OnStack): string {
  return `langfuse-rollout-migrate/${hash(stack.worker.service.arn).slice(0, 10)}`
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** A migration task of an earlier run with this image; one with another image has to end first. */
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
    { ...execution, what: 'the migration task of an earlier run to end' },
  )
}

function imageOf(task: EcsTask): string | undefined {
  return task.containers.find(container => container.name === CONTAINER)?.image
}

async function adopt(task: EcsTask, execution: Execution): Promise<EcsTask> {
  execution.say(`an earlier run started migration task ${task.id} of this image already: it is followed`)
  await tidy(task.taskDefinition, execution)
  return task
}

/**
 * The task definition is there only to start this one task, and a running task needs it no more ("existing tasks …
 * continue to run without disruption", DeregisterTaskDefinition), so it goes before anything can interrupt the run.
 */
async function startTask(step: Migrate, execution: Execution): Promise<EcsTask> {
  const { cloud, stack } = execution
  const { service } = stack.worker
  const taskDefinition = await register(step, execution)
  try {
    const task = await cloud.ecs.runTask({
      cluster: stack.cluster,
      taskDefinition,
      subnets: service.subnets,
      securityGroups: service.securityGroups,
      assignPublicIp: service.assignPublicIp,
      startedBy: startedBy(execution),
      clientToken: hash(taskDefinition),
    })
    execution.say(`ECS started task ${task.id} of ${shortImage(step.image)} (${step.architecture})`)
    return task
  } catch (error) {
    throw new StepFailed(
      `${knownCause([explain(error)])}The migration task could not be started, so nothing was migrated.`,
      [],
      error,
    )
  } finally {
    await tidy(taskDefinition, execution)
  }
}

async function register(step: Migrate, { cloud, stack, say }: Execution): Promise<string> {
  const { taskDefinition: base, container } = stack.worker
  const { environment, secrets, fromWeb, left } = migrateEnvironment(stack)
  const taskDefinition = await cloud.ecs.registerDerived(base, {
    family: familyOf({ stack }),
    from: container.name,
    name: CONTAINER,
    image: step.image,
    // The image's entry point migrates and then runs this: "migrate and exit with status".
    command: ['true'],
    architecture: step.architecture,
    environment,
    secrets,
    tags: { [TAG]: 'migrate' },
  })
  const notes = [
    fromWeb.length > 0 ? `from the web ${fromWeb.join(', ')}` : '',
    left.length > 0 ? `without ${left.join(', ')}` : '',
  ].filter(note => note !== '')
  say(
    `registered ${taskDefinition} (roles, network, size and environment of ${base.arn}${notes.map(note => `; ${note}`).join('')})`,
  )
  return taskDefinition
}

/** Our task definition, and those that killed runs or lost answers left. One that stays is untidy and does no harm. */
async function tidy(taskDefinition: string, execution: Execution): Promise<void> {
  const { cloud, say } = execution
  const left = await cloud.ecs.activeRevisions(familyOf(execution), TAG).catch(() => [])
  for (const arn of new Set([taskDefinition, ...left.map(revision => revision.arn)])) {
    await cloud.ecs.deregister(arn).catch(error => {
      say(
        `Warning: task definition ${arn} could not be deregistered (${explain(error)}): deregister it yourself.`,
      )
    })
  }
}

function logOf(task: EcsTask, { cloud, stack, say }: Execution): TaskLog {
  const { logGroup, logStreamPrefix } = stack.worker.container
  const place =
    logGroup === undefined || logStreamPrefix === undefined
      ? undefined
      : { group: logGroup, stream: `${logStreamPrefix}/${CONTAINER}/${task.id}` }
  return taskLog(cloud, place, { say, secrets: secretsOf(migrateEnvironment(stack).environment) })
}

/** Values that stand in the task definition in the open, and that no log may repeat. */
function secretsOf(environment: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(environment)
    .filter(
      ([name, value]) =>
        /PASSWORD|SECRET|TOKEN|KEY|AUTH|SALT|DATABASE_URL|DIRECT_URL|CONNECTION/.test(name) &&
        value.length >= 6,
    )
    .map(([, value]) => value)
}

/** DescribeTasks until STOPPED, with the log as it comes. */
async function followTask(task: EcsTask, log: TaskLog, execution: Execution): Promise<EcsTask> {
  const { cloud, stack } = execution
  try {
    return await waitFor(
      async () => {
        const seen = await cloud.ecs.task(stack.cluster, task.arn)
        if (seen === undefined) return { state: 'waiting', note: `ECS does not show task ${task.id} yet` }
        if (!BEFORE_ITS_START.has(seen.lastStatus)) await log.more()
        return seen.lastStatus === 'STOPPED'
          ? { state: 'settled', value: seen }
          : { state: 'waiting', note: `task ${task.id} is ${seen.lastStatus}` }
      },
      { ...execution, what: `migration task ${task.id}` },
    )
  } catch (error) {
    const now =
      error instanceof Interrupted
        ? await stop(task, execution)
        : `The task may still run: run this deploy again, it will be followed.`
    throw new Interrupted(`${explain(error)} ${now} ${stateOf(log)}`, { cause: error })
  }
}

const BEFORE_ITS_START = new Set(['PROVISIONING', 'PENDING', 'ACTIVATING'])

async function stop(task: EcsTask, { cloud, stack }: Execution): Promise<string> {
  try {
    await cloud.ecs.stopTask(stack.cluster, task.arn, 'Langfuse Rollout was cancelled or timed out')
    return 'ECS was told to stop the task.'
  } catch (error) {
    return `ECS could not be told to stop the task (${explain(error)}): look at it before you run again.`
  }
}

/** What may be half done, from the last that the log shows. */
function stateOf(log: TaskLog): string {
  const { postgres, postgresDone, clickhouse } = progressOf(log.lines)
  const last = postgres.at(-1)
  if (log.lines.length === 0) return 'Its log shows nothing yet, so probably nothing was migrated.'
  if (!postgresDone && last !== undefined) {
    return `Its log ends with Postgres migration ${last}: if that one did not finish, the next start says P3009 and how to resolve it.`
  }
  if (!postgresDone) return 'Its log shows no Postgres migration yet.'
  const head = clickhouse.at(-1)
  return `Its log shows the Postgres migrations finished${head === undefined ? '' : ` and ClickHouse at version ${head}`}: if a ClickHouse migration was cut off, the next start says "Dirty database version" with its number.`
}

const LOG_PATIENCE_MS = 20_000

/** CloudWatch Logs is some seconds late: the entry point's own last words are waited for. */
async function readToTheEnd(log: TaskLog, ended: EcsTask, { clock, signal }: Execution): Promise<void> {
  const exitCode = exitCodeOf(ended)
  const until = clock.now() + LOG_PATIENCE_MS
  if (!log.readable || exitCode === undefined) return
  while (!hasEnded(log.lines, exitCode) && clock.now() < until && !signal.aborted) {
    await clock.sleep(2_000, signal).catch(() => undefined)
    await log.more().catch(() => undefined)
  }
}

function exitCodeOf(task: EcsTask): number | undefined {
  return task.containers.find(container => container.name === CONTAINER)?.exitCode
}

const EVIDENCE_LINES = 30

/** Exit code 0, and where the log can be read Prisma's own end: another entry point would end well without migrating. */
function assertSuccess(task: EcsTask, log: TaskLog): void {
  const exitCode = exitCodeOf(task)
  const evidence = [...reasonsOf(task), ...log.lines.slice(-EVIDENCE_LINES)]
  if (exitCode === 0) {
    if (log.lines.length === 0 || hasMigrated(log.lines)) return
    throw new StepFailed(
      `The migration task ended with exit code 0, but its log does not show that Prisma ran: look whether the image's entry point is Langfuse's own.`,
      evidence,
    )
  }
  const cause = knownCause(exitCode === undefined ? reasonsOf(task) : evidence)
  const end =
    exitCode === undefined
      ? `The migration task did not start (${task.stoppedReason ?? 'ECS gives no reason'}), so nothing was migrated.`
      : `The migration task ended with exit code ${exitCode}. ${stateOf(log)}`
  throw new StepFailed(`${cause}${end}`, evidence)
}

/** Positive evidence where the databases can be seen: what was to come is there, and nothing is dirty. */
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
  if (clickhouse.known && clickhouse.value.dirty) missing.push('a clean schema version of ClickHouse')
  if (clickhouse.known && head !== undefined && clickhouse.value.head < head)
    missing.push(`ClickHouse migration ${head} (it is at ${clickhouse.value.head})`)
  if (missing.length === 0) return
  throw new StepFailed(
    `The migration task ended with exit code 0, but the databases lack ${missing.join(', ')}: look whether it migrated other databases than those this deploy sees.`,
    [],
  )
}

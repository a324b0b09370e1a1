import type { RerunBackgroundMigrations } from '../plan/plan.ts'
import type { Postgres, Row } from '../ports/databases.ts'
import type { Done, Execution } from './execution.ts'
import { StepFailed } from './execution.ts'
import { followDeployment } from './follow-ecs.ts'
import { type Look, waitFor } from './wait.ts'

/** Re-arms background migrations, restarts the worker, and waits until it has taken them up. */
export async function rerunBackgroundMigrations(
  step: RerunBackgroundMigrations,
  execution: Execution,
): Promise<Done> {
  const { postgres } = execution
  if (postgres === undefined) throw new StepFailed('There is no connection to PostgreSQL.', [])
  await rearm(step, postgres, execution)
  await restart(step, execution)
  const seen = await takenUp(step, postgres, execution)
  const failed = seen.filter(item => ['failed', 'gone', 'idle'].includes(item.state))
  if (failed.length > 0) throw new StepFailed(failed.map(describeFailure).join(' '), [])
  return { sentence: seen.map(item => `${item.name} is ${item.state}`).join(', ') }
}

// Prisma's timestamps have no zone and mean UTC. A worker renews its lock every 15 s and respects one of 60 s
// (worker/src/backgroundMigrations/backgroundMigrationManager.ts).
const LOCKED = "coalesce(locked_at > (now() AT TIME ZONE 'UTC') - interval '60 s', false)"

/**
 * What Langfuse's maintainers advise (langfuse#5776): finished_at and state are cleared, so it starts from its
 * beginning. A row that is open already needs nothing: an earlier run may have been killed after this very update.
 */
async function rearm(
  step: RerunBackgroundMigrations,
  postgres: Postgres,
  execution: Execution,
): Promise<void> {
  const rows = await inSession(
    postgres,
    `UPDATE background_migrations
        SET state = '{}'::jsonb, failed_at = NULL, failed_reason = NULL, finished_at = NULL, locked_at = NULL, worker_id = NULL
      WHERE name = ANY($1) AND (finished_at IS NOT NULL OR failed_at IS NOT NULL) AND NOT ${LOCKED}
      RETURNING name`,
    [step.names],
  )
  const armed = rows.map(row => String(row['name'])).sort()
  execution.say(armed.length === 0 ? 'all of them are open already' : `re-armed ${armed.join(', ')}`)
}

async function restart(step: RerunBackgroundMigrations, execution: Execution): Promise<void> {
  const { cloud, stack } = execution
  // Not of the plan's picture: the worker may have been rolled out since.
  const service = await cloud.ecs.service(stack.cluster, step.service)
  if (service === undefined) throw new StepFailed(`ECS does not show service ${step.service} any more.`, [])
  const { deploymentId } = await cloud.ecs.updateService({
    cluster: stack.cluster,
    service: step.service,
    force: true,
  })
  execution.say(`ECS started deployment ${deploymentId}, which restarts the worker`)
  await followDeployment(step, { deploymentId, taskDefinition: service.taskDefinition }, execution)
}

type Seen = {
  readonly name: string
  /** `queued`: the worker is at another one, and takes one after the other by name. */
  readonly state: 'active' | 'finished' | 'failed' | 'queued' | 'idle' | 'gone'
  readonly reason: string
}

/** The worker looks once, when it starts: what nobody has taken up by then is not taken up at all. */
const TAKE_UP_MS = 3 * 60_000

async function takenUp(
  step: RerunBackgroundMigrations,
  postgres: Postgres,
  execution: Execution,
): Promise<readonly Seen[]> {
  const patience = execution.clock.now() + TAKE_UP_MS
  return waitFor(
    async (): Promise<Look<readonly Seen[]>> => {
      const seen = await lookAt(step.names, postgres)
      const idle = seen.filter(item => item.state === 'idle').map(item => item.name)
      return idle.length === 0 || execution.clock.now() >= patience
        ? { state: 'settled', value: seen }
        : { state: 'waiting', note: `waiting for the worker to take up ${idle.join(', ')}` }
    },
    { ...execution, what: `the worker to take up ${step.names.join(', ')}` },
  )
}

async function lookAt(names: readonly string[], postgres: Postgres): Promise<readonly Seen[]> {
  const rows = await inSession(
    postgres,
    `SELECT name, finished_at IS NOT NULL AS finished, failed_at IS NOT NULL AS failed, failed_reason, ${LOCKED} AS locked
       FROM background_migrations`,
    [],
  )
  const busy = rows.some(isActive)
  return names.map(name => {
    const row = rows.find(item => item['name'] === name)
    const reason = typeof row?.['failed_reason'] === 'string' ? row['failed_reason'] : 'no reason given'
    return { name, state: stateOf(row, busy), reason }
  })
}

/** As Langfuse's own page counts: a failure wins over an end. */
function stateOf(row: Row | undefined, busy: boolean): Seen['state'] {
  if (row === undefined) return 'gone'
  if (row['failed'] === true) return 'failed'
  if (row['finished'] === true) return 'finished'
  if (isActive(row)) return 'active'
  return busy ? 'queued' : 'idle'
}

function isActive(row: Row): boolean {
  return row['locked'] === true && row['finished'] !== true && row['failed'] !== true
}

function describeFailure({ name, state, reason }: Seen): string {
  switch (state) {
    case 'gone':
      return `Background migration ${name} is not in the table any more: a migration of this release has removed it.`
    case 'idle':
      return `The worker was restarted and did not take up background migration ${name}: look for "Error running background migrations" in its log (a script that its image does not have stops all of them), then run again.`
    default:
      return `Background migration ${name} failed again: ${reason}. Remove that cause, then run again.`
  }
}

async function inSession(
  postgres: Postgres,
  sql: string,
  parameters: readonly unknown[],
): Promise<readonly Row[]> {
  const session = await postgres.connect()
  try {
    return await session.run(sql, parameters)
  } finally {
    await session.close()
  }
}

import type { Postgres, Row } from '../ports/databases.ts'
import type { Execution } from './execution.ts'
import { type Poll, waitFor } from './wait.ts'

// Prisma's timestamps have no zone and mean UTC. A worker renews its lock every 15 s and respects one of 60 s
// (worker/src/backgroundMigrations/backgroundMigrationManager.ts).
const LOCKED = "coalesce(locked_at > (now() AT TIME ZONE 'UTC') - interval '60 s', false)"

/**
 * Re-arms background migrations and answers the names of those that it did. As Langfuse's maintainers advise
 * (langfuse#5776), finished_at and state are cleared, so each starts from its beginning. A row that is open already
 * needs nothing: an earlier run may have been killed after this very update.
 */
export async function rearm(names: readonly string[], postgres: Postgres): Promise<readonly string[]> {
  const rows = await inSession(
    postgres,
    `UPDATE background_migrations
        SET state = '{}'::jsonb, failed_at = NULL, failed_reason = NULL, finished_at = NULL, locked_at = NULL, worker_id = NULL
      WHERE name = ANY($1) AND (finished_at IS NOT NULL OR failed_at IS NOT NULL) AND NOT ${LOCKED}
      RETURNING name`,
    [names],
  )
  return rows.map(row => String(row['name'])).sort()
}

export type TakenUp = {
  readonly name: string
  /** `queued`: the worker is at another one, and takes one after the other by name. */
  readonly state: 'active' | 'finished' | 'failed' | 'queued' | 'idle' | 'gone'
  readonly reason: string
}

/** The worker looks once, when it starts: what nobody has taken up by then is not taken up at all. */
const TAKE_UP_MS = 3 * 60_000

type Watching = Pick<Execution, 'clock' | 'deadline' | 'signal' | 'say'> & {
  readonly postgres: Postgres
}

/** Waits until a worker that was restarted has taken them up, or has not. */
export async function watchTakeUp(names: readonly string[], watching: Watching): Promise<readonly TakenUp[]> {
  const { clock, postgres } = watching
  const until = clock.now() + TAKE_UP_MS
  return waitFor(
    async (): Promise<Poll<readonly TakenUp[]>> => {
      const seen = await readTakeUp(names, postgres)
      const idle = seen.filter(item => item.state === 'idle').map(item => item.name)
      return idle.length === 0 || clock.now() >= until
        ? { state: 'settled', value: seen }
        : { state: 'waiting', note: `waiting for the worker to take up ${idle.join(', ')}` }
    },
    { ...watching, what: `the worker to take up ${names.join(', ')}` },
  )
}

async function readTakeUp(names: readonly string[], postgres: Postgres): Promise<readonly TakenUp[]> {
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
function stateOf(row: Row | undefined, busy: boolean): TakenUp['state'] {
  if (row === undefined) return 'gone'
  if (row['failed'] === true) return 'failed'
  if (row['finished'] === true) return 'finished'
  if (isActive(row)) return 'active'
  return busy ? 'queued' : 'idle'
}

function isActive(row: Row): boolean {
  return row['locked'] === true && row['finished'] !== true && row['failed'] !== true
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

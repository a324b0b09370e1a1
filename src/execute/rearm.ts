import type { Postgres, Row } from '../ports/databases.ts'
import { reading, writing } from '../schema/postgres-session.ts'
import { inSchema } from '../schema/quote.ts'
import { type Claim, takeLock } from '../schema/run-lock.ts'
import type { Execution } from './execution.ts'
import { type Poll, waitFor } from './wait.ts'

// Prisma's timestamps have no zone and mean UTC. A worker renews its lock every 15 s and respects one of 60 s
// (worker/src/backgroundMigrations/backgroundMigrationManager.ts).
const LOCKED = "coalesce(locked_at > (now() AT TIME ZONE 'UTC') - interval '60 s', false)"

/**
 * Re-arms background migrations and returns the names of those it changed. Clears finished_at and state, so each starts
 * from its beginning (langfuse#5776). Leaves rows that an earlier run already re-armed.
 */
export async function rearm(
  names: readonly string[],
  { postgres, claim }: { readonly postgres: Postgres; readonly claim: Claim | undefined },
): Promise<readonly string[]> {
  const rows = await writing(postgres, async session => {
    if (claim !== undefined) await takeLock(session, claim)
    return session.run(
      `UPDATE ${tableIn(postgres)}
        SET state = '{}'::jsonb, failed_at = NULL, failed_reason = NULL, finished_at = NULL, locked_at = NULL, worker_id = NULL
      WHERE name = ANY($1) AND (finished_at IS NOT NULL OR failed_at IS NOT NULL) AND NOT ${LOCKED}
      RETURNING name`,
      [names],
    )
  })
  return rows.map(row => String(row['name'])).sort()
}

function tableIn({ at }: Postgres): string {
  return inSchema(at.schema, 'background_migrations')
}

export type TakenUp = {
  readonly name: string
  /** `queued`: the worker runs another one; it runs them one by one, by name. */
  readonly state: 'active' | 'finished' | 'failed' | 'queued' | 'idle' | 'gone'
  readonly reason: string
}

/** The worker reads the table only once, when it starts. */
const TAKE_UP_MS = 3 * 60_000

type Watching = Pick<Execution, 'clock' | 'deadline' | 'signal' | 'say'> & {
  readonly postgres: Postgres
}

/** Waits until a restarted worker has started them, or until it is clear that it does not. */
export async function watchTakeUp(names: readonly string[], watching: Watching): Promise<readonly TakenUp[]> {
  const { clock, postgres } = watching
  const until = clock.now() + TAKE_UP_MS
  return waitFor(
    async (): Promise<Poll<readonly TakenUp[]>> => {
      const seen = await readTakeUp(names, postgres)
      const idle = seen.filter(item => item.state === 'idle').map(item => item.name)
      return idle.length === 0 || clock.now() >= until
        ? { state: 'settled', value: seen }
        : { state: 'waiting', note: `the worker has not started ${idle.join(', ')} yet` }
    },
    { ...watching, what: `the worker to start ${names.join(', ')}` },
  )
}

async function readTakeUp(names: readonly string[], postgres: Postgres): Promise<readonly TakenUp[]> {
  const rows = await reading(postgres, session =>
    session.run(
      `SELECT name, finished_at IS NOT NULL AS finished, failed_at IS NOT NULL AS failed, failed_reason, ${LOCKED} AS locked
       FROM ${tableIn(postgres)}`,
    ),
  )
  const busy = rows.some(isActive)
  return names.map(name => {
    const row = rows.find(item => item['name'] === name)
    const reason = typeof row?.['failed_reason'] === 'string' ? row['failed_reason'] : 'no reason given'
    return { name, state: stateOf(row, busy), reason }
  })
}

/** As Langfuse's own page counts: failed wins over finished. */
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

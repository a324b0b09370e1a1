import { RolloutError } from '../errors/errors.ts'
import { type PostgresSession, type Row, sqlState } from '../ports/databases.ts'
import { createTable, readOnlyRow } from './rollout-schema.ts'

/** The run that changes the stack, in PostgreSQL, where also runs see it that share no deployment records. */
export type RunLock = {
  /** Unique for each run. */
  readonly holder: string
  /** Id of the workflow run, where there is one. */
  readonly run: string | undefined
  /** Attempt of the workflow run: GitHub never runs two of them at the same time. */
  readonly attempt: number
  /** What it does: `deploy of Langfuse 3.0.0`. */
  readonly what: string
  /** ISO times of PostgreSQL's clock. */
  readonly begun: string
  readonly expires: string
  readonly expired: boolean
}

/** What a run writes into the lock. */
export type Claim = Pick<RunLock, 'holder' | 'run' | 'attempt' | 'what'> & {
  /** The lock expires so long after its last heartbeat. */
  readonly seconds: number
  /** The holder of a lock whose run is known to have ended. */
  readonly abandoned: string | undefined
}

const COLUMNS = `holder, run, attempt, what, expires < now() AS expired,
  to_char(begun AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS begun,
  to_char(expires AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS expires`

export async function readLock(session: PostgresSession): Promise<RunLock | undefined> {
  const row = await readOnlyRow(session, 'run_lock', COLUMNS)
  return row && lockOf(row)
}

function lockOf(row: Row): RunLock {
  return {
    holder: String(row['holder']),
    run: typeof row['run'] === 'string' ? row['run'] : undefined,
    attempt: Number(row['attempt']),
    what: String(row['what']),
    begun: String(row['begun']),
    expires: String(row['expires']),
    expired: row['expired'] === true,
  }
}

/**
 * Takes the lock, or renews it. An expired lock, one whose run has ended, and one of an earlier attempt are taken over.
 * @throws RolloutError if another run holds it
 */
export async function takeLock(session: PostgresSession, claim: Claim): Promise<void> {
  await createTable(
    session,
    'run_lock',
    `one boolean PRIMARY KEY DEFAULT true CHECK (one), holder text NOT NULL, run text, attempt integer NOT NULL,
     what text NOT NULL, begun timestamptz NOT NULL, heartbeat timestamptz NOT NULL, expires timestamptz NOT NULL`,
  )
  const { holder, run, attempt, what, seconds, abandoned } = claim
  const taken = await session.run(
    `INSERT INTO langfuse_rollout.run_lock AS held (holder, run, attempt, what, begun, heartbeat, expires)
     VALUES ($1, $2, $3, $4, now(), now(), now() + make_interval(secs => $5))
     ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, run = excluded.run, attempt = excluded.attempt,
       what = excluded.what, heartbeat = excluded.heartbeat, expires = excluded.expires,
       begun = CASE WHEN held.holder = excluded.holder THEN held.begun ELSE excluded.begun END
     WHERE held.holder IN (excluded.holder, $6) OR held.expires < now()
       OR (held.run = excluded.run AND held.attempt < excluded.attempt)
     RETURNING 1`,
    [holder, run ?? null, attempt, what, seconds, abandoned ?? null],
  )
  if (taken.length > 0) return
  const lock = await readLock(session)
  throw new RolloutError(lock === undefined ? 'The lock changed: run again.' : heldBy(lock))
}

/** Names the run, and how a person frees the stack. */
export function heldBy({ run, what, begun, expires }: RunLock): string {
  const who = run === undefined ? 'Another run' : `Workflow run ${run}`
  return `${who} changes this stack (${what}, since ${begun}): it holds the lock in PostgreSQL. Wait until it ends. If it is gone, wait until ${expires}, or run \`DELETE FROM langfuse_rollout.run_lock\`.`
}

/** Also an abandoned lock goes, so that no later run has to wait for it. */
export async function releaseLock(
  session: PostgresSession,
  { holder, abandoned }: Pick<Claim, 'holder' | 'abandoned'>,
): Promise<void> {
  const lock = await readLock(session)
  if (lock === undefined) return
  await session.run('DELETE FROM langfuse_rollout.run_lock WHERE holder IN ($1, $2)', [
    holder,
    abandoned ?? null,
  ])
}

/** The user may not create a schema or a table: insufficient_privilege. */
export function isForbidden(error: unknown): boolean {
  return sqlState(error) === '42501'
}

import { randomBytes } from 'node:crypto'
import { explain, RolloutError } from '../errors/errors.ts'
import type { Plan, Step } from '../plan/plan.ts'
import type { Records } from '../ports/github.ts'
import { writing } from '../schema/postgres-session.ts'
import { type Claim, heldBy, isForbidden, releaseLock, takeLock } from '../schema/run-lock.ts'
import type { Stack } from '../stack/stack.ts'
import type { Connections, Ports } from './ports.ts'
import { otherRun } from './record.ts'
import { UNDO_TIMEOUT_MS } from './undo.ts'

/** Whether this run may change the stack. */
type Turn = {
  /** Why not: another run changes it. */
  readonly busy: string | undefined
  /** The holder of a lock whose run has ended. */
  readonly abandoned: string | undefined
}

export const FREE: Turn = { busy: undefined, abandoned: undefined }

/** Another run shows in the deployment records, or in the lock that the observation found in PostgreSQL. */
export async function turnOf(stack: Stack, records: Records | undefined, ports: Ports): Promise<Turn> {
  const busy = await otherRun(records, ports)
  const lock = stack.postgres.known ? stack.postgres.value.lock : undefined
  if (busy !== undefined || lock === undefined) return { busy, abandoned: undefined }
  const { runner } = ports
  const who = lock.run === undefined ? 'a run' : `workflow run ${lock.run}`
  const takeOver = (why: string): Turn => {
    runner.info(`The lock in PostgreSQL is of ${who} (${lock.what}), which ${why}. This run takes it over.`)
    return { busy: undefined, abandoned: lock.holder }
  }
  if (lock.expired) return takeOver(`let it expire at ${lock.expires}`)
  if (lock.run === undefined) return { busy: heldBy(lock), abandoned: undefined }
  const { run, attempt } = workflowRun(ports)
  if (lock.run === run && lock.attempt < attempt) return takeOver('ran this job before')
  const ended = lock.run !== run && (await records?.isRunning(lock.run)) === false
  return ended ? takeOver('has ended') : { busy: heldBy(lock), abandoned: undefined }
}

type Locking = {
  readonly plan: Plan
  /** What the plan was made from. */
  readonly stack: Stack
  readonly turn: Turn
  readonly connections: Connections
  /** Epoch milliseconds. */
  readonly deadline: number
}

/** A runner inside the VPC renews the lock each minute. */
const HEARTBEAT_MS = 60_000
const WITH_HEARTBEAT_S = 5 * 60
const CANCELLED_MS = 1_000

export function claimOf({ plan, turn, connections, deadline }: Locking, ports: Ports): Claim {
  const { run, attempt } = workflowRun(ports)
  const name = run === undefined ? 'run' : `run-${run}-${attempt}`
  // An agent cannot renew it, so it lasts as long as this run and its rollback may.
  const whole = Math.ceil((deadline - ports.clock.now() + UNDO_TIMEOUT_MS) / 1_000)
  return {
    holder: `${name}-${randomBytes(4).toString('hex')}`,
    run,
    attempt,
    what: plan.action === 'deploy' ? `deploy of Langfuse ${plan.to}` : `rollback to Langfuse ${plan.to}`,
    seconds: connections.postgres === undefined ? whole : WITH_HEARTBEAT_S,
    abandoned: turn.abandoned,
  }
}

function workflowRun({ runner }: Ports): Pick<Claim, 'run' | 'attempt'> {
  return {
    run: runner.environment('GITHUB_RUN_ID'),
    attempt: Number(runner.environment('GITHUB_RUN_ATTEMPT') ?? 1),
  }
}

/**
 * Does `work` while this run holds the lock. Only a runner inside the VPC takes it here; with `network: task` the tasks
 * that run SQL take it, and the last observation releases it.
 * @throws RolloutError if another run holds it; nothing was changed then
 */
export async function holdingLock<Result>(
  claim: Claim,
  { plan, stack, connections }: Locking,
  ports: Ports,
  work: () => Promise<Result>,
): Promise<Result> {
  const { postgres } = connections
  if (postgres === undefined) return work()
  if (stack.proofs.postgres.state !== 'proven') {
    ports.runner.info(
      'Nothing proves that this PostgreSQL is of this stack, so this run takes no lock in it.',
    )
    return work()
  }
  try {
    await writing(postgres, session => takeLock(session, claim))
  } catch (error) {
    if (!isForbidden(error)) throw error
    if (plan.steps.some(runsSql))
      throw new RolloutError(
        "PostgreSQL does not let this run write its lock. The database user must own Langfuse's tables and be allowed to create a schema.",
        { cause: error },
      )
    ports.runner.info('The database user may not write the lock in PostgreSQL. This run changes no database.')
    return work()
  }
  let beat = Promise.resolve()
  const renew = () =>
    writing(postgres, session => takeLock(session, claim)).catch(error =>
      ports.runner.info(`Warning: could not renew the lock in PostgreSQL: ${explain(error)}`),
    )
  const stop = ports.clock.every(HEARTBEAT_MS, () => {
    beat = beat.then(renew)
  })
  try {
    return await work()
  } finally {
    stop()
    await beat
    const released = writing(postgres, session => releaseLock(session, claim)).catch(error =>
      ports.runner.info(`Warning: could not release the lock in PostgreSQL: ${explain(error)}`),
    )
    // A cancelled run has ten seconds, and its summary is still to be written.
    await (ports.signal.aborted ? Promise.race([released, ports.clock.sleep(CANCELLED_MS)]) : released)
  }
}

function runsSql({ kind }: Step): boolean {
  return (
    kind === 'migrate' ||
    kind === 'keep-data' ||
    kind === 'undo-schema' ||
    kind === 'rerun-background-migrations'
  )
}

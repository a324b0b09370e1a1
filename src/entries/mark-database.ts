import { explain } from '../errors/errors.ts'
import { writing } from '../schema/postgres-session.ts'
import { writeMark } from '../schema/rollout-schema.ts'
import type { Stack } from '../stack/stack.ts'
import type { Connections, Ports } from './ports.ts'

/**
 * Marks a database that is proven to be this stack's, so that a later run needs no running worker to prove it. Only over a
 * connection of this runner: the agent needs no proof.
 */
export async function markDatabase(
  { probe: { identity }, proofs, worker }: Stack,
  { postgres }: Connections,
  { runner }: Ports,
): Promise<void> {
  if (postgres === undefined || !identity.known || proofs.postgres.state !== 'proven') return
  const { mark, server } = identity.value
  const wanted = { worker: worker.service.arn, server }
  if (mark?.worker === wanted.worker && mark.server === server) return
  try {
    await writing(postgres, session => writeMark(wanted, session))
    runner.info(`Marked PostgreSQL at ${postgres.address} as the database of ${worker.service.name}.`)
  } catch (error) {
    runner.info(`Warning: could not mark PostgreSQL as the database of this stack: ${explain(error)}`)
  }
}

import { Interrupted } from '../errors/errors.ts'
import type { ClickHouse, Postgres } from '../ports/databases.ts'

/**
 * Which signal ends a request. GitHub kills a cancelled step after ten seconds, so no request may outlive its signal:
 * a read that is under way ends at once, a write may still bring its answer, and what begins afterwards (stopping a
 * deployment, closing the record) has until `lastMs`.
 */
export type Cancel = (kind: 'read' | 'write') => AbortSignal

/** A write that was sent may have happened: its answer says what to stop. */
const WRITE_MS = 2_000

/** @param lastMs milliseconds after the signal at which everything ends */
export function cancelOf(signal: AbortSignal, lastMs: number): Cancel {
  const [soon, last] = [WRITE_MS, lastMs].map(milliseconds => later(signal, milliseconds))
  return kind => (signal.aborted ? last : kind === 'read' ? signal : soon) ?? signal
}

function later(signal: AbortSignal, milliseconds: number): AbortSignal {
  const controller = new AbortController()
  const abort = () => void setTimeout(() => controller.abort(cancelled()), milliseconds).unref()
  signal.addEventListener('abort', abort, { once: true })
  return controller.signal
}

export function cancelled(): Interrupted {
  return new Interrupted('The run was cancelled.')
}

/** Ends the wait for `work` when the signal is aborted; `work` itself has to listen to it too. */
export async function until<Value>(signal: AbortSignal, work: Promise<Value>): Promise<Value> {
  const ended = Promise.withResolvers<never>()
  const end = () => ended.reject(cancelled())
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  try {
    return await Promise.race([work, ended.promise])
  } finally {
    signal.removeEventListener('abort', end)
    // Whoever loses the race must not end the process.
    ended.promise.catch(() => undefined)
    work.catch(() => undefined)
  }
}

/** Statements that a cancelled run no longer waits for. PostgreSQL undoes what is not committed when the process ends. */
export function cancelablePostgres(postgres: Postgres, cancel: Cancel): Postgres {
  const within = <Value>(work: Promise<Value>) => until(cancel('write'), work)
  return {
    address: postgres.address,
    at: postgres.at,
    async connect() {
      const session = await within(postgres.connect())
      return {
        run: (...statement) => within(session.run(...statement)),
        close: () =>
          within(session.close()).catch(error => {
            if (!(error instanceof Interrupted)) throw error
          }),
      }
    },
  }
}

export function cancelableClickHouse(clickhouse: ClickHouse, cancel: Cancel): ClickHouse {
  return {
    address: clickhouse.address,
    ping: options => until(cancel('read'), clickhouse.ping(options)),
    run: (...statement) => until(cancel('write'), clickhouse.run(...statement)),
  }
}

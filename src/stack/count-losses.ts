import type { ClickHouse, Postgres, PostgresSession, Row } from '../ports/databases.ts'
import type { Engine } from '../schema/down-sql.ts'
import { readOnly } from '../schema/postgres-session.ts'
import type { EcsComponent } from './stack.ts'

/** Data that a rollback archives, maps or changes, with the SELECT that counts it. */
export type Loss = {
  readonly store: Engine
  readonly migration: string
  readonly what: string
  readonly sql: string
}

/** undefined: it could not be counted. */
export type CountedLoss = Loss & { readonly count: number | undefined }

/** Counts losses from this runner or by the agent. */
export type CountLosses = (losses: readonly Loss[], worker: EcsComponent) => Promise<readonly CountedLoss[]>

/** A database without an address is undefined. */
export type Databases = {
  readonly postgres: Postgres | undefined
  readonly clickhouse: ClickHouse | undefined
}

type Countable = Pick<Loss, 'store' | 'sql'>
type Counted<Some> = Some & { readonly count: number | undefined }

/** The counts are information only, so no rollback waits longer for them. */
const TIMEOUT_MS = 10_000

/**
 * Counts what a rollback would archive or change. Each SELECT runs by itself: one that fails or times out (a newer
 * migration may have dropped its table) leaves only its own count undefined.
 */
export async function countLosses<Some extends Countable>(
  losses: readonly Some[],
  { postgres, clickhouse }: Databases,
): Promise<readonly Counted<Some>[]> {
  const inPostgres = losses.filter(({ store }) => store === 'postgres')
  const inClickHouse = losses.filter(({ store }) => store === 'clickhouse')
  return [
    ...(postgres === undefined ? inPostgres.map(open) : await countInPostgres(inPostgres, postgres)),
    ...(await Promise.all(
      inClickHouse.map(loss =>
        clickhouse === undefined
          ? open(loss)
          : counted(loss, () => clickhouse.run(loss.sql, { timeoutMs: TIMEOUT_MS })),
      ),
    )),
  ]
}

async function countInPostgres<Some extends Countable>(
  losses: readonly Some[],
  postgres: Postgres,
): Promise<readonly Counted<Some>[]> {
  if (losses.length === 0) return []
  const session = await postgres.connect()
  try {
    const found: Counted<Some>[] = []
    for (const loss of losses) found.push(await counted(loss, () => countOnce(session, loss.sql)))
    return found
  } finally {
    await session.close()
  }
}

function countOnce(session: PostgresSession, sql: string): Promise<readonly Row[]> {
  return readOnly(session, async () => {
    await session.run(`SET LOCAL statement_timeout = ${TIMEOUT_MS}`)
    return session.run(sql)
  })
}

function open<Some>(loss: Some): Counted<Some> {
  return { ...loss, count: undefined }
}

async function counted<Some>(loss: Some, run: () => Promise<readonly Row[]>): Promise<Counted<Some>> {
  try {
    const [row] = await run()
    const count = Number(Object.values(row ?? {})[0])
    return Number.isSafeInteger(count) ? { ...loss, count } : open(loss)
  } catch {
    return open(loss)
  }
}

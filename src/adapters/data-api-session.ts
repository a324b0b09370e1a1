import type { PostgresSession, Row } from '../ports/databases.ts'
import { concurrentIndex } from '../schema/down-sql.ts'
import { quoteLiteral } from '../schema/quote.ts'
import { splitStatements } from '../schema/sql-text.ts'
import { answersNothing, isRead, kindOf, prepare, withKnownTypes } from './data-api-sql.ts'

/** The calls of the Data API. Errors are thrown as {@link SqlError} or {@link CallFailed}. */
export type Calls = {
  begin(): Promise<string>
  commit(transaction: string): Promise<void>
  rollback(transaction: string): Promise<void>
  /** One statement, in a transaction or by itself; it goes on when the call has run into its time limit. */
  execute(
    sql: string,
    options: { readonly transaction?: string | undefined; readonly texts?: Readonly<Record<string, string>> },
  ): Promise<readonly Row[]>
}

/** What PostgreSQL says of a statement; `code` is its SQLSTATE. */
export class SqlError extends Error {
  readonly code: string | undefined
  readonly detail: string | undefined
  readonly hint: string | undefined

  constructor(
    message: string,
    about: {
      readonly code?: string | undefined
      readonly detail?: string | undefined
      readonly hint?: string | undefined
    } = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? {} : { cause })
    this.code = about.code
    this.detail = about.detail
    this.hint = about.hint
  }
}

/**
 * A call that PostgreSQL did not answer. `timed-out`: its statement goes on; `busy`: that of an earlier call does;
 * `gone`: there is no such transaction (any more); `unsure`: it may have been carried out or not.
 */
export class CallFailed extends Error {
  readonly kind: 'timed-out' | 'busy' | 'gone' | 'unsure'

  constructor(kind: CallFailed['kind'], message: string, cause: unknown) {
    super(message, { cause })
    this.kind = kind
  }
}

/** Time, so that a test need not wait. */
export type Time = {
  sleep(ms: number): Promise<void>
  every(ms: number, work: () => void): () => void
}

/** A transaction without a call is rolled back after three minutes. */
const KEEP_ALIVE_MS = 45_000

/**
 * The locks of a run that was killed would stand in everybody's way until then; PostgreSQL itself ends its transaction
 * earlier. Between two statements of a run that lives lie milliseconds.
 */
const LOST_AFTER = '60s'

const LOOK_AGAIN_MS = 1_000

/** Errors of PostgreSQL: https://www.postgresql.org/docs/15/errcodes-appendix.html */
const IN_FAILED_TRANSACTION = '25P02'
const CONNECTION_FAILURE = '08006'
const QUERY_CANCELED = '57014'

/**
 * A session of PostgreSQL made of calls that share nothing but a transaction: what is set is set again in each
 * transaction, and what a session would hold (Prisma's advisory lock) a transaction of its own holds.
 * @param given settings that every transaction begins with
 */
export function openSession(
  calls: Calls,
  time: Time,
  given: Readonly<Record<string, string>> = {},
): PostgresSession {
  const session: Session = {
    calls,
    time,
    settings: new Map(Object.entries(given)),
    open: undefined,
    lock: undefined,
  }
  let before: Promise<unknown> = Promise.resolve()
  return {
    pooled: true,
    run(sql, parameters = []) {
      const work = () => run(session, splitStatements(sql, 'postgres'), parameters)
      const result = before.then(work, work) // a transaction takes one call at a time
      before = result
      return result
    },
    async close() {
      const { open, lock } = session
      session.open = undefined
      session.lock = undefined
      lock?.rest()
      for (const transaction of [open, lock]) {
        // One that cannot be rolled back any more is gone.
        if (transaction !== undefined) await calls.rollback(transaction.id).catch(() => undefined)
      }
    },
  }
}

type Session = {
  readonly calls: Calls
  readonly time: Time
  readonly settings: Map<string, string>
  open: Transaction | undefined
  lock: Lock | undefined
}

type Transaction = {
  readonly id: string
  /** What is set in it for the session, which counts once it is committed. */
  readonly pending: Map<string, string>
  failed: boolean
}

type Lock = {
  readonly id: string
  lost: unknown
  /** Ends the calls that keep it. */
  rest(): void
}

async function run(
  session: Session,
  statements: readonly string[],
  parameters: readonly unknown[],
): Promise<readonly Row[]> {
  const control = statements.some(statement => ['begin', 'commit', 'rollback'].includes(kindOf(statement).is))
  // PostgreSQL carries several statements of one message out in one transaction.
  if (session.open === undefined && statements.length > 1 && !control) {
    return transaction(session, () => each(session, statements, parameters))
  }
  return each(session, statements, parameters)
}

async function each(
  session: Session,
  statements: readonly string[],
  parameters: readonly unknown[],
): Promise<readonly Row[]> {
  let rows: readonly Row[] = []
  for (const statement of statements) rows = await one(session, statement, parameters)
  return rows
}

async function one(
  session: Session,
  statement: string,
  parameters: readonly unknown[],
): Promise<readonly Row[]> {
  const kind = kindOf(statement)
  switch (kind.is) {
    case 'begin':
      await begin(session, kind.options)
      return []
    case 'commit':
      await commit(session)
      return []
    case 'rollback':
      await rollback(session)
      return []
    case 'set':
      return set(session, kind.name, kind.value)
    case 'set-config':
      return setComputed(session, kind.name, kind.sql, parameters)
    case 'advisory-lock':
      return takeLock(session, kind, parameters)
    case 'alone':
      return alone(session, statement)
    case 'plain':
      return plain(session, statement, parameters)
  }
}

async function plain(
  session: Session,
  statement: string,
  parameters: readonly unknown[],
): Promise<readonly Row[]> {
  if (session.open !== undefined) return inTransaction(session, session.open, statement, parameters)
  if (session.settings.size === 0 && isRead(statement)) {
    const { sql, texts } = prepare(statement, parameters)
    return twice(() => session.calls.execute(sql, { texts }))
  }
  const work = () => transaction(session, () => one(session, statement, parameters))
  return isRead(statement) ? twice(work) : work()
}

/** What only reads may as well run again when nobody knows what has become of it. */
async function twice<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof CallFailed) || error.kind === 'timed-out') throw tooLong(error)
    return work()
  }
}

function tooLong(error: unknown): unknown {
  return error instanceof CallFailed && error.kind === 'timed-out'
    ? new SqlError('A query took longer than a call of the Data API may.', { code: QUERY_CANCELED }, error)
    : error
}

async function transaction<Result>(session: Session, work: () => Promise<Result>): Promise<Result> {
  await begin(session, '')
  try {
    const result = await work()
    await commit(session)
    return result
  } catch (error) {
    await rollback(session)
    throw error
  }
}

async function begin(session: Session, options: string): Promise<void> {
  if (session.open !== undefined) throw new SqlError('There is a transaction already.', { code: '25001' })
  const open: Transaction = { id: await session.calls.begin(), pending: new Map(), failed: false }
  session.open = open
  try {
    for (const sql of beginningOf(session.settings, options)) {
      await inTransaction(session, open, sql, [])
    }
  } catch (error) {
    await rollback(session)
    throw error
  }
}

/** What a transaction may do has to be said before its first query. */
function beginningOf(settings: ReadonlyMap<string, string>, options: string): readonly string[] {
  const isolation = settings.get('default_transaction_isolation')
  const readOnly = settings.get('default_transaction_read_only')
  const modes = [
    ...(isolation === undefined ? [] : [`ISOLATION LEVEL ${isolation.toUpperCase()}`]),
    ...(readOnly === undefined ? [] : [/^(off|false|no|0)$/i.test(readOnly) ? 'READ WRITE' : 'READ ONLY']),
  ]
  const all: readonly (readonly [string, string])[] = [
    ...[...settings].filter(([name]) => !name.startsWith('default_transaction_')),
    ['idle_in_transaction_session_timeout', LOST_AFTER],
  ]
  return [
    ...(modes.length === 0 ? [] : [`SET TRANSACTION ${modes.join(', ')}`]),
    ...(options.trim() === '' ? [] : [`SET TRANSACTION ${options}`]),
    settingsSql(all),
  ]
}

function settingsSql(settings: readonly (readonly [string, string])[]): string {
  const calls = settings.map(
    ([name, value], index) => `set_config('${name}', ${quoteLiteral(value)}, true) AS setting${index + 1}`,
  )
  return `SELECT ${calls.join(', ')}`
}

async function commit(session: Session): Promise<void> {
  const { open, calls } = session
  if (open === undefined) return
  if (open.failed) {
    await rollback(session)
    throw new SqlError('The transaction had failed, so it was rolled back.', { code: IN_FAILED_TRANSACTION })
  }
  const [row] = await calls.execute('SELECT pg_current_xact_id_if_assigned()::text AS number', {
    transaction: open.id,
  })
  await proveLock(session)
  await ended(session, open, row?.['number'])
  session.open = undefined
  for (const [name, value] of open.pending) session.settings.set(name, value)
}

const COMMIT_ATTEMPTS = 10

/**
 * Commits. What became of a transaction whose end was not heard of PostgreSQL knows by its number; one without a number
 * wrote nothing.
 */
async function ended({ calls, time }: Session, { id }: Transaction, number: unknown): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await calls.commit(id)
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error
      if (typeof number !== 'string') return
      const sql = `SELECT pg_xact_status(${quoteLiteral(number)}::xid8) AS status`
      const [row] = await twice(() => calls.execute(sql, {}))
      if (row?.['status'] === 'committed') return
      if (row?.['status'] !== 'in progress' || attempt >= COMMIT_ATTEMPTS) throw lostAs(error)
      await time.sleep(LOOK_AGAIN_MS)
    }
  }
}

async function rollback(session: Session): Promise<void> {
  const { open, calls } = session
  session.open = undefined
  // What cannot be rolled back any more is gone, and what nobody asks for is rolled back in three minutes.
  if (open !== undefined) await calls.rollback(open.id).catch(() => undefined)
}

async function inTransaction(
  session: Session,
  open: Transaction,
  statement: string,
  parameters: readonly unknown[],
): Promise<readonly Row[]> {
  demandLock(session)
  const { sql, texts } = prepare(withKnownTypes(statement), parameters)
  try {
    return await session.calls.execute(sql, { transaction: open.id, texts })
  } catch (error) {
    if (error instanceof CallFailed && error.kind === 'timed-out') {
      return outlasted(session, open, statement, error)
    }
    open.failed = true
    throw lostAs(error)
  }
}

/** Waits for a statement that its call has not: the transaction takes no other meanwhile, and then says how it was. */
async function outlasted(
  { calls, time }: Session,
  open: Transaction,
  statement: string,
  cause: unknown,
): Promise<readonly Row[]> {
  for (;;) {
    await time.sleep(LOOK_AGAIN_MS)
    try {
      await calls.execute('SELECT 1 AS one', { transaction: open.id })
      break
    } catch (error) {
      if (error instanceof CallFailed && error.kind === 'busy') continue
      open.failed = true
      throw error instanceof SqlError && error.code === IN_FAILED_TRANSACTION
        ? new SqlError(
            'A statement that took longer than a call of the Data API may has failed, and its reason is not known.',
            { code: QUERY_CANCELED },
            cause,
          )
        : lostAs(error)
    }
  }
  if (answersNothing(statement)) return []
  open.failed = true
  throw tooLong(cause)
}

/** A transaction that is not to be found, or of which nobody knows, is what a lost connection is elsewhere. */
function lostAs(error: unknown): unknown {
  if (!(error instanceof CallFailed)) return error
  return new SqlError(
    'The transaction was lost, and PostgreSQL rolls it back.',
    { code: CONNECTION_FAILURE },
    error,
  )
}

async function set(session: Session, name: string, value: string): Promise<readonly Row[]> {
  if (session.open === undefined) session.settings.set(name, value)
  else {
    await inTransaction(session, session.open, settingsSql([[name, value]]), [])
    session.open.pending.set(name, value)
  }
  return []
}

async function setComputed(
  session: Session,
  name: string,
  sql: string,
  parameters: readonly unknown[],
): Promise<readonly Row[]> {
  if (session.open === undefined) {
    return transaction(session, async () => setComputed(session, name, sql, parameters))
  }
  const rows = await inTransaction(session, session.open, sql, parameters)
  const value = Object.values(rows[0] ?? {})[0]
  if (typeof value === 'string') session.open.pending.set(name, value)
  return rows
}

async function takeLock(
  session: Session,
  { sql, column }: { readonly sql: string; readonly column: string },
  parameters: readonly unknown[],
): Promise<readonly Row[]> {
  const { calls, settings, time } = session
  const id = await calls.begin()
  try {
    const lasting = [...settings].filter(([name]) => /_timeout$/.test(name))
    await calls.execute(settingsSql([...lasting, ['idle_in_transaction_session_timeout', '0']]), {
      transaction: id,
    })
    const prepared = prepare(sql, parameters)
    const rows = await calls.execute(prepared.sql, { transaction: id, texts: prepared.texts })
    if (rows[0]?.[column] !== true) {
      await calls.rollback(id).catch(() => undefined)
      return rows
    }
    await calls.execute(KEEP, { transaction: id })
    const rest = time.every(KEEP_ALIVE_MS, () => {
      proveLock(session).catch(() => undefined) // who works next is told
    })
    session.lock = { id, lost: undefined, rest }
    return rows
  } catch (error) {
    await calls.rollback(id).catch(() => undefined)
    throw lostAs(error)
  }
}

/**
 * Not a query: the snapshot of a transaction's last query may be kept until the next statement, and CREATE INDEX
 * CONCURRENTLY waits for whoever has an older one.
 */
const KEEP = 'SET LOCAL statement_timeout = 0'

/** A call keeps the lock's transaction for three minutes more; without it nothing may be committed. */
async function proveLock(session: Session): Promise<void> {
  const { lock, calls } = session
  if (lock === undefined) return
  try {
    if (lock.lost === undefined) await calls.execute(KEEP, { transaction: lock.id })
  } catch (error) {
    // Another look at the same time is no loss; any other answer may be one.
    if (!(error instanceof CallFailed) || error.kind !== 'busy') lock.lost = error
  }
  demandLock(session)
}

function demandLock({ lock }: Session): void {
  if (lock?.lost === undefined) return
  throw new SqlError(
    "Prisma's migration lock was lost: the transaction that held it is gone.",
    { code: CONNECTION_FAILURE },
    lock.lost,
  )
}

/** Outside of a transaction nothing can be set, and what comes of a statement whose call ended before it is looked at. */
async function alone(session: Session, statement: string): Promise<readonly Row[]> {
  demandLock(session)
  if (session.open !== undefined)
    throw new SqlError('This cannot run inside a transaction.', { code: '25001' })
  const { sql } = prepare(statement, [])
  try {
    return await session.calls.execute(sql, {})
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error
    if (await hasMadeIndex(session, sql)) return []
    throw new SqlError(
      'A statement did not come to its end, or nobody knows how it ended: run it again.',
      {},
      error,
    )
  }
}

async function hasMadeIndex({ calls, time, settings }: Session, sql: string): Promise<boolean> {
  const beginning = quoteLiteral(sql.slice(0, 200))
  const running = `SELECT count(*)::int AS running FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND state = 'active' AND position(${beginning} in query) > 0`
  const patience = Number(settings.get('statement_timeout') ?? 0)
  for (let waited = 0; ; waited += LOOK_AGAIN_MS) {
    const [row] = await calls.execute(running, {})
    if (Number(row?.['running'] ?? 0) === 0) break
    if (patience > 0 && waited >= patience) return false
    await time.sleep(LOOK_AGAIN_MS)
  }
  const made = concurrentIndex(sql)
  if (made === undefined) return false
  const [row] = await calls.execute(
    `SELECT coalesce(bool_and(i.indisvalid), false) AS valid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
     WHERE c.relname = ${quoteLiteral(made.index)} AND c.relnamespace = 'public'::regnamespace`,
    {},
  )
  return row?.['valid'] === true
}

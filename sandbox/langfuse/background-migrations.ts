import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import { gateIsOpen } from '../../src/release/v4-flags.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { type Copy, copies } from './background-copies.ts'
import { backfillCosts } from './background-costs.ts'
import { type ClickHouseClient, clickhouseClient } from './clickhouse-http.ts'
import { atLeast, type Environment, setVariable } from './environment.ts'
import { busy } from './world-time.ts'

type Options = {
  readonly pool: Pool
  readonly env: Environment
  readonly release: string
  readonly log: (line: string) => void
  /** Between two looks for a ClickHouse table that is not there yet; Langfuse's own 10 s by default. */
  readonly retryMilliseconds?: number
}

export type BackgroundMigrations = {
  /** Settles when the manager has nothing to do any more; it does not start again by itself. Never rejects. */
  readonly done: Promise<void>
  /** Aborts the running one and gives its lock back, so that the next worker can resume it. */
  close(): Promise<void>
}

type Row = { readonly id: string; readonly name: string; readonly script: string; readonly args: Arguments }
type Arguments = Readonly<Record<string, unknown>>
type Manager = Options & { readonly workerId: string; readonly abort: AbortSignal; active: Row | undefined }

/** Copies and backfills of one script in the worker's image. */
type Script = {
  validate(manager: Manager): Promise<string | undefined>
  run(manager: Manager, row: Row): Promise<void>
}

const lockSeconds = 60
const heartbeatMilliseconds = 15_000

/**
 * The worker's background migration manager: once at start it takes the unfinished, not failed rows of
 * `background_migrations` by name, one after the other, unless the first of them was locked less than 60 s ago.
 */
export function startBackgroundMigrations(options: Options): BackgroundMigrations {
  const abort = new AbortController()
  const manager: Manager = { ...options, workerId: randomUUID(), abort: abort.signal, active: undefined }
  const heartbeat = setInterval(() => void beat(manager), heartbeatMilliseconds)
  const done = busy(() => runAll(manager))
    .catch((error: unknown) => options.log(`error\tError running background migrations ${reason(error)}`))
    .finally(() => clearInterval(heartbeat))
  return {
    done,
    close: async () => {
      abort.abort()
      await release(manager).catch(() => undefined)
      await done
    },
  }
}

async function runAll(manager: Manager): Promise<void> {
  while (!manager.abort.aborted) {
    const row = await acquire(manager)
    if (row === undefined) return
    manager.active = row
    await carryOut(manager, row)
    manager.active = undefined
  }
}

/** Locks the next row in a serializable transaction. A script that the image does not have stops the whole manager. */
async function acquire({ pool, env, release, workerId, log }: Manager): Promise<Row | undefined> {
  const client = await pool.connect()
  // A client that is checked out has no listener of the pool's: a lost connection must not end the worker.
  const ignore = () => undefined
  client.on('error', ignore)
  try {
    await client.query('BEGIN ISOLATION LEVEL SERIALIZABLE')
    const { rows } = await client.query<Row & { locked: boolean }>(
      `SELECT id, name, script, args, coalesce(locked_at > (now() AT TIME ZONE 'UTC') - interval '${lockSeconds} s', false) AS locked
         FROM background_migrations WHERE finished_at IS NULL AND failed_at IS NULL ORDER BY name`,
    )
    const row = rows.find(each => isOpen(each.args, env, release))
    if (row === undefined || row.locked) {
      log('info\t[Background Migration] No background migrations to run')
      await client.query('ROLLBACK')
      return undefined
    }
    log(`info\t[Background Migration] Found background migrations ${row.name} to run`)
    await client.query(
      `UPDATE background_migrations SET worker_id = $2, locked_at = now() AT TIME ZONE 'UTC' WHERE id = $1`,
      [row.id, workerId],
    )
    log(`info\t[Background Migration] Acquired lock for background migration ${row.name}`)
    if (scriptOf(row.script, release) === undefined) throw new Error(`Cannot find module './${row.script}'`)
    await client.query('COMMIT')
    return row
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  } finally {
    client.off('error', ignore)
    client.release()
  }
}

// Rows with an envGate stay dormant until that variable is "true"; workers know gates since 3.203.0.
function isOpen(args: Arguments, env: Environment, release: string): boolean {
  const gate = args.envGate
  if (typeof gate !== 'string' || !atLeast(release, '3.203.0')) return true
  return gateIsOpen(gate, setVariable(env, gate), release)
}

async function carryOut(manager: Manager, row: Row): Promise<void> {
  const script = scriptOf(row.script, manager.release)
  if (script === undefined) return
  const invalid = await script.validate(manager)
  if (manager.abort.aborted) return
  if (invalid !== undefined) {
    manager.log(
      `error\t[Background Migration] Validation failed for background migration ${row.name}: ${invalid}`,
    )
    return fail(manager, row, invalid)
  }
  try {
    await script.run(manager, row)
  } catch (error) {
    if (manager.abort.aborted) return
    manager.log(
      `error\t[Background Migration] Failed to run background migration ${row.name}: ${reason(error)}`,
    )
    return fail(manager, row, reason(error))
  }
  if (manager.abort.aborted) return
  await update(manager, row, `finished_at = now() AT TIME ZONE 'UTC', locked_at = NULL`)
  manager.log(`info\t[Background Migration] Finished background migration ${row.name}`)
}

async function fail(manager: Manager, row: Row, why: string): Promise<void> {
  await update(manager, row, `failed_at = now() AT TIME ZONE 'UTC', locked_at = NULL, failed_reason = $3`, [
    why,
  ])
}

async function beat(manager: Manager): Promise<void> {
  const { active } = manager
  if (active === undefined) return
  await update(manager, active, `locked_at = now() AT TIME ZONE 'UTC'`).catch(() => undefined)
}

async function release(manager: Manager): Promise<void> {
  const { active } = manager
  if (active === undefined) return
  await update(manager, active, 'locked_at = NULL')
  manager.log(`info\t[Background Migration] Aborted active migration ${active.name}`)
}

async function update(
  { pool, workerId }: Manager,
  row: Row,
  assignments: string,
  values: readonly string[] = [],
): Promise<void> {
  await pool.query(
    `UPDATE background_migrations SET ${assignments} WHERE id = $1 AND worker_id = $2 AND finished_at IS NULL`,
    [row.id, workerId, ...values],
  )
}

/**
 * The scripts inside a worker image: those of the rows that the release's own migrations leave. Of these, the stand-in
 * does the copies of 2024; the others have nothing to work on here, and are over at once.
 */
function scriptOf(name: string, release: string): Script | undefined {
  const known = catalog.backgroundMigrations(release).some(({ script }) => script === name)
  if (!known) return undefined
  if (name === 'addGenerationsCostBackfill') return costScript
  const copy = copies[name]
  return copy === undefined ? emptyScript : copyScript(copy)
}

const catalog = loadCatalog(new URL('../../', import.meta.url))

const emptyScript: Script = {
  validate: async () => undefined,
  run: async () => undefined,
}

const costScript: Script = {
  validate: async () => undefined,
  run: ({ pool }) => backfillCosts(pool),
}

function copyScript(copy: Copy): Script {
  return {
    validate: manager => validateCopy(manager, copy),
    run: (manager, row) => runCopy(manager, row, copy),
  }
}

/** Since 3.0.0 a missing table is looked for again, five times: the web container may still be migrating. */
async function validateCopy(manager: Manager, copy: Copy): Promise<string | undefined> {
  const clickhouse = clickhouseOf(manager.env)
  if (clickhouse === undefined) return 'Clickhouse credentials must be configured to perform migration'
  const attempts = atLeast(manager.release, '3.0.0') ? 5 : 0
  for (let attempt = 0; attempt <= attempts; attempt += 1) {
    const tables = await clickhouse.query('SHOW TABLES')
    if (tables.some(table => table.name === copy.table)) return undefined
    if (attempt === attempts || manager.abort.aborted) break
    manager.log(`info\tClickHouse ${copy.table} table does not exist. Retrying in 10s...`)
    await sleep(manager.retryMilliseconds ?? 10_000, undefined, { signal: manager.abort }).catch(
      () => undefined,
    )
  }
  return `ClickHouse ${copy.table} table does not exist`
}

/** From the newest row to the oldest in batches; the state remembers how far it came, so that it can be resumed. */
async function runCopy(manager: Manager, row: Row, copy: Copy): Promise<void> {
  const clickhouse = clickhouseOf(manager.env)
  if (clickhouse === undefined)
    throw new Error('Clickhouse credentials must be configured to perform migration')
  const batchSize = Number(row.args.batchSize ?? 5_000)
  let maxDate = await resumeFrom(manager, row)
  while (!manager.abort.aborted) {
    const batch = await manager.pool.query<Record<string, unknown>>(copy.select, [maxDate, batchSize])
    if (batch.rows.length > 0) {
      const lines = batch.rows.map(each => JSON.stringify(copy.convert(each)))
      await clickhouse.execute(`INSERT INTO ${copy.table} FORMAT JSONEachRow`, lines.join('\n'))
      maxDate = String(batch.rows.at(-1)?.copied_until)
      await manager.pool.query(
        `UPDATE background_migrations SET state = jsonb_build_object('maxDate', $2::text) WHERE id = $1`,
        [row.id, maxDate],
      )
    }
    manager.log(`info\tCopied ${batch.rows.length} rows of ${copy.table} from Postgres to ClickHouse`)
    if (batch.rows.length < batchSize) return
  }
}

async function resumeFrom({ pool }: Manager, row: Row): Promise<string> {
  const { rows } = await pool.query<{ state: { readonly maxDate?: string } }>(
    'SELECT state FROM background_migrations WHERE id = $1',
    [row.id],
  )
  const given = rows[0]?.state.maxDate ?? row.args.maxDate
  return typeof given === 'string' ? given : new Date().toISOString()
}

function clickhouseOf(env: Environment): ClickHouseClient | undefined {
  const url = setVariable(env, 'CLICKHOUSE_URL')
  const user = setVariable(env, 'CLICKHOUSE_USER')
  const password = setVariable(env, 'CLICKHOUSE_PASSWORD')
  if (url === undefined || user === undefined || password === undefined) return undefined
  return clickhouseClient({ url, user, password, database: setVariable(env, 'CLICKHOUSE_DB') ?? 'default' })
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

import { explain } from '../errors/errors.ts'
import type { ClickHouse, Postgres, Row, Valkey } from '../ports/databases.ts'
import type { Http, Names } from '../ports/http.ts'
import { reading } from '../schema/postgres-session.ts'
import { type DeepProbe, runDeepProbe, unseenDeepProbe } from './deep-probe.ts'
import { aliasesOf, clockOf, readIdentity } from './identity.ts'
import {
  inStore,
  NO_CLICKHOUSE,
  observeClickHouse,
  observePostgres,
  observeValkey,
} from './observe-databases.ts'
import { observeWebInside, type WebAddresses } from './observe-health.ts'
import type {
  ClickHouseState,
  EcsComponent,
  Mount,
  Observed,
  PostgresState,
  Probe,
  Unseen,
  WorkerHealth,
} from './stack.ts'
import { known, observed, unknown } from './stack.ts'

/** What only a process inside the VPC can observe. */
export type Inside = {
  readonly postgres: Observed<PostgresState>
  readonly clickhouse: Observed<ClickHouseState>
  /** Without the mount, which needs a task of its own. */
  readonly probe: Omit<Probe, 'mount'>
}

/** Probes inside the VPC: this process, or the agent in a one-off task. Never throws. */
export type ProbeInside = (
  worker: EcsComponent,
  deepProbe: boolean | undefined,
  web: WebAddresses,
) => Promise<Inside>

/** Mounts ClickHouse's volume in a task with ClickHouse's network and role. Never throws. */
export type ProbeMount = (worker: EcsComponent, clickhouse: EcsComponent) => Promise<Observed<Mount>>

/** The clients of the probe; a store without an address is undefined. */
type Stores = {
  readonly postgres: Postgres | undefined
  readonly clickhouse: ClickHouse | undefined
  readonly valkey: Valkey | undefined
  readonly names: Names
  readonly http: Http
  /** The canary's public key, to see whether it belongs to this database. */
  readonly publicKey?: string | undefined
  /** The host of PostgreSQL in the worker's settings, where this process does not have them by itself. */
  readonly configuredHost?: string | undefined
  /** Why a store has no address, unless an input is empty. */
  readonly missing?: { readonly postgres: string; readonly clickhouse: string; readonly valkey: string }
}

/** The health endpoint of a worker task. */
export type WorkerAddress = { readonly task: string; readonly url: string }

/** Probes all stores in parallel from this process. Reads only. */
export async function probeInside(
  stores: Stores,
  { workers, web }: { readonly workers: readonly WorkerAddress[]; readonly web: readonly string[] },
  deepProbe = false,
): Promise<Inside> {
  const { missing } = stores
  const clickhouse = stores.clickhouse && withShortTimeout(stores.clickhouse)
  const [postgres, state, name, ping, disks, tables, valkey, use, webHealth, deep] = await Promise.all([
    observePostgres(stores.postgres, missing?.postgres),
    observeClickHouse(clickhouse, missing?.clickhouse),
    observeName(clickhouse, stores.names),
    inStore(clickhouse, NO_CLICKHOUSE, store => store.ping()),
    inStore(clickhouse, NO_CLICKHOUSE, readDisks),
    inStore(clickhouse, NO_CLICKHOUSE, readTables),
    observeValkey(stores.valkey, missing?.valkey),
    observeUse(stores, workers),
    observeWebInside(web, stores.http),
    deepProbe ? runDeepProbe({ ...stores, clickhouse }) : NO_DEEP_PROBE,
  ])
  return {
    postgres,
    clickhouse: state,
    probe: { ...use, name, ping, disks, tables, valkey, web: webHealth, deepProbe: deep },
  }
}

const NO_DEEP_PROBE: DeepProbe = unseenDeepProbe('this run does not probe it', 'not-asked')

/** The worker's running tasks with the port of its health endpoint (`PORT`, 3030 in Langfuse's image). */
export function workerAddresses({ tasks, container }: EcsComponent): readonly WorkerAddress[] {
  const port = container.environment['PORT'] || '3030'
  return tasks.flatMap(({ id, address, lastStatus }) =>
    address === undefined || lastStatus !== 'RUNNING'
      ? []
      : [{ task: id, url: `http://${address}:${port}/api/health` }],
  )
}

/** Nothing inside was observed, all for the same reason. */
export function unseenInside(reason: string, because: Unseen): Inside {
  const nothing = unknown<never>(reason, because)
  return {
    postgres: nothing,
    clickhouse: nothing,
    probe: {
      identity: nothing,
      name: nothing,
      ping: nothing,
      disks: nothing,
      tables: nothing,
      valkey: nothing,
      workers: nothing,
      web: nothing,
      deepProbe: unseenDeepProbe(reason, because),
    },
  }
}

/** All statements are small: a ClickHouse that takes longer is not healthy. */
const PROBE_TIMEOUT_MS = 12_000

function withShortTimeout(clickhouse: ClickHouse): ClickHouse {
  return {
    address: clickhouse.address,
    ping: () => clickhouse.ping({ timeoutMs: PROBE_TIMEOUT_MS }),
    run: (sql, options) => clickhouse.run(sql, { timeoutMs: PROBE_TIMEOUT_MS, ...options }),
  }
}

async function observeName(clickhouse: ClickHouse | undefined, names: Names): Promise<Probe['name']> {
  if (clickhouse === undefined) return unknown(NO_CLICKHOUSE, 'not-asked')
  const name = clickhouse.address.replace(/:\d+$/, '')
  const read = async () => ({ name, addresses: await names.resolve(name) })
  return observed('the resolver of the VPC', read, { failed: `${name} has no address inside the VPC: ` })
}

async function readDisks(clickhouse: ClickHouse) {
  const rows = await clickhouse.run('SELECT name, free_space AS free, total_space AS total FROM system.disks')
  return rows.map(row => ({
    name: String(row['name']),
    free: number(row, 'free'),
    total: number(row, 'total'),
  }))
}

async function readTables(clickhouse: ClickHouse) {
  const rows = await clickhouse.run(
    `SELECT database, name, engine, total_rows AS rows, total_bytes AS bytes FROM system.tables
     WHERE database = currentDatabase() OR (database = 'system' AND name LIKE '%\\_log%')
     ORDER BY database, name`,
  )
  if (rows.some(row => typeof row['name'] !== 'string'))
    throw new Error(`${clickhouse.address} gave an unexpected answer`)
  return rows.map(row => ({
    database: String(row['database']),
    name: String(row['name']),
    engine: String(row['engine']),
    rows: number(row, 'rows'),
    bytes: number(row, 'bytes'),
  }))
}

const number = (row: Row, name: string): number => Number(row[name] ?? 0)

const HEALTH_TIMEOUT_MS = 5_000

/**
 * The workers' health, and the database's identity. A worker that reports its health asks its database first, so its
 * session is a fresh trace in the database that it uses.
 */
async function observeUse(
  stores: Stores,
  workers: readonly WorkerAddress[],
): Promise<Pick<Probe, 'identity' | 'workers'>> {
  const { postgres, names, http, publicKey, configuredHost, missing } = stores
  let health: Promise<Probe['workers']> | undefined
  const ask = () => {
    health ??= observeWorkers(workers, http)
    return health
  }
  const identity = await inStore(
    postgres,
    missing?.postgres ?? 'input `database-url` is empty',
    store =>
      reading(store, async session => {
        const since = await clockOf(session)
        await ask()
        const addresses = workers.map(({ task, url }) => ({ task, address: new URL(url).hostname }))
        return readIdentity(session, {
          at: store.at,
          names: await aliasesOf(store.at.host, names),
          configuredNames: configuredHost === undefined ? [] : await aliasesOf(configuredHost, names),
          publicKey,
          workers: addresses,
          since,
        })
      }),
    { because: 'no-evidence' },
  )
  return { identity, workers: await ask() }
}

async function observeWorkers(workers: readonly WorkerAddress[], http: Http): Promise<Probe['workers']> {
  if (workers.length === 0) return unknown('no running worker task has an address', 'not-asked')
  const healths = await Promise.all(workers.map(worker => observeWorker(worker, http)))
  return known(healths, 'the tasks of the worker')
}

async function observeWorker({ task, url }: WorkerAddress, http: Http): Promise<WorkerHealth> {
  try {
    const { status, body } = await http.get(url, { timeoutMs: HEALTH_TIMEOUT_MS })
    const strange = status === 200 && !/"status"\s*:\s*"ok"/i.test(body)
    const problem = strange ? "answers 200, but not with Langfuse's health report" : undefined
    return { task, url, status, problem }
  } catch (error) {
    return { task, url, status: undefined, problem: explain(error) }
  }
}

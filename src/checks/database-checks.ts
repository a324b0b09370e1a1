import { majorOf } from '../release/requirements.ts'
import type { ClickHouseTable, Stack } from '../stack/stack.ts'
import type { Check, Finding, Subject } from './check.ts'
import { failed, inconclusive, KIND, missing, passed, plural, skipped, unseen, warning } from './check.ts'
import { clickhouseTables, postgresSchema } from './schema.ts'
import { valkeyCluster, valkeyQueues } from './valkey-checks.ts'

const GIB = 1024 ** 3
const gib = (bytes: number) => `${(bytes / GIB).toFixed(1)} GiB`

/** Tables of v3 and v4 that hold ingested data. */
const DATA: ReadonlySet<string> = new Set([
  'traces',
  'observations',
  'scores',
  'dataset_run_items_rmt',
  'events_core',
  'events_full',
])

/** With another volume, root directory or access point ClickHouse starts empty and still answers `/ping`. */
const clickhouseData = {
  ...KIND.storesSetUp,
  id: 'clickhouse-data',
  title: 'ClickHouse has the data that PostgreSQL refers to',
  about: ['clickhouse', 'efs'],
  run({ stack, expected }) {
    const { clickhouseStore: store, postgres } = stack
    const { tables } = stack.probe
    if (!store.known) return missing(store)
    if (!tables.known) return missing(tables)
    const applied = postgres.known ? postgres.value.migrations.length : 0
    if (store.value.head === 0 && applied > 0)
      return failed(
        `ClickHouse at ${store.source} is empty: it has no schema, although PostgreSQL has ${plural(applied, 'migration')}. ${newDirectory(stack)} Do this before the web restarts, because the web would create an empty schema.`,
      )
    const data = tables.value.filter(table => DATA.has(table.name))
    const rows = data.reduce((sum, table) => sum + table.rows, 0)
    if (rows > 0) return passed(`${data.map(table => `${table.name} ${table.rows}`).join(', ')} rows.`)
    return evaluateEmpty(stack, expected)
  },
} as const satisfies Check

function evaluateEmpty(stack: Stack, expected: Subject['expected']): Finding {
  const { postgres } = stack
  const load = stack.probe.deepProbe.postgresLoad
  if (!postgres.known || !load.known)
    return inconclusive(
      'ClickHouse has no rows, and PostgreSQL could not be read, so this check cannot tell whether data is missing.',
    )
  const copied = postgres.value.backgroundMigrations.filter(
    row => row.state === 'finished' && row.begun === true && /_from_pg_to_ch$/.test(row.name),
  )
  const ingested = load.value.sessionsOfTraces && expected !== undefined && majorOf(expected) >= 3
  if (copied.length === 0 && !ingested)
    return passed('ClickHouse has no rows, and PostgreSQL refers to none: nothing was ingested yet.')
  const sign = ingested ? 'trace sessions' : `finished copies (${copied.map(row => row.name).join(', ')})`
  const remedy =
    copied.length === 0
      ? 'restore the EFS recovery point'
      : `copy what PostgreSQL still has with \`rerun-background-migrations: ${copied.map(row => row.name).join(',')}\``
  return failed(
    `ClickHouse has its schema but no rows, although PostgreSQL has ${sign}. ${newDirectory(stack)} If the data is really gone, ${remedy}.`,
  )
}

function newDirectory({ clickhouse }: Stack): string {
  const { volumes, arn } = clickhouse.taskDefinition
  const [volume] = volumes
  const location = volume === undefined ? 'no EFS volume' : `EFS file system ${volume.fileSystemId}`
  return `It started on an empty directory: the volume, root directory or access point changed (task definition ${arn.split('/').at(-1)} has ${location}). Compare earlier revisions, and go back to the one with the data.`
}

/** https://github.com/langfuse/langfuse/issues/13123: 66 GB of trace_log beside 50 MB of data. */
const clickhouseLogs = {
  ...KIND.storesSetUp,
  id: 'clickhouse-logs',
  title: "ClickHouse's system logs do not fill EFS",
  about: ['clickhouse', 'efs'],
  run({ stack }) {
    const { tables } = stack.probe
    if (!tables.known) return missing(tables)
    const logs = tables.value.filter(table => table.database === 'system').sort((a, b) => b.bytes - a.bytes)
    const [all, data] = [bytesOf(logs), bytesOf(tables.value.filter(table => table.database !== 'system'))]
    const [biggest] = logs
    if (tables.value.length === 0)
      return inconclusive('ClickHouse lists no tables, neither of Langfuse nor of its own.')
    if (biggest === undefined || all < GIB || all < data)
      return passed(`ClickHouse's system logs use ${gib(all)} of EFS, Langfuse's tables ${gib(data)}.`)
    const three = logs.slice(0, 3).map(table => `${table.name} ${gib(table.bytes)}`)
    return warning(
      `ClickHouse's system logs use ${gib(all)} of EFS (${three.join(', ')}), but Langfuse's data only ${gib(data)}. Run \`TRUNCATE TABLE system.${biggest.name}\` and \`ALTER TABLE system.${biggest.name} MODIFY TTL event_date + INTERVAL 7 DAY\`. To keep logs small, give them a <ttl> or remove="1" in config.d.`,
    )
  },
} as const satisfies Check

const bytesOf = (tables: readonly ClickHouseTable[]) => tables.reduce((sum, { bytes }) => sum + bytes, 0)

/** https://github.com/langfuse/langfuse/issues/12172: after a change of ClickHouse's version. */
const clickhouseParts = {
  ...KIND.storesSetUp,
  id: 'clickhouse-parts',
  title: 'ClickHouse has no broken parts',
  about: ['clickhouse', 'efs'],
  run({ stack }) {
    const { detached } = stack.probe.deepProbe
    if (!detached.known) return unseen(detached)
    const broken = detached.value.filter(({ reason }) => reason.startsWith('broken'))
    if (broken.length === 0) return passed('No part is broken.')
    const where = broken.map(({ table, parts, reason }) => `${parts} of ${table} (${reason})`).join(', ')
    return failed(
      `ClickHouse detached broken parts: ${where}. Queries no longer return their rows. If ClickHouse's version changed, go back to the previous version; otherwise restore the EFS recovery point. To give parts up, run \`ALTER TABLE ${broken[0]?.table} DROP DETACHED PART …\` (system.detached_parts lists them).`,
    )
  },
} as const satisfies Check

const LONG_SECONDS = 60 * 60

const clickhouseMutations = {
  ...KIND.storesSetUp,
  id: 'clickhouse-mutations',
  title: "ClickHouse's mutations finish",
  about: ['clickhouse'],
  run({ stack }) {
    const { mutations } = stack.probe.deepProbe
    if (!mutations.known) return unseen(mutations)
    const stuck = mutations.value.find(({ failure }) => failure !== '')
    if (stuck !== undefined)
      return warning(
        `Mutation ${stuck.id} of ${stuck.table} keeps failing (${stuck.failure}), and later mutations wait for it. Fix the cause, or run \`KILL MUTATION WHERE mutation_id = '${stuck.id}'\`.`,
      )
    const long = mutations.value.find(({ seconds }) => seconds > LONG_SECONDS)
    if (long !== undefined)
      return warning(
        `Mutation ${long.id} of ${long.table} has been running for ${Math.round(long.seconds / 3600)} h with ${long.parts} parts left; deletions and retention wait for it. Give ClickHouse more CPU, or check in system.merges what blocks it.`,
      )
    return passed(
      mutations.value.length === 0
        ? 'No mutation is open.'
        : `${plural(mutations.value.length, 'mutation is', 'mutations are')} open, none for more than an hour.`,
    )
  },
} as const satisfies Check

const DAY_SECONDS = 24 * 60 * 60

const clickhouseMemory = {
  ...KIND.storesSetUp,
  id: 'clickhouse-memory',
  title: 'ClickHouse has enough memory',
  about: ['clickhouse'],
  run({ stack }) {
    const { memory } = stack.probe.deepProbe
    if (!memory.known) return unseen(memory)
    const { used, limit, refused, lastRefused } = memory.value
    if (refused > 0 && lastRefused < DAY_SECONDS)
      return warning(
        `ClickHouse rejected ${refused} statements for lack of memory (MEMORY_LIMIT_EXCEEDED, the last one ${Math.round(lastRefused / 60)} min ago) with a limit of ${gib(limit)}. Ingestion and background migrations fail this way. Give its task more memory; Langfuse recommends 8 GiB.`,
      )
    if (limit > 0 && used > 0.9 * limit)
      return warning(`ClickHouse uses ${gib(used)} of its limit of ${gib(limit)}: give its task more memory.`)
    return passed(`ClickHouse uses ${gib(used)}${limit > 0 ? ` of ${gib(limit)}` : ''}.`)
  },
} as const satisfies Check

/** PostgreSQL stops accepting writes three million transactions before two thousand million: 24.1.5 of its manual. */
const OLD_TRANSACTIONS = 1_000_000_000
const TOO_OLD_TRANSACTIONS = 1_800_000_000

const postgresLoad = {
  ...KIND.storesSetUp,
  id: 'postgres-load',
  title: 'PostgreSQL has free connections and transaction IDs',
  about: ['postgres'],
  run({ stack }) {
    const seen = stack.probe.deepProbe.postgresLoad
    if (!seen.known) return unseen(seen)
    const { sessions, maximum, transactionAge, longest, tables } = seen.value
    const million = Math.round(transactionAge / 1_000_000)
    if (transactionAge > OLD_TRANSACTIONS) {
      const sentence = `PostgreSQL's oldest row is ${million} million transactions old, and at 2,000 million PostgreSQL stops accepting writes. Find what blocks autovacuum (an open transaction, a replication slot), then run \`VACUUM (FREEZE)\`.`
      return transactionAge > TOO_OLD_TRANSACTIONS ? failed(sentence) : warning(sentence)
    }
    if (sessions > 0.9 * maximum)
      return warning(
        `PostgreSQL has ${sessions} of ${maximum} connections open, so web and worker may soon get none. Lower connection_limit in DATABASE_URL, or raise Aurora's minimum capacity.`,
      )
    if (longest > LONG_SECONDS)
      return warning(
        `A PostgreSQL transaction has been open for ${Math.round(longest / 3600)} h. The ALTER TABLE of a migration waits for it, and other queries wait for that. Find it in pg_stat_activity (xact_start) and end it.`,
      )
    const biggest = tables.map(({ name, bytes }) => `${name} ${gib(bytes)}`).join(', ')
    return passed(
      `PostgreSQL has ${sessions} of ${maximum} connections open; its largest tables are ${biggest}.`,
    )
  },
} as const satisfies Check

/** In the order of the report. */
export const DATABASE_CHECKS = [
  postgresSchema,
  postgresLoad,
  clickhouseTables,
  clickhouseData,
  clickhouseParts,
  clickhouseMutations,
  clickhouseMemory,
  clickhouseLogs,
  valkeyQueues,
  valkeyCluster,
] as const

export const clickhouseDisk = {
  ...KIND.stores,
  id: 'clickhouse-disk',
  title: 'ClickHouse has free disk space',
  about: ['clickhouse', 'efs'],
  run({ stack }) {
    const { disks } = stack.probe
    if (!disks.known) return unseen(disks)
    const [tightest] = [...disks.value].sort((left, right) => left.free - right.free)
    if (tightest === undefined) return skipped('ClickHouse lists no disks.')
    const disk = `ClickHouse's disk ${tightest.name} has`
    const free = gib(tightest.free)
    if (tightest.free < GIB)
      return failed(
        `${disk} only ${free} left. When it is full, ClickHouse rejects writes. Delete data or enlarge the disk now.`,
      )
    if (tightest.free < 5 * GIB)
      return warning(
        `${disk} ${free} left. Merges need several times the size of their result. Delete data or enlarge the disk.`,
      )
    return passed(`${disk} ${free} free.`)
  },
} as const satisfies Check

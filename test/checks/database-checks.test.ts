import { expect, test } from '@jest/globals'
import type { CheckState } from '../../src/checks/check.ts'
import { CHECKS, type CheckId, runChecks } from '../../src/checks/run.ts'
import type { ReleaseFacts } from '../../src/release/facts.ts'
import type { Release } from '../../src/release/release.ts'
import type { RunLock } from '../../src/schema/run-lock.ts'
import type { Snapshot } from '../../src/schema/snapshot.ts'
import { type DeepProbe, unseenDeepProbe } from '../../src/stack/deep-probe.ts'
import type {
  BackgroundMigration,
  ClickHouseTable,
  PostgresState,
  Queue,
  Stack,
  ValkeyState,
} from '../../src/stack/stack.ts'
import { known, unknown } from '../../src/stack/stack.ts'
import { FACTS, healthyDeepProbe, healthyProbe, SCHEMA, stackOn2 } from '../support/stack.ts'

function lock(expired: boolean): RunLock {
  const what = 'rollback to Langfuse 2.93.7'
  const [begun, expires] = ['2026-11-30T10:00:00Z', '2026-11-30T10:05:00Z']
  return { holder: 'run-7-1-a', run: '7', attempt: 1, what, begun, expires, expired }
}

const ROW = { addedBy: '20240101000000_base', name: 'b1', script: 'one' }
const facts = {
  ...FACTS,
  allBackgroundMigrations: () => [{ id: '1', args: {}, ...ROW }],
  postgresChecksums: (name: string) => (name.startsWith('2024') ? ['x', 'y'] : []),
} as unknown as ReleaseFacts

async function findingOf(check: string, stack: Stack, expected = '2.93.7') {
  const chosen = CHECKS.filter(({ id }) => id === check)
  const [result] = await runChecks(chosen, { stack, expected: expected as Release, facts })
  return result
}

type Spoil = (stack: Stack) => Stack
const compose =
  (...spoils: readonly Spoil[]): Spoil =>
  stack =>
    spoils.reduce((before, spoil) => spoil(before), stack)
const postgres =
  (over: Partial<PostgresState>): Spoil =>
  stack =>
    stack.postgres.known ? { ...stack, postgres: known({ ...stack.postgres.value, ...over }, 'pg') } : stack
const deepProbe =
  (over: Partial<DeepProbe>): Spoil =>
  stack => ({
    ...stack,
    probe: { ...stack.probe, deepProbe: { ...stack.probe.deepProbe, ...over } },
  })
const load = (over: object): Spoil => {
  const { postgresLoad } = healthyDeepProbe()
  return deepProbe({
    postgresLoad: postgresLoad.known ? known({ ...postgresLoad.value, ...over }, 'pg') : postgresLoad,
  })
}
const schema = (change: Record<string, Snapshot[string] | undefined>): Spoil =>
  deepProbe({ postgresSchema: known(changed(SCHEMA.postgres, change), 'pg') })
const tables = (change: Record<string, Snapshot[string] | undefined>): Spoil =>
  deepProbe({ clickhouseSchema: known(changed(SCHEMA.clickhouse, change), 'ch') })
function changed(before: Snapshot, change: Record<string, Snapshot[string] | undefined>): Snapshot {
  return Object.fromEntries(
    Object.entries({ ...before, ...change }).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, value] as const],
    ),
  )
}
const rows = (...list: readonly Partial<ClickHouseTable>[]): Spoil => {
  const table = { database: 'default', name: 'traces', rows: 0, bytes: 0 }
  return stack => ({
    ...stack,
    probe: {
      ...stack.probe,
      tables: known(
        list.map(over => ({ ...table, ...over }) as ClickHouseTable),
        'ch',
      ),
    },
  })
}
const server =
  (over: object): Spoil =>
  stack => ({
    ...stack,
    clickhouseStore: known({ version: '24.8.7', timezone: 'UTC', head: 5, dirty: false, ...over }, 'ch'),
  })
const background = (...list: readonly Partial<BackgroundMigration>[]): Spoil => {
  const row = { name: 'b1', state: 'unfinished', gate: undefined, script: 'one' } as const
  return postgres({ backgroundMigrations: list.map(over => ({ ...row, ...over })) })
}
const worker =
  (version: string | undefined, environment: Record<string, string> = {}): Spoil =>
  stack => ({
    ...stack,
    worker: {
      ...stack.worker,
      image: { ...stack.worker.image, version },
      container: {
        ...stack.worker.container,
        environment: { ...stack.worker.container.environment, ...environment },
      },
    },
  })
const NOW = 1_700_000_000_000
const cache = (over: Partial<ValkeyState>): Spoil => {
  const { valkey } = healthyProbe()
  return stack => ({
    ...stack,
    probe: {
      ...stack.probe,
      valkey: valkey.known ? known({ ...valkey.value, now: NOW, ...over }, 'cache:6379') : valkey,
    },
  })
}
const queue = (over: Partial<Queue>, clock: Partial<ValkeyState> = {}): Spoil =>
  cache({
    ...clock,
    queues: [{ name: 'ingestion-queue', waiting: 5, active: 0, failed: 0, oldest: NOW - 3_600_000, ...over }],
  })

type Case = readonly [what: string, spoil: Spoil, check: CheckId, state: CheckState, sentence: RegExp]
const GIB = 1024 ** 3
const V3 = { LANGFUSE_ENABLE_BACKGROUND_MIGRATIONS: 'true' }

const MIGRATIONS: readonly Case[] = [
  [
    'a checksum from before the oldest release of the catalog',
    postgres({ migrations: [applied('20240101000000_base', 'z')] }),
    'postgres-migrations',
    'passed',
    /1 with content from before 2\.93\.7/,
  ],
  [
    'the checksum under which another release had the same migration',
    postgres({ migrations: [applied('20240101000000_base', 'y')] }),
    'postgres-migrations',
    'passed',
    /no others\.$/,
  ],
]

function applied(name: string, checksum: string) {
  return { name, checksum, state: 'applied' as const }
}

const NAME = 'column public.projects.name'
const OWN = 'column public.own.x'
const POSTGRES: readonly Case[] = [
  [
    'a column that is missing',
    schema({ [NAME]: undefined }),
    'postgres-schema',
    'failed',
    /column public\.projects\.name is missing.* Restore it with `ALTER TABLE .* ADD COLUMN/,
  ],
  [
    'a table that is missing, told once',
    schema({ [NAME]: undefined, 'column public.projects.id': undefined, 'table public.projects': undefined }),
    'postgres-schema',
    'failed',
    /table public\.projects is missing(?!.*column public\.projects\.\w+ is missing)/,
  ],
  [
    'a column of another type',
    schema({ [NAME]: { default: null, notNull: true, type: 'integer' } }),
    'postgres-schema',
    'failed',
    /has type integer instead of text/,
  ],
  [
    'a default that was added',
    schema({ [NAME]: { default: "'x'", notNull: true, type: 'text' } }),
    'postgres-schema',
    'warning',
    /has default 'x' instead of none/,
  ],
  [
    'an index that is missing',
    schema({ 'index public.projects.projects_name_idx': undefined }),
    'postgres-schema',
    'warning',
    /projects_name_idx is missing.*CREATE INDEX/,
  ],
  [
    'an index whose making was broken off',
    schema({ 'index public.projects.projects_name_idx': { definition: 'CREATE …', invalid: true } }),
    'postgres-schema',
    'warning',
    /is invalid \(its CREATE INDEX CONCURRENTLY was interrupted\)/,
  ],
  [
    'an enum without a label that Langfuse writes',
    schema({ 'enum public."ScoreSource"': { labels: ['API'] } }),
    'postgres-schema',
    'failed',
    /has labels API instead of API \| EVAL/,
  ],
  [
    "the owner's own table",
    schema({ 'table public.own': {}, [OWN]: { type: 'text', notNull: true, default: null } }),
    'postgres-schema',
    'passed',
    /1 more is not Langfuse's \(table public\.own\)/,
  ],
  [
    "the owner's own column, which every insert fails on",
    schema({ 'column public.projects.own': { type: 'text', notNull: true, default: null } }),
    'postgres-schema',
    'failed',
    /projects\.own is not Langfuse's, is NOT NULL and has no default/,
  ],
  [
    "the owner's own column with a default",
    schema({ 'column public.projects.own': { type: 'text', notNull: true, default: "''" } }),
    'postgres-schema',
    'passed',
    /1 more is not Langfuse's/,
  ],
  [
    'a migration that is not in the catalog',
    postgres({ migrations: [applied('29990101000000_new', 'x')] }),
    'postgres-schema',
    'skipped',
    /catalog has no Postgres migration 29990101000000_new, so the schema was not compared/,
  ],
  [
    'a failed migration',
    postgres({ migrations: [applied('x', 'x'), { ...applied('y', 'y'), state: 'failed' }] }),
    'postgres-schema',
    'skipped',
    /Postgres migration y failed, so the schema was not compared\. Repair it, then verify again\./,
  ],
  [
    'an unfinished rollback',
    postgres({
      migrations: [applied('x', 'x')],
      pending: [{ store: 'postgres', migration: 'y', phase: 'expand' }],
    }),
    'postgres-schema',
    'skipped',
    /A rollback is unfinished, so the schema was not compared\. Run rollback again\./,
  ],
  [
    'a rollback that another run is carrying out',
    postgres({
      migrations: [applied('x', 'x')],
      pending: [{ store: 'postgres', migration: 'y', phase: 'expand' }],
      lock: lock(false),
    }),
    'postgres-migrations',
    'inconclusive',
    /^Workflow run 7 changes this stack \(rollback to Langfuse 2\.93\.7\).*wait until it ends\. If that run is gone, run the rollback action\.$/,
  ],
  [
    'an unfinished rollback whose run let its lock expire',
    postgres({
      migrations: [applied('x', 'x')],
      pending: [{ store: 'postgres', migration: 'y', phase: 'expand' }],
      lock: lock(true),
    }),
    'postgres-migrations',
    'failed',
    /started but not finished \(y\): run the rollback action again/,
  ],
  [
    'a schema that could not be read',
    deepProbe({ postgresSchema: unknown('permission denied', 'no-evidence') }),
    'postgres-schema',
    'inconclusive',
    /^Permission denied\.$/,
  ],
  [
    'rows that are 1,200 million transactions old',
    load({ transactionAge: 1_200_000_000 }),
    'postgres-load',
    'warning',
    /1200 million/,
  ],
  [
    'rows that are 1,900 million transactions old',
    load({ transactionAge: 1_900_000_000 }),
    'postgres-load',
    'failed',
    /VACUUM/,
  ],
  [
    'nearly all sessions in use',
    load({ sessions: 195 }),
    'postgres-load',
    'warning',
    /195 of 200 connections open/,
  ],
  ['a transaction of 3 hours', load({ longest: 10_800 }), 'postgres-load', 'warning', /open for 3 h/],
]

const CLICKHOUSE: readonly Case[] = [
  [
    'a table that is missing, told once',
    tables({ 'table traces': undefined, 'column traces.id': undefined, 'column traces.metadata': undefined }),
    'clickhouse-tables',
    'failed',
    /table traces is missing(?!.*column traces)/,
  ],
  [
    'a table with another engine',
    tables({ 'table traces': { engine: 'MergeTree', settings: [] } }),
    'clickhouse-tables',
    'failed',
    /has engine MergeTree instead of ReplacingMergeTree/,
  ],
  [
    'a replicated table',
    tables({ 'table traces': { engine: "ReplicatedReplacingMergeTree('/x', event_ts)", settings: [] } }),
    'clickhouse-tables',
    'passed',
    /All 2 tables and views/,
  ],
  [
    'a column that is missing',
    tables({ 'column traces.id': undefined }),
    'clickhouse-tables',
    'failed',
    /column traces\.id is missing/,
  ],
  [
    'a column of another type',
    tables({ 'column traces.id': { type: 'UUID' } }),
    'clickhouse-tables',
    'warning',
    /is UUID instead of String/,
  ],
  [
    'a view that is missing',
    tables({ 'view analytics_traces': undefined }),
    'clickhouse-tables',
    'failed',
    /analytics_traces is missing/,
  ],
  [
    'an index that is missing',
    tables({ 'index traces.idx_id': undefined }),
    'clickhouse-tables',
    'warning',
    /idx_id is missing/,
  ],
  [
    "the owner's own table",
    tables({ 'table own': { engine: 'Log' } }),
    'clickhouse-tables',
    'passed',
    /All 2/,
  ],
  [
    'a head that is not in the catalog',
    server({ head: 99 }),
    'clickhouse-tables',
    'skipped',
    /catalog has no ClickHouse migration 99, so the tables were not compared/,
  ],
  ['a dirty schema', server({ dirty: true }), 'clickhouse-tables', 'skipped', /half done/],
  [
    'a new, empty ClickHouse under a PostgreSQL that was migrated',
    server({ head: 0 }),
    'clickhouse-data',
    'failed',
    /empty: it has no schema.*the volume, root directory or access point changed \(task definition clickhouse:1 has EFS file system fs-1\)/,
  ],
  [
    'an empty schema under finished copies',
    compose(rows({}), background({ name: 'x_traces_from_pg_to_ch', state: 'finished', begun: true })),
    'clickhouse-data',
    'failed',
    /its schema but no rows.*access point changed.*rerun-background-migrations: x_traces_from_pg_to_ch/,
  ],
  [
    'an empty schema where nothing was ingested',
    rows({}),
    'clickhouse-data',
    'passed',
    /nothing was ingested/,
  ],
  [
    'an empty schema and a PostgreSQL that was not seen',
    compose(rows({}), stack => ({ ...stack, postgres: unknown('no way', 'unreachable') })),
    'clickhouse-data',
    'inconclusive',
    /PostgreSQL could not be read/,
  ],
  ['data', rows({ rows: 7 }), 'clickhouse-data', 'passed', /traces 7 rows/],
  [
    'logs bigger than the data',
    rows({ bytes: GIB }, { database: 'system', name: 'trace_log', bytes: 66 * GIB }),
    'clickhouse-logs',
    'warning',
    /66\.0 GiB of EFS \(trace_log 66\.0 GiB\).*TRUNCATE TABLE system\.trace_log/,
  ],
  [
    'logs smaller than the data',
    rows({ bytes: 9 * GIB }, { database: 'system', name: 'trace_log', bytes: 2 * GIB }),
    'clickhouse-logs',
    'passed',
    /2\.0 GiB/,
  ],
  [
    'broken parts',
    deepProbe({ detached: known([{ table: 'traces', reason: 'broken-on-start', parts: 3 }], 'ch') }),
    'clickhouse-parts',
    'failed',
    /3 of traces \(broken-on-start\)/,
  ],
  [
    'parts that were detached by hand',
    deepProbe({ detached: known([{ table: 'traces', reason: '', parts: 3 }], 'ch') }),
    'clickhouse-parts',
    'passed',
    /No part is broken/,
  ],
  [
    'a mutation that fails',
    deepProbe({ mutations: known([{ ...mutation(5), failure: 'Code: 241' }], 'ch') }),
    'clickhouse-mutations',
    'warning',
    /m1 of traces keeps failing \(Code: 241\).*KILL MUTATION WHERE mutation_id = 'm1'/,
  ],
  [
    'a mutation of 5 hours',
    deepProbe({ mutations: known([mutation(18_000)], 'ch') }),
    'clickhouse-mutations',
    'warning',
    /has been running for 5 h with 4 parts/,
  ],
  [
    'a mutation of a minute',
    deepProbe({ mutations: known([mutation(60)], 'ch') }),
    'clickhouse-mutations',
    'passed',
    /1 mutation is open/,
  ],
  [
    'statements refused for memory',
    deepProbe({ memory: known({ used: 1, limit: 4 * GIB, refused: 3, lastRefused: 120 }, 'ch') }),
    'clickhouse-memory',
    'warning',
    /rejected 3 statements for lack of memory .* 2 min ago\) with a limit of 4\.0 GiB/,
  ],
  [
    'statements refused for memory a week ago',
    deepProbe({ memory: known({ used: 1, limit: 4 * GIB, refused: 3, lastRefused: 604_800 }, 'ch') }),
    'clickhouse-memory',
    'passed',
    /of 4\.0 GiB/,
  ],
  [
    'memory that is nearly full',
    deepProbe({ memory: known({ used: 3.9 * GIB, limit: 4 * GIB, refused: 0, lastRefused: 0 }, 'ch') }),
    'clickhouse-memory',
    'warning',
    /uses 3\.9 GiB of its limit of 4\.0 GiB/,
  ],
]

function mutation(seconds: number) {
  return { table: 'traces', id: 'm1', seconds, parts: 4, failure: '' }
}

const BACKGROUND: readonly Case[] = [
  [
    'finished',
    background({ state: 'finished' }),
    'background-migrations',
    'passed',
    /All 1 .* have finished/,
  ],
  [
    'failed, with its reason',
    compose(worker('3.0.0'), background({ state: 'failed', failure: 'socket hang up' })),
    'background-migrations',
    'failed',
    /b1 failed with "socket hang up"\. Fix .*`rerun-background-migrations: b1`/,
  ],
  [
    'stalled',
    compose(worker('2.93.7', V3), background({})),
    'background-migrations',
    'warning',
    /b1 is stalled.*`rerun-background-migrations: b1`/,
  ],
  [
    'at it, and one queued',
    compose(worker('2.93.7', V3), background({ active: true }, { name: 'b2' })),
    'background-migrations',
    'warning',
    /b1 is running, and b2 is queued behind it: wait until it has finished before the next upgrade/,
  ],
  [
    'dormant behind a gate',
    compose(worker('3.225.4'), background({ gate: 'LANGFUSE_GATE' })),
    'background-migrations',
    'passed',
    /b1 will not run, because its feature flag is off/,
  ],
  [
    'failed on v3, after a rollback to v2, which runs none',
    background({ state: 'failed', failure: 'socket hang up' }),
    'background-migrations',
    'passed',
    /b1 failed on Langfuse 3, and Langfuse 2 does not run it.*`rerun-background-migrations: b1`/,
  ],
  ['left for v3 by v2', background({}), 'background-migrations', 'passed', /b1 will run on Langfuse 3/],
  [
    'switched off in v3',
    compose(worker('3.0.0', { LANGFUSE_ENABLE_BACKGROUND_MIGRATIONS: 'false' }), background({})),
    'background-migrations',
    'warning',
    /runs none \(LANGFUSE_ENABLE_BACKGROUND_MIGRATIONS is `false`\)/,
  ],
  [
    'without a script in the image',
    compose(worker('3.0.0'), background({ script: 'of-a-newer-release' })),
    'background-migrations',
    'failed',
    /b1 has no script in the worker's image \(3\.0\.0\).*"Cannot find module"/,
  ],
  [
    'without the table',
    postgres({ noBackgroundMigrations: true, backgroundMigrations: [] }),
    'background-migrations',
    'failed',
    /no table background_migrations, .*Langfuse 2\.93\.7 needs 1 row in it/,
  ],
]

const VALKEY: readonly Case[] = [
  [
    'a queue that nobody empties',
    queue({}),
    'valkey-queues',
    'failed',
    /ingestion-queue \(5 waiting, the oldest for 60 min\).*Force a new deployment/,
  ],
  ['a queue that is behind', queue({ active: 3 }), 'valkey-queues', 'warning', /behind on ingestion-queue/],
  [
    'a queue of the last minute',
    queue({ oldest: NOW - 60_000 }),
    'valkey-queues',
    'passed',
    /5 jobs are waiting/,
  ],
  [
    'jobs that were given up',
    queue({ waiting: 0, oldest: undefined, failed: 9 }),
    'valkey-queues',
    'passed',
    /9 have failed for good/,
  ],
  [
    'a queue whose age is not known',
    queue({}, { now: undefined }),
    'valkey-queues',
    'inconclusive',
    /does not report its time/,
  ],
  [
    'something else that answers',
    cache({ version: '' }),
    'valkey-queues',
    'inconclusive',
    /does not identify itself as Valkey/,
  ],
  ['no table at all', rows(), 'clickhouse-logs', 'inconclusive', /lists no tables/],
  [
    'a cluster that the worker is not told of',
    cache({ cluster: true }),
    'valkey-cluster',
    'failed',
    /CROSSSLOT/,
  ],
  [
    'no cluster, though the worker is told so',
    worker('2.93.7', { REDIS_CLUSTER_ENABLED: 'true' }),
    'valkey-cluster',
    'failed',
    /is not a cluster, so the worker cannot use the queues/,
  ],
  [
    'a cluster that the worker is told of',
    compose(cache({ cluster: true }), worker('3.70.0', { REDIS_CLUSTER_ENABLED: 'true' })),
    'valkey-cluster',
    'passed',
    /Valkey is a cluster, and REDIS_CLUSTER_ENABLED is `true`/,
  ],
]

test.each([...MIGRATIONS, ...POSTGRES, ...CLICKHOUSE, ...BACKGROUND, ...VALKEY])(
  '%s',
  async (_what, spoil, check, state, sentence) => {
    expect(await findingOf(check, spoil(stackOn2()))).toMatchObject({
      state,
      sentence: expect.stringMatching(sentence),
    })
  },
)

test('a changed checksum of a migration that the catalog saw come is told', async () => {
  const rows = ['20240101000000_base', '20241124115100_a', '20241206115829_b']
  const stack = postgres({ migrations: rows.map((name, index) => applied(name, index === 1 ? 'z' : 'x')) })
  expect(await findingOf('postgres-migrations', stack(stackOn2()), '3.0.0')).toMatchObject({
    state: 'warning',
    sentence: expect.stringMatching(
      /^Postgres migration 20241124115100_a was applied with content that no Langfuse release has/,
    ),
  })
})

test('of more than five differences the first five are told', async () => {
  const many = Object.fromEntries(
    Array.from({ length: 8 }, (_, index) => [`column public.projects.c${index}`, { type: 'text' }]),
  )
  const wanted = { ...facts, postgresSchema: () => ({ ...SCHEMA.postgres, ...many }) } as ReleaseFacts
  const [result] = await runChecks(
    CHECKS.filter(({ id }) => id === 'postgres-schema'),
    { stack: stackOn2(), expected: undefined, facts: wanted },
  )
  expect(result?.sentence.match(/is missing/g)).toHaveLength(5)
  expect(result?.sentence).toContain('and 3 more')
})

test('nothing passes without its evidence', async () => {
  for (const because of ['not-asked', 'unreachable', 'no-evidence'] as const) {
    const stack = deepProbe(unseenDeepProbe('not seen', because))(stackOn2())
    const chosen = CHECKS.filter(({ id }) => /schema$|load|tables|parts|mutations|memory/.test(id))
    const results = await runChecks(chosen, { stack, expected: '2.93.7' as Release, facts })
    expect(results.filter(({ id, state }) => id !== 'clickhouse-schema' && state === 'passed')).toEqual([])
  }
})

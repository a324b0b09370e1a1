import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { ENCRYPTION_KEY } from '../../sandbox/article/settings.ts'
import { until } from '../../sandbox/article/wait.ts'
import { diffSnapshots } from '../../sandbox/diff-snapshots.ts'
import { clickhouseClient } from '../../sandbox/langfuse/clickhouse-http.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { clickhouseAccess, takeSnapshot } from '../../sandbox/stack-snapshot.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import type { Query, Snapshot } from '../../src/schema/snapshot.ts'
import {
  type Contents as ClickHouseContents,
  readContents as readClickHouse,
} from '../down-sql/clickhouse-contents.ts'
import {
  fill,
  findLost,
  readArchive as readClickHouseArchive,
  tablesOf as touchedTables,
  versionsBetween,
} from '../down-sql/clickhouse-proof.ts'
import { type Contents, countOf, readArchive, readContents } from '../down-sql/contents.ts'
import { ordinaryClickHouse } from '../down-sql/data/clickhouse.ts'
import { generateSql } from '../down-sql/data/rows.ts'
import { tablesOf } from '../down-sql/data/tables.ts'
import { lossesOf } from '../down-sql/losses.ts'
import { defaultsOf, differences, namesOf } from '../down-sql/walk.ts'
import { type Probed, probing } from './probing.ts'
import { ecsService } from './support.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))

/** A way back that is gone, and the way up again; `stops` are deployed in between. */
export type Pair = {
  readonly from: string
  readonly to: string
  readonly accept?: 'lossy' | 'restore'
  readonly stops?: readonly string[]
}

export type FarStage = {
  readonly stage: Stage
  /** Fills both databases, goes back, and up again. */
  rollBack(pair: Pair): Promise<RollbackPreparation>
  close(): Promise<void>
}

export type RollbackPreparation = {
  /** One line for people. */
  readonly line: string
  /** What is not as it has to be, one line each. */
  readonly problems: readonly string[]
  readonly rollbackClass: string
  readonly probed: Probed
}

/** The article's stage on any release, with the ClickHouse that both majors work on. */
export async function openFarStage(options: {
  readonly from: string
  readonly pushed: readonly string[]
  /** On ECS the web has two tasks. */
  readonly webPlatform?: 'app-runner' | 'ecs'
}): Promise<FarStage> {
  const { from, pushed, webPlatform = 'app-runner' } = options
  const folder = await mkdtemp(join(tmpdir(), 'rollback-far-'))
  const stage = await openStage({
    folder,
    release: from,
    pushed: [...pushed, from],
    clickhouse: '25.12.1',
    // Without it no release may follow whose background migrations encrypt: the module misspells its name.
    worker: { ENCRYPTION_KEY },
    webPlatform,
  })
  if (webPlatform === 'ecs') await twoTasks(stage)
  let round = 0
  return {
    stage,
    rollBack: async pair => {
      round += 1
      return rollbackPreparation(stage, pair, round)
    },
    close: async () => {
      await stage.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function twoTasks({ stack }: Stage): Promise<void> {
  const { world } = stack.sandbox
  await world.call('ecs', 'UpdateService', { cluster: 'langfuse', service: 'langfuse_web', desiredCount: 2 })
  const service = ecsService(world, 'langfuse_web')
  const done = () => service.steady
  await until({ what: 'two tasks of the web', world, done })
}

async function rollbackPreparation(stage: Stage, pair: Pair, round: number): Promise<RollbackPreparation> {
  const { from, to, accept } = pair
  const stores = await openStores(stage)
  try {
    await backgroundIsOver(stores)
    await fillBoth(stores, from, round)
    const before = { ...(await readBoth(stores)), defaults: await defaultsBefore(stores, pair) }
    const unsaid = [
      ...(accept === undefined ? [] : await unsaidRisk(stage, pair)),
      ...(await unsaidPlan(stage, pair)),
    ]
    const { result, probed } = await probing(stage.stack.webUrl, () =>
      stage.run('rollback', { to, ...(accept !== undefined && { accept }) }),
    )
    const rollbackId = `${from}-to-${to}-run-${[...stage.github.runs.keys()].at(-1)}-1`
    const kept = await compare(stores, { pair, before, rollbackId })
    const rollbackClass = result.outputs['rollback-class'] ?? ''
    const siteDown =
      rollbackClass === 'images' || rollbackClass === 'schema'
        ? probed.failures.map(failure => `the site was down: ${failure}`)
        : []
    const unfinished = ended(result, 'rolled-back')
    const back = unfinished.length > 0 ? unfinished : await runsNow(stage, to, stores)
    const up = unfinished.length > 0 ? [] : await upAgain(stage, pair, stores)
    const [rows, clickhouseRows] = [countOf(before.postgres), countRows(before.clickhouse)]
    const { 'postgres-reverted': postgres, 'clickhouse-reverted': clickhouse } = result.outputs
    return {
      rollbackClass,
      probed,
      problems: [...unsaid, ...back, ...kept.problems, ...siteDown, ...up],
      line: [
        `${from} → ${to}: ${rollbackClass}`,
        `${postgres} Postgres and ${clickhouse} ClickHouse migrations`,
        `${rows} + ${clickhouseRows} rows, ${kept.archived} in the archive, ${kept.lost} lost`,
        `${probed.calls} probes in ${(probed.milliseconds / 1_000).toFixed(1)} s, ${probed.failures.length} failed`,
      ].join('; '),
    }
  } finally {
    await stores.close()
  }
}

type Stores = {
  readonly postgres: Query
  readonly clickhouse: Query
  readonly clickhouseDatabase: Parameters<typeof fill>[0]['database']
  readonly stage: Stage
  close(): Promise<void>
}

async function openStores(stage: Stage): Promise<Stores> {
  const client = new Client({ connectionString: stage.stack.databaseUrlLocal })
  await client.connect()
  const clickhouse = clickhouseClient(clickhouseAccess(stage.stack))
  const postgres: Query = async sql => {
    const result = await client.query(sql)
    return result.rows ?? []
  }
  return {
    stage,
    postgres,
    clickhouse: sql => clickhouse.query(sql),
    clickhouseDatabase: {
      url: stage.stack.clickhouseUrlLocal,
      run: sql => clickhouse.execute(sql),
      rows: sql => clickhouse.query(sql),
      snapshot: async () => (await takeSnapshot(stage.stack)).clickhouse,
    },
    close: () => client.end(),
  }
}

/** While the newer release's background migrations run they write rows. Some wait for a person, and some fail. */
async function backgroundIsOver({ postgres }: Stores): Promise<void> {
  const deadline = Date.now() + 20_000
  const running = 'SELECT FROM background_migrations WHERE finished_at IS NULL AND failed_at IS NULL'
  while ((await postgres(running)).length > 0 && Date.now() < deadline) {
    await new Promise(resolve => setTimeout(resolve, 250))
  }
}

/** Two rows in every Postgres table and three in every ClickHouse table, as any release writes them. */
async function fillBoth({ postgres, clickhouseDatabase }: Stores, release: string, round: number) {
  const schema = catalog.postgresSnapshot(release)
  const tables = [...tablesOf(schema).keys()].filter(table => table !== 'background_migrations')
  for (const place of [round * 2, round * 2 + 1]) await postgres(generateSql(schema, tables, place))
  const head = catalog.clickhouseHead(release)
  const ground = { catalog, database: clickhouseDatabase, data: ordinaryClickHouse }
  await fill(ground, head, touchedTables(catalog, versionsBetween(head, 0)))
}

type Both = {
  readonly postgres: Contents
  readonly clickhouse: ReadonlyMap<string, ClickHouseContents>
}

type Before = Both & { readonly defaults: ReadonlyMap<string, string> }

/** Asked while the types are still there. */
function defaultsBefore({ postgres }: Stores, { from, to }: Pair): Promise<ReadonlyMap<string, string>> {
  const [newer, older] = [catalog.postgresSnapshot(from), catalog.postgresSnapshot(to)]
  return defaultsOf({ run: postgres }, { delta: diffSnapshots(older, newer), after: newer })
}

async function readBoth({ postgres, clickhouse }: Stores): Promise<Both> {
  return { postgres: await readContents(postgres), clickhouse: await readClickHouse(clickhouse, 'default') }
}

function countRows(contents: Both['clickhouse']): number {
  return [...contents.values()].reduce((sum, { rows }) => sum + rows.length, 0)
}

/** The plan has to name the risk and the word that takes it, and that the site may fail. */
async function unsaidRisk(stage: Stage, { to, accept }: Pair): Promise<readonly string[]> {
  const result = await stage.run('rollback', { to })
  const said = result.commands.map(({ message }) => message).join('\n')
  const isReported =
    result.outputs['outcome'] === 'refused' &&
    said.includes(`\`accept: ${accept}\``) &&
    said.includes('Requests may fail')
  return isReported ? [] : [`without accept: ${accept} it was ${result.outputs['outcome']}: ${said}`]
}

/** A dry run says what becomes of new data, the longest lock, and whether the site may fail; and it changes nothing. */
async function unsaidPlan(stage: Stage, { to, accept }: Pair): Promise<readonly string[]> {
  const result = await stage.run('rollback', {
    to,
    'dry-run': 'true',
    ...(accept !== undefined && { accept }),
  })
  const { outcome, 'rollback-class': rollbackClass = '' } = result.outputs
  const isSafe = rollbackClass === 'schema' || rollbackClass === 'images'
  const isUndone = rollbackClass !== 'images'
  const wanted: readonly (readonly [RegExp, boolean])[] = [
    [/Longest lock: /, isUndone],
    [/since the upgrade|to ClickHouse only|only its own tables/, isUndone],
    [/At least \d+ |\(0 counted\)|stays in place/, isUndone],
    [/Requests may fail/, !isSafe],
  ]
  const wrong = wanted.filter(([text, isReported]) => text.test(result.summary) !== isReported)
  return [
    ...(outcome === 'planned' ? [] : [`a dry run was ${outcome}`]),
    ...wrong.map(([text, isReported]) => `the plan ${isReported ? 'does not say' : 'says'} ${text.source}`),
  ]
}

/** Schemas exact to the catalog, and each value in its place or in the archive. */
async function compare(
  stores: Stores,
  given: { readonly pair: Pair; readonly before: Before; readonly rollbackId: string },
): Promise<{ readonly problems: readonly string[]; readonly archived: number; readonly lost: number }> {
  const { pair, before, rollbackId } = given
  const after = await readBoth(stores)
  const known = new Set(catalog.postgresMigrations(pair.to).map(({ name }) => name))
  const undone = catalog.postgresMigrations(pair.from).filter(({ name }) => !known.has(name))
  const hasArchive = await stores.postgres(
    `SELECT to_regclass('langfuse_rollout.archived_rows') IS NOT NULL AS is`,
  )
  const archive =
    hasArchive[0]?.['is'] === true
      ? await readArchive(stores.postgres, rollbackId)
      : { rows: new Map(), values: new Map(), tables: new Map() }
  const inClickHouse = await clickhouseArchive(stores, rollbackId)
  const lost = [
    ...lossesOf({
      schema: catalog.postgresSnapshot(pair.from),
      before: before.postgres,
      after: after.postgres,
      archive,
      defaults: before.defaults,
      otherNames: new Map(undone.flatMap(({ name }) => [...namesOf(catalog.postgresStep(name))])),
    }),
    ...findLost(before.clickhouse, after.clickhouse, inClickHouse.archive),
  ]
  const archived = countOf(archive.rows) + countOf(archive.values) + countOf(archive.tables)
  return {
    problems: lost.map(line => `lost: ${line}`),
    lost: lost.length,
    archived: archived + inClickHouse.rows,
  }
}

async function clickhouseArchive({ clickhouse, clickhouseDatabase }: Stores, rollbackId: string) {
  const [found] = await clickhouse(
    "SELECT count() AS count FROM system.tables WHERE database = 'langfuse_rollout' AND name = 'archived'",
  )
  if (Number(found?.['count']) === 0) return { rows: 0, archive: { stored: new Map() } }
  const archive = await readClickHouseArchive({ database: clickhouseDatabase }, rollbackId)
  const parts = [...archive.stored.values()].flat()
  return { archive, rows: parts.reduce((sum, { rows }) => sum + rows.length, 0) }
}

/** What a release has to find and to be: schemas, migrations, images, and a web that reads every column. */
async function runsNow(stage: Stage, release: string, stores: Stores): Promise<readonly string[]> {
  const { world } = stage.stack.sandbox
  const snapshot = await takeSnapshot(stage.stack)
  const migrations = catalog.postgresMigrations(release).map(({ name }) => name)
  const rows = await stores.postgres('SELECT migration_name AS name FROM _prisma_migrations ORDER BY 1')
  const digestOf = (kind: string) => {
    const image = world.images.find(
      `123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/langfuse-${kind}:${release}`,
    )
    return image.found ? image.image.digest : 'none'
  }
  const health: unknown = await (await fetch(`${stage.stack.webUrl}/api/public/health`)).json()
  const probe = await fetch(`${stage.stack.webUrl}/sandbox/deep-probe`)
  const seen: readonly (readonly [what: string, is: unknown, should: unknown])[] = [
    ["ClickHouse's head", snapshot.clickhouseHead, catalog.clickhouseHead(release)],
    ['Postgres migrations', rows.map(({ name }) => name).sort(), migrations.toSorted()],
    ['the worker', snapshot.images.worker, digestOf('worker')],
    ['health', health, { status: 'OK', version: catalog.release(release)?.reportedVersion }],
    ['deep probe', [probe.status, probe.ok ? '' : await probe.text()], [200, '']],
  ]
  return [
    ...differs('Postgres', catalog.postgresSnapshot(release), snapshot.postgres),
    ...differs(
      'ClickHouse',
      catalog.clickhouseSnapshot(catalog.clickhouseHead(release)),
      snapshot.clickhouse,
    ),
    ...seen.flatMap(([what, is, should]) =>
      JSON.stringify(is) === JSON.stringify(should)
        ? []
        : [`${release}: ${what} is ${short(is)}, not ${short(should)}`],
    ),
  ]
}

const short = (value: unknown) => JSON.stringify(value).slice(0, 400)

function differs(store: string, wanted: Snapshot, found: Snapshot): readonly string[] {
  return differences(wanted, found).map(line => `${store}: ${line}`)
}

async function upAgain(stage: Stage, { from, stops = [] }: Pair, stores: Stores): Promise<readonly string[]> {
  for (const version of [...stops, from]) {
    const result = await stage.run('deploy', { version, backup: 'false' })
    const problems = ended(result, 'deployed')
    if (problems.length > 0) return problems.map(problem => `up to ${version} again: ${problem}`)
    await backgroundIsOver(stores)
  }
  return (await runsNow(stage, from, stores)).map(problem => `up again: ${problem}`)
}

function ended(result: RunResult, wanted: string): readonly string[] {
  const outcome = result.outputs['outcome']
  const errors = result.commands.filter(({ command }) => command === 'error').map(({ message }) => message)
  return outcome === wanted ? [] : [`${outcome}: ${errors.join('; ') || result.stdout.slice(-2_000)}`]
}

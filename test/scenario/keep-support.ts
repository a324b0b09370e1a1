import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { Client } from 'pg'
import { ENCRYPTION_KEY } from '../../sandbox/article/settings.ts'
import { until } from '../../sandbox/article/wait.ts'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import { compareFingerprints } from '../../sandbox/fingerprint.ts'
import { clickhouseClient } from '../../sandbox/langfuse/clickhouse-http.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import { withPostgres } from '../../sandbox/route.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import {
  clickhouseAccess,
  compareSnapshots,
  type StackSnapshot,
  takeSnapshot,
} from '../../sandbox/stack-snapshot.ts'
import { loadCatalog } from '../../src/schema/catalog.ts'
import { fill, tablesOf as touchedTables, versionsBetween } from '../down-sql/clickhouse-proof.ts'
import { ordinaryClickHouse } from '../down-sql/data/clickhouse.ts'
import { generateSql } from '../down-sql/data/rows.ts'
import { tablesOf } from '../down-sql/data/tables.ts'
import { rollTo, webService } from './support.ts'

const catalog = loadCatalog(new URL('../../', import.meta.url))

export const OLDER = '3.225.4'
export const NEWER = '4.16.0'
export const UPGRADE = { version: NEWER, backup: 'false' }

/** The article's stack on the newest v3, with rows in every table, also in those that v4 drops. */
export async function openKeepStage(): Promise<KeepStage> {
  const folder = await mkdtemp(join(tmpdir(), 'keep-'))
  const stage = await openStage({
    folder,
    release: OLDER,
    pushed: [NEWER, OLDER],
    clickhouse: '25.12.1',
    worker: { ENCRYPTION_KEY },
  })
  await fillBoth(stage)
  const before = await takeSnapshot(stage.stack)
  return {
    stage,
    before,
    query: sql => withPostgres(stage, async client => (await client.query(sql)).rows),
    inClickHouse: sql => clickhouseClient(clickhouseAccess(stage.stack)).query(sql),
    kept: () => keptStates(stage),
    isBack: () => isBack(stage, before),
    usable: () => isUsable(stage),
    close: async () => {
      await stage.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

type Rows = readonly Readonly<Record<string, unknown>>[]

export type KeepStage = {
  readonly stage: Stage
  readonly before: StackSnapshot
  query(sql: string): Promise<Rows>
  inClickHouse(sql: string): Promise<Rows>
  /** The states of what is kept, each once. */
  kept(): Promise<readonly string[]>
  /** The web reads every column and the worker is well, whatever is kept. */
  usable(): Promise<void>
  /** Images, schemas and rows are what they were; none is lost, and nothing of what keeps them is left at a table. */
  isBack(): Promise<void>
  close(): Promise<void>
}

/** Rows of each table that PostgreSQL holds more of. */
const TRACES = 300

async function fillBoth(stage: Stage): Promise<void> {
  const schema = catalog.postgresSnapshot(OLDER)
  const tables = [...tablesOf(schema).keys()].filter(table => table !== 'background_migrations')
  await withPostgres(stage, async client => {
    for (const place of [2, 3]) await client.query(generateSql(schema, tables, place))
    await client.query(
      `INSERT INTO traces (id, project_id, name, input)
       SELECT 'old-' || n, (SELECT id FROM projects ORDER BY id LIMIT 1), 'chat', jsonb_build_object('question', n)
       FROM generate_series(1, $1::int) AS n`,
      [TRACES],
    )
  })
  const clickhouse = clickhouseClient(clickhouseAccess(stage.stack))
  const database = {
    url: stage.stack.clickhouseUrlLocal,
    run: (sql: string) => clickhouse.execute(sql),
    rows: (sql: string) => clickhouse.query(sql),
    snapshot: async () => (await takeSnapshot(stage.stack)).clickhouse,
  }
  const head = catalog.clickhouseHead(OLDER)
  const ground = { catalog, database, data: ordinaryClickHouse }
  await fill(ground, head, touchedTables(catalog, versionsBetween(catalog.clickhouseHead(NEWER), 0)))
}

async function isBack(stage: Stage, before: StackSnapshot): Promise<void> {
  const now = await takeSnapshot(stage.stack)
  const { rows, details } = compareSnapshots(before, now)
  const lost = compareFingerprints(before.rows, now.rows).filter(table => table.lost > 0)
  const other = rows.filter(([what, , , same]) => !same && what !== 'rows lost')
  expect({ lost, other, details }).toEqual({ lost: [], other: [], details: [] })
  const left = await withPostgres(stage, client =>
    client.query(`SELECT tgname AS left FROM pg_trigger WHERE tgname LIKE 'langfuse\\_rollout\\_%'
      UNION ALL SELECT relname FROM pg_class WHERE relname LIKE 'kept\\_\\_%' AND relkind = 'r' AND pg_relation_size(oid) > 0
        AND relnamespace = 'langfuse_rollout'::regnamespace`),
  )
  expect(left.rows).toEqual([])
}

async function keptStates(stage: Stage): Promise<readonly string[]> {
  return withPostgres(stage, async client => {
    const { rows } = await client.query(`SELECT to_regclass('langfuse_rollout.kept') IS NOT NULL AS is`)
    if (rows[0].is !== true) return []
    const states = await client.query(`SELECT DISTINCT CASE WHEN problem IS NOT NULL THEN problem
        WHEN given_back_at IS NOT NULL OR rows = 0 AND closed_at IS NOT NULL THEN 'given back' WHEN closed_at IS NOT NULL THEN 'complete'
        WHEN kept_at IS NOT NULL THEN 'open' ELSE 'begun' END AS state
      FROM langfuse_rollout.kept ORDER BY 1`)
    return states.rows.map(({ state }) => String(state))
  })
}

async function isUsable({ stack }: Stage): Promise<void> {
  const probe = await fetch(`${stack.webUrl}/sandbox/deep-probe`)
  expect([probe.status, probe.ok ? '' : await probe.text()]).toEqual([200, ''])
}

export async function asSuperuser({ stack }: Stage, sql: string): Promise<void> {
  const client = new Client({ connectionString: stack.postgres.superuserUrl })
  await client.connect()
  await client.query(sql).finally(() => client.end())
}

/** Somebody sets the images without these actions: the new web migrates as it starts. */
export async function upgradeByHand({ stack }: Stage, release: string): Promise<void> {
  const { world } = stack.sandbox
  const web = webService(world)
  const source = web.configuration['SourceConfiguration'] as { ImageRepository: object }
  const image = { ...source.ImageRepository, ImageIdentifier: `${REGISTRY}/langfuse-web:${release}` }
  await world.call('apprunner', 'UpdateService', {
    ServiceArn: web.arn,
    SourceConfiguration: { ...source, ImageRepository: image },
  })
  await until({ what: 'the web', world, done: () => web.operations[0]?.status === 'SUCCEEDED' })
  await rollTo(world, 'langfuse_worker', `${REGISTRY}/langfuse-worker:${release}`)
}

type Report = {
  readonly plan?: {
    readonly rollbackClass: string
    readonly losses: readonly string[]
    readonly goesBack: { readonly answer: string; readonly because: string }
    readonly steps: readonly { readonly kind: string; readonly phase?: string; readonly reason: string }[]
  }
  readonly steps?: readonly {
    readonly step: { readonly kind: string; readonly phase?: string }
    readonly state: string
    readonly sentence: string
  }[]
}

export const planOf = ({ report }: RunResult) => (report as Report).plan

/** `keep-data keep done`, of the steps that are about the databases. */
export const schemaSteps = ({ report }: RunResult) =>
  ((report as Report).steps ?? []).flatMap(({ step: { kind, phase }, state }) =>
    kind === 'migrate' || phase !== undefined ? `${phase ?? kind} ${state}` : [],
  )

export const messageOf = ({ commands }: RunResult) =>
  commands.flatMap(({ command, message }) => (command === 'error' ? message : [])).join('\n')

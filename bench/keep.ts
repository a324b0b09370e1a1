import { loadavg } from 'node:os'
import { diffSnapshots } from '../sandbox/diff-snapshots.ts'
import { upStatements } from '../sandbox/langfuse/image.ts'
import { systemClock } from '../src/adapters/machine.ts'
import { createPostgres } from '../src/adapters/postgres.ts'
import { keepStores } from '../src/execute/keep-data.ts'
import { undoPostgres } from '../src/execute/undo-postgres.ts'
import type { KeepData, UndoSchema } from '../src/plan/plan.ts'
import { loadCatalog } from '../src/schema/catalog.ts'
import { renderDelta } from '../src/schema/postgres-sql.ts'
import { emptySnapshot } from '../src/schema/snapshot.ts'
import { prismaRow, prismaTable } from '../test/down-sql/chain.ts'
import { executionOf } from '../test/support/execution.ts'
import { FACTS } from '../test/support/stack.ts'
import { count, load, print, type Queries, run, say, timed } from './load.ts'

const catalog = loadCatalog(new URL('../', import.meta.url))

type Hop = {
  readonly from: string
  /** Oldest first. */
  readonly migrations: readonly string[]
  readonly rows: readonly string[]
  readonly what: string
  /** As the running release asks. */
  readonly queries: Queries
}

/**
 * How long the running release's queries wait while its data is kept, closed, reversed and given back: tables that are
 * moved, and a table and a column that are copied. Prints, asserts nothing.
 * @param url a server whose role may create databases
 */
export async function benchKeep(
  url: string,
  rows: { readonly moved: number; readonly copied: number },
): Promise<void> {
  for (const hop of [moved(rows.moved), copied(rows.copied)]) {
    const database = `keep_${hop.from.replaceAll('.', '_')}`
    await run(url, [`CREATE DATABASE ${database}`])
    const own = Object.assign(new URL(url), { pathname: `/${database}` }).href
    say(`${hop.what}; load ${loadavg()[0]?.toFixed(1)}`)
    await timed('made', () => fill(own, hop))
    const phases: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['keep', () => keep(own, 'keep', hop)],
      ['reverse', () => keep(own, 'reverse', hop)],
      ['keep again', () => keep(own, 'keep', hop)],
      ['the migrations', () => migrate(own, hop)],
      ['close', () => keep(own, 'close', hop)],
      ['expand', () => undo(own, 'expand', hop)],
      ['prepare and contract', () => undo(own, 'contract', hop)],
    ]
    for (const [phase, work] of phases) print(phase, await load(own, hop.queries, work))
    await run(url, [`DROP DATABASE ${database}`])
  }
}

/** The newest v3 to v4: three tables that no query of v3 names are moved. */
function moved(rows: number): Hop {
  const fewer = Math.max(1_000, rows / 10)
  return {
    from: '3.225.4',
    migrations: ['20260723124010_drop_dataset_run_items_table', '20260723150000_drop_legacy_tracing_tables'],
    what: `moved: ${count(rows)} rows in traces, ${count(fewer)} each in observations and scores`,
    rows: [
      `INSERT INTO traces (id, project_id, name, user_id) SELECT md5(n::text), 'p' || n % 10, 'name', 'u' || n % 1000
        FROM generate_series(1, ${rows}) n`,
      `INSERT INTO observations (id, project_id, trace_id, type) SELECT md5(n::text), 'p' || n % 10, md5(n::text), 'SPAN'
        FROM generate_series(1, ${fewer}) n`,
      `INSERT INTO scores (id, project_id, trace_id, name, source) SELECT md5(n::text), 'p' || n % 10, md5(n::text), 'q', 'API'
        FROM generate_series(1, ${fewer}) n`,
    ],
    queries: {
      read: turn =>
        `SELECT * FROM projects p JOIN organizations o ON o.id = p.org_id LEFT JOIN score_configs s ON s.project_id = p.id
          WHERE p.id = 'p${turn % 10}'`,
      write: turn => project(turn) ?? `SELECT * FROM background_migrations`,
    },
  }
}

/** A table and a column that releases write are copied. */
function copied(rows: number): Hop {
  return {
    from: '3.146.0',
    migrations: [
      '20260113102907_dataset_items_drop_sys_id_col',
      '20260113114006_dataset_item_events_drop_table',
    ],
    what: `copied: ${count(rows)} rows of dataset_item_events and values of dataset_items.sys_id each`,
    rows: [
      `INSERT INTO datasets (id, project_id, name) SELECT 'd' || n, 'p' || n, 'd' FROM generate_series(0, 9) n`,
      `INSERT INTO dataset_items (id, project_id, dataset_id) SELECT md5(n::text), 'p' || n % 10, 'd' || n % 10
        FROM generate_series(1, ${rows}) n`,
      `INSERT INTO dataset_item_events (id, item_id, project_id, dataset_id) SELECT md5(n::text), 'i', 'p' || n % 10, 'd' || n % 10
        FROM generate_series(1, ${rows}) n`,
    ],
    queries: {
      read: turn =>
        `SELECT id, status FROM dataset_items WHERE project_id = 'p${turn % 10}' AND id = md5('${(turn * 7_919) % rows}')`,
      write: turn =>
        project(turn) ??
        (turn % 2 === 0
          ? `INSERT INTO dataset_items (id, project_id, dataset_id) VALUES ('new ${performance.now()}', 'p1', 'd1')`
          : `UPDATE dataset_items SET status = 'ARCHIVED' WHERE id = md5('${(turn * 104_729) % rows}')`),
    },
  }
}

let made = 0
/** A project comes, changes and goes; undefined: another query's turn. */
function project(turn: number): string | undefined {
  if (turn % 6 === 0) made += 1
  return [
    `INSERT INTO projects (id, name, org_id) VALUES ('new ${made}', 'p', 'o')`,
    `UPDATE projects SET name = 'q' WHERE id = 'new ${made}'`,
    `DELETE FROM projects WHERE id = 'new ${made}'`,
  ][turn % 6]
}

async function fill(url: string, { from, rows }: Hop): Promise<void> {
  const schema = catalog.postgresSnapshot(from)
  const statements = renderDelta(diffSnapshots(emptySnapshot, schema), emptySnapshot, schema).map(
    ({ sql }) => sql,
  )
  const isFirst = (sql: string): boolean => /^CREATE (TABLE|TYPE)/.test(sql)
  await run(url, [
    `SET maintenance_work_mem = '1GB'`,
    ...statements.filter(isFirst),
    prismaTable,
    ...catalog.postgresMigrations(from).map(({ name, checksum }) => prismaRow(name, checksum)),
    `INSERT INTO organizations (id, name) VALUES ('o', 'o')`,
    `INSERT INTO projects (id, name, org_id) SELECT 'p' || n, 'p', 'o' FROM generate_series(0, 9) n`,
    ...rows,
    ...statements.filter(sql => !isFirst(sql)),
    'ANALYZE',
  ])
}

function contextOf() {
  const over = {
    rollbackId: 'bench',
    clock: systemClock,
    deadline: Date.now() + 3_600_000,
    facts: { ...FACTS, downSql: catalog.downSql },
  }
  return executionOf([], {}, { ...over, say: line => say(`  ${line}`) })
}

async function keep(url: string, phase: KeepData['phase'], { migrations }: Hop): Promise<void> {
  const step: KeepData = {
    kind: 'keep-data',
    phase,
    postgres: migrations.toReversed(),
    clickhouse: [],
    reason: '',
  }
  await keepStores(step, createPostgres(url), contextOf())
}

async function undo(url: string, phase: 'expand' | 'contract', { migrations }: Hop): Promise<void> {
  const postgres = migrations.toReversed()
  const step: UndoSchema = {
    kind: 'undo-schema',
    phase,
    postgres,
    clickhouse: [],
    clickhouseHead: undefined,
    reason: '',
  }
  await undoPostgres(step, createPostgres(url), contextOf(), async () => undefined)
}

/** As Prisma does, under its lock. */
async function migrate(url: string, { from, migrations }: Hop): Promise<void> {
  const applied = new Set(catalog.postgresMigrations(from).map(({ name }) => name))
  for (const name of migrations) {
    const sql = upStatements(catalog, name, applied).join(';\n')
    await run(url, ['SELECT pg_advisory_lock(72707369)', `BEGIN;\n${sql};\nCOMMIT`])
    applied.add(name)
  }
}

import type { KeepData, UndoSchema } from '../plan/plan.ts'
import type { ClickHouse } from '../ports/databases.ts'
import { clickhouseName } from '../release/facts.ts'
import { beginUndoing, countArchived, endUndoing, readUndoing } from '../schema/clickhouse-archive.ts'
import { closeKept, dropKept, type KeptTable, keptTables } from '../schema/clickhouse-keep.ts'
import { requireAllRows } from '../schema/clickhouse-rows.ts'
import { type ClickHouseStatement, parseClickHouseStatement } from '../schema/clickhouse-statement.ts'
import { runClickHouseStatement, type Toolbox } from '../schema/clickhouse-toolbox.ts'
import { quoteClickHouseIdentifier } from '../schema/quote.ts'
import type { Query } from '../schema/snapshot.ts'
import { splitStatements, withoutComments } from '../schema/sql-text.ts'
import type { Undoing } from './execution.ts'
import { StepFailed } from './execution.ts'

export type UndoContext = Pick<Undoing, 'facts' | 'clock' | 'deadline' | 'rollbackId' | 'say'>

/**
 * Checks before the first change: the down SQL is valid, the archive is writable, the schema is not dirty, and no rows
 * are hidden.
 * @throws StepFailed that says what to do; nothing was changed.
 */
export async function checkClickHouse(
  step: Step,
  clickhouse: ClickHouse,
  context: UndoContext,
): Promise<void> {
  await check(step, workOf(step, clickhouse, context))
}

/**
 * One phase on ClickHouse, which has no transactions: skips migrations whose phase is complete; every statement can be
 * repeated.
 * @param journal records that expand is complete, before the head is set back: afterwards only the journal knows which
 *   migrations are being undone
 * @returns the number of archived rows and values after contract; 0 after expand.
 * @throws StepFailed that names the migration; completed statements stay, and the next run resumes.
 */
export async function undoClickHouse(
  step: Step,
  clickhouse: ClickHouse,
  context: UndoContext,
  journal: () => Promise<void> = async () => undefined,
): Promise<number> {
  const work = workOf(step, clickhouse, context)
  await check(step, work)
  if (step.phase === 'expand') await expand(step, work, journal)
  return step.phase === 'contract' && work.files.length > 0 ? contract(work) : 0
}

type Step = Pick<UndoSchema, 'phase' | 'clickhouse' | 'clickhouseHead'>

function workOf(step: Pick<Step, 'clickhouse'>, clickhouse: ClickHouse, context: UndoContext): Work {
  return {
    files: step.clickhouse.map(version => fileOf(version, context)),
    // Copying or mutating a big table can take the whole timeout.
    query: sql =>
      clickhouse.run(sql, { timeoutMs: Math.max(60_000, context.deadline - context.clock.now()) }),
    context,
  }
}

async function check(step: Step, work: Work): Promise<void> {
  if (work.files.length === 0) return
  await makeArchive(work)
  if (step.phase !== 'expand') return
  if (step.clickhouseHead !== undefined) await refuseDirty(work.query)
  await refuseHiddenRows(
    work.files.flatMap(file => file.contract),
    work.query,
  )
}

async function makeArchive(work: Work): Promise<void> {
  const archive = withoutComments(work.context.facts.toolbox('clickhouse'), 'clickhouse')
  for (const sql of splitStatements(archive, 'clickhouse')) await work.query(sql)
}

type File = {
  readonly migration: string
  readonly keep: readonly ClickHouseStatement[]
  readonly expand: readonly ClickHouseStatement[]
  readonly contract: readonly ClickHouseStatement[]
}
/** Newest first. */
type Work = { readonly files: readonly File[]; readonly query: Query; readonly context: UndoContext }

/** All files are read before the first statement runs. */
function fileOf(version: number, { facts }: UndoContext): File {
  const migration = clickhouseName(version)
  const sections = facts.downSql('clickhouse', version)?.sections
  if (sections === undefined)
    throw new StepFailed(`There is no down SQL for ClickHouse migration ${migration}.`)
  const read = (sql: string): readonly ClickHouseStatement[] =>
    splitStatements(sql, 'clickhouse').map(parseClickHouseStatement)
  try {
    return {
      migration,
      keep: read(sections.keep),
      expand: read(sections.expand),
      contract: read(sections.contract),
    }
  } catch (error) {
    throw new StepFailed(
      `The down SQL of ClickHouse migration ${migration} is invalid; nothing was changed.`,
      [],
      error,
    )
  }
}

async function expand(
  step: Step,
  { files, query, context }: Work,
  journal: () => Promise<void>,
): Promise<void> {
  const migrations = files.map(({ migration }) => migration)
  if (files.length > 0) await beginUndoing(query, migrations, context.rollbackId)
  for (const { migration, expand: statements } of files) {
    await runAll(statements, { query, migration, rollbackId: '', say: context.say }, 'expand')
  }
  await journal()
  if (step.clickhouseHead !== undefined) await writeHead(step.clickhouseHead, query, context)
}

async function contract({ files, query, context }: Work): Promise<number> {
  const undoing = await readUndoing(
    query,
    files.map(({ migration }) => migration),
    context.rollbackId,
  )
  for (const [position, { migration, contract: statements }] of files.entries()) {
    const { rollbackId = context.rollbackId, isOver = false } = undoing.get(migration) ?? {}
    if (isOver) continue
    const going = movedBy(files.slice(position + 1))
    const needed = statements.filter(statement => !isAbout(statement, going))
    await runAll(needed, { query, migration, rollbackId, say: context.say }, 'contract')
    await endUndoing(query, migration, rollbackId)
  }
  return countArchived(query, [...new Set([...undoing.values()].map(({ rollbackId }) => rollbackId))])
}

/** Tables that an older file archives whole: archiving their columns first would rewrite the biggest tables (v4's events). */
function movedBy(older: readonly File[]): ReadonlySet<string> {
  return new Set(
    older.flatMap(file =>
      file.contract.flatMap(statement => (statement.kind === 'drop-table' ? [statement.table] : [])),
    ),
  )
}

function isAbout(statement: ClickHouseStatement, tables: ReadonlySet<string>): boolean {
  return statement.kind !== 'drop-table' && statement.table !== undefined && tables.has(statement.table)
}

/**
 * Keeps what the migrations delete, or puts an end to it. The tables that are kept, by migration; PostgreSQL has their
 * manifest.
 */
export async function keepInClickHouse(
  step: KeepData,
  clickhouse: ClickHouse,
  context: UndoContext,
): Promise<readonly (KeptTable & { readonly migration: string })[]> {
  const work = workOf(step, clickhouse, context)
  await makeArchive(work)
  const kept = []
  for (const { migration, keep } of work.files) {
    const toolbox = { query: work.query, migration, rollbackId: '', say: context.say }
    const tables = keep.flatMap(statement => (statement.kind === 'keep-table' ? statement.table : []))
    if (step.phase === 'keep') await runAll(keep, toolbox, 'keep')
    if (step.phase === 'close') await closeKept(tables, toolbox)
    if (step.phase === 'reverse' || step.phase === 'drop') await dropKept(tables, toolbox)
    else kept.push(...(await keptTables(tables, toolbox)).map(table => ({ ...table, migration })))
  }
  return kept
}

async function runAll(
  statements: readonly ClickHouseStatement[],
  toolbox: Toolbox,
  phase: 'keep' | 'expand' | 'contract',
): Promise<void> {
  if (statements.length === 0) return
  toolbox.say(`ClickHouse ${toolbox.migration}: ${phase}`)
  for (const statement of statements) {
    try {
      await runClickHouseStatement(statement, toolbox)
    } catch (error) {
      throw new StepFailed(
        `The ${phase} down SQL of ClickHouse migration ${toolbox.migration} failed. ClickHouse has no transactions, so completed statements stay: run again to resume.`,
        [],
        error,
      )
    }
  }
}

async function refuseHiddenRows(statements: readonly ClickHouseStatement[], query: Query): Promise<void> {
  const archived = statements.flatMap(statement =>
    statement.kind === 'archive-column' || statement.kind === 'drop-table' ? [statement.table] : [],
  )
  const tables = await query(
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name",
  )
  for (const name of tables.map(row => String(row['name']))) {
    if (!archived.includes(name)) continue
    try {
      await requireAllRows(query, { table: quoteClickHouseIdentifier(name), name })
    } catch (error) {
      throw new StepFailed(`Rows of ClickHouse table ${name} would be lost. Nothing was changed.`, [], error)
    }
  }
}

/** golang-migrate also refuses to start from a dirty version ("Fix and force version"). */
async function refuseDirty(query: Query): Promise<void> {
  const [row] = await query('SELECT version, dirty FROM schema_migrations ORDER BY sequence DESC LIMIT 1')
  if (Number(row?.['dirty'] ?? 0) === 0) return
  throw new StepFailed(
    `ClickHouse migration ${row?.['version']} is dirty in schema_migrations: it failed part-way. Repair it, then run again. Nothing was changed.`,
  )
}

/**
 * schema_migrations is append-only: the row with the highest `sequence` (Unix time in nanoseconds) counts
 * (golang-migrate, database/clickhouse/clickhouse.go, SetVersion).
 */
async function writeHead(head: number, query: Query, { clock, say }: UndoContext): Promise<void> {
  const [row] = await query('SELECT max(sequence) AS newest FROM schema_migrations')
  const newest = BigInt(String(row?.['newest'] ?? '0'))
  const now = BigInt(clock.now()) * 1_000_000n
  const sequence = now > newest ? now : newest + 1n
  await query(`INSERT INTO schema_migrations (version, dirty, sequence) VALUES (${head}, 0, ${sequence})`)
  say(`set the head of ClickHouse's schema_migrations to ${head}`)
}

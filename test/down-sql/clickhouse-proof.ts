import { renderDelta, renderEffects } from '../../sandbox/langfuse/clickhouse-sql.ts'
import { undoClickHouse } from '../../src/execute/undo-clickhouse.ts'
import { clickhouseName } from '../../src/release/facts.ts'
import type { Catalog } from '../../src/schema/catalog.ts'
import { wordsOf } from '../../src/schema/clickhouse-statement.ts'
import { applyDelta } from '../../src/schema/diff.ts'
import { quoteClickHouseLiteral as literal } from '../../src/schema/quote.ts'
import { keyOf, parseKey, type Snapshot, sameFacts } from '../../src/schema/snapshot.ts'
import type { ClickHouseDatabase, Rows } from '../schema/databases.ts'
import { type Contents, type Row, readContents } from './clickhouse-contents.ts'
import { type ClickHouseData, insertsFor } from './data/clickhouse.ts'

/** A database whose head goes up and down. */
export type Ground = {
  readonly catalog: Catalog
  readonly name: string
  readonly database: ClickHouseDatabase
  /** What one ClickHouse migration does: the catalog's rendering, or Langfuse's own file. */
  readonly up: (version: number) => Promise<void>
  readonly data: ClickHouseData
}

export type Verdict = {
  readonly from: number
  readonly to: number
  /** What differs from the older release's schema after down, and from the newer one's after up again. */
  readonly differences: readonly string[]
  /** Values that are neither in place nor in the archive. */
  readonly lost: readonly string[]
  /** What a `-- count:` promised and the manifest does not have, and the other way round. */
  readonly miscounted: readonly string[]
  readonly archived: number
}

/**
 * From nothing to the newest head, and at each head the newest migration undone and applied again, with rows of its own. With `up` running Langfuse's own files this is the conformance run, with the catalog's rendering the test.
 */
export async function proveEach(ground: Ground, rollbackId = ground.name): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = []
  for (let head = 1; head <= newestOf(ground.catalog); head++) {
    await ground.up(head)
    // From here on the tables stay that users build upon.
    if (head === 4) for (const sql of ground.data.own) await ground.database.run(sql)
    await refill(ground, head, [head])
    verdicts.push(await proveDown(ground, head, head - 1, `${rollbackId}-${head}`))
  }
  return verdicts
}

/** From the newest head to each of these directly, and up again each time, in one database. */
export async function proveJumps(
  ground: Ground,
  heads: readonly number[],
  rollbackId = ground.name,
): Promise<readonly Verdict[]> {
  const newest = newestOf(ground.catalog)
  for (let head = 1; head <= newest; head++) await ground.up(head)
  for (const sql of ground.data.own) await ground.database.run(sql)
  const verdicts: Verdict[] = []
  for (const to of heads) {
    await refill(ground, newest, versionsBetween(newest, to))
    verdicts.push(await proveDown(ground, newest, to, `${rollbackId}-${to}`))
  }
  return verdicts
}

/** New rows instead of those of earlier rounds, in the tables that these migrations are about. */
async function refill(ground: Ground, head: number, versions: readonly number[]): Promise<void> {
  const tables = tablesOf(ground.catalog, versions)
  for (const table of (await readContents(ground.database.rows, ground.name, tables)).keys()) {
    await ground.database.run(`TRUNCATE TABLE ${table}`)
  }
  await fill(ground, head, tables)
}

export function newestOf(catalog: Catalog): number {
  return catalog.clickhouseMigrations(Number.POSITIVE_INFINITY).at(-1)?.version ?? 0
}

export function isExact({ differences, lost, miscounted }: Verdict): boolean {
  return [differences, lost, miscounted].every(found => found.length === 0)
}

/** What went wrong, a line each. */
export function problemsOf({ from, to, differences, lost, miscounted }: Verdict): readonly string[] {
  return [...differences, ...lost.map(row => `lost: ${row}`), ...miscounted].map(
    line => `${from} → ${to}: ${line}`,
  )
}

/** The catalog's rendering of what one migration does. */
export function rendered(catalog: Catalog, database: ClickHouseDatabase, name: string): Ground['up'] {
  return async version => {
    const before = catalog.clickhouseSnapshot(version - 1)
    const step = catalog.clickhouseStep(version)
    for (const { sql } of renderDelta(step, before, applyDelta(before, step), name)) await database.run(sql)
    for (const sql of renderEffects(step.effects)) await database.run(sql)
  }
}

/** One phase of undoing these migrations, newest first; the answer is what is in the archive. */
export type Undo = (
  phase: 'expand' | 'contract',
  versions: readonly number[],
  rollbackId: string,
) => Promise<number>

/**
 * Down from one head to an older one, with rows that both releases write in between; the schema is compared, every
 * value is looked for, and the way up is gone again.
 */
export async function proveDown(
  ground: Ground,
  from: number,
  to: number,
  rollbackId: string,
  undo: Undo = (phase, versions, id) => undoPhase(ground, phase, versions, id),
): Promise<Verdict> {
  const { catalog, database } = ground
  const own = ownOf(await database.snapshot(), catalog.clickhouseSnapshot(from))
  const versions = versionsBetween(from, to)
  const counted = await countAll(ground, versions)
  await undo('expand', versions, rollbackId)
  const between = await database.snapshot()
  const missing = [from, to].flatMap(head => missingIn(between, catalog.clickhouseSnapshot(head), head))
  const touched = tablesOf(catalog, versions)
  const early = await readContents(database.rows, ground.name, touched)
  for (const head of [to, from]) await fill(ground, head, touched)
  const before = merged(early, await readContents(database.rows, ground.name, touched))
  const archivedRows = await undo('contract', versions, rollbackId)
  const after = await database.snapshot()
  const inPlace = await readContents(database.rows, ground.name, touched)
  const lost = findLost(before, inPlace, await readArchive(ground, rollbackId))
  const miscounted = await compareCounts(ground, counted, rollbackId)
  for (const version of versions.toReversed()) await ground.up(version)
  const again = await database.snapshot()
  return {
    from,
    to,
    differences: [
      ...missing,
      ...differencesOf(after, { ...catalog.clickhouseSnapshot(to), ...own }, `down to ${to}`),
      ...differencesOf(again, { ...catalog.clickhouseSnapshot(from), ...own }, `up again to ${from}`),
    ],
    lost,
    miscounted,
    archived: archivedRows,
  }
}

export function versionsBetween(from: number, to: number): readonly number[] {
  return Array.from({ length: from - to }, (_, index) => from - index)
}

/** As a rollback does it, without schema_migrations. */
export async function undoPhase(
  { catalog, database }: Pick<Ground, 'catalog' | 'database'>,
  phase: 'expand' | 'contract',
  versions: readonly number[],
  rollbackId: string,
  run: (sql: string) => Promise<Rows> = sql => runAny(database, sql),
): Promise<number> {
  return undoClickHouse(
    { phase, clickhouse: versions, clickhouseHead: undefined },
    { address: 'here', ping: async () => true, run },
    {
      facts: catalog,
      clock: { now: () => 0, random: () => 0, every: () => () => undefined, sleep: async () => undefined },
      deadline: 600_000,
      rollbackId,
      say: () => undefined,
    },
  )
}

export async function runAny(database: ClickHouseDatabase, sql: string): Promise<Rows> {
  if (/^\s*SELECT\b/.test(sql)) return database.rows(sql)
  await database.run(sql)
  return []
}

let serial = 0

/** Rows as a release of this head writes them, in those of the tables that it knows. */
export async function fill(
  { catalog, database, data }: Pick<Ground, 'catalog' | 'database' | 'data'>,
  head: number,
  tables: readonly string[],
): Promise<void> {
  if (data.rows === 0) return
  const schema = catalog.clickhouseSnapshot(head)
  const known = tables.filter(table => schema[keyOf({ kind: 'table', names: [table] })] !== undefined)
  for (const sql of insertsFor(schema, known, data, serial)) await database.run(sql)
  serial += data.rows
}

/** The tables that migrations are about: what they change, and what the views that they change read and write. */
export function tablesOf(catalog: Catalog, versions: readonly number[]): readonly string[] {
  const known = new Set(
    catalog
      .clickhouseMigrations(Number.POSITIVE_INFINITY)
      .flatMap(({ version }) => tableNames(catalog, version)),
  )
  return [...known].filter(table => versions.some(version => wordsOfStep(catalog, version).has(table)))
}

function tableNames(catalog: Catalog, version: number): readonly string[] {
  return Object.keys(catalog.clickhouseStep(version).added)
    .map(parseKey)
    .flatMap(({ kind, names }) => (kind === 'table' ? names : []))
}

function wordsOfStep(catalog: Catalog, version: number): ReadonlySet<string> {
  const { added, removed, changed } = catalog.clickhouseStep(version)
  const views = [
    ...Object.values(added),
    ...Object.values(removed),
    ...Object.values(changed).map(({ to }) => to),
  ]
  const keys = [added, removed, changed]
    .flatMap(part => Object.keys(part))
    .map(key => parseKey(key).names[0] ?? '')
  return new Set([
    ...keys,
    ...views.flatMap(({ select = '', target = '' }) => [...wordsOf(`${select} ${target}`)]),
  ])
}

function ownOf(snapshot: Snapshot, langfuse: Snapshot): Snapshot {
  return Object.fromEntries(Object.entries(snapshot).filter(([key]) => langfuse[key] === undefined))
}

/** Between expand and contract both releases read and write: every table, column and view of both is there. */
function missingIn(between: Snapshot, needed: Snapshot, head: number): readonly string[] {
  return Object.keys(needed)
    .filter(key => parseKey(key).kind !== 'index' && between[key] === undefined)
    .map(key => `between the phases, head ${head} misses ${key}`)
}

function differencesOf(actual: Snapshot, expected: Snapshot, when: string): readonly string[] {
  const keys = [...new Set([...Object.keys(actual), ...Object.keys(expected)])]
  return keys.flatMap(key => {
    const [is, should] = [actual[key], expected[key]]
    if (is !== undefined && should !== undefined && sameFacts(is, should)) return []
    return [`${when}: ${key} is ${JSON.stringify(is)} and should be ${JSON.stringify(should)}`]
  })
}

/** Rows that were there before expand and are gone after it would be missed too. */
function merged(
  early: ReadonlyMap<string, Contents>,
  late: ReadonlyMap<string, Contents>,
): ReadonlyMap<string, Contents> {
  const all = new Map(late)
  for (const [table, contents] of early) {
    const now = late.get(table)
    const seen = new Set(now?.rows.map(row => JSON.stringify(row)))
    const gone = contents.rows.filter(row => !seen.has(JSON.stringify(row)))
    if (contents.engine !== 'AggregatingMergeTree')
      all.set(table, { ...contents, rows: [...gone, ...(now?.rows ?? [])] })
  }
  return all
}

export type Archive = {
  /** Tables that were moved, and columns that were copied, by the name they had: `traces`, `scores.metadata`. */
  readonly stored: ReadonlyMap<string, readonly Contents[]>
}

export async function readArchive(
  { database }: Pick<Ground, 'database'>,
  rollbackId: string,
): Promise<Archive> {
  const entries = await database.rows(
    `SELECT relation, column, stored_as FROM langfuse_rollout.archived
     WHERE ${isOf(rollbackId)} AND rows > 0`,
  )
  const names = entries.map(row => String(row['stored_as']))
  const contents =
    names.length === 0 ? new Map() : await readContents(database.rows, 'langfuse_rollout', names)
  const stored = new Map<string, Contents[]>()
  for (const { relation, column, stored_as } of entries) {
    const name = column === '' ? String(relation) : `${relation}.${column}`
    const found = contents.get(String(stored_as))
    if (found === undefined) throw new Error(`The manifest says ${stored_as}, which is not there.`)
    stored.set(name, [...(stored.get(name) ?? []), found])
  }
  return { stored }
}

/** Of this rollback, or of what a repetition of it was named. */
function isOf(rollbackId: string): string {
  return `(rollback_id = ${literal(rollbackId)} OR startsWith(rollback_id, ${literal(`${rollbackId}-`)}))`
}

/** Values of `before` that are neither in place nor in the archive. */
export function findLost(
  before: ReadonlyMap<string, Contents>,
  after: ReadonlyMap<string, Contents>,
  archive: Archive,
): readonly string[] {
  return [...before].flatMap(([table, contents]) => {
    const moved = archive.stored.get(table)?.flatMap(({ rows }) => rows) ?? []
    const whole = new Set(moved.map(row => JSON.stringify(row)))
    const inPlace = byKey(after.get(table)?.rows ?? [], contents)
    const values = valuesOf(table, contents, archive)
    return contents.rows.flatMap(row => {
      if (whole.has(JSON.stringify(row))) return []
      const candidates = inPlace.get(keyText(row, contents)) ?? []
      const unfound = candidates.map(candidate => missingValues(row, candidate, { contents, values }))
      if (unfound.some(missing => missing.length === 0) || isSuperseded(row, contents)) return []
      if (contents.engine === 'AggregatingMergeTree' && isUnited(row, [...candidates, ...moved])) return []
      return [`${table} ${JSON.stringify(row).slice(0, 400)}: ${(unfound[0] ?? ['no such row']).join(', ')}`]
    })
  })
}

function keyText(row: Row, { key, version }: Contents): string {
  return JSON.stringify([...key, ...(version === undefined ? [] : [version])].map(column => row[column]))
}

function byKey(rows: readonly Row[], contents: Contents): ReadonlyMap<string, readonly Row[]> {
  const found = new Map<string, Row[]>()
  for (const row of rows) {
    const key = keyText(row, contents)
    const same = found.get(key)
    if (same === undefined) found.set(key, [row])
    else same.push(row)
  }
  return found
}

type Values = ReadonlySet<string>

/** What the archive has of a table's columns, each with the key of its row. */
function valuesOf(table: string, contents: Contents, { stored }: Archive): Values {
  const found = [...stored].filter(([name]) => name.startsWith(`${table}.`))
  return new Set(
    found.flatMap(([name, parts]) => {
      const column = name.slice(table.length + 1)
      return parts.flatMap(({ rows }) => rows.map(row => valueText(row, column, contents)))
    }),
  )
}

function valueText(row: Row, column: string, contents: Contents): string {
  return JSON.stringify([column, row[column], keyText(row, contents)])
}

/** Columns of a row that are neither as they were nor in the archive. */
function missingValues(
  row: Row,
  candidate: Row,
  { contents, values }: { readonly contents: Contents; readonly values: Values },
): readonly string[] {
  return Object.keys(row).filter(column => {
    if (column in candidate && candidate[column] === row[column]) return false
    if (!(column in candidate) && isDefault(column, row[column] ?? '')) return false
    return !values.has(valueText(row, column, contents))
  })
}

/** What a column that comes again has in every row; nothing is archived for it. */
function isDefault(column: string, value: string): boolean {
  if (column === 'environment') return value === '"default"'
  if (column.startsWith('ingestion_sdk_')) return value === '"unknown"'
  return ['null', '""', '[]', '{}'].includes(value)
}

/** ReplacingMergeTree drops a row of which it has a newer version, or a second copy, whenever it merges. */
function isSuperseded(row: Row, { key, version, rows }: Contents): boolean {
  if (version === undefined) return false
  const same = rows.filter(other => other !== row && key.every(column => other[column] === row[column]))
  return same.some(other => String(other[version]) >= String(row[version]))
}

/** Lists of one key become one list with everything of both. */
function isUnited(row: Row, candidates: readonly Row[]): boolean {
  const itemsOf = ({ environments = '[]' }: Row): readonly unknown[] => JSON.parse(environments)
  const all = new Set(candidates.flatMap(itemsOf))
  return 'environments' in row && itemsOf(row).every(item => all.has(item))
}

/** What the headers of the files count, before anything is done. */
async function countAll(
  ground: Ground,
  versions: readonly number[],
): Promise<readonly (readonly [string, number])[]> {
  const counts: (readonly [string, number])[] = []
  for (const version of versions) {
    for (const { what, sql } of ground.catalog.downSql('clickhouse', version)?.counts ?? []) {
      const rows = await ground.database.rows(sql)
      const numbers = rows.flatMap(row => Object.values(row))
      if (rows.length !== 1 || numbers.length !== 1) throw new Error(`${sql} is not one number.`)
      counts.push([`${clickhouseName(version)} ${what}`, Number(numbers[0])])
    }
  }
  return counts
}

/** The rows that both releases wrote in between come on top, so the archive has no fewer than was counted. */
async function compareCounts(
  { database, data }: Ground,
  counted: readonly (readonly [string, number])[],
  rollbackId: string,
): Promise<readonly string[]> {
  const entries = await database.rows(
    `SELECT migration, relation, column, sum(rows) AS rows, count() AS entries FROM langfuse_rollout.archived
     WHERE ${isOf(rollbackId)} GROUP BY rollback_id, migration, relation, column`,
  )
  const twice = entries
    .filter(row => Number(row['entries']) > 1)
    .map(row => `${row['relation']}.${row['column']} is in the manifest twice`)
  if (data.name === 'hostile') return twice // its copies of rows go whenever ClickHouse merges
  const short = entries.flatMap(({ migration, relation, column, rows }) => {
    if (relation === 'project_environments') return [] // its rows are united when ClickHouse merges
    const about = column === '' ? String(relation) : `${relation}.${column}`
    const promised = counted.find(([what]) => what.startsWith(`${migration} `) && what.includes(about))
    return promised !== undefined && promised[1] > Number(rows)
      ? [`${promised[0]}: ${promised[1]}, and ${rows} are in the archive`]
      : []
  })
  return [...twice, ...short]
}

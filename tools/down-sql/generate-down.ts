import type { BackgroundMigration, Catalog } from '../../src/schema/catalog.ts'
import { applyDelta, type Delta, type Rename } from '../../src/schema/diff.ts'
import type { DownClass } from '../../src/schema/down-sql.ts'
import { columnSql, followsRenames } from '../../src/schema/postgres-sql.ts'
import { quoteLiteral } from '../../src/schema/quote.ts'
import { type Facts, type Kind, keyOf, parseKey, type Snapshot } from '../../src/schema/snapshot.ts'
import {
  columnUse,
  cyclicForeignKeys,
  duplicatesOf,
  type ForeignKey,
  foreignKeyOf,
  isGoneWithTable,
  isUniqueAnyway,
  orphansOf,
  tableOrder,
} from './generate-down-rows.ts'
import { quoteWhereNeeded as quote } from './quote-where-needed.ts'

export type DownPhase = 'expand' | 'prepare' | 'contract' | 'validate'

export type DownStatement = {
  readonly phase: DownPhase
  /** Ends in a semicolon. */
  readonly sql: string
  /** Key of the object, as in a snapshot; a row of background_migrations is `table public.background_migrations.<id>`. */
  readonly object: string
  /** What SQL alone cannot know, and a person has to decide. */
  readonly review?: string
}

/** The inverse of one migration. */
export type GeneratedDown = {
  readonly migration: string
  readonly class: DownClass
  /** What is gone for good, one entry each; empty when everything is in place or in the archive. */
  readonly loses: readonly string[]
  /** What will be archived or changed: each a SELECT that gives one number. */
  readonly counts: readonly { readonly what: string; readonly sql: string }[]
  readonly statements: readonly DownStatement[]
}

type BackgroundRows = {
  readonly added: readonly Pick<BackgroundMigration, 'id'>[]
  readonly removed: readonly Pick<BackgroundMigration, 'id' | 'name' | 'script' | 'args'>[]
}

/**
 * The SQL that undoes a migration, as calls of the toolbox (src/schema/toolbox.ts) and plain statements, by phase.
 * It is mechanical: what the migration did to rows, beside those of `background_migrations`, is not in it, and where
 * rows can stand in the way it takes the answer that keeps them in the archive, marked for review.
 * @param delta what the migration changed, renames seen as renames
 * @param before the schema before it
 * @throws Error for an object outside the schema public, where the toolbox does not work.
 */
export function generateDown(options: {
  readonly migration: string
  readonly delta: Delta
  readonly before: Snapshot
  readonly background?: BackgroundRows
}): GeneratedDown {
  const { migration, delta, before, background = { added: [], removed: [] } } = options
  for (const key of keysOf(delta)) {
    if (parseKey(key).names[0] !== 'public')
      throw new Error(`${key} is not in schema public: no down SQL can be made.`)
  }
  const undo = undoing(delta, before)
  const statements = [
    ...expand(undo),
    ...prepare(undo),
    ...contract(undo),
    ...rows(background),
    ...validate(undo),
  ]
  const loses = lossesOf(delta)
  return {
    migration,
    class: loses.length > 0 ? 'lossy' : 'schema',
    loses,
    counts: countsOf(undo),
    statements,
  }
}

/** The mechanical inverse of a migration that the catalog has. */
export function generatedOf(
  migration: string,
  catalog: Pick<Catalog, 'postgresChange' | 'allBackgroundMigrations'>,
): GeneratedDown {
  const rows = catalog.allBackgroundMigrations()
  const background = {
    added: rows.filter(({ addedBy }) => addedBy === migration),
    removed: rows.filter(({ removedBy }) => removedBy === migration),
  }
  return generateDown({ migration, ...catalog.postgresChange(migration), background })
}

/** What turns `to` back into `from`. */
export function invertDelta(delta: Delta): Delta {
  return {
    renamed: delta.renamed.map(({ from, to }) => ({ from: to, to: from })).toReversed(),
    added: delta.removed,
    removed: delta.added,
    changed: Object.fromEntries(
      Object.entries(delta.changed).map(([key, { from, to }]) => [key, { from: to, to: from }]),
    ),
  }
}

/** The way back, with the objects of each kind that come, go, or change. */
type Undo = {
  readonly inverse: Delta
  readonly before: Snapshot
  readonly after: Snapshot
  readonly come: (kind: Kind) => readonly string[]
  readonly gone: (kind: Kind) => readonly string[]
  readonly altered: (kind: Kind) => readonly (readonly [key: string, from: Facts, to: Facts])[]
}

function undoing(delta: Delta, before: Snapshot): Undo {
  const inverse = invertDelta(delta)
  const changed = Object.entries(inverse.changed).filter(([key]) => !followsRenames(key, inverse))
  const remade = changed
    .map(([key]) => key)
    .filter(key => ['constraint', 'index', 'view', 'function', 'trigger'].includes(kindOf(key)))
  const ofKind = (keys: readonly string[]) => (kind: Kind) => keys.filter(key => kindOf(key) === kind)
  return {
    inverse,
    before,
    after: applyDelta(before, delta),
    come: ofKind([...Object.keys(inverse.added), ...remade]),
    gone: ofKind([...Object.keys(inverse.removed), ...remade]),
    altered: kind =>
      changed.flatMap(([key, { from, to }]) => (kindOf(key) === kind ? [[key, from, to] as const] : [])),
  }
}

/** What the older release needs, given while the newer one still runs. */
function expand(undo: Undo): DownStatement[] {
  const { come, altered, before } = undo
  const make = maker('expand')
  const tables = new Set(come('table'))
  const ofNewTable = (key: string): boolean => tables.has(tableKey(key))
  return [
    ...come('enum').map(key => make(key, createEnum(key, before[key]))),
    ...altered('enum').flatMap(([key, from, to]) =>
      labelsOf(to)
        .filter(label => !labelsOf(from).includes(label))
        .map(label => make(key, `ALTER TYPE ${full(key)} ADD VALUE IF NOT EXISTS ${quoteLiteral(label)};`)),
    ),
    ...come('sequence').map(key => make(key, `CREATE SEQUENCE IF NOT EXISTS ${full(key)};`)),
    ...come('function').map(key => make(key, `${definition(before[key])};`)),
    ...[...tables].map(key => make(key, createTable(key, before))),
    ...come('constraint')
      .filter(key => ofNewTable(key) && foreignKeyOf(before[key]) === undefined)
      .map(key => make(key, addConstraint(key, definition(before[key])))),
    ...come('index')
      .filter(ofNewTable)
      .map(key => make(key, `${createIndex(key, before)};`)),
    ...come('column')
      .filter(key => !ofNewTable(key))
      .map(key => make(key, call('add_column', table(key), own(key), columnSql(comingColumn(before[key]))))),
    ...relaxed(undo).map(key => make(key, call('drop_not_null', table(key), own(key)))),
    ...altered('column')
      .filter(([, from, to]) => has(to, 'default') && !has(from, 'default'))
      .map(([key, , to]) => make(key, call('set_default', table(key), own(key), String(to['default'])))),
    ...come('view').map(key => make(key, createView(key, before[key]))),
    ...come('trigger').map(key => make(key, createTrigger(key, before[key]))),
  ]
}

/** Columns that the older release leaves out of its INSERTs, or fills with NULL, and that forbid it now. */
function relaxed({ gone, altered, inverse }: Undo): string[] {
  const tables = new Set(gone('table'))
  return [
    ...altered('column').flatMap(([key, from, to]) =>
      from['notNull'] === true && to['notNull'] !== true ? [key] : [],
    ),
    ...gone('column').filter(key => !tables.has(tableKey(key)) && needsFill(inverse.removed[key])),
  ]
}

/** Copies and repairs of tables that can be big, without a lock that anybody waits for. */
function prepare(undo: Undo): DownStatement[] {
  const make = maker('prepare')
  return [
    ...goneColumns(undo)
      .filter(isBig)
      .map(key => make(key, call('archive_column', table(key), own(key)))),
    ...repairs(undo)
      .filter(({ object }) => isBig(object))
      .map(repair => ({ ...repair, phase: 'prepare' as const })),
  ]
}

/** Takes away what only the newer release has, and forbids again what the older one forbade. */
function contract(undo: Undo): DownStatement[] {
  const { gone, come, altered, inverse, before } = undo
  const make = maker('contract')
  const tables = tableOrder(gone('table'), inverse.removed)
  const alone = (key: string): boolean => !isGoneWithTable(key, tables)
  const newTables = new Set(come('table'))
  const comesLate = (key: string): boolean =>
    !newTables.has(tableKey(key)) || foreignKeyOf(before[key]) !== undefined
  return [
    ...gone('trigger')
      .filter(alone)
      .map(key => make(key, `DROP TRIGGER IF EXISTS ${quote(own(key))} ON ${fullTable(key)};`)),
    ...gone('view').map(key => make(key, call('drop_view', own(key)))),
    ...gone('constraint')
      .filter(alone)
      .toSorted(foreignKeysFirst(inverse))
      .map(key => make(key, call('drop_constraint', table(key), own(key)))),
    ...gone('index')
      .filter(alone)
      .map(key => make(key, call('drop_index', own(key)))),
    ...gone('function').map(key => make(key, `DROP FUNCTION IF EXISTS ${routine(key)};`)),
    ...cyclicForeignKeys(gone('constraint'), tables, inverse.removed).map(key =>
      make(key, call('drop_constraint', table(key), own(key))),
    ),
    ...tables.map(key => make(key, call('drop_table', own(key)))),
    ...inverse.renamed.toSorted(tablesFirst).map(rename),
    ...repairs(undo).filter(({ object }) => !isBig(object)),
    ...altered('enum').map(([key, from, to]) => rebuildEnum(key, from, to, before)),
    ...altered('column').flatMap(([key, from, to]) => alterColumn(key, from, to)),
    ...come('column')
      .filter(key => !newTables.has(tableKey(key)) && needsFill(before[key]))
      .map(key => setNotNull(key, before)),
    ...goneColumns(undo).map(key => make(key, call('drop_column', table(key), own(key)))),
    ...gone('sequence')
      .filter(key => !has(inverse.removed[key] ?? {}, 'ownedBy'))
      .map(key => make(key, `DROP SEQUENCE IF EXISTS ${full(key)};`)),
    ...gone('enum').map(key => make(key, call('drop_enum', own(key)))),
    ...come('index')
      .filter(key => !newTables.has(tableKey(key)) && isUnique(before[key]))
      .map(key => make(key, `${createIndex(key, before)};`)),
    ...come('constraint')
      .filter(comesLate)
      .toSorted((one, other) => -foreignKeysFirst(inverse)(one, other))
      .map(key => make(key, addConstraint(key, notValid(before[key])))),
  ]
}

/**
 * What has to look at every row and must not make anybody wait. The older release has worked without the foreign key
 * since `prepare`, so what that repaired is repaired once more.
 */
function validate(undo: Undo): DownStatement[] {
  const { come, before } = undo
  const make = maker('validate')
  const newTables = new Set(come('table'))
  const again = repairs(undo).filter(
    ({ object }) => isBig(object) && foreignKeyOf(before[object]) !== undefined,
  )
  return [
    ...come('constraint')
      .filter(key => foreignKeyOf(before[key]) !== undefined)
      .flatMap(key => [
        ...again.filter(({ object }) => object === key).map(({ sql }) => make(key, sql)),
        make(key, call('validate_constraint', table(key), own(key))),
      ]),
    ...come('index')
      .filter(key => !newTables.has(tableKey(key)) && !isUnique(before[key]))
      .flatMap(key => [
        make(key, call('drop_invalid_index', own(key))),
        make(key, `${createIndex(key, before).replace(' INDEX ', ' INDEX CONCURRENTLY ')};`),
      ]),
  ]
}

function rows({ added, removed }: BackgroundRows): DownStatement[] {
  const make = maker('contract')
  const pause = maker('expand')
  const keyOfRow = (id: string): string =>
    keyOf({ kind: 'table', names: ['public', 'background_migrations', id] })
  return [
    ...added.flatMap(({ id }) => [
      pause(keyOfRow(id), call('pause_background_migration', id)),
      make(keyOfRow(id), call('delete_background_migration', id)),
    ]),
    ...removed.map(({ id, name, script, args }) =>
      make(keyOfRow(id), call('insert_background_migration', id, name, script, JSON.stringify(args))),
    ),
  ]
}

/** Rows that a key, a constraint or NOT NULL of the older release forbids. */
function repairs({ come, before, after, gone }: Undo): DownStatement[] {
  const newTables = new Set([...come('table'), ...gone('table')])
  const onOldTable = (key: string): boolean => !newTables.has(tableKey(key))
  const keys = [...come('constraint'), ...come('index').filter(key => isUnique(before[key]))].filter(
    onOldTable,
  )
  return keys.flatMap(key => {
    const foreign = foreignKeyOf(before[key])
    return foreign === undefined ? dropDuplicates(key, before, after) : [dropOrphans(key, foreign)]
  })
}

function dropOrphans(key: string, foreign: ForeignKey): DownStatement {
  const reason = `${foreign.columns.join(', ')} points to a row of ${foreign.parent} that is not there`
  const review = `rows without their ${foreign.parent}: is this what the older release would have done with them?`
  const nothing = foreign.columns.map(name => `${quote(name)} = NULL`).join(', ')
  const sql =
    foreign.onDelete === 'SET NULL'
      ? call('rewrite_rows', table(key), nothing, orphansOf(foreign), reason)
      : call('delete_rows', table(key), orphansOf(foreign), reason)
  return { phase: 'contract', sql, object: key, review }
}

function dropDuplicates(key: string, before: Snapshot, after: Snapshot): DownStatement[] {
  const condition = duplicatesOf(key, before)
  if (condition === undefined || isUniqueAnyway(key, before, after)) return []
  const sql = call('delete_rows', table(key), condition, `${own(key)} allows one row with these values`)
  const review = 'of rows with the same key the one that was stored last is kept: which one should it be?'
  return [{ phase: 'contract', sql, object: key, review }]
}

function rebuildEnum(key: string, from: Facts, to: Facts, before: Snapshot): DownStatement {
  const going = labelsOf(from).filter(label => !labelsOf(to).includes(label))
  const replacement = columnUse(key, before).defaultLabel ?? labelsOf(to)[0] ?? ''
  const mapping = Object.fromEntries(going.map(label => [label, replacement]))
  const labels = labelsOf(to).map(quoteLiteral).join(', ')
  const sql = `SELECT langfuse_rollout.rebuild_enum(${quoteLiteral(own(key))}, ARRAY[${labels}], ${quoteLiteral(JSON.stringify(mapping))});`
  const statement = { phase: 'contract', sql, object: key } as const
  return going.length === 0
    ? statement
    : {
        ...statement,
        review: `what does ${going.join(', ')} mean to the older release? ${replacement} is only a guess`,
      }
}

function alterColumn(key: string, from: Facts, to: Facts): DownStatement[] {
  const make = maker('contract')
  const differs = (fact: string): boolean => (from[fact] ?? null) !== (to[fact] ?? null)
  const value = has(to, 'default') ? String(to['default']) : undefined
  return [
    ...(differs('type') || differs('collation') ? retype(key, to) : []),
    ...(differs('default') && has(from, 'default')
      ? [make(key, call('set_default', table(key), own(key), value))]
      : []),
    ...(to['notNull'] === true && from['notNull'] !== true ? [setNotNull(key, { [key]: to })] : []),
  ]
}

function retype(key: string, to: Facts): DownStatement[] {
  const make = maker('contract')
  const alter = `ALTER TABLE ${fullTable(key)} ALTER COLUMN ${quote(own(key))}`
  return [
    make(key, call('archive_column', table(key), own(key))),
    {
      ...make(key, `${alter} TYPE ${to['type']} USING ${quote(own(key))}::${to['type']};`),
      review: 'does every value survive the cast? The table is rewritten',
    },
  ]
}

function setNotNull(key: string, before: Snapshot): DownStatement {
  const fill = neutralValue(before[key] ?? {})
  const sql = call('set_not_null', table(key), own(key), fill)
  return {
    phase: 'contract',
    sql,
    object: key,
    review: `what do rows with no ${own(key)} get? ${fill ?? 'NULL refuses them'} is only a guess`,
  }
}

/** A value of the type that says nothing; undefined where there is none. */
function neutralValue({ type, default: value }: Facts): string | undefined {
  if (typeof value === 'string') return value
  const name = String(type)
  if (name.endsWith('[]')) return `'{}'`
  if (/^(text|character varying)/.test(name)) return `''`
  if (/^jsonb?$/.test(name)) return `'{}'`
  if (/^(integer|bigint|smallint|numeric|double precision|real)/.test(name)) return '0'
  if (name === 'boolean') return 'false'
  return /^(timestamp|date)/.test(name) ? 'now()' : undefined
}

/** A NOT NULL column comes back without it where the newer release's INSERTs would fail. */
function comingColumn(facts: Facts = {}): Facts {
  return needsFill(facts) ? { ...facts, notNull: false } : facts
}

function needsFill(facts: Facts = {}): boolean {
  return (
    facts['notNull'] === true && !has(facts, 'default') && !has(facts, 'generated') && !has(facts, 'identity')
  )
}

function goneColumns({ gone }: Undo): string[] {
  const tables = new Set(gone('table'))
  return gone('column').filter(key => !tables.has(tableKey(key)))
}

function lossesOf({ removed, changed }: Delta): string[] {
  const tables = Object.keys(removed).filter(key => kindOf(key) === 'table')
  const columns = Object.keys(removed).filter(
    key => kindOf(key) === 'column' && !isGoneWithTable(key, tables),
  )
  const retyped = Object.keys(changed).filter(key => kindOf(key) === 'column' && isRetyped(changed[key]))
  return [
    ...tables.map(key => `the rows of ${own(key)}, which the upgrade dropped`),
    ...columns.map(key => `the values of ${table(key)}.${own(key)}, which the upgrade dropped`),
    ...retyped.map(key => `what the cast of ${table(key)}.${own(key)} does not keep`),
  ]
}

/** A change of names alone is none: an enum's own rename changes the type's text of its columns. */
function isRetyped(change: { readonly from: Facts; readonly to: Facts } | undefined): boolean {
  const [from, to] = [String(change?.from['type']), String(change?.to['type'])]
  return from !== to && !(from.includes('.') && to.includes('.'))
}

function countsOf(undo: Undo): { what: string; sql: string }[] {
  const { gone, altered, before } = undo
  const count = (key: string, condition?: string): string =>
    `SELECT count(*) FROM ${fullTable(key)}${condition === undefined ? '' : ` AS this WHERE ${condition}`}`
  return [
    ...gone('table').map(key => ({
      what: `rows of ${own(key)}, which goes to the archive`,
      sql: `SELECT count(*) FROM ${full(key)}`,
    })),
    ...goneColumns(undo).map(key => ({
      what: `rows of ${table(key)} with ${own(key)}, which goes to the archive`,
      sql: count(key, isSet(key, undo.inverse.removed[key])),
    })),
    ...altered('enum').flatMap(([key, from, to]) => labelCounts(key, from, to, before)),
    ...altered('column').flatMap(([key, from, to]) =>
      to['notNull'] === true && from['notNull'] !== true
        ? [
            {
              what: `rows of ${table(key)} without ${own(key)}`,
              sql: count(key, `this.${quote(own(key))} IS NULL`),
            },
          ]
        : [],
    ),
    ...repairs(undo).map(({ object, sql }) => ({
      what: `rows of ${table(object)} that ${own(object)} forbids`,
      sql: count(object, conditionOf(object, before) ?? sql),
    })),
  ]
}

function conditionOf(key: string, before: Snapshot): string | undefined {
  const foreign = foreignKeyOf(before[key])
  return foreign === undefined ? duplicatesOf(key, before) : orphansOf(foreign)
}

function isSet(key: string, facts: Facts = {}): string {
  const column = `this.${quote(own(key))}`
  return has(facts, 'default') ? `${column} IS DISTINCT FROM ${facts['default']}` : `${column} IS NOT NULL`
}

function labelCounts(key: string, from: Facts, to: Facts, before: Snapshot): { what: string; sql: string }[] {
  const going = labelsOf(from).filter(label => !labelsOf(to).includes(label))
  if (going.length === 0) return []
  const array = `ARRAY[${going.map(quoteLiteral).join(', ')}]`
  return columnUse(key, before).columns.map(({ column, isArray }) => ({
    what: `rows of ${table(column)} with ${own(column)} ${going.join(' or ')}`,
    sql: `SELECT count(*) FROM ${fullTable(column)} AS this WHERE this.${quote(own(column))}::text${isArray ? `[] && ${array}` : ` = ANY (${array})`}`,
  }))
}

function rename({ from, to }: Rename): DownStatement {
  const make = maker('contract')
  const name = own(to)
  const both =
    'between the phases only one of both names is there: the older release needs the old one before its images start'
  switch (kindOf(from)) {
    case 'table':
      return { ...make(to, call('rename_table', own(from), name)), review: both }
    case 'column':
      return { ...make(to, call('rename_column', table(to), own(from), name)), review: both }
    case 'enum':
      return { ...make(to, call('rename_enum', own(from), name)), review: both }
    case 'constraint':
      return make(to, call('rename_constraint', table(to), own(from), name))
    case 'index':
      return make(to, call('rename_index', own(from), name))
    default:
      throw new Error(`The rename of ${from} to ${to} cannot be undone by the toolbox.`)
  }
}

function createEnum(key: string, facts: Facts | undefined): string {
  const labels = labelsOf(facts ?? {})
    .map(quoteLiteral)
    .join(', ')
  return [
    'DO $down$',
    'BEGIN',
    `  IF pg_catalog.to_regtype(${quoteLiteral(full(key))}) IS NULL THEN`,
    `    CREATE TYPE ${full(key)} AS ENUM (${labels});`,
    '  END IF;',
    'END',
    '$down$;',
  ].join('\n')
}

function createTable(key: string, before: Snapshot): string {
  const columns = Object.keys(before)
    .filter(column => kindOf(column) === 'column' && tableKey(column) === key)
    .map(column => `  ${quote(own(column))} ${columnSql(before[column])}`)
  return `CREATE TABLE IF NOT EXISTS ${full(key)} (\n${columns.join(',\n')}\n);`
}

function createIndex(key: string, before: Snapshot): string {
  return definition(before[key]).replace(/^CREATE (UNIQUE )?INDEX /, found => `${found}IF NOT EXISTS `)
}

function createView(key: string, facts: Facts | undefined): string {
  return facts?.['materialized']
    ? `CREATE MATERIALIZED VIEW IF NOT EXISTS ${full(key)} AS ${definition(facts)}`
    : `CREATE OR REPLACE VIEW ${full(key)} AS ${definition(facts)}`
}

function createTrigger(key: string, facts: Facts | undefined): string {
  return `DROP TRIGGER IF EXISTS ${quote(own(key))} ON ${fullTable(key)};\n${definition(facts)};`
}

function addConstraint(key: string, definitionText: string): string {
  return call('add_constraint', table(key), own(key), definitionText)
}

function notValid(facts: Facts | undefined): string {
  const text = definition(facts)
  return foreignKeyOf(facts) === undefined || / NOT VALID$/.test(text) ? text : `${text} NOT VALID`
}

function maker(phase: DownPhase): (object: string, sql: string) => DownStatement {
  return (object, sql) => ({ phase, sql, object })
}

function call(name: string, ...values: readonly (string | undefined)[]): string {
  const list = values.map(value => (value === undefined ? 'NULL' : quoteLiteral(value))).join(', ')
  return `SELECT langfuse_rollout.${name}(${list});`
}

/** Tables to which every trace, observation, score or evaluation adds a row; the rest are settings that people make. */
const bigTables: ReadonlySet<string> = new Set([
  ...['traces', 'observations', 'scores', 'trace_sessions', 'trace_media', 'observation_media', 'media'],
  ...['job_executions', 'dataset_items', 'dataset_run_items', 'audit_logs', 'event_log', 'events'],
])

function isBig(key: string): boolean {
  return bigTables.has(table(key))
}

function keysOf({ renamed, added, removed, changed }: Delta): string[] {
  return [...renamed.flatMap(({ from, to }) => [from, to]), ...[added, removed, changed].flatMap(Object.keys)]
}

function foreignKeysFirst({ added, removed, changed }: Delta): (one: string, other: string) => number {
  const rank = (key: string): number =>
    foreignKeyOf(removed[key] ?? added[key] ?? changed[key]?.from) === undefined ? 1 : 0
  return (one, other) => rank(one) - rank(other)
}

function tablesFirst(one: Rename, other: Rename): number {
  const rank = ({ from }: Rename): number => (kindOf(from) === 'table' ? 0 : 1)
  return rank(one) - rank(other)
}

function isUnique(facts: Facts | undefined): boolean {
  return definition(facts).startsWith('CREATE UNIQUE')
}

function definition(facts: Facts | undefined): string {
  return String(facts?.['definition'] ?? '')
}

function labelsOf(facts: Facts): readonly string[] {
  const labels = facts['labels']
  return Array.isArray(labels) ? labels.map(String) : []
}

function has(facts: Facts, fact: string): boolean {
  return (facts[fact] ?? null) !== null
}

function kindOf(key: string): Kind {
  return parseKey(key).kind
}

function own(key: string): string {
  return parseKey(key).names.at(-1) ?? ''
}

function table(key: string): string {
  return parseKey(key).names[1] ?? ''
}

function tableKey(key: string): string {
  return keyOf({ kind: 'table', names: parseKey(key).names.slice(0, 2) })
}

function full(key: string): string {
  return parseKey(key).names.map(quote).join('.')
}

function fullTable(key: string): string {
  return parseKey(key).names.slice(0, 2).map(quote).join('.')
}

/** A function's last name carries its arguments, which are PostgreSQL's own text. */
function routine(key: string): string {
  const [schema = '', signature = ''] = parseKey(key).names
  const parenthesis = signature.indexOf('(')
  return `${quote(schema)}.${quote(signature.slice(0, parenthesis))}${signature.slice(parenthesis)}`
}

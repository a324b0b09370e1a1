import type { RollbackConfig } from '../inputs/config.ts'
import { clickhouseName, type ReleaseFacts } from '../release/facts.ts'
import type { PostgresMigration } from '../schema/catalog.ts'
import { type Delta, isEmptyDelta } from '../schema/diff.ts'
import type { DownSql, Engine } from '../schema/down-sql.ts'
import { bytewise, type Facts, type Snapshot, sameFacts } from '../schema/snapshot.ts'
import type { CountedLoss } from '../stack/count-losses.ts'
import type { Dependents } from '../stack/observe-dependents.ts'
import type { RestoreFacts } from '../stack/observe-restore.ts'
import type { MigrationsBefore, RollbackTarget } from '../stack/rollback-target.ts'

import { currentRelease, type PostgresState, type Stack } from '../stack/stack.ts'
import type { Targets } from '../stack/targets.ts'
import { webStep } from './image-steps.ts'
import type { RollbackClass } from './plan.ts'

/** What to undo between two states of the databases, with which SQL, and what has none. */
export type Undo = {
  /** Newest first. */
  readonly postgres: readonly string[]
  readonly clickhouse: readonly number[]
  /** The version to force for the older release's golang-migrate; undefined: no change. */
  readonly clickhouseHead: number | undefined
  readonly renamed: Renamed
  readonly sql: readonly DownSql[]
  /** Migrations without a reviewed file, as `store/name`. */
  readonly missing: readonly string[]
}

/**
 * Rows of `_prisma_migrations` to rename: both releases have the change, under different names. Without the older name's
 * row an older web would re-apply the migration at its start; 3.151.0 to 3.155.0 then fail and never start again (P3009).
 */
export type Renamed = {
  readonly from: readonly string[]
  readonly to: readonly PostgresMigration[]
}

type MigrationState = { readonly postgres: readonly string[]; readonly clickhouseHead: number }

/**
 * The applied Postgres migrations that the older release does not know, newest first (a set difference, because Langfuse
 * inserts migrations out of order), and ClickHouse's versions above its head.
 */
export function undoBetween(
  state: MigrationState,
  older: string,
  facts: ReleaseFacts,
  before: MigrationsBefore = NOTHING_AHEAD,
): Undo {
  const known = facts.postgresMigrations(older)
  const kept = new Set(known.map(migration => migration.name))
  const ahead = new Set(before.postgresAhead)
  const applied = new Set(state.postgres)
  const sharesChange = (name: string, names: ReadonlySet<string>): boolean =>
    facts.otherNames(name).some(other => names.has(other))
  const unknown = [...applied].filter(name => !kept.has(name))
  const postgres = unknown
    .filter(name => !ahead.has(name) && !sharesChange(name, kept))
    .sort(bytewise)
    .reverse()
  const head = Math.max(
    facts.release(older)?.clickhouseHead ?? state.clickhouseHead,
    before.clickhouseHead ?? 0,
  )
  const clickhouse = numbersDown(state.clickhouseHead, head)
  return {
    postgres,
    clickhouse,
    clickhouseHead: clickhouse.length > 0 ? head : undefined,
    renamed: {
      from: unknown.filter(name => sharesChange(name, kept)),
      to: known.filter(({ name }) => !applied.has(name) && sharesChange(name, applied)),
    },
    ...filesOf(postgres, clickhouse, facts),
  }
}

const NOTHING_AHEAD: MigrationsBefore = { postgresAhead: [], clickhouseHead: undefined }

function numbersDown(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, from - to) }, (_, index) => from - index)
}

function filesOf(
  postgres: readonly string[],
  clickhouse: readonly number[],
  facts: ReleaseFacts,
): Pick<Undo, 'sql' | 'missing'> {
  const wanted: readonly (readonly [Engine, string])[] = [
    ...postgres.map(name => ['postgres', name] as const),
    ...clickhouse.map(version => ['clickhouse', clickhouseName(version)] as const),
  ]
  const found = wanted.map(([store, name]) => ({ store, name, sql: facts.downSql(store, name) }))
  return {
    sql: found.flatMap(({ sql }) => sql ?? []),
    missing: found.flatMap(({ store, name, sql }) => (sql === undefined ? [`${store}/${name}`] : [])),
  }
}

/** The worst class of all migrations to undo; one without down SQL needs a restore. */
export function classOf(undo: Undo): RollbackClass {
  if (undo.missing.length > 0) return 'restore'
  const ranks: readonly RollbackClass[] = ['images', 'schema', 'lossy', 'restore']
  const least = isNothing(undo) ? 'images' : 'schema'
  const worst = Math.max(ranks.indexOf(least), ...undo.sql.map(file => ranks.indexOf(file.class)))
  return ranks[worst] ?? 'restore'
}

/** `Postgres migration A and ClickHouse migration 0047` */
export function withoutDownSql({ missing }: Pick<Undo, 'missing'>): string {
  return missing
    .map(name =>
      name.replace('postgres/', 'Postgres migration ').replace('clickhouse/', 'ClickHouse migration '),
    )
    .join(', ')
    .replace(/, (?=[^,]*$)/, ' and ')
}

export function isNothing({ postgres, clickhouse, renamed }: Undo): boolean {
  return postgres.length + clickhouse.length + renamed.from.length + renamed.to.length === 0
}

/** Failed rows of `_prisma_migrations`, which keep every web from starting (P3009). */
export type Repair = {
  /** The schema has every change of the migration: mark it as finished. */
  readonly finish: readonly string[]
  /** The schema has no change of it: mark it as rolled back. */
  readonly forget: readonly string[]
  /** Neither is certain; a person must decide. */
  readonly unclear: readonly string[]
}

/**
 * What to do with each failed Postgres migration that the older release does not know, decided by the schema. A migration
 * that changes only data stays unclear.
 */
export function repairOf(postgres: PostgresState, older: string, facts: ReleaseFacts): Repair {
  const kept = new Set(facts.postgresMigrations(older).map(migration => migration.name))
  const failed = postgres.migrations.filter(row => row.state === 'failed' && !kept.has(row.name))
  const newest = facts.releases.at(-1)?.version ?? older
  const catalogued = new Set(facts.postgresMigrations(newest).map(migration => migration.name))
  const left = (name: string): Leftover =>
    postgres.schema === undefined || !catalogued.has(name)
      ? 'unclear'
      : leftoverOf(facts.postgresStep(name), postgres.schema)
  const those = (leftover: Leftover) => failed.map(row => row.name).filter(name => left(name) === leftover)
  return { finish: those('all'), forget: those('nothing'), unclear: those('unclear') }
}

type Leftover = 'all' | 'nothing' | 'unclear'

function leftoverOf(step: Delta, schema: Snapshot): Leftover {
  if (isEmptyDelta(step)) return 'unclear'
  const has = (key: string, facts?: Facts): boolean => {
    const present = schema[key]
    return present !== undefined && (facts === undefined || sameFacts(present, facts))
  }
  const signs: readonly { readonly done: boolean; readonly undone: boolean }[] = [
    ...Object.entries(step.added).map(([key, facts]) => ({ done: has(key, facts), undone: !has(key) })),
    ...Object.entries(step.removed).map(([key, facts]) => ({ done: !has(key), undone: has(key, facts) })),
    ...Object.entries(step.changed).map(([key, { from, to }]) => ({
      done: has(key, to),
      undone: has(key, from),
    })),
    ...step.renamed.map(({ from, to }) => ({ done: has(to) && !has(from), undone: has(from) && !has(to) })),
  ]
  if (signs.every(sign => sign.done)) return 'all'
  return signs.every(sign => sign.undone) ? 'nothing' : 'unclear'
}

export type RollbackQuestion = {
  readonly config: RollbackConfig
  readonly stack: Stack
  readonly target: RollbackTarget
  readonly targets: Targets
  readonly facts: ReleaseFacts
  /** Counts of archived or changed rows, where the databases are reached. */
  readonly counted?: readonly CountedLoss[]
  /** The rollback of a deploy that failed. */
  readonly afterFailure?: boolean
  /** For the class `restore`. */
  readonly restore?: RestoreFacts | undefined
  /** What hangs on the objects that down SQL touches, where the databases are reached. */
  readonly dependents?: Dependents
}

/** `images-only` does not repair failed migrations. */
export function repairFrom(question: Omit<RollbackQuestion, 'targets' | 'counted' | 'dependents'>): Repair {
  const { config, stack, target, facts } = question
  const isSeen = config.sql === 'auto' && stack.postgres.known && facts.release(target.release) !== undefined
  return isSeen
    ? repairOf(stack.postgres.value, target.release, facts)
    : { finish: [], forget: [], unclear: [] }
}

/**
 * The migrations that the target does not know and that were not there before its deploy, read from the databases, or
 * from the catalog where they are not reached. For a target outside the catalog the plan is a refusal.
 */
export function undoFrom(
  question: Pick<RollbackQuestion, 'stack' | 'target' | 'targets' | 'facts'>,
  repair: Repair,
): Undo {
  const { stack, facts } = question
  const to = question.target.release
  if (facts.release(to) === undefined) return NOTHING
  const running = currentRelease(stack, facts)
  const from = running !== undefined && facts.release(running) !== undefined ? running : to
  const postgres = stack.postgres.known
    ? [
        ...stack.postgres.value.migrations.filter(row => row.state === 'applied').map(row => row.name),
        ...repair.finish,
      ]
    : facts.postgresMigrations(from).map(migration => migration.name)
  const clickhouseHead = stack.clickhouseStore.known
    ? stack.clickhouseStore.value.head
    : (facts.release(from)?.clickhouseHead ?? 0)
  return undoBetween({ postgres: [...new Set(postgres)], clickhouseHead }, to, facts, beforeDeploy(question))
}

/**
 * Prisma ignores rows that it does not know. golang-migrate does not: a web that starts again needs ClickHouse's head
 * among its own files, also where the head was ahead of it before.
 */
function beforeDeploy(question: Parameters<typeof undoFrom>[0]): MigrationsBefore | undefined {
  const { migrations } = question.target
  if (migrations === undefined || webStep(question) === undefined) return migrations
  return { ...migrations, clickhouseHead: undefined }
}

/** Also for ClickHouse's migrations, whose journal is in PostgreSQL. */
export function needsPostgres({ postgres, clickhouse, renamed }: Undo): boolean {
  return postgres.length + clickhouse.length + renamed.to.length > 0
}

export function needsAccept(rollbackClass: RollbackClass): boolean {
  return rollbackClass === 'lossy' || rollbackClass === 'restore'
}

/** Whether, without reviewed down SQL, the older release is known to start with all migrations applied. */
export function imagesGoAlone(undo: Undo, { postgres, clickhouseStore }: Stack): boolean {
  return (
    undo.missing.length > 0 &&
    undo.sql.every(({ sections }) => sections.expand === '') &&
    whyNotImagesOnly(undo, '').length === 0 &&
    postgres.known &&
    clickhouseStore.known
  )
}

export const NOTHING: Undo = {
  postgres: [],
  clickhouse: [],
  clickhouseHead: undefined,
  renamed: { from: [], to: [] },
  sql: [],
  missing: [],
}

export function whyNotImagesOnly(
  { clickhouse, clickhouseHead, renamed }: Undo,
  to: string,
): readonly string[] {
  return [
    clickhouse.length === 0
      ? []
      : `Input \`sql\` is \`images-only\`, but Langfuse ${to} knows ClickHouse's schema only up to version ${clickhouseHead}. Its web would not start ("no migration found for version ${clickhouse[0]}"). Set \`sql: auto\`.`,
    renamed.to
      .filter(migration => migration.repeatable !== true)
      .map(
        ({ name }) =>
          `Input \`sql\` is \`images-only\`, but the web of Langfuse ${to} would re-apply migration ${name} (already applied under a new name) and fail (P3009). It would never start. Set \`sql: auto\`.`,
      ),
  ].flat()
}

import type { ReleaseFacts } from '../release/facts.ts'
import { compareVersions } from '../release/release.ts'
import type { DownSql, Engine } from '../schema/down-sql.ts'
import type { CountedLoss, Loss } from '../stack/count-losses.ts'
import { heldBy, longestLock, sizesOf } from './expected-locks.ts'
import { amountOf } from './plan.ts'
import { isNothing, type Undo } from './rollback-class.ts'

/** The SELECTs that the plan runs before any change: archived rows, new data, sizes of tables. */
export function questionsOf(undo: Undo, way: Way, facts: ReleaseFacts): readonly Loss[] {
  if (isNothing(undo)) return []
  return [...lossesOf(undo), ...ingestedSince(way), ...sizesOf(heldBy(undo.postgres, facts))]
}

/** The effects of a rollback: on new data, on lost or archived rows, and the longest lock. */
export function meaningOf(
  { undo, counted, ...way }: Way & { readonly undo: Undo; readonly counted: readonly CountedLoss[] },
  facts: ReleaseFacts,
): readonly string[] {
  if (isNothing(undo)) return []
  return [
    ...sinceUpgrade(way, counted),
    ...lossSentences(undo, counted),
    longestLock(heldBy(undo.postgres, facts), counted),
  ]
}

export function lossesOf({ sql }: Pick<Undo, 'sql'>): readonly Loss[] {
  return sql.flatMap(file =>
    [...file.counts, file.written ?? []]
      .flat()
      .map(count => ({ store: storeOf(file), migration: file.migration, ...count })),
  )
}

/** ClickHouse's migrations are four digits. */
function storeOf({ migration }: DownSql): Engine {
  return /^\d{4}$/.test(migration) ? 'clickhouse' : 'postgres'
}

/**
 * One sentence for each migration that loses or archives something. A count of 0 is left out, unless the migration also
 * loses something that cannot be counted.
 */
export function lossSentences(undo: Pick<Undo, 'sql'>, counted: readonly CountedLoss[]): readonly string[] {
  return undo.sql.flatMap(file => {
    const own = counted.filter(loss => loss.migration === file.migration && loss.store === storeOf(file))
    const some = own.filter(({ count }) => count === undefined || count > 0)
    const isQuiet =
      file.class === 'schema' && (file.counts.length === 0 || (own.length > 0 && some.length === 0))
    if (isQuiet) return []
    const numbers = some.map(({ count, what }) => `${count ?? 'not counted:'} ${what}`)
    return [`${file.migration}: ${file.loses}${numbers.length === 0 ? '' : ` (${numbers.join('; ')})`}`]
  })
}

export type Way = { readonly from: string | undefined; readonly to: string }

/**
 * What the older release sees of data ingested since the upgrade. Where a release changed the place of writing, the
 * older one does not read the new place.
 */
export function sinceUpgrade(way: Way, counted: readonly CountedLoss[]): readonly string[] {
  const moves = movesOf(way)
  if (moves.length > 0) return moves.map(move => move.say(way.to, moreIn(move, counted)))
  return [
    `Data ingested since the upgrade stays in place, and Langfuse ${way.to} reads it. Only values for which it has no column or label go to the archive.`,
  ]
}

export function ingestedSince(way: Way): readonly Loss[] {
  return movesOf(way).flatMap(({ all, older }) => [all, ...(older === undefined ? [] : [older])])
}

type Move = {
  /** The first release that writes only to the new place. */
  readonly since: string
  /** The oldest release concerned, where not all before `since` are. */
  readonly notBefore?: string
  /** The count in the new place; `older`: how much of it the old place has too. */
  readonly all: Loss
  readonly older?: Loss
  say(to: string, more: number | undefined): string
}

const question = (store: Loss['store'], what: string, sql: string): Loss => ({
  store,
  migration: '',
  what,
  sql,
})

// Langfuse v3.0.0: worker/src/services/IngestionService; v3.104.0: packages/shared/src/server/repositories/
// dataset-run-items.ts; v4.0.0: LANGFUSE_MIGRATION_V4_WRITE_MODE (https://langfuse.com/self-hosting/upgrade).
const MOVES: readonly Move[] = [
  {
    since: '3.0.0',
    all: question(
      'clickhouse',
      'traces in ClickHouse',
      'SELECT uniqExact(project_id, id) FROM traces WHERE is_deleted = 0',
    ),
    older: question('postgres', 'traces in PostgreSQL', 'SELECT count(*) FROM public.traces'),
    say: (to, more) =>
      `Langfuse ${to} reads PostgreSQL only, but data ingested since the upgrade to version 3 is only in ClickHouse. ${amount(more, 'trace')}, with observations and scores, will not be visible. They stay in ClickHouse, and a later upgrade shows them again.`,
  },
  {
    since: '3.104.0',
    notBefore: '3.0.0',
    all: question(
      'clickhouse',
      'items of dataset runs in ClickHouse',
      'SELECT uniqExact(project_id, id) FROM dataset_run_items_rmt WHERE is_deleted = 0',
    ),
    older: question(
      'postgres',
      'items of dataset runs in PostgreSQL',
      'SELECT count(*) FROM public.dataset_run_items',
    ),
    say: (to, more) =>
      `Since 3.104.0 Langfuse writes items of dataset runs to ClickHouse only, but Langfuse ${to} reads them from PostgreSQL. ${amount(more, 'item')} will not be visible, so newer runs will be empty. The items stay in ClickHouse or in its archive.`,
  },
  {
    since: '4.0.0',
    notBefore: '3.0.0',
    all: question(
      'clickhouse',
      'traces in the tables of version 4 only',
      'SELECT uniqExact(project_id, trace_id) FROM events_full WHERE (project_id, trace_id) NOT IN (SELECT project_id, id FROM traces)',
    ),
    say: (to, more) =>
      `Langfuse ${to} reads the tables of version 3. By default version 4 writes only its own tables (LANGFUSE_MIGRATION_V4_WRITE_MODE=events_only). ${amount(more, 'trace')} in them will not be visible. These tables go to the archive.`,
  },
]

function movesOf({ from, to }: Way): readonly Move[] {
  if (from === undefined) return []
  return MOVES.filter(
    ({ since, notBefore }) =>
      compareVersions(from, since) >= 0 &&
      compareVersions(to, since) < 0 &&
      (notBefore === undefined || compareVersions(to, notBefore) >= 0),
  )
}

/** A minimum: the old place may have rows that the new one deleted or has not copied yet. */
function moreIn({ all, older }: Move, counted: readonly CountedLoss[]): number | undefined {
  const countOf = (loss: Loss) =>
    counted.find(({ what, sql }) => what === loss.what && sql === loss.sql)?.count
  const total = countOf(all)
  const before = older === undefined ? 0 : countOf(older)
  return total === undefined || before === undefined ? undefined : Math.max(0, total - before)
}

function amount(count: number | undefined, what: string): string {
  if (count !== undefined && count > 0) return `At least ${amountOf(count, what)}`
  return `${what.charAt(0).toUpperCase()}${what.slice(1)}s (${count ?? 'not'} counted)`
}

import type { ReleaseFacts } from '../release/facts.ts'
import { compareVersions } from '../release/release.ts'
import type { DownSql, Engine } from '../schema/down-sql.ts'
import type { CountedLoss, Loss } from '../stack/count-losses.ts'
import { heldBy, longestLock, sizesOf } from './expected-locks.ts'
import { isNothing, type Undo } from './rollback-class.ts'

/** What the plan asks the databases before anything happens: what goes to the archive, and what its sentences tell of. */
export function questionsOf(undo: Undo, way: Way, facts: ReleaseFacts): readonly Loss[] {
  if (isNothing(undo)) return []
  return [...lossesOf(undo), ...ingestedSince(way), ...sizesOf(heldBy(undo.postgres, facts))]
}

/** What undoing means, a sentence each: what becomes of new data, what is lost or archived, who waits how long. */
export function meaningOf(
  {
    undo,
    way,
    counted,
  }: { readonly undo: Undo; readonly way: Way; readonly counted: readonly CountedLoss[] },
  facts: ReleaseFacts,
): readonly string[] {
  if (isNothing(undo)) return []
  return [
    ...sinceUpgrade(way, counted),
    ...lossSentences(undo, counted),
    longestLock(heldBy(undo.postgres, facts), counted),
  ]
}

/** All that can be counted before anything happens. */
export function lossesOf({ sql }: Pick<Undo, 'sql'>): readonly Loss[] {
  return sql.flatMap(file =>
    file.counts.map(count => ({ store: storeOf(file), migration: file.migration, ...count })),
  )
}

/** ClickHouse's migrations are four digits, Postgres's have a name behind their time. */
function storeOf({ migration }: DownSql): Engine {
  return /^\d{4}$/.test(migration) ? 'clickhouse' : 'postgres'
}

/**
 * One sentence for each migration that loses something or puts something into the archive. What was counted and is
 * nothing is left out, unless the migration is one that loses what cannot be counted.
 */
export function lossSentences(undo: Pick<Undo, 'sql'>, counted: readonly CountedLoss[]): readonly string[] {
  return undo.sql.flatMap(file => {
    const own = counted.filter(loss => loss.migration === file.migration && loss.store === storeOf(file))
    const some = own.filter(({ count }) => count === undefined || count > 0)
    const isQuiet =
      file.class === 'schema' && (file.counts.length === 0 || (own.length > 0 && some.length === 0))
    if (isQuiet) return []
    const numbers = some.flatMap(({ count, what }) => (count === undefined ? [] : [`${count} ${what}`]))
    return [`${file.migration}: ${file.loses}${numbers.length === 0 ? '' : ` (${numbers.join('; ')})`}`]
  })
}

/** A way back, by its releases. */
export type Way = { readonly from: string | undefined; readonly to: string }

/**
 * What the older release sees of the data that came since the upgrade, in sentences. Where a release began to write
 * somewhere else, the older one does not look there.
 */
export function sinceUpgrade(way: Way, counted: readonly CountedLoss[]): readonly string[] {
  const moves = movesOf(way)
  if (moves.length > 0) return moves.map(move => move.say(way.to, moreIn(move, counted)))
  return [
    `What was ingested since the upgrade stays where it is, and Langfuse ${way.to} reads it: only values that it has no column or label for go to the archive.`,
  ]
}

/** The SELECTs behind these sentences. */
export function ingestedSince(way: Way): readonly Loss[] {
  return movesOf(way).flatMap(({ all, older }) => [all, ...(older === undefined ? [] : [older])])
}

type Move = {
  /** The first release that writes only to the new place. */
  readonly since: string
  /** What does not look at the new place, if not everything before `since`. */
  readonly notBefore?: string
  /** How much the new place has; and how much of that the older one has too, where this does not count the rest. */
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
      `Langfuse ${to} reads PostgreSQL only, and what was ingested since the upgrade to version 3 is only in ClickHouse: ${amount(more, 'trace')}, with observations and scores, will not be seen. It stays in ClickHouse, and is seen again after a later upgrade.`,
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
      `From 3.104.0 on, items of dataset runs are written to ClickHouse only, and Langfuse ${to} reads them in PostgreSQL: runs since then (${amount(more, 'item')}) will be empty. The items are kept, in ClickHouse or in its archive.`,
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
      `Langfuse ${to} reads the tables of version 3. What version 4 wrote to its own only (LANGFUSE_MIGRATION_V4_WRITE_MODE=events_only, its default) will not be seen: ${amount(more, 'trace')}. These tables go to the archive.`,
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

/** The older place may have rows that are deleted in the new one, or not copied to it yet: so it is a least number. */
function moreIn({ all, older }: Move, counted: readonly CountedLoss[]): number | undefined {
  const countOf = (loss: Loss) =>
    counted.find(({ what, sql }) => what === loss.what && sql === loss.sql)?.count
  const total = countOf(all)
  if (total === undefined || older === undefined) return total
  return Math.max(0, total - (countOf(older) ?? 0))
}

function amount(count: number | undefined, what: string): string {
  if (count === undefined) return `how many ${what}s was not counted`
  return `at least ${count} ${count === 1 ? what : `${what}s`}`
}

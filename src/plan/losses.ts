import type { ReleaseFacts } from '../release/facts.ts'
import type { DownSql, Engine } from '../schema/down-sql.ts'
import type { CountedLoss, Loss } from '../stack/count-losses.ts'
import { heldBy, longestLock, sizesOf } from './expected-locks.ts'
import type { Undo } from './rollback-class.ts'
import { isNothing } from './rollback-class.ts'
import { ingestedSince, sinceUpgrade, type Way } from './since-upgrade.ts'

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

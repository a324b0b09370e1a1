import type { ReleaseFacts } from '../release/facts.ts'
import { type Delta, isEmptyDelta } from '../schema/diff.ts'
import { type Facts, type Snapshot, sameFacts } from '../schema/snapshot.ts'
import type { PostgresState } from '../stack/stack.ts'

/** Rows of `_prisma_migrations` that say "started, not finished" and keep every web from starting (P3009). */
export type Repair = {
  /** The schema has all of what the migration changes: only the note that it finished is missing. */
  readonly finish: readonly string[]
  /** The schema has nothing of it: its transaction was rolled back, and its row is marked so. */
  readonly forget: readonly string[]
  /** Neither can be shown; a person has to look. */
  readonly unclear: readonly string[]
}

/**
 * What to do with each failed Postgres migration that the older release does not know, by the evidence of the schema.
 * A migration that only changes data shows nothing there and stays unclear.
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

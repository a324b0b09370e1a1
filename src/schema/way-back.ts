import type { BackgroundMigration, Catalog } from './catalog.ts'
import { type Delta, diffSnapshots, type Rename, renameKeys } from './diff.ts'
import { type GeneratedDown, generateDown, isAdditive } from './generate-down.ts'
import { type BackgroundRow, objectsOf, type Picture } from './picture.ts'
import { renamesBetween } from './renames.ts'
import { bytewise, type Snapshot, toSnapshot } from './snapshot.ts'
import { writeDownSql } from './write-down.ts'

/** Down SQL of a migration that nobody has reviewed. */
export type GeneratedDownSql = {
  readonly migration: string
  /** In the format of a down SQL file. */
  readonly sql: string
  readonly madeFrom: string
  /** All that two pictures cannot tell apart: it can only be undone together. */
  readonly together: readonly string[]
}

type Facts = Pick<Catalog, 'downSql' | 'postgresStep' | 'allBackgroundMigrations'>

/**
 * Down SQL for what was applied between two pictures of one database and has no reviewed file. What the reviewed ones
 * among them changed is the catalog's, the rest is theirs: several share one undo, that of the newest.
 * @throws Error where the generator cannot work: an object outside of the schema public
 */
export function generateWayBack(before: Picture, after: Picture, facts: Facts): readonly GeneratedDownSql[] {
  const earlier = new Set(before.applied)
  const applied = after.applied.filter(name => !earlier.has(name))
  const together = applied.filter(name => facts.downSql('postgres', name) === undefined).sort(bytewise)
  const newest = together.at(-1)
  if (newest === undefined) return []
  const reviewed = applied.filter(name => !together.includes(name)).sort(bytewise)
  const { delta, start } = changeOf(
    before,
    after,
    reviewed.flatMap(name => stepOf(name, facts)),
  )
  const background = rowsBetween(before, after, reviewed, facts.allBackgroundMigrations())
  const down = unreviewed(generateDown({ migration: newest, delta, before: start, background }), delta)
  const madeFrom = 'the schema before and after it was deployed'
  return together.map(migration => ({
    migration,
    sql:
      migration === newest
        ? writeDownSql(down, [NOTE])
        : writeDownSql(nothingOf(migration, down), [sharedNote(newest)]),
    madeFrom,
    together,
  }))
}

const NOTE =
  'Made from two pictures of the schema, and reviewed by nobody: what the migration did to rows is not in it.'

function sharedNote(newest: string): string {
  return `It was deployed together with ${newest}, whose down SQL undoes both.`
}

/** Down SQL of a migration that the catalog has, but nobody has reviewed. */
export function generateFromCatalog(migration: string, catalog: Steps): GeneratedDownSql {
  const down = unreviewed(generatedOf(migration, catalog), catalog.postgresChange(migration).delta)
  return { migration, sql: writeDownSql(down, [NOTE]), madeFrom: 'the catalog', together: [migration] }
}

type Steps = Pick<Catalog, 'postgresChange' | 'allBackgroundMigrations'>

/** The mechanical inverse of a migration that the catalog has. */
export function generatedOf(migration: string, catalog: Steps): GeneratedDown {
  const rows = catalog.allBackgroundMigrations()
  const background = {
    added: rows.filter(({ addedBy }) => addedBy === migration),
    removed: rows.filter(({ removedBy }) => removedBy === migration),
  }
  return generateDown({ migration, ...catalog.postgresChange(migration), background })
}

/** Nobody knows what else it did: only what is new and nothing more goes without a loss. */
function unreviewed(down: GeneratedDown, delta: Delta): GeneratedDown {
  if (isAdditive(delta)) return down
  return {
    ...down,
    class: 'lossy',
    loses: [...down.loses, 'what the migration did to rows, which is not known'],
  }
}

function nothingOf(migration: string, { class: sameClass }: GeneratedDown): GeneratedDown {
  return { migration, class: sameClass, loses: [], counts: [], statements: [] }
}

function stepOf(name: string, facts: Facts): Delta[] {
  try {
    return [facts.postgresStep(name)]
  } catch {
    return []
  }
}

/** What is left between two pictures when the changes of `steps` are taken out. */
function changeOf(
  before: Picture,
  after: Picture,
  steps: readonly Delta[],
): { readonly delta: Delta; readonly start: Snapshot } {
  const [earlier, later] = [objectsOf(before), objectsOf(after)]
  const done: readonly Rename[] = steps.flatMap(({ renamed }) => renamed)
  const renames = renamesBetween(earlier, later).filter(
    ({ from, to }) => !done.some(rename => rename.from === from && rename.to === to),
  )
  const start = steps.reduce<Snapshot>(applyLoosely, toSnapshot(earlier.values()))
  return { start, delta: diffSnapshots(start, toSnapshot(later.values()), renames) }
}

/** A user's own change of a Langfuse object is no reason to give up: what is not as expected is left alone. */
function applyLoosely(snapshot: Snapshot, { renamed, removed, changed, added }: Delta): Snapshot {
  const objects = new Map(Object.entries(renameKeys(snapshot, renamed)))
  for (const key of Object.keys(removed)) objects.delete(key)
  for (const [key, { to }] of Object.entries(changed)) if (objects.has(key)) objects.set(key, to)
  for (const [key, facts] of Object.entries(added)) objects.set(key, facts)
  return toSnapshot(objects)
}

function rowsBetween(
  before: Picture,
  after: Picture,
  reviewed: readonly string[],
  known: readonly BackgroundMigration[],
): { readonly added: readonly BackgroundRow[]; readonly removed: readonly BackgroundRow[] } {
  const ids = (rows: readonly BackgroundRow[]): ReadonlySet<string> => new Set(rows.map(({ id }) => id))
  const [earlier, later] = [ids(before.background), ids(after.background)]
  const explained = (by: 'addedBy' | 'removedBy'): ReadonlySet<string> =>
    ids(known.filter(row => reviewed.includes(row[by] ?? '')))
  const [added, removed] = [explained('addedBy'), explained('removedBy')]
  return {
    added: after.background.filter(({ id }) => !earlier.has(id) && !added.has(id)),
    removed: before.background.filter(({ id }) => !later.has(id) && !removed.has(id)),
  }
}

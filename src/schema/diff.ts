import { type Facts, keyOf, parseKey, type Snapshot, sameFacts, sortedSnapshot } from './snapshot.ts'

export type Rename = { readonly from: string; readonly to: string }

/** The difference of two snapshots. A renamed and changed object is in `changed` by its new key. */
export type Delta = {
  /** Without the objects of a renamed table, which move with it. */
  readonly renamed: readonly Rename[]
  readonly added: Snapshot
  readonly removed: Snapshot
  readonly changed: Readonly<Record<string, { readonly from: Facts; readonly to: Facts }>>
}

/** `snapshot` after `delta`. @throws Error when the delta does not fit the snapshot. */
export function applyDelta(snapshot: Snapshot, delta: Delta): Snapshot {
  const objects = new Map(Object.entries(renameKeys(snapshot, delta.renamed)))
  const expect = (key: string, facts: Facts | undefined): void => {
    const present = objects.get(key)
    const same =
      facts === undefined ? present === undefined : present !== undefined && sameFacts(present, facts)
    if (!same) throw new Error(`Cannot apply the change of ${key}: the schema before it is another one.`)
  }
  for (const [key, facts] of Object.entries(delta.removed)) {
    expect(key, facts)
    objects.delete(key)
  }
  for (const [key, { from, to }] of Object.entries(delta.changed)) {
    expect(key, from)
    objects.set(key, to)
  }
  for (const [key, facts] of Object.entries(delta.added)) {
    expect(key, undefined)
    objects.set(key, facts)
  }
  return sortedSnapshot(objects)
}

export function isEmptyDelta(delta: Delta): boolean {
  const { renamed, added, removed, changed } = delta
  return [renamed, added, removed, changed].every(part => Object.keys(part).length === 0)
}

/** `snapshot` with its objects under their new names. */
export function renameKeys(snapshot: Snapshot, renamed: readonly Rename[]): Snapshot {
  if (renamed.length === 0) return snapshot
  const renames = new Map(renamed.map(({ from, to }) => [from, to]))
  return sortedSnapshot(
    Object.entries(snapshot).map(([key, facts]) => [
      renames.get(key) ?? underRenamedTable(key, renames),
      facts,
    ]),
  )
}

function underRenamedTable(key: string, renames: ReadonlyMap<string, string>): string {
  const { kind, names } = parseKey(key)
  if (names.length < 2 || !['column', 'constraint', 'trigger', 'index'].includes(kind)) return key
  const table = renames.get(keyOf({ kind: 'table', names: names.slice(0, -1) }))
  return table === undefined ? key : keyOf({ kind, names: [...parseKey(table).names, ...names.slice(-1)] })
}

/**
 * One SQL statement of a schema change. `expand` adds or allows something, so a release that does not know it keeps
 * working; `contract` removes or forbids something.
 */
export type Statement = {
  readonly sql: string
  readonly class: 'expand' | 'contract'
  /** Key of the object, as in a snapshot. */
  readonly object: string
}

export function expand(object: string, sql: string): Statement {
  return { sql, class: 'expand', object }
}

export function contract(object: string, sql: string): Statement {
  return { sql, class: 'contract', object }
}

import { type Delta, type Rename, renameKeys } from '../src/schema/diff.ts'
import { type Snapshot, sameFacts, toSnapshot } from '../src/schema/snapshot.ts'

/**
 * What turns `from` into `to`. Two snapshots alone do not distinguish a rename from a drop and a create, so a caller that
 * knows renames (from object ids) passes them.
 */
export function diffSnapshots(from: Snapshot, to: Snapshot, renamed: readonly Rename[] = []): Delta {
  const before = renameKeys(from, renamed)
  const added = Object.entries(to).filter(([key]) => before[key] === undefined)
  const removed = Object.entries(before).filter(([key]) => to[key] === undefined)
  const changed = Object.entries(to).flatMap(([key, facts]) => {
    const old = before[key]
    return old === undefined || sameFacts(old, facts) ? [] : [[key, { from: old, to: facts }] as const]
  })
  return {
    renamed,
    added: toSnapshot(added),
    removed: toSnapshot(removed),
    changed: Object.fromEntries(changed),
  }
}

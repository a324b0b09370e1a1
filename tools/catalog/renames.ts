import type { Rename } from '../../src/schema/diff.ts'
import { type Facts, keyOf, parseKey } from '../../src/schema/snapshot.ts'

/** Objects by kind and id (oid, or oid.attnum), which a rename does not change within one database. */
export type ObjectsById = ReadonlyMap<string, readonly [key: string, facts: Facts]>

/** Objects that kept their id and have another name; what a renamed table holds has moved with it. */
export function renamesBetween(before: ObjectsById, after: ObjectsById): Rename[] {
  const all = [...before].flatMap(([id, [from]]) => {
    const to = after.get(id)?.[0]
    return to === undefined || to === from ? [] : [{ from, to }]
  })
  const tables = new Map(all.map(({ from, to }) => [from, to]))
  const followsTable = ({ from, to }: Rename): boolean => {
    const { kind, names } = parseKey(from)
    const table =
      kind === 'table' ? undefined : tables.get(keyOf({ kind: 'table', names: names.slice(0, -1) }))
    return (
      table !== undefined && keyOf({ kind, names: [...parseKey(table).names, ...names.slice(-1)] }) === to
    )
  }
  return all.filter(rename => !followsTable(rename))
}

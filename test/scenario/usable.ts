import { parseKey, type Query, type Snapshot } from '../../src/schema/snapshot.ts'

/** The columns and views that a release selects and that the database does not have, as `table.column`. */
export async function columnsMissingFor(release: Snapshot, query: Query): Promise<readonly string[]> {
  const rows =
    await query(`SELECT format('%s.%s', table_name, column_name) AS name FROM information_schema.columns
    WHERE table_schema = 'public'`)
  const present = new Set(rows.map(({ name }) => String(name)))
  const relations = new Set([...present].map(name => name.split('.')[0]))
  return Object.keys(release)
    .map(parseKey)
    .filter(({ kind }) => kind === 'column' || kind === 'view')
    .map(({ kind, names }) => (kind === 'view' ? (names[1] ?? '') : names.slice(1).join('.')))
    .filter(name => !present.has(name) && !relations.has(name))
}

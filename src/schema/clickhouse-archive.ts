import { createHash } from 'node:crypto'
import { quoteClickHouseIdentifier, quoteClickHouseLiteral } from './quote.ts'
import type { Query } from './snapshot.ts'

export const archiveDatabase = 'langfuse_rollout'

/** What an entry of the manifest is about; `column` is empty for a whole table. */
export type Archived = {
  readonly rollbackId: string
  readonly migration: string
  readonly relation: string
  readonly column: string
}

export async function isArchived(query: Query, entry: Archived): Promise<boolean> {
  const [row] = await query(
    `SELECT count() AS found FROM langfuse_rollout.archived WHERE ${conditionOf(entry)}`,
  )
  return Number(row?.['found']) > 0
}

export async function writeManifest(
  query: Query,
  entry: Archived,
  stored: { readonly as: string; readonly rows: number },
): Promise<void> {
  const values = [entry.rollbackId, entry.migration, entry.relation, entry.column, stored.as].map(literal)
  await query(
    `INSERT INTO langfuse_rollout.archived (rollback_id, migration, relation, \`column\`, stored_as, rows)
     SELECT ${values.join(', ')}, ${stored.rows}`,
  )
}

/** Tables of the archive that the manifest does not have: the run that made them was killed right after. */
export async function unrecorded(query: Query, names: readonly string[]): Promise<readonly string[]> {
  const rows = await query(
    `SELECT name FROM system.tables WHERE database = 'langfuse_rollout' AND name IN (${names.map(literal).join(', ')})
     AND name NOT IN (SELECT stored_as FROM langfuse_rollout.archived) ORDER BY name`,
  )
  return rows.map(row => String(row['name']))
}

/** How many rows of how many values and tables the archive has under these ids. */
export async function countArchived(query: Query, rollbackIds: readonly string[]): Promise<number> {
  if (rollbackIds.length === 0) return 0
  const [row] = await query(
    `SELECT sum(rows) AS total FROM langfuse_rollout.archived WHERE rollback_id IN (${rollbackIds.map(literal).join(', ')})`,
  )
  return Number(row?.['total'] ?? 0)
}

/**
 * The table that holds what an entry is about, of a name that people can read and that no other rollback has:
 * `scores__metadata__0010__3_49_0_to_3_38_0_run_1234_1_1f0c3a`.
 */
export function storedName({ relation, column, migration, rollbackId }: Archived, number = 1): string {
  const what = [relation, column, ...(number === 1 ? [] : [String(number)])].filter(part => part !== '')
  return `${what.join('__')}__${migration}${suffixOf(rollbackId)}`
}

/** A rollback's id in the name of a table, which is the name of a file: letters, digits, and not too long. */
export function suffixOf(rollbackId: string): string {
  const readable = rollbackId.replaceAll(/[^A-Za-z0-9]+/g, '_').slice(0, 80)
  return `__${readable}_${createHash('sha256').update(rollbackId).digest('hex').slice(0, 6)}`
}

export function inArchive(name: string): string {
  return `${archiveDatabase}.${quoteClickHouseIdentifier(name)}`
}

function conditionOf({ rollbackId, migration, relation, column }: Archived): string {
  return `rollback_id = ${literal(rollbackId)} AND migration = ${literal(migration)}
    AND relation = ${literal(relation)} AND \`column\` = ${literal(column)}`
}

const literal = quoteClickHouseLiteral

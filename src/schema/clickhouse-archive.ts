import { createHash } from 'node:crypto'
import { quoteClickHouseLiteral as literal, quoteClickHouseIdentifier } from './quote.ts'
import type { Query } from './snapshot.ts'

/** An entry of the manifest; `column` is empty for a whole table. */
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

/** Archive tables without a manifest entry: the run was killed before it wrote the entry. */
export async function unrecorded(query: Query, names: readonly string[]): Promise<readonly string[]> {
  const rows = await query(
    `SELECT name FROM system.tables WHERE database = 'langfuse_rollout' AND name IN (${names.map(literal).join(', ')})
     AND name NOT IN (SELECT stored_as FROM langfuse_rollout.archived) ORDER BY name`,
  )
  return rows.map(row => String(row['name']))
}

/** The number of archived rows under these ids. */
export async function countArchived(query: Query, rollbackIds: readonly string[]): Promise<number> {
  if (rollbackIds.length === 0) return 0
  const [row] = await query(
    `SELECT sum(rows) AS total FROM langfuse_rollout.archived WHERE rollback_id IN (${rollbackIds.map(literal).join(', ')})`,
  )
  return Number(row?.['total'] ?? 0)
}

/** A readable table name, unique to the rollback: `scores__metadata__0010__3_49_0_to_3_38_0_run_1234_1_1f0c3a`. */
export function storedName({ relation, column, migration, rollbackId }: Archived, number = 1): string {
  const what = [relation, column, ...(number === 1 ? [] : [String(number)])].filter(part => part !== '')
  return `${what.join('__')}__${migration}${suffixOf(rollbackId)}`
}

/** A table name is a file name: letters, digits, and not too long. */
function suffixOf(rollbackId: string): string {
  const readable = rollbackId.replaceAll(/[^A-Za-z0-9]+/g, '_').slice(0, 80)
  return `__${readable}_${createHash('sha256').update(rollbackId).digest('hex').slice(0, 6)}`
}

export function inArchive(name: string): string {
  return `langfuse_rollout.${quoteClickHouseIdentifier(name)}`
}

function conditionOf({ rollbackId, migration, relation, column }: Archived): string {
  return `rollback_id = ${literal(rollbackId)} AND migration = ${literal(migration)}
    AND relation = ${literal(relation)} AND \`column\` = ${literal(column)}`
}

type Undoing = { readonly rollbackId: string; readonly isOver: boolean }

/**
 * Begins to undo migrations under one archive id. Expand archives nothing, so an id that has archived rows belongs to an
 * earlier rollback and gets a suffix (two rollbacks of one workflow run have the same id).
 */
export async function beginUndoing(
  query: Query,
  migrations: readonly string[],
  rollbackId: string,
): Promise<void> {
  let id = rollbackId
  for (let number = 2; await isUsed(query, id); number++) id = `${rollbackId}-${number}`
  await writeJournal(query, migrations, 'expand', id)
}

async function isUsed(query: Query, rollbackId: string): Promise<boolean> {
  const [row] = await query(
    `SELECT (SELECT count() FROM langfuse_rollout.archived WHERE rollback_id = ${literal(rollbackId)})
      + (SELECT count() FROM langfuse_rollout.journal WHERE rollback_id = ${literal(rollbackId)} AND phase = 'contract')
      + (SELECT count() FROM system.tables
         WHERE database = 'langfuse_rollout' AND endsWith(name, ${literal(suffixOf(rollbackId))})) AS found`,
  )
  return Number(row?.['found']) > 0
}

/** The last undo of each migration: a run that resumes a killed one archives under the same id. */
export async function readUndoing(
  query: Query,
  migrations: readonly string[],
  fallback: string,
): Promise<ReadonlyMap<string, Undoing>> {
  const rows = await query(
    `SELECT migration, argMaxIf(rollback_id, sequence, phase = 'expand') AS id,
      maxIf(sequence, phase = 'contract') > maxIf(sequence, phase = 'expand') AS over
     FROM langfuse_rollout.journal WHERE migration IN (${migrations.map(literal).join(', ')}) GROUP BY migration`,
  )
  const known = new Map(rows.map(row => [String(row['migration']), row]))
  return new Map(
    migrations.map(migration => {
      const row = known.get(migration)
      const rollbackId = String(row?.['id'] ?? '') || fallback
      return [migration, { rollbackId, isOver: Number(row?.['over'] ?? 0) === 1 }]
    }),
  )
}

export async function endUndoing(query: Query, migration: string, rollbackId: string): Promise<void> {
  await writeJournal(query, [migration], 'contract', rollbackId)
}

/** One insert is one part, so it is atomic. */
async function writeJournal(
  query: Query,
  migrations: readonly string[],
  phase: 'expand' | 'contract',
  rollbackId: string,
): Promise<void> {
  await query(
    `INSERT INTO langfuse_rollout.journal (sequence, migration, phase, rollback_id)
     SELECT (SELECT max(sequence) FROM langfuse_rollout.journal) + 1, arrayJoin([${migrations.map(literal).join(', ')}]),
       ${literal(phase)}, ${literal(rollbackId)}`,
  )
}

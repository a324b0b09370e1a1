import { suffixOf } from './clickhouse-archive.ts'
import { quoteClickHouseLiteral as literal } from './quote.ts'
import type { Query } from './snapshot.ts'

/** How far a migration is undone, and the id under which what it takes away is archived. */
export type Undoing = { readonly rollbackId: string; readonly isOver: boolean }

/**
 * Begins to undo migrations: everything that they take away will be archived under one id. Only `expand` begins, and
 * it archives nothing; so an id under which there is something belongs to an earlier upgrade, and is not used again
 * (two rollbacks of one workflow run have the same id).
 */
export async function beginUndoing(
  query: Query,
  migrations: readonly string[],
  rollbackId: string,
): Promise<void> {
  let id = rollbackId
  for (let number = 2; await isUsed(query, id); number++) id = `${rollbackId}-${number}`
  await write(query, migrations, 'expand', id)
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

/** What was begun last for a migration: a run that goes on with a killed one archives under that one's id. */
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
  await write(query, [migration], 'contract', rollbackId)
}

/** One insert is one part, so it is there whole or not at all. */
async function write(
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

import type { ClickHouseDatabase, Rows } from '../schema/databases.ts'
import { runAny } from './clickhouse-proof.ts'

class Killed extends Error {}

/** A connection that breaks at the n-th write: before it is carried out or after it; a copy always half-way. */
export function breaking(
  database: ClickHouseDatabase,
  at: number,
  when: 'before' | 'after' = at % 2 === 0 ? 'after' : 'before',
): (sql: string) => Promise<Rows> {
  let writes = 0
  return async sql => {
    if (/^\s*SELECT\b/.test(sql)) return database.rows(sql)
    writes += 1
    if (writes < at) return runAny(database, sql)
    const copy = /^(\s*INSERT INTO langfuse_rollout\.\S+__copying\S* [\s\S]*?)(\s+SETTINGS [\s\S]*)$/.exec(
      sql,
    )
    if (copy !== null) await database.run(`${copy[1]} LIMIT 1${copy[2]}`)
    else if (when === 'after') await runAny(database, sql)
    throw new Killed()
  }
}

export function isKill(error: unknown): boolean {
  return error instanceof Killed || (error instanceof Error && error.cause instanceof Killed)
}

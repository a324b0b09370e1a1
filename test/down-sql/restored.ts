import type { Database } from '../schema/postgres-server.ts'
import type { Start } from './chain.ts'
import { columnsOf, countOf, readContents } from './contents.ts'
import { tablesOf } from './data/tables.ts'

export type Verdict = {
  readonly rows: number
  /** Rows that are not there as they were. */
  readonly changed: number
  /** Rows and values that are not there as they were, and that no entry of the archive gives a reason for. */
  readonly unexplained: readonly string[]
}

type Columns = Readonly<Record<string, string>>

/** What a restored database does not have of what was there before the rollback. */
export async function notBack(database: Database, start: Start): Promise<Verdict> {
  const tables = tablesOf({ ...start.schema, ...start.own })
  const after = await readContents(database.run)
  const reasons = await readReasons(database)
  let changed = 0
  const unexplained = [...start.contents].flatMap(([table, rows]) => {
    const present = new Set(after.get(table))
    const there = [...present].map(columnsOf)
    const key = tables.get(table)?.primaryKey ?? []
    return rows.flatMap(row => {
      if (present.has(row)) return []
      changed += 1
      const wanted = columnsOf(row)
      const isSame = (other: Columns): boolean =>
        (key.length > 0 ? key : Object.keys(wanted)).every(column => other[column] === wanted[column])
      const found = there.find(isSame)
      const differs = Object.keys(wanted).filter(column => found?.[column] !== wanted[column])
      const said = (reasons.get(table) ?? []).filter(entry => isAbout(entry, wanted, key))
      const left =
        found === undefined
          ? said.length > 0
            ? []
            : ['the row']
          : differs.filter(column => !said.some(entry => column in entry))
      const values = left.map(column => `${column} (${wanted[column]} is ${found?.[column]})`)
      return left.length === 0 ? [] : [`${table}: ${values.join(', ')} of ${row}`]
    })
  })
  return { rows: countOf(start.contents), changed, unexplained }
}

function isAbout(entry: Columns, wanted: Columns, key: readonly string[]): boolean {
  const known = (key.length > 0 ? key : Object.keys(wanted)).filter(column => column in entry)
  return known.length > 0 && known.every(column => entry[column] === wanted[column])
}

/** The entries of the archive that are not back and say why, by table. */
async function readReasons(database: Database): Promise<ReadonlyMap<string, readonly Columns[]>> {
  const rows = await database.run(`SELECT relation, row::text AS row FROM langfuse_rollout.archived_rows
    WHERE kind <> 'definition' AND NOT langfuse_rollout.is_back(outcome) AND outcome IS NOT NULL`)
  const stored = await database.run(`SELECT relation, stored_as FROM langfuse_rollout.archived_tables
    WHERE langfuse_rollout.has_outcome(to_regclass(stored_as))`)
  const moved = await Promise.all(
    stored.map(({ relation, stored_as }) =>
      database.run(`SELECT '${relation}' AS relation, to_jsonb(a)::text AS row FROM ${stored_as} AS a
        WHERE NOT langfuse_rollout.is_back(langfuse_rollout_outcome) AND langfuse_rollout_outcome IS NOT NULL`),
    ),
  )
  const reasons = new Map<string, Columns[]>()
  for (const { relation, row } of [...rows, ...moved.flat()]) {
    const table = String(relation)
      .replace(/^public\./, '')
      .replaceAll('"', '')
    reasons.set(table, [...(reasons.get(table) ?? []), columnsOf(String(row))])
  }
  return reasons
}

import { type DownSql, parseDownSql } from '../schema/down-sql.ts'
import { type GeneratedDownSql, generateFromCatalog } from '../schema/way-back.ts'
import type { ReleaseFacts } from './facts.ts'

/**
 * The same facts, with down SQL also where nobody has reviewed one: what the database keeps since the migration was
 * deployed to it, else what the catalog's schema before and after gives. A reviewed file always comes first.
 */
export function withUnreviewed(facts: ReleaseFacts, kept: readonly GeneratedDownSql[]): ReleaseFacts {
  const stored = new Map(kept.map(generated => [generated.migration, generated]))
  const made = new Map<string, DownSql | undefined>()
  const unreviewed = (name: string): DownSql | undefined => {
    if (!made.has(name))
      made.set(
        name,
        usable(() => stored.get(name) ?? generateFromCatalog(name, facts)),
      )
    return made.get(name)
  }
  return {
    ...facts,
    downSql: (engine, migration) =>
      facts.downSql(engine, migration) ?? (engine === 'postgres' ? unreviewed(String(migration)) : undefined),
  }
}

/** What cannot be made or read is as if it were not there: the plan then says that there is no down SQL. */
function usable(generate: () => GeneratedDownSql): DownSql | undefined {
  try {
    const { migration, sql, madeFrom, together } = generate()
    const down = parseDownSql({ engine: 'postgres', migration, text: sql })
    return { ...down, unreviewed: { madeFrom, together } }
  } catch {
    return undefined
  }
}

import type { ReleaseFacts } from '../release/facts.ts'
import { touchedIn } from '../schema/clickhouse-dependents.ts'
import { type ClickHouseStatement, parseClickHouseStatement } from '../schema/clickhouse-statement.ts'
import { splitStatements, withoutComments } from '../schema/sql-text.ts'
import { GIVES_A_NAME, touchedBy } from '../schema/touched.ts'
import type { Dependent, Dependents, DependentsQuestion } from '../stack/observe-dependents.ts'
import type { Undo } from './rollback-class.ts'

export type DependentsFacts = Pick<ReleaseFacts, 'downSql' | 'dependentsSql' | 'ownKeys'>

/** What to ask the databases before these migrations are undone. */
export function dependentsQuestion(
  { postgres, clickhouse }: Pick<Undo, 'postgres' | 'clickhouse'>,
  facts: DependentsFacts,
): DependentsQuestion {
  const files = postgres.flatMap(migration => {
    const sections = facts.downSql('postgres', migration)?.sections
    if (sections === undefined) return []
    const { keep: _, ...undoing } = sections
    return [{ migration, sql: Object.values(undoing).join('\n;\n') }]
  })
  const touches = touchedBy(files)
  const touched = touchedIn(
    clickhouse.flatMap(version =>
      statementsOf(facts.downSql('clickhouse', version)?.sections.contract ?? ''),
    ),
    ownInClickHouse(facts),
  )
  const sql = withoutComments(facts.dependentsSql(), 'postgres')
  return {
    ...(touches.length > 0 && { postgres: { sql, touches, own: ownRelations(facts) } }),
    ...(touched.gone.length + touched.columns.length > 0 && { clickhouse: touched }),
  }
}

/** A file that is invalid is refused by what runs it. */
function statementsOf(sql: string): readonly ClickHouseStatement[] {
  try {
    return splitStatements(sql, 'clickhouse').map(parseClickHouseStatement)
  } catch {
    return []
  }
}

/**
 * The same before a deploy has applied the migrations. What they will drop is there still, so names that their undo
 * gives are not taken. What they will change is as it was, so their undo still finds no other labels in an enum.
 */
export function questionBeforeDeploy(undo: Undo, facts: DependentsFacts): DependentsQuestion {
  const { postgres, ...rest } = dependentsQuestion(undo, facts)
  if (postgres === undefined) return rest
  const touches = postgres.touches
    .filter(({ call }) => !GIVES_A_NAME.test(call))
    .map(touch =>
      touch.labels === undefined ? touch : { ...touch, labels: [...touch.labels, LABEL_TO_COME] },
    )
  return { ...rest, postgres: { ...postgres, touches } }
}

/** Any text that is no label. */
const LABEL_TO_COME = ''

function ownRelations({ ownKeys }: Pick<DependentsFacts, 'ownKeys'>): readonly string[] {
  return [...ownKeys('postgres')].flatMap(key => /^(?:table|view) public\.(\w+)$/.exec(key)?.[1] ?? [])
}

/** Tables and views, and indexes by their own name. */
function ownInClickHouse({ ownKeys }: Pick<DependentsFacts, 'ownKeys'>): readonly string[] {
  const names = [...ownKeys('clickhouse')].flatMap(
    key => /^(?:(?:table|view) |index \w+\.)(\w+)$/.exec(key)?.[1] ?? [],
  )
  return [...new Set(names)]
}

/** Each refused dependent as a problem, with what clears the way. */
export function refusalsOf({ found }: Dependents): readonly string[] {
  return found.filter(({ verdict }) => verdict === 'refused').map(refusalOf)
}

/** Why a deploy that fails could not undo its migrations, and what clears the way; undefined: nothing known. */
export function obstacleIn({
  found,
  failed,
}: Dependents): { readonly because: string; readonly ways: readonly string[] } | undefined {
  const refused = found.filter(({ verdict }) => verdict === 'refused')
  const [first] = refused
  if (first === undefined)
    return failed[0] === undefined
      ? undefined
      : { because: `what depends on the schema is unknown: ${failed.join('; ')}.`, ways: [] }
  const more = refused.length === 1 ? '' : ` (and ${refused.length - 1} more)`
  const ways = refused.flatMap(({ remedy }) => (remedy === undefined ? [] : `\`${remedy};\``))
  return { because: `${first.object} ${first.clause}${more}.`, ways: [...new Set(ways)] }
}

function refusalOf({ object, clause, remedy }: Dependent): string {
  const way = remedy === undefined ? 'Change that' : `Run \`${remedy};\``
  return `${sentenceOf({ object, clause })} ${way}, then run again.`
}

/** What a rollback takes along or leaves alone, and what could not be checked. Langfuse's own objects are no news. */
export function notesOf(
  { found, unseen, failed }: Dependents,
  { ownKeys }: Pick<DependentsFacts, 'ownKeys'>,
): readonly string[] {
  const own = ownKeys('postgres')
  const news = found.filter(
    ({ verdict, key }) => verdict !== 'refused' && !(key !== undefined && own.has(key)),
  )
  return [
    ...news.map(
      each => `${each.verdict === 'taken' ? 'Taken along' : 'Left alone'}: ${each.object} ${each.clause}.`,
    ),
    ...unseen.map(what => `It was not checked ${what}.`),
    ...failed.map(why => `Your own objects: ${why}. The run checks them before its first change.`),
  ]
}

function sentenceOf({ object, clause }: Pick<Dependent, 'object' | 'clause'>): string {
  return `${object.charAt(0).toUpperCase()}${object.slice(1)} ${clause}.`
}

import { createHash } from 'node:crypto'
import type { Snapshot } from '../../../src/schema/snapshot.ts'
import { insertSql, isNeeded, type Row, type Value } from './rows.ts'
import { type Table, tablesOf } from './tables.ts'

/** What a threat breaks when an undo is the bare inverse of its migration. */
export type ThreatKind =
  | 'enum label in use'
  | 'NULL where there may be none'
  | 'duplicate of a key'
  | 'orphan of a foreign key'
  | 'meaning of the data'
  | 'value that is easily damaged'
  | "object of the database's owner"
  | 'row of whoever wrote the down SQL'

/** Rows that a real database may have and that an undo must cope with; they are valid right after the migration. */
export type Threat = {
  /** The migration whose undo is threatened. */
  readonly undoing: string
  readonly kind: ThreatKind
  /** A later migration of Langfuse fails on these rows: a database that goes up has them after that one only. */
  readonly failsUp?: string
  /** One line for people; also the name of the threat. */
  readonly what: string
  readonly rows?: readonly Row[]
  /** What rows do not say: run after them. */
  readonly sql?: string
  /** A query of one boolean that must hold once the migration is undone, where rows not being lost is not enough. */
  readonly after?: string
}

/** Parents that the rows of all threats refer to where they name no other; valid in every release. */
export const world: readonly Row[] = [
  ['organizations', { id: 'first', name: `Org "one"; it's` }],
  ['organizations', { id: 'second', name: 'Org two' }],
  ['projects', { id: 'one', name: 'One', org_id: 'first' }],
  ['projects', { id: 'two', name: 'Two', org_id: 'second' }],
  ['projects', { id: `p'3"; --`, name: 'Odd', org_id: 'second' }],
  ['users', { id: 'ada', name: 'Ada', email: 'ada@example.com' }],
  ['users', { id: 'bob', name: 'Bob', email: `b"o'b@example.com` }],
  ['datasets', { id: 'questions', project_id: 'one', name: 'Questions' }],
  ['dataset_runs', { id: 'run', project_id: 'one', dataset_id: 'questions', name: 'Run' }],
  ['annotation_queues', { id: 'queue', project_id: 'one', name: 'Queue' }],
  ['models', { id: 'model', project_id: 'one', model_name: 'model', match_pattern: '.*' }],
  ['job_configurations', { id: 'evaluator', project_id: 'one', score_name: 'world', job_type: 'EVAL' }],
  ['llm_api_keys', { id: 'connection', project_id: 'one', provider: 'world', adapter: 'openai' }],
]

/** What columns mean that have lost their foreign key, or never had one. */
const byName: Readonly<Record<string, string>> = {
  org_id: 'first',
  project_id: 'one',
  user_id: 'ada',
  dataset_id: 'questions',
  job_configuration_id: 'evaluator',
}

/** SQL for the rows of a threat, or of the world, in a database of this schema. */
export function threatSql(schema: Snapshot, { rows = [], sql = '' }: Pick<Threat, 'rows' | 'sql'>): string {
  const tables = tablesOf(schema)
  const inserts = rows.map(([table, values]) => {
    const parents = [...(tables.get(table)?.columns ?? [])].flatMap(([name, column]) => {
      const parent = name in values || !isNeeded(column) ? undefined : parentOf(tables, table, name)
      return parent === undefined ? [] : [[name, parent] as const]
    })
    return insertSql(schema, [table, { ...Object.fromEntries(parents), ...values }], placeOf([table, values]))
  })
  return [...inserts, sql].join('\n')
}

/** A number for each row, beyond those of the ordinary rows: what is filled in differs from row to row. */
function placeOf(row: Row): number {
  return (
    1_000_000 +
    (Number.parseInt(createHash('md5').update(JSON.stringify(row)).digest('hex').slice(0, 6), 16) % 900_000)
  )
}

/** What a column refers to where its row does not say: the first row of the world in that table. */
function parentOf(tables: ReadonlyMap<string, Table>, table: string, column: string): Value | undefined {
  for (const { columns, references } of tables.get(table)?.foreignKeys ?? []) {
    const name = references.columns[columns.indexOf(column)]
    const row = world.find(([known]) => known === references.table)?.[1]
    if (name !== undefined && row?.[name] !== undefined) return row[name]
  }
  return byName[column]
}

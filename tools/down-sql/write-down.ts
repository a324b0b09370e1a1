import type { DownPhase, DownStatement, GeneratedDown } from './generate-down.ts'

/**
 * A generated undo as the text of a down SQL file (its format: src/schema/down-sql.ts).
 * @param notes free lines for the header: why it is as it is
 */
export function writeDownSql(generated: GeneratedDown, notes: readonly string[] = []): string {
  const { migration, statements, counts } = generated
  const header = [
    `-- undoes: ${migration}`,
    `-- class: ${generated.class}`,
    `-- loses: ${losesText(generated)}`,
    ...counts.map(({ what, sql }) => `-- count: ${what}: ${sql}`),
    ...(notes.length > 0 ? ['--', ...notes.map(note => `-- ${note}`)] : []),
  ]
  const phases = phaseOrder.flatMap(phase => phaseText(phase, statements))
  return [...header, ...(phases.length > 0 ? phases : nothingToUndo), '-- end', ''].join('\n')
}

const phaseOrder: readonly DownPhase[] = ['expand', 'prepare', 'contract', 'validate']

/** A file has at least one phase, and a phase at least one statement. */
const nothingToUndo = ['', '-- phase: contract', 'SELECT 1; -- the migration changed no schema']

function losesText({ loses, statements }: GeneratedDown): string {
  if (loses.length > 0) return loses.join('; ')
  return statements.some(({ sql }) =>
    /\.(drop_(table|column)|archive_column|delete_|rewrite_|rebuild_)/.test(sql),
  )
    ? 'nothing; what only the newer release has goes to the archive'
    : 'nothing'
}

function phaseText(phase: DownPhase, statements: readonly DownStatement[]): string[] {
  const own = statements.filter(statement => statement.phase === phase)
  if (own.length === 0) return []
  return ['', `-- phase: ${phase}`, ...own.flatMap(statementText)]
}

function statementText({ sql, review }: DownStatement): string[] {
  return [...(review === undefined ? [] : [`-- REVIEW: ${review}`]), sql]
}

import { dependentsQuestion } from '../plan/dependents.ts'
import type { KeepData, SchemaStep } from '../plan/plan.ts'
import { amountOf } from '../plan/plan.ts'
import { checkDependents } from './check-dependents.ts'
import type { Done, Execution, UndoCounts, Undoing } from './execution.ts'
import { StepFailed } from './execution.ts'
import { keepStores } from './keep-data.ts'
import { checkClickHouse, undoClickHouse } from './undo-clickhouse.ts'
import { undoPostgres } from './undo-postgres.ts'

/**
 * One phase of down SQL on both stores. PostgreSQL holds the journal of both, which the next run plans from. Before the
 * first phase changes anything, it checks what hangs on the schema.
 */
export async function undoSchema(step: SchemaStep, execution: Execution): Promise<Done> {
  if (step.kind === 'undo-schema' && step.phase === 'expand')
    await checkDependents(dependentsQuestion(step, execution.facts), execution)
  const inside = execution.postgres === undefined ? execution.undoInside : undefined
  const counts = inside === undefined ? await undoStores(step, execution) : await inside(step, execution)
  return { sentence: describe(step, counts), counts }
}

/** Runs where the stores are reachable: in the runner or in the agent. */
export async function undoStores(step: SchemaStep, undoing: Undoing): Promise<UndoCounts> {
  const { postgres, clickhouse } = undoing
  if (postgres === undefined) throw new StepFailed('There is no connection to PostgreSQL.')
  if (step.kind === 'keep-data') return keepStores(step, postgres, undoing)
  if (step.clickhouse.length > 0) {
    if (clickhouse === undefined) throw new StepFailed('There is no connection to ClickHouse.')
    await checkClickHouse(step, clickhouse, undoing)
  }
  let archivedInClickHouse = 0
  const inPostgres = await undoPostgres(step, postgres, undoing, async (journal, rollbackId) => {
    if (clickhouse === undefined || step.clickhouse.length === 0) return
    archivedInClickHouse = await undoClickHouse(step, clickhouse, { ...undoing, rollbackId }, journal)
  })
  return { ...inPostgres, archivedRows: inPostgres.archivedRows + archivedInClickHouse }
}

function describe(step: SchemaStep, counts: UndoCounts): string {
  if (step.kind === 'keep-data') {
    const { rows, problems } = counts.kept ?? { rows: 0, problems: [] }
    const incomplete =
      problems.length === 0 ? '' : `; not complete, so a rollback loses it: ${problems.join('; ')}`
    return `${KEEP_SENTENCES[step.phase](amountOf(rows, 'row'))}${incomplete}`
  }
  const parts: string[] = []
  if (step.postgres.length > 0) parts.push(amountOf(step.postgres.length, 'Postgres migration'))
  if (step.clickhouse.length > 0) parts.push(amountOf(step.clickhouse.length, 'ClickHouse migration'))
  if (step.clickhouseHead !== undefined) parts.push(`ClickHouse head set to ${step.clickhouseHead}`)
  if (counts.archivedRows > 0) parts.push(`${amountOf(counts.archivedRows, 'row')} in the archive`)
  return `${step.phase} finished: ${parts.join(', ')}`
}

const KEEP_SENTENCES: Readonly<Record<KeepData['phase'], (rows: string) => string>> = {
  drop: rows => `${rows} dropped for good`,
  keep: () => 'what the migrations delete is kept in schema and database langfuse_rollout',
  close: rows => `${rows} that the migrations deleted are kept`,
  reverse: () => 'the migrations did not run, and what was kept is where it was',
}

import type { UndoSchema } from '../plan/plan.ts'
import type { Done, Execution, UndoCounts } from './execution.ts'
import { StepFailed } from './execution.ts'
import { checkClickHouse, undoClickHouse } from './undo-clickhouse.ts'
import { undoPostgres } from './undo-postgres.ts'

/**
 * One phase of down SQL on both stores. PostgreSQL holds the journal, so ClickHouse's part is written there too:
 * what a killed run did not finish is in the picture that the next run plans from.
 */
export async function undoSchema(step: UndoSchema, execution: Execution): Promise<Done> {
  const { postgres, clickhouse } = execution
  if (postgres === undefined) throw new StepFailed('There is no connection to PostgreSQL.', [])
  if (step.clickhouse.length > 0) {
    if (clickhouse === undefined) throw new StepFailed('There is no connection to ClickHouse.', [])
    await checkClickHouse(step, clickhouse, execution)
  }
  let archivedInClickHouse = 0
  const inPostgres = await undoPostgres(step, postgres, execution, async () => {
    if (clickhouse === undefined || step.clickhouse.length === 0) return
    archivedInClickHouse = await undoClickHouse(step, clickhouse, execution)
  })
  const counts = { ...inPostgres, archivedRows: inPostgres.archivedRows + archivedInClickHouse }
  return { sentence: describe(step, counts), counts }
}

function describe(step: UndoSchema, counts: UndoCounts): string {
  const parts: string[] = []
  if (step.postgres.length > 0) parts.push(`${step.postgres.length} Postgres migrations`)
  if (step.clickhouse.length > 0) parts.push(`${step.clickhouse.length} ClickHouse migrations`)
  if (step.clickhouseHead !== undefined) parts.push(`ClickHouse's head set to ${step.clickhouseHead}`)
  if (counts.archivedRows > 0) parts.push(`${counts.archivedRows} rows in the archive`)
  return `${step.phase} finished: ${parts.join(', ')}`
}

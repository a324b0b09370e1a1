import { explain } from '../errors/errors.ts'
import { StepFailed } from '../execute/execution.ts'
import { type Postgres, sqlState } from '../ports/databases.ts'
import type { JobFailure } from './job.ts'

/** An error in a form that survives the way out. */
export function failureOf(error: unknown): JobFailure {
  return {
    sentence: explain(error),
    name: error instanceof Error ? error.name : 'Error',
    sqlState: stateIn(error),
    evidence: error instanceof StepFailed ? error.evidence : [],
  }
}

function stateIn(error: unknown): string | undefined {
  return sqlState(error) ?? (error instanceof Error && error.cause ? stateIn(error.cause) : undefined)
}

export function givenPostgres({ postgres }: { readonly postgres: Postgres | undefined }): Postgres {
  if (postgres !== undefined) return postgres
  throw new StepFailed(
    "There is no connection to PostgreSQL: the worker's task definition has neither DATABASE_URL nor its parts.",
    [],
  )
}

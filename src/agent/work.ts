import { explain } from '../errors/explain.ts'
import type { UndoCounts, Undoing } from '../execute/execution.ts'
import { StepFailed } from '../execute/execution.ts'
import { undoStores } from '../execute/undo-schema.ts'
import { sqlState } from '../ports/databases.ts'
import { lookInside, type Stores } from '../stack/inside.ts'
import type { Answers, Job, JobFailure, UndoJob, Undone } from './job.ts'
import { factsOf, forgetTexts, keepPart, readTexts } from './texts.ts'

/** What the agent works with: the stores, time, and somewhere to say how far it is. */
export type Tools = Stores & Pick<Undoing, 'clock' | 'deadline' | 'signal' | 'say'>

/** Does one job with the very functions that a runner inside the VPC works with. */
export async function work(job: Job, tools: Tools): Promise<Answers[Job['kind']]> {
  switch (job.kind) {
    case 'observe':
      return lookInside(tools, job.workers)
    case 'undo':
      return undo(job, tools)
    case 'keep':
      return keepPart(job, postgresOf(tools))
  }
}

/** A phase that fails is part of the answer: those before it are done and have to be told of. */
async function undo(job: UndoJob, tools: Tools): Promise<Undone> {
  const postgres = postgresOf(tools)
  const facts = factsOf(await readTexts(job.texts, postgres))
  const counts: UndoCounts[] = []
  for (const step of job.steps) {
    try {
      counts.push(await undoStores(step, { ...tools, postgres, rollbackId: job.rollbackId, facts }))
    } catch (error) {
      return { counts, failure: failureOf(error) }
    }
  }
  // What stays is untidy, and the next that keeps texts removes it.
  await forgetTexts(job.texts, postgres).catch(() => undefined)
  return { counts }
}

function postgresOf({ postgres }: Tools) {
  if (postgres !== undefined) return postgres
  throw new StepFailed(
    "There is no connection to PostgreSQL: the worker's task definition has neither DATABASE_URL nor its parts.",
    [],
  )
}

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

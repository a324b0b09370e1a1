import type { UndoCounts } from '../execute/execution.ts'
import { undoStores } from '../execute/undo-schema.ts'
import type { Spec, UndoJob, Undone } from './job.ts'
import { factsOf } from './library.ts'
import { failureOf, givenPostgres, runProgram, type Tools } from './program.ts'

/** The program that undoes, complete in one task definition. */
export async function agent(spec: Spec): Promise<void> {
  await runProgram(spec, async tools => {
    if (spec.job.kind !== 'undo') throw new Error('This program only runs down SQL.')
    return undo(spec.job, tools)
  })
}

/** Runs phases as a runner inside the VPC would. The answer has the counts of completed phases and the failure. */
export async function undo({ steps, rollbackId, claim, sql }: UndoJob, tools: Tools): Promise<Undone> {
  const postgres = givenPostgres(tools)
  const facts = factsOf(sql)
  const counts: UndoCounts[] = []
  for (const step of steps) {
    try {
      counts.push(await undoStores(step, { ...tools, postgres, rollbackId, claim, facts }))
    } catch (error) {
      return { counts, failure: failureOf(error) }
    }
  }
  return { counts }
}

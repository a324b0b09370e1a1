import { explain, Interrupted } from '../errors/errors.ts'
import type { Step } from '../plan/plan.ts'
import { titleOf } from '../plan/plan.ts'
import type { Done, Execution, StepResult, StepState, UndoCounts } from './execution.ts'
import { StepFailed } from './execution.ts'
import { migrate } from './migrate.ts'
import { mirror } from './mirror.ts'
import { rerunBackgroundMigrations } from './rerun.ts'
import { rollAppRunner } from './roll-app-runner.ts'
import { rollEcs, setDeploymentSettings } from './roll-ecs.ts'
import { backupDatabase, backupFiles } from './run-backup.ts'
import { undoSchema } from './undo-schema.ts'

const NO_COUNTS: UndoCounts = { postgres: 0, clickhouse: 0, archivedRows: 0 }

/** Runs the plan's steps in order and stops at the first failure. Never throws: each step has a result. */
export async function execute(
  execution: Execution,
  group: (title: string, work: () => Promise<void>) => Promise<void>,
): Promise<readonly StepResult[]> {
  const results: StepResult[] = []
  for (const step of execution.plan.steps) {
    const stopped = results.some(result => result.state !== 'done') || execution.signal.aborted
    if (stopped) {
      results.push(notStarted(step))
      continue
    }
    await group(titleOf(step), async () => {
      execution.say(step.reason)
      results.push(await runStep(step, execution))
    })
    const result = results.at(-1)
    if (result !== undefined)
      execution.say(`${result.state === 'done' ? '✔' : '✘'} ${titleOf(step)}: ${result.sentence}`)
  }
  return results
}

function notStarted(step: Step): StepResult {
  return {
    step,
    state: 'not-started',
    sentence: 'not started',
    evidence: [],
    startedAt: undefined,
    endedAt: undefined,
    counts: NO_COUNTS,
  }
}

async function runStep(step: Step, execution: Execution): Promise<StepResult> {
  const startedAt = execution.clock.now()
  const end = (
    state: StepState,
    sentence: string,
    evidence: readonly string[],
    counts = NO_COUNTS,
  ): StepResult => {
    return { step, state, sentence, evidence, counts, startedAt, endedAt: execution.clock.now() }
  }
  try {
    const done = await perform(step, execution)
    if (done.artifact !== undefined) await execution.keep?.(done.artifact)
    return { ...end('done', done.sentence, [], done.counts), artifact: done.artifact }
  } catch (error) {
    const state = error instanceof Interrupted ? 'rolling' : 'failed'
    return end(state, explain(error), error instanceof StepFailed ? error.evidence : [])
  }
}

function perform(step: Step, execution: Execution): Promise<Done> {
  switch (step.kind) {
    case 'migrate':
      return migrate(step, execution)
    case 'roll-ecs':
      return rollEcs(step, execution)
    case 'set-deployment-settings':
      return setDeploymentSettings(step, execution)
    case 'roll-app-runner':
      return rollAppRunner(step, execution)
    case 'undo-schema':
      return undoSchema(step, execution)
    case 'backup-database':
      return backupDatabase(step, execution)
    case 'backup-files':
      return backupFiles(step, execution)
    case 'rerun-background-migrations':
      return rerunBackgroundMigrations(step, execution)
    case 'mirror':
      return mirror(step, execution)
  }
}

import { deniedPermission, explain, Interrupted } from '../errors/errors.ts'
import type { Step } from '../plan/plan.ts'
import { titleOf } from '../plan/plan.ts'
import { whyNoLongerRight } from '../plan/still-right.ts'
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

/**
 * Runs the plan's steps in order. A deploy stops at the first failure; a rollback goes on with what is still right.
 * Never throws: each step has a result.
 */
export async function execute(
  execution: Execution,
  group: (title: string, work: () => Promise<void>) => Promise<void>,
): Promise<readonly StepResult[]> {
  const results: StepResult[] = []
  for (const step of execution.plan.steps) {
    const why = whyNot(step, results, execution)
    if (why !== undefined) {
      results.push(resultOf(step, 'not-started', why))
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

/** Why a step must not start; undefined: it may. */
function whyNot(step: Step, results: readonly StepResult[], execution: Execution): string | undefined {
  const { plan, signal, clock, deadline, restoring = new Set() } = execution
  const failed = results.some(({ state }) => state !== 'done')
  if (signal.aborted || (failed && (plan.action === 'deploy' || clock.now() >= deadline)))
    return 'not started'
  const why = plan.action === 'deploy' ? undefined : whyNoLongerRight(step, { results, restoring })
  return why === undefined ? undefined : `not started, because ${why}`
}

function resultOf(
  step: Step,
  state: StepState,
  sentence: string,
  rest: Partial<StepResult> = {},
): StepResult {
  const untimed = { startedAt: undefined, endedAt: undefined }
  return { step, state, sentence, evidence: [], counts: NO_COUNTS, ...untimed, ...rest }
}

async function runStep(step: Step, execution: Execution): Promise<StepResult> {
  const startedAt = execution.clock.now()
  let deployment: string | undefined
  const times = () => ({ deployment, startedAt, endedAt: execution.clock.now() })
  const began = (id: string) => {
    deployment = id
  }
  try {
    const { sentence, counts = NO_COUNTS, artifact } = await perform(step, { ...execution, began })
    if (artifact !== undefined) await execution.keep?.(artifact)
    return resultOf(step, 'done', sentence, { counts, artifact, ...times() })
  } catch (error) {
    const state = error instanceof Interrupted ? 'rolling' : 'failed'
    const evidence = error instanceof StepFailed ? error.evidence : []
    return resultOf(step, state, `${denial(error, step, execution)}${explain(error)}`, {
      evidence,
      ...times(),
    })
  }
}

/** What to grant for a step that IAM does not allow. */
function denial(error: unknown, step: Step, { plan }: Execution): string {
  const permission = deniedPermission(error)
  if (permission === undefined) return ''
  const policy = step.kind === 'mirror' ? 'mirror' : plan.action
  return `AWS denied \`${permission}\` to step "${titleOf(step)}": grant it to the role of this job, as docs/iam/${policy}.json does, then run again. `
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
    case 'keep-data':
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

import { execute } from '../execute/execute.ts'
import type { Execution, StepResult } from '../execute/execution.ts'
import type { Plan } from '../plan/plan.ts'
import type { Stack } from '../stack/stack.ts'
import type { Connections, Ports } from './ports.ts'

type PlannedRun = {
  readonly plan: Plan
  readonly stack: Stack
  readonly connections: Connections
  readonly ports: Ports
  /** Epoch milliseconds. */
  readonly deadline: number
} & Pick<Execution, 'claim' | 'record' | 'keep' | 'imageTool' | 'restoring'>

/** Executes a plan with the ports of this run, one group in the log per step. */
export function runPlan({ connections, ports, ...run }: PlannedRun): Promise<readonly StepResult[]> {
  const { facts, clock, signal, runner } = ports
  return execute(
    {
      rollbackId: rollbackId(run.plan, ports),
      ...run,
      ...connections,
      facts,
      clock,
      signal,
      say: line => runner.info(line),
    },
    (title, work) => runner.group(title, work),
  )
}

/** Unique for each run and readable in the archive and the journal: `3.0.0-to-2.93.7-run-1234-1`. */
function rollbackId(plan: Plan, { runner, clock }: Ports): string {
  const run = runner.environment('GITHUB_RUN_ID')
  const attempt = runner.environment('GITHUB_RUN_ATTEMPT') ?? '1'
  const unique = run === undefined ? new Date(clock.now()).toISOString() : `run-${run}-${attempt}`
  return `${plan.from ?? 'unknown'}-to-${plan.to}-${unique}`
}

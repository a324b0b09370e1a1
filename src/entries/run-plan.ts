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
  /** Names this run in the archive and the journal; a plan without down SQL needs none. */
  readonly rollbackId?: string
} & Pick<Execution, 'record' | 'keep' | 'imageTool'>

/** Executes a plan with the ports of this run, a group in the log for each step. */
export function runPlan({ connections, ports, ...run }: PlannedRun): Promise<readonly StepResult[]> {
  const { facts, clock, signal, runner } = ports
  return execute(
    { rollbackId: '', ...run, ...connections, facts, clock, signal, say: line => runner.info(line) },
    (title, work) => runner.group(title, work),
  )
}

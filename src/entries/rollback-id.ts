import type { Plan } from '../plan/plan.ts'
import type { Ports } from './ports.ts'

/** Unique for each run, and readable in the archive: `3.0.0-to-2.93.7-run-1234-1`. */
export function rollbackId(plan: Plan, { runner, clock }: Ports): string {
  const run = runner.environment('GITHUB_RUN_ID')
  const attempt = runner.environment('GITHUB_RUN_ATTEMPT') ?? '1'
  const unique = run === undefined ? new Date(clock.now()).toISOString() : `run-${run}-${attempt}`
  return `${plan.from ?? 'unknown'}-to-${plan.to}-${unique}`
}

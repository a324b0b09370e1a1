import { explain } from '../errors/errors.ts'
import type { StepResult } from '../execute/execution.ts'
import { waitFor } from '../execute/wait.ts'
import type { DeployConfig } from '../inputs/config.ts'
import type { Plan } from '../plan/plan.ts'
import { planUndo } from '../plan/plan-rollback.ts'
import type { DeploymentRecord } from '../ports/github.ts'
import { releaseOf } from '../release/release.ts'
import type { Claim } from '../schema/run-lock.ts'
import { observe, quickSources } from '../stack/observe.ts'
import { imagesOf, type RollbackTarget } from '../stack/rollback-target.ts'
import type { Stack } from '../stack/stack.ts'
import { resolveTargets } from '../stack/targets.ts'
import { announce } from './conclusions.ts'
import type { Connections, Ports } from './ports.ts'
import { runPlan } from './run-plan.ts'

type Undone = {
  readonly steps: readonly StepResult[]
  readonly warnings: readonly string[]
  /** Why the rollback failed, as a sentence. */
  readonly problem: string | undefined
  /** What a person has to do in that case. */
  readonly next: readonly string[]
}

type Failed = {
  readonly config: DeployConfig
  readonly plan: Plan
  readonly steps: readonly StepResult[]
  readonly record: DeploymentRecord
  readonly claim: Claim
  readonly connections: Connections
  readonly ports: Ports
}

/** A deploy that ran into its timeout still gets time to roll back. */
export const UNDO_TIMEOUT_MS = 20 * 60_000

/**
 * Rolls back a failed deploy with the rollback's own plan. The plan starts from what runs now, so it leaves alone
 * what was never changed.
 */
export async function undo(failed: Failed): Promise<Undone> {
  const { config, claim, connections, ports } = failed
  try {
    const deadline = ports.clock.now() + UNDO_TIMEOUT_MS
    const stack = await observeAtRest(failed, deadline)
    const target = targetOf(failed)
    const targets = await resolveTargets(stack, target.wanted, connections.cloud)
    const own = { ...config, to: target.release, sql: 'auto' } as const
    const plan = planUndo({ config: own, stack, target, targets, facts: ports.facts })
    if (plan.kind === 'refusal') return nothing(plan.problems.join(' '), plan.next)
    ports.runner.info('The deploy failed. Rolling back its changes:')
    announce(plan, ports.runner)
    const steps = await runPlan({ plan, stack, claim, connections, ports, deadline })
    const bad = steps.find(step => step.state !== 'done')
    const warnings = [...plan.warnings, ...leftBehind(failed, stack)]
    return { steps, warnings, problem: bad?.sentence, next: [] }
  } catch (error) {
    return nothing(explain(error))
  }
}

function nothing(problem: string, next: readonly string[] = []): Undone {
  return { steps: [], warnings: [], problem, next }
}

/** App Runner rolls back by itself after a failed health check and takes no update until it has. */
async function observeAtRest({ config, connections, ports }: Failed, deadline: number): Promise<Stack> {
  const quick = quickSources(connections)
  const settled = await waitFor<Stack>(
    async () => {
      const stack = await observe(config, quick)
      const operation = stack.web.platform === 'app-runner' ? stack.web.operation : undefined
      return operation === undefined
        ? { state: 'settled', value: stack }
        : { state: 'waiting', note: `App Runner operation ${operation.id} is ${operation.status}` }
    },
    {
      clock: ports.clock,
      deadline,
      signal: ports.signal,
      say: note => ports.runner.info(note),
      what: 'App Runner to finish its own rollback',
    },
  )
  return connections.probeIsExpensive ? observe(config, connections) : settled
}

function targetOf({ record, steps }: Failed): RollbackTarget {
  const release = releaseOf(record.from)
  if (release === undefined)
    throw new Error(
      'The release before this deploy is unknown, so there is no rollback target: run the rollback action with `to`.',
    )
  return {
    release,
    wanted: imagesOf(record),
    source: 'the record of this deploy',
    record: undefined,
    snapshot: steps.find(({ artifact }) => artifact?.kind === 'aurora-snapshot')?.artifact?.id,
    warnings: [],
  }
}

/** Migrations that ran in databases this run cannot observe: the older web keeps running but cannot start again. */
function leftBehind({ steps, plan }: Failed, stack: Stack): readonly string[] {
  const migrated = steps.some(({ step, state }) => step.kind === 'migrate' && state !== 'not-started')
  const unseen = [stack.postgres, stack.clickhouseStore].find(store => !store.known)
  if (!migrated || unseen === undefined || unseen.known) return []
  return [
    `The migrations of Langfuse ${plan.to} may have run and were not reverted, because ${unseen.reason}. The web of ${plan.from} keeps running, but its next start fails with "no migration found". Run the rollback action with access to the databases, or deploy ${plan.to} again.`,
  ]
}

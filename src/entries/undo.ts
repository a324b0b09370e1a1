import { explain, Interrupted } from '../errors/errors.ts'
import { hasBegun, type StepResult } from '../execute/execution.ts'
import { onEcs, type Restoring, restoringNow } from '../execute/own-rollback.ts'
import { waitFor } from '../execute/wait.ts'
import { COMPONENTS, type Component, type DeployConfig } from '../inputs/config.ts'
import { planClickHouseBack } from '../plan/clickhouse-first.ts'
import { componentName, isRollout, type Plan, type Step, titleOf } from '../plan/plan.ts'
import { planUndo } from '../plan/plan-rollback.ts'
import type { Runbook } from '../plan/runbook.ts'
import { type DeploymentRecord, withArtifact } from '../ports/github.ts'
import { shortDigest, shortImage } from '../release/image.ts'
import { releaseOf } from '../release/release.ts'
import type { Claim } from '../schema/run-lock.ts'
import { observe } from '../stack/observe.ts'
import { keepProofs } from '../stack/proof.ts'
import { imagesOf, migrationsOf, type RollbackTarget } from '../stack/rollback-target.ts'
import { imageOf, type Stack } from '../stack/stack.ts'
import { resolveTargets, type Targets } from '../stack/targets.ts'
import { announce } from './conclusions.ts'
import { factsOfRestore } from './facts-of-restore.ts'
import type { Connections, Ports } from './ports.ts'
import { runPlan } from './run-plan.ts'

type Undone = {
  readonly steps: readonly StepResult[]
  readonly warnings: readonly string[]
  /** Why the rollback failed, and what it did not try. */
  readonly problem: string | undefined
  /** What a person has to do in that case. */
  readonly next: readonly string[]
  readonly restore?: Runbook | undefined
  /** The recorded images. */
  readonly targets: Targets
  /** Components that AWS took back to the recorded image by itself. */
  readonly byItself: readonly Component[]
}

type Failed = {
  readonly config: DeployConfig
  readonly plan: Plan
  readonly steps: readonly StepResult[]
  readonly record: DeploymentRecord
  readonly claim: Claim
  /** Before the first change. */
  readonly stack: Stack
  readonly connections: Connections
  readonly ports: Ports
}

/** A deploy that ran into its timeout still gets time to roll back. */
export const UNDO_TIMEOUT_MS = 20 * 60_000
/** The part of it for AWS's own rollbacks: they take as long as a rollout. */
const REST_TIMEOUT_MS = 12 * 60_000

/**
 * Rolls back a failed deploy with the rollback's own plan. The plan starts from what runs once AWS is at rest, so it
 * leaves alone what was never changed and what AWS restored by itself.
 */
export async function undo(failed: Failed): Promise<Undone> {
  const { config, claim, connections, ports } = failed
  try {
    const deadline = ports.clock.now() + UNDO_TIMEOUT_MS
    const restoring = await awaitRest(failed)
    const busy = new Set(restoring.map(({ component }) => component))
    const seen = await observeAgain(failed)
    const target = targetOf(failed)
    const targets = await resolveTargets(seen, target.wanted, connections.cloud)
    const foreign = restoring.length > 0 ? [] : takenOver(failed, seen, targets)
    if (foreign.length > 0) return nothing(`${foreign.join(' ')} So this run undid nothing.`)
    const own = { ...config, to: target.release, sql: 'auto' } as const
    const question = { config: own, stack: seen, target, targets, facts: ports.facts }
    const { stack, earlier } = await clickhouseBack(failed, question, { deadline, restoring: busy })
    const restore = await factsOfRestore({ ...question, stack }, connections.cloud)
    const plan = planUndo({ ...question, stack, restore })
    if (plan.kind === 'refusal')
      return {
        ...nothing(plan.problems.join(' '), plan.next),
        restore: plan.restore,
        steps: earlier,
        targets,
      }
    const byItself = restoredByItself(failed, [...earlier.map(({ step }) => step), ...plan.steps])
    for (const component of byItself)
      ports.runner.info(`AWS took ${componentName(component)} back to the recorded image by itself.`)
    ports.runner.info('The deploy failed. Rolling back its changes:')
    announce(plan, ports.runner)
    const steps = await runPlan({ plan, stack, claim, connections, ports, deadline, restoring: busy })
    const warnings = [...plan.warnings, ...leftBehind(failed, stack)]
    const problem = problemOf(steps, restoring)
    return { steps: [...earlier, ...steps], warnings, problem, next: [], targets, byItself }
  } catch (error) {
    return nothing(explain(error))
  }
}

type Question = Parameters<typeof planUndo>[0]

/** A ClickHouse that stopped answering with this deploy's image gets the recorded one before the undo is planned. */
async function clickhouseBack(
  failed: Failed,
  question: Question,
  when: { readonly deadline: number; readonly restoring: ReadonlySet<Component> },
): Promise<{ readonly stack: Stack; readonly earlier: readonly StepResult[] }> {
  const { steps, claim, connections, ports } = failed
  const { stack } = question
  const tried = steps.some(
    ({ step, state }) => isRollout(step) && step.component === 'clickhouse' && state !== 'not-started',
  )
  const plan = tried ? planClickHouseBack(question) : undefined
  if (plan === undefined) return { stack, earlier: [] }
  announce(plan, ports.runner)
  const earlier = await runPlan({ plan, stack, claim, connections, ports, ...when })
  return { stack: await observeAgain(failed), earlier }
}

/** Proofs from before the deploy still hold: the worker may be restarting. */
async function observeAgain({ config, connections, stack }: Failed): Promise<Stack> {
  const seen = await observe(config, connections)
  return { ...seen, proofs: keepProofs(stack.proofs, seen.proofs) }
}

/**
 * Components with an image that neither was there before nor is of this deploy: another deployment is not ours to undo.
 * While one is rolling, the running tasks still show the older digest.
 */
export function takenOver(
  { stack: before, steps }: Pick<Failed, 'stack' | 'steps'>,
  now: Stack,
  targets: Targets,
): readonly string[] {
  return COMPONENTS.flatMap(component => {
    const [image, first, target] = [imageOf(now, component), imageOf(before, component), targets[component]]
    const rolled = steps.flatMap(({ step }) =>
      isRollout(step) && step.component === component ? step.to : [],
    )
    const isSettled = !onEcs(now).some(
      one => one.component === component && one.service.deployments.length > 1,
    )
    const isOurs =
      [first.reference, target?.reference, ...rolled].includes(image.reference) ||
      (isSettled && image.digest !== undefined && [first.digest, target?.digest].includes(image.digest))
    if (isOurs) return []
    return `Somebody else deployed \`${shortImage(image.reference)}\` to ${componentName(component)} during this deploy.`
  })
}

function nothing(problem: string, next: readonly string[] = []): Undone {
  return { steps: [], warnings: [], problem, next, targets: {}, byItself: [] }
}

/**
 * Waits until AWS has finished what it restores by itself. An update meanwhile would race with ECS, and App Runner
 * refuses one.
 * @returns what AWS is still restoring when the time is over
 */
async function awaitRest({ stack, connections: { cloud }, ports }: Failed): Promise<readonly Restoring[]> {
  const { clock, signal, runner } = ports
  let seen: readonly Restoring[] = []
  try {
    return await waitFor<readonly Restoring[]>(
      async () => {
        seen = await restoringNow(stack, cloud)
        return seen.length === 0
          ? { state: 'settled', value: seen }
          : { state: 'waiting', note: notesOf(seen) }
      },
      {
        clock,
        deadline: clock.now() + REST_TIMEOUT_MS,
        signal,
        say: note => runner.info(note),
        what: 'AWS to finish its own rollback',
      },
    )
  } catch (error) {
    if (error instanceof Interrupted && !signal.aborted) return seen
    throw error
  }
}

function notesOf(restoring: readonly Restoring[]): string {
  return restoring.map(({ note }) => note).join('; ')
}

/** Rollouts of this deploy that leave nothing to undo. */
function restoredByItself({ steps }: Failed, planned: readonly Step[]): readonly Component[] {
  const rolled = (component: Component) =>
    steps.some(
      ({ step, state }) =>
        isRollout(step) && step.component === component && state !== 'done' && state !== 'not-started',
    )
  const undone = (component: Component) =>
    planned.some(step => isRollout(step) && step.component === component)
  return COMPONENTS.filter(component => rolled(component) && !undone(component))
}

/** The first bad step, what was not tried because of it, and what AWS is still restoring. */
function problemOf(steps: readonly StepResult[], restoring: readonly Restoring[]): string | undefined {
  const bad = steps.find(({ state }) => state === 'failed' || state === 'rolling')
  const untried = steps.filter(({ state }) => state === 'not-started')
  if (bad === undefined && untried.length === 0 && restoring.length === 0) return undefined
  return [
    bad?.sentence.replace(/[.:]?$/, '.') ?? [],
    restoring.length === 0 ? [] : `After ${REST_TIMEOUT_MS / 60_000} minutes: ${notesOf(restoring)}.`,
    untried.length === 0
      ? []
      : `Not tried: ${untried.map(({ step, sentence }) => `${titleOf(step)} (${sentence})`).join('; ')}.`,
  ]
    .flat()
    .join(' ')
}

/** What runs another image than the recorded one, each as a sentence. */
export function notBack(stack: Stack, targets: Targets): readonly string[] {
  return COMPONENTS.flatMap(component => {
    const [image, target] = [imageOf(stack, component), targets[component]]
    if (target === undefined) return []
    const seen = image.digest !== undefined && target.digest !== undefined
    if (seen ? image.digest === target.digest : image.reference === target.reference) return []
    const runs = image.digest === undefined ? shortImage(image.reference) : shortDigest(image.digest)
    return `${componentName(component)} runs ${runs}, not the recorded ${shortImage(target.reference)}.`
  })
}

function targetOf({ record, steps }: Failed): RollbackTarget {
  const release = releaseOf(record.from)
  if (release === undefined)
    throw new Error(
      'The release before this deploy is unknown, so there is no rollback target: run the rollback action with `to`.',
    )
  const { snapshot, snapshotOf, recoveryPoint } = steps.reduce(
    (kept, { artifact }) => (artifact === undefined ? kept : withArtifact(kept, artifact)),
    record,
  )
  return {
    release,
    wanted: imagesOf(record),
    source: 'the record of this deploy',
    record: undefined,
    snapshot,
    snapshotOf,
    migrations: migrationsOf(record),
    recoveryPoint,
    warnings: [],
  }
}

/** Migrations that ran in databases this run cannot observe: the older web keeps running but cannot start again. */
function leftBehind({ steps, plan }: Failed, stack: Stack): readonly string[] {
  const unseen = [stack.postgres, stack.clickhouseStore].find(store => !store.known)
  if (!hasBegun(steps, 'migrate') || unseen === undefined || unseen.known) return []
  return [
    `The migrations of Langfuse ${plan.to} may have run and were not reverted, because ${unseen.reason}. The web of ${plan.from} keeps running, but its next start fails with "no migration found". Run the rollback action with access to the databases, or deploy ${plan.to} again.`,
  ]
}

import { changedParts } from '../checks/compare.ts'
import {
  type Before,
  completeChecks,
  evaluateBefore,
  isGood,
  type Settled,
  settleChecks,
  unrelatedChecks,
  verdictOf,
} from '../checks/run.ts'
import { explain } from '../errors/errors.ts'
import { hasBegun, type StepResult } from '../execute/execution.ts'
import { COMPONENTS, type DeployConfig, readDeployConfig } from '../inputs/config.ts'
import { questionBeforeDeploy } from '../plan/dependents.ts'
import { componentName, isRollout, type Plan, type Refusal, type Step } from '../plan/plan.ts'
import { lastingWarnings, planDeploy, undoAfter } from '../plan/plan-deploy.ts'
import { keepQuestions } from '../plan/plan-keep.ts'
import { oldWebOf } from '../plan/plan-migrate.ts'
import type { DeployQuestion } from '../plan/preflight-release.ts'
import { type DeploymentRecord, ROLLED_BACK } from '../ports/github.ts'
import type { ImageTool } from '../ports/runner.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { parseImage, pinned } from '../release/image.ts'
import { type Release, releaseOf } from '../release/release.ts'
import { type Conclusion, conclude } from '../report/conclusion.ts'
import type { Claim } from '../schema/run-lock.ts'
import { observeBackups } from '../stack/observe-backups.ts'
import { currentRelease, isFloating, isReportedBy, reportedVersion, type Stack } from '../stack/stack.ts'
import { observeRetention, resolveMirrors, resolveTargets, type Targets } from '../stack/targets.ts'
import {
  announce,
  endingOf,
  NOT_SETTLED,
  nextAfterUndo,
  nextSteps,
  notComplete,
  planned,
  progressOf,
  refused,
  remarks,
  unchanged,
  whatIsDone,
} from './conclusions.ts'
import { assertCredentialsLast } from './credentials.ts'
import { claimOf, holdingLock, turnOf } from './hold-lock.ts'
import { acceptAsBaseline, keepBaseline } from './keep-baseline.ts'
import { markDatabase } from './mark-database.ts'
import { withNewerReleases } from './newer-releases.ts'
import { observeReady } from './observe-ready.ts'
import { type Connections, connect, type Ports } from './ports.ts'
import { awaitGitHub, closeLeftOpen, leftOpen, type OpenRecord, openRecord } from './record.ts'
import { runPlan } from './run-plan.ts'
import { notBack, undo } from './undo.ts'

/** inputs → observe → plan → execute → checks → conclusion. */
export async function deploy(given: Ports): Promise<Conclusion> {
  const config = readDeployConfig(given.runner)
  const deadline = given.clock.now() + config.timeoutMs
  assertCredentialsLast(config, given)
  if (!config.dryRun) await awaitGitHub(given.records(config), given, deadline)
  const connections = connect(config, given)
  const stack = await observeReady(config, connections, { ports: given, deadline })
  const ports = await withNewerReleases(given, [config.version, currentRelease(stack, given.facts)])
  const imageTool = config.mirrorFrom === undefined ? undefined : await ports.imageTool()
  const targets = await findImages({ config, stack, connections, imageTool, now: ports.clock.now() })
  const backups = config.backup ? await observeBackups(stack, connections.cloud) : undefined
  const question = await withDependents({ config, stack, targets, facts: ports.facts, backups }, connections)
  const plan = await countKept(planDeploy(question), question, connections)
  if (plan.kind === 'refusal') return refused('deploy', plan, stack)
  announce(plan, ports.runner)
  if (config.dryRun) return (plan.steps.length === 0 ? unchanged : planned)(plan, stack)
  const turn = await turnOf(stack, ports.records(config), ports)
  if (turn.busy !== undefined)
    return refused('deploy', { ...plan, kind: 'refusal', problems: [turn.busy] }, stack)
  if (plan.steps.length === 0) {
    const records = ports.records(config)
    const left = await leftOpen(plan.to, records, ports)
    const checks = left === undefined ? [] : await completeChecks(stack, releaseOf(plan.to), ports.facts)
    if (left !== undefined && verdictOf(checks, 'failed') !== 'passed')
      return { ...notComplete(plan, stack, checks), deploymentId: left.id }
    await (left && closeLeftOpen(left, records, ports))
    return unchanged(plan, stack, await acceptAsBaseline(stack, config, ports))
  }
  const locking = { plan, stack, turn, connections, deadline }
  const claim = claimOf(locking, ports)
  return holdingLock(claim, locking, ports, async () => {
    const own = recordOf(plan, stack, ports)
    const observed = await evaluateBefore(stack, releaseOf(plan.from), ports.facts)
    const record = await openRecord(own, config, ports)
    const before = record.earlier === undefined ? own : resumed(own, record.earlier, targets)
    await markDatabase(stack, connections, ports)
    const steps = await runPlan({
      plan,
      stack,
      claim,
      connections,
      ports,
      deadline,
      record: record.id,
      keep: artifact => record.keep(artifact),
      imageTool,
    })
    return finish({
      plan,
      question,
      steps,
      before,
      observed,
      record,
      claim,
      config,
      connections,
      ports,
      deadline,
    })
  })
}

/** The same plan, with the number of rows that it keeps. */
async function countKept(
  plan: Plan | Refusal,
  question: DeployQuestion,
  { countLosses }: Connections,
): Promise<Plan | Refusal> {
  const asked = plan.kind === 'plan' ? keepQuestions(plan.steps, question.facts) : []
  if (asked.length === 0) return plan
  return planDeploy({ ...question, counted: await countLosses(asked, question.stack.worker) })
}

/** Asks only if the answer may change whether this deploy goes back by itself: an agent takes a minute. */
async function withDependents(
  question: DeployQuestion,
  { observeDependents }: Connections,
): Promise<DeployQuestion> {
  const { config, stack, facts } = question
  const plan = planDeploy({ ...question, config: { ...config, planDigest: undefined } })
  if (plan.kind === 'refusal' || plan.steps.length === 0 || plan.goesBack.answer === 'no') return question
  const asked = questionBeforeDeploy(undoAfter(question), facts)
  return { ...question, dependents: await observeDependents(asked, stack.worker) }
}

/** The target images in the deployed repositories, or where `mirror-from` would copy a missing one from. */
async function findImages(wanted: {
  readonly config: DeployConfig
  readonly stack: Stack
  readonly connections: Connections
  readonly imageTool: ImageTool | undefined
  readonly now: number
}): Promise<Targets> {
  const { config, stack, connections, imageTool, now } = wanted
  const { cloud } = connections
  const { mirrorFrom: from, version, clickhouseVersion } = config
  const targets = await resolveTargets(stack, wantedImages(config), cloud)
  if (from === undefined) return targets
  const mirrored = await resolveMirrors(targets, { from, version, clickhouseVersion }, imageTool)
  return observeRetention(mirrored, { stack, cloud, now })
}

function wantedImages({ images, version, clickhouseVersion }: DeployConfig) {
  const clickhouse = images.clickhouse ?? clickhouseVersion
  return {
    web: images.web === undefined ? { tag: version } : { reference: images.web },
    worker: images.worker === undefined ? { tag: version } : { reference: images.worker },
    ...(clickhouse !== undefined && {
      clickhouse: images.clickhouse === undefined ? { tag: clickhouse } : { reference: images.clickhouse },
    }),
  }
}

function recordOf(plan: Plan, stack: Stack, { runner, facts }: Ports): DeploymentRecord {
  const { worker, clickhouse } = stack
  return {
    schema: 1,
    from: plan.from,
    to: plan.to,
    images: {
      web: webImage(plan, stack),
      worker: pinned(worker.image),
      clickhouse: pinned(clickhouse.image),
    },
    taskDefinitions: { worker: worker.taskDefinition.arn, clickhouse: clickhouse.taskDefinition.arn },
    postgresMigrations: stack.postgres.known ? stack.postgres.value.migrations.length : undefined,
    ...aheadOf(plan.from, stack, facts),
    clickhouseHead: stack.clickhouseStore.known ? stack.clickhouseStore.value.head : undefined,
    run: runner.environment('GITHUB_RUN_ID'),
  }
}

/** A half-way stack has migrations that the release of its web does not know. */
function aheadOf(
  from: string | undefined,
  { postgres }: Stack,
  facts: ReleaseFacts,
): Pick<DeploymentRecord, 'postgresAhead'> {
  if (!postgres.known || from === undefined || facts.release(from) === undefined) return {}
  const known = new Set(facts.postgresMigrations(from).map(({ name }) => name))
  const ahead = postgres.value.migrations.filter(({ name, state }) => state === 'applied' && !known.has(name))
  return ahead.length === 0 ? {} : { postgresAhead: ahead.map(({ name }) => name) }
}

/**
 * What ran before an earlier run of this deploy, where that run has changed it already; elsewhere what ran before this
 * one. Of the earlier record only images of the same repository count, because others can write records too. That run may
 * have migrated before it changed an image.
 */
export function resumed(
  own: DeploymentRecord,
  earlier: DeploymentRecord,
  targets: Targets,
): DeploymentRecord {
  const changed = COMPONENTS.filter(component => {
    const [image, older] = [own.images[component], earlier.images[component]]
    const same = parseImage(image)?.repository === parseImage(older)?.repository
    return same && image !== older && image === targets[component]?.reference
  })
  const { from, postgresMigrations, postgresAhead, clickhouseHead } = earlier
  const before = { ...own, postgresMigrations, postgresAhead, clickhouseHead }
  if (changed.length === 0) return before
  const images = Object.fromEntries(changed.map(component => [component, earlier.images[component]]))
  return { ...before, from, images: { ...own.images, ...images } }
}

/** If a floating tag was pushed again since the web started, the record names the image by the running release. */
function webImage(plan: Plan, { web }: Stack): string {
  const moved = isFloating(web) && plan.from !== undefined && web.image.version !== plan.from
  return moved ? `${web.image.repository}:${plan.from}` : pinned(web.image)
}

type Finish = {
  readonly plan: Plan
  readonly question: DeployQuestion
  readonly steps: readonly StepResult[]
  /** What ran before the first change of this deploy. */
  readonly before: DeploymentRecord
  readonly observed: Before
  readonly record: OpenRecord
  readonly claim: Claim
  readonly config: DeployConfig
  readonly connections: Connections
  readonly ports: Ports
  readonly deadline: number
}

async function finish(run: Finish): Promise<Conclusion> {
  const { plan, question, steps, record, config, ports } = run
  const complete = steps.every(step => step.state === 'done')
  if (ports.signal.aborted) return cancelled(run, NOT_SETTLED)
  const rollsBack = config.onFailure === 'rollback' && shouldRollBack(steps)
  const last = complete || !rollsBack
  const settled = await settle(run, complete ? config.version : undefined, last)
  const unrelated = unrelatedChecks(run.observed, changedParts(plan.steps))
  const rest = { ...detailsOf(run, settled), unrelated }
  if (complete && isGood(settled)) {
    const headline = `Langfuse ${plan.to} runs on web and worker.${remarks(settled)}`
    const conclusion = conclude('deploy', 'deployed', headline, rest)
    await record.close('success', conclusion.headline, settled.stack?.url)
    const kept = await keepBaseline(settled.stack, { by: 'deploy', config, ports })
    const left = settled.stack === undefined ? plan.warnings : lastingWarnings(plan, question, settled.stack)
    return { ...conclusion, warnings: [...left, ...record.warnings, ...kept] }
  }
  if (ports.signal.aborted) return cancelled(run, settled)
  const next = nextSteps({ plan, steps, oldWeb: oldWebOf(plan.steps, question) })
  const ending = endingOf(complete, settled)
  const progress = await progressOf(steps, run.observed.stack, run.connections.cloud)
  const failed = conclude('deploy', ending.outcome, `${whatIsDone(steps, settled, progress)}${ending.why}`, {
    ...rest,
    next,
  })
  await record.close('failure', failed.headline)
  return ending.stays || !rollsBack ? failed : rollBack(failed, settled, run)
}

/** What a deploy's conclusion shows, however it ended. */
function detailsOf(run: Finish, settled: Settled) {
  const { plan, steps, record } = run
  return {
    versions: { previous: plan.from, current: current(settled, run), target: plan.to },
    plan,
    warnings: [...plan.warnings, ...record.warnings],
    steps,
    checks: settled.checks,
    stack: settled.stack,
    deploymentId: record.id,
  }
}

/** @param last whether no SQL follows: the lock is released. */
function settle(
  { plan, observed, config, connections: usual, claim, ports, deadline }: Finish,
  expected: Release | undefined,
  last = true,
): Promise<Settled> {
  const connections = last ? usual.releasing(claim) : usual
  const changed = changedParts(plan.steps)
  return settleChecks(
    { config, connections, facts: ports.facts, expected, before: observed, changed, repairs: false },
    { clock: ports.clock, deadline, signal: ports.signal, untilSettled: expected !== undefined },
  )
}

/**
 * Whether there is anything to roll back: a backup or a copied image changes nothing that runs, and a rollout that
 * succeeded is kept even if background migrations could not be re-run after it.
 */
function shouldRollBack(steps: readonly StepResult[]): boolean {
  return hasBegun(steps, ...CHANGES) && !hasBegun(steps, 'rerun-background-migrations')
}

const CHANGES: readonly Step['kind'][] = [
  'keep-data',
  'migrate',
  'roll-ecs',
  'roll-app-runner',
  'set-deployment-settings',
]

/** `on-failure: rollback`. Reports the cause of the failure first, then a rollback that failed too. */
async function rollBack(failed: Conclusion, first: Settled, run: Finish): Promise<Conclusion> {
  const { plan, steps, before, observed, record, claim, config, connections, ports } = run
  const { stack } = observed
  const undone = await undo({ config, plan, steps, record: before, claim, stack, connections, ports })
  const seen = await settle(run, undone.problem === undefined ? releaseOf(before.from) : undefined)
  const differs = seen.stack === undefined ? [] : notBack(seen.stack, undone.targets)
  const settled = differs.length === 0 ? asRecorded(seen) : seen
  const good = undone.problem === undefined && differs.length === 0 && isGood(settled)
  const problem =
    undone.problem ??
    settled.problem ??
    differs[0] ??
    settled.checks.find(check => check.state === 'failed')?.sentence ??
    'its checks did not pass'
  await (good ? record.close('inactive', `${ROLLED_BACK}${before.from}`) : undefined)
  const kept = good ? await keepBaseline(settled.stack, { by: 'rollback', config, ports }) : []
  const progress = await progressOf([...steps, ...undone.steps], stack, connections.cloud)
  const headline = whatIsDone(steps, first, progress)
  const itself = undone.byItself.map(componentName).join(' and ')
  return {
    ...failed,
    outcome: good ? 'rolled-back' : 'failed',
    headline: good
      ? `${headline} Rolled back: Langfuse ${before.from} is running again.${itself && ` AWS took ${itself} back by itself.`}`
      : `${headline} The rollback failed too: ${problem}`,
    versions: { ...failed.versions, current: current(settled, run) },
    warnings: [
      ...failed.warnings,
      ...undone.warnings.filter(warning => !failed.warnings.includes(warning)),
      ...kept,
    ],
    steps: [...steps, ...undone.steps],
    checks: settled.checks,
    stack: settled.stack ?? failed.stack,
    next: good
      ? ['Fix the cause above before the next deploy.']
      : [...nextAfterUndo(failed.next, plan, undone.steps), ...undone.next],
    restore: good ? undefined : undone.restore,
  }
}

/** Every component runs its recorded image again: if these are of two releases, they were so before the deploy. */
function asRecorded(settled: Settled): Settled {
  const other = settled.comparison.other.filter(({ id }) => id !== 'one-release')
  return { ...settled, comparison: { ...settled.comparison, other } }
}

/**
 * A cancelled run has ten seconds: enough to stop what is rolling, to close the record and to report, in this order;
 * too little to wait for AWS. `on-failure` does not matter here: who cancels wants the change to stop.
 */
async function cancelled(run: Finish, settled: Settled): Promise<Conclusion> {
  const { plan, question, steps, observed, record, connections } = run
  const stops = await stopRolling(run)
  const progress = await progressOf(steps, observed.stack, connections.cloud)
  const headline = [whatIsDone(steps, settled, progress), ...stops].join(' ')
  await record.close('failure', headline)
  const { outcome } = endingOf(
    steps.every(({ state }) => state === 'done'),
    settled,
  )
  const next = nextSteps({ plan, steps, oldWeb: oldWebOf(plan.steps, question) })
  return conclude('deploy', outcome, headline, { ...detailsOf(run, settled), next })
}

/** Stops the ECS deployments that this run began; App Runner has no such call. */
async function stopRolling({ steps, config, connections, ports }: Finish): Promise<readonly string[]> {
  const rolling = steps.filter(
    ({ step, state }) => isRollout(step) && state !== 'done' && state !== 'not-started',
  )
  const sentences = rolling.map(async ({ step, deployment }) => {
    if (step.kind === 'roll-app-runner')
      return `App Runner cannot stop an operation, so ${step.service} continues.`
    if (step.kind !== 'roll-ecs' || deployment === undefined) return []
    const { service } = step
    try {
      const stopped = await connections.cloud.ecs.stopDeployment(config.cluster, service, deployment)
      if (!stopped) return []
      ports.runner.info(`Asked ECS to stop deployment ${deployment} of ${service} and to roll it back.`)
      return `ECS was asked to roll ${service} back to its previous tasks.`
    } catch (error) {
      return `Could not ask ECS to stop deployment ${deployment} of ${service}: ${explain(error)}`
    }
  })
  return (await Promise.all(sentences)).flat()
}

/**
 * A web that no longer answers runs no release; of one that was never readable the images tell. While App Runner changes
 * the service it shows an image that does not run yet, or no longer: then the URL tells, which agreed before.
 */
function current({ stack }: Settled, { config, observed, ports }: Finish): string | undefined {
  if (stack === undefined) return undefined
  const reported = reportedVersion(stack)
  const isDown = reported === undefined && (stack.health.known || observed.stack.health.known)
  const release = isDown ? undefined : currentRelease(stack, ports.facts)
  const agrees = reported === undefined || isReportedBy(release, reported, ports.facts)
  if (agrees || config.accept.has('contradiction')) return release
  return stack.web.platform === 'app-runner' && stack.web.operation !== undefined ? reported : undefined
}

import { changedParts } from '../checks/compare.ts'
import {
  type Before,
  evaluateBefore,
  isGood,
  type Settled,
  settleChecks,
  unrelatedChecks,
} from '../checks/run.ts'
import { explain } from '../errors/errors.ts'
import type { StepResult } from '../execute/execution.ts'
import { type DeployConfig, readDeployConfig } from '../inputs/config.ts'
import type { Plan, Step } from '../plan/plan.ts'
import { lastingWarnings, planDeploy } from '../plan/plan-deploy.ts'
import { oldWebOf } from '../plan/plan-migrate.ts'
import type { DeployQuestion } from '../plan/preflight-release.ts'
import { type DeploymentRecord, ROLLED_BACK } from '../ports/github.ts'
import type { ImageTool } from '../ports/runner.ts'
import { pinned } from '../release/image.ts'
import { type Release, releaseOf } from '../release/release.ts'
import { type Conclusion, conclude } from '../report/conclusion.ts'
import type { Claim } from '../schema/run-lock.ts'
import { observeBackups } from '../stack/observe-backups.ts'
import { contradiction } from '../stack/rules.ts'
import { currentRelease, isFloating, type Stack } from '../stack/stack.ts'
import { resolveMirrors, resolveTargets, type Targets } from '../stack/targets.ts'
import {
  announce,
  endingOf,
  nextSteps,
  planned,
  refused,
  remarks,
  unchanged,
  whatIsDone,
} from './conclusions.ts'
import { assertCredentialsLast } from './credentials.ts'
import { claimOf, holdingLock, turnOf } from './hold-lock.ts'
import { acceptAsBaseline, keepBaseline } from './keep-baseline.ts'
import { withNewerReleases } from './newer-releases.ts'
import { observeReady } from './observe-ready.ts'
import { type Connections, connect, type Ports } from './ports.ts'
import { awaitGitHub, closeLeftOpen, type OpenRecord, openRecord } from './record.ts'
import { runPlan } from './run-plan.ts'
import { undo } from './undo.ts'

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
  const targets = await findImages(config, stack, connections, imageTool)
  const backups = config.backup ? await observeBackups(config, stack, connections.cloud) : undefined
  const question = { config, stack, targets, facts: ports.facts, backups }
  const plan = planDeploy(question)
  if (plan.kind === 'refusal') return refused('deploy', plan, stack)
  announce(plan, ports.runner)
  if (config.dryRun) return (plan.steps.length === 0 ? unchanged : planned)(plan, stack)
  const turn = await turnOf(stack, ports.records(config), ports)
  if (turn.busy !== undefined)
    return refused('deploy', { ...plan, kind: 'refusal', problems: [turn.busy] }, stack)
  if (plan.steps.length === 0) {
    await closeLeftOpen(plan.to, ports.records(config), ports)
    return unchanged(plan, stack, await acceptAsBaseline(stack, config, ports))
  }
  const locking = { plan, turn, connections, deadline }
  const claim = claimOf(locking, ports)
  return holdingLock(claim, locking, ports, async () => {
    const before = recordOf(plan, stack, ports)
    const observed = await evaluateBefore(stack, releaseOf(plan.from), ports.facts)
    const record = await openRecord(before, config, ports)
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

/** The target images in the deployed repositories, or where `mirror-from` would copy a missing one from. */
async function findImages(
  config: DeployConfig,
  stack: Stack,
  { cloud }: Connections,
  imageTool: ImageTool | undefined,
): Promise<Targets> {
  const { mirrorFrom: from, version, clickhouseVersion } = config
  const targets = await resolveTargets(stack, wantedImages(config), cloud)
  return from === undefined
    ? targets
    : resolveMirrors(targets, { from, version, clickhouseVersion }, imageTool)
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

function recordOf(plan: Plan, stack: Stack, { runner }: Ports): DeploymentRecord {
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
    clickhouseHead: stack.clickhouseStore.known ? stack.clickhouseStore.value.head : undefined,
    run: runner.environment('GITHUB_RUN_ID'),
  }
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
  /** What ran before the first change. */
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
  const rollsBack = config.onFailure === 'rollback' && shouldRollBack(steps)
  const last = complete || !rollsBack
  const settled = await settle(run, complete ? config.version : undefined, last)
  const rest = {
    versions: { previous: plan.from, current: current(settled, run), target: plan.to },
    plan,
    warnings: [...plan.warnings, ...record.warnings],
    steps,
    checks: settled.checks,
    stack: settled.stack,
    deploymentId: record.id,
    unrelated: unrelatedChecks(run.observed, changedParts(plan.steps)),
  }
  if (complete && isGood(settled)) {
    const headline = `Langfuse ${plan.to} runs on web and worker.${remarks(settled)}`
    const conclusion = conclude('deploy', 'deployed', headline, rest)
    await record.close('success', conclusion.headline, settled.stack?.url)
    const kept = await keepBaseline(settled.stack, { by: 'deploy', config, ports })
    const left = settled.stack === undefined ? plan.warnings : lastingWarnings(plan, question, settled.stack)
    return { ...conclusion, warnings: [...left, ...record.warnings, ...kept] }
  }
  const next = nextSteps({ plan, steps, oldWeb: oldWebOf(plan.steps, question) })
  const ending = endingOf(complete, settled)
  const failed = conclude('deploy', ending.outcome, `${whatIsDone(steps, settled)}${ending.why}`, {
    ...rest,
    next,
  })
  await record.close('failure', failed.headline)
  if (ending.stays || !rollsBack) return failed
  return ports.signal.aborted ? stopRolling(failed, run) : rollBack(failed, run)
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
  const rerunFailed = steps.some(
    ({ step, state }) => step.kind === 'rerun-background-migrations' && state !== 'not-started',
  )
  const changed = steps.some(({ step, state }) => state !== 'not-started' && CHANGES.has(step.kind))
  return changed && !rerunFailed
}

const CHANGES: ReadonlySet<Step['kind']> = new Set([
  'migrate',
  'roll-ecs',
  'roll-app-runner',
  'set-deployment-settings',
])

/** `on-failure: rollback`. Reports the cause of the failure first, then a rollback that failed too. */
async function rollBack(failed: Conclusion, run: Finish): Promise<Conclusion> {
  const { plan, steps, before, record, claim, config, connections, ports } = run
  const undone = await undo({ config, plan, steps, record: before, claim, connections, ports })
  const settled = await settle(run, undone.problem === undefined ? releaseOf(plan.from) : undefined)
  const good = undone.problem === undefined && isGood(settled)
  const problem =
    undone.problem ?? settled.problem ?? settled.checks.find(check => check.state === 'failed')?.sentence
  await (good ? record.close('inactive', `${ROLLED_BACK}${plan.from}`) : undefined)
  const kept = good ? await keepBaseline(settled.stack, { by: 'rollback', config, ports }) : []
  return {
    ...failed,
    outcome: good ? 'rolled-back' : 'failed',
    headline: good
      ? `${failed.headline} Rolled back: Langfuse ${plan.from} is running again.`
      : `${failed.headline} The rollback failed too: ${problem ?? 'its checks did not pass'}`,
    versions: { ...failed.versions, current: current(settled, run) },
    warnings: [
      ...failed.warnings,
      ...undone.warnings.filter(warning => !failed.warnings.includes(warning)),
      ...kept,
    ],
    steps: [...steps, ...undone.steps],
    checks: settled.checks,
    stack: settled.stack ?? failed.stack,
    next: good ? ['Fix the cause above before the next deploy.'] : [...failed.next, ...undone.next],
  }
}

/** A cancelled run has ten seconds: enough to ask ECS for its own rollback, too little to wait for it. */
async function stopRolling(
  failed: Conclusion,
  { steps, config, connections, ports }: Finish,
): Promise<Conclusion> {
  const rolling = steps.find(({ step, state }) => step.kind === 'roll-ecs' && state === 'rolling')?.step
  if (rolling?.kind !== 'roll-ecs') return failed
  const and = (sentence: string) => ({ ...failed, headline: `${failed.headline} ${sentence}` })
  try {
    await connections.cloud.ecs.stopDeployment(config.cluster, rolling.service)
    ports.runner.info(`Asked ECS to stop the deployment of ${rolling.service} and to roll it back.`)
    return and(`ECS was asked to roll ${rolling.service} back to its previous tasks.`)
  } catch (error) {
    return and(`Could not ask ECS to stop the deployment of ${rolling.service}: ${explain(error)}`)
  }
}

/** A web that no longer answers runs no release; of one that was never readable the images tell. */
function current({ stack }: Settled, { observed, ports }: Finish): string | undefined {
  if (stack === undefined) return undefined
  const isDown = stack.health.known ? stack.health.value.version === undefined : observed.stack.health.known
  // After a failed rollback App Runner shows an image that does not run.
  const isKnown = !isDown && contradiction(stack, ports.facts) === undefined
  return isKnown ? currentRelease(stack, ports.facts) : undefined
}

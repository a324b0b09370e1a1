import { COMPONENTS, type Component, type DeployConfig } from '../inputs/config.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { missingClickHouse } from '../release/requirements.ts'
import type { CatalogRelease } from '../schema/catalog.ts'
import { rollbackInProgress, runningClickHouse, unfinishedRollback } from '../stack/rules.ts'
import { currentRelease, type Stack } from '../stack/stack.ts'
import { environmentFindings } from './env-lint.ts'
import { goesBackOf } from './goes-back.ts'
import {
  continuedDeployment,
  ecsState,
  ecsStep,
  mirrorSteps,
  singleWriterSettings,
  webStep,
  whySingleWriter,
} from './image-steps.ts'
import { withKept } from './kept-data.ts'
import { amountOf, makePlan, type Plan, type Refusal, type Step } from './plan.ts'
import {
  backgroundProblems,
  backgroundWarnings,
  planRerun,
  rerunNeeds,
  runningWhileClickHouseStops,
  startedByWorker,
} from './plan-background.ts'
import { type BackupPlan, NO_BACKUP, planBackup } from './plan-backup.ts'
import { KEEPS_NOTHING, type KeepPlan, planKeep } from './plan-keep.ts'
import {
  bootWarnings,
  migrateProblems,
  oldWebOf,
  oldWebWarning,
  pendingMigrations,
  unreachedWarnings,
  withMigrations,
} from './plan-migrate.ts'
import {
  commonProblems,
  commonWarnings,
  contradictionIn,
  foreignImages,
  retentionWarnings,
  unprovenStore,
} from './preflight.ts'
import {
  clickhouseProblems,
  clickhouseWarnings,
  type DeployQuestion,
  releaseProblems,
  releaseWarnings,
  stopProblems,
  wantedClickHouse,
} from './preflight-release.ts'
import { classOf, NOTHING, type Undo, undoBetween, withoutDownSql } from './rollback-class.ts'

/** Decides a deploy: ordered steps, or every reason to refuse it. Pure. */
export function planDeploy(question: DeployQuestion): Plan | Refusal {
  const { config, stack, targets } = question
  const from = currentRelease(stack, question.facts)
  const way = { from, to: config.version, facts: question.facts }
  const release = releaseProblems(way)
  const order = componentOrder(question)
  const environment = environmentFindings(question)
  const components = order.components.flatMap(component => stepsFor(component, question, order))
  const changes = withMigrations(components, question)
  const rerun = planRerun(config.rerun, stack, config.version)
  const keep = keepOf(question, changes)
  const backup = protect(question, [...changes, ...rerun.steps])
  const problems =
    release.length > 0
      ? release
      : [
          ...stopProblems(way),
          ...ecsBusy(question),
          ...clickhouseProblems(question),
          ...backgroundProblems(question),
          ...runningWhileClickHouseStops(changes, stack),
          rollbackInProgress(stack) ?? unfinishedRollback(stack) ?? [],
          ...contradictionIn(question).problems,
          ...commonProblems(stack, targets),
          ...environment.refusals,
          ...migrateProblems(changes, question),
          ...rerun.problems,
          ...rerunNeeds(rerun.steps, config),
          rerun.steps.length + backup.steps.length === 0 ? [] : (unprovenStore('postgres', stack) ?? []),
          ...backup.problems,
        ].flat()
  if (problems.length > 0) return { kind: 'refusal', from, to: config.version, problems }
  const changed = withKeep(changes, keep)
  const steps = [...mirrorSteps(targets, changes), ...backup.steps, ...changed, ...rerun.steps]
  const back = rollbackPreparation(question, keep)
  const plan = makePlan(stack, {
    action: 'deploy',
    from,
    to: config.version,
    rollbackClass: back.rollbackClass,
    goesBack: goesBackOf({ ...question, from, steps, undo: back.undo }),
    losses: back.losses,
    steps,
    warnings: [
      ...warnings(question, changes),
      ...environment.warnings,
      ...backup.warnings,
      ...retentionWarnings(targets, steps),
      ...back.warnings,
      order.warning ?? [],
    ].flat(),
  })
  const isApproved = config.planDigest === undefined || config.planDigest === plan.digest
  return isApproved ? plan : stale(plan, config.planDigest)
}

/** What the migrations of this deploy delete is kept before they run: in the migrate step, or when the web starts. */
function keepOf(question: DeployQuestion, changes: readonly Step[]): KeepPlan {
  const { config, facts } = question
  const isKnown = facts.release(config.version) !== undefined && changes.length > 0
  const { postgres = [], clickhouse = [] } = isKnown ? pendingMigrations(question) : {}
  return planKeep({ postgres, clickhouse }, question)
}

function withKeep(changes: readonly Step[], { old, before, after }: KeepPlan): readonly Step[] {
  const migrate = changes.findIndex(({ kind }) => kind === 'migrate')
  const end = migrate === -1 ? changes.length : migrate + 1
  const first = changes.length === 0 ? [] : old
  return [...first, ...before, ...changes.slice(0, end), ...after, ...changes.slice(end)]
}

/** Without another change no backup is taken. */
function protect({ backups, stack, config, facts }: DeployQuestion, changes: readonly Step[]): BackupPlan {
  if (backups === undefined || changes.length === 0) return NO_BACKUP
  return planBackup(backups, { from: currentRelease(stack, facts), to: config.version }, config)
}

function stale(plan: Plan, approved: string): Refusal {
  const problem = `The approved plan is stale: the stack changed since the dry run, or the two jobs reached different databases. \`plan-digest\` is ${approved}, but the plan is now ${plan.digest}. Review a new dry run and approve its digest.`
  return { kind: 'refusal', from: plan.from, to: plan.to, problems: [problem] }
}

/** Someone else's deployment is a refusal; our own is followed, and one that never ends is replaced. */
function ecsBusy({ stack, targets }: DeployQuestion): readonly string[] {
  return [stack.worker, stack.clickhouse].flatMap(component => {
    const { service } = component
    const target = targets[component.component]
    if (ecsState(service).kind !== 'rolling') return []
    if (target !== undefined && continuedDeployment(component, target) !== undefined) return []
    const ids = service.deployments.map(deployment => deployment.id).join(', ')
    return `ECS service ${service.name} is already being deployed (${ids}). Wait until one deployment is left and in steady state, then run again.`
  })
}

function stepsFor(component: Component, question: DeployQuestion, order: Order): readonly Step[] {
  const { stack, targets } = question
  const step = component === 'web' ? webStep(question) : ecsStep(stack[component], targets[component])
  const because = component === 'clickhouse' ? order.clickhouseFirst : undefined
  if (step !== undefined)
    return [because === undefined ? step : { ...step, reason: `${step.reason} ${because}` }]
  if (component !== 'clickhouse') return []
  const { service } = stack.clickhouse
  const settings = singleWriterSettings(service)
  if (settings === undefined) return []
  const reason = whySingleWriter(service)
  return [{ kind: 'set-deployment-settings', component, service: service.name, settings, reason }]
}

/** What this deploy would undo in the databases after a failure. */
export function undoAfter(question: DeployQuestion): Undo {
  return rollbackPreparation(question, KEEPS_NOTHING).undo
}

/** What a rollback from the target to the running release would need. */
function rollbackPreparation(
  { config, stack, facts }: DeployQuestion,
  { kept }: KeepPlan,
): Pick<Plan, 'rollbackClass' | 'losses' | 'warnings'> & { readonly undo: Undo } {
  const from = currentRelease(stack, facts)
  const target = facts.release(config.version)
  if (from === undefined || target === undefined || facts.release(from) === undefined) {
    return { rollbackClass: 'restore', losses: [], warnings: [], undo: NOTHING }
  }
  const undo = withKept(undoBetween(migrated(stack, target, facts), from, facts), kept)
  const forGood = undo.sql.filter(file => file.class !== 'schema')
  return {
    undo,
    rollbackClass: classOf(undo),
    losses: forGood.map(file => `${file.migration}: ${file.loses}`),
    warnings: undo.missing.length === 0 ? [] : [needsSnapshot(undo, config)],
  }
}

/** The databases after the deploy: a row that an earlier release left stays. */
function migrated(
  { postgres, clickhouseStore }: Stack,
  target: CatalogRelease,
  facts: ReleaseFacts,
): Parameters<typeof undoBetween>[0] {
  const names = facts.postgresMigrations(target.version).map(({ name }) => name)
  const applied = postgres.known ? postgres.value.migrations.filter(({ state }) => state === 'applied') : []
  const head = clickhouseStore.known ? clickhouseStore.value.head : 0
  return {
    postgres: [...new Set([...applied.map(({ name }) => name), ...names])],
    clickhouseHead: Math.max(head, target.clickhouseHead),
  }
}

/** A later rollback is refused without this backup. */
function needsSnapshot(undo: Undo, { version, backup }: DeployConfig): string {
  const files = undo.missing.some(name => name.startsWith('clickhouse/')) ? ' and a ClickHouse backup' : ''
  const have = undo.missing.length === 1 ? 'has' : 'have'
  const take = backup ? '' : ' `backup` is `false`, so take one yourself before you approve.'
  return `Langfuse ${version} adds ${withoutDownSql(undo)}, which ${have} no reviewed down SQL. A rollback needs a PostgreSQL backup${files} from before this deploy.${take}`
}

/** The plan's warnings that are still true on the stack that the deploy left: what it has settled is not said again. */
export function lastingWarnings(plan: Plan, question: DeployQuestion, stack: Stack): readonly string[] {
  const settled = new Set(warnings(question, plan.steps))
  for (const warning of [...warnings({ ...question, stack }, []), ...aboutReleases(question)])
    settled.delete(warning)
  return plan.warnings.filter(warning => !settled.has(warning))
}

function aboutReleases({ config, stack, facts }: DeployQuestion): readonly string[] {
  return releaseWarnings({ from: currentRelease(stack, facts), to: config.version, facts }, stack.url)
}

function warnings(question: DeployQuestion, changes: readonly Step[]): readonly string[] {
  const { config, stack, targets } = question
  const oldWeb = oldWebOf(changes, question)
  return [
    ...contradictionIn(question).warnings,
    ...commonWarnings(stack, targets),
    ...unreachedWarnings(question),
    ...aboutReleases(question),
    ...clickhouseWarnings(question),
    ...backgroundWarnings(question),
    ...foreignImages(targets, config.version),
    ...bootWarnings(question),
    oldWeb === undefined ? [] : oldWebWarning(oldWeb),
  ].flat()
}

type Order = {
  readonly components: readonly Component[]
  /** Why ClickHouse goes first, against input `order`. */
  readonly clickhouseFirst?: string
  /** What goes wrong in the order that was asked for. */
  readonly warning?: string
}

/**
 * Input `order`. ClickHouse goes first if the target needs a newer one than the running one: the running release works
 * on the newer ClickHouse too ("upgrade ClickHouse before the server",
 * https://langfuse.com/self-hosting/upgrade/upgrade-guides/upgrade-v3-to-v4). It also goes first in the default order if
 * the new worker starts background migrations, which fail when ClickHouse stops.
 */
function componentOrder(question: DeployQuestion): Order {
  const { config, stack, targets } = question
  const asked = config.order
  const running = runningClickHouse(stack)
  const minimum = running === undefined ? undefined : missingClickHouse(config.version, running)
  const changes = wantedClickHouse(config, targets) !== undefined
  const components: Order['components'] = [
    'clickhouse',
    ...asked.filter(component => component !== 'clickhouse'),
  ]
  if (minimum !== undefined && changes && asked[0] !== 'clickhouse') {
    const clickhouseFirst = `ClickHouse is deployed first, although \`order\` is \`${asked.join(',')}\`, because Langfuse ${config.version} needs ClickHouse ${minimum} or newer and ${running} is running.`
    return { components, clickhouseFirst }
  }
  const started = stoppedUnder(question)
  if (started.length === 0) return { components: asked }
  const what = `${amountOf(started.length, 'background migration')} (${started[0]} first)`
  if (asked.join() === COMPONENTS.join()) {
    const clickhouseFirst = `ClickHouse is deployed before the worker, because the worker of Langfuse ${config.version} starts ${what}, and they would fail when ClickHouse stops.`
    return { components, clickhouseFirst }
  }
  const warning = `Input \`order\` is \`${asked.join(',')}\`, so ClickHouse stops after the new worker has started ${what}, and they may fail. Set \`order: ${components.join(',')}\`.`
  return { components: asked, warning }
}

/** Background migrations that the new worker would start before ClickHouse stops, in the order that was asked for. */
function stoppedUnder(question: DeployQuestion): readonly string[] {
  const { config, stack, targets } = question
  const both = [ecsStep(stack.worker, targets.worker), ecsStep(stack.clickhouse, targets.clickhouse)]
  if (both.includes(undefined) || config.order.indexOf('clickhouse') < config.order.indexOf('worker'))
    return []
  return startedByWorker(question)
}

import type { Component, DeployConfig } from '../inputs/config.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { compareVersions } from '../release/release.ts'
import { missingClickHouse } from '../release/requirements.ts'
import type { Stack } from '../stack/stack.ts'
import { currentRelease } from '../stack/stack.ts'
import type { Targets } from '../stack/targets.ts'
import { ecsState } from './ecs-state.ts'
import { ecsStep, webStep } from './image-steps.ts'
import type { Plan, Refusal, RollbackClass, Step } from './plan.ts'
import { makePlan } from './plan.ts'
import { commonProblems, commonWarnings, continuedDeployment } from './preflight.ts'
import { classOf, undoBetween } from './rollback-class.ts'
import { singleWriterSettings, whySingleWriter } from './single-writer.ts'

export type DeployQuestion = {
  readonly config: DeployConfig
  readonly stack: Stack
  readonly targets: Targets
  readonly facts: ReleaseFacts
}

/** Decides a deploy: ordered steps, or everything that stands in its way. Pure. */
export function planDeploy(question: DeployQuestion): Plan | Refusal {
  const { config, stack, targets } = question
  const from = currentRelease(stack)
  const release = releaseProblems(question)
  const problems =
    release.length > 0
      ? release
      : [
          ...ecsBusy(question),
          ...clickhouseProblems(question),
          ...unfinishedRollback(stack),
          ...commonProblems(stack, targets),
        ]
  if (problems.length > 0) return { kind: 'refusal', from, to: config.version, problems }
  const plan = makePlan({
    action: 'deploy',
    from,
    to: config.version,
    rollbackClass: wayBack(question),
    steps: config.order.flatMap(component => stepsFor(component, question)),
    warnings: warnings(question),
    losses: [],
  })
  return config.planDigest !== undefined && config.planDigest !== plan.digest
    ? stale(plan, config.planDigest)
    : plan
}

function stale(plan: Plan, approved: string): Refusal {
  const problem = `The plan that was approved (\`plan-digest\` ${approved}) is not the plan of now (${plan.digest}), because the stack has changed since: look at a new dry run and approve that one.`
  return { kind: 'refusal', from: plan.from, to: plan.to, problems: [problem] }
}

function releaseProblems({ config, stack, facts }: DeployQuestion): readonly string[] {
  const from = currentRelease(stack)
  if (facts.release(config.version) === undefined) {
    const newest = facts.releases.at(-1)?.version ?? 'none'
    return [
      `Langfuse ${config.version} is not in this version's catalog (newest: ${newest}), so what it migrates is not known: use a newer version of this action, or deploy ${newest}.`,
    ]
  }
  if (from !== undefined && compareVersions(config.version, from) < 0) {
    return [
      `Langfuse ${from} runs, and ${config.version} is older: a deploy never goes back, use the rollback action with \`to: ${config.version}\`.`,
    ]
  }
  return []
}

/** A deployment of somebody else is waited for; our own is followed, and one that never ends is replaced. */
function ecsBusy({ stack, targets }: DeployQuestion): readonly string[] {
  return [stack.worker, stack.clickhouse].flatMap(component => {
    const { service } = component
    const target = targets[component.component]
    if (ecsState(service).kind !== 'rolling') return []
    if (target !== undefined && continuedDeployment(component, target) !== undefined) return []
    const ids = service.deployments.map(deployment => deployment.id).join(', ')
    return [
      `ECS service ${service.name} is already being deployed (${ids}): wait until it has one deployment in a steady state, then run again.`,
    ]
  })
}

function unfinishedRollback(stack: Stack): readonly string[] {
  if (!stack.postgres.known || stack.postgres.value.pending.length === 0) return []
  const names = stack.postgres.value.pending.map(row => row.migration).join(', ')
  return [
    `A rollback was begun and not finished (${names}): run the rollback action again until it is, then deploy.`,
  ]
}

function clickhouseProblems({ config, stack, facts }: DeployQuestion): readonly string[] {
  const problems: string[] = []
  const running = stack.clickhouseStore.known
    ? stack.clickhouseStore.value.version
    : stack.clickhouse.image.version
  const version = config.clickhouseVersion ?? running
  const minimum = version === undefined ? undefined : missingClickHouse(config.version, version)
  if (minimum !== undefined) {
    problems.push(
      `Langfuse ${config.version} needs ClickHouse ${minimum} or newer, and it would be ${version}: set \`clickhouse-version\` to ${minimum} or newer.`,
    )
  }
  const head = stack.clickhouseStore.known ? stack.clickhouseStore.value.head : undefined
  const knows = facts.release(config.version)?.clickhouseHead
  if (head !== undefined && knows !== undefined && head > knows) {
    problems.push(
      `ClickHouse's schema is at version ${head}, and Langfuse ${config.version} only knows ${knows}, so its web would not start: deploy the release that migrated to ${head}, or a newer one.`,
    )
  }
  if (stack.clickhouse.service.desiredCount !== 1) {
    problems.push(
      `ECS service ${stack.clickhouse.service.name} wants ${stack.clickhouse.service.desiredCount} tasks, and ClickHouse on EFS works with exactly one: set its desired count to 1.`,
    )
  }
  return problems
}

function stepsFor(component: Component, question: DeployQuestion): readonly Step[] {
  if (component === 'web') return webSteps(question)
  const { stack, targets } = question
  const step = ecsStep(stack[component], targets[component])
  if (step !== undefined || component === 'worker') return step === undefined ? [] : [step]
  const { service } = stack.clickhouse
  const settings = singleWriterSettings(service)
  if (settings === undefined) return []
  const reason = whySingleWriter(service)
  return [{ kind: 'set-deployment-settings', component, service: service.name, settings, reason }]
}

function webSteps({ stack, targets }: DeployQuestion): readonly Step[] {
  const step = webStep(stack, targets)
  return step === undefined ? [] : [step]
}

/** The class that a rollback from the target to what runs now will have. */
function wayBack({ config, stack, facts }: DeployQuestion): RollbackClass {
  const from = currentRelease(stack)
  const target = facts.release(config.version)
  if (from === undefined || target === undefined || facts.release(from) === undefined) return 'restore'
  const after = {
    postgres: facts.postgresMigrations(config.version).map(migration => migration.name),
    clickhouseHead: target.clickhouseHead,
  }
  return classOf(undoBetween(after, from, facts))
}

function warnings({ stack, targets, config, facts }: DeployQuestion): readonly string[] {
  const found = [...commonWarnings(stack, targets)]
  const from = currentRelease(stack)
  if (from === undefined) {
    found.push(
      `Which release runs now cannot be told (no exact tag, and ${stack.url} reports none): there is no way back by this action.`,
    )
  } else if (facts.release(from) === undefined) {
    found.push(
      `Langfuse ${from}, which runs now, is not in this version's catalog: there is no proven way back to it.`,
    )
  }
  if (targets.web !== undefined && targets.web.digest !== stack.web.image.digest && from !== config.version) {
    found.push(
      'The migrations run when the new web starts, inside the time that App Runner gives it to pass its health check.',
    )
  }
  return found
}

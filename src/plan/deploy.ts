import type { Component, DeployConfig } from '../inputs/config.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { compareVersions } from '../release/release.ts'
import { missingClickHouse } from '../release/requirements.ts'
import type { Stack } from '../stack/stack.ts'
import { currentRelease, imageOf } from '../stack/stack.ts'
import type { Targets } from '../stack/targets.ts'
import type { Plan, Refusal, RollbackClass, Step } from './plan.ts'
import { componentName, makePlan } from './plan.ts'
import { commonProblems, commonWarnings } from './preflight.ts'
import { classOf, undoBetween } from './rollback-class.ts'
import { describeSettings, singleWriterSettings } from './single-writer.ts'

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
      : [...clickhouseProblems(question), ...unfinishedRollback(stack), ...commonProblems(stack, targets)]
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
  if (component === 'clickhouse') return clickhouseSteps(question)
  const { config, stack, targets } = question
  const target = targets[component]
  const running = imageOf(stack, component)
  if (target === undefined || (target.digest !== undefined && target.digest === running.digest)) return []
  const change = {
    from: running.reference,
    to: target.reference,
    reason: `${componentName(component)} runs ${running.version ?? running.reference} and is to run ${config.version}.`,
  }
  return component === 'web'
    ? [{ kind: 'roll-app-runner', component, service: stack.web.service.name, ...change }]
    : [{ kind: 'roll-ecs', component, service: stack.worker.service.name, settings: undefined, ...change }]
}

function clickhouseSteps({ config, stack, targets }: DeployQuestion): readonly Step[] {
  const { service, image } = stack.clickhouse
  const settings = singleWriterSettings(service)
  const target = targets.clickhouse
  const why =
    settings &&
    `Two ClickHouse servers on one EFS refuse to start, and ${describeSettings(service.settings)} starts the new one first.`
  if (target !== undefined && (target.digest === undefined || target.digest !== image.digest)) {
    const change = `ClickHouse runs ${image.version ?? image.reference} and is to run ${config.clickhouseVersion ?? target.asked}.`
    const reason = [change, why].filter(Boolean).join(' ')
    return [
      {
        kind: 'roll-ecs',
        component: 'clickhouse',
        service: service.name,
        from: image.reference,
        to: target.reference,
        settings,
        reason,
      },
    ]
  }
  if (settings === undefined || why === undefined) return []
  return [
    {
      kind: 'set-deployment-settings',
      component: 'clickhouse',
      service: service.name,
      settings,
      reason: why,
    },
  ]
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

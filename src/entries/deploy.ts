import { isFinal, settleChecks } from '../checks/settle.ts'
import type { StepResult } from '../execute/execute.ts'
import { execute } from '../execute/execute.ts'
import { type DeployConfig, readDeployConfig } from '../inputs/config.ts'
import { planDeploy } from '../plan/deploy.ts'
import type { Plan } from '../plan/plan.ts'
import type { DeploymentRecord } from '../ports/records.ts'
import { pinned } from '../release/image.ts'
import type { Conclusion } from '../report/conclusion.ts'
import { conclude } from '../report/conclusion.ts'
import { observe } from '../stack/observe.ts'
import type { Stack } from '../stack/stack.ts'
import { resolveTargets } from '../stack/targets.ts'
import { announce, planned, refused, unchanged, whatIsDone } from './conclusions.ts'
import { type Connections, connect, type Ports } from './ports.ts'
import { type OpenRecord, openRecord } from './record.ts'

/** inputs → observe → plan → execute → checks → conclusion. */
export async function deploy(ports: Ports): Promise<Conclusion> {
  const config = readDeployConfig(ports.runner)
  const deadline = ports.clock.now() + config.timeoutMs
  const connections = connect(config, ports)
  const stack = await observe(config, connections)
  const targets = await resolveTargets(stack, wantedImages(config), connections.cloud)
  const plan = planDeploy({ config, stack, targets, facts: ports.facts })
  if (plan.kind === 'refusal') return refused('deploy', plan, stack)
  announce(plan, ports.runner)
  if (config.dryRun) return planned(plan, stack)
  if (plan.steps.length === 0) return unchanged(plan, stack)
  const record = await openRecord(recordOf(plan, stack), config, ports)
  const steps = await execute(
    {
      plan,
      stack,
      facts: ports.facts,
      ...connections,
      clock: ports.clock,
      deadline,
      signal: ports.signal,
      rollbackId: '',
      say: line => ports.runner.info(line),
    },
    (title, work) => ports.runner.group(title, work),
  )
  return finish({ plan, steps, record, config, connections, ports, deadline })
}

function wantedImages(config: DeployConfig) {
  const { images, version, clickhouseVersion } = config
  const clickhouse = images.clickhouse ?? clickhouseVersion
  return {
    web: images.web === undefined ? { tag: version } : { reference: images.web },
    worker: images.worker === undefined ? { tag: version } : { reference: images.worker },
    ...(clickhouse !== undefined && {
      clickhouse: images.clickhouse === undefined ? { tag: clickhouse } : { reference: images.clickhouse },
    }),
  }
}

function recordOf(plan: Plan, stack: Stack): DeploymentRecord {
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
  }
}

/**
 * App Runner says a tag, not a digest, and the tag may have been pushed again since the web started. When the web
 * reports another release than the tag has now, its own release names the image.
 */
function webImage(plan: Plan, { web }: Stack): string {
  const moved = plan.from !== undefined && web.image.version !== plan.from
  return moved ? `${web.image.repository}:${plan.from}` : pinned(web.image)
}

type Finish = {
  readonly plan: Plan
  readonly steps: readonly StepResult[]
  readonly record: OpenRecord
  readonly config: DeployConfig
  readonly connections: Connections
  readonly ports: Ports
  readonly deadline: number
}

async function finish({
  plan,
  steps,
  record,
  config,
  connections,
  ports,
  deadline,
}: Finish): Promise<Conclusion> {
  const complete = steps.every(step => step.state === 'done')
  const settled = await settleChecks(
    { config, connections, facts: ports.facts, expected: complete ? config.version : undefined },
    { clock: ports.clock, deadline, signal: ports.signal, patient: complete },
  )
  const { stack, checks } = settled
  const good = complete && isFinal(checks)
  const rest = {
    versions: { previous: plan.from, current: current(stack), target: plan.to },
    plan,
    warnings: [...plan.warnings, ...record.warnings],
    steps,
    checks,
    stack,
    deploymentId: record.id,
  }
  const conclusion = good
    ? conclude('deploy', 'deployed', `Langfuse ${plan.to} runs on web and worker.`, rest)
    : conclude('deploy', 'failed', whatIsDone(steps, settled), { ...rest, next: wayOut(plan) })
  await record.close(good ? 'success' : 'failure', conclusion.headline)
  return conclusion
}

function current(stack: Stack | undefined): string | undefined {
  return stack?.health.known ? stack.health.value.version : undefined
}

function wayOut(plan: Plan): readonly string[] {
  return [
    'Find the cause above, remove it, and run this deploy again: it goes on from where it stopped.',
    `Or go back with the rollback action and \`to: ${plan.from ?? 'the release before'}\` (class \`${plan.rollbackClass}\`).`,
  ]
}

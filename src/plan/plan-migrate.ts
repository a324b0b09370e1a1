import { compareVersions } from '../release/release.ts'
import { missingClickHouse } from '../release/requirements.ts'
import { runningClickHouse } from '../stack/rules.ts'
import { currentRelease, type Stack } from '../stack/stack.ts'
import type { TargetImage } from '../stack/targets.ts'
import { amountOf, type Migrate, type Step } from './plan.ts'
import type { DeployQuestion } from './preflight-release.ts'

/**
 * The component steps with the migrations before them. Only a ClickHouse that is too old for the target's migrations
 * is updated before them. Pure.
 */
export function withMigrations(components: readonly Step[], question: DeployQuestion): readonly Step[] {
  const migrate = migrateStep(components, question)
  if (migrate === undefined) return components
  const server = clickhouseIsTooOld(question)
    ? components.findLastIndex(step => step.kind === 'roll-ecs' && step.component === 'clickhouse')
    : -1
  return [...components.slice(0, server + 1), migrate, ...components.slice(server + 1)]
}

function migrateStep(components: readonly Step[], question: DeployQuestion): Migrate | undefined {
  const { config, targets } = question
  const pending = pendingMigrations(question)
  if (config.migrate === 'boot' || targets.web === undefined || isNothing(pending)) return undefined
  // A web that an earlier run is starting from this image migrates itself; two migrators would conflict.
  const follows = (step: Step) => 'follow' in step && step.component === 'web' && step.follow !== undefined
  if (components.some(follows)) return undefined
  return {
    kind: 'migrate',
    image: targets.web.reference,
    architecture: architectureFor(targets.web, question),
    ...pending,
    reason: `${describe(pending, config.version)}. They run in a one-off task before web and worker change, so no health check interrupts them.`,
  }
}

/** The target's migrations that the databases lack; undefined: unknown. */
type PendingMigrations = Pick<Migrate, 'postgres' | 'clickhouse'>

export function pendingMigrations({ config, stack, facts }: DeployQuestion): PendingMigrations {
  const target = facts.release(config.version)
  if (target === undefined) return { postgres: undefined, clickhouse: undefined }
  const from = currentRelease(stack, facts)
  const current = from === undefined ? undefined : facts.release(from)
  const names = (release: string) => facts.postgresMigrations(release).map(migration => migration.name)
  const applied = stack.postgres.known
    ? stack.postgres.value.migrations.filter(row => row.state === 'applied').map(row => row.name)
    : current && names(current.version)
  const head = stack.clickhouseStore.known ? stack.clickhouseStore.value.head : current?.clickhouseHead
  return {
    postgres: applied && names(config.version).filter(name => !applied.includes(name)),
    clickhouse: head === undefined ? undefined : above(head, target.clickhouseHead),
  }
}

export function isOfWeb(step: Step): boolean {
  return 'component' in step && step.component === 'web'
}

function above(head: number, target: number): readonly number[] {
  return Array.from({ length: Math.max(0, target - head) }, (_, index) => head + 1 + index)
}

function isNothing({ postgres, clickhouse }: PendingMigrations): boolean {
  return postgres?.length === 0 && clickhouse?.length === 0
}

function clickhouseIsTooOld({ config, stack }: DeployQuestion): boolean {
  const running = runningClickHouse(stack)
  return running !== undefined && missingClickHouse(config.version, running) !== undefined
}

/** The worker's architecture if the web image has it, because the task runs in the worker's network. */
function architectureFor(image: TargetImage, { config, stack }: DeployQuestion): Migrate['architecture'] {
  const { platforms } = image
  if (platforms === undefined) return architectureOfWeb(stack)
  if (!platforms.includes('linux/amd64')) return 'ARM64'
  const wanted = stack.worker.taskDefinition.architecture === 'ARM64' && platforms.includes('linux/arm64')
  return wanted && compareVersions(config.version, ARM64_CAN_MIGRATE) >= 0 ? 'ARM64' : 'X86_64'
}

/** An image of unknown platforms runs where the web runs; App Runner has amd64 only (apprunner-roadmap#98). */
function architectureOfWeb({ web }: Stack): Migrate['architecture'] {
  return web.platform !== 'app-runner' && web.taskDefinition.architecture === 'ARM64' ? 'ARM64' : 'X86_64'
}

/**
 * The arm64 images of 3.0.0 and 3.1.0 hold golang-migrate for amd64: `/usr/bin/migrate: line 1: syntax error:
 * unexpected ")"` (langfuse#4683; the Dockerfile had no `ARG TARGETPLATFORM` before 3.1.1).
 */
const ARM64_CAN_MIGRATE = '3.1.1'

function describe({ postgres, clickhouse }: PendingMigrations, release: string): string {
  const count = (pending: readonly unknown[] | undefined, store: string) =>
    pending === undefined
      ? `an unknown number of ${store} migrations`
      : amountOf(pending.length, `${store} migration`)
  return `Langfuse ${release} brings ${count(postgres, 'Postgres')} and ${count(clickhouse, 'ClickHouse')}`
}

export function migrateProblems(steps: readonly Step[], { stack }: DeployQuestion): readonly string[] {
  const needed = steps.some(step => step.kind === 'migrate')
  const { service } = stack.worker
  if (!needed || service.subnets.length > 0) return []
  return [
    `ECS service ${service.name} does not use network mode awsvpc (it has no subnets), so no migration task can start in its network. Set \`migrate: boot\`, or run the worker with awsvpc.`,
  ]
}

/** Without a database, its checks and the undo of its migrations are not possible. */
export function unreachedWarnings(question: DeployQuestion): readonly string[] {
  const { postgres, clickhouseStore } = question.stack
  const unreached = [postgres.known ? [] : 'PostgreSQL', clickhouseStore.known ? [] : 'ClickHouse'].flat()
  if (unreached.length === 0) return []
  const pending = pendingMigrations(question)
  // ClickHouse's migrations need PostgreSQL too: the journal of a rollback is there.
  const stays = postgres.known ? pending.clickhouse?.length !== 0 : !isNothing(pending)
  const undo = stays ? ' or undo the migrations if the deploy fails' : ''
  return [
    `This run cannot reach ${unreached.join(' and ')}, so it cannot run the checks inside the VPC${undo}.`,
  ]
}

/** With `boot` the migrations are part of the web's start. */
export function bootWarnings(question: DeployQuestion): readonly string[] {
  const { config, stack, targets } = question
  const changes = targets.web !== undefined && targets.web.digest !== stack.web.image.digest
  if (config.migrate !== 'boot' || !changes || isNothing(pendingMigrations(question))) return []
  return [
    'The migrations run when the new web starts, and must finish before its health check times out (App Runner: 400 seconds at most). With `migrate: task` they run before the web starts.',
  ]
}

type TaskEnvironment = {
  readonly environment: Readonly<Record<string, string>>
  /** Name to ARN. */
  readonly secrets: Readonly<Record<string, string>>
  /** Names only: taken from the web, and of the worker's not passed to the task. */
  readonly fromWeb: readonly string[]
  readonly left: readonly string[]
}

/**
 * The migration task's environment: the worker's, because its execution role may read those secrets, and the web's
 * variables that its entry point reads (web/entrypoint.sh and packages/shared/clickhouse/scripts/up.sh, v3.0.0 to
 * v4.16.0) and the worker lacks. Pure.
 */
export function migrateEnvironment({ worker, web }: Stack): TaskEnvironment {
  const { container } = worker
  const stays = (name: string) => !LEFT.has(name)
  const has = (name: string) => name in container.environment || name in container.secrets
  const lacks = (name: string) =>
    READ_BY_ENTRYPOINT.has(name) && !has(name) && !(ADDRESS.has(name) && [...ADDRESS].some(has))
  return {
    environment: { ...only(container.environment, stays), ...only(web.environment, lacks) },
    secrets: { ...only(container.secrets, stays), ...only(web.secrets, lacks) },
    fromWeb: [...Object.keys(web.environment), ...Object.keys(web.secrets)].filter(lacks).sort(),
    left: [...LEFT].filter(has).sort(),
  }
}

/** DATABASE_URL or its parts: a worker that has one needs none of the others. */
const ADDRESS = new Set([
  'DATABASE_URL',
  'DATABASE_HOST',
  'DATABASE_USERNAME',
  'DATABASE_PASSWORD',
  'DATABASE_NAME',
  'DATABASE_ARGS',
])

const READ_BY_ENTRYPOINT = new Set([
  ...ADDRESS,
  'DIRECT_URL',
  'CLICKHOUSE_URL',
  'CLICKHOUSE_MIGRATION_URL',
  'CLICKHOUSE_MIGRATION_SSL',
  'CLICKHOUSE_USER',
  'CLICKHOUSE_PASSWORD',
  'CLICKHOUSE_DB',
  'CLICKHOUSE_CLUSTER_ENABLED',
  'CLICKHOUSE_CLUSTER_NAME',
])

/** Switches that turn migrations off, and Node options, which may name a module of the worker's image only. */
const LEFT = new Set([
  'LANGFUSE_AUTO_POSTGRES_MIGRATION_DISABLED',
  'LANGFUSE_AUTO_CLICKHOUSE_MIGRATION_DISABLED',
  'NODE_OPTIONS',
])

function only(
  values: Readonly<Record<string, string>>,
  keep: (name: string) => boolean,
): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => keep(name)))
}

/**
 * The running web after the migrations: it keeps serving, but its entry point refuses to start on a ClickHouse schema
 * that is ahead of its own files.
 */
export type OldWeb = {
  readonly from: string | undefined
  readonly to: string
  /** ClickHouse's schema version after the migrations; undefined: unknown. */
  readonly head: number | undefined
}

export function oldWebOf(steps: readonly Step[], question: DeployQuestion): OldWeb | undefined {
  const { config, stack, facts } = question
  const migrate = steps.find(step => step.kind === 'migrate')
  if (migrate === undefined || migrate.clickhouse?.length === 0 || !steps.some(isOfWeb)) return undefined
  if (stack.web.environment['LANGFUSE_AUTO_CLICKHOUSE_MIGRATION_DISABLED'] === 'true') return undefined
  const from = currentRelease(stack, facts)
  const before = from === undefined ? undefined : facts.release(from)?.clickhouseHead
  const head = facts.release(config.version)?.clickhouseHead
  if (before !== undefined && head !== undefined && before >= head) return undefined
  return { from, to: config.version, head }
}

export function oldWebWarning({ from, to, head }: OldWeb): string {
  return `After the migrations, the web of ${nameOf(from)} still serves but cannot restart ${why(head)}. If it crashes or scales before Langfuse ${to} serves, the site is down. Deploy in a quiet period, and do not change the web until the deploy ends.`
}

/** For a deploy that stopped before the new web. */
export function oldWebRemedy({ from, to, head }: OldWeb): string {
  return `Deploy ${to} again soon, or run the rollback action, which undoes migrations that have down SQL. Until then, do not restart, scale or redeploy the web of ${nameOf(from)}: it cannot start ${why(head)}. The migrations of Langfuse ${to} may have run, but its web does not serve yet. If the old web must start before that, set its \`LANGFUSE_AUTO_CLICKHOUSE_MIGRATION_DISABLED\` to \`true\`, and remove this afterwards.`
}

function nameOf(from: string | undefined): string {
  return from === undefined ? 'the previous release' : `Langfuse ${from}`
}

function why(head: number | undefined): string {
  return head === undefined
    ? '("no migration found")'
    : `("no migration found for version ${head}" of ClickHouse's schema)`
}

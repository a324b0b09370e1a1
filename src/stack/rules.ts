import type { EcsService } from '../ports/cloud.ts'
import type { ReleaseFacts } from '../release/facts.ts'
import { shortImage } from '../release/image.ts'
import { compareVersions } from '../release/release.ts'
import { fixOfBrokenOnEfs, majorOf } from '../release/requirements.ts'
import { gateIsOpen } from '../release/v4-flags.ts'
import {
  type BackgroundMigration,
  imageRelease,
  isFloating,
  isReportedBy,
  reportedVersion,
  type Stack,
  type WebComponent,
} from './stack.ts'

/**
 * Rules that deploy refuses and verify reports, one function each. Each returns the sentence to show, or undefined if the
 * rule holds. A store that was not observed breaks no rule: missing evidence is reported elsewhere.
 */

/** ClickHouse's version: what the server reports, else the tag of its image. */
export function runningClickHouse(stack: Stack): string | undefined {
  return stack.clickhouseStore.known ? stack.clickhouseStore.value.version : stack.clickhouse.image.version
}

/**
 * The URL reports a release that no image of this stack is. Of a web that is being deployed, both may be true. A floating
 * tag on App Runner is only known by the tag's image and the worker's together.
 */
export function contradiction(stack: Stack, facts: ReleaseFacts): string | undefined {
  const { web, worker } = stack
  const reported = reportedVersion(stack)
  const images = isFloating(web) ? [web.image, worker.image] : [web.image]
  const releases = images.map(image => imageRelease(image, facts))
  const isOurs = releases.some(release => release === undefined || isReportedBy(release, reported, facts))
  if (reported === undefined || isOurs || isChanging(web)) return undefined
  const [release, ofWorker = release] = releases
  const behind = ofWorker === release ? '' : ` and the worker is ${ofWorker}`
  return `${stack.url} reports Langfuse ${reported}, but the web's image \`${shortImage(web.image.reference)}\` is ${release} (${web.image.source})${behind}. ${LIKELY}`
}

const LIKELY =
  'Probably the URL points to another environment, a cache answers, or the image has a wrong tag: correct input `url` or the tag.'

function isChanging(web: WebComponent): boolean {
  if (web.platform === 'app-runner') return web.operation !== undefined
  const [deployment, ...others] = web.service.deployments
  return others.length > 0 || deployment?.rolloutState !== 'COMPLETED'
}

/** golang-migrate leaves the version dirty when a migration fails. */
export function dirtyClickHouse({ clickhouseStore }: Stack): string | undefined {
  if (!clickhouseStore.known || !clickhouseStore.value.dirty) return undefined
  const { head } = clickhouseStore.value
  return `ClickHouse's schema is dirty at version ${head}, so no web can start ("Dirty database version ${head}"). Undo the partial changes of ClickHouse migration ${head}, then run golang-migrate \`force ${head - 1}\`.`
}

export function clickhouseAhead(
  { clickhouseStore }: Stack,
  release: string,
  facts: ReleaseFacts,
): string | undefined {
  const knows = facts.release(release)?.clickhouseHead
  if (!clickhouseStore.known || knows === undefined || clickhouseStore.value.head <= knows) return undefined
  const { head } = clickhouseStore.value
  return `ClickHouse's schema is at version ${head}, but Langfuse ${release} knows only ${knows}, so its web cannot start ("no migration found for version ${head}"). Deploy the release that migrated to ${head}, or a newer one.`
}

/** Langfuse 3.207.0 to 3.212.x on EFS, unless ClickHouse migration 36 is already applied. */
export function brokenOnEfs({ clickhouse, clickhouseStore }: Stack, release: string): string | undefined {
  if (clickhouse.taskDefinition.volumes.length === 0) return undefined
  const fixed = fixOfBrokenOnEfs(release, clickhouseStore.known ? clickhouseStore.value.head : undefined)
  if (fixed === undefined) return undefined
  return `Langfuse ${release} fails in ClickHouse migration 36 with data on EFS, and leaves the schema dirty (CREATE OR REPLACE VIEW needs renameat2, which EFS lacks): deploy ${fixed} or newer.`
}

export function wrongClickHouseCount({ name, desiredCount }: EcsService): string | undefined {
  if (desiredCount === 1) return undefined
  return `ECS service ${name} has desired count ${desiredCount}, but ClickHouse on EFS needs exactly one task: set its desired count to 1.`
}

/** By name; Prisma refuses to migrate while there is one (P3009). */
export function failedMigrations({ postgres }: Stack): ReadonlyMap<string, string> {
  const failed = postgres.known ? postgres.value.migrations.filter(({ state }) => state === 'failed') : []
  return new Map(
    failed.map(({ name }) => [
      name,
      `Postgres migration ${name} was started but never finished, so no web can start (P3009): undo its partial changes, then mark it with \`prisma migrate resolve\`.`,
    ]),
  )
}

/** Of a rollback that another run is carrying out now: the lock says so. */
export function rollbackInProgress({ postgres }: Stack): string | undefined {
  const { pending, lock } = postgres.known ? postgres.value : { pending: [], lock: undefined }
  if (pending.length === 0 || lock === undefined || lock.expired) return undefined
  const who = lock.run === undefined ? 'Another run' : `Workflow run ${lock.run}`
  return `${who} changes this stack (${lock.what}), so its down SQL is not finished yet: wait until it ends. If that run is gone, run the rollback action.`
}

export function unfinishedRollback({ postgres }: Stack): string | undefined {
  const pending = postgres.known ? postgres.value.pending : []
  const [first, ...more] = pending.map(({ migration }) => migration)
  if (first === undefined) return undefined
  const names = more.length === 0 ? first : `${first} and ${more.length} more`
  return `A rollback was started but not finished (${names}): run the rollback action again until it finishes.`
}

/** App Runner takes one operation at a time, and updates only what is RUNNING. */
export function appRunnerBusy({ web }: Stack): string | undefined {
  if (web.platform !== 'app-runner') return undefined
  const { service, operation } = web
  if (operation !== undefined)
    return `App Runner service ${service.name} is busy: ${operation.type} (${operation.id}) is ${operation.status}. Wait until it has ended.`
  if (service.status === 'RUNNING') return undefined
  return `App Runner service ${service.name} is ${service.status}, but only a RUNNING service can be updated: resume or repair it.`
}

export function deploysByItself({ web }: Stack): string | undefined {
  if (web.platform !== 'app-runner' || !web.service.automaticDeployments) return undefined
  return `App Runner service ${web.service.name} deploys every image pushed to its tag. That runs migrations without updating the worker. Turn automatic deployments off.`
}

/** The first release whose worker knows feature flags of background migrations; older ones run every row. */
const GATES_SINCE = '3.203.0'

/** Whether the worker never runs a background migration, because its feature flag is off. */
export function isDormant(
  { gate }: Pick<BackgroundMigration, 'gate'>,
  { container, image }: Stack['worker'],
  version = image.version,
): boolean {
  if (gate === undefined || gate in container.secrets) return false
  if (version !== undefined && compareVersions(version, GATES_SINCE) < 0) return false
  return !gateIsOpen(gate, container.environment[gate], version)
}

export const BACKGROUND_SWITCH = 'LANGFUSE_ENABLE_BACKGROUND_MIGRATIONS'

/** Whether the worker runs no background migration at all: off by default in v2, on since 3.0.0 (worker/src/env.ts). */
export function runsNone({ container, image }: Stack['worker'], version = image.version): boolean {
  const value = container.environment[BACKGROUND_SWITCH]
  if (value !== undefined || BACKGROUND_SWITCH in container.secrets) return value === 'false'
  return version !== undefined && majorOf(version) < 3
}

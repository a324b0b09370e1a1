import { majorOf } from '../release/requirements.ts'
import { databaseTitle } from '../stack/observe-backups.ts'
import { type Check, failed, KIND, missing, moduleHint, passed, plural, skipped, warning } from './check.ts'

/** Mistakes are often found within a week. */
const RETENTION_DAYS = 7

const databaseBackups = {
  ...KIND.infrastructure,
  id: 'database-backups',
  title: 'PostgreSQL can be restored',
  about: ['postgres'],
  run({ stack }) {
    const { database } = stack.infrastructure.backups
    if (!database.known) return missing(database)
    const { retentionDays = 0, deletionProtection } = database.value
    const title = databaseTitle(database.value)
    if (deletionProtection !== true)
      return warning(
        `${title} has no deletion protection, so one mistaken API call or Terraform plan can delete it: turn deletion protection on.${moduleHint(stack, 'deletionProtection', 'finalSnapshot')}`,
      )
    if (retentionDays < RETENTION_DAYS)
      return warning(
        `${title} keeps backups for only ${plural(retentionDays, 'day')}, so a loss found a week later cannot be restored. Keep them for at least ${RETENTION_DAYS} days.${moduleHint(stack, 'auroraRetention', 'finalSnapshot')}`,
      )
    return passed(
      `${title} can be restored to any time of the last ${retentionDays} days and has deletion protection.`,
    )
  },
} as const satisfies Check

const DAY_MS = 86_400_000

const fileBackups = {
  ...KIND.infrastructure,
  id: 'file-backups',
  title: "ClickHouse's files can be restored",
  about: ['efs', 'clickhouse'],
  run({ stack }) {
    const { files, at } = stack.infrastructure.backups
    if (!files.known) return missing(files)
    if (files.value === undefined) return skipped('ClickHouse has no EFS volume to back up.')
    const fileSystem = stack.clickhouse.taskDefinition.volumes[0]?.fileSystemId
    const usable = files.value.filter(({ status }) => status === 'COMPLETED' || status === 'AVAILABLE')
    const newest = Math.max(...usable.map(({ createdAt }) => createdAt ?? 0))
    if (usable.length === 0)
      return warning(
        `EFS file system ${fileSystem} has no recovery point, so lost ClickHouse data cannot be restored. Turn on EFS's automatic backups, or let the deploy action create one (it needs a backup vault).${moduleHint(stack, 'fileBackups')}`,
      )
    const days = Math.max(0, Math.floor((at - newest) / DAY_MS))
    if (days > RETENTION_DAYS)
      return warning(
        `The newest recovery point of ${fileSystem} is ${days} days old: check in AWS Backup why there is no newer one.`,
      )
    return passed(
      `EFS file system ${fileSystem} has ${plural(usable.length, 'recovery point')}, the newest from ${days === 0 ? 'today' : `${days} days ago`}.`,
    )
  },
} as const satisfies Check

/** https://langfuse.com/self-hosting/deployment/infrastructure/postgres and the v4 upgrade guide: 15, better 16. */
const OLDEST_POSTGRES: Readonly<Record<number, number>> = { 2: 12, 3: 12, 4: 15 }
const ADVISED_POSTGRES = 16

const databaseVersion = {
  ...KIND.infrastructure,
  id: 'database-version',
  title: 'PostgreSQL is new enough for the release',
  about: ['postgres'],
  run({ stack, expected }) {
    const { database } = stack.infrastructure.backups
    if (!database.known) return missing(database)
    const { version } = database.value
    if (version === undefined) return skipped('AWS does not report the version of PostgreSQL.')
    const oldest = expected === undefined ? undefined : OLDEST_POSTGRES[majorOf(expected)]
    if (oldest !== undefined && majorOf(version) < oldest)
      return failed(
        `Langfuse ${expected} needs PostgreSQL ${oldest} or newer, but ${databaseTitle(database.value)} runs ${version}: upgrade it.`,
      )
    if (majorOf(version) < ADVISED_POSTGRES)
      return warning(
        `PostgreSQL is ${version}, but Langfuse 4 needs at least 15 and recommends ${ADVISED_POSTGRES}: upgrade it before you upgrade to Langfuse 4.${moduleHint(stack, 'auroraVersion')}`,
      )
    return passed(`PostgreSQL is ${version}.`)
  },
} as const satisfies Check

export const BACKUP_CHECKS = [databaseBackups, fileBackups, databaseVersion] as const

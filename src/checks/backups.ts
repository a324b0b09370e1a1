import { majorOf } from '../release/requirements.ts'
import type { Check, Finding } from './check.ts'
import { failed, inconclusive, passed, skipped, warning } from './check.ts'
import { moduleHint } from './module-hint.ts'

/** A mistake is often found in the week after it was made. */
const RETENTION_DAYS = 7

const databaseBackups = {
  id: 'database-backups',
  title: 'PostgreSQL can be restored',
  group: 'control-plane',
  needs: ['infrastructure'],
  settles: false,
  about: ['postgres'],
  run({ stack }) {
    const { database } = stack.infrastructure.backups
    if (!database.known) return unseen(database)
    if (database.value === undefined)
      return skipped(
        'PostgreSQL is no Aurora cluster of this account and region: see to its backups yourself.',
      )
    const { id, retentionDays = 0, deletionProtection } = database.value
    if (deletionProtection !== true) {
      return warning(
        `Aurora cluster ${id} has no deletion protection, so one mistaken call or plan deletes it: turn it on.${moduleHint(stack, 'deletionProtection', 'finalSnapshot')}`,
      )
    }
    if (retentionDays < RETENTION_DAYS) {
      return warning(
        `Aurora cluster ${id} keeps backups for ${retentionDays === 1 ? 'a day' : `${retentionDays} days`}, and a loss that is found a week later cannot be undone: keep them for at least ${RETENTION_DAYS}.${moduleHint(stack, 'auroraRetention', 'finalSnapshot')}`,
      )
    }
    return passed(
      `Aurora cluster ${id} can be restored to any time of the last ${retentionDays} days, and is protected.`,
    )
  },
} as const satisfies Check

const DAY_MS = 86_400_000

const fileBackups = {
  id: 'file-backups',
  title: "ClickHouse's files can be restored",
  group: 'control-plane',
  needs: ['infrastructure'],
  settles: false,
  about: ['efs', 'clickhouse'],
  run({ stack }) {
    const { files, at } = stack.infrastructure.backups
    if (!files.known) return unseen(files)
    if (files.value === undefined) return skipped('ClickHouse has no EFS volume.')
    const fileSystem = stack.clickhouse.taskDefinition.volumes[0]?.fileSystemId
    const usable = files.value.filter(({ status }) => status === 'COMPLETED' || status === 'AVAILABLE')
    const newest = Math.max(...usable.map(({ createdAt }) => createdAt ?? 0))
    if (usable.length === 0) {
      return warning(
        `${fileSystem} has no recovery point, so traces that ClickHouse loses are lost: turn on EFS's automatic backups, or let the deploy action make one (it needs a backup vault).${moduleHint(stack, 'fileBackups')}`,
      )
    }
    const days = Math.max(0, Math.floor((at - newest) / DAY_MS))
    if (days > RETENTION_DAYS) {
      return warning(
        `The newest recovery point of ${fileSystem} is ${days} days old: find out in AWS Backup why no newer one is made.`,
      )
    }
    return passed(
      `${fileSystem} has ${usable.length} recovery point${usable.length === 1 ? '' : 's'}, the newest of ${days === 0 ? 'today' : `${days} days ago`}.`,
    )
  },
} as const satisfies Check

/** https://langfuse.com/self-hosting/deployment/infrastructure/postgres and the v4 upgrade guide: 15, better 16. */
const OLDEST_POSTGRES: Readonly<Record<number, number>> = { 2: 12, 3: 12, 4: 15 }
const ADVISED_POSTGRES = 16

const databaseVersion = {
  id: 'database-version',
  title: 'PostgreSQL is new enough',
  group: 'control-plane',
  needs: ['infrastructure'],
  settles: false,
  about: ['postgres'],
  run({ stack, expected }) {
    const { database } = stack.infrastructure.backups
    if (!database.known) return unseen(database)
    const version = database.value?.version
    if (version === undefined) return skipped('Which PostgreSQL runs is not told by AWS.')
    const oldest = expected === undefined ? undefined : OLDEST_POSTGRES[majorOf(expected)]
    if (oldest !== undefined && majorOf(version) < oldest)
      return failed(
        `PostgreSQL is ${version}, and Langfuse ${expected} needs ${oldest} or newer: upgrade the cluster.`,
      )
    if (majorOf(version) < ADVISED_POSTGRES) {
      return warning(
        `PostgreSQL is ${version}: Langfuse 4 needs 15 at least and is made for ${ADVISED_POSTGRES}, so plan the upgrade of the cluster before that of Langfuse.${moduleHint(stack, 'auroraVersion')}`,
      )
    }
    return passed(`PostgreSQL is ${version}.`)
  },
} as const satisfies Check

export const BACKUP_CHECKS = [databaseBackups, fileBackups, databaseVersion] as const

function unseen({ reason, because }: { readonly reason: string; readonly because: string }): Finding {
  return because === 'not-asked' ? skipped(`${reason}.`) : inconclusive(`${reason}.`)
}

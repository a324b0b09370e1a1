import type { Backups } from '../stack/observe-backups.ts'
import type { BackupDatabase, BackupFiles } from './plan.ts'

/** What is protected before the first change, what stands in the way of that, and what stays unprotected. */
export type BackupPlan = {
  readonly steps: readonly (BackupDatabase | BackupFiles)[]
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/** Pure. A database that may be there and cannot be told is a refusal: silence would look like a snapshot. */
export function planBackup(
  { database, files }: Backups,
  releases: { readonly from: string | undefined; readonly to: string },
): BackupPlan {
  const plans = [planDatabase(database, releases), planFiles(files, releases)]
  return {
    steps: plans.flatMap(plan => plan.steps),
    problems: plans.flatMap(plan => plan.problems),
    warnings: plans.flatMap(plan => plan.warnings),
  }
}

type Releases = Parameters<typeof planBackup>[1]

export const NO_BACKUP: BackupPlan = { steps: [], problems: [], warnings: [] }

function planDatabase(database: Backups['database'], { from, to }: Releases): BackupPlan {
  if (!database.known) {
    const problem = `No snapshot can be taken, because ${database.reason}: grant rds:DescribeDBClusters and rds:CreateDBClusterSnapshot and make the cluster known by \`database-url\`, or take the snapshot yourself and write \`backup: false\`.`
    return { ...NO_BACKUP, problems: [problem] }
  }
  const cluster = database.value
  if (cluster === undefined) {
    const warning =
      'PostgreSQL gets no snapshot before the first change: there is no Aurora PostgreSQL cluster in this account and region.'
    return { ...NO_BACKUP, warnings: [warning] }
  }
  if (cluster.status !== 'available') {
    const problem = `No snapshot can be taken while Aurora cluster ${cluster.id} is ${cluster.status}: wait until it is available, then run again, or write \`backup: false\`.`
    return { ...NO_BACKUP, problems: [problem] }
  }
  const step: BackupDatabase = {
    kind: 'backup-database',
    cluster: cluster.id,
    prefix: snapshotPrefix(from, to),
    reason: `Aurora cluster ${cluster.id} (known by ${database.source}) is what a restore would start from.`,
  }
  return { ...NO_BACKUP, steps: [step] }
}

function planFiles(files: Backups['files'], { from, to }: Releases): BackupPlan {
  if (!files.known) {
    const warning = `ClickHouse's data gets no recovery point before the first change, because ${files.reason}.`
    return { ...NO_BACKUP, warnings: [warning] }
  }
  const found = files.value
  if (found === undefined) {
    const warning =
      "ClickHouse's data has no recovery point: its task definition has no EFS volume, so there is nothing that AWS Backup could protect."
    return { ...NO_BACKUP, warnings: [warning] }
  }
  const { vault, ...protection } = found
  if (vault === undefined) {
    const warning = `ClickHouse's data on ${found.fileSystem} has no recovery point: the account has no backup vault in this region. Traces that are only in ClickHouse could not be restored.`
    return { ...NO_BACKUP, warnings: [warning] }
  }
  const step: BackupFiles = {
    kind: 'backup-files',
    ...protection,
    vault,
    prefix: snapshotPrefix(from, to),
    reason: `ClickHouse's data is on ${found.fileSystem}, and no SQL brings a lost trace back.`,
  }
  return { ...NO_BACKUP, steps: [step] }
}

/** Letters, digits and single hyphens, beginning with a letter: what RDS takes in the name of a snapshot. */
export function snapshotPrefix(from: string | undefined, to: string): string {
  return `langfuse-rollout-${identifier(from ?? 'unknown')}-to-${identifier(to)}`
}

function identifier(version: string): string {
  return version
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 12)
    .replace(/-+$/, '')
}

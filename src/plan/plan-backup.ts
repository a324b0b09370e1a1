import type { DeployConfig } from '../inputs/config.ts'
import { type Backups, databaseTitle } from '../stack/observe-backups.ts'
import type { BackupDatabase, BackupFiles } from './plan.ts'

/** What is backed up before the first change, what prevents it, and what has no backup. */
export type BackupPlan = {
  readonly steps: readonly (BackupDatabase | BackupFiles)[]
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/** Pure. An unidentified database is a refusal: without one, a user would expect a snapshot. */
export function planBackup(
  { database, files }: Backups,
  releases: { readonly from: string | undefined; readonly to: string },
  network: Network,
): BackupPlan {
  const prefix = snapshotPrefix(releases.from, releases.to)
  const plans = [planDatabase(database, network, prefix), planFiles(files, prefix)]
  return {
    steps: plans.flatMap(plan => plan.steps),
    problems: plans.flatMap(plan => plan.problems),
    warnings: plans.flatMap(plan => plan.warnings),
  }
}

/** How this run reaches the databases: a remedy must work the same way. */
type Network = Pick<DeployConfig, 'network' | 'databases'>

export const NO_BACKUP: BackupPlan = { steps: [], problems: [], warnings: [] }

function planDatabase(
  database: Backups['database'],
  { network, databases }: Network,
  prefix: string,
): BackupPlan {
  if (!database.known) {
    const variable = databases === undefined ? "the worker's DATABASE_URL" : '`database-url`'
    const remedy =
      database.because === 'no-evidence'
        ? "Grant the missing permission to this job's role"
        : network === 'auto' && databases === undefined
          ? `Grant this job's role what the agent needs (docs/iam/agent.json), and name an endpoint of RDS in ${variable}`
          : `Name an endpoint of RDS, or a name that resolves to it, in ${variable}`
    const problem = `Cannot take a snapshot of PostgreSQL: ${database.reason}. ${remedy}. Or take the snapshot yourself and set \`backup: false\`.`
    return { ...NO_BACKUP, problems: [problem] }
  }
  const { kind, id, status } = database.value
  const title = databaseTitle(database.value)
  if (status !== 'available') {
    const problem = `Cannot take a snapshot of ${title}, because it is ${status}. Wait until it is available, then run again. Or set \`backup: false\`.`
    return { ...NO_BACKUP, problems: [problem] }
  }
  const step: BackupDatabase = {
    kind: 'backup-database',
    database: { kind, id },
    title,
    prefix,
    reason: `Takes a snapshot of ${title}, so that you can restore it later.`,
  }
  return { ...NO_BACKUP, steps: [step] }
}

function planFiles(files: Backups['files'], prefix: string): BackupPlan {
  if (!files.known) {
    const warning = `ClickHouse's data gets no recovery point before the first change: ${files.reason}.`
    return { ...NO_BACKUP, warnings: [warning] }
  }
  const found = files.value
  if (found === undefined) {
    const warning =
      "ClickHouse's data gets no recovery point: its task definition has no EFS volume that AWS Backup could protect."
    return { ...NO_BACKUP, warnings: [warning] }
  }
  const { vault, ...protection } = found
  if (vault === undefined) {
    const warning = `ClickHouse's data on ${found.fileSystem} gets no recovery point: the account has no backup vault in this region. Traces that exist only in ClickHouse cannot be restored.`
    return { ...NO_BACKUP, warnings: [warning] }
  }
  const step: BackupFiles = {
    kind: 'backup-files',
    ...protection,
    vault,
    prefix,
    reason: `ClickHouse's data is on ${found.fileSystem}. Down SQL cannot restore lost traces.`,
  }
  return { ...NO_BACKUP, steps: [step] }
}

/** RDS allows letters, digits and single hyphens, and requires a letter first. */
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

import type { RollbackTarget } from '../stack/rollback-target.ts'
import type { Stack } from '../stack/stack.ts'
import { NOTHING, type Undo, whyNotImagesOnly, withoutDownSql } from './rollback-class.ts'

type RestoreQuestion = {
  readonly stack: Stack
  /** `snapshot`: PostgreSQL's, from before the upgrade, where the deployment record names one. */
  readonly target: Pick<RollbackTarget, 'snapshot' | 'snapshotOf'> & { readonly release: string }
}

/** How to restore from a snapshot what SQL cannot bring back: one line a step, with its commands. */
export function runbook(question: RestoreQuestion, undo: Undo = NOTHING): readonly string[] {
  const steps = undo.missing.length === 0 ? tablesRunbook(question) : wholeRunbook(question, undo)
  return steps.map((step, index) => `Restore ${index + 1}. ${step}`)
}

/**
 * The newer release dropped tables that the older one needs. Images and schema come first: a web of the newer release
 * that starts on a restored database would migrate it again.
 * https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-restore-snapshot.html
 */
function tablesRunbook({ stack, target }: RestoreQuestion): readonly string[] {
  return [
    `Run this action again with \`to: ${target.release}\` and \`accept: restore\`. It rolls back the images and both schemas. The tables that the newer release dropped exist again, but are empty.`,
    secondDatabase(stack, target),
    'Copy the empty tables from the restored database, from a machine in the VPC: `pg_dump --data-only --table=public.TABLE "$RESTORED_URL" | psql "$DATABASE_URL"`. All other data stays as it is now.',
    `Or return to the time of the snapshot completely instead of copying tables. ${swap(stack, target)} Then restart web and worker.`,
    VERIFY,
  ]
}

/**
 * Migrations without down SQL stay in the databases until these are restored as a whole. Where the older release
 * cannot start on them, the images come last.
 */
function wholeRunbook({ stack, target }: RestoreQuestion, undo: Undo): readonly string[] {
  const imagesFirst = whyNotImagesOnly(undo, target.release).length === 0
  const again = `Run the rollback action with \`to: ${target.release}\``
  return [
    imagesFirst
      ? `${again} and \`sql: images-only\`. It rolls back the images. The databases keep ${withoutDownSql(undo)}.`
      : 'Do not let the web restart before the last step: a web of the newer release would migrate a restored database again.',
    secondDatabase(stack, target),
    `Return to the time of the snapshot. ${swap(stack, target)}${imagesFirst ? ' Then restart web and worker.' : ''}`,
    ...(undo.missing.some(name => name.startsWith('clickhouse/')) ? [RESTORE_FILES] : []),
    ...(imagesFirst
      ? []
      : [`${again}. The restored schemas match this release, so it rolls back the images.`]),
    VERIFY,
  ]
}

const RESTORE_FILES =
  "In AWS Backup, restore the recovery point of ClickHouse's file system from before the upgrade. Start ClickHouse on the restored file system."

const VERIFY =
  'Run the verify action. Keep the leftover database until you have confirmed that no data is missing.'

function secondDatabase(stack: Stack, target: RestoreQuestion['target']): string {
  return target.snapshotOf === 'instance' ? secondInstance(stack, target) : secondCluster(stack, target)
}

/** https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_RestoreFromSnapshot.html */
function secondInstance({ region }: Stack, { snapshot = 'SNAPSHOT' }: RestoreQuestion['target']): string {
  const restore = rds(
    region,
    'restore-db-instance-from-db-snapshot',
    `--db-snapshot-identifier ${snapshot}`,
    '--db-instance-identifier INSTANCE-restored',
    '--db-subnet-group-name SUBNET_GROUP',
    '--vpc-security-group-ids SECURITY_GROUP',
  )
  return `The snapshot from before the upgrade is \`${snapshot}\`. Restore it as a second instance, with the subnet group and security groups of the current one (INSTANCE): ${restore}.`
}

function secondCluster({ region }: Stack, { snapshot }: RestoreQuestion['target']): string {
  const restore = rds(
    region,
    'restore-db-cluster-from-snapshot',
    `--snapshot-identifier ${snapshot ?? 'SNAPSHOT'}`,
    '--db-cluster-identifier CLUSTER-restored',
    '--engine aurora-postgresql',
    '--db-subnet-group-name SUBNET_GROUP',
    '--vpc-security-group-ids SECURITY_GROUP',
    '--serverless-v2-scaling-configuration MinCapacity=0.5,MaxCapacity=16',
  )
  const instance = rds(
    region,
    'create-db-instance',
    '--db-instance-identifier CLUSTER-restored-1',
    '--db-cluster-identifier CLUSTER-restored',
    '--db-instance-class db.serverless',
    '--engine aurora-postgresql',
  )
  const which =
    snapshot === undefined
      ? `No deployment record names the snapshot from before the upgrade. Find it (SNAPSHOT) with ${rds(region, 'describe-db-cluster-snapshots', '--db-cluster-identifier CLUSTER')}.`
      : `The snapshot from before the upgrade is \`${snapshot}\`.`
  return `${which} Restore it as a second cluster, with the subnet group and security groups of the current one (CLUSTER): ${restore}, then ${instance}.`
}

function swap({ region }: Stack, target: RestoreQuestion['target']): string {
  const kind = target.snapshotOf ?? 'cluster'
  const rename = (from: string, to: string) =>
    rds(
      region,
      `modify-db-${kind}`,
      `--db-${kind}-identifier ${from}`,
      `--new-db-${kind}-identifier ${to}`,
      '--apply-immediately',
    )
  const name = kind.toUpperCase()
  return `Swap the names of the two ${kind}s, so that endpoint, secrets and password stay the same: ${rename(name, `${name}-before-restore`)}, then ${rename(`${name}-restored`, name)}. Data written to PostgreSQL since the snapshot is then only in the old ${kind}.`
}

function rds(region: string, command: string, ...options: readonly string[]): string {
  return `\`aws rds ${command} --region ${region} ${options.join(' ')}\``
}

import type { Stack } from '../stack/stack.ts'

/** What a restore starts from, as far as it is known. */
type RestorePoint = {
  /** Aurora snapshot that the deploy took before its first change. */
  readonly snapshot: string | undefined
  /** Release whose schema is in it. */
  readonly release: string
}

/**
 * The way back when the newer release destroyed what the older one lives from: one line a step, with its commands.
 * Images and schema come first: a web of the newer release that starts on a restored database would migrate it again.
 * Then the snapshot is restored beside the cluster, and gives back either the tables that are missing or, in the
 * place of the cluster, everything (https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-restore-snapshot.html).
 */
export function restoreRunbook(stack: Stack, point: RestorePoint): readonly string[] {
  return [
    `Restore 1. Run this action again with \`to: ${point.release}\` and \`accept: restore\`: it brings the images and both schemas back; the tables that the newer release dropped are there again, and empty.`,
    `Restore 2. ${besideTheCluster(stack, point)}`,
    'Restore 3. Copy the tables that are empty from the restored cluster, from a machine in the VPC: `pg_dump --data-only --table=public.TABLE "$RESTORED_URL" | psql "$DATABASE_URL"`. Everything else stays as it is now.',
    `Restore 4. Or go back to the moment of the snapshot altogether: ${swapClusters(stack)}, then restart web and worker.`,
    `Restore 5. ${VERIFY}`,
  ]
}

/** Migrations without down SQL, which stay in the databases until these are restored as a whole. */
type Staying = {
  readonly names: string
  readonly inClickHouse: boolean
  /** Whether the older release starts on what they left. */
  readonly imagesFirst: boolean
}

/** The same over migrations without down SQL. Where the older release cannot start on them, the images come last. */
export function wholeRestoreRunbook(
  stack: Stack,
  point: RestorePoint,
  { names, inClickHouse, imagesFirst }: Staying,
): readonly string[] {
  const again = `Run the rollback action with \`to: ${point.release}\``
  const files =
    "In AWS Backup, restore the recovery point of ClickHouse's file system from before the upgrade, and start ClickHouse on it."
  const steps = [
    imagesFirst
      ? `${again} and \`sql: images-only\`: it brings the images back, and the databases keep ${names}.`
      : 'Let nothing restart the web until the last step: a web of the newer release would migrate a restored database again.',
    besideTheCluster(stack, point),
    `Go back to the moment of the snapshot: ${swapClusters(stack)}${imagesFirst ? ', then restart web and worker' : ''}.`,
    ...(inClickHouse ? [files] : []),
    ...(imagesFirst
      ? []
      : [`${again}: it finds the schemas that this release knows, and brings the images back.`]),
    VERIFY,
  ]
  return steps.map((step, index) => `Restore ${index + 1}. ${step}`)
}

const VERIFY = 'Run the verify action. Keep the cluster that is left over until nobody misses anything.'

function besideTheCluster({ region }: Stack, { snapshot }: RestorePoint): string {
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
      ? `No deployment record names the snapshot from before the upgrade: find it (SNAPSHOT) with ${rds(region, 'describe-db-cluster-snapshots', '--db-cluster-identifier CLUSTER')}.`
      : `The snapshot from before the upgrade is \`${snapshot}\`.`
  return `${which} Restore it beside the cluster (CLUSTER: its identifier), with the same subnet group and security groups: ${restore}, then ${instance}.`
}

function swapClusters({ region }: Stack): string {
  const rename = (from: string, to: string) =>
    rds(
      region,
      'modify-db-cluster',
      `--db-cluster-identifier ${from}`,
      `--new-db-cluster-identifier ${to}`,
      '--apply-immediately',
    )
  return `exchange the names, so that endpoint, secrets and password stay (all that was written to PostgreSQL since the snapshot is then only in the old cluster): ${rename('CLUSTER', 'CLUSTER-before-restore')}, then ${rename('CLUSTER-restored', 'CLUSTER')}`
}

function rds(region: string, command: string, ...options: readonly string[]): string {
  return `\`aws rds ${command} --region ${region} ${options.join(' ')}\``
}

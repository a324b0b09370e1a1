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
export function restoreRunbook(stack: Stack, { snapshot, release }: RestorePoint): readonly string[] {
  const rds = (command: string, ...options: readonly string[]) =>
    `\`aws rds ${command} --region ${stack.region} ${options.join(' ')}\``
  const restore = rds(
    'restore-db-cluster-from-snapshot',
    `--snapshot-identifier ${snapshot ?? 'SNAPSHOT'}`,
    '--db-cluster-identifier CLUSTER-restored',
    '--engine aurora-postgresql',
    '--db-subnet-group-name SUBNET_GROUP',
    '--vpc-security-group-ids SECURITY_GROUP',
    '--serverless-v2-scaling-configuration MinCapacity=0.5,MaxCapacity=16',
  )
  const instance = rds(
    'create-db-instance',
    '--db-instance-identifier CLUSTER-restored-1',
    '--db-cluster-identifier CLUSTER-restored',
    '--db-instance-class db.serverless',
    '--engine aurora-postgresql',
  )
  const rename = (from: string, to: string) =>
    rds(
      'modify-db-cluster',
      `--db-cluster-identifier ${from}`,
      `--new-db-cluster-identifier ${to}`,
      '--apply-immediately',
    )
  return [
    `Restore 1. Run this action again with \`to: ${release}\` and \`accept: restore\`: it brings the images and both schemas back; the tables that the newer release dropped are there again, and empty.`,
    `Restore 2. ${which(snapshot, rds)} Restore it beside the cluster (CLUSTER: its identifier), with the same subnet group and security groups: ${restore}, then ${instance}.`,
    'Restore 3. Copy the tables that are empty from the restored cluster, from a machine in the VPC: `pg_dump --data-only --table=public.TABLE "$RESTORED_URL" | psql "$DATABASE_URL"`. Everything else stays as it is now.',
    `Restore 4. Or go back to the moment of the snapshot altogether (all that was written to PostgreSQL since is then only in the old cluster): exchange the names, so that endpoint, secrets and password stay: ${rename('CLUSTER', 'CLUSTER-before-restore')}, then ${rename('CLUSTER-restored', 'CLUSTER')}, then restart web and worker.`,
    'Restore 5. Run the verify action. Keep the cluster that is left over until nobody misses anything.',
  ]
}

function which(snapshot: string | undefined, rds: (...command: [string, string]) => string): string {
  if (snapshot !== undefined) return `The snapshot from before the upgrade is \`${snapshot}\`.`
  return `No deployment record names the snapshot from before the upgrade: find it (SNAPSHOT) with ${rds('describe-db-cluster-snapshots', '--db-cluster-identifier CLUSTER')}.`
}

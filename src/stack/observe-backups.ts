import { explain } from '../errors/errors.ts'
import type { StackConfig } from '../inputs/config.ts'
import type { Cloud, DatabaseCluster, RecoveryPoint } from '../ports/cloud.ts'
import { type Components, known, type Observed, observed, type Stack, unknown } from './stack.ts'

/** What can be backed up before a change. `undefined` in a known fact: the account has no such resource. */
export type Backups = {
  readonly database: Observed<DatabaseCluster | undefined>
  readonly files: Observed<FileProtection | undefined>
}

/** How AWS Backup can back up ClickHouse's file system. */
type FileProtection = {
  readonly fileSystem: string
  /** ARNs of the file system and of the role that AWS Backup uses. */
  readonly resource: string
  readonly role: string
  /** undefined: the account has no backup vault in this region. */
  readonly vault: string | undefined
}

export async function observeBackups(config: StackConfig, stack: Stack, cloud: Cloud): Promise<Backups> {
  const [database, files] = await Promise.all([
    observeDatabase(config, stack, cloud),
    observeFiles(stack, cloud),
  ])
  return { database, files }
}

/** The Aurora cluster that Langfuse uses. */
async function observeDatabase(
  config: StackConfig,
  stack: Components,
  cloud: Cloud,
): Promise<Observed<DatabaseCluster | undefined>> {
  try {
    return chooseCluster(await cloud.aurora.clusters(), databaseHosts(config, stack), cloud.region)
  } catch (error) {
    return unknown(`the Aurora clusters of ${cloud.region} cannot be read: ${explain(error)}`, 'unreachable')
  }
}

/** The visible hosts of PostgreSQL, best evidence first: the containers' variables, then the input. */
export function databaseHosts(config: StackConfig, { worker, web }: Components): readonly string[] {
  const environments = [worker.container.environment, web.environment]
  const hosts = [
    ...environments.map(environment => environment['DATABASE_HOST']),
    ...environments.map(environment => hostOf(environment['DATABASE_URL'])),
    hostOf(config.databases?.databaseUrl),
  ]
  return [...new Set(hosts.flatMap(host => host?.replace(/:\d+$/, '').toLowerCase() || []))]
}

function hostOf(url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url) ? new URL(url).hostname : undefined
}

/**
 * The cluster that a host belongs to. Without an RDS host (a tunnel, a custom name): the only Aurora PostgreSQL of the
 * region, or the only one with `langfuse` in its name; otherwise unknown.
 */
export function chooseCluster(
  clusters: readonly DatabaseCluster[],
  hosts: readonly string[],
  region: string,
): Observed<DatabaseCluster | undefined> {
  for (const host of hosts) {
    const owner = clusters.find(cluster => owns(cluster, host))
    if (owner !== undefined) return known(owner, `endpoint ${host}`)
  }
  const candidates = clusters.filter(cluster => cluster.engine === 'aurora-postgresql')
  if (candidates.length === 0) return known(undefined, 'rds:DescribeDBClusters')
  const names = candidates.map(cluster => cluster.id).join(', ')
  const foreign = hosts.find(host => host.endsWith('.rds.amazonaws.com') && !host.includes('.proxy-'))
  if (foreign !== undefined) {
    return unknown(
      `PostgreSQL runs at ${foreign}, which belongs to none of the Aurora clusters of ${region} (${names})`,
      'unreachable',
    )
  }
  const [only] = candidates
  if (candidates.length === 1) return known(only, `the only Aurora PostgreSQL cluster of ${region}`)
  const named = candidates.filter(cluster => cluster.id.toLowerCase().includes('langfuse'))
  if (named.length === 1) return known(named[0], `its name, among ${names}`)
  return unknown(
    `${region} has ${candidates.length} Aurora PostgreSQL clusters (${names}), and it is unclear which one Langfuse uses`,
    'unreachable',
  )
}

function owns(cluster: DatabaseCluster, host: string): boolean {
  if (cluster.endpoints.some(endpoint => endpoint.toLowerCase() === host)) return true
  const instance = host.slice(0, host.indexOf('.'))
  return host.endsWith('.rds.amazonaws.com') && cluster.instances.includes(instance)
}

async function observeFiles(stack: Stack, cloud: Cloud): Promise<Observed<FileProtection | undefined>> {
  const [volume] = stack.clickhouse.taskDefinition.volumes
  if (volume === undefined) return known(undefined, stack.clickhouse.taskDefinition.arn)
  const { fileSystemId: fileSystem } = volume
  const resource = fileSystemArn(fileSystem, stack)
  // https://docs.aws.amazon.com/aws-backup/latest/devguide/iam-service-roles.html: the role that its console creates.
  const role = `arn:${partitionOf(stack)}:iam::${stack.account}:role/service-role/AWSBackupDefaultServiceRole`
  const read = async () => ({ fileSystem, resource, role, vault: chooseVault(await cloud.backup.vaults()) })
  return observed('backup:ListBackupVaults', read, {
    failed: `the backup vaults of ${cloud.region} cannot be read: `,
  })
}

/** AWS Backup's default vault, else the one of this stack, else the first by name. */
function chooseVault(vaults: readonly string[]): string | undefined {
  const sorted = [...vaults].sort()
  return (
    sorted.find(vault => vault === 'Default') ??
    sorted.find(vault => vault.toLowerCase().includes('langfuse')) ??
    sorted[0]
  )
}

function fileSystemArn(fileSystem: string, stack: Components): string {
  return `arn:${partitionOf(stack)}:elasticfilesystem:${stack.region}:${stack.account}:file-system/${fileSystem}`
}

function partitionOf({ worker }: Components): string {
  return worker.service.arn.split(':')[1] || 'aws'
}

/** What a restore can start from. `undefined` in a known fact: there is no such resource. */
export type RestorePoints = {
  readonly database: Observed<DatabaseCluster | undefined>
  readonly files: Observed<readonly RecoveryPoint[] | undefined>
  /** Epoch milliseconds. */
  readonly at: number
}

export async function observeRestorePoints(
  stack: Components,
  cloud: Cloud,
  { config, now }: { readonly config: StackConfig; readonly now: number },
): Promise<RestorePoints> {
  const [database, files] = await Promise.all([
    observeDatabase(config, stack, cloud),
    recoveryPoints(stack, cloud),
  ])
  return { database, files, at: now }
}

async function recoveryPoints(
  stack: Components,
  cloud: Cloud,
): Promise<Observed<readonly RecoveryPoint[] | undefined>> {
  const [volume] = stack.clickhouse.taskDefinition.volumes
  if (volume === undefined) return known(undefined, stack.clickhouse.taskDefinition.arn)
  const id = volume.fileSystemId
  return observed(
    'backup:ListRecoveryPointsByResource',
    () => cloud.backup.recoveryPoints(fileSystemArn(id, stack)),
    { failed: `the recovery points of ${id} cannot be read: ` },
  )
}

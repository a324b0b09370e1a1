import { explain } from '../errors/errors.ts'
import type { Cloud, Database, Rds, RecoveryPoint } from '../ports/cloud.ts'
import type { PostgresIdentity } from './identity.ts'
import type { Inside } from './probe-inside.ts'
import { configuredPostgres } from './proof.ts'
import { type Components, known, type Observed, observed, type Stack, unknown } from './stack.ts'

/** What can be backed up before a change. `undefined` in a known fact: there is no such resource. */
export type Backups = {
  readonly database: Observed<Database>
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

export async function observeBackups(stack: Stack, cloud: Cloud): Promise<Backups> {
  const [database, files] = await Promise.all([
    findDatabase(stack, stack.probe.identity, cloud),
    observeFiles(stack, cloud),
  ])
  return { database, files }
}

/** Names of PostgreSQL's host, best evidence first: the worker's settings, then the host of the connection. */
export function databaseNames(
  { worker }: Pick<Components, 'worker'>,
  identity: Observed<PostgresIdentity>,
): readonly string[] {
  const configured = configuredPostgres(worker)?.host
  const seen = identity.known ? [...identity.value.configuredNames, ...identity.value.names] : []
  return [...new Set([...(configured === undefined ? [] : [configured]), ...seen])]
}

/**
 * The RDS database with these names, by its exact endpoints: a cluster, an instance, or what a proxy connects to. Never by
 * its own name, and never because it is the only one.
 */
export async function findDatabase(
  stack: Pick<Components, 'worker'>,
  identity: Observed<PostgresIdentity>,
  { rds, region }: Pick<Cloud, 'rds' | 'region'>,
): Promise<Observed<Database>> {
  const names = databaseNames(stack, identity)
  if (names.length === 0) {
    const { reason, because } = identity.known ? NO_HOST : identity
    return unknown(
      `the worker reads PostgreSQL's address from a secret, and the host was not seen: ${reason}`,
      because,
    )
  }
  try {
    const found = await findIn(names, rds)
    if (found !== undefined) return known(found, `endpoint ${names.join(' → ')}`)
  } catch (error) {
    return unknown(`the databases of ${region} cannot be read: ${explain(error)}`, 'no-evidence')
  }
  // A database outside of RDS has no evidence here; one of RDS has, in another account or region.
  const isRds = names.some(name => name.endsWith('.rds.amazonaws.com'))
  return unknown(
    `PostgreSQL runs at ${names.join(' → ')}, which is no endpoint of an RDS cluster, instance or proxy of ${region}`,
    isRds ? 'no-evidence' : 'not-asked',
  )
}

const NO_HOST = { reason: 'its connection names no host', because: 'not-asked' } as const

async function findIn(names: readonly string[], rds: Rds): Promise<Database | undefined> {
  const isNamed = ({ endpoints }: Database) =>
    endpoints.some(endpoint => names.includes(endpoint.toLowerCase()))
  const clusters = await rds.clusters()
  const cluster = clusters.find(isNamed)
  if (cluster !== undefined) return cluster
  const member = (id: string | undefined) => clusters.find(found => found.id === id)
  const proxy = names.find(name => name.includes('.proxy-'))
  const targets = proxy === undefined ? [] : ((await rds.behindProxy(proxy)) ?? [])
  const [behind] = targets.flatMap(({ kind, id }) => (kind === 'cluster' ? (member(id) ?? []) : []))
  if (behind !== undefined) return behind
  const instances = await rds.instances()
  const isBehind = ({ id }: Database) =>
    targets.some(target => target.kind === 'instance' && target.id === id)
  const instance = instances.find(found => isNamed(found) || isBehind(found))
  return instance?.cluster === undefined ? instance : member(instance.cluster)
}

/** `Aurora cluster langfuse` */
export function databaseTitle({ kind, engine, id }: Database): string {
  if (kind === 'instance') return `RDS instance ${id}`
  return `${engine.startsWith('aurora') ? 'Aurora' : 'Multi-AZ DB'} cluster ${id}`
}

async function observeFiles(stack: Stack, cloud: Cloud): Promise<Observed<FileProtection | undefined>> {
  const [volume] = stack.clickhouse.taskDefinition.volumes
  if (volume === undefined) return known(undefined, stack.clickhouse.taskDefinition.arn)
  const { fileSystemId: fileSystem } = volume
  const resource = fileSystemArn(fileSystem, stack)
  const role = backupRole(stack)
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

/** The role that AWS Backup's console creates: https://docs.aws.amazon.com/aws-backup/latest/devguide/iam-service-roles.html */
export function backupRole(stack: Components): string {
  return `arn:${partitionOf(stack)}:iam::${stack.account}:role/service-role/AWSBackupDefaultServiceRole`
}

export function fileSystemArn(fileSystem: string, stack: Components): string {
  return `arn:${partitionOf(stack)}:elasticfilesystem:${stack.region}:${stack.account}:file-system/${fileSystem}`
}

function partitionOf({ worker }: Components): string {
  return worker.service.arn.split(':')[1] || 'aws'
}

/** What a restore can start from. `undefined` in a known fact: there is no such resource. */
export type RestorePoints = {
  readonly database: Observed<Database>
  readonly files: Observed<readonly RecoveryPoint[] | undefined>
  /** Epoch milliseconds. */
  readonly at: number
}

export async function observeRestorePoints(
  stack: Components,
  cloud: Cloud,
  { inside, now }: { readonly inside: Promise<Inside>; readonly now: number },
): Promise<RestorePoints> {
  const [database, files] = await Promise.all([
    inside.then(({ probe }) => findDatabase(stack, probe.identity, cloud)),
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

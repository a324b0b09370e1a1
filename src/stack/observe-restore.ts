import type { Cloud, DatabaseSettings, DatabaseSnapshot, EfsVolume } from '../ports/cloud.ts'
import { backupRole, fileSystemArn, findDatabase } from './observe-backups.ts'
import type { RollbackTarget } from './rollback-target.ts'
import { type Components, known, type Observed, type Stack, tryObserve, unknown } from './stack.ts'

/** What the commands of a restore need to know of this stack and of the backups that its deployment record names. */
export type RestoreFacts = {
  readonly database: Observed<DatabaseSettings>
  /** `undefined` in a known fact: the record names none. */
  readonly snapshot: Observed<DatabaseSnapshot | undefined>
  /** `undefined` in a known fact: ClickHouse has no EFS volume. */
  readonly files: Observed<RestorableFiles | undefined>
}

export type RestorableFiles = {
  readonly fileSystem: string
  /** ClickHouse's directory from the root of the file system, without slashes at its ends; empty: the root itself. */
  readonly directory: string
  readonly encrypted: boolean
  readonly performanceMode: string
  /** ARN of the role that AWS Backup assumes. */
  readonly role: string
  /** ARN; undefined: the record names none. */
  readonly recoveryPoint: string | undefined
}

export async function observeRestore(
  stack: Stack,
  target: Pick<RollbackTarget, 'snapshot' | 'recoveryPoint'>,
  cloud: Cloud,
): Promise<RestoreFacts> {
  const database = await observeSettings(stack, cloud)
  const kind = database.known ? database.value.kind : 'cluster'
  const [snapshot, files] = await Promise.all([
    observeSnapshot(target.snapshot, kind, cloud),
    observeFiles(stack, target.recoveryPoint, cloud),
  ])
  return { database, snapshot, files }
}

/** Where nothing was observed: the commands have placeholders. */
export function nothingToRestore(reason: string): RestoreFacts {
  const missing = unknown<never>(reason, 'not-asked')
  return { database: missing, snapshot: missing, files: missing }
}

async function observeSettings(stack: Stack, cloud: Cloud): Promise<RestoreFacts['database']> {
  const found = await findDatabase(stack, stack.probe.identity, cloud)
  if (!found.known) return found
  const { kind, id } = found.value
  const seen = await tryObserve(`the settings of ${id}`, 'rds', () => cloud.rds.settings({ kind, id }))
  if (!seen.known) return seen
  return seen.value === undefined
    ? unknown(`RDS has no ${kind} ${id} any more`, 'no-evidence')
    : known(seen.value, 'rds')
}

/** A record can be written by others: what it names must be there, and be of the kind that this stack has. */
async function observeSnapshot(
  id: string | undefined,
  kind: DatabaseSettings['kind'],
  { rds }: Cloud,
): Promise<RestoreFacts['snapshot']> {
  if (id === undefined) return known(undefined, 'the deployment record')
  const seen = await tryObserve(`snapshot ${id}`, 'rds', () => rds.snapshot(kind, id))
  return seen.known && seen.value === undefined
    ? unknown(`RDS has no snapshot ${id} of a ${kind}`, 'no-evidence')
    : seen
}

async function observeFiles(
  stack: Stack,
  recoveryPoint: string | undefined,
  cloud: Cloud,
): Promise<RestoreFacts['files']> {
  const [volume] = stack.clickhouse.taskDefinition.volumes
  if (volume === undefined) return known(undefined, stack.clickhouse.taskDefinition.arn)
  const { fileSystemId: fileSystem } = volume
  const directory = await observeDirectory(volume, cloud)
  if (!directory.known) return directory
  const seen = stack.files
  if (!seen.known) return seen
  const named = await ownRecoveryPoint(stack, fileSystem, { recoveryPoint, cloud })
  if (!named.known) return named
  const { encrypted = false, performanceMode = 'generalPurpose' } = seen.value
  return known(
    {
      fileSystem,
      directory: directory.value,
      encrypted,
      performanceMode,
      role: backupRole(stack),
      recoveryPoint: named.value,
    },
    `EFS ${fileSystem}`,
  )
}

/** An access point has its own root, below which the task's root directory is not used (ECS requires `/`). */
async function observeDirectory(
  { accessPointId, rootDirectory }: EfsVolume,
  { efs }: Cloud,
): Promise<Observed<string>> {
  const inner = (path: string) => path.replace(/^\/+|\/+$/g, '')
  if (accessPointId === undefined) return known(inner(rootDirectory), 'the task definition')
  const seen = await tryObserve(`access point ${accessPointId}`, 'efs', () => efs.accessPoint(accessPointId))
  if (!seen.known) return seen
  return seen.value === undefined
    ? unknown(`EFS has no access point ${accessPointId}`, 'no-evidence')
    : known(inner(seen.value.path), `access point ${accessPointId}`)
}

async function ownRecoveryPoint(
  stack: Components,
  fileSystem: string,
  { recoveryPoint, cloud }: { readonly recoveryPoint: string | undefined; readonly cloud: Cloud },
): Promise<Observed<string | undefined>> {
  if (recoveryPoint === undefined) return known(undefined, 'the deployment record')
  const seen = await tryObserve(`the recovery points of ${fileSystem}`, 'backup', () =>
    cloud.backup.recoveryPoints(fileSystemArn(fileSystem, stack)),
  )
  if (!seen.known) return seen
  return seen.value.some(({ arn }) => arn === recoveryPoint)
    ? known(recoveryPoint, 'backup')
    : unknown(`${fileSystem} has no recovery point ${recoveryPoint} any more`, 'no-evidence')
}

import type { Backup, BackupJob, Vault } from './backup.ts'
import type { Efs } from './efs.ts'
import { AwsError } from './errors.ts'
import { ACCOUNT } from './ids.ts'
import { type JsonObject, type Reader, reader } from './json.ts'
import { page } from './paging.ts'
import type { Operations } from './server.ts'

export function backupOperations(backup: Backup, efs: Efs): Operations {
  const tokens = new Map<string, BackupJob>()
  const ask = (handle: (backup: Backup, read: Reader) => JsonObject) => (input: JsonObject) =>
    handle(backup, reader(input, 'MissingParameterValueException'))
  return {
    StartBackupJob: input => {
      const read = reader(input, 'MissingParameterValueException')
      const token = read.text('IdempotencyToken')
      const made = (token === undefined ? undefined : tokens.get(token)) ?? startJob(backup, efs, read)
      if (token !== undefined) tokens.set(token, made)
      return {
        BackupJobId: made.id,
        RecoveryPointArn: made.recoveryPointArn,
        CreationDate: made.createdAt,
        IsParent: false,
      }
    },
    DescribeBackupJob: ask((_, read) => jobAnswer(jobNamed(backup, read.needText('BackupJobId')))),
    DescribeBackupVault: ask(describeVault),
    ListBackupVaults: ask(listVaults),
    ListRecoveryPointsByResource: ask(listRecoveryPoints),
  }
}

function startJob(backup: Backup, efs: Efs, read: Reader): BackupJob {
  const vault = backup.vaults.get(read.needText('BackupVaultName'))
  if (!vault) throw notFound(`Backup vault ${read.text('BackupVaultName')} does not exist.`)
  const resourceArn = read.needText('ResourceArn')
  const roleArn = read.needText('IamRoleArn')
  if (![...efs.fileSystems.values()].some(fileSystem => fileSystem.arn === resourceArn))
    throw notFound(`Resource ${resourceArn} does not exist.`)
  return backup.startJob({ vault, resourceArn, roleArn })
}

/**
 * A vault that does not exist is answered as one that may not be seen, AccessDeniedException with 403: other clients of
 * the real service have to treat it as absence too (hashicorp/terraform-provider-aws, backup vault resource).
 */
function describeVault(backup: Backup, read: Reader): JsonObject {
  const vault = backup.vaults.get(read.needText('BackupVaultName'))
  if (vault) return vaultAnswer(backup, vault)
  throw new AwsError('AccessDeniedException', 'Insufficient privileges to perform this action.', 403)
}

function listVaults(backup: Backup, read: Reader): JsonObject {
  const { items, next } = page([...backup.vaults.values()], paging(read))
  return { BackupVaultList: items.map(vault => vaultAnswer(backup, vault)), NextToken: next }
}

function listRecoveryPoints(backup: Backup, read: Reader): JsonObject {
  const resource = read.needText('ResourceArn')
  const points = pointsOf(backup).filter(job => job.resourceArn === resource)
  const { items, next } = page(points, paging(read))
  return { RecoveryPoints: items.map(pointAnswer), NextToken: next }
}

function jobNamed(backup: Backup, id: string): BackupJob {
  const job = backup.jobs.get(id)
  if (job) return job
  throw notFound(`Backup job ${id} does not exist.`)
}

/** Newest first. */
const pointsOf = (backup: Backup) =>
  [...backup.jobs.values()].filter(job => job.state === 'COMPLETED').reverse()

const notFound = (message: string) => new AwsError('ResourceNotFoundException', message)

const paging = (read: Reader) => ({
  token: read.text('nextToken'),
  size: Number(read.text('maxResults') ?? 1000),
  limit: 1000,
  invalid: 'InvalidParameterValueException',
})

const SIZE = 1_048_576

function jobAnswer(job: BackupJob): JsonObject {
  return {
    AccountId: ACCOUNT,
    BackupJobId: job.id,
    BackupVaultName: job.vault.name,
    BackupVaultArn: job.vault.arn,
    RecoveryPointArn: job.recoveryPointArn,
    ResourceArn: job.resourceArn,
    CreationDate: job.createdAt,
    CompletionDate: job.completedAt,
    State: job.state,
    StatusMessage: job.message,
    PercentDone: job.percent.toFixed(1),
    BackupSizeInBytes: SIZE,
    IamRoleArn: job.roleArn,
    ResourceType: 'EFS',
    IsParent: false,
  }
}

const vaultAnswer = (backup: Backup, vault: Vault) => ({
  BackupVaultName: vault.name,
  BackupVaultArn: vault.arn,
  VaultType: 'BACKUP_VAULT',
  CreationDate: vault.createdAt,
  NumberOfRecoveryPoints: pointsOf(backup).filter(job => job.vault === vault).length,
  Locked: false,
})

const pointAnswer = (job: BackupJob) => ({
  RecoveryPointArn: job.recoveryPointArn,
  CreationDate: job.createdAt,
  Status: 'COMPLETED',
  BackupSizeBytes: SIZE,
  BackupVaultName: job.vault.name,
  IsParent: false,
  VaultType: 'BACKUP_VAULT',
})

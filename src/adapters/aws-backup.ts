import * as Sdk from '@aws-sdk/client-backup'
import { RolloutError } from '../errors/errors.ts'
import type { Backup } from '../ports/cloud.ts'
import type { Cancel } from './cancel.ts'
import { allowed, allPages, cancelable, clientRetries, unlessError } from './clients.ts'

/** AWS Backup: https://docs.aws.amazon.com/aws-backup/latest/devguide/api-reference.html */
export function backupAdapter(region: string, cancel?: Cancel): Backup {
  const client = cancelable(new Sdk.BackupClient({ region, ...clientRetries }), cancel)
  return {
    async vaults() {
      return allPages(async NextToken => {
        const page = await client.send(new Sdk.ListBackupVaultsCommand({ NextToken }))
        const names = (page.BackupVaultList ?? []).flatMap(vault => vault.BackupVaultName ?? [])
        return { items: names, next: page.NextToken }
      }, 'backup:ListBackupVaults')
    },
    async recoveryPoints(resource) {
      const points = await allPages(async NextToken => {
        const page = await client.send(
          new Sdk.ListRecoveryPointsByResourceCommand({ ResourceArn: resource, NextToken }),
        )
        const found = page.RecoveryPoints
        // An answer without ARNs does not prove that there are none.
        if (found?.every(point => point.RecoveryPointArn !== undefined) !== true)
          throw new RolloutError(`AWS Backup answered without the recovery points of ${resource}`)
        return { items: found, next: page.NextToken }
      }, 'backup:ListRecoveryPointsByResource')
      return points.map(point => ({
        arn: point.RecoveryPointArn ?? '',
        vault: point.BackupVaultName ?? '',
        status: point.Status ?? '',
        createdAt: point.CreationDate?.getTime(),
      }))
    },
    async start({ vault, resource, role, token, tags }) {
      const answer = await allowed(`backup:StartBackupJob and iam:PassRole on ${role}`, () =>
        client.send(
          new Sdk.StartBackupJobCommand({
            BackupVaultName: vault,
            ResourceArn: resource,
            IamRoleArn: role,
            IdempotencyToken: token,
            RecoveryPointTags: { ...tags },
          }),
        ),
      )
      if (answer.BackupJobId === undefined) {
        throw new RolloutError(
          'StartBackupJob answered without a job id: run again, and report this if it happens again.',
        )
      }
      return { jobId: answer.BackupJobId }
    },
    async job(id) {
      return unlessError(['ResourceNotFoundException'], async () => {
        const job = await allowed('backup:DescribeBackupJob', () =>
          client.send(new Sdk.DescribeBackupJobCommand({ BackupJobId: id })),
        )
        return {
          id,
          state: job.State ?? '',
          percent: job.PercentDone,
          message: job.StatusMessage,
          recoveryPoint: job.RecoveryPointArn,
        }
      })
    },
  }
}

/** What is used of the client, and so what is bundled of it. */
export {
  BackupClient,
  DescribeBackupJobCommand,
  ListBackupVaultsCommand,
  ListRecoveryPointsByResourceCommand,
  StartBackupJobCommand,
} from '@aws-sdk/client-backup'

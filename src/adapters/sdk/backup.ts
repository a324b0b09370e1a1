/** The only imports of this client: the build bundles nothing else of it. */
export {
  BackupClient,
  DescribeBackupJobCommand,
  ListBackupVaultsCommand,
  ListRecoveryPointsByResourceCommand,
  StartBackupJobCommand,
} from '@aws-sdk/client-backup'

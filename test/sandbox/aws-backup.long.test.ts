import {
  BackupClient,
  DescribeBackupJobCommand,
  DescribeBackupVaultCommand,
  ListRecoveryPointsByResourceCommand,
  StartBackupJobCommand,
} from '@aws-sdk/client-backup'
import {
  CreateDBClusterSnapshotCommand,
  DescribeDBClusterSnapshotsCommand,
  DescribeDBClustersCommand,
  DescribeDBInstancesCommand,
  RDSClient,
} from '@aws-sdk/client-rds'
import { expect, test } from '@jest/globals'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { DATABASE, until, withSandbox } from './aws-helpers.ts'

const config = (sandbox: Sandbox) => ({
  endpoint: sandbox.endpoint,
  region: 'ap-northeast-1',
  credentials: { accessKeyId: 'AKIASANDBOX', secretAccessKey: 'sandbox' },
  maxAttempts: 1,
})

test('an Aurora snapshot is created, makes progress, becomes available, and errors have their names', async () => {
  await withSandbox({ speed: 100 }, async sandbox => {
    const cluster = sandbox.world.rds.createCluster(DATABASE)
    const rds = new RDSClient(config(sandbox))
    const found = await rds.send(new DescribeDBClustersCommand({ DBClusterIdentifier: 'db' }))
    expect(found.DBClusters).toMatchObject([
      {
        Endpoint: DATABASE.endpoint,
        Status: 'available',
        DBClusterMembers: [{ DBInstanceIdentifier: 'db-1', IsClusterWriter: true }],
      },
    ])
    const instances = await rds.send(
      new DescribeDBInstancesCommand({ Filters: [{ Name: 'db-cluster-id', Values: ['db'] }] }),
    )
    expect(instances.DBInstances).toMatchObject([
      { DBInstanceClass: 'db.serverless', DBClusterIdentifier: 'db' },
    ])

    const create = (DBClusterSnapshotIdentifier: string, DBClusterIdentifier = 'db') =>
      rds.send(
        new CreateDBClusterSnapshotCommand({
          DBClusterIdentifier,
          DBClusterSnapshotIdentifier,
          Tags: [{ Key: 'release', Value: '<3.0.0>' }],
        }),
      )
    const made = await create('before-3-0-0')
    expect(made.DBClusterSnapshot).toMatchObject({
      Status: 'creating',
      PercentProgress: 0,
      TagList: [{ Key: 'release', Value: '<3.0.0>' }],
    })
    const seen: number[] = []
    const snapshot = await until(
      async () => {
        const { DBClusterSnapshots } = await rds.send(
          new DescribeDBClusterSnapshotsCommand({ DBClusterSnapshotIdentifier: 'before-3-0-0' }),
        )
        seen.push(DBClusterSnapshots?.[0]?.PercentProgress ?? -1)
        return DBClusterSnapshots?.[0]
      },
      one => one?.Status === 'available',
    )
    expect(snapshot?.SnapshotCreateTime).toBeInstanceOf(Date)
    expect(new Set(seen).size).toBeGreaterThan(3)
    await expect(create('before-3-0-0')).rejects.toMatchObject({
      name: 'DBClusterSnapshotAlreadyExistsFault',
      $metadata: { httpStatusCode: 400 },
    })
    await expect(create('other', 'none')).rejects.toMatchObject({
      name: 'DBClusterNotFoundFault',
      message: 'DBCluster none not found.',
      $metadata: { httpStatusCode: 404 },
    })
    cluster.status = 'stopped'
    await expect(create('other')).rejects.toMatchObject({ name: 'InvalidDBClusterStateFault' })
    await expect(
      rds.send(new DescribeDBClusterSnapshotsCommand({ DBClusterSnapshotIdentifier: 'none' })),
    ).rejects.toMatchObject({ name: 'DBClusterSnapshotNotFoundFault' })
    cluster.status = 'available'
    sandbox.world.rds.failNextSnapshot()
    await create('bad')
    await until(
      () => sandbox.world.rds.snapshots.get('bad')?.status,
      status => status === 'failed',
    )
  })
})

test('AWS Backup makes a recovery point of a file system, once a vault is there', async () => {
  await withSandbox({}, async ({ world, ...sandbox }) => {
    const efs = world.efs.createFileSystem({ creationToken: 'data', mountTargets: [] })
    const backup = new BackupClient(config({ world, ...sandbox }))
    const start = (IdempotencyToken: string) =>
      backup.send(
        new StartBackupJobCommand({
          BackupVaultName: 'Default',
          ResourceArn: efs.arn,
          IamRoleArn: 'arn:aws:iam::123456789012:role/backup',
          IdempotencyToken,
        }),
      )
    const vault = () => backup.send(new DescribeBackupVaultCommand({ BackupVaultName: 'Default' }))
    await expect(vault()).rejects.toMatchObject({ name: 'AccessDeniedException' })
    await expect(start('none')).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
    world.backup.createVault('Default')
    const job = await start('one')
    expect((await start('one')).BackupJobId).toBe(job.BackupJobId)
    await until(
      () => backup.send(new DescribeBackupJobCommand({ BackupJobId: job.BackupJobId })),
      ({ State }) => State === 'COMPLETED',
    )
    const points = await backup.send(new ListRecoveryPointsByResourceCommand({ ResourceArn: efs.arn }))
    expect(points.RecoveryPoints).toMatchObject([
      { RecoveryPointArn: job.RecoveryPointArn, Status: 'COMPLETED', CreationDate: expect.any(Date) },
    ])
    expect((await vault()).NumberOfRecoveryPoints).toBe(1)
  })
})

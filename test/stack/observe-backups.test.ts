import { expect, test } from '@jest/globals'
import { Denied } from '../../src/errors/errors.ts'
import { readDeployConfig } from '../../src/inputs/config.ts'
import type { Cloud, DatabaseCluster } from '../../src/ports/cloud.ts'
import { observeBackups } from '../../src/stack/observe-backups.ts'
import type { Stack } from '../../src/stack/stack.ts'
import { fakeRunner } from '../support/runner.ts'
import { stackOn2 } from '../support/stack.ts'

const HOST = 'langfuse-postgres.cluster-c3xq7mzk0e1v.ap-northeast-1.rds.amazonaws.com'

function cluster(id: string, over: Partial<DatabaseCluster> = {}): DatabaseCluster {
  return {
    id,
    engine: 'aurora-postgresql',
    status: 'available',
    endpoints: [`${id}.cluster-c3xq7mzk0e1v.ap-northeast-1.rds.amazonaws.com`],
    instances: [`${id}-1`],
    ...over,
  }
}

type Account = {
  readonly clusters?: readonly DatabaseCluster[]
  readonly vaults?: readonly string[]
  readonly denied?: readonly string[]
}

function cloudOf({ clusters = [], vaults = [], denied = [] }: Account): Cloud {
  const answer = async <Value>(permission: string, value: Value) => {
    if (denied.includes(permission)) throw new Denied(permission, new Error('User is not authorized'))
    return value
  }
  return {
    region: 'ap-northeast-1',
    aurora: { clusters: () => answer('rds:DescribeDBClusters', clusters) },
    backup: { vaults: () => answer('backup:ListBackupVaults', vaults) },
  } as unknown as Cloud
}

/** The worker is told `environment`, the action is given `inputs`. */
function look(
  account: Account,
  environment: Record<string, string> = {},
  inputs: Record<string, string> = {},
) {
  const config = readDeployConfig(fakeRunner('deploy', { version: '3.0.0', ...inputs }))
  const stack = stackOn2()
  const { worker } = stack
  const told: Stack = {
    ...stack,
    worker: { ...worker, container: { ...worker.container, environment } },
  }
  return observeBackups(config, told, cloudOf(account))
}

const OTHER = cluster('shop')
const OURS = cluster('langfuse-postgres')

test.each<readonly [string, Account, Record<string, string>, Record<string, string>, string, RegExp]>([
  [
    'DATABASE_HOST of the worker',
    { clusters: [OTHER, cluster('data', { endpoints: [HOST] })] },
    { DATABASE_HOST: HOST },
    {},
    'data',
    /endpoint langfuse-postgres\.cluster/,
  ],
  [
    'a plain DATABASE_URL of the worker',
    { clusters: [OTHER, OURS] },
    { DATABASE_URL: `postgresql://u:p@${OTHER.endpoints[0]}:5432/langfuse` },
    {},
    'shop',
    /endpoint shop\.cluster/,
  ],
  [
    'the host of `database-url`',
    { clusters: [OURS, OTHER] },
    {},
    { 'database-url': `postgresql://u:p@${OTHER.endpoints[0]}/langfuse` },
    'shop',
    /endpoint shop\.cluster/,
  ],
  [
    'the endpoint of one of its instances',
    { clusters: [OURS, OTHER] },
    { DATABASE_HOST: 'shop-1.c3xq7mzk0e1v.ap-northeast-1.rds.amazonaws.com' },
    {},
    'shop',
    /endpoint shop-1\./,
  ],
  [
    'being the only Aurora PostgreSQL, behind a tunnel',
    { clusters: [OTHER, cluster('old', { engine: 'aurora-mysql' })] },
    {},
    { 'database-url': 'postgresql://u:p@localhost:15432/langfuse' },
    'shop',
    /the only Aurora PostgreSQL cluster of ap-northeast-1/,
  ],
  ['its name', { clusters: [OTHER, OURS] }, {}, {}, 'langfuse-postgres', /its name, among shop, langfuse/],
])('the cluster is known by %s', async (_by, account, environment, inputs, id, source) => {
  const { database } = await look(account, environment, inputs)
  expect(database).toMatchObject({ known: true, value: { id }, source: expect.stringMatching(source) })
})

test('no Aurora PostgreSQL at all is a fact, not a gap', async () => {
  const { database } = await look({ clusters: [cluster('old', { engine: 'aurora-mysql' })] })
  expect(database).toMatchObject({ known: true, value: undefined })
})

test.each<readonly [string, Account, Record<string, string>, RegExp]>([
  [
    'a host of RDS that belongs to none of the clusters',
    { clusters: [OURS] },
    { DATABASE_HOST: 'other.cluster-zzz.eu-west-1.rds.amazonaws.com' },
    /runs at other\.cluster-zzz.*, which belongs to none of the Aurora clusters of ap-northeast-1 \(langfuse-postgres\)/,
  ],
  ['two clusters of any name', { clusters: [OTHER, cluster('crm')] }, {}, /has 2 Aurora PostgreSQL clusters/],
  [
    'two clusters named langfuse',
    { clusters: [OURS, cluster('langfuse-staging')] },
    {},
    /it is unclear which one Langfuse uses/,
  ],
  [
    'a denied call',
    { clusters: [OURS], denied: ['rds:DescribeDBClusters'] },
    {},
    /cannot be read: AWS denied rds:DescribeDBClusters\. Cause: User is not authorized/,
  ],
])('%s is not guessed about', async (_what, account, environment, reason) => {
  const { database } = await look(account, environment)
  expect(database).toMatchObject({ known: false, reason: expect.stringMatching(reason) })
})

test('AWS Backup protects the EFS in the vault that it made itself, else one of this stack, else the first', async () => {
  const vaultOf = async (...vaults: string[]) => {
    const { files } = await look({ vaults })
    return files.known ? files.value?.vault : 'not known'
  }
  expect(await vaultOf('aws/efs/automatic-backup-vault', 'Default', 'langfuse')).toBe('Default')
  expect(await vaultOf('aws/efs/automatic-backup-vault', 'langfuse-vault')).toBe('langfuse-vault')
  expect(await vaultOf('vault-b', 'vault-a')).toBe('vault-a')
  expect(await vaultOf()).toBeUndefined()
})

test('file system and role are named by ARNs of this account', async () => {
  const { files } = await look({ vaults: ['Default'] })
  expect(files).toMatchObject({
    known: true,
    value: {
      fileSystem: 'fs-1',
      resource: 'arn:aws:elasticfilesystem:ap-northeast-1:123456789012:file-system/fs-1',
      role: 'arn:aws:iam::123456789012:role/service-role/AWSBackupDefaultServiceRole',
    },
  })
})

test('vaults that may not be listed are not known, and the reason says what to grant', async () => {
  const { files } = await look({ vaults: ['Default'], denied: ['backup:ListBackupVaults'] })
  expect(files).toMatchObject({
    known: false,
    reason: expect.stringMatching(/denied backup:ListBackupVaults/),
  })
})

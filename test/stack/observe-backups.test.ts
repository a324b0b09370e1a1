import { expect, test } from '@jest/globals'
import { Denied } from '../../src/errors/errors.ts'
import type { Cloud, Database, DatabaseId, DatabaseInstance } from '../../src/ports/cloud.ts'
import { observeBackups } from '../../src/stack/observe-backups.ts'
import { known, type Stack, unknown } from '../../src/stack/stack.ts'
import { identity, stackOn2 } from '../support/stack.ts'

const REGION = 'c3xq7mzk0e1v.ap-northeast-1.rds.amazonaws.com'
const HOST = `langfuse-postgres.cluster-${REGION}`

function cluster(id: string, over: Partial<Database> = {}): Database {
  return {
    kind: 'cluster',
    id,
    engine: 'aurora-postgresql',
    status: 'available',
    endpoints: [`${id}.cluster-${REGION}`],
    ...over,
  }
}

function instance(id: string, of?: string): DatabaseInstance {
  const base = cluster(id, { engine: 'postgres', endpoints: [`${id}.${REGION}`] })
  return { ...base, kind: 'instance', cluster: of }
}

type Account = {
  readonly clusters?: readonly Database[]
  readonly instances?: readonly DatabaseInstance[]
  readonly proxies?: Readonly<Record<string, readonly DatabaseId[]>>
  readonly vaults?: readonly string[]
  readonly denied?: readonly string[]
}

function cloudOf({ clusters = [], instances = [], proxies = {}, vaults = [], denied = [] }: Account): Cloud {
  const answer = async <Value>(permission: string, value: Value) => {
    if (denied.includes(permission)) throw new Denied(permission, new Error('User is not authorized'))
    return value
  }
  return {
    region: 'ap-northeast-1',
    rds: {
      clusters: () => answer('rds:DescribeDBClusters', clusters),
      instances: () => answer('rds:DescribeDBInstances', instances),
      behindProxy: (endpoint: string) => answer('rds:DescribeDBProxies', proxies[endpoint]),
    },
    backup: { vaults: () => answer('backup:ListBackupVaults', vaults) },
  } as unknown as Cloud
}

/** The worker has `environment`; the connection reached a host with `names`. */
function look(account: Account, names: readonly string[] = [], environment: Record<string, string> = {}) {
  const stack = stackOn2()
  const { worker, probe } = stack
  const told: Stack = {
    ...stack,
    worker: { ...worker, container: { ...worker.container, environment, secrets: {} } },
    probe: {
      ...probe,
      identity: names.length === 0 ? unknown('no agent', 'not-asked') : known(identity({ names }), 'db'),
    },
  }
  return observeBackups(told, cloudOf(account))
}

const OTHER = cluster('shop')
const OURS = cluster('langfuse-postgres')
const PROXY = `langfuse.proxy-${REGION}`

test.each<
  readonly [
    by: string,
    account: Account,
    names: readonly string[],
    environment: Record<string, string>,
    id: string,
  ]
>([
  ['the host of the connection', { clusters: [OURS, OTHER] }, [OTHER.endpoints[0] ?? ''], {}, 'shop'],
  ['a custom name, by its alias', { clusters: [OTHER, OURS] }, ['db.internal', HOST], {}, OURS.id],
  [
    'the endpoint of one of its instances',
    { clusters: [OURS, OTHER], instances: [instance('shop-1', 'shop')] },
    [`shop-1.${REGION}`],
    {},
    'shop',
  ],
  [
    'DATABASE_HOST of the worker',
    { clusters: [OTHER, OURS] },
    ['localhost'],
    { DATABASE_HOST: HOST },
    OURS.id,
  ],
  [
    'a plain DATABASE_URL of the worker',
    { clusters: [OTHER, OURS] },
    [],
    { DATABASE_URL: `postgresql://u:p@${OTHER.endpoints[0]}:5432/langfuse` },
    'shop',
  ],
  [
    'a single instance of RDS',
    { clusters: [OTHER], instances: [instance('langfuse')] },
    [`langfuse.${REGION}`],
    {},
    'langfuse',
  ],
  [
    'the cluster behind a proxy',
    { clusters: [OTHER, OURS], proxies: { [PROXY]: [{ kind: 'cluster', id: OURS.id }] } },
    [PROXY, 'vpce-1.example'],
    {},
    OURS.id,
  ],
  [
    'the instance behind a proxy',
    {
      instances: [instance('crm'), instance('langfuse')],
      proxies: { [PROXY]: [{ kind: 'instance', id: 'langfuse' }] },
    },
    [PROXY],
    {},
    'langfuse',
  ],
])('the database is known by %s', async (_by, account, names, environment, id) => {
  const { database } = await look(account, names, environment)
  expect(database).toMatchObject({ known: true, value: { id } })
})

test.each<readonly [string, Account, readonly string[], RegExp]>([
  [
    'the only Aurora cluster of the region, whose name says langfuse',
    { clusters: [OURS] },
    ['localhost'],
    /runs at localhost, which is no endpoint of an RDS cluster, instance or proxy of ap-northeast-1$/,
  ],
  [
    'a host that was not seen',
    { clusters: [OURS] },
    [],
    /from a secret, and the host was not seen: no agent$/,
  ],
  [
    'an instance of the same name in another account',
    { clusters: [OURS], instances: [instance('langfuse-postgres-1', OURS.id)] },
    ['langfuse-postgres-1.zzz.ap-northeast-1.rds.amazonaws.com'],
    /runs at langfuse-postgres-1\.zzz/,
  ],
  ['a proxy of another account', { clusters: [OURS] }, [PROXY], /runs at langfuse\.proxy-/],
  [
    'a denied call',
    { clusters: [OURS], denied: ['rds:DescribeDBClusters'] },
    [HOST],
    /cannot be read: AWS denied rds:DescribeDBClusters\. Cause: User is not authorized/,
  ],
])('%s is not guessed about', async (_what, account, names, reason) => {
  const { database } = await look(account, names)
  expect(database).toMatchObject({ known: false, reason: expect.stringMatching(reason) })
})

test('a database that was not seen, and one of RDS that is not there, are missing evidence; one elsewhere is not', async () => {
  const at = async (names: readonly string[]) => (await look({ clusters: [OURS] }, names)).database
  expect(await at([PROXY])).toMatchObject({ known: false, because: 'no-evidence' })
  expect(await at(['db.example.com'])).toMatchObject({ known: false, because: 'not-asked' })

  const { probe, ...stack } = stackOn2()
  const container = { ...stack.worker.container, environment: {}, secrets: {} }
  const unseen: Stack = {
    ...stack,
    worker: { ...stack.worker, container },
    probe: { ...probe, identity: unknown('the agent did not start', 'no-evidence') },
  }
  const { database } = await observeBackups(unseen, cloudOf({ clusters: [OURS] }))
  expect(database).toMatchObject({ known: false, because: 'no-evidence' })
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

import { expect, test } from '@jest/globals'
import { toClusterSettings, toInstanceSettings } from '../../src/adapters/aws-rds-settings.ts'
import { Denied } from '../../src/errors/errors.ts'
import type { Cloud } from '../../src/ports/cloud.ts'
import { observeRestore } from '../../src/stack/observe-restore.ts'
import { known, type Stack } from '../../src/stack/stack.ts'
import { CLUSTER, POINT } from '../support/restore.ts'
import { identity, stackOn2 } from '../support/stack.ts'

type Account = {
  readonly denied?: readonly string[]
  readonly points?: readonly string[]
  readonly snapshots?: readonly string[]
  /** Of the access point. */
  readonly path?: string
}

function observe(account: Account, change: (stack: Stack) => Stack = stack => stack) {
  const { denied = [], points = [POINT], snapshots = ['before'], path = '/clickhouse' } = account
  const answer = async <Value>(permission: string, value: Value) => {
    if (denied.includes(permission)) throw new Denied(permission, new Error('User is not authorized'))
    return value
  }
  const endpoint = CLUSTER.endpoint ?? ''
  const cloud = {
    region: 'ap-northeast-1',
    rds: {
      clusters: () =>
        answer('', [{ kind: 'cluster', id: 'langfuse', engine: '', status: '', endpoints: [endpoint] }]),
      settings: () => answer('rds:DescribeDBClusters', CLUSTER),
      snapshot: (_: string, id: string) =>
        answer('', snapshots.includes(id) ? { id, status: 'available', percent: 100, tags: {} } : undefined),
    },
    efs: { accessPoint: () => answer('elasticfilesystem:DescribeAccessPoints', { path }) },
    backup: {
      recoveryPoints: () =>
        answer(
          '',
          points.map(arn => ({ arn, vault: '', status: '' })),
        ),
    },
  } as unknown as Cloud
  const stack = stackOn2()
  const probe = { ...stack.probe, identity: known(identity({ names: [endpoint] }), 'db') }
  return observeRestore(change({ ...stack, probe }), { snapshot: 'before', recoveryPoint: POINT }, cloud)
}

test("a restore gets the cluster's own settings, the recorded backups, and the directory of ClickHouse's access point", async () => {
  const { database, snapshot, files } = await observe({})
  expect(database).toMatchObject({ known: true, value: CLUSTER })
  expect(snapshot).toMatchObject({ known: true, value: { id: 'before' } })
  expect(files).toMatchObject({
    value: { fileSystem: 'fs-1', directory: 'clickhouse', recoveryPoint: POINT },
  })
})

test('without an access point, the directory is the root directory of the volume', async () => {
  const { files } = await observe({}, stack => {
    const volume = {
      name: 'data',
      fileSystemId: 'fs-1',
      rootDirectory: '/data/ch/',
      accessPointId: undefined,
    }
    const taskDefinition = { ...stack.clickhouse.taskDefinition, volumes: [volume] }
    return { ...stack, clickhouse: { ...stack.clickhouse, taskDefinition } }
  })
  expect(files).toMatchObject({ value: { directory: 'data/ch' } })
})

test('a recorded backup that is not there, or is of another file system, is not used', async () => {
  const { snapshot, files } = await observe({ snapshots: [], points: ['arn:of:another'] })
  expect(snapshot).toMatchObject({ known: false, reason: 'RDS has no snapshot before of a cluster' })
  expect(files).toMatchObject({ known: false, reason: expect.stringContaining('fs-1 has no recovery point') })
})

test('what is denied names its permission', async () => {
  const { database, files } = await observe({
    denied: ['rds:DescribeDBClusters', 'elasticfilesystem:DescribeAccessPoints'],
  })
  expect(database).toMatchObject({ reason: expect.stringContaining('allow rds:DescribeDBClusters') })
  expect(files).toMatchObject({
    reason: expect.stringContaining('allow elasticfilesystem:DescribeAccessPoints'),
  })
})

test('RDS: the writer comes first, and what RDS leaves out is no setting', () => {
  const names = ['reader', 'writer']
  const settings = toClusterSettings(
    {
      DBClusterIdentifier: 'c',
      Engine: 'aurora-postgresql',
      DBClusterMembers: names.map(DBInstanceIdentifier => ({
        DBInstanceIdentifier,
        IsClusterWriter: DBInstanceIdentifier === 'writer',
      })),
      ServerlessV2ScalingConfiguration: { MinCapacity: 0, MaxCapacity: 4, SecondsUntilAutoPause: 300 },
    },
    names.map(DBInstanceIdentifier => ({ DBInstanceIdentifier })),
  )
  expect(settings.members.map(({ id }) => id)).toEqual(['writer', 'reader'])
  expect(settings).toMatchObject({ capacity: { min: 0, max: 4, pauseAfter: 300 }, logs: [], dataApi: false })
  expect(toInstanceSettings({ PerformanceInsightsEnabled: true }).monitoring.insightsDays).toBe(7)
})

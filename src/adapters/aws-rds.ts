import * as Sdk from '@aws-sdk/client-rds'
import type { Database, DatabaseId, DatabaseInstance, DatabaseSnapshot, Rds } from '../ports/cloud.ts'
import { tagsOf, toClusterSettings, toInstanceSettings } from './aws-rds-settings.ts'
import type { Cancel } from './cancel.ts'
import { allowed, allPages, cancelable, clientRetries, isAwsError, unlessError } from './clients.ts'

/** Databases and their snapshots: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/ */
export function rdsAdapter(region: string, cancel?: Cancel): Rds {
  const client = cancelable(new Sdk.RDSClient({ region, ...clientRetries }), cancel)
  const snapshots = {
    cluster: (filter: { readonly of?: string; readonly id?: string }) =>
      allPages(async Marker => {
        const command = new Sdk.DescribeDBClusterSnapshotsCommand({
          DBClusterIdentifier: filter.of,
          DBClusterSnapshotIdentifier: filter.id,
          SnapshotType: 'manual',
          Marker,
        })
        const page = await client.send(command)
        return { items: (page.DBClusterSnapshots ?? []).map(toClusterSnapshot), next: page.Marker }
      }, 'rds:DescribeDBClusterSnapshots'),
    instance: (filter: { readonly of?: string; readonly id?: string }) =>
      allPages(async Marker => {
        const command = new Sdk.DescribeDBSnapshotsCommand({
          DBInstanceIdentifier: filter.of,
          DBSnapshotIdentifier: filter.id,
          SnapshotType: 'manual',
          Marker,
        })
        const page = await client.send(command)
        return { items: (page.DBSnapshots ?? []).map(toInstanceSnapshot), next: page.Marker }
      }, 'rds:DescribeDBSnapshots'),
  }

  return {
    clusters: () =>
      allPages(async Marker => {
        const page = await client.send(new Sdk.DescribeDBClustersCommand({ Marker }))
        return { items: (page.DBClusters ?? []).map(toCluster), next: page.Marker }
      }, 'rds:DescribeDBClusters'),
    instances: () =>
      allPages(async Marker => {
        const page = await client.send(new Sdk.DescribeDBInstancesCommand({ Marker }))
        return { items: (page.DBInstances ?? []).map(toInstance), next: page.Marker }
      }, 'rds:DescribeDBInstances'),
    async behindProxy(endpoint) {
      const name = await proxyWith(endpoint, client)
      if (name === undefined) return undefined
      return allPages(async Marker => {
        const page = await client.send(new Sdk.DescribeDBProxyTargetsCommand({ DBProxyName: name, Marker }))
        return { items: (page.Targets ?? []).flatMap(toTarget), next: page.Marker }
      }, 'rds:DescribeDBProxyTargets')
    },
    snapshots: ({ kind, id }) => snapshots[kind]({ of: id }),
    settings: ({ kind, id }) =>
      kind === 'cluster' ? clusterSettings(id, client) : instanceSettings(id, client),
    async snapshot(kind, id) {
      return unlessError(['DBClusterSnapshotNotFoundFault', 'DBSnapshotNotFoundFault'], async () => {
        return (await snapshots[kind]({ id }))[0]
      })
    },
    async createSnapshot({ database, id, tags }) {
      const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))
      try {
        if (database.kind === 'cluster') {
          await allowed('rds:CreateDBClusterSnapshot (and rds:AddTagsToResource)', () =>
            client.send(
              new Sdk.CreateDBClusterSnapshotCommand({
                DBClusterIdentifier: database.id,
                DBClusterSnapshotIdentifier: id,
                Tags,
              }),
            ),
          )
        } else {
          await allowed('rds:CreateDBSnapshot (and rds:AddTagsToResource)', () =>
            client.send(
              new Sdk.CreateDBSnapshotCommand({
                DBInstanceIdentifier: database.id,
                DBSnapshotIdentifier: id,
                Tags,
              }),
            ),
          )
        }
      } catch (error) {
        // The SDK repeats a call whose answer was lost: then our snapshot already exists.
        if (!isAwsError(error, 'DBClusterSnapshotAlreadyExistsFault', 'DBSnapshotAlreadyExistsFault'))
          throw error
      }
    },
  }
}

async function clusterSettings(id: string, client: Sdk.RDSClient) {
  return unlessError(['DBClusterNotFoundFault'], async () => {
    const [cluster] = await allPages(async Marker => {
      const page = await client.send(new Sdk.DescribeDBClustersCommand({ DBClusterIdentifier: id, Marker }))
      return { items: page.DBClusters ?? [], next: page.Marker }
    }, 'rds:DescribeDBClusters')
    const members = await allPages(async Marker => {
      const Filters = [{ Name: 'db-cluster-id', Values: [id] }]
      const page = await client.send(new Sdk.DescribeDBInstancesCommand({ Filters, Marker }))
      return { items: page.DBInstances ?? [], next: page.Marker }
    }, 'rds:DescribeDBInstances')
    return cluster && toClusterSettings(cluster, members)
  })
}

async function instanceSettings(id: string, client: Sdk.RDSClient) {
  return unlessError(['DBInstanceNotFoundFault', 'DBInstanceNotFound'], async () => {
    const [instance] = await allPages(async Marker => {
      const page = await client.send(new Sdk.DescribeDBInstancesCommand({ DBInstanceIdentifier: id, Marker }))
      return { items: page.DBInstances ?? [], next: page.Marker }
    }, 'rds:DescribeDBInstances')
    return instance && toInstanceSettings(instance)
  })
}

/** A proxy has one default endpoint and possibly others, of which some are read-only. */
async function proxyWith(endpoint: string, client: Sdk.RDSClient): Promise<string | undefined> {
  const isIt = (found: string | undefined) => found?.toLowerCase() === endpoint
  const proxies = await allPages(async Marker => {
    const page = await client.send(new Sdk.DescribeDBProxiesCommand({ Marker }))
    return { items: page.DBProxies ?? [], next: page.Marker }
  }, 'rds:DescribeDBProxies')
  const own = proxies.find(proxy => isIt(proxy.Endpoint))
  if (own !== undefined) return own.DBProxyName
  const others = await allPages(async Marker => {
    const page = await client.send(new Sdk.DescribeDBProxyEndpointsCommand({ Marker }))
    return { items: page.DBProxyEndpoints ?? [], next: page.Marker }
  }, 'rds:DescribeDBProxyEndpoints')
  return others.find(other => isIt(other.Endpoint))?.DBProxyName
}

/** A target in a cluster names its cluster too. */
function toTarget({ TrackedClusterId, RdsResourceId, Type }: Sdk.DBProxyTarget): readonly DatabaseId[] {
  if (TrackedClusterId) return [{ kind: 'cluster', id: TrackedClusterId }]
  if (RdsResourceId === undefined) return []
  return [{ kind: Type === 'TRACKED_CLUSTER' ? 'cluster' : 'instance', id: RdsResourceId }]
}

function toCluster(cluster: Sdk.DBCluster): Database {
  const endpoints = [cluster.Endpoint, cluster.ReaderEndpoint, ...(cluster.CustomEndpoints ?? [])]
  return {
    kind: 'cluster',
    id: cluster.DBClusterIdentifier ?? '',
    engine: cluster.Engine ?? '',
    status: cluster.Status ?? '',
    endpoints: endpoints.flatMap(endpoint => endpoint ?? []),
    securityGroups: (cluster.VpcSecurityGroups ?? []).flatMap(group => group.VpcSecurityGroupId ?? []),
    port: cluster.Port,
    version: cluster.EngineVersion,
    deletionProtection: cluster.DeletionProtection ?? false,
    retentionDays: cluster.BackupRetentionPeriod,
  }
}

function toInstance(instance: Sdk.DBInstance): DatabaseInstance {
  const { Endpoint } = instance
  return {
    kind: 'instance',
    id: instance.DBInstanceIdentifier ?? '',
    cluster: instance.DBClusterIdentifier,
    engine: instance.Engine ?? '',
    status: instance.DBInstanceStatus ?? '',
    endpoints: Endpoint?.Address === undefined ? [] : [Endpoint.Address],
    securityGroups: (instance.VpcSecurityGroups ?? []).flatMap(group => group.VpcSecurityGroupId ?? []),
    port: Endpoint?.Port,
    version: instance.EngineVersion,
    deletionProtection: instance.DeletionProtection ?? false,
    retentionDays: instance.BackupRetentionPeriod,
  }
}

function toClusterSnapshot(snapshot: Sdk.DBClusterSnapshot): DatabaseSnapshot {
  return {
    id: snapshot.DBClusterSnapshotIdentifier ?? '',
    status: snapshot.Status ?? '',
    percent: snapshot.PercentProgress,
    version: snapshot.EngineVersion,
    tags: tagsOf(snapshot.TagList),
  }
}

function toInstanceSnapshot(snapshot: Sdk.DBSnapshot): DatabaseSnapshot {
  return {
    id: snapshot.DBSnapshotIdentifier ?? '',
    status: snapshot.Status ?? '',
    percent: snapshot.PercentProgress,
    version: snapshot.EngineVersion,
    tags: tagsOf(snapshot.TagList),
  }
}

import * as Sdk from '@aws-sdk/client-rds'
import type { Aurora, ClusterSnapshot, DatabaseCluster } from '../ports/cloud.ts'
import type { Cancel } from './cancel.ts'
import { allowed, allPages, cancelable, clientRetries, isAwsError, unlessError } from './clients.ts'

/** Aurora's cluster snapshots: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/ */
export function auroraAdapter(region: string, cancel?: Cancel): Aurora {
  const client = cancelable(new Sdk.RDSClient({ region, ...clientRetries }), cancel)

  async function snapshots(
    filter: Pick<
      Sdk.DescribeDBClusterSnapshotsMessage,
      'DBClusterIdentifier' | 'DBClusterSnapshotIdentifier'
    >,
  ): Promise<readonly ClusterSnapshot[]> {
    return allPages(async Marker => {
      const page = await client.send(
        new Sdk.DescribeDBClusterSnapshotsCommand({ ...filter, SnapshotType: 'manual', Marker }),
      )
      return { items: (page.DBClusterSnapshots ?? []).map(toSnapshot), next: page.Marker }
    }, 'rds:DescribeDBClusterSnapshots')
  }

  return {
    async clusters() {
      return allPages(async Marker => {
        const page = await client.send(new Sdk.DescribeDBClustersCommand({ Marker }))
        return { items: (page.DBClusters ?? []).map(toCluster), next: page.Marker }
      }, 'rds:DescribeDBClusters')
    },
    snapshots: cluster => snapshots({ DBClusterIdentifier: cluster }),
    async snapshot(id) {
      return unlessError(['DBClusterSnapshotNotFoundFault'], async () => {
        return (await snapshots({ DBClusterSnapshotIdentifier: id }))[0]
      })
    },
    async createSnapshot({ cluster, id, tags }) {
      try {
        await allowed('rds:CreateDBClusterSnapshot (and rds:AddTagsToResource)', () =>
          client.send(
            new Sdk.CreateDBClusterSnapshotCommand({
              DBClusterIdentifier: cluster,
              DBClusterSnapshotIdentifier: id,
              Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
            }),
          ),
        )
      } catch (error) {
        // The SDK repeats a call whose answer was lost: then our snapshot already exists.
        if (!isAwsError(error, 'DBClusterSnapshotAlreadyExistsFault')) throw error
      }
    },
  }
}

function toCluster(cluster: Sdk.DBCluster): DatabaseCluster {
  const endpoints = [cluster.Endpoint, cluster.ReaderEndpoint, ...(cluster.CustomEndpoints ?? [])]
  return {
    id: cluster.DBClusterIdentifier ?? '',
    engine: cluster.Engine ?? '',
    status: cluster.Status ?? '',
    endpoints: endpoints.flatMap(endpoint => endpoint ?? []),
    instances: (cluster.DBClusterMembers ?? []).flatMap(member => member.DBInstanceIdentifier ?? []),
    securityGroups: (cluster.VpcSecurityGroups ?? []).flatMap(group => group.VpcSecurityGroupId ?? []),
    port: cluster.Port,
    version: cluster.EngineVersion,
    deletionProtection: cluster.DeletionProtection ?? false,
    retentionDays: cluster.BackupRetentionPeriod,
  }
}

function toSnapshot(snapshot: Sdk.DBClusterSnapshot): ClusterSnapshot {
  return {
    id: snapshot.DBClusterSnapshotIdentifier ?? '',
    status: snapshot.Status ?? '',
    percent: snapshot.PercentProgress,
    tags: Object.fromEntries((snapshot.TagList ?? []).map(tag => [tag.Key ?? '', tag.Value ?? ''])),
  }
}

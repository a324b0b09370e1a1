import { AwsError } from './errors.ts'
import { ACCOUNT, arn, REGION } from './ids.ts'
import { isObject, type JsonObject, type Reader, reader } from './json.ts'
import { page } from './paging.ts'
import { clusterNotFound, type DbCluster, type DbSnapshot, type Rds } from './rds.ts'
import type { Operations } from './server.ts'

export function rdsOperations(rds: Rds): Operations {
  const ask = (handle: (rds: Rds, read: Reader) => JsonObject) => (input: JsonObject) =>
    handle(rds, reader(input, 'MissingParameter'))
  return {
    DescribeDBClusters: ask(describeClusters),
    DescribeDBInstances: ask(describeInstances),
    CreateDBClusterSnapshot: ask(createSnapshot),
    DescribeDBClusterSnapshots: ask(describeSnapshots),
  }
}

function describeClusters(rds: Rds, read: Reader): JsonObject {
  const asked = read.text('DBClusterIdentifier')
  const found = asked === undefined ? [...rds.clusters.values()] : [clusterNamed(rds, asked)]
  const wanted = filtered(read, 'db-cluster-id')
  const chosen = found.filter(cluster => fits(wanted, cluster.identifier) || fits(wanted, cluster.arn))
  const { items, next } = page(chosen, paging(read))
  return { DBClusters: { DBCluster: items.map(clusterAnswer) }, Marker: next }
}

function describeInstances(rds: Rds, read: Reader): JsonObject {
  const asked = read.text('DBInstanceIdentifier')
  const wanted = filtered(read, 'db-cluster-id')
  const all = [...rds.clusters.values()].flatMap(cluster =>
    cluster.instances.map(name => ({ cluster, name })),
  )
  const chosen = all.filter(
    ({ cluster, name }) =>
      (asked === undefined || name === asked) &&
      (fits(wanted, cluster.identifier) || fits(wanted, cluster.arn)),
  )
  if (asked !== undefined && chosen.length === 0)
    throw new AwsError('DBInstanceNotFound', `DBInstance ${asked} not found.`, 404)
  const { items, next } = page(chosen, paging(read))
  return {
    DBInstances: { DBInstance: items.map(({ cluster, name }) => instanceAnswer(cluster, name)) },
    Marker: next,
  }
}

function createSnapshot(rds: Rds, read: Reader): JsonObject {
  const identifier = read.needText('DBClusterSnapshotIdentifier')
  if (!/^[A-Za-z](?!.*--)[A-Za-z0-9-]{0,254}(?<!-)$/.test(identifier))
    throw new AwsError(
      'InvalidParameterValue',
      'The parameter DBClusterSnapshotIdentifier is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.',
    )
  const made = rds.createSnapshot({
    identifier: identifier.toLowerCase(),
    cluster: read.needText('DBClusterIdentifier').replace(/^arn:.*:/, ''),
    tags: read.objects('Tags').map(tag => ({ key: String(tag.Key), value: String(tag.Value ?? '') })),
  })
  return { DBClusterSnapshot: snapshotAnswer(made) }
}

function describeSnapshots(rds: Rds, read: Reader): JsonObject {
  const identifier = read.text('DBClusterSnapshotIdentifier')?.replace(/^arn:.*:/, '')
  const cluster = read.text('DBClusterIdentifier')?.replace(/^arn:.*:/, '')
  const type = read.text('SnapshotType')
  const chosen = [...rds.snapshots.values()].filter(
    snapshot =>
      (identifier === undefined || snapshot.identifier === identifier.toLowerCase()) &&
      (cluster === undefined || snapshot.cluster.identifier === cluster) &&
      (type === undefined || type === 'manual'),
  )
  if (identifier !== undefined && chosen.length === 0)
    throw new AwsError('DBClusterSnapshotNotFoundFault', `DBClusterSnapshot ${identifier} not found.`, 404)
  const { items, next } = page(chosen, paging(read))
  return { DBClusterSnapshots: { DBClusterSnapshot: items.map(snapshotAnswer) }, Marker: next }
}

function clusterNamed(rds: Rds, reference: string): DbCluster {
  const found = rds.clusters.get(reference.replace(/^arn:.*:/, ''))
  if (found) return found
  throw clusterNotFound(reference)
}

/** The values of a filter; undefined when it was not given. */
function filtered(read: Reader, name: string): readonly string[] | undefined {
  const filter = read.objects('Filters').find(candidate => candidate.Name === name)
  return isObject(filter) ? reader(filter).texts('Values') : undefined
}

const fits = (wanted: readonly string[] | undefined, value: string) => wanted?.includes(value) ?? true

/** In this protocol numbers arrive as text. */
const paging = (read: Reader) => ({
  token: read.text('Marker'),
  size: Number(read.text('MaxRecords') ?? 100),
  limit: 100,
  invalid: 'InvalidParameterValue',
})

const ZONES = ['a', 'c', 'd'].map(letter => `${REGION}${letter}`)

function clusterAnswer(cluster: DbCluster): JsonObject {
  return {
    AllocatedStorage: 1,
    AvailabilityZones: { AvailabilityZone: ZONES },
    BackupRetentionPeriod: cluster.backupRetentionDays,
    DatabaseName: cluster.databaseName,
    DBClusterIdentifier: cluster.identifier,
    DBClusterParameterGroup: 'default.aurora-postgresql15',
    DBSubnetGroup: cluster.subnetGroup,
    Status: cluster.status,
    Endpoint: cluster.endpoint,
    ReaderEndpoint: cluster.endpoint.replace('.cluster-', '.cluster-ro-'),
    MultiAZ: cluster.instances.length > 1,
    Engine: 'aurora-postgresql',
    EngineVersion: cluster.engineVersion,
    LatestRestorableTime: cluster.createdAt,
    EarliestRestorableTime: cluster.createdAt,
    Port: 5432,
    MasterUsername: cluster.masterUsername,
    PreferredBackupWindow: '17:00-17:30',
    PreferredMaintenanceWindow: 'sun:18:00-sun:18:30',
    DBClusterMembers: { DBClusterMember: cluster.instances.map(memberAnswer) },
    VpcSecurityGroups: {
      VpcSecurityGroupMembership: cluster.securityGroups.map(id => ({
        VpcSecurityGroupId: id,
        Status: 'active',
      })),
    },
    StorageEncrypted: true,
    DbClusterResourceId: cluster.resourceId,
    DBClusterArn: cluster.arn,
    IAMDatabaseAuthenticationEnabled: false,
    ClusterCreateTime: cluster.createdAt,
    EngineMode: 'provisioned',
    HttpEndpointEnabled: true,
    DeletionProtection: cluster.deletionProtection ?? false,
    ServerlessV2ScalingConfiguration: { MinCapacity: 0.5, MaxCapacity: 2 },
    TagList: {},
  }
}

const memberAnswer = (name: string, index: number) => ({
  DBInstanceIdentifier: name,
  IsClusterWriter: index === 0,
  DBClusterParameterGroupStatus: 'in-sync',
  PromotionTier: 1,
})

function instanceAnswer(cluster: DbCluster, name: string): JsonObject {
  return {
    DBInstanceIdentifier: name,
    DBInstanceClass: 'db.serverless',
    Engine: 'aurora-postgresql',
    DBInstanceStatus: cluster.status,
    MasterUsername: cluster.masterUsername,
    DBName: cluster.databaseName,
    Endpoint: { Address: cluster.endpoint.replace(/^[^.]+\.cluster-/, `${name}.`), Port: 5432 },
    AllocatedStorage: 1,
    InstanceCreateTime: cluster.createdAt,
    BackupRetentionPeriod: cluster.backupRetentionDays,
    VpcSecurityGroups: {
      VpcSecurityGroupMembership: cluster.securityGroups.map(id => ({
        VpcSecurityGroupId: id,
        Status: 'active',
      })),
    },
    AvailabilityZone: ZONES[0],
    MultiAZ: false,
    EngineVersion: cluster.engineVersion,
    PubliclyAccessible: false,
    StorageType: 'aurora',
    DBClusterIdentifier: cluster.identifier,
    StorageEncrypted: true,
    DBInstanceArn: arn('rds', `db:${name}`),
  }
}

function snapshotAnswer(snapshot: DbSnapshot): JsonObject {
  const { cluster } = snapshot
  return {
    AvailabilityZones: { AvailabilityZone: ZONES },
    DBClusterSnapshotIdentifier: snapshot.identifier,
    DBClusterIdentifier: cluster.identifier,
    SnapshotCreateTime: snapshot.createdAt,
    Engine: 'aurora-postgresql',
    EngineMode: 'provisioned',
    AllocatedStorage: 1,
    Status: snapshot.status,
    Port: 0,
    VpcId: 'vpc-0a1b2c3d4e5f60718',
    ClusterCreateTime: cluster.createdAt,
    MasterUsername: cluster.masterUsername,
    EngineVersion: cluster.engineVersion,
    LicenseModel: 'postgresql-license',
    SnapshotType: 'manual',
    PercentProgress: snapshot.percent,
    StorageEncrypted: true,
    KmsKeyId: `arn:aws:kms:${REGION}:${ACCOUNT}:key/00000000-0000-0000-0000-000000000001`,
    DBClusterSnapshotArn: snapshot.arn,
    IAMDatabaseAuthenticationEnabled: false,
    TagList: { Tag: snapshot.tags.map(({ key, value }) => ({ Key: key, Value: value })) },
    DbClusterResourceId: cluster.resourceId,
  }
}

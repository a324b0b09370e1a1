import { AwsError } from './errors.ts'
import { ACCOUNT, arn, REGION } from './ids.ts'
import { isObject, type JsonObject, type Reader, reader } from './json.ts'
import { page } from './paging.ts'
import {
  clusterNotFound,
  type DbCluster,
  type DbInstance,
  type DbProxy,
  type DbSnapshot,
  instanceNotFound,
  type Rds,
} from './rds.ts'
import type { Operations } from './server.ts'

export function rdsOperations(rds: Rds): Operations {
  const ask = (handle: (rds: Rds, read: Reader) => JsonObject) => (input: JsonObject) =>
    handle(rds, reader(input, 'MissingParameter'))
  return {
    DescribeDBClusters: ask(describeClusters),
    DescribeDBInstances: ask(describeInstances),
    CreateDBClusterSnapshot: ask(createSnapshot),
    DescribeDBClusterSnapshots: ask(describeSnapshots),
    CreateDBSnapshot: ask(createInstanceSnapshot),
    DescribeDBSnapshots: ask(describeInstanceSnapshots),
    DescribeDBProxies: ask(describeProxies),
    DescribeDBProxyEndpoints: ask(describeProxyEndpoints),
    DescribeDBProxyTargets: ask(describeProxyTargets),
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
  const members = [...rds.clusters.values()].flatMap(cluster =>
    cluster.instances.map(name => ({ name, of: cluster, cluster })),
  )
  const single = [...rds.instances.values()].map(of => ({ name: of.identifier, of, cluster: undefined }))
  const chosen = [...members, ...single].filter(
    ({ cluster, name }) =>
      (asked === undefined || name === asked) &&
      (wanted === undefined ||
        (cluster !== undefined && (fits(wanted, cluster.identifier) || fits(wanted, cluster.arn)))),
  )
  if (asked !== undefined && chosen.length === 0) throw instanceNotFound(asked)
  const { items, next } = page(chosen, paging(read))
  return { DBInstances: { DBInstance: items.map(instanceAnswer) }, Marker: next }
}

function createSnapshot(rds: Rds, read: Reader): JsonObject {
  const made = rds.createSnapshot({
    ...newSnapshot(read, 'DBClusterSnapshotIdentifier'),
    cluster: nameIn(read.needText('DBClusterIdentifier')),
  })
  return { DBClusterSnapshot: snapshotAnswer(made) }
}

function createInstanceSnapshot(rds: Rds, read: Reader): JsonObject {
  const made = rds.createInstanceSnapshot({
    ...newSnapshot(read, 'DBSnapshotIdentifier'),
    instance: nameIn(read.needText('DBInstanceIdentifier')),
  })
  return { DBSnapshot: instanceSnapshotAnswer(made) }
}

function newSnapshot(read: Reader, parameter: string) {
  const identifier = read.needText(parameter)
  if (!/^[A-Za-z](?!.*--)[A-Za-z0-9-]{0,254}(?<!-)$/.test(identifier))
    throw new AwsError(
      'InvalidParameterValue',
      `The parameter ${parameter} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.`,
    )
  const tags = read.objects('Tags').map(tag => ({ key: String(tag.Key), value: String(tag.Value ?? '') }))
  return { identifier: identifier.toLowerCase(), tags }
}

const nameIn = (reference: string) => reference.replace(/^arn:.*:/, '')

function describeSnapshots(rds: Rds, read: Reader): JsonObject {
  const chosen = chooseSnapshots(rds.snapshots, read, {
    snapshot: 'DBClusterSnapshotIdentifier',
    of: 'DBClusterIdentifier',
    missing: ['DBClusterSnapshotNotFoundFault', 'DBClusterSnapshot'],
  })
  const { items, next } = page(chosen, paging(read))
  return { DBClusterSnapshots: { DBClusterSnapshot: items.map(snapshotAnswer) }, Marker: next }
}

function describeInstanceSnapshots(rds: Rds, read: Reader): JsonObject {
  const chosen = chooseSnapshots(rds.instanceSnapshots, read, {
    snapshot: 'DBSnapshotIdentifier',
    of: 'DBInstanceIdentifier',
    missing: ['DBSnapshotNotFound', 'DBSnapshot'],
  })
  const { items, next } = page(chosen, paging(read))
  return { DBSnapshots: { DBSnapshot: items.map(instanceSnapshotAnswer) }, Marker: next }
}

type Asked = { readonly snapshot: string; readonly of: string; readonly missing: readonly [string, string] }

function chooseSnapshots<Of extends { readonly identifier: string }>(
  snapshots: ReadonlyMap<string, DbSnapshot<Of>>,
  read: Reader,
  { snapshot, of, missing: [code, what] }: Asked,
): readonly DbSnapshot<Of>[] {
  const [identifier, owner] = [snapshot, of].map(parameter => {
    const reference = read.text(parameter)
    return reference === undefined ? undefined : nameIn(reference)
  })
  const type = read.text('SnapshotType')
  const chosen = [...snapshots.values()].filter(
    found =>
      (identifier === undefined || found.identifier === identifier.toLowerCase()) &&
      (owner === undefined || found.of.identifier === owner) &&
      (type === undefined || type === 'manual'),
  )
  if (identifier !== undefined && chosen.length === 0)
    throw new AwsError(code, `${what} ${identifier} not found.`, 404)
  return chosen
}

function describeProxies(rds: Rds, read: Reader): JsonObject {
  const asked = read.text('DBProxyName')
  const found = asked === undefined ? [...rds.proxies.values()] : [proxyNamed(rds, asked)]
  const { items, next } = page(found, paging(read))
  return { DBProxies: { member: items.map(proxyAnswer) }, Marker: next }
}

function describeProxyEndpoints(rds: Rds, read: Reader): JsonObject {
  const all = [...rds.proxies.values()].flatMap(proxy =>
    proxy.endpoints.map(({ name, endpoint }) => ({
      DBProxyEndpointName: name,
      DBProxyEndpointArn: arn('rds', `db-proxy-endpoint:prx-endpoint-${name}`),
      DBProxyName: proxy.name,
      Status: 'available',
      Endpoint: endpoint,
      TargetRole: 'READ_WRITE',
      IsDefault: false,
    })),
  )
  const { items, next } = page(all, paging(read))
  return { DBProxyEndpoints: { member: items }, Marker: next }
}

/** A proxy of a cluster shows the cluster and its instances. */
function describeProxyTargets(rds: Rds, read: Reader): JsonObject {
  const { target } = proxyNamed(rds, read.needText('DBProxyName'))
  const health = { TargetHealth: { State: 'AVAILABLE' }, Port: 5432 }
  const members = 'cluster' in target ? clusterNamed(rds, target.cluster).instances : []
  const all =
    'cluster' in target
      ? [
          { RdsResourceId: target.cluster, Type: 'TRACKED_CLUSTER', Port: 5432 },
          ...members.map(id => ({
            RdsResourceId: id,
            Type: 'RDS_INSTANCE',
            TrackedClusterId: target.cluster,
            ...health,
          })),
        ]
      : [{ RdsResourceId: target.instance, Type: 'RDS_INSTANCE', ...health }]
  const { items, next } = page(all, paging(read))
  return { Targets: { member: items }, Marker: next }
}

function proxyNamed(rds: Rds, name: string): DbProxy {
  const found = rds.proxies.get(name)
  if (found) return found
  throw new AwsError('DBProxyNotFoundFault', `Couldn't find DBProxy ${name} in account ${ACCOUNT}.`, 404)
}

const proxyAnswer = ({ name, endpoint }: DbProxy) => ({
  DBProxyName: name,
  DBProxyArn: arn('rds', `db-proxy:prx-${name}`),
  Status: 'available',
  EngineFamily: 'POSTGRESQL',
  Endpoint: endpoint,
  RequireTLS: false,
})

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
    Engine: cluster.engine ?? 'aurora-postgresql',
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
    EnabledCloudwatchLogsExports: { member: ['postgresql'] },
    CopyTagsToSnapshot: true,
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

type Shown = {
  readonly name: string
  readonly of: DbCluster | DbInstance
  readonly cluster: DbCluster | undefined
}

function instanceAnswer({ name, of, cluster }: Shown): JsonObject {
  return {
    DBInstanceIdentifier: name,
    DBInstanceClass: cluster === undefined ? 'db.t4g.medium' : 'db.serverless',
    Engine: of.engine ?? (cluster === undefined ? 'postgres' : 'aurora-postgresql'),
    DBInstanceStatus: of.status,
    MasterUsername: of.masterUsername,
    DBName: of.databaseName,
    Endpoint: {
      Address: cluster === undefined ? of.endpoint : of.endpoint.replace(/^[^.]+\.cluster-/, `${name}.`),
      Port: 5432,
    },
    AllocatedStorage: 1,
    InstanceCreateTime: of.createdAt,
    BackupRetentionPeriod: of.backupRetentionDays,
    VpcSecurityGroups: {
      VpcSecurityGroupMembership: of.securityGroups.map(id => ({
        VpcSecurityGroupId: id,
        Status: 'active',
      })),
    },
    AvailabilityZone: ZONES[0],
    MultiAZ: false,
    EngineVersion: of.engineVersion,
    PubliclyAccessible: false,
    StorageType: cluster === undefined ? 'gp3' : 'aurora',
    DBClusterIdentifier: cluster?.identifier,
    StorageEncrypted: true,
    DbiResourceId: of.resourceId,
    DBInstanceArn: arn('rds', `db:${name}`),
    DBParameterGroups: {
      DBParameterGroup: [
        {
          DBParameterGroupName: cluster === undefined ? 'default.postgres15' : 'default.aurora-postgresql15',
          ParameterApplyStatus: 'in-sync',
        },
      ],
    },
    DBSubnetGroup: { DBSubnetGroupName: of.subnetGroup, SubnetGroupStatus: 'Complete' },
    AutoMinorVersionUpgrade: true,
    PromotionTier: 1,
    CACertificateIdentifier: 'rds-ca-rsa2048-g1',
    CopyTagsToSnapshot: true,
    MonitoringInterval: 0,
    PerformanceInsightsEnabled: false,
    DeletionProtection: of.deletionProtection ?? false,
  }
}

function instanceSnapshotAnswer(snapshot: DbSnapshot<DbInstance>): JsonObject {
  const { of } = snapshot
  return {
    DBSnapshotIdentifier: snapshot.identifier,
    DBInstanceIdentifier: of.identifier,
    SnapshotCreateTime: snapshot.createdAt,
    Engine: of.engine ?? 'postgres',
    AllocatedStorage: 20,
    Status: snapshot.status,
    Port: 5432,
    AvailabilityZone: ZONES[0],
    InstanceCreateTime: of.createdAt,
    MasterUsername: of.masterUsername,
    EngineVersion: of.engineVersion,
    SnapshotType: 'manual',
    PercentProgress: snapshot.percent,
    StorageType: 'gp3',
    Encrypted: true,
    DBSnapshotArn: snapshot.arn,
    TagList: { Tag: snapshot.tags.map(({ key, value }) => ({ Key: key, Value: value })) },
    DbiResourceId: of.resourceId,
  }
}

function snapshotAnswer(snapshot: DbSnapshot): JsonObject {
  const { of: cluster } = snapshot
  return {
    AvailabilityZones: { AvailabilityZone: ZONES },
    DBClusterSnapshotIdentifier: snapshot.identifier,
    DBClusterIdentifier: cluster.identifier,
    SnapshotCreateTime: snapshot.createdAt,
    Engine: cluster.engine ?? 'aurora-postgresql',
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

import type { ClusterSettings, DatabaseSettings, InstanceSettings } from '../ports/cloud.ts'
import type { RestorableFiles } from '../stack/observe-restore.ts'
import type { Stack } from '../stack/stack.ts'

/** Words in capitals where nothing was read: AWS refuses each of them. */
const UNREAD = {
  version: undefined,
  endpoint: undefined,
  port: undefined,
  subnetGroup: 'SUBNET_GROUP',
  securityGroups: ['SECURITY_GROUP'],
  parameterGroup: 'PARAMETER_GROUP',
  networkType: undefined,
  logs: [],
  deletionProtection: true,
  copiesTags: true,
  iamAuthentication: false,
  retentionDays: undefined,
  backupWindow: undefined,
  maintenanceWindow: undefined,
  storageType: undefined,
  iops: undefined,
  monitoring: { interval: 0, role: undefined, insightsDays: undefined, insightsKey: undefined },
  isPublic: false,
  managedPassword: false,
  tags: {},
} as const

export function unreadDatabase(kind: DatabaseSettings['kind']): DatabaseSettings {
  const instance: InstanceSettings = {
    ...UNREAD,
    kind: 'instance',
    id: 'INSTANCE',
    engine: kind === 'cluster' ? 'aurora-postgresql' : 'postgres',
    instanceClass: 'INSTANCE_CLASS',
    multiAz: false,
    throughput: undefined,
    optionGroup: undefined,
    minorUpgrades: true,
    caCertificate: undefined,
    promotionTier: undefined,
  }
  if (kind === 'instance') return instance
  const cluster: ClusterSettings = {
    ...UNREAD,
    kind,
    id: 'CLUSTER',
    engine: 'aurora-postgresql',
    capacity: undefined,
    instanceClass: undefined,
    dataApi: false,
    members: [instance],
  }
  return cluster
}

export function unreadFiles({ clickhouse }: Stack): RestorableFiles | undefined {
  const [volume] = clickhouse.taskDefinition.volumes
  if (volume === undefined) return undefined
  return {
    fileSystem: volume.fileSystemId,
    directory: 'DIRECTORY',
    encrypted: true,
    performanceMode: 'generalPurpose',
    role: 'BACKUP_ROLE',
    recoveryPoint: undefined,
  }
}

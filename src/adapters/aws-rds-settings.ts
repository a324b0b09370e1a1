import type * as Sdk from '@aws-sdk/client-rds'
import type { ClusterSettings, InstanceSettings } from '../ports/cloud.ts'

/** What a restored copy has to be given: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-restore-snapshot.html */
export function toClusterSettings(
  cluster: Sdk.DBCluster,
  instances: readonly Sdk.DBInstance[],
): ClusterSettings {
  const { ServerlessV2ScalingConfiguration: capacity } = cluster
  const writer = cluster.DBClusterMembers?.find(member => member.IsClusterWriter)?.DBInstanceIdentifier
  const members = instances.map(toInstanceSettings)
  return {
    kind: 'cluster',
    id: cluster.DBClusterIdentifier ?? '',
    endpoint: cluster.Endpoint,
    port: cluster.Port,
    subnetGroup: cluster.DBSubnetGroup,
    parameterGroup: cluster.DBClusterParameterGroup,
    ...common(cluster),
    capacity: capacity && {
      min: capacity.MinCapacity ?? 0.5,
      max: capacity.MaxCapacity ?? 1,
      pauseAfter: capacity.SecondsUntilAutoPause,
    },
    instanceClass: cluster.DBClusterInstanceClass,
    dataApi: cluster.HttpEndpointEnabled ?? false,
    members: [...members.filter(({ id }) => id === writer), ...members.filter(({ id }) => id !== writer)],
  }
}

export function toInstanceSettings(instance: Sdk.DBInstance): InstanceSettings {
  return {
    kind: 'instance',
    id: instance.DBInstanceIdentifier ?? '',
    endpoint: instance.Endpoint?.Address,
    port: instance.Endpoint?.Port,
    subnetGroup: instance.DBSubnetGroup?.DBSubnetGroupName,
    parameterGroup: instance.DBParameterGroups?.[0]?.DBParameterGroupName,
    ...common(instance),
    instanceClass: instance.DBInstanceClass ?? '',
    multiAz: instance.MultiAZ ?? false,
    throughput: instance.StorageThroughput,
    optionGroup: instance.OptionGroupMemberships?.[0]?.OptionGroupName,
    minorUpgrades: instance.AutoMinorVersionUpgrade ?? true,
    caCertificate: instance.CACertificateIdentifier,
    promotionTier: instance.PromotionTier,
  }
}

/** Members that clusters and instances share by name. */
function common(found: Sdk.DBCluster | Sdk.DBInstance) {
  const groups = found.VpcSecurityGroups ?? []
  return {
    engine: found.Engine ?? '',
    version: found.EngineVersion,
    securityGroups: groups.flatMap(group => group.VpcSecurityGroupId ?? []),
    networkType: found.NetworkType,
    logs: found.EnabledCloudwatchLogsExports ?? [],
    deletionProtection: found.DeletionProtection ?? false,
    copiesTags: found.CopyTagsToSnapshot ?? false,
    iamAuthentication: found.IAMDatabaseAuthenticationEnabled ?? false,
    retentionDays: found.BackupRetentionPeriod,
    backupWindow: found.PreferredBackupWindow,
    maintenanceWindow: found.PreferredMaintenanceWindow,
    storageType: found.StorageType,
    iops: found.Iops,
    monitoring: {
      interval: found.MonitoringInterval ?? 0,
      role: found.MonitoringRoleArn,
      insightsDays: found.PerformanceInsightsEnabled
        ? (found.PerformanceInsightsRetentionPeriod ?? 7)
        : undefined,
      insightsKey: found.PerformanceInsightsKMSKeyId,
    },
    isPublic: found.PubliclyAccessible ?? false,
    managedPassword: found.MasterUserSecret !== undefined,
    tags: tagsOf(found.TagList),
  }
}

export function tagsOf(tags: readonly Sdk.Tag[] = []): Readonly<Record<string, string>> {
  return Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value]))
}

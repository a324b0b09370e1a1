import type { ClusterSettings, DatabaseSettings, InstanceSettings } from '../ports/cloud.ts'
import { aws, failing, flag, given, listOf, type Option, quote } from './shell.ts'

/** What the commands are about: the database that runs and the snapshot from before the upgrade. */
export type RestoredDatabase = {
  readonly settings: DatabaseSettings
  readonly snapshot: string
  /** The engine's version in the snapshot, which the copy gets. */
  readonly version: string | undefined
}

/** A second database from the snapshot, with everything that the current one has and RDS does not take from the snapshot. */
export function restoreBeside(database: RestoredDatabase): readonly string[] {
  return database.settings.kind === 'cluster'
    ? restoreCluster(database, database.settings)
    : restoreInstance(database, database.settings)
}

/** https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-restore-snapshot.html */
function restoreCluster(
  { snapshot, version }: RestoredDatabase,
  cluster: ClusterSettings,
): readonly string[] {
  const copy = copyOf(cluster.id)
  const { capacity, monitoring } = cluster
  const isAurora = cluster.engine.startsWith('aurora')
  const scaling = capacity && [
    `MinCapacity=${capacity.min}`,
    `MaxCapacity=${capacity.max}`,
    ...(capacity.pauseAfter === undefined ? [] : [`SecondsUntilAutoPause=${capacity.pauseAfter}`]),
  ]
  const ofMultiAz: readonly Option[] = isAurora
    ? []
    : [
        given('db-cluster-instance-class', cluster.instanceClass),
        given('iops', cluster.iops),
        flag('publicly-accessible', cluster.isPublic),
        ...monitored(monitoring),
      ]
  return [
    aws(
      'rds restore-db-cluster-from-snapshot',
      ['snapshot-identifier', snapshot],
      ['db-cluster-identifier', copy],
      ['engine', cluster.engine],
      given('engine-version', version),
      given('db-cluster-parameter-group-name', cluster.parameterGroup),
      ...network(cluster),
      given('storage-type', cluster.storageType),
      given('serverless-v2-scaling-configuration', scaling?.join(',')),
      ...ofMultiAz,
      ...protection(cluster),
      ...tags(cluster),
    ),
    aws('rds wait db-cluster-available', ['db-cluster-identifier', copy]),
    ...(isAurora ? cluster.members.flatMap((member, index) => addMember(member, copy, index)) : []),
    ...(isAurora
      ? cluster.members.map((_, index) =>
          aws('rds wait db-instance-available', ['db-instance-identifier', memberOf(copy, index)]),
        )
      : []),
    aws(
      'rds modify-db-cluster',
      ['db-cluster-identifier', copy],
      'apply-immediately',
      ...backups(cluster),
      cluster.dataApi ? 'enable-http-endpoint' : undefined,
    ),
    aws('rds wait db-cluster-available', ['db-cluster-identifier', copy]),
  ]
}

function addMember(member: InstanceSettings, cluster: string, index: number): readonly string[] {
  return [
    aws(
      'rds create-db-instance',
      ['db-instance-identifier', memberOf(cluster, index)],
      ['db-cluster-identifier', cluster],
      ['engine', member.engine],
      ['db-instance-class', member.instanceClass],
      given('db-parameter-group-name', member.parameterGroup),
      given('promotion-tier', member.promotionTier),
      given('ca-certificate-identifier', member.caCertificate),
      given('preferred-maintenance-window', member.maintenanceWindow),
      flag('auto-minor-version-upgrade', member.minorUpgrades),
      flag('publicly-accessible', member.isPublic),
      ...monitored(member.monitoring),
      ...tags(member),
    ),
  ]
}

/** https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_RestoreFromSnapshot.html */
function restoreInstance({ snapshot }: RestoredDatabase, instance: InstanceSettings): readonly string[] {
  const copy = copyOf(instance.id)
  // A gp3 volume below 400 GiB has fixed values, which RDS refuses as input.
  const tuned = instance.storageType !== 'gp3' || (instance.iops ?? 0) > 3_000
  return [
    aws(
      'rds restore-db-instance-from-db-snapshot',
      ['db-snapshot-identifier', snapshot],
      ['db-instance-identifier', copy],
      ['db-instance-class', instance.instanceClass],
      given('db-parameter-group-name', instance.parameterGroup),
      given('option-group-name', instance.optionGroup),
      ...network(instance),
      given('storage-type', instance.storageType),
      tuned ? given('iops', instance.iops) : undefined,
      tuned ? given('storage-throughput', instance.throughput) : undefined,
      flag('multi-az', instance.multiAz),
      flag('publicly-accessible', instance.isPublic),
      flag('auto-minor-version-upgrade', instance.minorUpgrades),
      given('ca-certificate-identifier', instance.caCertificate),
      ...protection(instance),
      ...tags(instance),
    ),
    aws('rds wait db-instance-available', ['db-instance-identifier', copy]),
    aws(
      'rds modify-db-instance',
      ['db-instance-identifier', copy],
      'apply-immediately',
      ...backups(instance),
      ...monitored(instance.monitoring),
    ),
    aws('rds wait db-instance-available', ['db-instance-identifier', copy]),
  ]
}

function network({ subnetGroup, securityGroups, port, networkType }: DatabaseSettings): readonly Option[] {
  return [
    given('db-subnet-group-name', subnetGroup),
    listOf('vpc-security-group-ids', securityGroups),
    given('port', port),
    given('network-type', networkType),
  ]
}

function protection(settings: DatabaseSettings): readonly Option[] {
  return [
    listOf('enable-cloudwatch-logs-exports', settings.logs),
    flag('deletion-protection', settings.deletionProtection),
    flag('copy-tags-to-snapshot', settings.copiesTags),
    flag('enable-iam-database-authentication', settings.iamAuthentication),
  ]
}

function backups({ retentionDays, backupWindow, maintenanceWindow }: DatabaseSettings): readonly Option[] {
  return [
    given('backup-retention-period', retentionDays),
    given('preferred-backup-window', backupWindow),
    given('preferred-maintenance-window', maintenanceWindow),
  ]
}

function monitored(monitoring: DatabaseSettings['monitoring']): readonly Option[] {
  const { interval, role, insightsDays, insightsKey } = monitoring
  const insights: readonly Option[] =
    insightsDays === undefined
      ? []
      : [
          'enable-performance-insights',
          ['performance-insights-retention-period', String(insightsDays)],
          given('performance-insights-kms-key-id', insightsKey),
        ]
  return [
    ...(interval === 0 ? [] : [given('monitoring-interval', interval), given('monitoring-role-arn', role)]),
    ...insights,
  ]
}

/** AWS's own tags cannot be given. */
function tags({ tags: all }: DatabaseSettings): readonly Option[] {
  const own = Object.entries(all).filter(([key]) => !key.startsWith('aws:'))
  const values = own.map(([Key, Value]) => JSON.stringify({ Key, Value }))
  return values.length === 0 ? [] : [['tags', `[${values.join(',')}]`]]
}

/** The names of the two databases, swapped: the copy gets the name and with it the endpoint. */
export function swapNames(settings: DatabaseSettings): readonly string[] {
  return [
    ...RENAME,
    ...renames(settings, before(settings), current(settings)),
    ...renames(settings, current(settings), copies(settings)),
    ...sameEndpoint(settings),
  ]
}

/** The same in the other direction. */
export function swapBack(settings: DatabaseSettings): readonly string[] {
  return [
    ...RENAME,
    ...renames(settings, copies(settings), current(settings)),
    ...renames(settings, current(settings), before(settings)),
    ...sameEndpoint(settings),
  ]
}

type Names = { readonly whole: string; readonly members: readonly string[] }

const current = (settings: DatabaseSettings): Names => ({
  whole: settings.id,
  members: membersOf(settings).map(({ id }) => id),
})
const before = (settings: DatabaseSettings): Names => named(settings, '-before-restore')
const copies = (settings: DatabaseSettings): Names => named(settings, '-restored')

function named(settings: DatabaseSettings, suffix: string): Names {
  const whole = withSuffix(settings.id, suffix)
  return { whole, members: membersOf(settings).map((_, index) => memberOf(whole, index)) }
}

/** RDS names the instances of a Multi-AZ DB cluster itself. */
function membersOf(settings: DatabaseSettings): readonly InstanceSettings[] {
  return settings.kind === 'cluster' && settings.engine.startsWith('aurora') ? settings.members : []
}

/** `aws rds wait` fails at once for a name that is not there yet. */
const RENAME = [
  'rename() { # cluster or instance, its name, its new name',
  '  aws rds "modify-db-$1" "--db-$1-identifier" "$2" "--new-db-$1-identifier" "$3" --apply-immediately',
  '  for _ in $(seq 240); do',
  '    if aws rds "describe-db-$1s" "--db-$1-identifier" "$3" > /dev/null 2>&1; then',
  '      aws rds wait "db-$1-available" "--db-$1-identifier" "$3"',
  '      return',
  '    fi',
  '    sleep 15',
  '  done',
  '  echo "$2 is not renamed to $3 after an hour." >&2',
  '  return 1',
  '}',
]

/** Members first, so that Terraform and alarms find each name again. */
function renames(settings: DatabaseSettings, to: Names, from: Names): readonly string[] {
  return [
    ...from.members.map(
      (member, index) => `rename instance ${quote(member)} ${quote(to.members[index] ?? '')}`,
    ),
    `rename ${settings.kind} ${quote(from.whole)} ${quote(to.whole)}`,
  ]
}

function sameEndpoint(settings: DatabaseSettings): readonly string[] {
  if (settings.endpoint === undefined) return []
  const wrong = failing(
    `${settings.id} has another endpoint than before: change the host in Langfuse's settings.`,
  )
  return [`[ "$(${endpointOf(settings.kind, settings.id)})" = ${quote(settings.endpoint)} ] || ${wrong}`]
}

/** Prints the endpoint of a database. */
export function endpointOf(kind: DatabaseSettings['kind'], id: string): string {
  const query = kind === 'cluster' ? 'DBClusters[0].Endpoint' : 'DBInstances[0].Endpoint.Address'
  return `aws rds describe-db-${kind}s --db-${kind}-identifier ${quote(id)} --query '${query}' --output text`
}

/** Deletes the database that is not needed any more. */
export function deleteDatabase(settings: DatabaseSettings, which: 'copy' | 'before'): readonly string[] {
  const { whole, members } = which === 'copy' ? copies(settings) : before(settings)
  // The copy has its snapshot; the other may have data that nothing else has.
  const final: Option =
    which === 'copy'
      ? 'skip-final-snapshot'
      : [`final-db-snapshot-identifier`, withSuffix(settings.id, '-before-restore-final')]
  const { kind } = settings
  return [
    aws(
      `rds modify-db-${kind}`,
      [`db-${kind}-identifier`, whole],
      'no-deletion-protection',
      'apply-immediately',
    ),
    ...members.map(member => aws('rds delete-db-instance', ['db-instance-identifier', member])),
    aws(`rds delete-db-${kind}`, [`db-${kind}-identifier`, whole], final),
    aws(`rds wait db-${kind}-deleted`, [`db-${kind}-identifier`, whole]),
  ]
}

export const copyOf = (id: string): string => withSuffix(id, '-restored')
export const keptAs = (id: string): string => withSuffix(id, '-before-restore')
const memberOf = (cluster: string, index: number) => withSuffix(cluster, `-${index + 1}`)

/** RDS allows 63 characters, and no hyphen after a hyphen. */
function withSuffix(id: string, suffix: string): string {
  return `${id.slice(0, 60 - suffix.length).replace(/-+$/, '')}${suffix}`
}

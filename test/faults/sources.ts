import { CHECKS, type CheckId } from '../../src/checks/run.ts'

/**
 * Without these calls nothing is known of the stack at all: verify may end as inconclusive with no check at all.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html has them by service.
 */
export const CORE = [
  'ecs.DescribeServices',
  'ecs.DescribeTaskDefinition',
  'ecs.ListTasks',
  'ecs.DescribeTasks',
  'apprunner.ListServices',
  'apprunner.DescribeService',
]

const TASKS = ['ecs.ListTasks', 'ecs.DescribeTasks']
const SERVICES = ['ecs.DescribeServices']
const DEFINITIONS = ['ecs.DescribeTaskDefinition']
const WEB = ['apprunner.ListServices', 'apprunner.DescribeService']
const ENVIRONMENT = [...DEFINITIONS, ...WEB]
const FILES = ['efs.DescribeFileSystems', 'efs.DescribeMountTargets']
/** Whoever has a place in the VPC, and what its security groups let through. */
const PATHS = ['ec2.DescribeSecurityGroups', 'apprunner.DescribeVpcConnector']

/** What each check's evidence comes from, with `network: direct`: without one of these it may not pass. */
export const SOURCES: Readonly<Record<CheckId, readonly string[]>> = {
  'web-steady': [...WEB, 'apprunner.ListOperations'],
  'worker-steady': [...SERVICES, ...TASKS],
  'clickhouse-steady': [...SERVICES, ...TASKS],
  'clickhouse-single-writer': SERVICES,
  // An exact tag in the reference says enough.
  'one-release': ENVIRONMENT,
  'web-health-check': WEB,
  'circuit-breaker': SERVICES,
  'clickhouse-placement': SERVICES,
  'clickhouse-stop': DEFINITIONS,
  'clickhouse-health-check': DEFINITIONS,
  'clickhouse-open-files': DEFINITIONS,
  'worker-health-check': DEFINITIONS,
  'container-logs': DEFINITIONS,
  'automatic-deployments': WEB,
  'web-health-window': WEB,
  'sound-release': WEB,
  'clickhouse-minimum': ENVIRONMENT,
  'environment-names': ENVIRONMENT,
  'environment-values': ENVIRONMENT,
  'environment-pairs': ENVIRONMENT,
  'plain-secrets': ENVIRONMENT,
  'valkey-tls': ENVIRONMENT,
  'image-tags': [...ENVIRONMENT, 'ecr.DescribeImages'],
  'image-mutability': ['ecr.DescribeRepositories'],
  'image-retention': ['ecr.DescribeImages', 'ecr.GetLifecyclePolicy'],
  // Nothing ran before: the fault table has what it says when something did.
  'rollback-image': [],
  // The host that the connection has names the database.
  'database-backups': ['rds.DescribeDBClusters', 'postgres'],
  'database-version': ['rds.DescribeDBClusters', 'postgres'],
  'file-backups': ['backup.ListRecoveryPointsByResource'],
  'cloud-map': [
    'servicediscovery.GetService',
    'servicediscovery.GetNamespace',
    'servicediscovery.ListInstances',
    'servicediscovery.GetInstancesHealthStatus',
    ...TASKS,
  ],
  'cloud-map-settings': ['servicediscovery.GetService', 'servicediscovery.GetNamespace'],
  'efs-mount-targets': FILES,
  'efs-security-groups': [
    'efs.DescribeMountTargets',
    'ec2.DescribeNetworkInterfaces',
    'ec2.DescribeSecurityGroups',
  ],
  'efs-policy': ['efs.DescribeFileSystemPolicy'],
  'efs-access-point': [...DEFINITIONS, 'efs.DescribeAccessPoints'],
  'efs-volume': DEFINITIONS,
  'clickhouse-starts': ['ecs.ListTasks'],
  'worker-starts': ['ecs.ListTasks'],
  // Only an agent mounts.
  'efs-mounted': [],
  'vpc-dns': ['ec2.DescribeSubnets', 'ec2.DescribeVpcAttribute'],
  'subnet-addresses': [...SERVICES, 'ec2.DescribeSubnets'],
  'web-in-vpc': [...WEB, 'apprunner.DescribeVpcConnector'],
  'path-to-clickhouse': [...SERVICES, ...PATHS],
  'path-to-postgres': [...SERVICES, ...PATHS, 'rds.DescribeDBClusters', 'postgres'],
  'path-to-valkey': [...SERVICES, ...PATHS, 'ec2.DescribeNetworkInterfaces'],
  'web-health': ['web'],
  'web-version': ['web'],
  // Skipped without keys; what it does without evidence is in the fault table.
  canary: [],
  // By the worker's own session.
  'database-identity': ['postgres', 'worker', ...TASKS],
  'clickhouse-ping': ['clickhouse'],
  'clickhouse-schema': ['clickhouse'],
  'postgres-migrations': ['postgres'],
  'background-migrations': ['postgres'],
  // Where a name should lead: without Cloud Map's own word any address that answers is a good one.
  'clickhouse-name': TASKS,
  'clickhouse-disk': ['clickhouse'],
  valkey: ['valkey'],
  'worker-health': ['worker', ...TASKS],
  // Skipped unless a baseline is asked for; what it does without evidence is in test/checks/drift.test.ts and the fault table.
  drift: [],
  'postgres-schema': ['postgres'],
  'postgres-load': ['postgres'],
  'clickhouse-tables': ['clickhouse'],
  // An empty ClickHouse is one that lost its data when PostgreSQL knows of some.
  'clickhouse-data': ['clickhouse', 'postgres'],
  'clickhouse-parts': ['clickhouse'],
  'clickhouse-mutations': ['clickhouse'],
  'clickhouse-memory': ['clickhouse'],
  'clickhouse-logs': ['clickhouse'],
  'valkey-queues': ['valkey'],
  'valkey-cluster': ['valkey'],
}

/** Read in one go with the evidence of these checks: lost (denied, late) that is lost too, else they have all they need. */
const IN_ONE_GO: Readonly<Record<string, readonly CheckId[]>> = {
  'servicediscovery.ListInstances': ['cloud-map-settings'],
  'servicediscovery.GetInstancesHealthStatus': ['cloud-map-settings'],
  'efs.DescribeFileSystems': ['efs-security-groups'],
  'ecr.DescribeRepositories': ['image-tags', 'image-retention'],
  'ecr.GetLifecyclePolicy': ['image-tags', 'image-mutability'],
  'ecr.DescribeImages': ['image-mutability'],
}

/** Calls of a verify by agent without which nothing inside is seen. */
export const AGENT = ['ecs.RegisterTaskDefinition', 'ecs.RunTask', 'logs.GetLogEvents']

/** Calls whose answer is nobody's evidence, and why they are made. */
export const NO_EVIDENCE: Readonly<Record<string, string>> = {
  'ecs.ListTaskDefinitions': 'finds what agents have left',
  'ecs.DeregisterTaskDefinition': 'takes away what agents have left',
}

/** Answers that look spoilt and are honest: nothing in them says that something is missing. */
const HONEST: Readonly<Record<string, readonly CheckId[]>> = {
  'apprunner.ListOperations empty': ['web-steady'],
  // There is none, which EFS says with an error: it has no members to spoil.
  'efs.DescribeFileSystemPolicy wrong': ['efs-policy'],
  'ecs.ListTasks empty': ['clickhouse-starts', 'worker-starts'],
  // A warning says what was not proven: many runners cannot reach the worker.
  'worker silent': ['database-identity'],
}

export type Loss = { readonly source: string; readonly way: string; readonly network: 'direct' | 'task' }

/** They know the database by the host of the connection. */
const BY_HOST: readonly CheckId[] = ['database-backups', 'database-version', 'path-to-postgres']

/** The checks that may not pass without a source. */
export function checksWithout({ source, way, network }: Loss): readonly CheckId[] {
  if (network === 'task' && AGENT.includes(source)) {
    const inside = CHECKS.filter(({ needs }) => needs.includes('inside') || needs.includes('mount'))
    return [...inside.map(({ id }) => id), ...BY_HOST]
  }
  const honest = HONEST[`${source} ${way}`] ?? []
  return CHECKS.map(check => check.id).filter(id => SOURCES[id].includes(source) && !honest.includes(id))
}

/** The checks that may pass without it, and need not. */
export function checksBeside({ source, way }: Loss): readonly CheckId[] {
  return [...(IN_ONE_GO[source] ?? []), ...(HONEST[`${source} ${way}`] ?? [])]
}

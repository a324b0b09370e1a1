import { CHECKS } from '../../src/checks/run.ts'

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
const CLOUD_MAP = [
  'servicediscovery.GetService',
  'servicediscovery.GetNamespace',
  'servicediscovery.ListInstances',
  'servicediscovery.GetInstancesHealthStatus',
]

/** What each check's evidence comes from, with `network: direct`, beside the calls of CORE that are not named. */
export const SOURCES: Readonly<Record<string, readonly string[]>> = {
  'web-steady': ['apprunner.ListOperations'],
  'worker-steady': TASKS,
  'clickhouse-steady': TASKS,
  'clickhouse-single-writer': [],
  // An exact tag in the reference says enough.
  'one-release': [],
  'web-health-check': [],
  'cloud-map': [...CLOUD_MAP, ...TASKS],
  'efs-mount-targets': ['efs.DescribeFileSystems', 'efs.DescribeMountTargets'],
  'web-health': ['web'],
  'web-version': ['web'],
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

/** Calls of a verify by agent without which nothing inside is seen. */
export const AGENT = ['ecs.RegisterTaskDefinition', 'ecs.RunTask', 'logs.GetLogEvents']

/** Calls whose answer is nobody's evidence, and why they are made. */
export const NO_EVIDENCE: Readonly<Record<string, string>> = {
  'ecr.DescribeImages': 'exact tags of images that are named by digest or by a floating tag',
  'ecs.ListTaskDefinitions': 'finds what agents have left',
  'ecs.DeregisterTaskDefinition': 'takes away what agents have left',
}

/** Answers that look spoilt and are honest: nothing in them says that something is missing. */
export const HONEST = new Set(['apprunner.ListOperations empty'])

/** The checks that may not pass without a source. */
export function checksWithout(source: string, network: 'direct' | 'task'): readonly string[] {
  if (network === 'task' && AGENT.includes(source))
    return CHECKS.filter(check => check.needs.includes('inside')).map(check => check.id)
  return CHECKS.map(check => check.id).filter(id => SOURCES[id]?.includes(source))
}

import { readFileSync } from 'node:fs'
import type { PolicyName } from '../../sandbox/permissions.ts'

export type Policy = { readonly Version: '2012-10-17'; readonly Statement: readonly Statement[] }
export type Statement = {
  readonly Sid: string
  readonly Effect: 'Allow'
  readonly Action: readonly string[]
  readonly Resource: string | readonly string[]
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>
}

export type Calls = Readonly<Record<PolicyName, readonly string[]>>

/** What the scenarios' runs called: written by `npm run aws-calls`. `agent` has only what is not in `verify`. */
export const RECORD = new URL('aws-calls.json', import.meta.url)

export function readCalls(): Calls {
  return JSON.parse(readFileSync(RECORD, 'utf8')) as Calls
}

type Rare = { readonly call: string; readonly policies: readonly PolicyName[]; readonly reason: string }

const NO_CLICKHOUSE = 'asked for the DNS servers of the VPC only while no ClickHouse task runs'
const RESTORE = 'called only for the commands of a restore'
const CANCELLED = 'called when a run is cancelled while an ECS service rolls out'

/** Calls that no recorded run makes. */
export const RARE: readonly Rare[] = [
  { call: 'ec2:DescribeDhcpOptions', policies: ['verify'], reason: NO_CLICKHOUSE },
  { call: 'ec2:DescribeVpcs', policies: ['verify'], reason: NO_CLICKHOUSE },
  {
    call: 'ecr:GetDownloadUrlForLayer',
    policies: ['verify', 'deploy', 'rollback'],
    reason: 'called for an image without an index: its configuration names the platform',
  },
  { call: 'ecs:ListServiceDeployments', policies: ['deploy'], reason: CANCELLED },
  { call: 'ecs:StopServiceDeployment', policies: ['deploy'], reason: CANCELLED },
  {
    call: 'ecs:StopTask',
    policies: ['rollback'],
    reason: 'called when a run is cancelled, or times out, while a one-off task runs',
  },
  { call: 'backup:ListRecoveryPointsByResource', policies: ['deploy', 'rollback'], reason: RESTORE },
  { call: 'elasticfilesystem:DescribeAccessPoints', policies: ['deploy', 'rollback'], reason: RESTORE },
  { call: 'rds:DescribeDBClusterSnapshots', policies: ['verify'], reason: RESTORE },
  { call: 'rds:DescribeDBProxies', policies: ['rollback'], reason: RESTORE },
  { call: 'rds:DescribeDBProxyEndpoints', policies: ['rollback'], reason: RESTORE },
  { call: 'rds:DescribeDBProxyTargets', policies: ['rollback'], reason: RESTORE },
  { call: 'rds:DescribeDBSnapshots', policies: ['verify', 'rollback'], reason: RESTORE },
  {
    call: 'logs:FilterLogEvents',
    policies: ['rollback'],
    reason: 'called when the older web fails on App Runner: its logs hold the cause',
  },
]

/** The least policies, by file name without `.json`. `verify` is also what a dry run of deploy and of rollback needs. */
export function policies(): Readonly<Record<PolicyName, Policy>> {
  const recorded = readCalls()
  const callsOf = (name: PolicyName) => [
    ...recorded[name],
    ...RARE.filter(rare => rare.policies.includes(name)).map(({ call }) => call),
  ]
  return {
    verify: policy(callsOf('verify')),
    agent: policy(callsOf('agent')),
    deploy: policy(callsOf('deploy')),
    rollback: policy(callsOf('rollback')),
  }
}

function policy(calls: readonly string[]): Policy {
  const actions = new Set([...calls, ...calls.flatMap(call => IMPLIED[call] ?? [])])
  const unplaced = [...actions].filter(action => !SCOPES.some(scope => scope.actions.includes(action)))
  if (unplaced.length > 0)
    throw new Error(`On which resources is ${unplaced.join(', ')}? Say it in tools/docs/iam.ts.`)
  const statements = SCOPES.flatMap(({ sid, actions: possible, resource, condition, because }) => {
    const chosen = possible.filter(action => actions.has(action))
    if (chosen.length === 0 || (because !== undefined && !because.some(call => actions.has(call)))) return []
    return [
      {
        Sid: sid,
        Effect: 'Allow' as const,
        Action: [...chosen].sort(),
        Resource: resource,
        ...(condition && { Condition: condition }),
      },
    ]
  })
  return { Version: '2012-10-17', Statement: statements }
}

/**
 * What IAM asks for beside the action of a call: roles that are handed on, and tags that are given at once
 * (https://docs.aws.amazon.com/service-authorization/latest/reference/, "dependent actions").
 */
const IMPLIED: Readonly<Record<string, readonly string[]>> = {
  'apprunner:UpdateService': ['iam:PassRole'],
  'backup:StartBackupJob': ['iam:PassRole', 'backup:TagResource'],
  'ecs:RegisterTaskDefinition': ['iam:PassRole', 'ecs:TagResource'],
  'ecs:RunTask': ['iam:PassRole'],
  'rds:CreateDBClusterSnapshot': ['rds:AddTagsToResource'],
  'rds:CreateDBSnapshot': ['rds:AddTagsToResource'],
}

type Scope = {
  readonly sid: string
  readonly actions: readonly string[]
  readonly resource: string | readonly string[]
  readonly condition?: Statement['Condition']
  /** Only where one of these calls is made. */
  readonly because?: readonly string[]
}

const arn = (service: string, resource: string) => `arn:aws:${service}:REGION:ACCOUNT:${resource}`
const CLUSTER = { ArnEquals: { 'ecs:cluster': arn('ecs', 'cluster/langfuse') } }
const passedTo = (service: string) => ({ StringEquals: { 'iam:PassedToService': service } })

/** The least resource that each action can be limited to, with the names of the article's module. */
const SCOPES: readonly Scope[] = [
  {
    sid: 'WhatCannotBeLimited',
    actions: [
      'apprunner:ListServices',
      'backup:DescribeBackupJob',
      'backup:ListBackupVaults',
      'ec2:DescribeDhcpOptions',
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeSecurityGroups',
      'ec2:DescribeSubnets',
      'ec2:DescribeVpcAttribute',
      'ec2:DescribeVpcs',
      'backup:ListRecoveryPointsByResource',
      'ecs:DeregisterTaskDefinition',
      'ecs:DescribeTaskDefinition',
      'ecs:ListTaskDefinitions',
    ],
    resource: '*',
  },
  {
    sid: 'Services',
    actions: [
      'ecs:DescribeExpressGatewayService',
      'ecs:DescribeServices',
      'ecs:ListServiceDeployments',
      'ecs:UpdateExpressGatewayService',
      'ecs:UpdateService',
    ],
    resource: arn('ecs', 'service/langfuse/*'),
  },
  {
    sid: 'Deployments',
    actions: ['ecs:DescribeServiceDeployments', 'ecs:StopServiceDeployment'],
    resource: arn('ecs', 'service-deployment/langfuse/*'),
  },
  { sid: 'ListTasks', actions: ['ecs:ListTasks'], resource: '*', condition: CLUSTER },
  { sid: 'Tasks', actions: ['ecs:DescribeTasks', 'ecs:StopTask'], resource: arn('ecs', 'task/langfuse/*') },
  {
    sid: 'TaskDefinitions',
    actions: ['ecs:RegisterTaskDefinition'],
    resource: arn('ecs', 'task-definition/*'),
  },
  {
    sid: 'TagsOfTaskDefinitions',
    actions: ['ecs:TagResource'],
    resource: arn('ecs', 'task-definition/*'),
    condition: { StringEquals: { 'ecs:CreateAction': 'RegisterTaskDefinition' } },
  },
  {
    sid: 'OneOffTasks',
    actions: ['ecs:RunTask'],
    resource: arn('ecs', 'task-definition/*'),
    condition: CLUSTER,
  },
  {
    sid: 'Web',
    actions: ['apprunner:DescribeService', 'apprunner:ListOperations', 'apprunner:UpdateService'],
    resource: arn('apprunner', 'service/langfuse_web/*'),
  },
  {
    sid: 'WebsConnector',
    actions: ['apprunner:DescribeVpcConnector'],
    resource: arn('apprunner', 'vpcconnector/*'),
  },
  {
    sid: 'Images',
    actions: [
      'ecr:BatchGetImage',
      'ecr:DescribeImages',
      'ecr:DescribeRepositories',
      'ecr:GetDownloadUrlForLayer',
      'ecr:GetLifecyclePolicy',
    ],
    resource: arn('ecr', 'repository/*'),
  },
  {
    sid: 'Discovery',
    actions: [
      'servicediscovery:GetInstancesHealthStatus',
      'servicediscovery:GetNamespace',
      'servicediscovery:GetService',
      'servicediscovery:ListInstances',
    ],
    resource: [arn('servicediscovery', 'namespace/*'), arn('servicediscovery', 'service/*')],
  },
  {
    sid: 'Files',
    actions: [
      'elasticfilesystem:DescribeFileSystemPolicy',
      'elasticfilesystem:DescribeFileSystems',
      'elasticfilesystem:DescribeMountTargets',
    ],
    resource: arn('elasticfilesystem', 'file-system/*'),
  },
  {
    sid: 'AccessPoints',
    actions: ['elasticfilesystem:DescribeAccessPoints'],
    resource: [arn('elasticfilesystem', 'file-system/*'), arn('elasticfilesystem', 'access-point/*')],
  },
  {
    sid: 'Logs',
    actions: ['logs:FilterLogEvents', 'logs:GetLogEvents'],
    resource: arn('logs', 'log-group:*'),
  },
  {
    sid: 'Clusters',
    actions: [
      'rds:DescribeDBClusterSnapshots',
      'rds:DescribeDBClusters',
      'rds:DescribeDBInstances',
      'rds:DescribeDBProxies',
      'rds:DescribeDBProxyEndpoints',
      'rds:DescribeDBProxyTargets',
      'rds:DescribeDBSnapshots',
    ],
    resource: [
      arn('rds', 'cluster:*'),
      arn('rds', 'cluster-snapshot:*'),
      arn('rds', 'db:*'),
      arn('rds', 'db-proxy:*'),
      arn('rds', 'db-proxy-endpoint:*'),
      arn('rds', 'snapshot:*'),
      arn('rds', 'target-group:*'),
    ],
  },
  {
    sid: 'Snapshots',
    actions: ['rds:AddTagsToResource', 'rds:CreateDBClusterSnapshot', 'rds:CreateDBSnapshot'],
    resource: [
      arn('rds', 'cluster:*'),
      arn('rds', 'cluster-snapshot:langfuse-rollout-*'),
      arn('rds', 'db:*'),
      arn('rds', 'snapshot:langfuse-rollout-*'),
    ],
  },
  { sid: 'RecoveryPoints', actions: ['backup:StartBackupJob'], resource: arn('backup', 'backup-vault:*') },
  {
    sid: 'TagsOfRecoveryPoints',
    actions: ['backup:TagResource'],
    resource: arn('backup', 'recovery-point:*'),
  },
  {
    sid: 'RolesOfTasks',
    actions: ['iam:PassRole'],
    resource: 'arn:aws:iam::ACCOUNT:role/*',
    condition: passedTo('ecs-tasks.amazonaws.com'),
    because: ['ecs:RegisterTaskDefinition', 'ecs:RunTask'],
  },
  {
    sid: 'RoleThatPullsTheWebsImage',
    actions: ['iam:PassRole'],
    resource: 'arn:aws:iam::ACCOUNT:role/*',
    condition: passedTo('build.apprunner.amazonaws.com'),
    because: ['apprunner:UpdateService'],
  },
  {
    sid: 'RoleOfBackups',
    actions: ['iam:PassRole'],
    resource: 'arn:aws:iam::ACCOUNT:role/*',
    condition: passedTo('backup.amazonaws.com'),
    because: ['backup:StartBackupJob'],
  },
]

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClusterSettings, InstanceSettings } from '../../src/ports/cloud.ts'
import type { RestoreFacts } from '../../src/stack/observe-restore.ts'
import { known } from '../../src/stack/stack.ts'

/** An Aurora cluster of which no setting is a default of RDS. */
const SHARED = {
  version: '15.4',
  port: 5433,
  subnetGroup: 'langfuse',
  securityGroups: ['sg-1', 'sg-2'],
  networkType: 'IPV4',
  logs: ['postgresql'],
  deletionProtection: true,
  copiesTags: true,
  iamAuthentication: false,
  retentionDays: 14,
  backupWindow: '17:00-17:30',
  maintenanceWindow: 'sun:18:00-sun:18:30',
  storageType: undefined,
  iops: undefined,
  monitoring: {
    interval: 60,
    role: 'arn:aws:iam::123456789012:role/rds',
    insightsDays: 7,
    insightsKey: undefined,
  },
  isPublic: false,
  managedPassword: false,
  tags: { Name: "the team's own", 'aws:cloudformation:stack-id': 'x' },
} as const

export const INSTANCE: InstanceSettings = {
  ...SHARED,
  kind: 'instance',
  id: 'langfuse-db',
  endpoint: 'langfuse-db.abc.ap-northeast-1.rds.amazonaws.com',
  engine: 'postgres',
  parameterGroup: 'langfuse-postgres15',
  instanceClass: 'db.m7g.large',
  storageType: 'io1',
  iops: 3_000,
  multiAz: true,
  throughput: undefined,
  optionGroup: 'default:postgres-15',
  minorUpgrades: false,
  caCertificate: 'rds-ca-rsa2048-g1',
  promotionTier: undefined,
}

const member = (id: string, promotionTier: number): InstanceSettings => ({
  ...INSTANCE,
  id,
  engine: 'aurora-postgresql',
  instanceClass: 'db.serverless',
  parameterGroup: 'langfuse-instance',
  storageType: 'aurora',
  iops: undefined,
  promotionTier,
})

export const CLUSTER: ClusterSettings = {
  ...SHARED,
  kind: 'cluster',
  id: 'langfuse',
  endpoint: 'langfuse.cluster-abc.ap-northeast-1.rds.amazonaws.com',
  engine: 'aurora-postgresql',
  parameterGroup: 'langfuse-aurora15',
  capacity: { min: 1, max: 8, pauseAfter: undefined },
  instanceClass: undefined,
  dataApi: true,
  members: [member('langfuse-writer', 0), member('langfuse-reader', 1)],
}

export const MULTI_AZ: ClusterSettings = {
  ...CLUSTER,
  engine: 'postgres',
  capacity: undefined,
  instanceClass: 'db.m6gd.large',
  storageType: 'io1',
  iops: 3_000,
  dataApi: false,
}

export const POINT = 'arn:aws:backup:ap-northeast-1:123456789012:recovery-point:0a1b'

export function restoreFacts(over: Partial<RestoreFacts> = {}): RestoreFacts {
  return {
    database: known(CLUSTER, 'rds'),
    snapshot: known(
      {
        id: 'before',
        status: 'available',
        percent: 100,
        tags: { 'langfuse-rollout:to': '3.0.0' },
        version: '15.4',
      },
      'rds',
    ),
    files: known(
      {
        fileSystem: 'fs-1',
        directory: '',
        encrypted: true,
        performanceMode: 'generalPurpose',
        role: 'arn:aws:iam::123456789012:role/service-role/AWSBackupDefaultServiceRole',
        recoveryPoint: POINT,
      },
      'efs',
    ),
    ...over,
  }
}

/** Answers as AWS does while everything works; each call is a line of JSON-free words, separated by NUL. */
const AWS = `#!/bin/sh
for word in "$@"; do printf '%s\\0' "$word"; done >> "$CALLS"
printf '\\n\\0' >> "$CALLS"
case "$1 $2" in
  'backup start-restore-job') echo job-1 ;;
  'backup describe-restore-job') echo COMPLETED ;;
  'apprunner pause-service') echo PAUSED > "$CALLS.web" ;;
  'apprunner resume-service') echo RUNNING > "$CALLS.web" ;;
  'apprunner describe-service') cat "$CALLS.web" ;;
  'ecs register-task-definition') echo arn:aws:ecs:ap-northeast-1:123456789012:task-definition/files:1 ;;
  'ecs run-task') echo arn:aws:ecs:ap-northeast-1:123456789012:task/langfuse/1 ;;
  'ecs describe-services' | 'ecs describe-tasks') echo 0 ;;
  'rds describe-db-clusters') echo langfuse.cluster-abc.ap-northeast-1.rds.amazonaws.com ;;
  'rds describe-db-instances') echo langfuse-db.abc.ap-northeast-1.rds.amazonaws.com ;;
  'secretsmanager get-secret-value') echo 'postgresql://u:p@aurora:5432/langfuse?schema=public' ;;
esac
`

export type Ran = {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  /** The words of each call of the AWS CLI. */
  readonly calls: readonly (readonly string[])[]
}

/** Runs a script of the runbook in bash with an AWS CLI that only writes down what it is asked. */
export function runScript(script: string, programs: Readonly<Record<string, string>> = {}): Ran {
  const folder = mkdtempSync(join(tmpdir(), 'langfuse-rollout-restore-'))
  try {
    const all = {
      aws: AWS,
      sleep: '#!/bin/sh\n',
      terraform: '#!/bin/sh\necho aws_rds_cluster.x\n',
      ...programs,
    }
    for (const [name, text] of Object.entries(all)) {
      writeFileSync(join(folder, name), text)
      chmodSync(join(folder, name), 0o755)
    }
    const calls = join(folder, 'calls')
    writeFileSync(calls, '')
    // Functions come before everything that a PATH can lead to.
    const own = Object.keys(all).map(name => `${name}() { "${folder}/${name}" "$@"; }\n`)
    const { status, stdout, stderr } = spawnSync('bash', ['-c', [...own, script].join('')], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${folder}:${process.env['PATH']}`, CALLS: calls },
    })
    return { status, stdout, stderr, calls: callsIn(readFileSync(calls, 'utf8')) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function callsIn(text: string): readonly (readonly string[])[] {
  return text
    .split('\n\0')
    .filter(call => call !== '')
    .map(call => call.split('\0').slice(0, -1))
}

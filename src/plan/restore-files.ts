import { pinned } from '../release/image.ts'
import type { RestorableFiles } from '../stack/observe-restore.ts'
import type { Stack } from '../stack/stack.ts'
import { aws, failing, quote } from './shell.ts'

/** Where ClickHouse's directory is kept, in the root of the file system. */
export const KEPT_FILES = 'langfuse-before-restore'

/**
 * AWS Backup never overwrites: the files come into a directory `aws-backup-restore_<time>` in the root of the file system.
 * https://docs.aws.amazon.com/aws-backup/latest/devguide/restoring-efs.html
 */
export function restoreFiles(files: RestorableFiles): readonly string[] {
  const metadata = JSON.stringify({
    'file-system-id': files.fileSystem,
    newFileSystem: 'false',
    Encrypted: String(files.encrypted),
    PerformanceMode: files.performanceMode,
    CreationToken: `langfuse-restore-${files.fileSystem}`,
  })
  const start = aws(
    'backup start-restore-job',
    ['recovery-point-arn', files.recoveryPoint ?? 'RECOVERY_POINT'],
    ['iam-role-arn', files.role],
    ['resource-type', 'EFS'],
    ['metadata', metadata],
    ['query', 'RestoreJobId'],
    ['output', 'text'],
  )
  const read = (query: string) =>
    `aws backup describe-restore-job --restore-job-id "$job" --query ${query} --output text`
  return [
    `job=$(${start})`,
    'echo "Restore job $job"',
    'while :; do',
    `  state=$(${read('Status')})`,
    '  case $state in',
    '    COMPLETED) break ;;',
    `    ABORTED | FAILED) ${read('StatusMessage')} >&2; exit 1 ;;`,
    '  esac',
    '  sleep 30',
    'done',
  ]
}

/**
 * Moves within one file system are renames, so they take no time, and ClickHouse's root directory or access point stays
 * what it is. A one-off task sees the root of the file system, which ClickHouse may not.
 */
export function moveFiles(stack: Stack, files: RestorableFiles, direction: Direction): readonly string[] {
  const { clickhouse, cluster, region } = stack
  const { service, container, taskDefinition } = clickhouse
  const execution = taskDefinition.content?.task['executionRoleArn']
  const log = container.logGroup
  const definition = {
    family: 'langfuse-restore-files',
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    cpu: '256',
    memory: '512',
    executionRoleArn: typeof execution === 'string' ? execution : 'EXECUTION_ROLE',
    ...(taskDefinition.taskRole !== undefined && { taskRoleArn: taskDefinition.taskRole }),
    runtimePlatform: { cpuArchitecture: taskDefinition.architecture, operatingSystemFamily: 'LINUX' },
    volumes: [
      {
        name: 'files',
        efsVolumeConfiguration: {
          fileSystemId: files.fileSystem,
          rootDirectory: '/',
          transitEncryption: 'ENABLED',
        },
      },
    ],
    containerDefinitions: [
      {
        name: 'files',
        image: pinned(clickhouse.image),
        essential: true,
        user: '0',
        entryPoint: ['sh', '-euc'],
        command: [moving(files.directory, direction)],
        mountPoints: [{ sourceVolume: 'files', containerPath: '/files' }],
        ...(log !== undefined && {
          logConfiguration: {
            logDriver: 'awslogs',
            options: { 'awslogs-group': log, 'awslogs-region': region, 'awslogs-stream-prefix': 'restore' },
          },
        }),
      },
    ],
  }
  const network = {
    awsvpcConfiguration: {
      subnets: service.subnets,
      securityGroups: service.securityGroups,
      assignPublicIp: service.assignPublicIp ? 'ENABLED' : 'DISABLED',
    },
  }
  const running = `aws ecs describe-services --cluster ${quote(cluster)} --services ${quote(service.name)} --query 'services[0].runningCount' --output text`
  const task = (query: string) =>
    `aws ecs describe-tasks --cluster ${quote(cluster)} --tasks "$task" --query ${quote(query)} --output text`
  const where = log === undefined ? '' : ` Its lines are in log group ${log}, streams restore/….`
  const stopped = `[ "$(${running})" = 0 ] || ${failing('ClickHouse is running: stop it first.')}`
  return [
    ...(direction === 'delete' ? [] : [stopped]),
    `definition=$(${aws(
      'ecs register-task-definition',
      ['cli-input-json', JSON.stringify(definition)],
      ['query', 'taskDefinition.taskDefinitionArn'],
      ['output', 'text'],
    )})`,
    `task=$(${aws(
      'ecs run-task',
      ['cluster', cluster],
      ['launch-type', 'FARGATE'],
      ['network-configuration', JSON.stringify(network)],
      ['query', 'tasks[0].taskArn'],
      ['output', 'text'],
    )} \\\n  --task-definition "$definition")`,
    `[ "$task" != None ] || ${failing('ECS started no task.')}`,
    `aws ecs wait tasks-stopped --cluster ${quote(cluster)} --tasks "$task"`,
    'aws ecs deregister-task-definition --task-definition "$definition" > /dev/null',
    `[ "$(${task('tasks[0].containers[0].exitCode')})" = 0 ] || {`,
    `  ${task('tasks[0].[stoppedReason,containers[0].reason]')} >&2`,
    `  echo ${quote(`The task failed.${where}`)} >&2`,
    '  exit 1',
    '}',
  ]
}

/**
 * For `sh -eu`, at `root` of the file system. It refuses whatever is not as expected, before it moves anything.
 * @param directory ClickHouse's own; empty: its files lie in the root, beside what a restore puts there
 */
export function moving(directory: string, direction: Direction, root = '/files'): string {
  const path = directory === '' ? '.' : quote(directory)
  return [`cd ${root}`, ...(directory === '' ? CONTENTS : [WHOLE]), ...MOVES[direction](path)].join('\n')
}

export type Direction = 'restored' | 'back' | 'delete'

const MOVES: Readonly<Record<Direction, (path: string) => readonly string[]>> = {
  restored: path => [
    'set -- aws-backup-restore_*',
    `[ $# -eq 1 ] && [ -d "$1" ] || ${refuse('Expected one directory aws-backup-restore_*, found: $*')}`,
    `[ ! -e ${KEPT_FILES} ] || ${refuse(`${KEPT_FILES} exists: the files were moved before.`)}`,
    `[ -d "$1"/${path}/store ] || ${refuse('The restored directory has no store, so ClickHouse did not write it.')}`,
    `mkdir -p ${KEPT_FILES}/data`,
    `move ${path} ${KEPT_FILES}/data`,
    `move "$1"/${path} ${path}`,
    `mv "$1" ${KEPT_FILES}/rest`,
  ],
  back: path => [
    `[ -d ${KEPT_FILES}/data ] || ${refuse(`There is no ${KEPT_FILES}/data to go back to.`)}`,
    'mkdir -p langfuse-restored/data',
    `move ${path} langfuse-restored/data`,
    `move ${KEPT_FILES}/data ${path}`,
    `mv ${KEPT_FILES}/rest langfuse-restored/rest`,
    `if [ -d ${KEPT_FILES}/data ]; then rmdir ${KEPT_FILES}/data; fi`,
    `rmdir ${KEPT_FILES}`,
  ],
  delete: () => [`rm -rf ${KEPT_FILES} langfuse-restored`],
}

function refuse(sentence: string): string {
  return `{ echo "${sentence}"; exit 1; }`
}

/** Everything in one directory into another that exists, without what a restore put beside it. */
const CONTENTS = [
  'move() {',
  '  for entry in "$1"/* "$1"/.[!.]*; do',
  `    case \${entry##*/} in aws-backup-restore_* | ${KEPT_FILES} | langfuse-restored) continue ;; esac`,
  '    if [ -e "$entry" ] || [ -L "$entry" ]; then mv "$entry" "$2"/; fi',
  '  done',
  '}',
]
/** The directory itself, in place of one that is empty or not there: its owner and mode move with it. */
const WHOLE = 'move() { if [ -d "$2" ]; then rmdir "$2"; fi; mkdir -p "$(dirname "$2")"; mv "$1" "$2"; }'

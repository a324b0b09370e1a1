import { AwsError } from '../errors.ts'
import { isObject, type Reader, reader } from '../json.ts'

/** Refuses what ECS refuses, as it does; words from ECS's own errors where they are known. */
export function validateTaskDefinition(read: Reader) {
  const family = read.needText('family')
  if (!/^[A-Za-z0-9_-]{1,255}$/.test(family)) refuse('Invalid characters or length for family.')
  const containers = read.objects('containerDefinitions').map(container => reader(container))
  if (containers.length === 0) refuse('Container definitions should not be empty.')
  for (const container of containers) validateContainer(read, container)
  const names = containers.map(container => container.text('name'))
  if (new Set(names).size < names.length) refuse('Container.name must be unique.')
  if (!containers.some(container => container.flag('essential') ?? true))
    refuse('At least one essential container is required in a task definition.')
  if (read.texts('requiresCompatibilities').includes('FARGATE')) validateFargate(read, containers)
  for (const volume of read.objects('volumes')) validateVolume(reader(volume))
  if (JSON.stringify(read.input).length > 65_536) refuse('Actual length of task definition exceeds 64 KiB.')
}

function validateContainer(task: Reader, container: Reader) {
  const name = container.text('name')
  if (!name) refuse('Container.name should not be null or empty.')
  if (!container.text('image')) refuse('Container.image should not be null or empty.')
  const volumes = task.objects('volumes').map(volume => volume.name)
  for (const mount of container.objects('mountPoints'))
    if (!volumes.includes(mount.sourceVolume)) refuse(`Unknown volume '${String(mount.sourceVolume)}'.`)
  for (const variable of container.objects('environment'))
    if (!variable.name) refuse('Environment variable name should not be null or empty.')
  const stopTimeout = container.number('stopTimeout') ?? 0
  if (stopTimeout > 120)
    refuse(`Invalid stopTimeout value ${stopTimeout}. The value must be between 0 and 120.`)
}

function validateFargate(read: Reader, containers: readonly Reader[]) {
  if (read.text('networkMode') !== 'awsvpc') refuse("Fargate only supports network mode 'awsvpc'.")
  const cpu = read.text('cpu')
  const memory = read.text('memory')
  if (!cpu || !memory) refuse("Fargate requires that 'cpu' and 'memory' be defined at the task level.")
  if (!fargateSizes(Number(cpu)).includes(Number(memory)))
    refuse(
      `No Fargate configuration exists for given values: ${cpu} CPU, ${memory} memory. See the Amazon ECS documentation for the valid values.`,
    )
  const usesSecrets = containers.some(container => container.objects('secrets').length > 0)
  const usesLogs = containers.some(container => isObject(container.input.logConfiguration))
  const usesEcr = containers.some(container => container.text('image')?.includes('.dkr.ecr.'))
  if (read.text('executionRoleArn')) return
  if (usesSecrets)
    refuse("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.")
  if (usesLogs)
    refuse('Fargate requires task definition to have execution role ARN to support log driver awslogs.')
  if (usesEcr) refuse('Fargate requires task definition to have execution role ARN to support ECR images.')
}

/** Memory in MiB that Fargate takes with a number of CPU units. */
function fargateSizes(cpu: number): readonly number[] {
  const range = (from: number, to: number, step: number) =>
    Array.from({ length: (to - from) / step + 1 }, (_, i) => (from + i * step) * 1024)
  if (cpu === 256) return [512, 1024, 2048]
  if (cpu === 512) return range(1, 4, 1)
  if (cpu === 1024) return range(2, 8, 1)
  if (cpu === 2048) return range(4, 16, 1)
  if (cpu === 4096) return range(8, 30, 1)
  if (cpu === 8192) return range(16, 60, 4)
  if (cpu === 16384) return range(32, 120, 8)
  return []
}

function validateVolume(volume: Reader) {
  const efs = volume.object('efsVolumeConfiguration')
  if (!efs) return
  const read = reader(efs, 'ClientException')
  read.needText('fileSystemId')
  const authorization = reader(read.object('authorizationConfig'))
  const accessPoint = authorization.text('accessPointId')
  const encrypted = read.text('transitEncryption') === 'ENABLED'
  if (!encrypted && (accessPoint || authorization.text('iam') === 'ENABLED'))
    refuse('EFS transit encryption must be enabled when an access point or IAM authorization is used.')
  const root = read.text('rootDirectory')
  if (accessPoint && root !== undefined && root !== '/')
    refuse('EFS rootDirectory must be unset or "/" when an access point is used.')
}

function refuse(message: string): never {
  throw new AwsError('ClientException', message)
}

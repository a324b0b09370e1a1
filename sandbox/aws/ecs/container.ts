import { isObject, type JsonObject, reader, textMap } from '../json.ts'
import type { TaskDefinition } from './types.ts'

/** What the sandbox has to know of a container definition to run it. */
export type ContainerView = {
  readonly name: string
  readonly image: string
  readonly essential: boolean
  readonly entryPoint: readonly string[]
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly secrets: readonly { readonly name: string; readonly valueFrom: string }[]
  readonly ports: readonly number[]
  readonly mounts: readonly { readonly volume: string; readonly path: string; readonly readOnly: boolean }[]
  readonly logs: Readonly<Record<string, string>> | undefined
  readonly stopTimeout: number
  readonly healthCheck: HealthCheck | undefined
}

/** Times in virtual seconds, with ECS's defaults. */
export type HealthCheck = {
  readonly command: string
  readonly interval: number
  readonly timeout: number
  readonly retries: number
  readonly startPeriod: number
}

export function containersOf(definition: TaskDefinition): readonly ContainerView[] {
  return reader(definition.document).objects('containerDefinitions').map(viewOf)
}

function viewOf(container: JsonObject): ContainerView {
  const read = reader(container)
  const logs = read.object('logConfiguration')
  return {
    name: read.needText('name'),
    image: read.needText('image'),
    essential: read.flag('essential') ?? true,
    entryPoint: read.texts('entryPoint'),
    command: read.texts('command'),
    environment: pairs(read.objects('environment'), 'value'),
    secrets: Object.entries(pairs(read.objects('secrets'), 'valueFrom')).map(([name, valueFrom]) => ({
      name,
      valueFrom,
    })),
    ports: read.objects('portMappings').flatMap(mapping => reader(mapping).number('containerPort') ?? []),
    mounts: read.objects('mountPoints').map(mount => ({
      volume: reader(mount).text('sourceVolume') ?? '',
      path: reader(mount).text('containerPath') ?? '',
      readOnly: reader(mount).flag('readOnly') ?? false,
    })),
    logs: logs?.logDriver === 'awslogs' ? textMap(logs.options) : undefined,
    stopTimeout: read.number('stopTimeout') ?? 30,
    healthCheck: healthCheckOf(read.object('healthCheck')),
  }
}

function healthCheckOf(check: JsonObject | undefined): HealthCheck | undefined {
  if (!check) return undefined
  const read = reader(check)
  return {
    command: read.texts('command').join(' '),
    interval: read.number('interval') ?? 30,
    timeout: read.number('timeout') ?? 5,
    retries: read.number('retries') ?? 3,
    startPeriod: read.number('startPeriod') ?? 0,
  }
}

/** `[{name, value}]` as a map. */
export function pairs(list: readonly JsonObject[], value: string): Readonly<Record<string, string>> {
  return textMap(Object.fromEntries(list.map(item => [String(item.name), item[value]])))
}

/** The `efsVolumeConfiguration` of a volume of the task definition. */
export function efsVolume(definition: TaskDefinition, name: string): JsonObject | undefined {
  const volume = reader(definition.document)
    .objects('volumes')
    .find(candidate => candidate.name === name)
  return isObject(volume?.efsVolumeConfiguration) ? volume.efsVolumeConfiguration : undefined
}

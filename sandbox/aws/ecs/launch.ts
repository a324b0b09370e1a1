import type { Found, Platform } from '../images.ts'
import { reader } from '../json.ts'
import type { Secrets } from '../secrets.ts'
import { type ContainerView, pairs } from './container.ts'
import type { Task, TaskDefinition } from './types.ts'

/** Environment with secrets resolved, or why Fargate could not resolve them. */
export function containerEnvironment(secrets: Secrets, view: ContainerView, override: Override): Environment {
  const values: Record<string, string> = { ...view.environment }
  for (const secret of view.secrets) {
    try {
      values[secret.name] = secrets.read(secret.valueFrom)
    } catch (error) {
      return { problem: secretProblem(error) }
    }
  }
  return { values: { ...values, ...override.environment } }
}

type Environment = { readonly values: Readonly<Record<string, string>> } | { readonly problem: string }

export type Override = {
  readonly command: readonly string[] | undefined
  readonly environment: Readonly<Record<string, string>>
}

/** What RunTask said about one container. */
export function overrideOf(task: Task, name: string): Override {
  const override = reader(task.input.overrides)
    .objects('containerOverrides')
    .find(candidate => candidate.name === name)
  const read = reader(override)
  return {
    command: override?.command === undefined ? undefined : read.texts('command'),
    environment: pairs(read.objects('environment'), 'value'),
  }
}

export function platformOf(definition: TaskDefinition): Platform {
  const platform = reader(reader(definition.document).object('runtimePlatform'))
  return platform.text('cpuArchitecture') === 'ARM64' ? 'linux/arm64' : 'linux/amd64'
}

/** The stopped reason of a task whose image cannot be pulled [REPORT, facts/aws.md 2.2]. */
export function pullProblem(found: Found, platform: Platform): string | undefined {
  const prefix = 'CannotPullContainerError: pull image manifest has been retried 7 time(s): '
  if (!found.found) return prefix + found.reason
  if (found.image.platforms.includes(platform)) return undefined
  return `${prefix}image Manifest does not contain descriptor matching platform '${platform}'`
}

function secretProblem(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return `ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret from secrets manager: ${message}`
}

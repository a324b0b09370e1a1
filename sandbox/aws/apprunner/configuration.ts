import { AwsError } from '../errors.ts'
import { parseReference } from '../images.ts'
import { isObject, type JsonObject, pick, reader, textMap } from '../json.ts'
import type { Configuration } from './types.ts'

/** What the sandbox has to know of a service's configuration to run it, with App Runner's defaults. */
export function viewOf(configuration: Configuration): ConfigurationView {
  const source = reader(reader(configuration).object('SourceConfiguration'))
  const repository = reader(source.object('ImageRepository'))
  const image = reader(repository.object('ImageConfiguration'))
  const health = reader(reader(configuration).object('HealthCheckConfiguration'))
  const network = reader(reader(configuration).object('NetworkConfiguration'))
  return {
    image: repository.text('ImageIdentifier') ?? '',
    port: Number(image.text('Port') ?? '8080'),
    command: (image.text('StartCommand') ?? '').split(/\s+/).filter(word => word !== ''),
    environment: textMap(image.object('RuntimeEnvironmentVariables')),
    secrets: textMap(image.object('RuntimeEnvironmentSecrets')),
    // [KNOW] On by default for private ECR repositories of the same account.
    autoDeploy: source.flag('AutoDeploymentsEnabled') ?? true,
    inVpc: reader(network.object('EgressConfiguration')).text('EgressType') === 'VPC',
    health: {
      protocol: health.text('Protocol') ?? 'TCP',
      path: health.text('Path') ?? '/',
      interval: health.number('Interval') ?? 5,
      timeout: health.number('Timeout') ?? 2,
      unhealthyThreshold: health.number('UnhealthyThreshold') ?? 5,
    },
  }
}

export type ConfigurationView = {
  readonly image: string
  readonly port: number
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, string>>
  readonly autoDeploy: boolean
  readonly inVpc: boolean
  readonly health: {
    readonly protocol: string
    readonly path: string
    readonly interval: number
    readonly timeout: number
    readonly unhealthyThreshold: number
  }
}

const REPLACED_WHOLE = [
  'SourceConfiguration',
  'InstanceConfiguration',
  'HealthCheckConfiguration',
  'NetworkConfiguration',
  'ObservabilityConfiguration',
  'AutoScalingConfigurationArn',
]

/** The configuration after an update: what is given replaces what was, object by object. */
export function updated(before: Configuration, given: JsonObject): Configuration {
  const next = { ...before, ...pick(given, REPLACED_WHOLE) }
  validate(next)
  return next
}

function validate(configuration: Configuration) {
  const source = reader(configuration).object('SourceConfiguration')
  if (!source) refuse('1 validation error detected: SourceConfiguration is required.')
  const repository = reader(source).object('ImageRepository')
  if (!repository)
    refuse('The sandbox runs services from image repositories only: ImageRepository is required.')
  const { ImageIdentifier: image, ImageRepositoryType: type } = textMap(repository)
  if (!image) refuse('ImageRepository.ImageIdentifier is required.')
  if (type !== 'ECR' && type !== 'ECR_PUBLIC')
    refuse('ImageRepository.ImageRepositoryType must be ECR or ECR_PUBLIC.')
  if (type === 'ECR' && !parseReference(image)) refuse(`Invalid image identifier: ${image}`)
  const authentication = isObject(source?.AuthenticationConfiguration)
    ? source.AuthenticationConfiguration
    : {}
  if (type === 'ECR' && !authentication.AccessRoleArn)
    refuse('Authentication configuration is invalid. AccessRoleArn is required for ECR image repositories.')
  validateHealth(reader(configuration).object('HealthCheckConfiguration'))
}

function validateHealth(health: JsonObject | undefined) {
  for (const name of ['Interval', 'Timeout', 'HealthyThreshold', 'UnhealthyThreshold']) {
    const value = reader(health).number(name)
    if (value !== undefined && (value < 1 || value > 20))
      refuse(`HealthCheckConfiguration.${name} must be between 1 and 20.`)
  }
}

function refuse(message: string): never {
  throw new AwsError('InvalidRequestException', message)
}

import * as Sdk from '@aws-sdk/client-apprunner'
import { Busy, NoEndpoint, RolloutError } from '../errors/errors.ts'
import type { AppRunner, AppRunnerService } from '../ports/cloud.ts'
import type { Cancel } from './cancel.ts'
import {
  allowed,
  allPages,
  cancelable,
  clientRetries,
  eachOnce,
  hasNoAddress,
  isAwsError,
  keepAnswer,
  sendWhole,
  unlessError,
} from './clients.ts'

/** App Runner: https://docs.aws.amazon.com/apprunner/latest/api/. UpdateService replaces each top-level object whole. */
export function appRunnerAdapter(region: string, cancel?: Cancel): AppRunner {
  const client = cancelable(new Sdk.AppRunnerClient({ region, ...clientRetries }), cancel)
  const describe = async (arn: string): Promise<AppRunnerService> => {
    const command = new Sdk.DescribeServiceCommand({ ServiceArn: arn })
    const whole = keepAnswer(command)
    const answer = await client.send(command)
    return toService(answer.Service, sourceOf(whole()))
  }
  const arnOf = eachOnce(async name => {
    const services = await allPages<Sdk.ServiceSummary>(async NextToken => {
      const page = await client.send(new Sdk.ListServicesCommand({ NextToken }))
      return { items: page.ServiceSummaryList ?? [], next: page.NextToken }
    }, 'apprunner:ListServices').catch(error => {
      if (!hasNoAddress(error)) throw error
      throw new NoEndpoint(`App Runner has no endpoint in ${region} that this runner can find`, {
        cause: error,
      })
    })
    return services.find(service => service.ServiceName === name && service.Status !== 'DELETED')?.ServiceArn
  })
  return {
    describe,
    async service(name) {
      const arn = await arnOf(name)
      return arn === undefined ? undefined : describe(arn)
    },
    async operations(arn, until) {
      return allPages(async NextToken => {
        const page = await client.send(new Sdk.ListOperationsCommand({ ServiceArn: arn, NextToken }))
        const items = (page.OperationSummaryList ?? []).map(toOperation)
        return { items, next: items.some(item => item.id === until) ? undefined : page.NextToken }
      })
    },
    async vpcConnector(arn) {
      return unlessError(['ResourceNotFoundException'], async () => {
        const { VpcConnector: found } = await allowed('apprunner:DescribeVpcConnector', () =>
          client.send(new Sdk.DescribeVpcConnectorCommand({ VpcConnectorArn: arn })),
        )
        const { Subnets: subnets, SecurityGroups: securityGroups } = found ?? {}
        if (subnets !== undefined && securityGroups !== undefined) return { subnets, securityGroups }
        throw new RolloutError(
          `App Runner answered without the subnets and security groups of VPC connector ${arn}`,
        )
      })
    },
    async updateImage(service, image) {
      const command = new Sdk.UpdateServiceCommand({ ServiceArn: service.arn })
      sendWhole(command, { ServiceArn: service.arn, SourceConfiguration: withImage(service, image) })
      const answer = await client.send(command).catch(error => {
        if (!isAwsError(error, 'InvalidStateException')) throw error
        throw new Busy(`App Runner rejected the update of ${service.name}: ${error.message}`, {
          cause: error,
        })
      })
      if (answer.OperationId === undefined) {
        throw new RolloutError(
          `App Runner accepted the update of ${service.name} without an operation id: check the service in the console.`,
        )
      }
      return { operationId: answer.OperationId }
    },
  }
}

type Whole = Readonly<Record<string, unknown>>

/** The unchanged source configuration from AWS's JSON. */
function sourceOf(answer: Whole): Whole {
  const service = answer['Service'] as Whole | undefined
  return (service?.['SourceConfiguration'] ?? {}) as Whole
}

function withImage(service: AppRunnerService, image: string): Whole {
  const source = service.source as Whole
  const repository = source['ImageRepository'] as Whole | undefined
  if (repository === undefined) {
    throw new RolloutError(
      `App Runner service ${service.name} is built from source code: deploy it from an image instead.`,
    )
  }
  return { ...source, ImageRepository: { ...repository, ImageIdentifier: image } }
}

function toService(service: Sdk.Service | undefined, whole: Whole): AppRunnerService {
  const source = service?.SourceConfiguration
  const image = source?.ImageRepository
  return {
    arn: service?.ServiceArn ?? '',
    name: service?.ServiceName ?? '',
    url: service?.ServiceUrl ? `https://${service.ServiceUrl}` : '',
    status: service?.Status ?? '',
    image: image?.ImageIdentifier ?? '',
    automaticDeployments: source?.AutoDeploymentsEnabled ?? false,
    healthCheck: {
      protocol: service?.HealthCheckConfiguration?.Protocol ?? 'TCP',
      path: service?.HealthCheckConfiguration?.Path ?? '/',
      // https://docs.aws.amazon.com/apprunner/latest/api/API_HealthCheckConfiguration.html
      interval: service?.HealthCheckConfiguration?.Interval ?? 5,
      unhealthyThreshold: service?.HealthCheckConfiguration?.UnhealthyThreshold ?? 5,
    },
    environment: image?.ImageConfiguration?.RuntimeEnvironmentVariables ?? {},
    secrets: image?.ImageConfiguration?.RuntimeEnvironmentSecrets ?? {},
    memory: toMebibytes(service?.InstanceConfiguration?.Memory),
    vpcConnector: service?.NetworkConfiguration?.EgressConfiguration?.VpcConnectorArn,
    settings: toSettings(service),
    source: whole,
  }
}

/** Lists each setting, so that new members of App Runner's API do not appear as changes. */
function toSettings(service: Sdk.Service | undefined): Readonly<Record<string, string>> {
  const check = service?.HealthCheckConfiguration
  const network = service?.NetworkConfiguration
  const source = service?.SourceConfiguration
  const image = source?.ImageRepository?.ImageConfiguration
  const settings = {
    cpu: service?.InstanceConfiguration?.Cpu,
    memory: service?.InstanceConfiguration?.Memory,
    'instance role': service?.InstanceConfiguration?.InstanceRoleArn,
    'access role': source?.AuthenticationConfiguration?.AccessRoleArn,
    'automatic deployments': source?.AutoDeploymentsEnabled,
    'health check protocol': check?.Protocol,
    'health check path': check?.Path,
    'health check interval': check?.Interval,
    'health check timeout': check?.Timeout,
    'health check healthy threshold': check?.HealthyThreshold,
    'health check unhealthy threshold': check?.UnhealthyThreshold,
    'VPC connector': network?.EgressConfiguration?.VpcConnectorArn,
    egress: network?.EgressConfiguration?.EgressType,
    'publicly accessible': network?.IngressConfiguration?.IsPubliclyAccessible,
    'auto scaling configuration': service?.AutoScalingConfigurationSummary?.AutoScalingConfigurationArn,
    'observability configuration': service?.ObservabilityConfiguration?.ObservabilityConfigurationArn,
    'encryption key': service?.EncryptionConfiguration?.KmsKey,
    port: image?.Port,
    'start command': image?.StartCommand,
  }
  const set = Object.entries(settings).filter(([, value]) => value !== undefined)
  return Object.fromEntries(set.map(([name, value]) => [name, String(value)]))
}

/** `2048` or `2 GB`: https://docs.aws.amazon.com/apprunner/latest/api/API_InstanceConfiguration.html */
function toMebibytes(memory: string | undefined): number | undefined {
  const [, size, unit] = /^(\d+)\s*(GB)?$/.exec(memory ?? '') ?? []
  return size === undefined ? undefined : Number(size) * (unit === undefined ? 1 : 1024)
}

/** An operation without a status might still be running. */
function toOperation(operation: Sdk.OperationSummary) {
  if (operation.Status === undefined)
    throw new RolloutError('App Runner answered ListOperations with an operation that has no status.')
  return {
    id: operation.Id ?? '',
    type: operation.Type ?? '',
    status: operation.Status,
    startedAt: operation.StartedAt?.getTime(),
  }
}

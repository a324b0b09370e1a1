import { openProxy } from '../../vpc/proxy.ts'
import { AwsError } from '../errors.ts'
import { arn, REGION } from '../ids.ts'
import { type JsonObject, pick, type Reader, reader } from '../json.ts'
import { page } from '../paging.ts'
import type { Operations } from '../server.ts'
import { updated } from './configuration.ts'
import { beginDeployment, beginPause } from './operations.ts'
import type { AppRunnerOperation, AppRunnerService } from './types.ts'
import type { AppRunner } from './world.ts'

export function appRunnerOperations(world: AppRunner): Operations {
  const ask =
    (handle: (world: AppRunner, read: Reader) => JsonObject | Promise<JsonObject>) => (input: JsonObject) =>
      handle(world, reader(input, INVALID))
  return {
    ListServices: ask(listServices),
    DescribeService: ask((_, read) => ({ Service: serviceAnswer(serviceAsked(world, read)) })),
    CreateService: ask(createService),
    UpdateService: ask(updateService),
    StartDeployment: ask(startDeployment),
    ListOperations: ask(listOperations),
    PauseService: ask(pauseService),
    ResumeService: ask(resumeService),
    DescribeVpcConnector: ask(describeVpcConnector),
  }
}

const INVALID = 'InvalidRequestException'

function listServices(world: AppRunner, read: Reader): JsonObject {
  const { items, next } = page([...world.services.values()], paging(read))
  const summary = ['ServiceName', 'ServiceId', 'ServiceArn', 'ServiceUrl', 'CreatedAt', 'UpdatedAt', 'Status']
  return { ServiceSummaryList: items.map(service => pick(serviceAnswer(service), summary)), NextToken: next }
}

async function createService(world: AppRunner, read: Reader): Promise<JsonObject> {
  const name = read.needText('ServiceName')
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{3,39}$/.test(name))
    throw new AwsError(INVALID, `Service name ${name} is not valid.`)
  if ([...world.services.values()].some(service => service.name === name))
    throw new AwsError(INVALID, `Service with the provided name already exists: ${name}.`)
  const configuration = updated({}, read.input)
  const id = world.ids.hex(32)
  let made: AppRunnerService | undefined
  const service: AppRunnerService = {
    arn: arn('apprunner', `service/${name}/${id}`),
    id,
    name,
    url: `${id.slice(0, 10)}.${REGION}.awsapprunner.com`,
    createdAt: world.clock.now(),
    encryption: read.object('EncryptionConfiguration'),
    endpoint: await openProxy(() => made?.instance?.port),
    status: 'OPERATION_IN_PROGRESS',
    updatedAt: world.clock.now(),
    configuration,
    operations: [],
    instance: undefined,
    nextFailure: undefined,
  }
  made = service
  world.services.set(service.arn, service)
  const operation = beginDeployment(world, service, { type: 'CREATE_SERVICE' })
  return { Service: serviceAnswer(service), OperationId: operation.id }
}

function updateService(world: AppRunner, read: Reader): JsonObject {
  const service = serviceAsked(world, read)
  const configuration = updated(service.configuration, read.input)
  if (service.status !== 'RUNNING') busy('updated', service)
  const operation = beginDeployment(world, service, { type: 'UPDATE_SERVICE', configuration })
  return { Service: serviceAnswer(service), OperationId: operation.id }
}

function startDeployment(world: AppRunner, read: Reader): JsonObject {
  const service = serviceAsked(world, read)
  // This operation has no InvalidStateException in its model.
  if (service.status !== 'RUNNING')
    throw new AwsError(INVALID, `Service cannot be deployed in the current state: ${service.status}.`)
  return { OperationId: beginDeployment(world, service, { type: 'START_DEPLOYMENT' }).id }
}

function pauseService(world: AppRunner, read: Reader): JsonObject {
  const service = serviceAsked(world, read)
  if (service.status !== 'RUNNING') busy('paused', service)
  const operation = beginPause(world, service)
  return { Service: serviceAnswer(service), OperationId: operation.id }
}

function resumeService(world: AppRunner, read: Reader): JsonObject {
  const service = serviceAsked(world, read)
  if (service.status !== 'PAUSED') busy('resumed', service)
  const operation = beginDeployment(world, service, { type: 'RESUME_SERVICE' })
  return { Service: serviceAnswer(service), OperationId: operation.id }
}

function describeVpcConnector(world: AppRunner, read: Reader): JsonObject {
  const asked = read.needText('VpcConnectorArn')
  const found = world.connectors.get(asked)
  if (found === undefined)
    throw new AwsError(
      'ResourceNotFoundException',
      `VpcConnector with VpcConnectorArn: ${asked} is not found.`,
    )
  const [, name = '', revision = '1'] = found.arn.split('/')
  return {
    VpcConnector: {
      VpcConnectorName: name,
      VpcConnectorArn: found.arn,
      VpcConnectorRevision: Number(revision),
      Subnets: found.subnets,
      SecurityGroups: found.securityGroups,
      Status: 'ACTIVE',
      CreatedAt: world.clock.now(),
    },
  }
}

/** One operation at a time; the text is App Runner's own [REPORT, facts/aws.md 2.4]. */
function busy(verb: string, service: AppRunnerService): never {
  throw new AwsError(
    'InvalidStateException',
    `Service cannot be ${verb} in the current state: ${service.status}.`,
  )
}

function listOperations(world: AppRunner, read: Reader): JsonObject {
  const service = serviceAsked(world, read)
  const shownFrom = world.clock.now().getTime() - world.listLagSeconds() * 1000
  const shown = service.operations.filter(operation => operation.startedAt.getTime() <= shownFrom)
  const { items, next } = page(shown, paging(read))
  return {
    OperationSummaryList: items.map(operation => operationAnswer(service, operation)),
    NextToken: next,
  }
}

function serviceAsked(world: AppRunner, read: Reader): AppRunnerService {
  const asked = read.needText('ServiceArn')
  if (!/^arn:aws[\w-]*:apprunner:/.test(asked)) throw new AwsError(INVALID, `Invalid ServiceArn: ${asked}`)
  const service = world.services.get(asked)
  if (service) return service
  throw new AwsError('ResourceNotFoundException', `Service with ServiceArn: ${asked} is not found.`)
}

const paging = (read: Reader) => ({
  token: read.text('NextToken'),
  size: read.number('MaxResults'),
  limit: 20,
  invalid: INVALID,
})

export function serviceAnswer(service: AppRunnerService): JsonObject {
  const {
    AutoScalingConfigurationArn: scaling,
    InstanceConfiguration: instance,
    ...rest
  } = service.configuration
  return {
    ServiceName: service.name,
    ServiceId: service.id,
    ServiceArn: service.arn,
    ServiceUrl: service.url,
    CreatedAt: service.createdAt,
    UpdatedAt: service.updatedAt,
    Status: service.status,
    HealthCheckConfiguration: DEFAULT_HEALTH,
    NetworkConfiguration: DEFAULT_NETWORK,
    ...withDefaults(rest),
    InstanceConfiguration: { Cpu: '1024', Memory: '2048', ...Object(instance) },
    EncryptionConfiguration: service.encryption,
    AutoScalingConfigurationSummary: {
      AutoScalingConfigurationArn:
        scaling ??
        arn('apprunner', 'autoscalingconfiguration/DefaultConfiguration/1/00000000000000000000000000000001'),
      AutoScalingConfigurationName: 'DefaultConfiguration',
      AutoScalingConfigurationRevision: 1,
    },
  }
}

/** The members that App Runner fills in when a given object leaves them out. */
function withDefaults(configuration: JsonObject): JsonObject {
  const source = reader(configuration).object('SourceConfiguration')
  const health = reader(configuration).object('HealthCheckConfiguration')
  const network = reader(configuration).object('NetworkConfiguration')
  return {
    ...configuration,
    SourceConfiguration: { AutoDeploymentsEnabled: true, ...source },
    ...(health ? { HealthCheckConfiguration: { ...DEFAULT_HEALTH, ...health } } : {}),
    ...(network ? { NetworkConfiguration: { ...DEFAULT_NETWORK, ...network } } : {}),
  }
}

const DEFAULT_HEALTH = {
  Protocol: 'TCP',
  Path: '/',
  Interval: 5,
  Timeout: 2,
  HealthyThreshold: 1,
  UnhealthyThreshold: 5,
}

const DEFAULT_NETWORK = {
  EgressConfiguration: { EgressType: 'DEFAULT' },
  IngressConfiguration: { IsPubliclyAccessible: true },
  IpAddressType: 'IPV4',
}

const operationAnswer = (service: AppRunnerService, operation: AppRunnerOperation) => ({
  Id: operation.id,
  Type: operation.type,
  Status: operation.status,
  TargetArn: service.arn,
  StartedAt: operation.startedAt,
  EndedAt: operation.endedAt,
  UpdatedAt: operation.updatedAt,
})

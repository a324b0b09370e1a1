import { AwsError } from '../errors.ts'
import { arn, REGION } from '../ids.ts'
import { type JsonObject, pick, type Reader, reader } from '../json.ts'
import type { Operations } from '../server.ts'
import { beginDeployment } from './deployments.ts'
import { CANARY } from './express.ts'
import { makeService } from './services-api.ts'
import { tagsOf } from './tags.ts'
import type { Cluster, Service, ServiceRevision, TaskDefinition } from './types.ts'
import { clusterNamed, type Ecs, findService } from './world.ts'

/** ECS Express Mode: an ECS service and a load balancer beneath, made from one container. */
export function expressOperations(ecs: Ecs): Operations {
  const read = (input: JsonObject) => reader(input)
  return {
    CreateExpressGatewayService: input => create(ecs, read(input)),
    DescribeExpressGatewayService: input => {
      const withTags = read(input).texts('include').includes('TAGS')
      return { service: expressAnswer(asked(ecs, read(input), 'ResourceNotFoundException'), withTags) }
    },
    UpdateExpressGatewayService: input => update(ecs, read(input)),
    DeleteExpressGatewayService: input => remove(ecs, read(input)),
  }
}

const CONFIGURED = [
  'executionRoleArn',
  'taskRoleArn',
  'cpu',
  'memory',
  'networkConfiguration',
  'healthCheckPath',
  'primaryContainer',
  'scalingTarget',
]

async function create(ecs: Ecs, read: Reader): Promise<JsonObject> {
  const given = read.text('cluster')
  const cluster =
    given === undefined ? ecs.createCluster({ clusterName: 'default' }) : clusterNamed(ecs, given)
  read.needText('executionRoleArn')
  const infrastructureRoleArn = read.needText('infrastructureRoleArn')
  const name = read.text('serviceName') ?? `express-${ecs.ids.hex(8)}`
  if (findService(cluster, name)?.status === 'ACTIVE')
    throw new AwsError('InvalidParameterException', 'Creation of service was not idempotent.')
  const configuration = configured(
    { name, cluster },
    { cpu: '1024', memory: '2048', healthCheckPath: '/', ...pick(read.input, CONFIGURED) },
  )
  const service = await makeService(ecs, cluster, {
    input: {
      serviceName: name,
      taskDefinition: register(ecs, { name, cluster }, configuration).arn,
      desiredCount: reader(configuration.scalingTarget).number('minTaskCount') ?? 1,
      launchType: 'FARGATE',
      networkConfiguration: networkOf(configuration),
      loadBalancers: [
        {
          targetGroupArn: targetGroup(name, ecs.ids.hex(16)),
          containerName: 'Main',
          containerPort: portOf(configuration),
        },
      ],
      deploymentConfiguration: CANARY,
      tags: read.objects('tags'),
    },
    express: {
      infrastructureRoleArn,
      endpoint: `https://sa-${ecs.ids.hex(12)}.ecs.${REGION}.on.aws`,
      configuration,
      updatedAt: ecs.clock.now(),
    },
  })
  return isExpress(service) ? { service: expressAnswer(service, true) } : {}
}

/** Members that are given replace what was, each as a whole; the others stay. */
function update(ecs: Ecs, read: Reader): JsonObject {
  const service = asked(ecs, read, 'ServiceNotFoundException')
  if (service.status !== 'ACTIVE') throw new AwsError('ServiceNotActiveException', 'Service was not ACTIVE.')
  const { express } = service
  const configuration = configured(service, { ...express.configuration, ...pick(read.input, CONFIGURED) })
  service.taskDefinition = register(ecs, service, configuration)
  service.settings = { ...service.settings, networkConfiguration: networkOf(configuration) }
  service.desiredCount = reader(configuration.scalingTarget).number('minTaskCount') ?? service.desiredCount
  express.configuration = configuration
  express.updatedAt = ecs.clock.now()
  const { revision } = beginDeployment(service, { ids: ecs.ids, now: ecs.clock.now })
  ecs.wake(service)
  const { cluster, serviceName, serviceArn, status, createdAt, updatedAt } = expressAnswer(service, false)
  return {
    service: {
      ...{ cluster, serviceName, serviceArn, status, createdAt, updatedAt },
      targetConfiguration: configurationAnswer(service, revision),
    },
  }
}

function remove(ecs: Ecs, read: Reader): JsonObject {
  const service = asked(ecs, read, 'ServiceNotFoundException')
  if (service.status !== 'ACTIVE') throw new AwsError('ServiceNotActiveException', 'Service was not ACTIVE.')
  service.status = 'DRAINING'
  service.desiredCount = 0
  ecs.wake(service)
  return { service: expressAnswer(service, false) }
}

type ExpressService = Service & { readonly express: NonNullable<Service['express']> }

function asked(ecs: Ecs, read: Reader, missing: string): ExpressService {
  const serviceArn = read.needText('serviceArn')
  const [, cluster = '', name = ''] = /:service\/([^/]+)\/(.+)$/.exec(serviceArn) ?? []
  const service = ecs.clusters.get(cluster)?.services.get(name)
  if (service && isExpress(service)) return service
  throw new AwsError(missing, 'Service not found.')
}

export const isExpress = (service: Service): service is ExpressService => service.express !== undefined

function configured(service: Place, configuration: JsonObject): JsonObject {
  const container = reader(configuration).object('primaryContainer')
  reader(container).needText('image')
  const logs = { logGroup: `/aws/ecs/${service.cluster.name}/${service.name}`, logStreamPrefix: 'ecs' }
  return {
    ...configuration,
    primaryContainer: { containerPort: 80, awsLogsConfiguration: logs, ...container },
  }
}

type Place = { readonly name: string; readonly cluster: Cluster }

/** The task definition beneath: one container, `Main`, for x86. */
function register(ecs: Ecs, service: Place, configuration: JsonObject): TaskDefinition {
  const read = reader(configuration)
  const container = reader(read.object('primaryContainer'))
  const logs = reader(container.object('awsLogsConfiguration'))
  ecs.logs.createGroup(logs.needText('logGroup'))
  return ecs.definitions.register({
    family: `${service.cluster.name}-${service.name}`,
    networkMode: 'awsvpc',
    requiresCompatibilities: ['FARGATE'],
    runtimePlatform: { operatingSystemFamily: 'LINUX', cpuArchitecture: 'X86_64' },
    ...pick(configuration, ['cpu', 'memory', 'executionRoleArn', 'taskRoleArn']),
    containerDefinitions: [
      {
        name: 'Main',
        essential: true,
        ...pick(container.input, ['image', 'command', 'environment', 'secrets']),
        portMappings: [{ containerPort: portOf(configuration), protocol: 'tcp' }],
        logConfiguration: {
          logDriver: 'awslogs',
          options: {
            'awslogs-group': logs.needText('logGroup'),
            'awslogs-stream-prefix': logs.needText('logStreamPrefix'),
            'awslogs-region': REGION,
          },
        },
      },
    ],
  })
}

const portOf = (configuration: JsonObject) =>
  reader(reader(configuration).object('primaryContainer')).number('containerPort') ?? 80

function networkOf(configuration: JsonObject): JsonObject {
  const network = reader(reader(configuration).object('networkConfiguration'))
  const subnets = network.texts('subnets')
  return {
    awsvpcConfiguration: {
      subnets: subnets.length > 0 ? subnets : ['subnet-0default0000000001'],
      securityGroups: network.texts('securityGroups'),
      assignPublicIp: subnets.length > 0 ? 'DISABLED' : 'ENABLED',
    },
  }
}

const targetGroup = (name: string, id: string) =>
  arn('elasticloadbalancing', `targetgroup/ecs-gateway-tg-${name.slice(0, 12)}/${id}`)

export function expressAnswer(service: ExpressService, withTags: boolean): JsonObject {
  const current = service.serviceDeployments.find(record => record.finishedAt === undefined)
  return {
    cluster: service.cluster.name,
    serviceName: service.name,
    serviceArn: service.arn,
    infrastructureRoleArn: service.express.infrastructureRoleArn,
    status: { statusCode: service.status },
    currentDeployment: current?.arn,
    activeConfigurations: service.deployments.map(({ revision }) => configurationAnswer(service, revision)),
    tags: withTags ? tagsOf(service.tags) : undefined,
    createdAt: service.createdAt,
    updatedAt: service.express.updatedAt,
  }
}

const configurationAnswer = (service: ExpressService, revision: ServiceRevision): JsonObject => ({
  serviceRevisionArn: revision.arn,
  ...revision.express,
  ingressPaths: [{ accessType: 'PUBLIC', endpoint: service.express.endpoint }],
  createdAt: revision.createdAt,
})

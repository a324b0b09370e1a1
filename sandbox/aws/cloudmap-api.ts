import type { CloudMap, Instance, MapService, Namespace } from './cloudmap.ts'
import { AwsError } from './errors.ts'
import { ACCOUNT } from './ids.ts'
import { type JsonObject, type Reader, reader } from './json.ts'
import { page } from './paging.ts'
import type { Operations } from './server.ts'

export function cloudMapOperations(map: CloudMap): Operations {
  const ask = (handle: (map: CloudMap, read: Reader) => JsonObject) => (input: JsonObject) =>
    handle(map, reader(input, INVALID))
  return {
    ListNamespaces: ask(listNamespaces),
    GetNamespace: ask(getNamespace),
    ListServices: ask(listServices),
    GetService: ask(getService),
    ListInstances: ask(listInstances),
    GetInstance: ask(getInstance),
    GetInstancesHealthStatus: ask(getHealth),
    DiscoverInstances: ask(discover),
  }
}

const INVALID = 'InvalidInput'

function listNamespaces(map: CloudMap, read: Reader): JsonObject {
  const all = [...map.namespaces.values()].filter(namespace =>
    read.objects('Filters').every(filter => matches(filter, { NAME: namespace.name, TYPE: 'DNS_PRIVATE' })),
  )
  const { items, next } = page(all, paging(read))
  return { Namespaces: items.map(namespace => namespaceAnswer(map, namespace)), NextToken: next }
}

function getNamespace(map: CloudMap, read: Reader): JsonObject {
  const id = read.needText('Id').replace(/^arn:.*\//, '')
  const namespace = map.namespaces.get(id)
  if (!namespace) throw new AwsError('NamespaceNotFound', `Namespace with id ${id} does not exist.`)
  return { Namespace: { ...namespaceAnswer(map, namespace), CreatorRequestId: namespace.id } }
}

function listServices(map: CloudMap, read: Reader): JsonObject {
  const all = [...map.services.values()].filter(service =>
    read.objects('Filters').every(filter => matches(filter, { NAMESPACE_ID: service.namespaceId })),
  )
  const { items, next } = page(all, paging(read))
  return { Services: items.map(serviceAnswer), NextToken: next }
}

function getService(map: CloudMap, read: Reader): JsonObject {
  const service = serviceAsked(map, read.needText('Id'))
  return {
    Service: { ...serviceAnswer(service), NamespaceId: service.namespaceId, CreatorRequestId: service.id },
  }
}

function listInstances(map: CloudMap, read: Reader): JsonObject {
  const { items, next } = page(
    [...serviceAsked(map, read.needText('ServiceId')).instances.values()],
    paging(read),
  )
  return { ResourceOwner: ACCOUNT, Instances: items.map(instanceAnswer), NextToken: next }
}

function getInstance(map: CloudMap, read: Reader): JsonObject {
  const service = serviceAsked(map, read.needText('ServiceId'))
  const instance = instanceAsked(service, read.needText('InstanceId'))
  return { ResourceOwner: ACCOUNT, Instance: { ...instanceAnswer(instance), CreatorRequestId: instance.id } }
}

function getHealth(map: CloudMap, read: Reader): JsonObject {
  const service = serviceAsked(map, read.needText('ServiceId'))
  const asked = read.texts('Instances')
  const chosen =
    asked.length > 0 ? asked.map(id => instanceAsked(service, id)) : [...service.instances.values()]
  if (chosen.length === 0)
    throw new AwsError('InstanceNotFound', `No instances found for service ${service.id}.`)
  const { items, next } = page(chosen, paging(read))
  return { Status: Object.fromEntries(items.map(({ id, health }) => [id, health])), NextToken: next }
}

function discover(map: CloudMap, read: Reader): JsonObject {
  const name = read.needText('NamespaceName')
  const namespace = [...map.namespaces.values()].find(candidate => candidate.name === name)
  if (!namespace) throw new AwsError('NamespaceNotFound', `Namespace not found: ${name}`)
  const serviceName = read.needText('ServiceName')
  const service = [...map.services.values()].find(
    s => s.name === serviceName && s.namespaceId === namespace.id,
  )
  if (!service) throw new AwsError('ServiceNotFound', `Service not found: ${serviceName}`)
  const instances = wantedHealth([...service.instances.values()], read.text('HealthStatus') ?? 'ALL')
  return {
    Instances: instances.slice(0, read.number('MaxResults') ?? 100).map(instance => ({
      InstanceId: instance.id,
      NamespaceName: name,
      ServiceName: serviceName,
      HealthStatus: instance.health,
      Attributes: instance.attributes,
    })),
    InstancesRevision: 1,
  }
}

function wantedHealth(instances: readonly Instance[], status: string): readonly Instance[] {
  const having = (health: string) => instances.filter(instance => instance.health === health)
  if (status === 'ALL') return instances
  if (status !== 'HEALTHY_OR_ELSE_ALL') return having(status)
  return having('HEALTHY').length > 0 ? having('HEALTHY') : instances
}

function serviceAsked(map: CloudMap, id: string): MapService {
  const service = map.services.get(id.replace(/^arn:.*\//, ''))
  if (service) return service
  throw new AwsError('ServiceNotFound', `Service with id ${id} does not exist.`)
}

function instanceAsked(service: MapService, id: string): Instance {
  const instance = service.instances.get(id)
  if (instance) return instance
  throw new AwsError('InstanceNotFound', `Instance with id ${id} does not exist.`)
}

function matches(filter: JsonObject, values: Readonly<Record<string, string>>): boolean {
  const read = reader(filter, INVALID)
  const value = values[read.needText('Name')]
  if (value === undefined) return true
  const wanted = read.texts('Values')
  return read.text('Condition') === 'BEGINS_WITH'
    ? wanted.some(prefix => value.startsWith(prefix))
    : wanted.includes(value)
}

const paging = (read: Reader) => ({
  token: read.text('NextToken'),
  size: read.number('MaxResults'),
  limit: 100,
  invalid: INVALID,
})

const instanceAnswer = (instance: Instance) => ({
  Id: instance.id,
  Attributes: instance.attributes,
  CreatedByAccount: ACCOUNT,
})

const namespaceAnswer = (map: CloudMap, namespace: Namespace) => ({
  Id: namespace.id,
  Arn: namespace.arn,
  ResourceOwner: ACCOUNT,
  Name: namespace.name,
  Type: 'DNS_PRIVATE',
  ServiceCount: [...map.services.values()].filter(service => service.namespaceId === namespace.id).length,
  Properties: {
    DnsProperties: { HostedZoneId: namespace.zone, SOA: { TTL: 15 } },
    HttpProperties: { HttpName: namespace.name },
  },
  CreateDate: namespace.createdAt,
})

const serviceAnswer = (service: MapService) => ({
  Id: service.id,
  Arn: service.arn,
  ResourceOwner: ACCOUNT,
  Name: service.name,
  Type: 'DNS_HTTP',
  InstanceCount: service.instances.size,
  DnsConfig: {
    NamespaceId: service.namespaceId,
    RoutingPolicy: 'MULTIVALUE',
    DnsRecords: [{ Type: service.records ?? 'A', TTL: service.ttl }],
  },
  HealthCheckCustomConfig: service.customHealth ? { FailureThreshold: 1 } : undefined,
  CreateDate: service.createdAt,
  CreatedByAccount: ACCOUNT,
})

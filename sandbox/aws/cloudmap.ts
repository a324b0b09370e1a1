import type { Clock } from './clock.ts'
import { arn, type Ids } from './ids.ts'

/** Cloud Map: namespaces, services, instances; a reported health counts after about 30 s [MODEL, facts/aws.md 2.3]. */
export function makeCloudMap(options: { ids: Ids; clock: Clock }): CloudMap {
  const { ids, clock } = options
  const namespaces = new Map<string, Namespace>()
  const services = new Map<string, MapService>()

  const createNamespace = (name: string) => {
    const id = `ns-${ids.base32(16)}`
    const zone = `Z${ids.hex(20).toUpperCase()}`
    const made = { id, arn: arn('servicediscovery', `namespace/${id}`), name, createdAt: clock.now(), zone }
    namespaces.set(id, made)
    return made
  }

  const createService = (spec: MapServiceSpec) => {
    const id = `srv-${ids.base32(16)}`
    const made: MapService = {
      ...spec,
      id,
      arn: arn('servicediscovery', `service/${id}`),
      createdAt: clock.now(),
      instances: new Map(),
    }
    services.set(id, made)
    return made
  }

  const register = (service: MapService, id: string, attributes: Readonly<Record<string, string>>) => {
    const health =
      service.customHealth && attributes.AWS_INIT_HEALTH_STATUS === 'UNHEALTHY' ? 'UNHEALTHY' : 'HEALTHY'
    service.instances.set(id, { id, attributes, health })
  }

  const reportHealth = (service: MapService, id: string, health: Health) => {
    clock.after(HEALTH_DELAY, () => {
      const instance = service.instances.get(id)
      if (instance) instance.health = health
    })
  }

  return {
    namespaces,
    services,
    createNamespace,
    createService,
    register,
    reportHealth,
    deregister: (service, id) => void service.instances.delete(id),
    serviceByArn: wanted => [...services.values()].find(service => service.arn === wanted),
    addresses: name => addressesOf(namespaces, services, name),
  }
}

const HEALTH_DELAY = 30

export type Health = 'HEALTHY' | 'UNHEALTHY'
export type Namespace = {
  readonly id: string
  readonly arn: string
  readonly name: string
  readonly createdAt: Date
  readonly zone: string
}
export type Instance = {
  readonly id: string
  readonly attributes: Readonly<Record<string, string>>
  health: Health
}
export type MapServiceSpec = {
  readonly namespaceId: string
  readonly name: string
  readonly ttl: number
  /** Whether it has a HealthCheckCustomConfig, so that ECS reports container health. */
  readonly customHealth: boolean
  /** Type of its DNS records; `A` by default. */
  readonly records?: 'A' | 'SRV'
}
export type MapService = MapServiceSpec & {
  readonly id: string
  readonly arn: string
  readonly createdAt: Date
  readonly instances: Map<string, Instance>
}

export type CloudMap = {
  readonly namespaces: ReadonlyMap<string, Namespace>
  readonly services: ReadonlyMap<string, MapService>
  createNamespace(name: string): Namespace
  createService(spec: MapServiceSpec): MapService
  register(service: MapService, id: string, attributes: Readonly<Record<string, string>>): void
  reportHealth(service: MapService, id: string, health: Health): void
  deregister(service: MapService, id: string): void
  serviceByArn(arn: string): MapService | undefined
  /** The A records of a name; undefined when the name does not exist. */
  addresses(name: string): readonly string[] | undefined
}

/** DNS answers healthy instances, and all of them when none is healthy, as Route 53 does. */
function addressesOf(
  namespaces: ReadonlyMap<string, Namespace>,
  services: ReadonlyMap<string, MapService>,
  name: string,
) {
  const service = [...services.values()].find(
    s => `${s.name}.${namespaces.get(s.namespaceId)?.name}` === name,
  )
  if (!service) return undefined
  const all = [...service.instances.values()]
  const healthy = all.filter(instance => instance.health === 'HEALTHY')
  return (healthy.length > 0 ? healthy : all).flatMap(instance => instance.attributes.AWS_INSTANCE_IPV4 ?? [])
}

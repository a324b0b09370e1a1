import * as Sdk from '@aws-sdk/client-servicediscovery'
import { RolloutError } from '../errors/errors.ts'
import type { CloudMap } from '../ports/cloud.ts'
import type { Cancel } from './cancel.ts'
import { allPages, cancelable, clientRetries, eachOnce, unlessError } from './clients.ts'

/**
 * Cloud Map. GetInstancesHealthStatus, not DiscoverInstances: that has a separate endpoint (`data-servicediscovery…`)
 * and omits unhealthy instances by default.
 */
export function cloudMapAdapter(region: string, cancel?: Cancel): CloudMap {
  const client = cancelable(new Sdk.ServiceDiscoveryClient({ region, ...clientRetries }), cancel)
  // Names do not change, and a rollout of ClickHouse reads the instances many times.
  const settingsOf = eachOnce(readSettings)
  return {
    async service(arn) {
      const id = idOf(arn)
      const [{ service, name }, instances] = await Promise.all([settingsOf(id), instancesOf(id)])
      const health = await healthOf(id, instances.length)
      return {
        name,
        records: (service.DnsConfig?.DnsRecords ?? []).map(({ Type, TTL }) => ({
          type: Type ?? '',
          ttl: TTL ?? 0,
        })),
        customHealth: service.HealthCheckCustomConfig !== undefined,
        instances: instances.map(instance => ({
          id: instance.Id ?? '',
          address: instance.Attributes?.AWS_INSTANCE_IPV4,
          health: health[instance.Id ?? ''] ?? 'UNKNOWN',
        })),
      }
    },
    async addresses(arn) {
      const instances = await instancesOf(idOf(arn))
      return instances.map(instance => instance.Attributes?.['AWS_INSTANCE_IPV4'] ?? 'no address').sort()
    },
    async health(arn) {
      const health = await unlessError(['InstanceNotFound'], () => healthOf(idOf(arn), 1))
      return Object.values(health ?? {})
    },
  }

  /** The name is compared with the one that clients use. */
  async function readSettings(id: string) {
    const service = (await client.send(new Sdk.GetServiceCommand({ Id: id }))).Service
    const namespace = await client.send(new Sdk.GetNamespaceCommand({ Id: service?.NamespaceId }))
    const [first, rest] = [service?.Name, namespace.Namespace?.Name]
    if (service === undefined || first === undefined || rest === undefined)
      throw new RolloutError(`Cloud Map answered without the name of service ${id}.`)
    return { service, name: `${first}.${rest}` }
  }

  function instancesOf(id: string): Promise<readonly Sdk.InstanceSummary[]> {
    return allPages(async NextToken => {
      const page = await client.send(new Sdk.ListInstancesCommand({ ServiceId: id, NextToken }))
      return { items: page.Instances ?? [], next: page.NextToken }
    })
  }

  async function healthOf(id: string, instances: number): Promise<Record<string, string>> {
    // Without instances the call fails with InstanceNotFound.
    if (instances === 0) return {}
    const answer = await client.send(new Sdk.GetInstancesHealthStatusCommand({ ServiceId: id }))
    return answer.Status ?? {}
  }
}

function idOf(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1)
}

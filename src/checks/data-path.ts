import type { Unseen } from '../stack/stack.ts'
import type { Check, Finding } from './check.ts'
import { failed, inconclusive, passed, skipped, warning } from './check.ts'

export const cloudMap = {
  id: 'cloud-map',
  title: "ClickHouse's name leads to the running task",
  group: 'control-plane',
  needs: [],
  settles: true,
  about: ['cloud-map', 'clickhouse'],
  run({ stack }) {
    if (!stack.discovery.known)
      return unseen(stack.discovery, 'web and worker must find ClickHouse in another way')
    const { name, instances } = stack.discovery.value
    const [instance] = instances
    const [task] = stack.clickhouse.tasks
    if (instance === undefined)
      return failed(
        `${name} leads nowhere: Cloud Map has no instance, so web and worker cannot find ClickHouse.`,
      )
    if (instances.length > 1) {
      const addresses = instances.map(item => item.address).join(', ')
      return failed(
        `${name} leads to ${instances.length} addresses (${addresses}), of which one task can answer: deregister the stale instances.`,
      )
    }
    if (task === undefined)
      return failed(`${name} leads to ${instance.address}, but no ClickHouse task runs.`)
    if (instance.address !== task.address) {
      return failed(
        `${name} leads to ${instance.address}, but the running task has ${task.address}: a stale instance, deregister it and force a new deployment.`,
      )
    }
    if (instance.health !== 'HEALTHY')
      return failed(`${name} leads to ${instance.address}, which Cloud Map calls ${instance.health}.`)
    return passed(`${name} leads to ${instance.address}, the running task.`)
  },
} as const satisfies Check

const LONGEST_TTL = 60

/** Its instances are there; whether they are found in time is a matter of how it is set up. */
export const cloudMapSettings = {
  id: 'cloud-map-settings',
  title: "ClickHouse's name follows its task",
  group: 'control-plane',
  needs: [],
  settles: false,
  about: ['cloud-map'],
  run({ stack }) {
    const { discovery } = stack
    if (!discovery.known)
      return discovery.because === 'not-asked'
        ? skipped(`${discovery.reason}.`)
        : inconclusive(`${discovery.reason}.`)
    const { name, records, customHealth } = discovery.value
    if (records === undefined) return skipped(`Cloud Map does not say how ${name} is answered.`)
    const address = records.find(({ type }) => type === 'A')
    if (address === undefined)
      return failed(
        `${name} has no A record (${records.map(({ type }) => type).join(', ') || 'no DNS record at all'}), so no URL with that name resolves: create the Cloud Map service with DNS records of type A.`,
      )
    if (address.ttl > LONGEST_TTL)
      return warning(
        `${name} has a TTL of ${address.ttl} s: after ClickHouse was replaced, web and worker go on asking the old address for that long. Set it to 10 s.`,
      )
    if (customHealth === false)
      return warning(
        `${name} has no custom health configuration, so Cloud Map calls every registered task healthy, whatever its health check says: create its service with HealthCheckCustomConfig.`,
      )
    return passed(`${name} is an A record with a TTL of ${address.ttl} s, and ECS tells its health.`)
  },
} as const satisfies Check

/** A part that the stack does not have is no missing evidence: it is said, and what follows from it. */
function unseen(part: { readonly reason: string; readonly because: Unseen }, then: string): Finding {
  return part.because === 'not-asked' ? warning(`${part.reason}: ${then}.`) : inconclusive(`${part.reason}.`)
}

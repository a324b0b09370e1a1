import { absent, type Check, failed, KIND, missing, passed, skipped, unseen, warning } from './check.ts'

export const cloudMap = {
  ...KIND.rollout,
  id: 'cloud-map',
  title: "ClickHouse's name resolves to the running task",
  about: ['cloud-map', 'clickhouse'],
  run({ stack }) {
    if (!stack.discovery.known)
      return absent(stack.discovery, 'web and worker need another way to find ClickHouse')
    const { name, instances } = stack.discovery.value
    const [instance] = instances
    const [task] = stack.clickhouse.tasks
    if (instance === undefined)
      return failed(
        `${name} does not resolve: Cloud Map has no instance of it, so web and worker cannot reach ClickHouse. Force a new deployment of ClickHouse.`,
      )
    if (instances.length > 1) {
      const addresses = instances.map(item => item.address).join(', ')
      return failed(
        `${name} resolves to ${instances.length} addresses (${addresses}), but only one can be ClickHouse: deregister the stale instances in Cloud Map.`,
      )
    }
    if (task === undefined)
      return failed(
        `${name} resolves to ${instance.address}, but no ClickHouse task runs: check the events of its ECS service.`,
      )
    if (instance.address !== task.address)
      return failed(
        `${name} resolves to ${instance.address}, but the running task has ${task.address}. Deregister the stale instance in Cloud Map, then force a new deployment of ClickHouse.`,
      )
    if (instance.health !== 'HEALTHY')
      return failed(
        `${name} resolves to ${instance.address}, which Cloud Map reports as ${instance.health}: check ClickHouse's container health check.`,
      )
    return passed(`${name} resolves to ${instance.address}, the running task.`)
  },
} as const satisfies Check

const LONGEST_TTL = 60

export const cloudMapSettings = {
  ...KIND.setUp,
  id: 'cloud-map-settings',
  title: "ClickHouse's DNS record is up to date soon after a change",
  about: ['cloud-map'],
  run({ stack }) {
    const { discovery } = stack
    if (!discovery.known) return missing(discovery)
    const { name, records, customHealth } = discovery.value
    if (records === undefined) return skipped(`Cloud Map does not report the DNS records of ${name}.`)
    const address = records.find(({ type }) => type === 'A')
    if (address === undefined)
      return failed(
        `${name} has no A record (${records.map(({ type }) => type).join(', ') || 'no DNS record at all'}), so a URL with that name does not resolve: create the Cloud Map service with DNS records of type A.`,
      )
    if (address.ttl > LONGEST_TTL)
      return warning(
        `${name} has a TTL of ${address.ttl} s, so web and worker use the old address that long after ClickHouse is replaced. Set it to 10 s.`,
      )
    if (customHealth === false)
      return warning(
        `${name} has no custom health configuration, so Cloud Map reports every registered task as healthy: create its service with HealthCheckCustomConfig.`,
      )
    return passed(`${name} is an A record with a TTL of ${address.ttl} s, and ECS reports its health.`)
  },
} as const satisfies Check

export const clickhouseName = {
  ...KIND.stores,
  id: 'clickhouse-name',
  title: "ClickHouse's name resolves inside the VPC",
  about: ['cloud-map', 'clickhouse'],
  run({ stack }) {
    const { name } = stack.probe
    if (!name.known) return unseen(name)
    const { addresses } = name.value
    const running = stack.clickhouse.tasks.flatMap(task => task.address ?? [])
    const stale = addresses.filter(address => !running.includes(address))
    // A name that is not Cloud Map's (a load balancer, a tunnel) resolves elsewhere; `/ping` shows whether it works.
    const ours = stack.discovery.known && stack.discovery.value.name === name.value.name
    if (addresses.length === 0)
      return failed(
        `${name.value.name} does not resolve inside the VPC: check Cloud Map and the DNS settings of the VPC.`,
      )
    if (ours && stale.length > 0)
      return failed(
        `Inside the VPC ${name.value.name} resolves to ${stale.join(', ')}, where no ClickHouse task runs (running: ${running.join(', ') || 'none'}). Deregister the stale instance in Cloud Map; DNS drops it after its TTL.`,
      )
    return passed(`${name.value.name} resolves to ${addresses.join(', ')}.`)
  },
} as const satisfies Check

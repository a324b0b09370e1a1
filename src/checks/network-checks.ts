import type { Network, Store } from '../stack/observe-network.ts'
import type { Observed, Stack, Unseen } from '../stack/stack.ts'
import type { Check, Finding, Subject } from './check.ts'
import { failed, inconclusive, passed, skipped, warning } from './check.ts'
import { type Reach, reach, type Side, side } from './reach.ts'

export const vpcDns = {
  id: 'vpc-dns',
  title: "The VPC resolves EFS's and Cloud Map's names",
  group: 'control-plane',
  needs: ['infrastructure'],
  settles: false,
  about: ['efs', 'cloud-map'],
  run: onNetwork(({ dns }) => {
    if (!dns.known) return missing(dns)
    const { vpc, support, hostnames, servers } = dns.value
    if (!support)
      return failed(
        `VPC ${vpc} has enableDnsSupport off, so neither EFS's names nor Cloud Map's resolve: no ClickHouse task can mount its volume ("Failed to resolve", "botocore"), and nobody finds ClickHouse. Turn it on.`,
      )
    if (!hostnames)
      return failed(
        `VPC ${vpc} has enableDnsHostnames off, so EFS's names and private zones such as Cloud Map's do not resolve reliably: a ClickHouse task fails to start with "Failed to resolve" and "botocore". Turn it on.`,
      )
    if (servers === undefined || servers.length === 0 || servers.includes('AmazonProvidedDNS'))
      return passed(`${vpc} has DNS support and DNS hostnames.`)
    return warning(
      `${vpc} asks DNS servers of its own (${servers.join(', ')}), and no ClickHouse task runs: they have to forward amazonaws.com and the Cloud Map zone to the VPC's resolver, else EFS's names do not resolve. Correct the DHCP options, or the servers.`,
    )
  }),
} as const satisfies Check

const FEW = 4

const subnetRoom = {
  id: 'subnet-addresses',
  title: 'There are free addresses for new tasks',
  group: 'control-plane',
  needs: ['infrastructure'],
  settles: false,
  about: ['worker', 'clickhouse'],
  run: onNetwork(({ subnets }, { worker, clickhouse }) => {
    if (!subnets.known) return missing(subnets)
    const ids = [...new Set([...clickhouse.service.subnets, ...worker.service.subnets])]
    const gone = ids.filter(id => !subnets.value.some(subnet => subnet.id === id))
    if (gone.length > 0)
      return failed(
        `Subnet ${gone.join(', ')} of the ECS services does not exist (any more), so tasks that are put there fail to start: take it out of the service's network configuration.`,
      )
    const own = subnets.value.filter(({ id }) => ids.includes(id))
    const full = own.filter(({ free }) => free === 0)
    if (full.length > 0)
      return failed(
        `Subnet ${full.map(({ id, zone }) => `${id} (${zone})`).join(', ')} has no free address, so a task that is put there fails to start: free some, or use a larger subnet.`,
      )
    const tight = own.find(({ free }) => free < FEW)
    if (tight !== undefined)
      return warning(
        `Subnet ${tight.id} has ${tight.free} free addresses: a rollout needs one for each new task, the agent another. Free some, or use a larger subnet.`,
      )
    return passed(
      `${own.length} subnets with at least ${Math.min(...own.map(({ free }) => free))} free addresses.`,
    )
  }),
} as const satisfies Check

const webInVpc = {
  id: 'web-in-vpc',
  title: 'The web sends into the VPC',
  group: 'control-plane',
  needs: ['infrastructure'],
  settles: false,
  about: ['web'],
  run: onNetwork(({ web }, stack) => {
    if (web.known) return passed(`By ${web.source}.`)
    if (web.because !== 'unreachable') return missing(web)
    return failed(
      `${capital(web.reason)}, so ${stack.web.service.name} reaches neither PostgreSQL nor ClickHouse nor Valkey: give it a VPC connector into their subnets.`,
    )
  }),
} as const satisfies Check

const toClickHouse = {
  id: 'path-to-clickhouse',
  title: 'Worker and web may reach ClickHouse',
  group: 'control-plane',
  needs: ['infrastructure'],
  settles: false,
  about: ['worker', 'web', 'clickhouse'],
  run: onNetwork((network, stack) => {
    const to = side('ClickHouse', stack.clickhouse.service)
    return evaluatePaths(
      sources(network, stack).map(source => ({ ...source, to, ports: clickhousePorts(source.environment) })),
      network,
    )
  }),
} as const satisfies Check

const toPostgres = pathToStore('postgres', 'PostgreSQL', () => 5432)
const toValkey = pathToStore('valkey', 'Valkey', ({ REDIS_PORT, REDIS_CONNECTION_STRING: url }) =>
  Number(REDIS_PORT || (url && URL.canParse(url) && new URL(url).port) || 6379),
)

export const NETWORK_CHECKS = [vpcDns, subnetRoom, webInVpc, toClickHouse, toPostgres, toValkey] as const

function pathToStore<Name extends 'postgres' | 'valkey'>(
  store: Name,
  title: string,
  portOf: (environment: Environment) => number,
): Check<`path-to-${Name}`> {
  return {
    id: `path-to-${store}`,
    title: `Worker and web may reach ${title}`,
    group: 'control-plane',
    needs: ['infrastructure'],
    settles: false,
    about: ['worker', 'web', store],
    run: onNetwork((network, stack) => {
      const target: Observed<Store> = network[store]
      if (!target.known) return missing(target)
      const { name, securityGroups, port } = target.value
      const to = { who: name, securityGroups, subnets: undefined }
      return evaluatePaths(
        sources(network, stack).map(source => ({
          ...source,
          to,
          ports: [port ?? portOf(source.environment)],
        })),
        network,
      )
    }),
  }
}

type Environment = Readonly<Record<string, string | undefined>>

/** HTTP for queries, the native protocol for migrations: the worker's place is also where `migrate: task` runs them. */
function clickhousePorts({ CLICKHOUSE_URL: url, CLICKHOUSE_MIGRATION_URL: native }: Environment) {
  const http = url && URL.canParse(url) ? new URL(url) : undefined
  const migrations = /:(\d+)/.exec(native?.replace(/^\w+:\/\//, '') ?? '')?.[1]
  const usual = http?.protocol === 'https:' ? 8443 : 8123
  return [Number(http?.port || usual), Number(migrations || 9000)]
}

type Source = { readonly environment: Environment; readonly from: Observed<Side> }

function sources({ web }: Network, stack: Stack): readonly Source[] {
  return [
    {
      environment: stack.worker.container.environment,
      from: { known: true, value: side('the worker', stack.worker.service), source: 'ecs:DescribeServices' },
    },
    {
      environment: stack.web.environment,
      from: web.known ? { ...web, value: side('the web', web.value) } : web,
    },
  ]
}

type Paths = Source & { readonly to: Side; readonly ports: readonly number[] }

function evaluatePaths(paths: readonly Paths[], network: Network): Finding {
  const reaches = paths.flatMap(({ from, to, ports }): readonly Reach[] =>
    from.known
      ? ports.map(port => reach(network, { from: from.value, to, port }))
      : // That the web stands nowhere is said once, by its own check.
        [
          {
            state: 'unseen',
            reason: from.reason,
            because: from.because === 'no-evidence' ? 'no-evidence' : 'not-asked',
          },
        ],
  )
  const [{ to, ports } = { to: undefined, ports: [] }] = paths
  return evaluateReaches(reaches, `${to?.who} on ${ports.join(' and ')} lets worker and web in.`)
}

/** The worst of all; nothing passes while one of them was not seen. */
export function evaluateReaches(reaches: readonly Reach[], good: string): Finding {
  const sentences = (state: 'closed' | 'partly') => [
    ...new Set(reaches.flatMap(one => (one.state === state ? one.sentence : []))),
  ]
  const closed = sentences('closed')
  if (closed.length > 0) return failed(closed.join(' '))
  const unseen = reaches.filter(one => one.state === 'unseen')
  const lost = unseen.find(({ because }) => because === 'no-evidence')
  if (lost !== undefined) return missing(lost)
  const partly = sentences('partly')
  if (partly.length > 0) return warning(partly.join(' '))
  const [undecided] = unseen
  return undecided === undefined ? passed(good) : missing(undecided)
}

/** The check is about the network; it has nothing to say where that was not seen. */
export function onNetwork(evaluate: (network: Network, stack: Stack) => Finding): Check['run'] {
  return ({ stack }: Subject) => {
    const { network } = stack.infrastructure
    return network.known ? evaluate(network.value, stack) : missing(network)
  }
}

/** What nobody asked for is skipped; what could not be had leaves the question open. */
export function missing({ reason, because }: { readonly reason: string; readonly because: Unseen }): Finding {
  const sentence = `${capital(reason)}.`
  return because === 'not-asked' ? skipped(sentence) : inconclusive(sentence)
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

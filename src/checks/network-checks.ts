import type { Network, Store } from '../stack/observe-network.ts'
import type { Observed, Stack, Unseen } from '../stack/stack.ts'
import type { Check, Finding, Subject } from './check.ts'
import { failed, inconclusive, passed, skipped, warning } from './check.ts'
import { type Reach, reach, type Side, side } from './reach.ts'

export const vpcDns = {
  id: 'vpc-dns',
  title: 'The VPC resolves the names of EFS and Cloud Map',
  group: 'control-plane',
  needs: ['infrastructure'],
  settles: false,
  about: ['efs', 'cloud-map'],
  run: onNetwork(({ dns }) => {
    if (!dns.known) return missing(dns)
    const { vpc, support, hostnames, servers } = dns.value
    if (!support)
      return failed(
        `VPC ${vpc} has enableDnsSupport off, so the names of EFS and Cloud Map do not resolve. ClickHouse tasks cannot mount their volume ("Failed to resolve", "botocore"), and web and worker cannot find ClickHouse. Turn it on.`,
      )
    if (!hostnames)
      return failed(
        `VPC ${vpc} has enableDnsHostnames off, so the names of EFS and of private zones such as Cloud Map's do not resolve reliably. ClickHouse tasks then fail to start with "Failed to resolve" and "botocore". Turn it on.`,
      )
    if (servers === undefined || servers.length === 0 || servers.includes('AmazonProvidedDNS'))
      return passed(`VPC ${vpc} has DNS support and DNS hostnames.`)
    return warning(
      `VPC ${vpc} uses custom DNS servers (${servers.join(', ')}), and no ClickHouse task runs. These servers must forward amazonaws.com and the Cloud Map zone to the VPC's resolver; otherwise EFS names do not resolve. Correct the DHCP options or the servers.`,
    )
  }),
} as const satisfies Check

const FEW = 4

const subnetRoom = {
  id: 'subnet-addresses',
  title: 'Subnets have free addresses for new tasks',
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
        `Subnet ${gone.join(', ')} of the ECS services does not exist, so tasks placed there fail to start: remove it from the network configuration of the services.`,
      )
    const own = subnets.value.filter(({ id }) => ids.includes(id))
    const full = own.filter(({ free }) => free === 0)
    if (full.length > 0)
      return failed(
        `Subnet ${full.map(({ id, zone }) => `${id} (${zone})`).join(', ')} has no free address, so a task placed there fails to start: free addresses, or use a larger subnet.`,
      )
    const tight = own.find(({ free }) => free < FEW)
    if (tight !== undefined)
      return warning(
        `Subnet ${tight.id} has ${tight.free} free addresses, but a rollout needs one for each new task and one for the agent. Free addresses, or use a larger subnet.`,
      )
    return passed(
      `${own.length} subnets have at least ${Math.min(...own.map(({ free }) => free))} free addresses each.`,
    )
  }),
} as const satisfies Check

const webInVpc = {
  id: 'web-in-vpc',
  title: 'The web is connected to the VPC',
  group: 'control-plane',
  needs: ['infrastructure'],
  settles: false,
  about: ['web'],
  run: onNetwork(({ web }, stack) => {
    if (web.known) return passed(`The web is connected by ${web.source}.`)
    if (web.because !== 'unreachable') return missing(web)
    return failed(
      `${capital(web.reason)}, so ${stack.web.service.name} cannot reach PostgreSQL, ClickHouse or Valkey: give it a VPC connector to their subnets.`,
    )
  }),
} as const satisfies Check

const toClickHouse = {
  id: 'path-to-clickhouse',
  title: 'Security groups let worker and web reach ClickHouse',
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
    title: `Security groups let worker and web reach ${title}`,
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

/** HTTP for queries, the native protocol for migrations, which `migrate: task` runs in the worker's network. */
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
      : // Only check `web-in-vpc` reports a web without a VPC connector.
        [
          {
            state: 'unseen',
            reason: from.reason,
            because: from.because === 'no-evidence' ? 'no-evidence' : 'not-asked',
          },
        ],
  )
  const [{ to, ports } = { to: undefined, ports: [] }] = paths
  return evaluateReaches(reaches, `${to?.who} lets worker and web in on port ${ports.join(' and ')}.`)
}

/** The worst of all; passes only if each is known to be open. */
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

/** Evaluates the network, if it could be read. */
export function onNetwork(evaluate: (network: Network, stack: Stack) => Finding): Check['run'] {
  return ({ stack }: Subject) => {
    const { network } = stack.infrastructure
    return network.known ? evaluate(network.value, stack) : missing(network)
  }
}

/** Evidence that this run did not need is skipped; evidence that could not be read is inconclusive. */
export function missing({ reason, because }: { readonly reason: string; readonly because: Unseen }): Finding {
  const sentence = `${capital(reason)}.`
  return because === 'not-asked' ? skipped(sentence) : inconclusive(sentence)
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

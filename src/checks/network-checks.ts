import type { NetworkPlacement, Rule, SecurityGroup, Subnet } from '../ports/cloud.ts'
import type { Network, Store } from '../stack/observe-network.ts'
import type { Observed, Stack, Unseen } from '../stack/stack.ts'
import type { Check, Finding, Subject } from './check.ts'
import { capital, failed, KIND, missing, passed, warning } from './check.ts'

export const vpcDns = {
  ...KIND.infrastructure,
  id: 'vpc-dns',
  title: 'The VPC resolves the names of EFS and Cloud Map',
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
  ...KIND.infrastructure,
  id: 'subnet-addresses',
  title: 'Subnets have free addresses for new tasks',
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
        `Subnet ${full.map(({ id, zone }) => `${id} (${zone})`).join(', ')} has no free IP address, so new tasks there cannot start. Delete unused network interfaces, or use a larger subnet.`,
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
  ...KIND.infrastructure,
  id: 'web-in-vpc',
  title: 'The web is connected to the VPC',
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
  ...KIND.infrastructure,
  id: 'path-to-clickhouse',
  title: 'Security groups let worker and web reach ClickHouse',
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
    ...KIND.infrastructure,
    id: `path-to-${store}`,
    title: `Security groups let worker and web reach ${title}`,
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

/** One end of a connection in the VPC. The subnets of a store may be unknown. */
export type Side = {
  /** Its name in a sentence: `the worker`, `mount target fsmt-1`. */
  readonly who: string
  readonly securityGroups: readonly string[]
  readonly subnets: readonly string[] | undefined
}

/** `unseen`: it depends on something that could not be read, or that this check does not evaluate. */
export type Reach =
  | { readonly state: 'open' }
  | { readonly state: 'closed' | 'partly'; readonly sentence: string }
  | { readonly state: 'unseen'; readonly reason: string; readonly because: Unseen }

/** Whether security groups allow a TCP connection: egress of one side, ingress of the other. */
export function reach(network: Network, { from, to, port }: Path): Reach {
  if (!network.groups.known) return { state: 'unseen', ...network.groups }
  const subnets = network.subnets.known ? network.subnets.value : []
  const known = network.groups.value
  for (const side of [from, to]) {
    const problem = groupProblem(side, known)
    if (problem !== undefined) return problem
  }
  const rulesOf = (side: Side, way: 'ingress' | 'egress') =>
    known.filter(group => side.securityGroups.includes(group.id)).flatMap(group => group[way])
  const into = covered(rulesOf(to, 'ingress'), port, from, subnets)
  if (into !== 'all') return verdict(into, { from, to, port, way: 'in' }, known)
  const out = covered(rulesOf(from, 'egress'), port, to, subnets)
  return out === 'all' ? { state: 'open' } : verdict(out, { from, to, port, way: 'out' }, known)
}

type Path = { readonly from: Side; readonly to: Side; readonly port: number }

export function side(who: string, { subnets, securityGroups }: NetworkPlacement): Side {
  return { who, subnets, securityGroups }
}

function groupProblem({ who, securityGroups }: Side, known: readonly SecurityGroup[]): Reach | undefined {
  if (securityGroups.length === 0) {
    const reason = `${who} has no security group of its own, and this check does not read the default group of its VPC`
    return { state: 'unseen', reason, because: 'not-asked' }
  }
  const lacking = securityGroups.filter(id => !known.some(group => group.id === id))
  if (lacking.length === 0) return undefined
  const sentence = `Security group ${lacking.join(', ')} of ${who} does not exist: use an existing one.`
  return { state: 'closed', sentence }
}

type Cover = 'all' | 'some' | 'none' | 'unknown'

function covered(rules: readonly Rule[], port: number, other: Side, subnets: readonly Subnet[]): Cover {
  const fitting = rules.filter(
    ({ protocol, from, to }) => protocol === '-1' || (isTcp(protocol) && from <= port && port <= to),
  )
  if (fitting.some(rule => rule.groups.some(group => other.securityGroups.includes(group)))) return 'all'
  const ranges = fitting.flatMap(rule => rule.ranges)
  if (ranges.includes('0.0.0.0/0')) return 'all'
  const lists = fitting.some(rule => rule.lists.length > 0)
  const targets = subnets.filter(({ id }) => other.subnets === undefined || other.subnets.includes(id))
  const inside = targets.filter(({ cidr }) => ranges.some(range => isWithin(cidr, range)))
  if (targets.length > 0 && inside.length === targets.length) return 'all'
  // A range may be part of a subnet, or exactly the addresses of a store.
  const vague = lists || (ranges.length > 0 && (targets.length === 0 || other.subnets === undefined))
  if (vague) return 'unknown'
  const touched = targets.some(({ cidr }) => ranges.some(range => isWithin(range, cidr)))
  return inside.length > 0 || touched ? 'some' : 'none'
}

const isTcp = (protocol: string) => protocol === 'tcp' || protocol === '6'

/** Whether one IPv4 range is within another. */
function isWithin(inner: string, outer: string): boolean {
  const [small, large] = [rangeOf(inner), rangeOf(outer)]
  return small !== undefined && large !== undefined && large.from <= small.from && small.to <= large.to
}

function rangeOf(cidr: string): { readonly from: number; readonly to: number } | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?$/.exec(cidr)
  if (match === null) return undefined
  const address = match.slice(1, 5).reduce((sum, part) => sum * 256 + Number(part), 0)
  const size = 2 ** (32 - Number(match[5] ?? 32))
  const from = Math.floor(address / size) * size
  return { from, to: from + size - 1 }
}

type Way = Path & { readonly way: 'in' | 'out' }

function verdict(cover: Exclude<Cover, 'all'>, path: Way, known: readonly SecurityGroup[]): Reach {
  const { from, to, port, way } = path
  const [guard, other] = way === 'in' ? [to, from] : [from, to]
  const named = (groups: readonly string[]) =>
    groups.map(id => `${id} (${known.find(group => group.id === id)?.name})`).join(', ')
  if (cover === 'unknown') {
    const reason = `security group ${named(guard.securityGroups)} of ${guard.who} allows port ${port} by address ranges or prefix lists, and this check cannot tell whether they include ${other.who}`
    return { state: 'unseen', reason, because: 'not-asked' }
  }
  const rule = `${way === 'in' ? 'an ingress' : 'an egress'} rule for TCP ${port} ${way === 'in' ? 'from' : 'to'} ${other.securityGroups.join(' and ')}`
  const what = way === 'in' ? 'in' : 'out'
  const groups = `Security group ${named(guard.securityGroups)}`
  const closed =
    way === 'in'
      ? `${groups} blocks TCP ${port} from ${from.who} to ${to.who}.`
      : `${groups} of ${from.who} allows no TCP ${port} to ${to.who}.`
  const sentence =
    cover === 'some'
      ? `${groups} of ${guard.who} lets only some of the subnets of ${other.who} ${what} on port ${port}, so access depends on where ECS places a task. Add ${rule}.`
      : `${closed} Add ${rule}.`
  return { state: cover === 'some' ? 'partly' : 'closed', sentence }
}

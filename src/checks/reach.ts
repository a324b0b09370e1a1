import type { Rule, SecurityGroup, Subnet } from '../ports/cloud.ts'
import type { Network, NetworkPlacement } from '../stack/observe-network.ts'
import type { Unseen } from '../stack/stack.ts'

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
  const missing = securityGroups.filter(id => !known.some(group => group.id === id))
  if (missing.length === 0) return undefined
  const sentence = `Security group ${missing.join(', ')} of ${who} does not exist: use an existing one.`
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
  const sentence =
    cover === 'some'
      ? `Security group ${named(guard.securityGroups)} of ${guard.who} lets only some of the subnets of ${other.who} ${what} on port ${port}, so access depends on where ECS places a task: add ${rule}.`
      : `Security group ${named(guard.securityGroups)} of ${guard.who} ${way === 'in' ? `does not let ${from.who} in` : `lets nothing out to ${to.who}`} on port ${port}: add ${rule}.`
  return { state: cover === 'some' ? 'partly' : 'closed', sentence }
}

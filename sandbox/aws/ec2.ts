import { AwsError } from './errors.ts'
import { REGION, sha256 } from './ids.ts'

/** A VPC as its API shows it: subnets, security groups, network interfaces, DNS. Tests change the records. */
export function makeEc2(): Ec2 {
  const vpcs = new Map<string, Vpc>()
  const subnets = new Map<string, Subnet>()
  const groups = new Map<string, SecurityGroup>()
  const interfaces: NetworkInterface[] = []
  const dhcpOptions = new Map<string, DhcpOptions>()
  const ec2: Ec2 = {
    vpcs,
    subnets,
    groups,
    interfaces,
    dhcpOptions,
    createVpc: ({ id, cidr }) => {
      const options = { id: `dopt-${sha256(id).slice(0, 17)}`, servers: ['AmazonProvidedDNS'] }
      dhcpOptions.set(options.id, options)
      const made = { id, cidr, dnsSupport: true, dnsHostnames: true, dhcpOptionsId: options.id }
      vpcs.set(id, made)
      return made
    },
    createSubnet: subnet => {
      subnets.set(subnet.id, { free: 230, ...subnet })
    },
    createGroup: ({ id, vpcId, name, ingress }) => {
      const made = { id, vpcId, name, ingress: [...ingress], egress: [EVERYTHING] }
      groups.set(id, made)
      return made
    },
    attach: made => {
      interfaces.push(made)
    },
    allows: path => allows(ec2, path),
  }
  return ec2
}

export type Ec2 = {
  readonly vpcs: Map<string, Vpc>
  readonly subnets: Map<string, Subnet>
  readonly groups: Map<string, SecurityGroup>
  readonly interfaces: NetworkInterface[]
  readonly dhcpOptions: Map<string, DhcpOptions>
  createVpc(spec: { readonly id: string; readonly cidr: string }): Vpc
  createSubnet(spec: Omit<Subnet, 'free'> & { readonly free?: number }): void
  /** Lets everything out, as a new group does. */
  createGroup(
    spec: Omit<SecurityGroup, 'egress' | 'ingress'> & { readonly ingress: readonly Rule[] },
  ): SecurityGroup
  attach(made: NetworkInterface): void
  /** Whether security groups let TCP through; groups that the account does not have stop nothing. */
  allows(path: Path): boolean
}

export type Vpc = {
  readonly id: string
  readonly cidr: string
  dnsSupport: boolean
  dnsHostnames: boolean
  dhcpOptionsId: string
}

export type Subnet = {
  readonly id: string
  readonly vpcId: string
  readonly cidr: string
  readonly zone: { readonly name: string; readonly id: string }
  free: number
}

export type SecurityGroup = {
  readonly id: string
  readonly vpcId: string
  readonly name: string
  /** Replaced or changed by tests. */
  ingress: Rule[]
  egress: Rule[]
}

/** One permission: `protocol` as IpProtocol, `-1` for all of them. */
export type Rule = {
  readonly protocol: string
  readonly from?: number
  readonly to?: number
  readonly groups?: readonly string[]
  readonly ranges?: readonly string[]
  readonly prefixLists?: readonly string[]
}

export type NetworkInterface = {
  readonly id: string
  readonly description: string
  readonly subnetId: string
  readonly address: string
  securityGroups: readonly string[]
}

export type DhcpOptions = { readonly id: string; servers: readonly string[] }

export type Path = {
  readonly from: { readonly groups: readonly string[]; readonly address: string }
  readonly to: { readonly groups: readonly string[]; readonly address: string }
  readonly port: number
}

export const EVERYTHING: Rule = { protocol: '-1', ranges: ['0.0.0.0/0'] }

export const tcp = (port: number, ...groups: readonly string[]): Rule => ({
  protocol: 'tcp',
  from: port,
  to: port,
  groups,
})

function allows({ groups }: Ec2, { from, to, port }: Path): boolean {
  const known = (ids: readonly string[]) => ids.flatMap(id => groups.get(id) ?? [])
  const [out, into] = [known(from.groups), known(to.groups)]
  if (out.length < from.groups.length || into.length < to.groups.length) return true
  const fits = (rules: readonly Rule[], other: Path['from']) =>
    rules.some(rule => covers(rule, port) && admits(rule, other))
  return (
    fits(
      out.flatMap(group => group.egress),
      to,
    ) &&
    fits(
      into.flatMap(group => group.ingress),
      from,
    )
  )
}

function covers({ protocol, from, to }: Rule, port: number): boolean {
  if (protocol === '-1') return true
  return protocol === 'tcp' && (from ?? 0) <= port && port <= (to ?? 65_535)
}

function admits({ groups = [], ranges = [] }: Rule, other: Path['from']): boolean {
  return (
    groups.some(group => other.groups.includes(group)) || ranges.some(range => isWithin(other.address, range))
  )
}

export function isWithin(address: string, range: string): boolean {
  const [base = '', bits = '32'] = range.split('/')
  const size = 2 ** (32 - Number(bits))
  return Math.floor(numberOf(address) / size) === Math.floor(numberOf(base) / size)
}

const numberOf = (address: string) => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)

export function notFound(kind: string, id: string): AwsError {
  return new AwsError(`Invalid${kind}.NotFound`, `The ID '${id}' does not exist in ${REGION}`)
}

import {
  type Ec2,
  type NetworkInterface,
  notFound,
  type Rule,
  type SecurityGroup,
  type Subnet,
} from './ec2.ts'
import { AwsError } from './errors.ts'
import { ACCOUNT, arn } from './ids.ts'
import { type JsonObject, type Reader, reader } from './json.ts'
import { page } from './paging.ts'
import type { Operations } from './server.ts'

/** Lists are `…Set` objects of `item`s, as this protocol writes them. */
export function ec2Operations(ec2: Ec2): Operations {
  const ask = (handle: (ec2: Ec2, read: Reader) => JsonObject) => (input: JsonObject) =>
    handle(ec2, reader(input, 'MissingParameter'))
  return {
    DescribeSubnets: ask(describeSubnets),
    DescribeSecurityGroups: ask(describeGroups),
    DescribeNetworkInterfaces: ask(describeInterfaces),
    DescribeVpcs: ask(describeVpcs),
    DescribeVpcAttribute: ask(describeVpcAttribute),
    DescribeDhcpOptions: ask(describeDhcpOptions),
  }
}

function describeSubnets(ec2: Ec2, read: Reader): JsonObject {
  const chosen = chooseBy(read, {
    all: [...ec2.subnets.values()],
    ids: 'SubnetId',
    kind: 'SubnetID',
    filters: {
      'subnet-id': subnet => subnet.id,
      'vpc-id': subnet => subnet.vpcId,
      'availability-zone': subnet => subnet.zone.name,
    },
  })
  return { subnetSet: { item: chosen.items.map(subnetAnswer) }, nextToken: chosen.next }
}

function describeGroups(ec2: Ec2, read: Reader): JsonObject {
  const chosen = chooseBy(read, {
    all: [...ec2.groups.values()],
    ids: 'GroupId',
    kind: 'Group',
    filters: {
      'group-id': group => group.id,
      'group-name': group => group.name,
      'vpc-id': group => group.vpcId,
    },
  })
  return { securityGroupInfo: { item: chosen.items.map(groupAnswer) }, nextToken: chosen.next }
}

function describeInterfaces(ec2: Ec2, read: Reader): JsonObject {
  const vpcOf = (found: NetworkInterface) => ec2.subnets.get(found.subnetId)?.vpcId ?? ''
  const chosen = chooseBy(read, {
    all: ec2.interfaces,
    ids: 'NetworkInterfaceId',
    kind: 'NetworkInterfaceID',
    filters: {
      'network-interface-id': found => found.id,
      description: found => found.description,
      'vpc-id': vpcOf,
      'addresses.private-ip-address': found => found.address,
    },
  })
  const answer = (found: NetworkInterface) => interfaceAnswer(ec2, found, vpcOf(found))
  return { networkInterfaceSet: { item: chosen.items.map(answer) }, nextToken: chosen.next }
}

function describeVpcs(ec2: Ec2, read: Reader): JsonObject {
  const chosen = chooseBy(read, {
    all: [...ec2.vpcs.values()],
    ids: 'VpcId',
    kind: 'VpcID',
    filters: { 'vpc-id': vpc => vpc.id },
  })
  const item = chosen.items.map(vpc => ({
    vpcId: vpc.id,
    ownerId: ACCOUNT,
    state: 'available',
    cidrBlock: vpc.cidr,
    dhcpOptionsId: vpc.dhcpOptionsId,
    instanceTenancy: 'default',
    isDefault: 'false',
  }))
  return { vpcSet: { item }, nextToken: chosen.next }
}

function describeVpcAttribute(ec2: Ec2, read: Reader): JsonObject {
  const id = read.needText('VpcId')
  const vpc = ec2.vpcs.get(id)
  if (vpc === undefined) throw notFound('VpcID', id)
  const attribute = read.needText('Attribute')
  const values: Readonly<Record<string, boolean>> = {
    enableDnsSupport: vpc.dnsSupport,
    enableDnsHostnames: vpc.dnsHostnames,
    enableNetworkAddressUsageMetrics: false,
  }
  if (!(attribute in values))
    throw new AwsError('InvalidParameterValue', `Value (${attribute}) for parameter attribute is invalid.`)
  return { vpcId: id, [attribute]: { value: String(values[attribute]) } }
}

function describeDhcpOptions(ec2: Ec2, read: Reader): JsonObject {
  const chosen = chooseBy(read, {
    all: [...ec2.dhcpOptions.values()],
    ids: 'DhcpOptionsId',
    kind: 'DhcpOptionID',
    filters: { 'dhcp-options-id': options => options.id },
  })
  const item = chosen.items.map(options => ({
    dhcpOptionsId: options.id,
    ownerId: ACCOUNT,
    dhcpConfigurationSet: {
      item: [
        { key: 'domain-name-servers', valueSet: { item: options.servers.map(value => ({ value })) } },
        { key: 'domain-name', valueSet: { item: [{ value: 'ap-northeast-1.compute.internal' }] } },
      ],
    },
  }))
  return { dhcpOptionsSet: { item }, nextToken: chosen.next }
}

type Choice<T> = {
  readonly all: readonly T[]
  /** The member with ids; one that is not there is an error, in a filter it is nothing. */
  readonly ids: string
  readonly kind: string
  readonly filters: Readonly<Record<string, (item: T) => string>>
}

function chooseBy<T extends { readonly id: string }>(read: Reader, choice: Choice<T>) {
  const wanted = read.texts(choice.ids)
  for (const id of wanted) if (!choice.all.some(item => item.id === id)) throw notFound(choice.kind, id)
  const filters = read.objects('Filter').map(filter => {
    const name = reader(filter).needText('Name')
    const memberOf = choice.filters[name]
    if (memberOf === undefined) throw new AwsError('InvalidParameterValue', `The filter '${name}' is invalid`)
    const patterns = reader(filter).texts('Value').map(patternOf)
    return (item: T) => patterns.some(pattern => pattern.test(memberOf(item)))
  })
  const chosen = choice.all.filter(
    item => (wanted.length === 0 || wanted.includes(item.id)) && filters.every(fits => fits(item)),
  )
  return page(chosen, {
    token: read.text('NextToken'),
    size: Number(read.text('MaxResults') ?? 1000),
    limit: 1000,
    invalid: 'InvalidNextToken',
  })
}

/** Filters take `*` and `?`. */
function patternOf(value: string): RegExp {
  const escaped = value.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`)
}

const subnetAnswer = (subnet: Subnet) => ({
  subnetId: subnet.id,
  subnetArn: arn('ec2', `subnet/${subnet.id}`),
  state: 'available',
  ownerId: ACCOUNT,
  vpcId: subnet.vpcId,
  cidrBlock: subnet.cidr,
  availableIpAddressCount: String(subnet.free),
  availabilityZone: subnet.zone.name,
  availabilityZoneId: subnet.zone.id,
  defaultForAz: 'false',
  mapPublicIpOnLaunch: 'false',
})

const groupAnswer = (group: SecurityGroup) => ({
  ownerId: ACCOUNT,
  groupId: group.id,
  groupName: group.name,
  groupDescription: group.name,
  vpcId: group.vpcId,
  ipPermissions: { item: group.ingress.map(ruleAnswer) },
  ipPermissionsEgress: { item: group.egress.map(ruleAnswer) },
})

const ruleAnswer = ({ protocol, from, to, groups = [], ranges = [], prefixLists = [] }: Rule) => ({
  ipProtocol: protocol,
  fromPort: from,
  toPort: to,
  groups: { item: groups.map(groupId => ({ userId: ACCOUNT, groupId })) },
  ipRanges: { item: ranges.map(cidrIp => ({ cidrIp })) },
  ipv6Ranges: {},
  prefixListIds: { item: prefixLists.map(prefixListId => ({ prefixListId })) },
})

const interfaceAnswer = (ec2: Ec2, found: NetworkInterface, vpcId: string) => ({
  networkInterfaceId: found.id,
  subnetId: found.subnetId,
  vpcId,
  availabilityZone: ec2.subnets.get(found.subnetId)?.zone.name,
  description: found.description,
  ownerId: ACCOUNT,
  requesterManaged: 'true',
  status: 'in-use',
  privateIpAddress: found.address,
  groupSet: {
    item: found.securityGroups.map(groupId => ({
      groupId,
      groupName: ec2.groups.get(groupId)?.name ?? groupId,
    })),
  },
})

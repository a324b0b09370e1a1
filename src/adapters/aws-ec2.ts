import * as Sdk from '@aws-sdk/client-ec2'
import { RolloutError } from '../errors/errors.ts'
import type { Ec2, NetworkInterface, Rule, SecurityGroup, Subnet } from '../ports/cloud.ts'
import type { Cancel } from './cancel.ts'
import { allowed, allPages, cancelable, clientRetries } from './clients.ts'

/**
 * The VPC: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/. Ids are passed as filters: an unknown id in a filter
 * is ignored, but as an id it fails the whole call.
 */
export function ec2Adapter(region: string, cancel?: Cancel): Ec2 {
  const client = cancelable(new Sdk.EC2Client({ region, ...clientRetries }), cancel)

  async function interfacesBy(name: string, values: readonly string[]): Promise<readonly NetworkInterface[]> {
    return allPages(async NextToken => {
      const page = await client.send(
        new Sdk.DescribeNetworkInterfacesCommand({ Filters: filterBy(name, values), NextToken }),
      )
      return { items: (page.NetworkInterfaces ?? []).map(toInterface), next: page.NextToken }
    }, 'ec2:DescribeNetworkInterfaces')
  }

  return {
    async subnets(ids) {
      return allPages(async NextToken => {
        const page = await client.send(
          new Sdk.DescribeSubnetsCommand({ Filters: filterBy('subnet-id', ids), NextToken }),
        )
        return { items: (page.Subnets ?? []).map(toSubnet), next: page.NextToken }
      }, 'ec2:DescribeSubnets')
    },
    async securityGroups(ids) {
      return allPages(async NextToken => {
        const page = await client.send(
          new Sdk.DescribeSecurityGroupsCommand({ Filters: filterBy('group-id', ids), NextToken }),
        )
        return { items: (page.SecurityGroups ?? []).map(toGroup), next: page.NextToken }
      }, 'ec2:DescribeSecurityGroups')
    },
    interfaces: ids => interfacesBy('network-interface-id', ids),
    interfacesDescribed: as => interfacesBy('description', [as]),
    async dns(vpc, { servers }) {
      const attribute = (name: Sdk.VpcAttributeName) =>
        allowed('ec2:DescribeVpcAttribute', () =>
          client.send(new Sdk.DescribeVpcAttributeCommand({ VpcId: vpc, Attribute: name })),
        )
      const options = async () => {
        const { Vpcs } = await allowed('ec2:DescribeVpcs', () =>
          client.send(new Sdk.DescribeVpcsCommand({ VpcIds: [vpc] })),
        )
        const id = Vpcs?.[0]?.DhcpOptionsId
        // A VPC without its own options has the id `default`.
        if (id === undefined || id === 'default') return undefined
        return allowed('ec2:DescribeDhcpOptions', () =>
          client.send(new Sdk.DescribeDhcpOptionsCommand({ DhcpOptionsIds: [id] })),
        )
      }
      const [support, hostnames, dhcp] = await Promise.all([
        attribute('enableDnsSupport'),
        attribute('enableDnsHostnames'),
        servers ? options() : undefined,
      ])
      return {
        support: required(support.EnableDnsSupport?.Value, `enableDnsSupport of ${vpc}`),
        hostnames: required(hostnames.EnableDnsHostnames?.Value, `enableDnsHostnames of ${vpc}`),
        servers: servers ? serversIn(dhcp) : undefined,
      }
    },
  }
}

function filterBy(name: string, values: readonly string[]): Sdk.Filter[] {
  return [{ Name: name, Values: [...values] }]
}

/** A missing member is unknown, not a value. */
function required<Value>(value: Value | undefined, what: string): Value {
  if (value !== undefined) return value
  throw new RolloutError(`AWS answered without ${what}`)
}

function serversIn(answer: Sdk.DescribeDhcpOptionsCommandOutput | undefined): readonly string[] {
  const options = answer?.DhcpOptions?.[0]?.DhcpConfigurations ?? []
  const servers = options.find(({ Key }) => Key === 'domain-name-servers')?.Values ?? []
  return servers.flatMap(({ Value }) => Value ?? [])
}

function toSubnet(subnet: Sdk.Subnet): Subnet {
  return {
    id: subnet.SubnetId ?? '',
    vpc: subnet.VpcId ?? '',
    zone: subnet.AvailabilityZone ?? '',
    cidr: subnet.CidrBlock ?? '',
    free: subnet.AvailableIpAddressCount ?? 0,
  }
}

function toGroup(group: Sdk.SecurityGroup): SecurityGroup {
  return {
    id: group.GroupId ?? '',
    name: group.GroupName ?? '',
    ingress: (group.IpPermissions ?? []).map(toRule),
    egress: (group.IpPermissionsEgress ?? []).map(toRule),
  }
}

function toRule(permission: Sdk.IpPermission): Rule {
  return {
    protocol: permission.IpProtocol ?? '-1',
    from: permission.FromPort ?? 0,
    to: permission.ToPort ?? 65_535,
    groups: (permission.UserIdGroupPairs ?? []).flatMap(pair => pair.GroupId ?? []),
    ranges: (permission.IpRanges ?? []).flatMap(range => range.CidrIp ?? []),
    lists: (permission.PrefixListIds ?? []).flatMap(list => list.PrefixListId ?? []),
  }
}

function toInterface(found: Sdk.NetworkInterface): NetworkInterface {
  return {
    id: found.NetworkInterfaceId ?? '',
    description: found.Description ?? '',
    securityGroups: (found.Groups ?? []).flatMap(group => group.GroupId ?? []),
  }
}

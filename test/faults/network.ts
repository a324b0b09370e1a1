import { tcp } from '../../sandbox/aws/ec2.ts'
import { type Fault, type FaultStage, swap } from './fault.ts'
import { closeGroup, groupNamed } from './storage.ts'

/** The VPC and its security groups. */
const vpc: readonly Fault[] = [
  {
    name: 'DNS support of the VPC is off',
    row: 28,
    put: async ({ world }) => swap(vpcOf(world), { dnsSupport: false }),
    expects: [{ check: 'vpc-dns', state: 'failed', says: /enableDnsSupport off.*botocore/ }],
  },
  {
    name: 'DNS hostnames of the VPC are off',
    row: 28,
    put: async ({ world }) => swap(vpcOf(world), { dnsHostnames: false }),
    expects: [{ check: 'vpc-dns', state: 'failed', says: /enableDnsHostnames off/ }],
  },
  {
    name: 'a subnet of ClickHouse has no free address',
    put: async ({ world }) => swap(subnetOf(world), { free: 0 }),
    expects: [
      {
        check: 'subnet-addresses',
        state: 'failed',
        says: /Subnet subnet-\w+ \(ap-northeast-1a\) has no free IP address/,
      },
    ],
  },
  {
    name: 'a subnet of ClickHouse has hardly a free address',
    put: async ({ world }) => swap(subnetOf(world), { free: 2 }),
    expects: [{ check: 'subnet-addresses', state: 'warning', says: /has 2 free addresses/ }],
  },
  {
    name: 'nobody may reach ClickHouse',
    put: async stage => closeGroup(stage, 'clickhouse'),
    expects: [
      {
        check: 'path-to-clickhouse',
        state: 'failed',
        says: /blocks TCP 8123 from the worker to.*blocks TCP 9000 from the web to/,
      },
    ],
  },
  {
    name: "ClickHouse's native port is closed, which migrations need",
    put: async ({ world }) =>
      swap(groupNamed(world, 'clickhouse'), { ingress: [tcp(8123, ...groupsOfBoth(world))] }),
    expects: [
      {
        check: 'path-to-clickhouse',
        state: 'failed',
        says: /blocks TCP 9000 .* Add an ingress rule for TCP 9000 from sg-/,
      },
    ],
  },
  {
    name: 'the web may not reach ClickHouse, the worker may',
    put: async ({ world }) => {
      const worker = groupNamed(world, 'langfuse_worker').id
      return swap(groupNamed(world, 'clickhouse'), { ingress: [tcp(8123, worker), tcp(9000, worker)] })
    },
    expects: [
      {
        check: 'path-to-clickhouse',
        state: 'failed',
        says: /^(?!.*the worker).*blocks TCP 8123 from the web to/,
      },
    ],
  },
  {
    name: 'PostgreSQL is closed',
    put: async stage => closeGroup(stage, 'langfuse_aurora'),
    expects: [
      {
        check: 'path-to-postgres',
        state: 'failed',
        says: /\(langfuse_aurora\) blocks TCP 5432 from the worker to Aurora cluster langfuse-postgres\./,
      },
    ],
  },
  {
    name: 'Valkey is closed',
    put: async stage => closeGroup(stage, 'langfuse_cache'),
    expects: [
      {
        check: 'path-to-valkey',
        state: 'failed',
        says: /\(langfuse_cache\) blocks TCP 6379 from the worker to ElastiCache langfuse-cache\./,
      },
    ],
  },
  {
    name: 'the worker may only send HTTPS out',
    put: async ({ world }) =>
      swap(groupNamed(world, 'langfuse_worker'), {
        egress: [{ protocol: 'tcp', from: 443, to: 443, ranges: ['0.0.0.0/0'] }],
      }),
    expects: [
      {
        check: 'path-to-clickhouse',
        state: 'failed',
        says: /of the worker allows no TCP 8123 to ClickHouse\. Add an egress rule/,
      },
      { check: 'path-to-postgres', state: 'failed', says: /allows no TCP 5432 to Aurora/ },
      { check: 'path-to-valkey', state: 'failed', says: /allows no TCP 6379 to ElastiCache/ },
    ],
  },
  {
    name: "the worker's security group was deleted",
    put: async ({ world }) => {
      const group = groupNamed(world, 'langfuse_worker')
      world.ec2.groups.delete(group.id)
      return async () => void world.ec2.groups.set(group.id, group)
    },
    expects: (['clickhouse', 'postgres', 'valkey'] as const).map(store => ({
      check: `path-to-${store}`,
      state: 'failed',
      says: /Security group sg-\w+ of the worker does not exist/,
    })),
  },
  {
    name: 'the web on App Runner sends to the internet',
    put: async ({ world }) => {
      const [web] = world.appRunner.services.values()
      if (web === undefined) throw new Error('no web')
      const NetworkConfiguration = { EgressConfiguration: { EgressType: 'DEFAULT' } }
      return swap(web, { configuration: { ...web.configuration, NetworkConfiguration } })
    },
    expects: [
      {
        check: 'web-in-vpc',
        state: 'failed',
        says: /has no VPC connector, so langfuse_web cannot reach PostgreSQL/,
      },
    ],
    // Half of what they look at stands nowhere.
    also: ['path-to-clickhouse', 'path-to-postgres', 'path-to-valkey'],
  },
]

/** Cloud Map as it was set up. */
const cloudMap: readonly Fault[] = [
  {
    name: "ClickHouse's name is remembered for ten minutes",
    put: async ({ discovery }) => swap(discovery, { ttl: 600 }),
    expects: [{ check: 'cloud-map-settings', state: 'warning', says: /TTL of 600 s.*Set it to 10 s/ }],
  },
  {
    name: 'Cloud Map is not told whether ClickHouse is healthy',
    put: async ({ discovery }) => swap(discovery, { customHealth: false }),
    expects: [{ check: 'cloud-map-settings', state: 'warning', says: /no custom health configuration/ }],
  },
  {
    name: "ClickHouse's name has SRV records only",
    put: async ({ discovery }) => swap(discovery, { records: 'SRV' }),
    expects: [
      {
        check: 'cloud-map-settings',
        state: 'failed',
        says: /has no A record \(SRV\), so a URL with that name does not resolve/,
      },
    ],
  },
]

/** Looked at through the agent: what security groups close is closed to it too. */
const inside: readonly Fault[] = [
  {
    name: 'Valkey is closed, seen from inside',
    inputs: { network: 'task' },
    put: async stage => closeGroup(stage, 'langfuse_cache'),
    expects: [
      { check: 'path-to-valkey', state: 'failed', says: /blocks TCP 6379/ },
      { check: 'valkey', state: 'failed', says: /cannot be reached.*ETIMEDOUT/ },
    ],
    also: ['valkey-queues', 'valkey-cluster'],
  },
]

export const NETWORK_FAULTS: readonly Fault[] = [...vpc, ...cloudMap, ...inside]

type World = FaultStage['world']

function vpcOf({ ec2 }: World) {
  const [only] = ec2.vpcs.values()
  if (only === undefined) throw new Error('The stage has no VPC')
  return only
}

function subnetOf({ ec2 }: World) {
  const [subnet] = ec2.subnets.values()
  if (subnet === undefined) throw new Error('The stage has no subnet')
  return subnet
}

function groupsOfBoth(world: World): readonly string[] {
  return ['langfuse_worker', 'langfuse_vpc_connector'].map(name => groupNamed(world, name).id)
}

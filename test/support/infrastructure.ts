import type { Rule, SecurityGroup } from '../../src/ports/cloud.ts'
import type { Infrastructure } from '../../src/stack/infrastructure.ts'
import { unseenInfrastructure } from '../../src/stack/infrastructure.ts'
import type { Network } from '../../src/stack/observe-network.ts'
import type { Storage } from '../../src/stack/observe-storage.ts'
import { known } from '../../src/stack/stack.ts'

/** What lies around the healthy stack: everybody of it has group sg-1, whose members may do everything to each other. */
export function healthyInfrastructure(over: Partial<Infrastructure> = {}): Infrastructure {
  return {
    ...unseenInfrastructure('this run does not observe it', 'not-asked'),
    network: known(healthyNetwork(), 'AWS'),
    storage: known(healthyStorage(), 'clickhouse:1'),
    stopped: known({ clickhouse: known([], 'ecs'), worker: known([], 'ecs') }, 'ECS'),
    ...over,
  }
}

export const rule = (over: Partial<Rule> = {}): Rule => ({
  protocol: 'tcp',
  from: 0,
  to: 65_535,
  groups: [],
  ranges: [],
  lists: [],
  ...over,
})

export const OUT: Rule = rule({ protocol: '-1', ranges: ['0.0.0.0/0'] })

export function group(id: string, ingress: readonly Rule[], egress: readonly Rule[] = [OUT]): SecurityGroup {
  return { id, name: `${id} name`, ingress, egress }
}

export function healthyNetwork(over: Partial<Network> = {}): Network {
  const placement = { subnets: ['subnet-a', 'subnet-b'], securityGroups: ['sg-1'] }
  const store = (name: string) => ({ name, securityGroups: ['sg-1'], port: undefined })
  return {
    subnets: known(
      ['a', 'b'].map((zone, index) => ({
        id: `subnet-${zone}`,
        vpc: 'vpc-1',
        zone: `ap-northeast-1${zone}`,
        cidr: `10.0.1${index + 1}.0/24`,
        free: 200,
      })),
      'ec2',
    ),
    groups: known([group('sg-1', [rule({ protocol: '-1', groups: ['sg-1'] })])], 'ec2'),
    dns: known({ vpc: 'vpc-1', support: true, hostnames: true, servers: ['AmazonProvidedDNS'] }, 'ec2'),
    endpoints: known(
      ['a', 'b'].map(zone => ({ mountTarget: `fsmt-${zone}`, securityGroups: ['sg-1'] })),
      'ec2',
    ),
    web: known(placement, 'connector'),
    postgres: known(store('Aurora cluster langfuse'), 'rds'),
    valkey: known(store('ElastiCache langfuse-cache'), 'ec2'),
    ...over,
  }
}

export function healthyStorage(over: Partial<Storage> = {}): Storage {
  return {
    volume: {
      name: 'data',
      fileSystemId: 'fs-1',
      rootDirectory: '/',
      accessPointId: 'fsap-1',
      encrypted: true,
      iam: false,
    },
    policy: known(undefined, 'efs'),
    accessPoint: known(
      {
        id: 'fsap-1',
        arn: 'arn:aws:elasticfilesystem:ap-northeast-1:123456789012:access-point/fsap-1',
        fileSystem: 'fs-1',
        state: 'available',
        path: '/clickhouse',
        user: { uid: 101, gid: 101 },
        creation: { uid: 101, gid: 101, permissions: '0755' },
      },
      'efs',
    ),
    before: known(undefined, 'clickhouse:1'),
    ...over,
  }
}

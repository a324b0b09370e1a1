import { expect, test } from '@jest/globals'
import type { CheckState } from '../../src/checks/check.ts'
import { NETWORK_CHECKS, reach, side } from '../../src/checks/network-checks.ts'
import { type CheckId, runChecks } from '../../src/checks/run.ts'
import { efsSecurity } from '../../src/checks/storage-checks.ts'
import type { Rule } from '../../src/ports/cloud.ts'
import type { Network } from '../../src/stack/observe-network.ts'
import { known, type Stack, unknown } from '../../src/stack/stack.ts'
import { group, healthyInfrastructure, healthyNetwork, OUT, rule } from '../support/infrastructure.ts'
import { FACTS, stackOn2 } from '../support/stack.ts'

const CHECKS = [...NETWORK_CHECKS, efsSecurity]

async function resultsOf(stack: Stack) {
  const results = await runChecks(CHECKS, { stack, expected: undefined, facts: FACTS })
  return new Map(results.map(result => [result.id, result]))
}

function stackWith(network: Partial<Network>, spoil: (stack: Stack) => Stack = stack => stack): Stack {
  const infrastructure = healthyInfrastructure({ network: known(healthyNetwork(network), 'AWS') })
  return spoil(stackOn2({ infrastructure }))
}

/** Groups by themselves: the worker and the web sg-1, ClickHouse sg-2, everything else sg-3. */
function apart(...ingress: readonly Rule[]): Stack {
  const three = { name: 'Aurora cluster langfuse', securityGroups: ['sg-3'], port: 5432 }
  return stackWith(
    {
      groups: known([group('sg-1', []), group('sg-2', ingress), group('sg-3', ingress)], 'ec2'),
      endpoints: known([{ mountTarget: 'fsmt-a', securityGroups: ['sg-3'] }], 'ec2'),
      postgres: known(three, 'rds'),
      valkey: known({ ...three, name: 'ElastiCache langfuse-cache', port: undefined }, 'ec2'),
    },
    stack => ({
      ...stack,
      clickhouse: {
        ...stack.clickhouse,
        service: { ...stack.clickhouse.service, securityGroups: ['sg-2'] },
      },
    }),
  )
}

const dns = (over: object): Partial<Network> => ({
  dns: known({ vpc: 'vpc-1', support: true, hostnames: true, servers: undefined, ...over }, 'ec2'),
})
const subnet = (over: object): Partial<Network> => ({
  subnets: known(
    ['a', 'b'].map(zone => ({
      id: `subnet-${zone}`,
      vpc: 'vpc-1',
      zone,
      cidr: `10.0.${zone === 'a' ? 1 : 2}.0/24`,
      free: 100,
      ...(zone === 'a' && over),
    })),
    'ec2',
  ),
})
const all = rule({ protocol: '-1', groups: ['sg-1', 'sg-2'] })
const except = (port: number) => [
  rule({ ...all, protocol: 'tcp', to: port - 1 }),
  rule({ ...all, protocol: '6', from: port + 1 }),
]

type Case = readonly [what: string, stack: Stack, check: CheckId, state: CheckState, sentence: RegExp]

const CASES: readonly Case[] = [
  [
    'DNS support off',
    stackWith(dns({ support: false })),
    'vpc-dns',
    'failed',
    /vpc-1 has enableDnsSupport off.*botocore/,
  ],
  ['DNS hostnames off', stackWith(dns({ hostnames: false })), 'vpc-dns', 'failed', /enableDnsHostnames off/],
  [
    'DNS servers of its own',
    stackWith(dns({ servers: ['10.0.0.2'] })),
    'vpc-dns',
    'warning',
    /custom DNS servers \(10\.0\.0\.2\).*forward amazonaws\.com/,
  ],
  [
    'DNS that may not be looked at',
    stackWith({ dns: unknown('DNS cannot be read, because AWS denied ec2:DescribeVpcs', 'no-evidence') }),
    'vpc-dns',
    'inconclusive',
    /AWS denied ec2:DescribeVpcs/,
  ],
  [
    'a subnet that is gone',
    stackWith(subnet({ id: 'subnet-x' })),
    'subnet-addresses',
    'failed',
    /Subnet subnet-a .*does not exist/,
  ],
  [
    'a full subnet',
    stackWith(subnet({ free: 0 })),
    'subnet-addresses',
    'failed',
    /subnet-a \(a\) has no free IP address/,
  ],
  [
    'a tight subnet',
    stackWith(subnet({ free: 3 })),
    'subnet-addresses',
    'warning',
    /subnet-a has 3 free addresses/,
  ],
  [
    'a web without a VPC connector',
    stackWith({ web: unknown('App Runner service langfuse_web has no VPC connector', 'unreachable') }),
    'web-in-vpc',
    'failed',
    /has no VPC connector, so langfuse_web cannot reach PostgreSQL/,
  ],
  [
    'no rule for 8123',
    apart(...except(8123)),
    'path-to-clickhouse',
    'failed',
    /sg-2 \(sg-2 name\) blocks TCP 8123 from the worker to ClickHouse\. Add an ingress rule for TCP 8123 from sg-1/,
  ],
  ['no rule for 9000', apart(...except(9000)), 'path-to-clickhouse', 'failed', /TCP 9000/],
  [
    'no rule for 5432',
    apart(...except(5432)),
    'path-to-postgres',
    'failed',
    /sg-3 .*blocks TCP 5432 from the worker to Aurora cluster langfuse/,
  ],
  [
    'no rule for 6379',
    apart(...except(6379)),
    'path-to-valkey',
    'failed',
    /TCP 6379 .*ElastiCache langfuse-cache/,
  ],
  [
    'no rule for 2049',
    apart(...except(2049)),
    'efs-security-groups',
    'failed',
    /blocks TCP 2049 from ClickHouse to mount target fsmt-a/,
  ],
  ['rules for UDP only', apart(rule({ ...all, protocol: 'udp' })), 'path-to-postgres', 'failed', /TCP 5432/],
  [
    'a rule for one of two subnets',
    apart(rule({ ...all, groups: ['sg-2'] }), rule({ ranges: ['10.0.11.0/24'] })),
    'path-to-postgres',
    'warning',
    /only some of the subnets of the worker in on port 5432, so access depends on where ECS places a task/,
  ],
  [
    'a rule by prefix list',
    apart(rule({ lists: ['pl-1'] })),
    'path-to-postgres',
    'skipped',
    /by address ranges or prefix lists, and this check cannot tell whether they include the worker/,
  ],
  [
    'groups that may not be looked at',
    stackWith({
      groups: unknown('the security groups cannot be read, because AWS denied it', 'no-evidence'),
    }),
    'path-to-valkey',
    'inconclusive',
    /security groups cannot be read/,
  ],
  [
    'a store that cannot be found',
    stackWith({ valkey: unknown('x.serverless is not a node-based ElastiCache', 'not-asked') }),
    'path-to-valkey',
    'skipped',
    /not a node-based ElastiCache/,
  ],
]

test.each(CASES)('%s', async (_, stack, check, state, sentence) => {
  const result = (await resultsOf(stack)).get(check)
  expect(`${result?.state}: ${result?.sentence}`).toMatch(new RegExp(`^${state}: .*${sentence.source}`))
})

test('what was lost weighs more than what cannot be told', async () => {
  const stack = apart(rule({ lists: ['pl-1'] }))
  const { network } = stack.infrastructure
  if (!network.known) throw new Error('no network')
  const lost = { ...network.value, web: unknown<never>('the connector cannot be read', 'no-evidence') }
  const results = await resultsOf({
    ...stack,
    infrastructure: { ...stack.infrastructure, network: known(lost, 'AWS') },
  })
  expect(results.get('path-to-postgres')).toMatchObject({
    state: 'inconclusive',
    sentence: 'The connector cannot be read.',
  })
})

test('one missing rule is said by one check', async () => {
  for (const [port, check] of [
    [5432, 'path-to-postgres'],
    [6379, 'path-to-valkey'],
    [2049, 'efs-security-groups'],
  ] as const) {
    const results = await resultsOf(apart(...except(port)))
    const bad = [...results.values()].filter(({ state }) => state !== 'passed').map(({ id }) => id)
    expect(bad).toEqual([check])
  }
})

test('address ranges let in who is within', () => {
  const ranges = (...given: readonly string[]) => [rule({ ranges: given })]
  const worker = side('the worker', { subnets: ['subnet-a', 'subnet-b'], securityGroups: ['sg-1'] })
  const store = { who: 'the store', securityGroups: ['sg-2'], subnets: undefined }
  const stateOf = (...given: readonly string[]) =>
    reach(healthyNetwork({ groups: known([group('sg-1', []), group('sg-2', ranges(...given))], 'ec2') }), {
      from: worker,
      to: store,
      port: 5432,
    }).state
  // The worker's subnets are 10.0.11.0/24 and 10.0.12.0/24.
  expect(stateOf('0.0.0.0/0')).toBe('open')
  expect(stateOf('10.0.0.0/16')).toBe('open')
  expect(stateOf('10.0.8.0/21')).toBe('open')
  expect(stateOf('10.0.11.0/24', '10.0.12.0/24')).toBe('open')
  expect(stateOf('10.0.11.0/24')).toBe('partly')
  expect(stateOf('10.0.11.128/25')).toBe('partly')
  expect(stateOf('10.1.0.0/16')).toBe('closed')
  expect(stateOf('fd00::/8')).toBe('closed')
})

test('what may not go out does not arrive', () => {
  const worker = side('the worker', { subnets: ['subnet-a'], securityGroups: ['sg-1'] })
  const store = { who: 'the store', securityGroups: ['sg-2'], subnets: undefined }
  const verdict = (egress: readonly Rule[]) =>
    reach(healthyNetwork({ groups: known([group('sg-1', [], egress), group('sg-2', [OUT])], 'ec2') }), {
      from: worker,
      to: store,
      port: 5432,
    })
  expect(verdict([OUT]).state).toBe('open')
  expect(verdict([rule({ from: 443, to: 443, ranges: ['0.0.0.0/0'] })])).toEqual({
    state: 'closed',
    sentence:
      'Security group sg-1 (sg-1 name) of the worker allows no TCP 5432 to the store. Add an egress rule for TCP 5432 to sg-2.',
  })
  expect(verdict([rule({ groups: ['sg-2'] })]).state).toBe('open')
})

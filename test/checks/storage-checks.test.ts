import { expect, test } from '@jest/globals'
import type { CheckState } from '../../src/checks/check.ts'
import { MOUNT_CHECKS } from '../../src/checks/mount.ts'
import { NETWORK_CHECKS } from '../../src/checks/network-checks.ts'
import { type CheckId, runChecks } from '../../src/checks/run.ts'
import { efs, STORAGE_CHECKS } from '../../src/checks/storage-checks.ts'
import type { AccessPoint, EfsVolume } from '../../src/ports/cloud.ts'
import type { MountedFile } from '../../src/ports/databases.ts'
import type { Network } from '../../src/stack/observe-network.ts'
import type { Storage } from '../../src/stack/observe-storage.ts'
import type { Stack } from '../../src/stack/stack.ts'
import { known, unknown } from '../../src/stack/stack.ts'
import { group, healthyInfrastructure, healthyNetwork, healthyStorage } from '../support/infrastructure.ts'
import { ecsTask, FACTS, healthyProbe, stackOn2 } from '../support/stack.ts'

const CHECKS = [efs, ...STORAGE_CHECKS, ...MOUNT_CHECKS, ...NETWORK_CHECKS]

async function resultsOf(stack: Stack) {
  const results = await runChecks(CHECKS, { stack, expected: undefined, facts: FACTS })
  return new Map(results.map(result => [result.id, result]))
}

type Spoil = (stack: Stack) => Stack

const storage =
  (over: Partial<Storage>): Spoil =>
  stack => ({
    ...stack,
    infrastructure: { ...stack.infrastructure, storage: known(healthyStorage(over), 'x') },
  })
const network =
  (over: Partial<Network>): Spoil =>
  stack => ({
    ...stack,
    infrastructure: { ...stack.infrastructure, network: known(healthyNetwork(over), 'x') },
  })
const volume = (over: Partial<EfsVolume>) => ({ ...healthyStorage().volume, ...over })
const files =
  (over: object): Spoil =>
  stack =>
    stack.files.known ? { ...stack, files: known({ ...stack.files.value, ...over }, 'x') } : stack
const clickhouse =
  (over: Partial<Stack['clickhouse']>): Spoil =>
  stack => ({ ...stack, clickhouse: { ...stack.clickhouse, ...over } })
const idle = clickhouse({ tasks: [] })
const both =
  (...spoils: readonly Spoil[]): Spoil =>
  stack =>
    spoils.reduce((at, spoil) => spoil(at), stack)
const point = (over: Partial<AccessPoint>): Spoil => {
  const { accessPoint } = healthyStorage()
  if (!accessPoint.known || accessPoint.value === undefined) throw new Error('no access point')
  return storage({ accessPoint: known({ ...accessPoint.value, ...over }, 'x') })
}
const policy = (...Statement: readonly object[]) =>
  storage({ policy: known(JSON.stringify({ Version: '2012-10-17', Statement }), 'x') })
const ALLOW = { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:Client*' }
const TLS = {
  Sid: 'OnlyTls',
  Effect: 'Deny',
  Principal: { AWS: '*' },
  Action: '*',
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
}
const plain = {
  volume: volume({ accessPointId: undefined, encrypted: false }),
  accessPoint: known(undefined, 'x'),
}
const both2 = (first: Partial<Storage>, ...Statement: readonly object[]) =>
  storage({ ...first, policy: known(JSON.stringify({ Statement }), 'x') })
const mounted = (...entries: readonly MountedFile[]): Spoil => {
  const mount = known({ state: 'mounted' as const, entries, count: entries.length, free: 2 ** 63 }, 'x')
  return stack => ({ ...stack, probe: healthyProbe({ mount }) })
}
const file = (name: string, uid = 101, mode = 0o755): MountedFile => ({ name, uid, gid: uid, mode })

type Case = readonly [what: string, spoil: Spoil, check: CheckId, state: CheckState, sentence: RegExp]

const CASES: readonly Case[] = [
  [
    'a file system that goes',
    files({ state: 'deleting' }),
    'efs-mount-targets',
    'failed',
    /fs-1 is in state deleting/,
  ],
  [
    'no mount target',
    files({ mountTargets: [] }),
    'efs-mount-targets',
    'failed',
    /fs-1 has no mount target.*botocore/,
  ],
  [
    'a zone without a mount target',
    files({
      mountTargets: [
        { id: 'fsmt-a', subnet: 'subnet-a', zone: 'ap-northeast-1a', address: '', state: 'available' },
      ],
    }),
    'efs-mount-targets',
    'failed',
    /no mount target in the zone of subnet subnet-b \(ap-northeast-1b\)/,
  ],
  [
    'mount targets of another VPC',
    files({
      mountTargets: ['a', 'b'].map(zone => ({
        id: `fsmt-${zone}`,
        subnet: `subnet-${zone}9`,
        zone: `ap-northeast-1${zone}`,
        address: '',
        state: 'available',
        vpc: 'vpc-9',
      })),
    }),
    'efs-mount-targets',
    'failed',
    /fsmt-a is in vpc-9, but ClickHouse runs in vpc-1/,
  ],
  [
    'a policy that wants TLS',
    both2(plain, ALLOW, TLS),
    'efs-policy',
    'failed',
    /denies elasticfilesystem:ClientMount: statement OnlyTls .*without TLS.*Set transitEncryption/,
  ],
  [
    'a policy that names nobody who comes',
    policy({ ...ALLOW, Principal: { AWS: 'arn:aws:iam::1:role/x' } }),
    'efs-policy',
    'failed',
    /no statement .*mounted without IAM.*authorizationConfig\.iam/,
  ],
  [
    'a policy that only lets read',
    policy({ ...ALLOW, Action: 'elasticfilesystem:ClientMount' }),
    'efs-policy',
    'failed',
    /denies elasticfilesystem:ClientWrite.*cannot write/,
  ],
  [
    'a policy for another access point',
    policy(ALLOW, {
      ...TLS,
      Condition: { StringNotEquals: { 'elasticfilesystem:AccessPointArn': 'arn:aws:x:access-point/fsap-9' } },
    }),
    'efs-policy',
    'failed',
    /denies mounts without the access point that it names, and the volume uses another one/,
  ],
  [
    'a policy on conditions that are not looked at',
    both(policy({ ...ALLOW, Condition: { StringEquals: { 'aws:SourceVpc': 'vpc-1' } } }), idle),
    'efs-policy',
    'inconclusive',
    /depends on policies that this check does not evaluate/,
  ],
  [
    'a policy that may not be read',
    storage({ policy: unknown('denied', 'no-evidence') }),
    'efs-policy',
    'inconclusive',
    /Denied/,
  ],
  [
    'no such access point',
    storage({ accessPoint: known(undefined, 'x') }),
    'efs-access-point',
    'failed',
    /fsap-1 does not exist/,
  ],
  [
    'the access point of another file system',
    point({ fileSystem: 'fs-9' }),
    'efs-access-point',
    'failed',
    /belongs to fs-9 and not to fs-1/,
  ],
  [
    'an access point that goes',
    point({ state: 'deleting' }),
    'efs-access-point',
    'failed',
    /fsap-1 is deleting/,
  ],
  [
    'an access point whose directory is root’s',
    point({ creation: { uid: 0, gid: 0, permissions: '0755' } }),
    'efs-access-point',
    'failed',
    /acts as 101:101 but creates \/clickhouse with owner 0:0 \(0755\), so ClickHouse cannot write/,
  ],
  [
    'an access point without a user, with root’s directory',
    point({ user: undefined, creation: { uid: 0, gid: 0, permissions: '0755' } }),
    'efs-access-point',
    'failed',
    /Give it POSIX user and owner 101:101/,
  ],
  [
    'an access point for bitnami’s user',
    point({ user: { uid: 1001, gid: 1001 }, creation: { uid: 1001, gid: 1001, permissions: '0755' } }),
    'efs-access-point',
    'warning',
    /acts as 1001:1001, but ClickHouse runs as 101:101/,
  ],
  [
    'the root without an access point',
    storage(plain),
    'efs-access-point',
    'warning',
    /mounts the root of fs-1.*Use an access point/,
  ],
  [
    'a directory that nobody makes',
    both(storage({ ...plain, volume: volume({ accessPointId: undefined, rootDirectory: '/data' }) }), idle),
    'efs-access-point',
    'failed',
    /mounts \/data of fs-1 without an access point, and no ClickHouse task runs.*No such file or directory/,
  ],
  [
    'a volume beside the data',
    stack =>
      clickhouse({
        container: { ...stack.clickhouse.container, mounts: [{ volume: 'data', path: '/data' }] },
      })(stack),
    'efs-volume',
    'failed',
    /mounts fs-1 at \/data, but ClickHouse stores its data in \/var\/lib\/clickhouse/,
  ],
  [
    'another file system than before',
    both(
      storage({ before: known({ revision: 'clickhouse:1', volume: volume({ fileSystemId: 'fs-0' }) }, 'x') }),
      stack => ({
        ...stack,
        probe: healthyProbe({
          tables: known(
            [{ database: 'system', name: 'query_log', engine: 'MergeTree', rows: 3, bytes: 3 }],
            'x',
          ),
        }),
      }),
    ),
    'efs-volume',
    'failed',
    /now uses fs-1 through fsap-1\. Revision clickhouse:1 used fs-0 through fsap-1\. ClickHouse answers \/ping but has no data/,
  ],
  [
    'an access point where there was none, with data',
    both(
      storage({
        before: known({ revision: 'clickhouse:1', volume: volume({ accessPointId: undefined }) }, 'x'),
      }),
      stack => ({
        ...stack,
        probe: healthyProbe({
          tables: known(
            [{ database: 'default', name: 'traces', engine: 'MergeTree', rows: 3, bytes: 3 }],
            'x',
          ),
        }),
      }),
    ),
    'efs-volume',
    'warning',
    /now uses access point fsap-1 of fs-1\. Revision clickhouse:1 used root directory \/\./,
  ],
  [
    'directories of root',
    mounted(file('.'), file('metadata'), file('store', 0)),
    'efs-mounted',
    'failed',
    /`store` on the volume belongs to 0:0 \(755\), but ClickHouse runs as 101/,
  ],
  [
    'a root of root',
    mounted(file('.', 0), file('metadata'), file('store')),
    'efs-mounted',
    'failed',
    /The root of the volume belongs to 0:0/,
  ],
  ['an empty volume', mounted(file('.')), 'efs-mounted', 'failed', /holds no ClickHouse data/],
  [
    'a volume that cannot be mounted',
    both(files({ mountTargets: [] }), stack => ({
      ...stack,
      probe: healthyProbe({ mount: known({ state: 'failed', reason: MESSAGES.name }, 'x') }),
    })),
    'efs-mounted',
    'failed',
    /could not mount its volume: EFS's name does not resolve \(ignore the botocore message\)\. EFS file system fs-1 has no mount target/,
  ],
]

test.each(CASES)('%s', async (_, spoil, check, state, sentence) => {
  const result = (await resultsOf(spoil(stackOn2()))).get(check)
  expect(`${result?.state}: ${result?.sentence}`).toMatch(new RegExp(`^${state}: .*${sentence.source}`))
})

test('policies that let this volume in', async () => {
  const role = 'arn:aws:iam::123456789012:role/clickhouse'
  const good: readonly Spoil[] = [
    policy(ALLOW),
    policy(ALLOW, TLS),
    policy({
      ...ALLOW,
      Principal: '*',
      Condition: { Bool: { 'elasticfilesystem:AccessedViaMountTarget': 'true' } },
    }),
    both(
      storage({
        volume: volume({ iam: true }),
        policy: known(JSON.stringify({ Statement: [{ ...ALLOW, Principal: { AWS: role } }] }), 'x'),
      }),
      stack => clickhouse({ taskDefinition: { ...stack.clickhouse.taskDefinition, taskRole: role } })(stack),
    ),
  ]
  for (const spoil of good)
    expect((await resultsOf(spoil(stackOn2()))).get('efs-policy')?.state).toBe('passed')
})

const MESSAGES = {
  name: `ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: Failed to resolve "fs-1.efs.ap-northeast-1.amazonaws.com" - check that your file system ID is correct, and ensure that the VPC has an EFS mount target for this file system ID. Attempting to lookup mount target ip address using botocore. Failed to import necessary dependency botocore, please install botocore first. : unsuccessful EFS utils command execution; code: 1`,
  endpoint: `ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: b'mount.nfs4: Connection timed out' : unsuccessful EFS utils command execution; code: 32`,
  denied: `ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: b'mount.nfs4: access denied by server while mounting 127.0.0.1:/' : unsuccessful EFS utils command execution; code: 32`,
  path: `ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: b'mount.nfs4: mounting fs-1.efs.ap-northeast-1.amazonaws.com:/data failed, reason given by server: No such file or directory' : unsuccessful EFS utils command execution; code: 32`,
}

/** ClickHouse does not run, and its last task stopped with these words. */
function failing(stoppedReason: string): Spoil {
  return stack => {
    const { service } = stack.clickhouse
    const stopped = ecsTask(service, { id: 'dead', stopCode: 'TaskFailedToStart', stoppedReason })
    const down = clickhouse({ tasks: [], service: { ...service, runningCount: 0 } })(stack)
    const seen = known({ clickhouse: known([stopped], 'ecs'), worker: known([], 'ecs') }, 'ECS')
    return { ...down, infrastructure: { ...down.infrastructure, stopped: seen } }
  }
}

const closed = network({ groups: known([group('sg-1', [])], 'ec2') })

const CAUSES: readonly (readonly [what: string, reason: string, cause: Spoil, sentence: RegExp])[] = [
  [
    'no mount target',
    MESSAGES.name,
    files({ mountTargets: [] }),
    /EFS's name does not resolve.*ignore the botocore message.*has no mount target/,
  ],
  [
    'DNS off',
    MESSAGES.name,
    network({ dns: known({ vpc: 'vpc-1', support: false, hostnames: true, servers: undefined }, 'x') }),
    /does not resolve.*enableDnsSupport off/,
  ],
  [
    'DNS servers of its own',
    MESSAGES.name,
    network({ dns: known({ vpc: 'vpc-1', support: true, hostnames: true, servers: ['10.9.9.9'] }, 'x') }),
    /does not resolve.*custom DNS servers \(10\.9\.9\.9\)/,
  ],
  ['a closed door', MESSAGES.endpoint, closed, /EFS does not answer\. Security group sg-1 .*TCP 2049/],
  [
    'a policy',
    MESSAGES.denied,
    policy(ALLOW, { ...TLS, Condition: {} }),
    /EFS denies the mount\. The policy of fs-1 denies/,
  ],
  [
    'an access point that is gone',
    MESSAGES.denied,
    storage({ accessPoint: known(undefined, 'x') }),
    /EFS denies the mount\. Access point fsap-1 does not exist/,
  ],
  [
    'a directory that is not there',
    MESSAGES.path,
    storage({ ...plain, volume: volume({ accessPointId: undefined, rootDirectory: '/data' }) }),
    /the directory does not exist on EFS\. Volume data mounts \/data/,
  ],
  [
    'nothing that is looked at',
    MESSAGES.name,
    stack => stack,
    /although mount targets, DNS, security groups are correct\. The name of a new file system/,
  ],
  [
    'DNS that may not be looked at',
    MESSAGES.name,
    network({ dns: unknown('DNS cannot be read, because AWS denied ec2:DescribeVpcs', 'no-evidence') }),
    /does not resolve.*this check could not read its DNS: DNS cannot be read, because AWS denied ec2:DescribeVpcs/,
  ],
  [
    'an image that is gone',
    'CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref x: not found',
    stack => stack,
    /The image does not exist in its registry/,
  ],
]

test.each(CAUSES)('a ClickHouse that does not start because of %s', async (_, reason, cause, sentence) => {
  const result = (await resultsOf(failing(reason)(cause(stackOn2())))).get('clickhouse-starts')
  expect(result?.state).toBe('failed')
  expect(result?.sentence).toMatch(/^ClickHouse: 1 task failed in the last hour, most recently dead: /)
  expect(result?.sentence).toMatch(sentence)
})

test('what has failed before the service became steady is history', async () => {
  const stack = failing(MESSAGES.name)(stackOn2())
  const steady = clickhouse({ service: stackOn2().clickhouse.service })(stack)
  const result = (await resultsOf(steady)).get('clickhouse-starts')
  expect(result).toMatchObject({
    state: 'passed',
    sentence: '1 task failed in the last hour, but the service is steady now.',
  })
})

test('one cause is said by the checks that rest on it, and by no other', async () => {
  const bad = async (spoil: Spoil) =>
    [...(await resultsOf(spoil(stackOn2()))).values()]
      .filter(({ state }) => state !== 'passed')
      .map(({ id }) => id)
  expect(await bad(stack => stack)).toEqual([])
  expect(await bad(files({ mountTargets: [] }))).toEqual(['efs-mount-targets'])
  expect(await bad(policy(ALLOW, { ...TLS, Condition: {} }))).toEqual(['efs-policy'])
  expect(await bad(point({ state: 'deleting' }))).toEqual(['efs-access-point'])
  expect(await bad(mounted(file('.', 0)))).toEqual(['efs-mounted'])
})

test('without evidence nothing of it passes', async () => {
  const blind = stackOn2({
    infrastructure: healthyInfrastructure({
      network: unknown('lost', 'no-evidence'),
      storage: unknown('lost', 'no-evidence'),
      stopped: unknown('lost', 'no-evidence'),
    }),
    files: unknown('lost', 'unreachable'),
    probe: healthyProbe({ mount: unknown('lost', 'no-evidence') }),
  })
  const states = [...(await resultsOf(blind)).values()].map(({ id, state }) => [id, state])
  expect(states).toEqual(CHECKS.map(check => [check.id, 'inconclusive']))
})

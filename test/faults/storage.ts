import { isObject, type JsonObject } from '../../sandbox/aws/json.ts'
import type { CheckId } from '../../src/checks/run.ts'
import { type Fault, type FaultStage, swap, until } from './fault.ts'
import { insideClickHouse } from './services.ts'

/** EFS's doors, policy and access point, as its API shows them. */
const configuration: readonly Fault[] = [
  {
    name: 'a zone of ClickHouse has no mount target',
    row: 28,
    put: async ({ files }) => without(files.mountTargets, 1),
    expects: [
      {
        check: 'efs-mount-targets',
        state: 'failed',
        says: /no mount target in the zone of subnet subnet-\w+ \(ap-northeast-1c\).*botocore/,
      },
    ],
  },
  {
    name: 'EFS has no mount target at all',
    row: 28,
    put: async ({ files }) => without(files.mountTargets, 0, 3),
    expects: [{ check: 'efs-mount-targets', state: 'failed', says: /has no mount target.*botocore/ }],
    // Nothing is left that has security groups.
    also: ['efs-security-groups'],
  },
  {
    name: 'a mount target is being deleted',
    put: async ({ files }) => swap(first(files.mountTargets), { state: 'deleting' }),
    expects: [{ check: 'efs-mount-targets', state: 'failed', says: /Mount target fsmt-\w+ .* is deleting/ }],
  },
  {
    name: 'the file system is in error',
    put: async ({ files }) => swap(files, { state: 'error' }),
    expects: [
      { check: 'efs-mount-targets', state: 'failed', says: /EFS file system fs-\w+ is in state error/ },
    ],
  },
  {
    name: 'the file system was deleted',
    row: 28,
    put: async ({ files, world }) => world.efs.removeFileSystem(files.id),
    expects: [
      {
        check: 'efs-mount-targets',
        state: 'failed',
        says: /EFS file system fs-\w+ does not exist, so no ClickHouse task can start/,
      },
      { check: 'efs-access-point', state: 'failed', says: /Access point fsap-\w+ does not exist/ },
    ],
    // Nothing is left that has security groups or a policy.
    also: ['efs-security-groups', 'efs-policy'],
  },
  {
    name: "the mount targets' security group has no rule for NFS",
    row: 28,
    put: async stage => closeGroup(stage, 'clickhouse_efs'),
    expects: [
      {
        check: 'efs-security-groups',
        state: 'failed',
        says: /\(clickhouse_efs\) blocks TCP 2049 from ClickHouse to \d mount targets of fs-\w+\. Add an ingress rule for TCP 2049 from sg-/,
      },
    ],
  },
  {
    name: 'NFS is open to another security group than that of ClickHouse',
    put: async ({ world }) =>
      swap(groupNamed(world, 'clickhouse_efs'), {
        ingress: [{ protocol: 'tcp', from: 2049, to: 2049, groups: ['sg-0000000000000dead'] }],
      }),
    expects: [{ check: 'efs-security-groups', state: 'failed', says: /blocks TCP 2049 from ClickHouse to/ }],
  },
  {
    name: 'NFS is open to one of the subnets of ClickHouse',
    put: async ({ world }) =>
      swap(groupNamed(world, 'clickhouse_efs'), {
        ingress: [{ protocol: 'tcp', from: 2049, to: 2049, ranges: ['10.0.11.0/24'] }],
      }),
    expects: [
      {
        check: 'efs-security-groups',
        state: 'warning',
        says: /only some of the subnets of ClickHouse in on port 2049/,
      },
    ],
  },
  {
    name: 'the file-system policy allows a role that ClickHouse does not have',
    row: 29,
    put: async ({ files }) =>
      swap(files, {
        policy: policyOf({ ...ALLOW, Principal: { AWS: 'arn:aws:iam::123456789012:role/other' } }),
      }),
    expects: [
      {
        check: 'efs-policy',
        state: 'failed',
        says: /no statement allows it to every client.*mounted without IAM/,
      },
    ],
  },
  {
    name: 'the file-system policy wants TLS, and the volume has none',
    row: 29,
    put: async stage =>
      together(
        swap(stage.files, { policy: policyOf(ALLOW, ONLY_TLS) }),
        changeVolume(stage, { transitEncryption: 'DISABLED' }),
      ),
    expects: [
      {
        check: 'efs-policy',
        state: 'failed',
        says: /statement OnlyTls .*denies mounts without TLS.*Set transitEncryption to ENABLED/,
      },
    ],
  },
  {
    name: 'the file-system policy lets nobody write',
    put: async ({ files }) =>
      swap(files, { policy: policyOf({ ...ALLOW, Action: 'elasticfilesystem:ClientMount' }) }),
    expects: [
      { check: 'efs-policy', state: 'failed', says: /denies elasticfilesystem:ClientWrite.*cannot write/ },
    ],
  },
  {
    name: 'the file-system policy wants another access point',
    row: 29,
    put: async ({ files }) =>
      swap(files, {
        policy: policyOf(ALLOW, {
          ...ONLY_TLS,
          Condition: {
            StringNotEquals: {
              'elasticfilesystem:AccessPointArn':
                'arn:aws:elasticfilesystem:ap-northeast-1:123456789012:access-point/fsap-other',
            },
          },
        }),
      }),
    expects: [
      {
        check: 'efs-policy',
        state: 'failed',
        says: /denies mounts without the access point that it names, and the volume uses another one/,
      },
    ],
  },
  {
    name: 'the access point is gone',
    row: 29,
    put: async ({ files }) => without(files.accessPoints, 0),
    expects: [{ check: 'efs-access-point', state: 'failed', says: /Access point fsap-\w+ does not exist/ }],
  },
  {
    name: 'the access point belongs to another file system',
    put: async ({ files, world }) => {
      const point = first(files.accessPoints)
      const other = world.efs.createFileSystem({ creationToken: 'other', mountTargets: [] })
      const back = without(files.accessPoints, 0)
      other.accessPoints.push(point)
      return async () => {
        other.accessPoints.length = 0
        await back()
      }
    },
    expects: [{ check: 'efs-access-point', state: 'failed', says: /belongs to fs-\w+ and not to fs-\w+/ }],
  },
  {
    name: 'the access point makes its directory for root',
    row: 29,
    put: async ({ files }) => swap(first(files.accessPoints), { owner: { uid: 0, gid: 0 } }),
    expects: [
      {
        check: 'efs-access-point',
        state: 'failed',
        says: /creates \/clickhouse with owner 0:0 \(0755\), so ClickHouse cannot write/,
      },
    ],
  },
  {
    name: "the access point has bitnami's user",
    put: async ({ files }) => swap(first(files.accessPoints), { uid: 1001, gid: 1001 }),
    expects: [
      {
        check: 'efs-access-point',
        state: 'warning',
        says: /acts as 1001:1001, but ClickHouse runs as 101:101/,
      },
    ],
  },
  {
    name: 'the volume mounts the root, without an access point',
    put: async stage => changeVolume(stage, { authorizationConfig: undefined }),
    expects: [
      {
        check: 'efs-access-point',
        state: 'warning',
        says: /mounts the root of fs-\w+, which belongs to root.*Use an access point/,
      },
    ],
  },
  {
    name: 'the volume mounts a directory that nobody makes',
    row: 29,
    put: async stage => changeVolume(stage, { authorizationConfig: undefined, rootDirectory: '/data' }),
    expects: [
      {
        check: 'efs-access-point',
        state: 'warning',
        says: /mounts \/data of fs-\w+ without an access point.*No such file or directory/,
      },
    ],
  },
  {
    name: "the volume is mounted beside ClickHouse's data",
    put: async stage =>
      changeContainer(stage, { mountPoints: [{ sourceVolume: 'clickhouse_data', containerPath: '/data' }] }),
    expects: [
      {
        check: 'efs-volume',
        state: 'failed',
        says: /mounts fs-\w+ at \/data, but ClickHouse stores its data in \/var\/lib\/clickhouse and loses it with the task/,
      },
    ],
  },
]

const OUTSIDE = { network: 'task' }

/** What only a task that mounts the volume shows. */
const mounted: readonly Fault[] = [
  {
    name: "ClickHouse's store belongs to root",
    row: 29,
    inputs: OUTSIDE,
    put: async stage => own(stage, '/clickhouse/store'),
    expects: [
      {
        check: 'efs-mounted',
        state: 'failed',
        says: /`store` on the volume belongs to 0:0 \(\d+\), but ClickHouse runs as 101.*chown -R 101:101/,
      },
    ],
  },
  {
    name: 'the root of the volume belongs to root',
    row: 29,
    inputs: OUTSIDE,
    put: async stage => own(stage, '/clickhouse'),
    expects: [{ check: 'efs-mounted', state: 'failed', says: /The root of the volume belongs to 0:0/ }],
  },
  {
    name: 'the access point leads to an empty directory',
    inputs: OUTSIDE,
    put: async ({ files, world }) => {
      const point = first(files.accessPoints)
      world.efs.createAccessPoint(files.id, { path: '/empty', uid: 101, gid: 101 })
      files.accessPoints.pop()
      return swap(point, { path: '/empty' })
    },
    expects: [{ check: 'efs-mounted', state: 'failed', says: /holds no ClickHouse data/ }],
  },
  {
    name: 'a task in the place of ClickHouse finds no mount target in its zone',
    row: 28,
    inputs: OUTSIDE,
    put: async ({ files }) => without(files.mountTargets, 0),
    expects: [
      { check: 'efs-mount-targets', state: 'failed', says: /no mount target in the zone/ },
      {
        check: 'efs-mounted',
        state: 'failed',
        says: /EFS's name does not resolve \(ignore the botocore message\)\. EFS file system fs-\w+ has no mount target in the zone/,
      },
    ],
  },
  {
    name: 'a task in the place of ClickHouse is not let in on 2049',
    row: 28,
    inputs: OUTSIDE,
    put: async stage => closeGroup(stage, 'clickhouse_efs'),
    expects: [
      { check: 'efs-security-groups', state: 'failed', says: /blocks TCP 2049/ },
      {
        check: 'efs-mounted',
        state: 'failed',
        says: /EFS does not answer\. Security group sg-\w+ \(clickhouse_efs\)/,
      },
    ],
  },
  {
    name: 'a task in the place of ClickHouse is denied by the policy',
    row: 29,
    inputs: OUTSIDE,
    put: async ({ files }) =>
      swap(files, {
        policy: policyOf({ ...ALLOW, Principal: { AWS: 'arn:aws:iam::123456789012:role/other' } }),
      }),
    expects: [
      { check: 'efs-policy', state: 'failed', says: /mounted without IAM/ },
      { check: 'efs-mounted', state: 'failed', says: /EFS denies the mount\. The policy of fs-\w+ denies/ },
    ],
  },
  {
    name: 'DNS support of the VPC is off, and a task tries to mount',
    row: 28,
    inputs: OUTSIDE,
    put: async ({ world }) => swap(first([...world.ec2.vpcs.values()]), { dnsSupport: false }),
    expects: [
      { check: 'vpc-dns', state: 'failed', says: /enableDnsSupport off/ },
      {
        check: 'efs-mounted',
        state: 'failed',
        says: /EFS's name does not resolve .*VPC vpc-\w+ has enableDnsSupport off/,
      },
    ],
  },
]

/** A ClickHouse that is gone takes all with it that is asked of it. */
const WITHOUT_CLICKHOUSE: readonly CheckId[] = ['clickhouse-steady', 'cloud-map', ...insideClickHouse()]

/** ClickHouse's own tasks. */
const starting: readonly Fault[] = [
  {
    name: 'ClickHouse is replaced and finds no mount target',
    row: 28,
    put: async stage => {
      const back = without(stage.files.mountTargets, 0, 3)
      await replaceClickHouse(stage)
      return back
    },
    expects: [
      { check: 'efs-mount-targets', state: 'failed', says: /has no mount target/ },
      {
        check: 'clickhouse-starts',
        state: 'failed',
        says: /EFS's name does not resolve \(ignore the botocore message\)\. EFS file system fs-\w+ has no mount target/,
      },
    ],
    also: ['efs-security-groups', ...WITHOUT_CLICKHOUSE],
  },
  {
    name: 'ClickHouse is replaced and is not let in on 2049',
    row: 28,
    put: async stage => {
      const back = closeGroup(stage, 'clickhouse_efs')
      await replaceClickHouse(stage)
      return back
    },
    expects: [
      { check: 'efs-security-groups', state: 'failed', says: /blocks TCP 2049/ },
      {
        check: 'clickhouse-starts',
        state: 'failed',
        says: /EFS does not answer\. Security group sg-\w+ \(clickhouse_efs\)/,
      },
    ],
    also: WITHOUT_CLICKHOUSE,
  },
]

/** What the data's place is changed to, it is changed for everybody who asks. */
const moved: readonly Fault[] = [
  {
    name: 'ClickHouse was put on another access point, and is empty',
    put: async stage => {
      const { files, world, service } = stage
      const before = service('clickhouse').taskDefinition
      const other = world.efs.createAccessPoint(files.id, { path: '/second', uid: 101, gid: 101 })
      const document = volumesWith(before.document, { authorizationConfig: { accessPointId: other.id } })
      await rollClickHouse(stage, await world.registerTaskDefinition(document))
      return async () => {
        await rollClickHouse(stage, before.arn)
        files.accessPoints.pop()
      }
    },
    expects: [
      {
        check: 'efs-volume',
        state: 'failed',
        says: /now uses access point fsap-\w+ of fs-\w+\. Revision clickhouse:1 used fsap-\w+\. ClickHouse answers \/ping but has no data/,
      },
      { check: 'clickhouse-data', state: 'failed', says: /is empty: it has no schema, although/ },
    ],
    // There is no table, neither Langfuse's nor a log.
    also: ['clickhouse-schema', 'clickhouse-tables', 'clickhouse-logs'],
  },
]

export const STORAGE_FAULTS: readonly Fault[] = [...configuration, ...mounted, ...starting, ...moved]

const ALLOW = {
  Sid: 'Everybody',
  Effect: 'Allow',
  Principal: { AWS: '*' },
  Action: ['elasticfilesystem:ClientMount', 'elasticfilesystem:ClientWrite'],
}
const ONLY_TLS = {
  Sid: 'OnlyTls',
  Effect: 'Deny',
  Principal: { AWS: '*' },
  Action: '*',
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
}

const policyOf = (...Statement: readonly object[]) => JSON.stringify({ Version: '2012-10-17', Statement })

function first<Thing>([thing]: readonly Thing[]): Thing {
  if (thing === undefined) throw new Error('The stage has none')
  return thing
}

/** Takes elements out of a list; the answer puts them back where they were. */
function without<Thing>(list: Thing[], at: number, count = 1): () => Promise<void> {
  const taken = list.splice(at, count)
  return async () => void list.splice(at, 0, ...taken)
}

const together =
  (...undos: readonly (() => Promise<void>)[]) =>
  async () => {
    for (const undo of undos.toReversed()) await undo()
  }

export function groupNamed({ ec2 }: FaultStage['world'], name: string) {
  return first([...ec2.groups.values()].filter(group => group.name === name))
}

export function closeGroup({ world }: FaultStage, name: string): () => Promise<void> {
  return swap(groupNamed(world, name), { ingress: [] })
}

/** Belongs to root from now on. */
function own({ files }: FaultStage, path: string): () => Promise<void> {
  files.owners.set(path, { uid: 0, gid: 0 })
  return async () => void files.owners.delete(path)
}

/** What runs goes on running: only what ECS describes is otherwise. */
function changeDocument({ service }: FaultStage, change: (document: JsonObject) => JsonObject) {
  const definition = service('clickhouse').taskDefinition
  return swap(definition, { document: change(definition.document) })
}

function changeVolume(stage: FaultStage, change: JsonObject): () => Promise<void> {
  return changeDocument(stage, document => volumesWith(document, change))
}

function volumesWith(document: JsonObject, change: JsonObject): JsonObject {
  return {
    ...document,
    volumes: listOf(document['volumes']).map(volume => ({
      ...volume,
      efsVolumeConfiguration: { ...Object(volume['efsVolumeConfiguration']), ...change },
    })),
  }
}

function changeContainer(stage: FaultStage, change: JsonObject): () => Promise<void> {
  return changeDocument(stage, document => ({
    ...document,
    containerDefinitions: listOf(document['containerDefinitions']).map(one => ({ ...one, ...change })),
  }))
}

const listOf = (value: unknown): readonly JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : [])

/** Until the new task has failed to start: the old one goes first. */
async function replaceClickHouse({ world, service, discovery }: FaultStage): Promise<void> {
  const tasks = () =>
    [...service('clickhouse').cluster.tasks.values()].filter(task => task.service?.name === 'clickhouse')
  const before = new Set(tasks())
  await world.call('ecs', 'UpdateService', {
    cluster: 'langfuse',
    service: 'clickhouse',
    forceNewDeployment: true,
  })
  await until('task of ClickHouse that failed to start', () =>
    tasks().some(
      task => !before.has(task) && task.stopCode === 'TaskFailedToStart' && task.lastStatus === 'STOPPED',
    ),
  )
  await until('end of the old ClickHouse', () => discovery.instances.size === 0)
}

async function rollClickHouse(
  { world, service, discovery }: FaultStage,
  taskDefinition: string,
): Promise<void> {
  await world.call('ecs', 'UpdateService', { cluster: 'langfuse', service: 'clickhouse', taskDefinition })
  const runs = () =>
    [...service('clickhouse').cluster.tasks.values()].some(
      task =>
        task.taskDefinition.arn === taskDefinition && task.containers.every(one => one.health === 'HEALTHY'),
    )
  await until('ClickHouse on the other revision', () => {
    const { steady, deployments } = service('clickhouse')
    const [instance] = discovery.instances.values()
    return steady && deployments.length === 1 && runs() && instance?.health === 'HEALTHY'
  })
}

import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Ec2 } from './ec2.ts'
import { arn, type Ids } from './ids.ts'
import { textMap } from './json.ts'

/** Elastic File System: what is mounted is a folder below `folder`. */
export function makeEfs(options: {
  folder: string
  ids: Ids
  now: () => Date
  newAddress: (subnet: string) => string
  ec2: Ec2
}): Efs {
  const { ids, now, ec2 } = options
  const fileSystems = new Map<string, FileSystem>()
  const broken = new Map<string, MountTrouble>()
  const folderOf = (id: string, path: string) => join(options.folder, id, path)

  const createFileSystem = (spec: FileSystemSpec) => {
    const id = `fs-${ids.hex(17)}`
    const made: FileSystem = {
      id,
      arn: arn('elasticfilesystem', `file-system/${id}`),
      creationToken: spec.creationToken,
      createdAt: now(),
      tags: spec.tags ?? {},
      state: 'available',
      mountTargets: spec.mountTargets.map(target => ({
        id: `fsmt-${ids.hex(17)}`,
        subnetId: target.subnetId,
        state: 'available',
        address: options.newAddress(target.subnetId),
        interfaceId: `eni-${ids.hex(17)}`,
      })),
      accessPoints: [],
      policy: spec.policy,
      owners: new Map(),
    }
    for (const [index, target] of made.mountTargets.entries())
      ec2.attach({
        id: target.interfaceId,
        description: `EFS mount target for ${id} (${target.id})`,
        subnetId: target.subnetId,
        address: target.address,
        securityGroups: spec.mountTargets[index]?.securityGroups ?? [],
      })
    fileSystems.set(id, made)
    mkdirSync(folderOf(id, '/'), { recursive: true })
    return made
  }

  const removeFileSystem = (id: string) => {
    const removed = fileSystems.get(id)
    fileSystems.delete(id)
    return async () => void (removed && fileSystems.set(id, removed))
  }

  const createAccessPoint = (fileSystemId: string, spec: AccessPointSpec) => {
    const id = `fsap-${ids.hex(17)}`
    const made = { id, arn: arn('elasticfilesystem', `access-point/${id}`), state: 'available', ...spec }
    fileSystems.get(fileSystemId)?.accessPoints.push(made)
    mkdirSync(folderOf(fileSystemId, spec.path), { recursive: true })
    return made
  }

  return {
    fileSystems,
    createFileSystem,
    removeFileSystem,
    createAccessPoint,
    folderOf,
    groupsOf: target => ec2.interfaces.find(({ id }) => id === target.interfaceId)?.securityGroups ?? [],
    failMounts: (id, trouble) => {
      if (trouble === undefined) broken.delete(id)
      else broken.set(id, trouble)
    },
    mount: m => {
      const id = textMap(m.volume).fileSystemId ?? ''
      const trouble = broken.get(id)
      return trouble ? { problem: PREFIX + TROUBLES[trouble](id) } : mount({ fileSystems, folderOf, ec2 }, m)
    },
  }
}

export type FileSystemSpec = {
  readonly creationToken: string
  readonly mountTargets: readonly { readonly subnetId: string; readonly securityGroups: readonly string[] }[]
  readonly tags?: Readonly<Record<string, string>>
  readonly policy?: string
}

/** `owner` is what the directory is made with; the POSIX user itself where it is left out. */
export type AccessPointSpec = {
  readonly path: string
  readonly uid: number
  readonly gid: number
  readonly owner?: Owner
}

export type AccessPoint = AccessPointSpec & { readonly id: string; readonly arn: string; state: string }

export type Owner = { readonly uid: number; readonly gid: number }

export type FileSystem = {
  readonly id: string
  readonly arn: string
  readonly creationToken: string
  readonly createdAt: Date
  readonly tags: Readonly<Record<string, string>>
  state: string
  readonly mountTargets: MountTarget[]
  readonly accessPoints: AccessPoint[]
  policy: string | undefined
  /** Who owns what, by path from the root: the server of NFS says so. What is not named is ClickHouse's. */
  readonly owners: Map<string, Owner>
}

export type MountTarget = {
  readonly id: string
  readonly subnetId: string
  readonly address: string
  readonly interfaceId: string
  state: string
}

export type Efs = {
  readonly fileSystems: ReadonlyMap<string, FileSystem>
  createFileSystem(spec: FileSystemSpec): FileSystem
  /** For whoever asks from now on; the answer brings it back as it was. */
  removeFileSystem(id: string): () => Promise<void>
  createAccessPoint(fileSystemId: string, spec: AccessPointSpec): AccessPoint
  groupsOf(target: MountTarget): readonly string[]
  folderOf(fileSystemId: string, path: string): string
  /** From now on no new task can mount it; undefined mends it. */
  failMounts(fileSystemId: string, trouble: MountTrouble | undefined): void
  /** The folder behind an `efsVolumeConfiguration` in a subnet, or the reason why it cannot be mounted. */
  mount(request: MountRequest): Mounted
}

/** Name does not resolve (DNS, no mount target); IAM or policy; security group on 2049; root directory. */
export type MountTrouble = 'unresolved' | 'access-denied' | 'timeout' | 'missing-root'

export type MountRequest = {
  readonly volume: unknown
  readonly subnetId: string
  readonly securityGroups: readonly string[]
  readonly address: string
}
export type Mounted =
  | { readonly folder: string; readonly owners: Readonly<Record<string, Owner>> }
  | { readonly problem: string }

const PREFIX =
  'ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: '

type Known = {
  readonly fileSystems: Efs['fileSystems']
  readonly folderOf: Efs['folderOf']
  readonly ec2: Ec2
}

/** What mount.efs meets in this order: the name, the door, the policy, the directory. Texts [REPORT, facts/aws.md 2.2]. */
function mount({ fileSystems, folderOf, ec2 }: Known, request: MountRequest): Mounted {
  const { fileSystemId = '', rootDirectory = '/' } = textMap(request.volume)
  const problem = (text: string) => ({ problem: PREFIX + text })
  const found = fileSystems.get(fileSystemId)
  const target = found?.mountTargets.find(candidate => serves(ec2, candidate, request.subnetId))
  if (!found || !target || !resolves(ec2, request.subnetId)) return problem(unresolved(fileSystemId))
  const groups = ec2.interfaces.find(({ id }) => id === target.interfaceId)?.securityGroups ?? []
  const from = { groups: request.securityGroups, address: request.address }
  if (!ec2.allows({ from, to: { groups, address: target.address }, port: 2049 }))
    return problem(TROUBLES.timeout(fileSystemId))
  if (!letsMount(found.policy, request.volume)) return problem(TROUBLES['access-denied'](fileSystemId))
  const point = accessPointId(request.volume)
  const accessPoint = found.accessPoints.find(candidate => candidate.id === point)
  if (point !== undefined && !accessPoint) return problem(TROUBLES['access-denied'](fileSystemId))
  const path = accessPoint?.path ?? rootDirectory
  const folder = folderOf(fileSystemId, path)
  if (!existsSync(folder)) return problem(missingRoot(fileSystemId, path))
  return { folder, owners: ownersBelow(found, path) }
}

/** A mount target answers in all of its zone; the name resolves to the one of the zone. */
function serves(ec2: Ec2, target: MountTarget, subnetId: string): boolean {
  if (target.state !== 'available') return false
  const zoneName = (id: string) => ec2.subnets.get(id)?.zone.name
  const wanted = zoneName(subnetId)
  return target.subnetId === subnetId || (wanted !== undefined && zoneName(target.subnetId) === wanted)
}

function resolves(ec2: Ec2, subnetId: string): boolean {
  const vpc = ec2.vpcs.get(ec2.subnets.get(subnetId)?.vpcId ?? '')
  if (vpc === undefined) return true
  const servers = ec2.dhcpOptions.get(vpc.dhcpOptionsId)?.servers ?? []
  return vpc.dnsSupport && vpc.dnsHostnames && servers.includes('AmazonProvidedDNS')
}

/** Of policies what teams write: an Allow for everybody or for nobody without IAM, a Deny of what is not encrypted. */
function letsMount(policy: string | undefined, volume: unknown): boolean {
  if (policy === undefined) return true
  const { transitEncryption, authorizationConfig } = Object(volume)
  const secure = transitEncryption === 'ENABLED'
  const identified = textMap(authorizationConfig).iam === 'ENABLED'
  const point = accessPointId(volume)
  const { Statement = [] } = JSON.parse(policy) as { Statement?: readonly PolicyStatement[] }
  const applies = ({ Principal, Condition = {} }: PolicyStatement) =>
    (identified || JSON.stringify(Principal) === '"*"' || JSON.stringify(Principal) === '{"AWS":"*"}') &&
    Object.entries(Condition).every(([operator, keys]) =>
      Object.entries(keys).every(([key, value]) => {
        if (key === 'aws:SecureTransport') return String(value) === String(secure)
        if (key !== 'elasticfilesystem:AccessPointArn') return true
        const same = point !== undefined && String(value).endsWith(point)
        return operator.includes('Not') ? !same : same
      }),
    )
  const has = (effect: string) => Statement.some(one => one.Effect === effect && applies(one))
  return has('Allow') && !has('Deny')
}

type PolicyStatement = {
  readonly Effect: string
  readonly Principal?: unknown
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

function ownersBelow(found: FileSystem, path: string): Readonly<Record<string, Owner>> {
  const root = path.replace(/\/+$/, '')
  const below = [...found.owners].filter(([of]) => `${of.replace(/\/+$/, '')}/`.startsWith(`${root}/`))
  return Object.fromEntries(below.map(([of, owner]) => [of.slice(root.length).replace(/^\/+/, ''), owner]))
}

function accessPointId(volume: unknown): string | undefined {
  const { authorizationConfig } = Object(volume)
  return textMap(authorizationConfig).accessPointId
}

const unresolved = (id: string) =>
  `Failed to resolve "${id}.efs.ap-northeast-1.amazonaws.com" - check that your file system ID is correct, and ensure that the VPC has an EFS mount target for this file system ID. See https://docs.aws.amazon.com/console/efs/mount-dns-name for more detail. Attempting to lookup mount target ip address using botocore. Failed to import necessary dependency botocore, please install botocore first. : unsuccessful EFS utils command execution; code: 1`

const missingRoot = (id: string, path: string) =>
  `b'mount.nfs4: mounting ${id}.efs.ap-northeast-1.amazonaws.com:${path} failed, reason given by server: No such file or directory' : unsuccessful EFS utils command execution; code: 32`

const TROUBLES: Readonly<Record<MountTrouble, (id: string) => string>> = {
  unresolved,
  'access-denied': () =>
    "b'mount.nfs4: access denied by server while mounting 127.0.0.1:/' : unsuccessful EFS utils command execution; code: 32",
  timeout: () =>
    "Mount attempt 1/3 failed due to timeout after 15 sec, wait 0 sec before next attempt. Mount attempt 2/3 failed due to timeout after 15 sec, wait 0 sec before next attempt. b'mount.nfs4: Connection timed out' : unsuccessful EFS utils command execution; code: 32",
  'missing-root': id => missingRoot(id, '/'),
}

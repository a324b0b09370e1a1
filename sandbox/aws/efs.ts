import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { arn, type Ids } from './ids.ts'
import { textMap } from './json.ts'

/** Elastic File System: what is mounted is a folder below `folder`. */
export function makeEfs(options: {
  folder: string
  ids: Ids
  now: () => Date
  newAddress: (subnet: string) => string
}): Efs {
  const { ids, now } = options
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
      mountTargets: spec.mountTargets.map(target => ({
        id: `fsmt-${ids.hex(17)}`,
        subnetId: target.subnetId,
        securityGroups: target.securityGroups,
        address: options.newAddress(target.subnetId),
        interfaceId: `eni-${ids.hex(17)}`,
      })),
      accessPoints: [],
      policy: spec.policy,
    }
    fileSystems.set(id, made)
    mkdirSync(folderOf(id, '/'), { recursive: true })
    return made
  }

  const createAccessPoint = (fileSystemId: string, spec: AccessPointSpec) => {
    const id = `fsap-${ids.hex(17)}`
    const made = { id, arn: arn('elasticfilesystem', `access-point/${id}`), ...spec }
    fileSystems.get(fileSystemId)?.accessPoints.push(made)
    mkdirSync(folderOf(fileSystemId, spec.path), { recursive: true })
    return made
  }

  return {
    fileSystems,
    createFileSystem,
    createAccessPoint,
    folderOf,
    failMounts: (id, trouble) => {
      if (trouble === undefined) broken.delete(id)
      else broken.set(id, trouble)
    },
    mount: m => {
      const id = textMap(m.volume).fileSystemId ?? ''
      const trouble = broken.get(id)
      return trouble ? { problem: PREFIX + TROUBLES[trouble](id) } : mount(fileSystems, folderOf, m)
    },
  }
}

export type FileSystemSpec = {
  readonly creationToken: string
  readonly mountTargets: readonly { readonly subnetId: string; readonly securityGroups: readonly string[] }[]
  readonly tags?: Readonly<Record<string, string>>
  readonly policy?: string
}

export type AccessPointSpec = { readonly path: string; readonly uid: number; readonly gid: number }

export type FileSystem = {
  readonly id: string
  readonly arn: string
  readonly creationToken: string
  readonly createdAt: Date
  readonly tags: Readonly<Record<string, string>>
  readonly mountTargets: readonly MountTarget[]
  readonly accessPoints: (AccessPointSpec & { readonly id: string; readonly arn: string })[]
  readonly policy: string | undefined
}

export type MountTarget = {
  readonly id: string
  readonly subnetId: string
  readonly securityGroups: readonly string[]
  readonly address: string
  readonly interfaceId: string
}

export type Efs = {
  readonly fileSystems: ReadonlyMap<string, FileSystem>
  createFileSystem(spec: FileSystemSpec): FileSystem
  createAccessPoint(
    fileSystemId: string,
    spec: AccessPointSpec,
  ): AccessPointSpec & { id: string; arn: string }
  folderOf(fileSystemId: string, path: string): string
  /** From now on no new task can mount it; undefined mends it. */
  failMounts(fileSystemId: string, trouble: MountTrouble | undefined): void
  /** The folder behind an `efsVolumeConfiguration` in a subnet, or the reason why it cannot be mounted. */
  mount(request: MountRequest): Mounted
}

/** Name does not resolve (DNS, no mount target); IAM or policy; security group on 2049; root directory. */
export type MountTrouble = 'unresolved' | 'access-denied' | 'timeout' | 'missing-root'

export type MountRequest = { readonly volume: unknown; readonly subnetId: string }
export type Mounted = { readonly folder: string } | { readonly problem: string }

const PREFIX =
  'ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: '

/** Texts of a Fargate task that cannot mount [REPORT, facts/aws.md 2.2]. */
function mount(
  fileSystems: ReadonlyMap<string, FileSystem>,
  folderOf: Efs['folderOf'],
  request: MountRequest,
): Mounted {
  const { fileSystemId = '', rootDirectory = '/' } = textMap(request.volume)
  const found = fileSystems.get(fileSystemId)
  if (!found?.mountTargets.some(target => target.subnetId === request.subnetId))
    return { problem: PREFIX + unresolved(fileSystemId) }
  const point = accessPointId(request.volume)
  if (point !== undefined) {
    const accessPoint = found.accessPoints.find(candidate => candidate.id === point)
    if (!accessPoint) return { problem: PREFIX + TROUBLES['access-denied'](fileSystemId) }
    return { folder: folderOf(fileSystemId, accessPoint.path) }
  }
  if (rootDirectory !== '/') return { problem: PREFIX + missingRoot(fileSystemId, rootDirectory) }
  return { folder: folderOf(fileSystemId, '/') }
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

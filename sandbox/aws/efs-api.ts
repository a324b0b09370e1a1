import type { AccessPoint, Efs, FileSystem, MountTarget } from './efs.ts'
import { AwsError } from './errors.ts'
import { ACCOUNT } from './ids.ts'
import { type JsonObject, type Reader, reader } from './json.ts'
import { page } from './paging.ts'
import type { Operations } from './server.ts'
import { zoneOf } from './zones.ts'

export function efsOperations(efs: Efs): Operations {
  return {
    DescribeFileSystems: input => describeFileSystems(efs, reader(input)),
    DescribeFileSystemPolicy: input => describePolicy(efs, reader(input)),
    DescribeMountTargets: input => describeMountTargets(efs, reader(input)),
    DescribeMountTargetSecurityGroups: input => ({
      SecurityGroups: efs.groupsOf(mountTarget(efs, reader(input).needText('MountTargetId')).target),
    }),
    DescribeAccessPoints: input => describeAccessPoints(efs, reader(input)),
  }
}

function describeFileSystems(efs: Efs, read: Reader): JsonObject {
  const id = read.text('FileSystemId')
  const token = read.text('CreationToken')
  const chosen = id === undefined ? [...efs.fileSystems.values()] : [fileSystem(efs, id)]
  const matching = chosen.filter(found => token === undefined || found.creationToken === token)
  const { items, next } = page(matching, paging(read, 'Marker', 'MaxItems'))
  return { FileSystems: items.map(fileSystemAnswer), NextMarker: next }
}

function describePolicy(efs: Efs, read: Reader): JsonObject {
  const found = fileSystem(efs, read.needText('FileSystemId'))
  if (found.policy === undefined)
    throw new AwsError('PolicyNotFound', `No policy was found for file system ${found.id}.`, 404)
  return { FileSystemId: found.id, Policy: found.policy }
}

function describeMountTargets(efs: Efs, read: Reader): JsonObject {
  const { items, next } = page(chosenTargets(efs, read), paging(read, 'Marker', 'MaxItems'))
  return { MountTargets: items.map(({ owner, target }) => targetAnswer(owner, target)), NextMarker: next }
}

function chosenTargets(efs: Efs, read: Reader) {
  const targetId = read.text('MountTargetId')
  if (targetId !== undefined) return [mountTarget(efs, targetId)]
  const pointId = read.text('AccessPointId')
  const id = pointId === undefined ? read.text('FileSystemId') : accessPoint(efs, pointId).owner.id
  if (id === undefined)
    throw new AwsError('BadRequest', 'One of FileSystemId, MountTargetId or AccessPointId must be specified.')
  const owner = fileSystem(efs, id)
  return owner.mountTargets.map(target => ({ owner, target }))
}

function describeAccessPoints(efs: Efs, read: Reader): JsonObject {
  const pointId = read.text('AccessPointId')
  const id = read.text('FileSystemId')
  const all = pointId === undefined ? pointsOf(efs, id) : [accessPoint(efs, pointId)]
  const { items, next } = page(all, paging(read, 'NextToken', 'MaxResults'))
  return { AccessPoints: items.map(({ owner, point }) => pointAnswer(owner, point)), NextToken: next }
}

function pointsOf(efs: Efs, id: string | undefined) {
  const owners = id === undefined ? [...efs.fileSystems.values()] : [fileSystem(efs, id)]
  return owners.flatMap(owner => owner.accessPoints.map(point => ({ owner, point })))
}

function fileSystem(efs: Efs, id: string): FileSystem {
  const found = efs.fileSystems.get(id.replace(/^arn:.*\//, ''))
  if (found) return found
  throw new AwsError('FileSystemNotFound', `File system '${id}' does not exist.`, 404)
}

function mountTarget(efs: Efs, id: string) {
  for (const owner of efs.fileSystems.values()) {
    const target = owner.mountTargets.find(candidate => candidate.id === id)
    if (target) return { owner, target }
  }
  throw new AwsError('MountTargetNotFound', `Mount target '${id}' does not exist.`, 404)
}

function accessPoint(efs: Efs, id: string) {
  const found = pointsOf(efs, undefined).find(({ point }) => point.id === id || point.arn === id)
  if (found) return found
  throw new AwsError('AccessPointNotFound', `Access point '${id}' does not exist.`, 404)
}

/** In this protocol numbers of the query string arrive as text. */
const paging = (read: Reader, token: string, size: string) => ({
  token: read.text(token),
  size: Number(read.text(size) ?? 100),
  limit: 100,
  invalid: 'BadRequest',
})

const tagsOf = (found: FileSystem) => Object.entries(found.tags).map(([Key, Value]) => ({ Key, Value }))

const fileSystemAnswer = (found: FileSystem) => ({
  OwnerId: ACCOUNT,
  CreationToken: found.creationToken,
  FileSystemId: found.id,
  FileSystemArn: found.arn,
  CreationTime: found.createdAt,
  LifeCycleState: found.state,
  Name: found.tags.Name,
  NumberOfMountTargets: found.mountTargets.length,
  SizeInBytes: { Value: 1_048_576, Timestamp: found.createdAt, ValueInIA: 0, ValueInStandard: 1_048_576 },
  PerformanceMode: 'generalPurpose',
  Encrypted: false,
  ThroughputMode: 'bursting',
  Tags: tagsOf(found),
  FileSystemProtection: { ReplicationOverwriteProtection: 'ENABLED' },
})

const targetAnswer = (owner: FileSystem, target: MountTarget) => ({
  OwnerId: ACCOUNT,
  MountTargetId: target.id,
  FileSystemId: owner.id,
  SubnetId: target.subnetId,
  LifeCycleState: target.state,
  IpAddress: target.address,
  NetworkInterfaceId: target.interfaceId,
  AvailabilityZoneId: zoneOf(target.address).id,
  AvailabilityZoneName: zoneOf(target.address).name,
  VpcId: 'vpc-0a1b2c3d4e5f60718',
})

const pointAnswer = (owner: FileSystem, point: AccessPoint) => ({
  ClientToken: point.id,
  Tags: [],
  AccessPointId: point.id,
  AccessPointArn: point.arn,
  FileSystemId: owner.id,
  PosixUser: { Uid: point.uid, Gid: point.gid },
  RootDirectory: {
    Path: point.path,
    CreationInfo: {
      OwnerUid: point.owner?.uid ?? point.uid,
      OwnerGid: point.owner?.gid ?? point.gid,
      Permissions: '0755',
    },
  },
  OwnerId: ACCOUNT,
  LifeCycleState: point.state,
})

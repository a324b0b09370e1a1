import * as Sdk from '@aws-sdk/client-efs'
import { RolloutError } from '../errors/errors.ts'
import type { AccessPoint, Efs, MountTarget } from '../ports/cloud.ts'
import type { Cancel } from './cancel.ts'
import { allowed, allPages, cancelable, clientRetries, eachOnce, unlessError } from './clients.ts'

/** EFS: https://docs.aws.amazon.com/efs/latest/ug/api-reference.html */
export function efsAdapter(region: string, cancel?: Cancel): Efs {
  const client = cancelable(new Sdk.EFSClient({ region, ...clientRetries }), cancel)
  return {
    // A deploy does not change it.
    fileSystem: eachOnce(id =>
      unlessError(['FileSystemNotFound'], async () => {
        const answer = await client.send(new Sdk.DescribeFileSystemsCommand({ FileSystemId: id }))
        const mountTargets = await allPages(async Marker => {
          const page = await client.send(new Sdk.DescribeMountTargetsCommand({ FileSystemId: id, Marker }))
          return { items: page.MountTargets ?? [], next: page.NextMarker }
        })
        return {
          id,
          state: answer.FileSystems?.[0]?.LifeCycleState ?? 'unknown',
          mountTargets: mountTargets.map(toMountTarget),
          encrypted: answer.FileSystems?.[0]?.Encrypted ?? false,
          performanceMode: answer.FileSystems?.[0]?.PerformanceMode,
        }
      }),
    ),
    async policy(fileSystem) {
      return unlessError(['PolicyNotFound'], async () => {
        const answer = await allowed('elasticfilesystem:DescribeFileSystemPolicy', () =>
          client.send(new Sdk.DescribeFileSystemPolicyCommand({ FileSystemId: fileSystem })),
        )
        if (answer.Policy !== undefined) return answer.Policy
        throw new RolloutError(`EFS answered without the policy of ${fileSystem}`)
      })
    },
    async accessPoint(id) {
      return unlessError(['AccessPointNotFound'], async () => {
        const answer = await allowed('elasticfilesystem:DescribeAccessPoints', () =>
          client.send(new Sdk.DescribeAccessPointsCommand({ AccessPointId: id })),
        )
        const [found] = answer.AccessPoints ?? []
        if (found !== undefined) return toAccessPoint(found)
        throw new RolloutError(`EFS answered without access point ${id}`)
      })
    },
  }
}

function toMountTarget(target: Sdk.MountTargetDescription): MountTarget {
  return {
    id: target.MountTargetId ?? '',
    subnet: target.SubnetId ?? '',
    zone: target.AvailabilityZoneName ?? '',
    address: target.IpAddress ?? '',
    state: target.LifeCycleState ?? '',
    networkInterface: target.NetworkInterfaceId,
    vpc: target.VpcId,
  }
}

function toAccessPoint(point: Sdk.AccessPointDescription): AccessPoint {
  const { PosixUser: user, RootDirectory: root } = point
  const creation = root?.CreationInfo
  return {
    id: point.AccessPointId ?? '',
    arn: point.AccessPointArn ?? '',
    fileSystem: point.FileSystemId ?? '',
    state: point.LifeCycleState ?? '',
    path: root?.Path ?? '/',
    user: user && { uid: user.Uid ?? 0, gid: user.Gid ?? 0 },
    creation: creation && {
      uid: creation.OwnerUid ?? 0,
      gid: creation.OwnerGid ?? 0,
      permissions: creation.Permissions ?? '',
    },
  }
}

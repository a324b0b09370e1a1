import type { Efs } from '../ports/cloud.ts'
import { allPages, isAwsError, once } from './once.ts'
import { patient } from './retries.ts'

/** EFS: https://docs.aws.amazon.com/efs/latest/ug/api-reference.html */
export function efsAdapter(region: string): Efs {
  const sdk = once(async () => {
    const module = await import('./sdk/efs.ts')
    return { ...module, client: new module.EFSClient({ region, ...patient }) }
  })
  return {
    async fileSystem(id) {
      const { client, DescribeFileSystemsCommand, DescribeMountTargetsCommand } = await sdk()
      try {
        const answer = await client.send(new DescribeFileSystemsCommand({ FileSystemId: id }))
        const mountTargets = await allPages(async Marker => {
          const page = await client.send(new DescribeMountTargetsCommand({ FileSystemId: id, Marker }))
          return { items: page.MountTargets ?? [], next: page.NextMarker }
        })
        return {
          id,
          state: answer.FileSystems?.[0]?.LifeCycleState ?? 'unknown',
          mountTargets: mountTargets.map(target => ({
            id: target.MountTargetId ?? '',
            subnet: target.SubnetId ?? '',
            zone: target.AvailabilityZoneName ?? '',
            address: target.IpAddress ?? '',
            state: target.LifeCycleState ?? '',
          })),
        }
      } catch (error) {
        if (isAwsError(error, 'FileSystemNotFound')) return undefined
        throw error
      }
    },
  }
}

import { RolloutError } from '../errors/rollout-error.ts'
import type { Ecr } from '../ports/cloud.ts'
import { isAwsError } from './once.ts'

/** ECR, in the registry and region that the image reference names, which need not be the stack's. */
export function ecrAdapter(region: string): Ecr {
  return {
    async image(repository, wanted) {
      const { ECRClient, DescribeImagesCommand } = await import('@aws-sdk/client-ecr')
      const client = new ECRClient({ region: repository.region || region })
      const imageId = 'tag' in wanted ? { imageTag: wanted.tag } : { imageDigest: wanted.digest }
      try {
        const answer = await client.send(
          new DescribeImagesCommand({
            registryId: repository.account,
            repositoryName: repository.name,
            imageIds: [imageId],
          }),
        )
        const found = answer.imageDetails?.[0]
        if (found?.imageDigest === undefined) return undefined
        return {
          digest: found.imageDigest,
          tags: found.imageTags ?? [],
          pushedAt: found.imagePushedAt?.getTime(),
        }
      } catch (error) {
        if (isAwsError(error, 'ImageNotFoundException')) return undefined
        if (!isAwsError(error, 'RepositoryNotFoundException')) throw error
        throw new RolloutError(
          `There is no ECR repository \`${repository.name}\` in account ${repository.account}, ${repository.region}: create it and push the image, or correct the image reference.`,
          { cause: error },
        )
      }
    },
  }
}

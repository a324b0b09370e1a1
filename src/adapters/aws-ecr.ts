import * as Sdk from '@aws-sdk/client-ecr'
import { RolloutError } from '../errors/errors.ts'
import type { Ecr, EcrImage, EcrRepository } from '../ports/cloud.ts'
import type { Cancel } from './cancel.ts'
import { allowed, allPages, cancelable, clientRetries, isAwsError, unlessError } from './clients.ts'
import { fetch } from './fetch.ts'
import { indexPlatforms, member, platformOf } from './image-manifest.ts'

/** ECR, in the registry and region of the image reference, which may differ from the stack's. */
export function ecrAdapter(region: string, cancel?: Cancel): Ecr {
  const open = (repository: EcrRepository) =>
    cancelable(new Sdk.ECRClient({ region: repository.region || region, ...clientRetries }), cancel)
  // A digest names the same image for ever.
  const images = new Map<string, EcrImage>()
  return {
    async image(repository, wanted) {
      const imageId = 'tag' in wanted ? { imageTag: wanted.tag } : { imageDigest: wanted.digest }
      const seen = 'digest' in wanted ? images.get(keyOf(repository, wanted.digest)) : undefined
      if (seen !== undefined) return seen
      try {
        const answer = await open(repository).send(
          new Sdk.DescribeImagesCommand({ ...idOf(repository), imageIds: [imageId] }),
        )
        const [found] = (answer.imageDetails ?? []).flatMap(toImage)
        if (found !== undefined) images.set(keyOf(repository, found.digest), found)
        return found
      } catch (error) {
        if (isAwsError(error, 'ImageNotFoundException')) return undefined
        throw named(repository, error)
      }
    },
    async platforms(repository, digest) {
      try {
        const client = open(repository)
        const manifest = await manifestOf(client, repository, digest)
        if (manifest === undefined) return undefined
        return indexPlatforms(manifest) ?? (await configPlatforms(client, repository, manifest))
      } catch {
        return undefined // Only a hint: a missing permission must not fail a deploy.
      }
    },
    lifecycle: repository => lifecycleOf(open(repository), repository),
    async images(repository) {
      const client = open(repository)
      const found = await allPages(async nextToken => {
        const page = await client.send(
          new Sdk.DescribeImagesCommand({ ...idOf(repository), maxResults: 1000, nextToken }),
        )
        return { items: page.imageDetails ?? [], next: page.nextToken }
      }, 'ecr:DescribeImages').catch(error => {
        throw named(repository, error)
      })
      return found.flatMap(toImage)
    },
    async settings(repositories) {
      const [first] = repositories
      if (first === undefined) return []
      const client = open(first)
      const described = await describeRepositories(client, repositories)
      return Promise.all(
        repositories.map(async repository => {
          const found = described.find(item => item.repositoryName === repository.name)
          if (found === undefined)
            throw new RolloutError(`ECR answered without repository ${repository.name}`)
          const lifecycle = await lifecycleOf(client, repository)
          return { mutability: found.imageTagMutability ?? 'MUTABLE', lifecycle }
        }),
      )
    },
  }
}

function keyOf({ account, region, name }: EcrRepository, digest: string): string {
  return [account, region, name, digest].join('/')
}

/** Adds the remedy to AWS's error. */
function named({ name, account, region }: EcrRepository, error: unknown): unknown {
  if (!isAwsError(error, 'RepositoryNotFoundException')) return error
  return new RolloutError(
    `There is no ECR repository \`${name}\` in account ${account}, ${region}: create it and push the image, or correct the image reference.`,
    { cause: error },
  )
}

function idOf(repository: EcrRepository) {
  return { registryId: repository.account, repositoryName: repository.name }
}

function toImage(found: Sdk.ImageDetail): readonly EcrImage[] {
  const {
    imageDigest: digest,
    imageTags: tags = [],
    imagePushedAt,
    imageManifestMediaType: type = '',
  } = found
  const isIndex = /image\.index|manifest\.list/.test(type)
  return digest === undefined ? [] : [{ digest, tags, isIndex, pushedAt: imagePushedAt?.getTime() }]
}

async function describeRepositories(
  client: Sdk.ECRClient,
  repositories: readonly EcrRepository[],
): Promise<readonly Sdk.Repository[]> {
  const answer = await allowed('ecr:DescribeRepositories', () =>
    client.send(
      new Sdk.DescribeRepositoriesCommand({
        registryId: repositories[0]?.account,
        repositoryNames: [...new Set(repositories.map(repository => repository.name))],
      }),
    ),
  )
  return answer.repositories ?? []
}

async function lifecycleOf(client: Sdk.ECRClient, repository: EcrRepository): Promise<string | undefined> {
  return unlessError(['LifecyclePolicyNotFoundException'], async () => {
    const answer = await allowed('ecr:GetLifecyclePolicy', () =>
      client.send(new Sdk.GetLifecyclePolicyCommand(idOf(repository))),
    )
    if (answer.lifecyclePolicyText !== undefined) return answer.lifecyclePolicyText
    throw new RolloutError(`ECR answered without the lifecycle policy of ${repository.name}`)
  })
}

async function manifestOf(
  client: Sdk.ECRClient,
  repository: EcrRepository,
  digest: string,
): Promise<unknown> {
  const answer = await client.send(
    new Sdk.BatchGetImageCommand({
      ...idOf(repository),
      imageIds: [{ imageDigest: digest }],
      acceptedMediaTypes: [
        'application/vnd.oci.image.index.v1+json',
        'application/vnd.docker.distribution.manifest.list.v2+json',
        'application/vnd.oci.image.manifest.v1+json',
        'application/vnd.docker.distribution.manifest.v2+json',
      ],
    }),
  )
  const text = answer.images?.[0]?.imageManifest
  return text === undefined ? undefined : JSON.parse(text)
}

/** A single manifest has its platform only in its configuration, which is a separate download. */
async function configPlatforms(
  client: Sdk.ECRClient,
  repository: EcrRepository,
  manifest: unknown,
): Promise<readonly string[] | undefined> {
  const layerDigest = member(member(manifest, 'config'), 'digest')
  if (typeof layerDigest !== 'string') return undefined
  const { downloadUrl } = await client.send(
    new Sdk.GetDownloadUrlForLayerCommand({
      ...idOf(repository),
      layerDigest,
    }),
  )
  if (downloadUrl === undefined) return undefined
  const answer = await fetch(downloadUrl, { signal: AbortSignal.timeout(10_000) })
  const platform = answer.ok ? platformOf(await answer.json()) : undefined
  return platform === undefined ? undefined : [platform]
}

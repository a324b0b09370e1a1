import { AwsError } from './errors.ts'
import { ACCOUNT, REGISTRY } from './ids.ts'
import { type Image, type Images, type Repository, repositoryOf } from './images.ts'
import { type JsonObject, type Reader, reader } from './json.ts'
import { listed, type Manifest } from './manifests.ts'
import { page } from './paging.ts'
import type { Operations } from './server.ts'

/** `endpoint` answers blobs, as the signed address of GetDownloadUrlForLayer does. */
export function ecrOperations(parts: {
  readonly images: Images
  readonly now: () => Date
  readonly endpoint: () => string
}): Operations {
  const { images } = parts
  return {
    DescribeRepositories: input => describeRepositories(images, reader(input)),
    GetLifecyclePolicy: input => lifecyclePolicy(images, reader(input)),
    DescribeImages: input => describeImages(images, reader(input)),
    BatchGetImage: input => batchGetImage(images, reader(input)),
    GetDownloadUrlForLayer: input => downloadUrl(images, reader(input), parts.endpoint()),
    GetAuthorizationToken: () => ({
      authorizationData: [
        {
          authorizationToken: Buffer.from('AWS:sandbox').toString('base64'),
          expiresAt: new Date(parts.now().getTime() + TOKEN_HOURS * 3_600_000),
          proxyEndpoint: `https://${REGISTRY}`,
        },
      ],
    }),
  }
}

const INVALID = 'InvalidParameterException'
const TOKEN_HOURS = 12

function describeRepositories(images: Images, read: Reader): JsonObject {
  const names = read.texts('repositoryNames')
  const chosen =
    names.length > 0 ? names.map(name => repositoryOf(images, name)) : [...images.repositories.values()]
  const { items, next } = page(chosen, { ...paging(read), limit: 1000 })
  return { repositories: items.map(repositoryAnswer), nextToken: next }
}

function lifecyclePolicy(images: Images, read: Reader): JsonObject {
  const repository = repositoryOf(images, read.needText('repositoryName'))
  if (repository.lifecycle === undefined)
    throw new AwsError(
      'LifecyclePolicyNotFoundException',
      `Lifecycle policy does not exist for the repository with name '${repository.name}' in the registry with id '${ACCOUNT}'`,
    )
  return {
    registryId: ACCOUNT,
    repositoryName: repository.name,
    lifecyclePolicyText: repository.lifecycle,
    lastEvaluatedAt: repository.createdAt,
  }
}

function describeImages(images: Images, read: Reader): JsonObject {
  const repository = repositoryOf(images, read.needText('repositoryName'))
  const ids = read.objects('imageIds').map(id => imageById(repository, reader(id)))
  const status = reader(read.object('filter')).text('tagStatus') ?? 'ANY'
  const all =
    ids.length > 0 ? [...new Set(ids)] : stored(repository).filter(image => hasStatus(image, status))
  const { items, next } = page(all, { ...paging(read), limit: 1000 })
  return { imageDetails: items.map(imageAnswer), nextToken: next }
}

/** By tag or digest the index, by the digest of a platform's manifest that manifest. */
function batchGetImage(images: Images, read: Reader): JsonObject {
  const repository = repositoryOf(images, read.needText('repositoryName'))
  const ids = read.objects('imageIds')
  if (ids.length === 0 || ids.length > 100)
    throw new AwsError(INVALID, 'Invalid parameter: imageIds must have 1 to 100 items.')
  const answers = ids.map(id => ({ id, manifest: manifestById(repository, reader(id)) }))
  return {
    images: answers.flatMap(({ id, manifest }) =>
      manifest
        ? [{ ...manifestAnswer(repository, manifest), imageId: { ...id, imageDigest: manifest.digest } }]
        : [],
    ),
    failures: answers
      .filter(({ manifest }) => !manifest)
      .map(({ id }) => ({
        imageId: id,
        failureCode: 'ImageNotFound',
        failureReason: 'Requested image not found',
      })),
  }
}

function manifestById(repository: Repository, id: Reader): Manifest | undefined {
  const digest = id.text('imageDigest')
  const tag = id.text('imageTag')
  const image = repository.images.find(
    i => (digest === undefined || i.digest === digest) && (tag === undefined || i.tags.includes(tag)),
  )
  if (image && (digest !== undefined || tag !== undefined))
    return { ...image.manifests, digest: image.digest }
  return tag === undefined ? allManifests(repository).find(manifest => manifest.digest === digest) : undefined
}

const allManifests = (repository: Repository) => repository.images.flatMap(image => image.manifests.platforms)

const manifestAnswer = (repository: Repository, manifest: Manifest) => ({
  registryId: ACCOUNT,
  repositoryName: repository.name,
  imageManifest: manifest.text,
  imageManifestMediaType: manifest.mediaType,
})

function downloadUrl(images: Images, read: Reader, endpoint: string): JsonObject {
  const repository = repositoryOf(images, read.needText('repositoryName'))
  const layerDigest = read.needText('layerDigest')
  if (!allManifests(repository).some(manifest => manifest.config.digest === layerDigest))
    throw new AwsError('LayersNotFoundException', 'One or more of the specified layers do not exist.')
  return { downloadUrl: `${endpoint}/_sandbox/blob?digest=${layerDigest}`, layerDigest }
}

/** What an image's configuration says, by its digest. */
export function blob(images: Images, digest: string): unknown {
  const all = [...images.repositories.values()].flatMap(allManifests)
  const found = all.find(manifest => manifest.config.digest === digest)
  return found && JSON.parse(found.config.text)
}

type Stored = Pick<Image, 'repository' | 'digest' | 'tags' | 'pushedAt'> & {
  readonly manifests: Pick<Manifest, 'mediaType'>
}

/** Each platform's manifest and each attestation is an image of its own, pushed just before the index that lists it. */
function stored({ images }: Repository): readonly Stored[] {
  return images.flatMap(image => [
    ...listed(image.manifests).map(({ digest, mediaType }) => ({
      repository: image.repository,
      digest,
      tags: [],
      pushedAt: new Date(image.pushedAt.getTime() - 1),
      manifests: { mediaType },
    })),
    image,
  ])
}

const hasStatus = (image: Stored, status: string) =>
  status === 'ANY' || (status === 'TAGGED') === image.tags.length > 0

function imageById(repository: Repository, id: Reader): Stored {
  const digest = id.text('imageDigest')
  const tag = id.text('imageTag')
  const image = stored(repository).find(
    i => (digest === undefined || i.digest === digest) && (tag === undefined || i.tags.includes(tag)),
  )
  if (image && (digest !== undefined || tag !== undefined)) return image
  const asked = `{imageDigest:'${digest ?? 'null'}', imageTag:'${tag ?? 'null'}'}`
  throw new AwsError(
    'ImageNotFoundException',
    `The image with imageId ${asked} does not exist within the repository with name '${repository.name}' in the registry with id '${ACCOUNT}'`,
  )
}

const paging = (read: Reader) => ({
  token: read.text('nextToken'),
  size: read.number('maxResults'),
  invalid: INVALID,
})

const repositoryAnswer = (repository: Repository) => ({
  repositoryArn: repository.arn,
  registryId: ACCOUNT,
  repositoryName: repository.name,
  repositoryUri: `${REGISTRY}/${repository.name}`,
  createdAt: repository.createdAt,
  imageTagMutability: repository.mutability,
  imageScanningConfiguration: { scanOnPush: true },
  encryptionConfiguration: { encryptionType: 'AES256' },
})

const imageAnswer = (image: Stored) => ({
  registryId: ACCOUNT,
  repositoryName: image.repository,
  imageDigest: image.digest,
  imageTags: image.tags.length > 0 ? image.tags : undefined,
  imageSizeInBytes: 250_000_000,
  imagePushedAt: image.pushedAt,
  imageManifestMediaType: image.manifests.mediaType,
  imageStatus: 'ACTIVE',
})

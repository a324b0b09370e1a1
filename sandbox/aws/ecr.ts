import { AwsError } from './errors.ts'
import { ACCOUNT, REGISTRY } from './ids.ts'
import { type Image, type Images, type Repository, repositoryOf } from './images.ts'
import { type JsonObject, type Reader, reader } from './json.ts'
import { page } from './paging.ts'
import type { Operations } from './server.ts'

export function ecrOperations(images: Images): Operations {
  return {
    DescribeRepositories: input => describeRepositories(images, reader(input)),
    DescribeImages: input => describeImages(images, reader(input)),
  }
}

const INVALID = 'InvalidParameterException'

function describeRepositories(images: Images, read: Reader): JsonObject {
  const names = read.texts('repositoryNames')
  const chosen =
    names.length > 0 ? names.map(name => repositoryOf(images, name)) : [...images.repositories.values()]
  const { items, next } = page(chosen, { ...paging(read), limit: 1000 })
  return { repositories: items.map(repositoryAnswer), nextToken: next }
}

function describeImages(images: Images, read: Reader): JsonObject {
  const repository = repositoryOf(images, read.needText('repositoryName'))
  const ids = read.objects('imageIds').map(id => imageById(repository, reader(id)))
  const status = reader(read.object('filter')).text('tagStatus') ?? 'ANY'
  const all = ids.length > 0 ? [...new Set(ids)] : repository.images.filter(image => hasStatus(image, status))
  const { items, next } = page(all, { ...paging(read), limit: 1000 })
  return { imageDetails: items.map(imageAnswer), nextToken: next }
}

const hasStatus = (image: Image, status: string) =>
  status === 'ANY' || (status === 'TAGGED') === image.tags.length > 0

function imageById(repository: Repository, id: Reader): Image {
  const digest = id.text('imageDigest')
  const tag = id.text('imageTag')
  const image = repository.images.find(
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
  imageTagMutability: 'MUTABLE',
  imageScanningConfiguration: { scanOnPush: true },
  encryptionConfiguration: { encryptionType: 'AES256' },
})

const imageAnswer = (image: Image) => ({
  registryId: ACCOUNT,
  repositoryName: image.repository,
  imageDigest: image.digest,
  imageTags: image.tags.length > 0 ? image.tags : undefined,
  imageSizeInBytes: 250_000_000,
  imagePushedAt: image.pushedAt,
  imageManifestMediaType: 'application/vnd.oci.image.index.v1+json',
  imageStatus: 'ACTIVE',
})

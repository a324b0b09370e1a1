import { AwsError } from './errors.ts'
import { ACCOUNT, arn, REGISTRY } from './ids.ts'
import { type Manifests, manifestsOf } from './manifests.ts'

/** The registry: repositories and the images in them, with the platforms each image has. */
export function makeImages(now: () => Date): Images {
  const repositories = new Map<string, Repository>()
  const elsewhere = new Map<string, Image>()
  const watchers = new Set<(repository: string, tags: readonly string[]) => void>()

  const createRepository = (name: string) => {
    const existing = repositories.get(name)
    if (existing) return existing
    const made: Repository = {
      name,
      arn: arn('ecr', `repository/${name}`),
      createdAt: now(),
      images: [],
      mutability: 'MUTABLE',
      lifecycle: undefined,
    }
    repositories.set(name, made)
    return made
  }

  const push = (pushed: PushedImage) => {
    const repository = createRepository(pushed.repository)
    const image = imageOf(pushed, now())
    moveTags(repository, image)
    for (const watcher of watchers) watcher(repository.name, image.tags)
    return image
  }

  const publish = (reference: string, published: Omit<PushedImage, 'repository' | 'tags'>) => {
    const { name, tag } = splitReference(reference)
    const image = imageOf({ ...published, repository: name, tags: tag === undefined ? [] : [tag] }, now())
    elsewhere.set(fullReference(reference), image)
    return image
  }

  const anywhere = (reference: string): Image | undefined => {
    const found = findImage(repositories, reference)
    if (found.found) return found.image
    const { name, digest } = splitReference(reference)
    const all = [...elsewhere.values()].filter(image => image.repository === name)
    return elsewhere.get(fullReference(reference)) ?? all.find(image => image.digest === digest)
  }

  const mirror = (from: string, to: string) => {
    const image = anywhere(from)
    if (!image) throw new Error(`The sandbox knows no image ${from}`)
    const target = parseReference(to)
    if (!target) throw new Error(`${to} is not in the sandbox's registry ${REGISTRY}`)
    const { digest, platforms, program, single } = image
    const tags = target.digest === undefined ? [target.tag] : []
    return push({ repository: target.repository, tags, digest, platforms, program, single })
  }

  const remove = (reference: string) => {
    const found = findImage(repositories, reference)
    const repository = found.found ? repositories.get(found.image.repository) : undefined
    if (!found.found || !repository) return
    repository.images = repository.images.filter(image => image.digest !== found.image.digest)
  }

  return {
    repositories,
    pullSeconds: new Map(),
    createRepository,
    push,
    remove,
    publish,
    anywhere,
    mirror,
    find: reference => findImage(repositories, reference),
    onPush: watcher => {
      watchers.add(watcher)
    },
  }
}

export type Platform = 'linux/amd64' | 'linux/arm64'

/**
 * What an image does when a container starts from it.
 * `scripted` has no process: it listens after `startSeconds`, exits after `exitAfter` (virtual seconds) with `exitCode`,
 * prints `log`; `outOfMemory` ends it with 137 after `exitAfter` or a second; `singleWriter` refuses to start while another task writes the same EFS folder, as ClickHouse does.
 */
export type Program =
  | { readonly kind: 'web' | 'worker' | 'clickhouse'; readonly release: string }
  | { readonly kind: 'command'; readonly command: readonly string[] }
  | ScriptedProgram

export type ScriptedProgram = {
  readonly kind: 'scripted'
  readonly startSeconds?: number
  readonly exitAfter?: number
  readonly exitCode?: number
  readonly healthy?: boolean
  readonly singleWriter?: boolean
  readonly outOfMemory?: boolean
  readonly log?: readonly string[]
}

export type PushedImage = {
  readonly repository: string
  readonly tags: readonly string[]
  readonly program: Program
  readonly platforms?: readonly Platform[]
  readonly digest?: string
  readonly pushedAt?: Date
  /** One manifest for its only platform, with no index around it. */
  readonly single?: boolean
}

export type Image = {
  readonly repository: string
  readonly digest: string
  readonly tags: readonly string[]
  readonly pushedAt: Date
  readonly platforms: readonly Platform[]
  readonly program: Program
  readonly single: boolean
  readonly manifests: Manifests
}

export type Repository = {
  readonly name: string
  readonly arn: string
  readonly createdAt: Date
  images: readonly Image[]
  mutability: 'MUTABLE' | 'IMMUTABLE'
  /** Text of its lifecycle policy. The sandbox shows it and deletes nothing. */
  lifecycle: string | undefined
}

export type Images = {
  readonly repositories: ReadonlyMap<string, Repository>
  /** Virtual seconds that pulling an image of a repository takes, where a test sets another time than the usual one. */
  readonly pullSeconds: Map<string, number>
  createRepository(name: string): Repository
  push(image: PushedImage): Image
  /** Deletes an image with all its tags. */
  remove(reference: string): void
  /** Puts an image into another registry, `docker.io/langfuse/langfuse:3.0.0`. Tasks cannot pull from there. */
  publish(reference: string, image: Omit<PushedImage, 'repository' | 'tags'>): Image
  /** An image of any registry. */
  anywhere(reference: string): Image | undefined
  /** Copies an image of any registry into the sandbox's own, `REGISTRY/repository:tag`; its digest stays. */
  mirror(from: string, to: string): Image
  find(reference: string): Found
  onPush(watcher: (repository: string, tags: readonly string[]) => void): void
}

export type Found =
  | { readonly found: true; readonly image: Image }
  | { readonly found: false; readonly reason: string }

/** The error of a container runtime that cannot resolve the reference [REPORT, facts/aws.md 2.2]. */
function findImage(repositories: ReadonlyMap<string, Repository>, reference: string): Found {
  const parsed = parseReference(reference)
  if (!parsed) return { found: false, reason: `dial tcp: lookup ${reference.split('/')[0]}: i/o timeout` }
  const images = repositories.get(parsed.repository)?.images ?? []
  const image = parsed.digest
    ? byDigest(images, parsed.digest)
    : images.find(i => i.tags.includes(parsed.tag))
  return image
    ? { found: true, image }
    : { found: false, reason: `failed to resolve ref ${reference}: not found` }
}

/** By the digest of its index, or of the manifest of one of its platforms: then it is an image for that one only. */
function byDigest(images: readonly Image[], digest: string): Image | undefined {
  const whole = images.find(image => image.digest === digest)
  if (whole) return whole
  for (const image of images) {
    const one = image.manifests.platforms.find(manifest => manifest.digest === digest)
    if (one) return { ...image, digest, tags: [], platforms: [one.platform] }
  }
  return undefined
}

/** Splits `REGISTRY/repository:tag@digest`; undefined when it names another registry. */
export function parseReference(reference: string) {
  if (!reference.startsWith(`${REGISTRY}/`)) return undefined
  const [named = '', digest] = reference.slice(REGISTRY.length + 1).split('@')
  const [repository = '', tag = 'latest'] = named.split(':')
  return { repository, tag, digest }
}

/** `docker.io` and `latest` are what a container tool assumes. */
export function fullReference(reference: string): string {
  const { name, tag, digest } = splitReference(reference)
  return digest === undefined ? `${name}:${tag ?? 'latest'}` : `${name}@${digest}`
}

function splitReference(reference: string) {
  const [named = '', digest] = reference.split('@')
  const [, path = named, tag] = /^(.*?)(?::([^:/]+))?$/.exec(named) ?? []
  const host = path.split('/')[0] ?? ''
  const name = path.includes('/') && /[.:]/.test(host) ? path : `docker.io/${path}`
  return { name, tag, digest }
}

/** The same content has the same digest in every repository. */
function imageOf(pushed: PushedImage, now: Date): Image {
  const platforms = pushed.platforms ?? ['linux/amd64', 'linux/arm64']
  const single = pushed.single ?? false
  const manifests = manifestsOf({ program: pushed.program, platforms, single })
  return {
    repository: pushed.repository,
    digest: pushed.digest ?? manifests.digest,
    tags: [...pushed.tags],
    pushedAt: pushed.pushedAt ?? now,
    platforms,
    program: pushed.program,
    single,
    manifests,
  }
}

function moveTags(repository: Repository, image: Image) {
  const same = repository.images.find(i => i.digest === image.digest)
  const others = repository.images
    .filter(i => i.digest !== image.digest)
    .map(i => ({ ...i, tags: i.tags.filter(tag => !image.tags.includes(tag)) }))
  const tags = [...new Set([...(same?.tags ?? []), ...image.tags])]
  repository.images = [...others, { ...image, tags }]
}

export function repositoryOf(images: Images, name: string): Repository {
  const repository = images.repositories.get(name)
  if (repository) return repository
  throw new AwsError(
    'RepositoryNotFoundException',
    `The repository with name '${name}' does not exist in the registry with id '${ACCOUNT}'`,
  )
}

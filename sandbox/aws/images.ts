import { AwsError } from './errors.ts'
import { ACCOUNT, arn, REGISTRY, sha256 } from './ids.ts'

/** The registry: repositories and the images in them, with the platforms each image has. */
export function makeImages(now: () => Date): Images {
  const repositories = new Map<string, Repository>()
  const watchers = new Set<(repository: string, tags: readonly string[]) => void>()

  const createRepository = (name: string) => {
    const existing = repositories.get(name)
    if (existing) return existing
    const made: Repository = { name, arn: arn('ecr', `repository/${name}`), createdAt: now(), images: [] }
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

  return {
    repositories,
    createRepository,
    push,
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
 * prints `log`; `singleWriter` refuses to start while another task writes the same EFS folder, as ClickHouse does.
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
  readonly log?: readonly string[]
}

export type PushedImage = {
  readonly repository: string
  readonly tags: readonly string[]
  readonly program: Program
  readonly platforms?: readonly Platform[]
  readonly digest?: string
  readonly pushedAt?: Date
}

export type Image = {
  readonly repository: string
  readonly digest: string
  readonly tags: readonly string[]
  readonly pushedAt: Date
  readonly platforms: readonly Platform[]
  readonly program: Program
}

export type Repository = {
  readonly name: string
  readonly arn: string
  readonly createdAt: Date
  images: readonly Image[]
}

export type Images = {
  readonly repositories: ReadonlyMap<string, Repository>
  createRepository(name: string): Repository
  push(image: PushedImage): Image
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
  const image = repositories
    .get(parsed.repository)
    ?.images.find(i => (parsed.digest ? i.digest === parsed.digest : i.tags.includes(parsed.tag)))
  return image
    ? { found: true, image }
    : { found: false, reason: `failed to resolve ref ${reference}: not found` }
}

/** Splits `REGISTRY/repository:tag@digest`; undefined when it names another registry. */
export function parseReference(reference: string) {
  if (!reference.startsWith(`${REGISTRY}/`)) return undefined
  const [named = '', digest] = reference.slice(REGISTRY.length + 1).split('@')
  const [repository = '', tag = 'latest'] = named.split(':')
  return { repository, tag, digest }
}

function imageOf(pushed: PushedImage, now: Date): Image {
  const platforms = pushed.platforms ?? ['linux/amd64', 'linux/arm64']
  const identity = JSON.stringify([pushed.repository, platforms, pushed.program])
  return {
    repository: pushed.repository,
    digest: pushed.digest ?? `sha256:${sha256(identity)}`,
    tags: [...pushed.tags],
    pushedAt: pushed.pushedAt ?? now,
    platforms,
    program: pushed.program,
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

import { explain, RolloutError } from '../errors/errors.ts'
import type { Component } from '../inputs/config.ts'
import type { Cloud, Ecr, EcrImage, EcrRepository, EcrSettings } from '../ports/cloud.ts'
import { ecrRepository, parseImage } from '../release/image.ts'
import { type Components, type EcsComponent, type Observed, observed, type RunningImage } from './stack.ts'

/**
 * The image behind a reference. `running` is the digest that the tasks report. Without one (App Runner reports none) the
 * tag is resolved in ECR as it is now, and the source says so.
 */
export async function observeImage(
  reference: string,
  running: string | undefined,
  cloud: { readonly ecr: Pick<Ecr, 'image'> },
): Promise<RunningImage> {
  const image = parseImage(reference)
  if (image === undefined)
    throw new RolloutError(`The running image \`${reference}\` is not a valid image reference.`)
  const known = running ?? image.digest
  const wanted = known !== undefined ? { digest: known } : { tag: image.tag ?? 'latest' }
  const repository = ecrRepository(image.repository)
  const found = repository && (await cloud.ecr.image(repository, wanted))
  return {
    reference,
    repository: image.repository,
    digest: known ?? found?.digest,
    version: exactVersion(found?.tags ?? []) ?? exactVersion(image.tag === undefined ? [] : [image.tag]),
    source: sourceOf(running, image.digest, found !== undefined),
    ...(found && { tags: found.tags }),
  }
}

/** The same; if the repository cannot be read, only what the reference itself names, and why. */
export async function observeImageAtLeast(
  ...[reference, running, cloud]: Parameters<typeof observeImage>
): Promise<RunningImage> {
  try {
    return await observeImage(reference, running, cloud)
  } catch (error) {
    const alone = await observeImage(reference, running, { ecr: { image: async () => undefined } })
    return { ...alone, unseen: explain(error) }
  }
}

function sourceOf(running: string | undefined, pinned: string | undefined, found: boolean): string {
  if (running !== undefined) return 'digest of the running task'
  if (pinned !== undefined) return 'digest of the reference'
  return found ? 'tag, as ECR has it now' : 'tag only: the image is not in ECR'
}

/** The most exact version among tags (`24.8.7` before `24.8`); undefined if no tag has three numbers. */
export function exactVersion(tags: readonly string[]): string | undefined {
  const exact = tags.filter(tag => /^v?\d+\.\d+\.\d+(\.\d+)?(-[0-9A-Za-z.-]+)?$/.test(tag))
  const [best] = [...exact].sort((left, right) => right.length - left.length || left.localeCompare(right))
  return best?.replace(/^v/, '')
}

export type ImageRepository = {
  readonly component: Component
  readonly repository: EcrRepository
  readonly settings: EcrSettings
  readonly images: readonly EcrImage[]
  /** The image that a rollback of this component needs; undefined: none ran before, or it is unknown. */
  readonly previous: PreviousImage | undefined
}

type PreviousImage = {
  readonly wanted: { readonly tag: string } | { readonly digest: string }
  /** `langfuse-worker:3`, the task definition that names it. */
  readonly source: string
}

export type Registry = {
  /** Without components whose images are not in ECR. */
  readonly repos: readonly ImageRepository[]
  /** Epoch milliseconds. */
  readonly at: number
}

/** Observes the repositories of the running images, each once. */
export async function observeRegistry(
  stack: Components,
  cloud: Cloud,
  now: number,
): Promise<Observed<Registry>> {
  const read = async () => {
    const stored = storedImages(stack)
    const [settings, contents, previous] = await Promise.all([
      settingsOf(stored, cloud),
      Promise.all(stored.map(({ repository }) => cloud.ecr.images(repository))),
      previousImages(stack, cloud),
    ])
    const repos = stored.flatMap(({ component, repository }, index) => {
      const [own, images] = [settings[index], contents[index]]
      if (own === undefined || images === undefined) return []
      return [{ component, repository, settings: own, images, previous: previous[component] }]
    })
    return { repos: repos.map(repo => ofTheWorker(repo, repos)), at: now }
  }
  return observed('ecr:DescribeImages', read, {
    failed: 'the ECR repositories of the running images cannot be read: ',
  })
}

type Stored = { readonly component: Component; readonly repository: EcrRepository }

function storedImages({ web, worker, clickhouse }: Components): readonly Stored[] {
  return [web, worker, clickhouse].flatMap(({ component, image }) => {
    const repository = ecrRepository(image.repository)
    return repository === undefined ? [] : [{ component, repository }]
  })
}

/** One call for each registry; nearly always there is only one. */
async function settingsOf(
  stored: readonly Stored[],
  cloud: Cloud,
): Promise<readonly (EcrSettings | undefined)[]> {
  const locationOf = ({ repository }: Stored) => `${repository.account} ${repository.region}`
  const locations = [...new Set(stored.map(locationOf))]
  const answers = await Promise.all(
    locations.map(async location => {
      const here = stored.filter(item => locationOf(item) === location)
      const settings = await cloud.ecr.settings(here.map(item => item.repository))
      return here.map((item, index) => [item, settings[index]] as const)
    }),
  )
  const found = new Map(answers.flat())
  return stored.map(item => found.get(item))
}

/** App Runner keeps no history of images: its web goes back to the worker's previous release. */
function ofTheWorker(repo: ImageRepository, repos: readonly ImageRepository[]): ImageRepository {
  const worker = repos.find(({ component }) => component === 'worker')
  const release = worker?.previous && exactVersion(findImage(worker, worker.previous.wanted)?.tags ?? [])
  if (repo.component !== 'web' || repo.previous !== undefined || release === undefined) return repo
  return { ...repo, previous: { wanted: { tag: release }, source: worker?.previous?.source ?? '' } }
}

export function findImage(
  { images }: Pick<ImageRepository, 'images'>,
  wanted: PreviousImage['wanted'],
): EcrImage | undefined {
  return images.find(({ digest, tags }) =>
    'tag' in wanted ? tags.includes(wanted.tag) : digest === wanted.digest,
  )
}

async function previousImages(
  { web, worker, clickhouse }: Components,
  cloud: Cloud,
): Promise<Readonly<Partial<Record<Component, PreviousImage | undefined>>>> {
  const [ofWorker, ofClickHouse, ofWeb] = await Promise.all([
    previousImage(worker, cloud),
    previousImage(clickhouse, cloud),
    'taskDefinition' in web ? previousImage(web, cloud) : undefined,
  ])
  return { worker: ofWorker, clickhouse: ofClickHouse, web: ofWeb }
}

type OnEcs = Pick<EcsComponent, 'taskDefinition' | 'container'> & { readonly image: RunningImage }

/** From the previous task definition, if it names another image of the same repository. */
async function previousImage(
  { taskDefinition, container, image }: OnEcs,
  cloud: Cloud,
): Promise<PreviousImage | undefined> {
  if (taskDefinition.revision <= 1) return undefined
  const source = `${taskDefinition.family}:${taskDefinition.revision - 1}`
  const before = await cloud.ecs.taskDefinition(source).catch(() => undefined)
  const reference = before?.containers.find(item => item.name === container.name)?.image
  const found = reference === undefined ? undefined : parseImage(reference)
  if (found === undefined || found.repository !== image.repository || reference === container.image)
    return undefined
  return {
    wanted: found.digest === undefined ? { tag: found.tag ?? 'latest' } : { digest: found.digest },
    source,
  }
}

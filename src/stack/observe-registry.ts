import { explain } from '../errors/errors.ts'
import type { Component } from '../inputs/config.ts'
import type { Cloud, EcrImage, EcrRepository, EcrSettings } from '../ports/cloud.ts'
import { ecrRepository, parseImage } from '../release/image.ts'
import { exactVersion } from './observe-image.ts'
import type { Components, EcsComponent, Observed, RunningImage } from './stack.ts'
import { known, unknown } from './stack.ts'

/** What ECR holds of one component's images. */
export type ImageRepository = {
  readonly component: Component
  readonly repository: EcrRepository
  readonly settings: EcrSettings
  readonly images: readonly EcrImage[]
  /** What a rollback of this component would go back to; undefined: nothing ran before, or nothing says what. */
  readonly previous: PreviousImage | undefined
}

type PreviousImage = {
  readonly wanted: { readonly tag: string } | { readonly digest: string }
  /** `langfuse-worker:3`, the task definition that names it. */
  readonly source: string
}

export type Registry = {
  /** Components whose images come from elsewhere are not in it. */
  readonly repos: readonly ImageRepository[]
  /** Epoch milliseconds of the look. */
  readonly at: number
}

/** Looks at the repositories that the running images come from: one look at each, however many questions there are. */
export async function observeRegistry(
  stack: Components,
  cloud: Cloud,
  now: number,
): Promise<Observed<Registry>> {
  try {
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
    return known({ repos: repos.map(repo => ofTheWorker(repo, repos)), at: now }, 'ecr:DescribeImages')
  } catch (error) {
    return unknown(`the ECR repositories of what runs cannot be read: ${explain(error)}`, 'unreachable')
  }
}

type Stored = { readonly component: Component; readonly repository: EcrRepository }

function storedImages({ web, worker, clickhouse }: Components): readonly Stored[] {
  return [web, worker, clickhouse].flatMap(({ component, image }) => {
    const repository = ecrRepository(image.repository)
    return repository === undefined ? [] : [{ component, repository }]
  })
}

/** One call for all that are in one registry, which is nearly always all of them. */
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

/** App Runner keeps no history of images: its web goes back to the release that the worker goes back to. */
function ofTheWorker(repo: ImageRepository, repos: readonly ImageRepository[]): ImageRepository {
  const worker = repos.find(({ component }) => component === 'worker')
  const release = worker?.previous && exactVersion(findImage(worker, worker.previous.wanted)?.tags ?? [])
  if (repo.component !== 'web' || repo.previous !== undefined || release === undefined) return repo
  return { ...repo, previous: { wanted: { tag: release }, source: worker?.previous?.source ?? '' } }
}

/** An image of a shelf, by what a reference says of it. */
export function findImage(
  { images }: Pick<ImageRepository, 'images'>,
  wanted: PreviousImage['wanted'],
): EcrImage | undefined {
  return images.find(({ digest, tags }) =>
    'tag' in wanted ? tags.includes(wanted.tag) : digest === wanted.digest,
  )
}

/** What ran before, as far as task definitions tell. */
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

/** The task definition before the current one, when it names another image of the same repository. */
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

import { explain, RolloutError } from '../errors/errors.ts'
import type { Ecr } from '../ports/cloud.ts'
import { ecrRepository, parseImage } from '../release/image.ts'
import type { RunningImage } from './stack.ts'

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

import { explain, RolloutError } from '../errors/errors.ts'
import { COMPONENTS, type Component } from '../inputs/config.ts'
import type { Cloud } from '../ports/cloud.ts'
import type { ImageTool } from '../ports/runner.ts'
import { ecrRepository, parseImage, pinned } from '../release/image.ts'
import { expiryOf } from '../release/lifecycle.ts'
import { exactVersion } from './observe-images.ts'
import { imageOf, type Observed, observed, type Stack } from './stack.ts'

/** An image that a plan may roll out, as its registry describes it. */
export type TargetImage = {
  /** The requested reference, for messages. */
  readonly asked: string
  /** `repository@digest`, or the tag if the registry cannot be read. */
  readonly reference: string
  readonly digest: string | undefined
  /** Exact version in the image's tags, if the registry could be read. */
  readonly version: string | undefined
  readonly presence: 'present' | 'missing' | 'unchecked'
  /** `linux/amd64`, `linux/arm64` …; undefined: unknown. */
  readonly platforms?: readonly string[] | undefined
  /** Not in its repository yet: the `repository@digest` that is copied there first, and the program that copies. */
  readonly mirror?: {
    readonly from: string
    readonly tool: string
    /** How many images ECR counts for it. */
    readonly manifests: number
    /** Whether the repository's lifecycle policy deletes the running image once these are pushed. */
    readonly expiresRunning?: Observed<boolean>
  }
  /** Why a missing image cannot be copied either. */
  readonly problem?: string
}

export type Targets = Readonly<Partial<Record<Component, TargetImage>>>

/** The wanted image of each component: a full reference, or a tag in the deployed repository. */
export type Wanted = Readonly<
  Partial<Record<Component, { readonly reference: string } | { readonly tag: string }>>
>

/** Resolves the wanted images, so that the plan can pin them by digest or refuse missing ones. */
export async function resolveTargets(stack: Stack, wanted: Wanted, cloud: Cloud): Promise<Targets> {
  return eachComponent(async component => {
    const wish = wanted[component]
    if (wish === undefined) return undefined
    return resolve(
      'reference' in wish ? wish.reference : `${imageOf(stack, component).repository}:${wish.tag}`,
      cloud,
    )
  })
}

async function eachComponent(
  targetOf: (component: Component) => Promise<TargetImage | undefined>,
): Promise<Targets> {
  const targets = COMPONENTS.map(async component => [component, await targetOf(component)] as const)
  return Object.fromEntries((await Promise.all(targets)).filter(([, target]) => target !== undefined))
}

async function resolve(asked: string, cloud: Cloud): Promise<TargetImage> {
  const image = parseImage(asked)
  if (image === undefined) {
    return { asked, reference: asked, digest: undefined, version: undefined, presence: 'missing' }
  }
  const asIs = { asked, reference: pinned(image), digest: image.digest, version: undefined }
  const repository = ecrRepository(image.repository)
  if (repository === undefined) return { ...asIs, presence: 'unchecked' }
  const found = await cloud.ecr.image(
    repository,
    image.digest === undefined ? { tag: image.tag ?? 'latest' } : { digest: image.digest },
  )
  if (found === undefined) return { ...asIs, presence: 'missing' }
  return {
    asked,
    reference: pinned({ repository: image.repository, digest: found.digest }),
    digest: found.digest,
    version: exactVersion(found.tags),
    presence: 'present',
    platforms: await cloud.ecr.platforms(repository, found.digest),
  }
}

/** Where images are published (`mirror-from`), and the wanted versions. */
export type MirrorSource = {
  /** Registry and namespace of Langfuse's images, e.g. `docker.io/langfuse`. */
  readonly from: string
  readonly version: string
  readonly clickhouseVersion: string | undefined
}

/** Resolves images that the deployed repositories lack at their source, so that a plan pins the digest that is copied. */
export async function resolveMirrors(
  targets: Targets,
  source: MirrorSource,
  tool: ImageTool | undefined,
): Promise<Targets> {
  return eachComponent(async component => {
    const target = targets[component]
    return target?.presence === 'missing' ? resolveMirror(component, target, source, tool) : target
  })
}

async function resolveMirror(
  component: Component,
  target: TargetImage,
  source: MirrorSource,
  tool: ImageTool | undefined,
): Promise<TargetImage> {
  const image = parseImage(target.asked)
  const from = sourceOf(component, source)
  // A copy needs a tag to push to; a digest cannot be pushed.
  if (image?.tag === undefined || image.digest !== undefined || from === undefined) return target
  const unavailable = (why: string): TargetImage => ({ ...target, problem: why })
  if (tool === undefined) {
    return unavailable(
      `The image \`${target.asked}\` does not exist, and this runner has no tool to copy it from \`${from}\` (docker with buildx, skopeo or crane). Use a GitHub-hosted Ubuntu runner, or add docker/setup-buildx-action before this step.`,
    )
  }
  try {
    const found = await tool.inspect(from)
    if (found === undefined) {
      return unavailable(
        `The image \`${target.asked}\` does not exist, and neither does its source \`${from}\`: correct \`mirror-from\` or the version.`,
      )
    }
    return {
      asked: target.asked,
      reference: pinned({ repository: image.repository, digest: found.digest }),
      digest: found.digest,
      version: exactVersion([image.tag]),
      presence: 'present',
      platforms: found.platforms,
      mirror: {
        from: `${parseImage(from)?.repository ?? from}@${found.digest}`,
        tool: tool.name,
        manifests: found.manifests,
      },
    }
  } catch (error) {
    return unavailable(`The image \`${target.asked}\` does not exist, and ${explain(error)}`)
  }
}

/** Adds what the copies do to the running images, which a rollback needs. */
export async function observeRetention(
  targets: Targets,
  { stack, cloud, now }: { readonly stack: Stack; readonly cloud: Cloud; readonly now: number },
): Promise<Targets> {
  return eachComponent(async component => {
    const target = targets[component]
    const image = target && parseImage(target.asked)
    const repository = image && ecrRepository(image.repository)
    const { digest } = imageOf(stack, component)
    if (target?.mirror === undefined || repository === undefined || digest === undefined) return target
    const { mirror } = target
    const read = async () => {
      const policy = await cloud.ecr.lifecycle(repository)
      if (policy === undefined) return false
      const pushed = Array.from({ length: mirror.manifests }, (_, index) => ({
        digest: '',
        tags: index === 0 && image?.tag !== undefined ? [image.tag] : [],
        isIndex: index === 0,
        // After all that is there, whatever the clock of this runner says.
        pushedAt: Number.MAX_SAFE_INTEGER,
      }))
      const images = [...(await cloud.ecr.images(repository)), ...pushed]
      const expiry = expiryOf({ digest, images, policy, at: now })
      if (expiry?.kind === 'unreadable') throw new RolloutError('it is not valid JSON')
      return expiry !== undefined && expiry.left <= 0
    }
    const expiresRunning = await observed('ecr:GetLifecyclePolicy', read, {
      failed: `the lifecycle policy of ECR repository ${repository.name} cannot be read: `,
    })
    return { ...target, mirror: { ...mirror, expiresRunning } }
  })
}

/** Names as Langfuse and ClickHouse publish them: https://langfuse.com/self-hosting, https://hub.docker.com/r/clickhouse/clickhouse-server */
function sourceOf(
  component: Component,
  { from, version, clickhouseVersion }: MirrorSource,
): string | undefined {
  switch (component) {
    case 'web':
      return `${from}/langfuse:${version}`
    case 'worker':
      return `${from}/langfuse-worker:${version}`
    case 'clickhouse':
      return clickhouseVersion && `docker.io/clickhouse/clickhouse-server:${clickhouseVersion}`
  }
}

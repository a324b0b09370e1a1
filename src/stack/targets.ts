import type { Component } from '../inputs/config.ts'
import type { Cloud } from '../ports/cloud.ts'
import { ecrRepository, parseImage, pinned } from '../release/image.ts'
import { exactVersion } from './observe-image.ts'
import type { Stack } from './stack.ts'
import { imageOf } from './stack.ts'

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
  readonly mirror?: { readonly from: string; readonly tool: string }
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
  const resolved = await Promise.all(
    (['worker', 'clickhouse', 'web'] as const).map(async component => {
      const wish = wanted[component]
      if (wish === undefined) return []
      const asked =
        'reference' in wish ? wish.reference : `${imageOf(stack, component).repository}:${wish.tag}`
      return [[component, await resolve(asked, cloud)] as const]
    }),
  )
  return Object.fromEntries(resolved.flat())
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

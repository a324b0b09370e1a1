import type { EcrImage } from '../ports/cloud.ts'

/** When a lifecycle policy deletes an image: after `left` more pushes or days; 0 or less: it is due. */
export type Expiry = Left | { readonly kind: 'unreadable' }

type Left = { readonly kind: 'pushes' | 'days'; readonly left: number }

/**
 * When an ECR lifecycle policy deletes one image, by its soonest rule; undefined: never.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
 */
export function expiryOf(question: {
  readonly digest: string
  readonly images: readonly EcrImage[]
  readonly policy: string | undefined
  readonly at: number
}): Expiry | undefined {
  const { digest, images, policy, at } = question
  const image = images.find(item => item.digest === digest)
  if (policy === undefined || image === undefined) return undefined
  const rules = rulesOf(policy)
  if (rules === undefined) return { kind: 'unreadable' }
  const [soonest] = rules
    .filter(rule => selects(rule, image))
    .flatMap(rule => leftBy(rule, image, images, at) ?? [])
    .sort((left, right) => left.left - right.left)
  return soonest
}

/** Undefined: not ECR's JSON. */
function rulesOf(policy: string): readonly Rule[] | undefined {
  try {
    const { rules } = JSON.parse(policy) as {
      rules: readonly { selection: Rule; action?: { type?: string } }[]
    }
    return rules
      .filter(({ action }) => (action?.type ?? 'expire') === 'expire')
      .map(({ selection: { ...rule } }) => rule)
  } catch {
    return undefined
  }
}

/** The selection of a rule, as in ECR's JSON. */
type Rule = {
  readonly tagStatus?: string
  readonly tagPrefixList?: readonly string[]
  readonly tagPatternList?: readonly string[]
  readonly countType?: string
  readonly countNumber?: number
}

/** The image's tags must match each prefix and each pattern. */
function selects({ tagStatus, tagPrefixList = [], tagPatternList = [] }: Rule, { tags }: EcrImage): boolean {
  if (tagStatus === 'untagged') return tags.length === 0
  if (tagStatus !== 'tagged') return true
  const has = (fits: (tag: string) => boolean) => tags.some(fits)
  return (
    tags.length > 0 &&
    tagPrefixList.every(prefix => has(tag => tag.startsWith(prefix))) &&
    tagPatternList.every(pattern => has(tag => wildcard(pattern).test(tag)))
  )
}

function wildcard(pattern: string): RegExp {
  return new RegExp(
    `^${pattern
      .split('*')
      .map(part => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  )
}

const DAY_MS = 86_400_000

/** One push of a multi-platform image is several images: its index, and its manifests and attestations without a tag. */
function imagesPerPush(counted: readonly EcrImage[]): number {
  const indexes = counted.filter(({ isIndex }) => isIndex === true)
  const single = counted.filter(({ tags, isIndex }) => isIndex !== true && tags.length > 0)
  return indexes.length === 0 ? 1 : counted.length / (indexes.length + single.length)
}

function leftBy(rule: Rule, image: EcrImage, images: readonly EcrImage[], at: number): Left | undefined {
  const { countType, countNumber = 0 } = rule
  if (countType === 'imageCountMoreThan') {
    const counted = images.filter(other => selects(rule, other))
    const newer = counted.filter(other => (other.pushedAt ?? 0) > (image.pushedAt ?? 0)).length
    return { kind: 'pushes', left: Math.ceil((countNumber - newer) / imagesPerPush(counted)) }
  }
  if (countType === 'sinceImagePushed' && image.pushedAt !== undefined)
    return { kind: 'days', left: countNumber - (at - image.pushedAt) / DAY_MS }
  return undefined
}

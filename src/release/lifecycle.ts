/** When a lifecycle policy deletes an image: after `left` more pushes or days; 0 or less: it is due. */
export type Expiry =
  | { readonly kind: 'pushes' | 'days'; readonly left: number }
  | { readonly kind: 'unreadable' }

type Image = {
  readonly digest: string
  readonly tags: readonly string[]
  readonly pushedAt: number | undefined
}

/**
 * When an ECR lifecycle policy deletes one image, by its soonest rule; undefined: never.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
 */
export function expiryOf(question: {
  readonly digest: string
  readonly images: readonly Image[]
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

type Rule = {
  readonly status: string
  readonly prefixes: readonly string[]
  readonly patterns: readonly string[]
  readonly count: string
  readonly number: number
}

/** Undefined: not ECR's JSON. */
function rulesOf(policy: string): readonly Rule[] | undefined {
  try {
    const { rules } = JSON.parse(policy) as {
      rules: readonly { selection: Selection; action?: { type?: string } }[]
    }
    return rules
      .filter(({ action }) => (action?.type ?? 'expire') === 'expire')
      .map(({ selection }) => ({
        status: selection.tagStatus ?? 'any',
        prefixes: selection.tagPrefixList ?? [],
        patterns: selection.tagPatternList ?? [],
        count: selection.countType ?? '',
        number: selection.countNumber ?? 0,
      }))
  } catch {
    return undefined
  }
}

type Selection = {
  readonly tagStatus?: string
  readonly tagPrefixList?: readonly string[]
  readonly tagPatternList?: readonly string[]
  readonly countType?: string
  readonly countNumber?: number
}

/** The image's tags must match each prefix and each pattern. */
function selects({ status, prefixes, patterns }: Rule, { tags }: Image): boolean {
  if (status === 'untagged') return tags.length === 0
  if (status !== 'tagged') return true
  const has = (fits: (tag: string) => boolean) => tags.some(fits)
  return (
    tags.length > 0 &&
    prefixes.every(prefix => has(tag => tag.startsWith(prefix))) &&
    patterns.every(pattern => has(tag => wildcard(pattern).test(tag)))
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

function leftBy(
  rule: Rule,
  image: Image,
  images: readonly Image[],
  at: number,
): { readonly kind: 'pushes' | 'days'; readonly left: number } | undefined {
  if (rule.count === 'imageCountMoreThan') {
    const newer = images.filter(
      other => selects(rule, other) && (other.pushedAt ?? 0) > (image.pushedAt ?? 0),
    ).length
    return { kind: 'pushes', left: rule.number - newer }
  }
  if (rule.count === 'sinceImagePushed' && image.pushedAt !== undefined)
    return { kind: 'days', left: rule.number - (at - image.pushedAt) / DAY_MS }
  return undefined
}

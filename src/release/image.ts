import type { EcrRepository } from '../ports/cloud.ts'

/** `repository` includes the registry's host. */
type ImageRef = {
  readonly repository: string
  readonly tag: string | undefined
  readonly digest: string | undefined
}

/** Undefined when the text is not an image reference. */
export function parseImage(text: string): ImageRef | undefined {
  const match =
    /^([A-Za-z0-9][A-Za-z0-9._:/-]*?)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(
      text,
    )
  if (!match?.[1] || match[1].endsWith('/')) return undefined
  return { repository: match[1], tag: match[2], digest: match[3] }
}

/** `repository@digest`, the only form that cannot move; with the tag where the digest is unknown. */
export function pinned(image: {
  readonly repository: string
  readonly tag?: string | undefined
  readonly digest?: string | undefined
}): string {
  if (image.digest !== undefined) return `${image.repository}@${image.digest}`
  return image.tag === undefined ? image.repository : `${image.repository}:${image.tag}`
}

/** `<account>.dkr.ecr.<region>.amazonaws.com/<name>` in its parts; undefined for other registries. */
export function ecrRepository(repository: string): EcrRepository | undefined {
  const match = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/(.+)$/.exec(repository)
  if (!match?.[1] || !match[2] || !match[3]) return undefined
  return { account: match[1], region: match[2], name: match[3] }
}

/** A reference short enough for a sentence: `langfuse-web@sha256:2306c633ccbc`. */
export function shortImage(reference: string): string {
  const name = reference.slice(reference.lastIndexOf('/') + 1)
  return name.replace(/(@sha256:[0-9a-f]{12})[0-9a-f]+$/, '$1')
}

/** `sha256:0123…` short enough for a sentence. */
export function shortDigest(digest: string | undefined): string {
  return digest === undefined ? 'unknown digest' : digest.slice(0, 'sha256:'.length + 12)
}

/** The platforms of an image index without build attestations (`unknown/unknown`); undefined for a single manifest. */
export function indexPlatforms(manifest: unknown): readonly string[] | undefined {
  const entries = member(manifest, 'manifests')
  if (!Array.isArray(entries)) return undefined
  const all = entries.flatMap(entry => platformOf(member(entry, 'platform')) ?? [])
  return [...new Set(all)].filter(platform => !platform.startsWith('unknown/')).sort()
}

/** https://github.com/opencontainers/image-spec/blob/main/image-index.md: the variant (v8 …) does not matter to Fargate. */
export function platformOf(described: unknown): string | undefined {
  const [os, architecture] = [member(described, 'os'), member(described, 'architecture')]
  return typeof os === 'string' && typeof architecture === 'string' ? `${os}/${architecture}` : undefined
}

export function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

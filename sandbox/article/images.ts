import type { PushedImage } from '../aws/images.ts'
import type { World } from '../aws/world.ts'

/** What a team has in its repositories: what runs as `latest`, and the next releases pushed and not deployed. */
export function articleImages(release: string): readonly PushedImage[] {
  const langfuse = (kind: 'web' | 'worker', version: string, tags: readonly string[]): PushedImage => ({
    repository: `langfuse-${kind}`,
    tags,
    program: { kind, release: version },
  })
  const clickhouse = (version: string, tags: readonly string[]): PushedImage => ({
    repository: 'clickhouse',
    tags,
    program: { kind: 'clickhouse', release: version },
  })
  const others = ['2.93.7', '3.0.0'].filter(version => version !== release)
  return [
    ...(['web', 'worker'] as const).flatMap(kind => [
      ...others.map(version => langfuse(kind, version, [version])),
      langfuse(kind, release, ['latest', release]),
    ]),
    clickhouse('24.12.3', ['24.12.3']),
    clickhouse('24.8.7', ['latest', '24.8.7']),
  ]
}

export function pushImages(world: World, images: readonly PushedImage[]) {
  for (const image of images) world.pushImage(image)
}

import type { PushedImage } from '../aws/images.ts'
import type { World } from '../aws/world.ts'

/** What a team has in its repositories: what runs as `latest`, and the next releases pushed and not deployed. */
export function articleImages(release: string, pushed: readonly string[]): readonly PushedImage[] {
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
  const others = pushed.filter(version => version !== release)
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

/** What Docker Hub has, for copying; the account's tasks cannot pull from there. */
export function publishImages(world: World, releases: readonly string[]) {
  for (const release of releases) {
    world.images.publish(`langfuse/langfuse:${release}`, { program: { kind: 'web', release } })
    world.images.publish(`langfuse/langfuse-worker:${release}`, { program: { kind: 'worker', release } })
  }
  for (const release of ['24.8.7', '24.12.3'])
    world.images.publish(`clickhouse/clickhouse-server:${release}`, {
      program: { kind: 'clickhouse', release },
    })
}

import type { PushedImage } from '../aws/images.ts'
import type { World } from '../aws/world.ts'

const CLICKHOUSES = ['24.12.3', '24.8.7'] as const

/** What a team has in its repositories: what runs as `latest`, and the next releases pushed and not deployed. */
export function articleImages(options: {
  readonly release: string
  readonly pushed: readonly string[]
  readonly clickhouse: string
}): readonly PushedImage[] {
  const { release, pushed } = options
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
    ...CLICKHOUSES.filter(version => version !== options.clickhouse).map(version =>
      clickhouse(version, [version]),
    ),
    clickhouse(options.clickhouse, ['latest', options.clickhouse]),
  ]
}

export function pushImages(world: World, images: readonly PushedImage[]) {
  for (const image of images) world.pushImage(image)
}

/** The module's repositories keep five images, whatever runs, and let tags be moved. */
export function keepImages(world: World, sound: boolean) {
  const selection = sound
    ? { tagStatus: 'untagged', countType: 'sinceImagePushed', countUnit: 'days', countNumber: 14 }
    : { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 5 }
  const rule = { rulePriority: 1, selection, action: { type: 'expire' } }
  for (const repository of world.images.repositories.values()) {
    repository.mutability = sound ? 'IMMUTABLE' : 'MUTABLE'
    repository.lifecycle = JSON.stringify({ rules: [rule] })
  }
}

/** What Docker Hub has, for copying; the account's tasks cannot pull from there. */
export function publishImages(world: World, releases: readonly string[], clickhouse: string) {
  for (const release of releases) {
    world.images.publish(`langfuse/langfuse:${release}`, { program: { kind: 'web', release } })
    world.images.publish(`langfuse/langfuse-worker:${release}`, { program: { kind: 'worker', release } })
  }
  for (const release of new Set([...CLICKHOUSES, clickhouse]))
    world.images.publish(`clickhouse/clickhouse-server:${release}`, {
      program: { kind: 'clickhouse', release },
    })
}

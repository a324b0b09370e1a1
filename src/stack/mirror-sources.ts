import { explain } from '../errors/errors.ts'
import type { Component } from '../inputs/config.ts'
import type { ImageTool } from '../ports/runner.ts'
import { parseImage, pinned } from '../release/image.ts'
import { exactVersion } from './observe-image.ts'
import type { TargetImage, Targets } from './targets.ts'

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
  const resolved = await Promise.all(
    (['worker', 'clickhouse', 'web'] as const).map(async component => {
      const target = targets[component]
      if (target === undefined) return []
      const found = target.presence === 'missing' ? await resolve(component, target, source, tool) : target
      return [[component, found] as const]
    }),
  )
  return Object.fromEntries(resolved.flat())
}

async function resolve(
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
      mirror: { from: `${parseImage(from)?.repository ?? from}@${found.digest}`, tool: tool.name },
    }
  } catch (error) {
    return unavailable(`The image \`${target.asked}\` does not exist, and ${explain(error)}`)
  }
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

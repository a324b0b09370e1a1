import { expect, test } from '@jest/globals'
import type { ImageTool, SourceImage } from '../../src/ports/runner.ts'
import { type MirrorSource, resolveMirrors, type TargetImage } from '../../src/stack/targets.ts'
import { DIGEST, REGISTRY } from '../support/stack.ts'

const SOURCE: MirrorSource = {
  from: 'ghcr.io/mirror/langfuse',
  version: '3.0.0',
  clickhouseVersion: '24.12.3',
}

/** A registry by reference; a reference that is an error throws. */
function toolWith(images: Readonly<Record<string, SourceImage | Error>>): ImageTool {
  return {
    name: 'skopeo',
    inspect: async reference => {
      const found = images[reference]
      if (found instanceof Error) throw found
      return found
    },
    copy: async () => {
      throw new Error('nothing is copied before there is a plan')
    },
  }
}

function missing(asked: string): TargetImage {
  return { asked, reference: asked, digest: undefined, version: undefined, presence: 'missing' }
}

const WEB = missing(`${REGISTRY}/langfuse-web:3.0.0`)
const source = (digest: string): SourceImage => ({
  digest,
  platforms: ['linux/amd64', 'linux/arm64'],
  manifests: 5,
})

test('what is missing is pinned by the digest of its source, under the tag that was wanted', async () => {
  const targets = {
    web: WEB,
    worker: missing(`${REGISTRY}/langfuse-worker:3.0.0`),
    clickhouse: missing(`${REGISTRY}/clickhouse:24.12.3`),
  }
  const tool = toolWith({
    'ghcr.io/mirror/langfuse/langfuse:3.0.0': source(DIGEST.web3),
    'ghcr.io/mirror/langfuse/langfuse-worker:3.0.0': source(DIGEST.worker3),
    'docker.io/clickhouse/clickhouse-server:24.12.3': source(DIGEST.clickhouseNew),
  })
  expect(await resolveMirrors(targets, SOURCE, tool)).toMatchObject({
    web: {
      reference: `${REGISTRY}/langfuse-web@${DIGEST.web3}`,
      version: '3.0.0',
      presence: 'present',
      platforms: ['linux/amd64', 'linux/arm64'],
      mirror: { from: `ghcr.io/mirror/langfuse/langfuse@${DIGEST.web3}`, tool: 'skopeo' },
    },
    worker: { mirror: { from: `ghcr.io/mirror/langfuse/langfuse-worker@${DIGEST.worker3}` } },
    clickhouse: {
      mirror: { from: `docker.io/clickhouse/clickhouse-server@${DIGEST.clickhouseNew}` },
    },
  })
})

test('what is in the repository already, or outside of ECR, is not looked up and not copied', async () => {
  const web: TargetImage = { ...WEB, digest: DIGEST.web3, presence: 'present' }
  const worker: TargetImage = {
    ...missing('docker.io/langfuse/langfuse-worker:3.0.0'),
    presence: 'unchecked',
  }
  const tool = toolWith({ 'ghcr.io/mirror/langfuse/langfuse:3.0.0': new Error('looked up') })
  expect(await resolveMirrors({ web, worker }, SOURCE, tool)).toEqual({ web, worker })
})

test.each<readonly [string, ImageTool | undefined, RegExp]>([
  [
    'no program',
    undefined,
    /no tool to copy it from .*\(docker with buildx, skopeo or crane\)\. Use a GitHub/,
  ],
  ['no such source', toolWith({}), /neither does its source `ghcr\.io\/mirror\/langfuse\/langfuse:3\.0\.0`/],
  [
    'a source that cannot be read',
    toolWith({ 'ghcr.io/mirror/langfuse/langfuse:3.0.0': new Error('skopeo could not read it: denied.') }),
    /does not exist, and skopeo could not read it: denied\.$/,
  ],
])('%s: the image stays missing, and why is said', async (_what, tool, problem) => {
  const { web } = await resolveMirrors({ web: WEB }, SOURCE, tool)
  expect(web).toMatchObject({ presence: 'missing', problem: expect.stringMatching(problem) })
})

test('an image that is asked for by digest cannot be copied under a tag', async () => {
  const web = missing(`${REGISTRY}/langfuse-web@${DIGEST.web3}`)
  expect(await resolveMirrors({ web }, SOURCE, toolWith({}))).toEqual({ web })
})

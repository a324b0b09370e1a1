import { sha256 } from './ids.ts'
import type { Platform, Program } from './images.ts'

/**
 * The OCI documents of an image: for each platform a manifest with its configuration, and the index that lists them.
 * Digests are the real hashes of these texts, so that a client may check them.
 */
export function manifestsOf(image: {
  readonly program: Program
  readonly platforms: readonly Platform[]
  readonly single: boolean
}): Manifests {
  const platforms = image.platforms.map(platform => platformManifest(image.program, platform))
  const [only] = platforms
  if (image.single && only) return { ...only, platforms }
  return { ...indexOf(platforms), platforms }
}

export type Manifests = Manifest & { readonly platforms: readonly PlatformManifest[] }

export type Manifest = { readonly digest: string; readonly mediaType: string; readonly text: string }

export type PlatformManifest = Manifest & {
  readonly platform: Platform
  /** The image's configuration: the only place where a manifest without an index says its platform. */
  readonly config: { readonly digest: string; readonly text: string }
}

/** Every manifest that the index lists, as ECR counts them: each an image of its own. */
export function listed({
  platforms,
  mediaType,
}: Manifests): readonly Pick<Manifest, 'digest' | 'mediaType'>[] {
  if (mediaType !== INDEX) return []
  return platforms.flatMap(manifest => [manifest, attestationOf(manifest)])
}

const INDEX = 'application/vnd.oci.image.index.v1+json'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'

function indexOf(platforms: readonly PlatformManifest[]): Manifest {
  const manifests = platforms.flatMap(manifest => [entryOf(manifest), attestationOf(manifest)])
  const text = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests })
  return { digest: digestOf(text), mediaType: INDEX, text }
}

const entryOf = ({ mediaType, digest, text, platform }: PlatformManifest) => ({
  mediaType,
  digest,
  size: text.length,
  platform: platformOf(platform),
})

/** buildx adds one to each platform; a client has to know that `unknown/unknown` is no platform. */
const attestationOf = ({ digest }: PlatformManifest) => ({
  mediaType: MANIFEST,
  digest: digestOf(`attestation of ${digest}`),
  size: 566,
  annotations: {
    'vnd.docker.reference.digest': digest,
    'vnd.docker.reference.type': 'attestation-manifest',
  },
  platform: { architecture: 'unknown', os: 'unknown' },
})

function platformManifest(program: Program, platform: Platform): PlatformManifest {
  const config = JSON.stringify({
    ...platformOf(platform),
    config: { Labels: { program: JSON.stringify(program) } },
  })
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: CONFIG, digest: digestOf(config), size: config.length },
    layers: [{ mediaType: LAYER, digest: digestOf(`layer of ${config}`), size: 250_000_000 }],
  })
  return {
    digest: digestOf(text),
    mediaType: MANIFEST,
    text,
    platform,
    config: { digest: digestOf(config), text: config },
  }
}

function platformOf(platform: Platform) {
  const [os, architecture] = platform.split('/')
  return { architecture, os }
}

const digestOf = (text: string) => `sha256:${sha256(text)}`

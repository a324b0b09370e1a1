import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'

/** A real registry on a port of this machine, by crane (https://github.com/google/go-containerregistry). */
export type Registry = {
  /** `127.0.0.1:PORT` */
  readonly host: string
  stop(): void
}

export async function startRegistry(crane: string): Promise<Registry> {
  const child = spawn(crane, ['registry', 'serve', '--address', '127.0.0.1:0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const port = await new Promise<string>((resolve, reject) => {
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      const found = /serving on port (\d+)/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('close', () => reject(new Error(`crane's registry ended: ${said}`)))
  })
  return { host: `127.0.0.1:${port}`, stop: () => stop(child) }
}

function stop(child: ChildProcess): void {
  child.kill('SIGKILL')
}

const INDEX = 'application/vnd.oci.image.index.v1+json'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

/** Pushes an image of two platforms, each with a layer of its own; answers the digests of its index and manifests. */
export async function pushImage(
  { host }: Registry,
  repository: string,
  tag: string,
): Promise<{ readonly index: string; readonly manifests: readonly string[] }> {
  const base = `http://${host}/v2/${repository}`
  const manifests = []
  for (const architecture of ['amd64', 'arm64']) {
    const layer = await pushBlob(base, `layer of ${repository} for ${architecture}`)
    const config = await pushBlob(
      base,
      JSON.stringify({ os: 'linux', architecture, rootfs: { type: 'layers' } }),
    )
    const document = {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
    }
    const pushed = await pushManifest(base, { document, type: MANIFEST })
    manifests.push({ mediaType: MANIFEST, ...pushed, platform: { os: 'linux', architecture } })
  }
  const document = { schemaVersion: 2, mediaType: INDEX, manifests }
  const { digest } = await pushManifest(base, { document, type: INDEX, tag })
  return { index: digest, manifests: manifests.map(manifest => manifest.digest) }
}

type Descriptor = { readonly digest: string; readonly size: number }

async function pushBlob(base: string, text: string): Promise<Descriptor> {
  const { digest, size } = describe(text)
  const begun = await fetch(`${base}/blobs/uploads/`, { method: 'POST' })
  const location = new URL(begun.headers.get('location') ?? '', base)
  location.searchParams.set('digest', digest)
  await expectCreated(await fetch(location, { method: 'PUT', body: text }))
  return { digest, size }
}

async function pushManifest(
  base: string,
  { document, type, tag }: { readonly document: unknown; readonly type: string; readonly tag?: string },
): Promise<Descriptor> {
  const text = JSON.stringify(document)
  const { digest, size } = describe(text)
  const url = `${base}/manifests/${tag ?? digest}`
  await expectCreated(await fetch(url, { method: 'PUT', body: text, headers: { 'content-type': type } }))
  return { digest, size }
}

function describe(text: string): Descriptor {
  return {
    digest: `sha256:${createHash('sha256').update(text).digest('hex')}`,
    size: Buffer.byteLength(text),
  }
}

async function expectCreated(response: Response): Promise<void> {
  if (response.status !== 201)
    throw new Error(`The registry said ${response.status}: ${await response.text()}`)
}

/** Digests of everything that belongs to an image, as far as the registry has it: its index, its manifests, their blobs. */
export async function contentOf(
  { host }: Registry,
  repository: string,
  reference: string,
): Promise<readonly string[]> {
  const base = `http://${host}/v2/${repository}`
  const index = await fetch(`${base}/manifests/${reference}`, { headers: { accept: INDEX } })
  const text = await index.text()
  const found = [describe(text).digest]
  for (const { digest } of JSON.parse(text).manifests as readonly Descriptor[]) {
    const manifest = await (
      await fetch(`${base}/manifests/${digest}`, { headers: { accept: MANIFEST } })
    ).text()
    found.push(describe(manifest).digest)
    const { config, layers } = JSON.parse(manifest)
    for (const blob of [config, ...layers] as readonly Descriptor[])
      found.push(describe(await (await fetch(`${base}/blobs/${blob.digest}`)).text()).digest)
  }
  return found
}

/** A program that copies images from one registry to another, blob by blob, without the local disk. */
export type ImageTool = {
  /** As people know it, for messages: `docker buildx imagetools`, `skopeo`, `crane`. */
  readonly name: string
  /** What a registry has under a reference; undefined when there is no such image. Throws when it cannot be read. */
  inspect(reference: string): Promise<SourceImage | undefined>
  /** Copies the whole image, every platform of it, byte for byte. */
  copy(from: string, to: string, signal: AbortSignal): Promise<void>
}

export type SourceImage = {
  readonly digest: string
  /** `linux/amd64` …; undefined where the image is a single manifest, which does not say. */
  readonly platforms: readonly string[] | undefined
}

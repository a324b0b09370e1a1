/** GitHub's runner. Only its adapter touches `process.env` and stdout. */
export type Runner = {
  /** The input's text, trimmed; '' if it was not given. */
  input(name: string): string
  /** An environment variable, undefined when unset or empty. */
  environment(name: string): string | undefined
  /** Hides a value in all later log lines. */
  mask(secret: string): void
  /** The text without the masked values, for files, which the runner does not mask. */
  redact(text: string): string
  info(line: string): void
  group(title: string, work: () => Promise<void>): Promise<void>
  /** The run's one annotation. */
  annotate(level: 'error' | 'warning' | 'notice', title: string, sentence: string): void
  output(name: string, value: string): void
  /** Appends Markdown to the job summary (1 MiB a step). */
  summary(markdown: string): Promise<void>
  /** Writes a file below the runner's temporary folder and returns its path. */
  file(name: string, content: string): Promise<string>
}

/** Time; tests use a fast one. */
export type Clock = {
  /** Milliseconds since the epoch. */
  now(): number
  /** Resolves after `milliseconds`; rejects with the signal's reason when it is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
  /** Does `work` again and again beside everything else, and keeps no process alive for it; the answer ends it. */
  every(milliseconds: number, work: () => void): () => void
  /** A number in [0, 1) for jitter. */
  random(): number
}

/** A program that copies images from one registry to another, blob by blob, without the local disk. */
export type ImageTool = {
  /** For messages: `docker buildx imagetools`, `skopeo`, `crane`. */
  readonly name: string
  /** The image of a reference; undefined if there is none. Throws if it cannot be read. */
  inspect(reference: string): Promise<SourceImage | undefined>
  /** Copies the whole image, every platform of it, byte for byte. */
  copy(from: string, to: string, signal: AbortSignal): Promise<void>
}

export type SourceImage = {
  readonly digest: string
  /** `linux/amd64` …; undefined for a single manifest, which does not name its platform. */
  readonly platforms: readonly string[] | undefined
  /** How many images a registry counts for it: the index, and each manifest that it lists. */
  readonly manifests: number
}

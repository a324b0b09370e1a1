/** What GitHub's runner offers an action. `process.env` and stdout are only touched behind this port. */
export type Runner = {
  /** The input's text as the runner gives it, trimmed; '' when it was not given. */
  input(name: string): string
  /** An environment variable, undefined when unset or empty. */
  environment(name: string): string | undefined
  /** Hides a value in everything that is logged from now on. */
  mask(secret: string): void
  /** The text without the masked values, for what the runner itself does not mask (the report file). */
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

/** Time as the flow sees it; the tests put a fast one here. */
export type Clock = {
  /** Milliseconds since the epoch. */
  now(): number
  /** Resolves after `milliseconds`; rejects with the signal's reason when it is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
  /** A number in [0, 1) for jitter. */
  random(): number
}

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

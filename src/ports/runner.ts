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

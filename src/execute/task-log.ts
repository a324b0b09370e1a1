import type { Cloud, Container, EcsTask } from '../ports/cloud.ts'

/** What one task prints, line by line as it comes. */
export type TaskLog = {
  /** False: the container has no log that can be read, so nothing will ever come. */
  readonly readable: boolean
  /** Everything so far, oldest first, without secrets. */
  readonly lines: readonly string[]
  /** Reads what is new and says it. */
  more(): Promise<void>
}

type LogLocation = { readonly group: string; readonly stream: string }

/**
 * Where a container of a task writes that has the log configuration of `container`; undefined: nowhere we can read.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html: prefix/container/task
 */
export function logLocation(
  { logGroup, logStreamPrefix }: Container,
  name: string,
  { id }: EcsTask,
): LogLocation | undefined {
  if (logGroup === undefined || logStreamPrefix === undefined) return undefined
  return { group: logGroup, stream: `${logStreamPrefix}/${name}/${id}` }
}

/** @param secrets values that must not be shown, whatever the container prints */
export function taskLog(
  cloud: Cloud,
  location: LogLocation | undefined,
  options: { readonly say: (line: string) => void; readonly secrets: readonly string[] },
): TaskLog {
  const lines: string[] = []
  let position: string | undefined
  return {
    readable: location !== undefined,
    lines,
    async more() {
      if (location === undefined) return
      const page = await cloud.logs.follow(location.group, location.stream, position)
      position = page.position
      for (const line of page.lines.flatMap(text => text.split('\n'))) {
        const clean = withoutSecrets(line.trimEnd(), options.secrets)
        lines.push(clean)
        // The bar keeps a line of somebody else from being a command of the runner (`::error::`, `##[group]`).
        if (clean !== '') options.say(`│ ${clean.replaceAll('##[', '## [')}`)
      }
    },
  }
}

/**
 * golang-migrate prints its URL with the password in the query when it cannot open the database
 * (langfuse#4600), and no list of known values has what only Secrets Manager knows.
 */
function withoutSecrets(line: string, secrets: readonly string[]): string {
  const known = secrets.reduce((text, secret) => text.replaceAll(secret, '***'), line)
  return known
    .replace(/([?&](?:password|pass|secret|token)=)[^&\s"']*/gi, '$1***')
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s/@]+@/gi, '$1:***@')
}

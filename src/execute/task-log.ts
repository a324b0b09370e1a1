import type { AppRunnerService, Cloud, Container, EcsTask } from '../ports/cloud.ts'

/** The log of one task. */
export type TaskLog = {
  /** False: the container has no readable log. */
  readonly readable: boolean
  /** All lines so far, oldest first, without secrets. */
  readonly lines: readonly string[]
  /** Reads and prints new lines. */
  more(): Promise<void>
}

type LogLocation = { readonly group: string; readonly stream: string }

/**
 * The log stream of a container; undefined: none that we can read.
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

/** @param secrets values that must never be printed */
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
        if (clean !== '') options.say(quoted(clean))
      }
    },
  }
}

/** The bar keeps a foreign line from being a runner command (`::error::`, `##[group]`). */
export function quoted(line: string): string {
  return `│ ${line.replaceAll('##[', '## [')}`
}

/** golang-migrate prints its URL with the password (langfuse#4600), which only Secrets Manager knows. */
function withoutSecrets(line: string, secrets: readonly string[]): string {
  const known = secrets.reduce((text, secret) => text.replaceAll(secret, '***'), line)
  return known
    .replace(/([?&](?:password|pass|secret|token)=)[^&\s"']*/gi, '$1***')
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s/@]+@/gi, '$1:***@')
}

const LOG_LINES = 12

/** Why a deployment's task failed: ECS's reason, the exit code, and the container's last lines. */
export async function causeOfEcs(
  cloud: Cloud,
  where: {
    readonly cluster: string
    readonly service: string
    readonly deploymentId: string
    readonly container: Container
  },
): Promise<{ readonly reasons: readonly string[]; readonly lines: readonly string[] }> {
  const stopped = await cloud.ecs.tasks(where.cluster, where.service, 'STOPPED')
  const task = stopped.findLast(item => item.startedBy === where.deploymentId)
  if (task === undefined) return { reasons: [], lines: [] }
  return { reasons: reasonsOf(task), lines: await lastLines(cloud, task, where.container) }
}

/** ECS's reasons for a stopped task. */
export function reasonsOf(task: EcsTask): readonly string[] {
  const ended = task.containers.flatMap(container => {
    const parts = [
      container.exitCode === undefined ? '' : `exit code ${container.exitCode}`,
      container.reason ?? '',
    ].filter(part => part !== '')
    return parts.length === 0 ? [] : [`container ${container.name}: ${parts.join(', ')}`]
  })
  return [`task ${task.id}: ${task.stoppedReason ?? 'stopped without a reason'}`, ...ended]
}

async function lastLines(cloud: Cloud, task: EcsTask, container: Container): Promise<readonly string[]> {
  const location = logLocation(container, container.name, task)
  return location === undefined ? [] : cloud.logs.tail(location.group, location.stream, LOG_LINES)
}

/** The log lines of App Runner and the web since `since` (epoch milliseconds). */
export async function causeOfAppRunner(
  cloud: Cloud,
  service: AppRunnerService,
  since: number,
): Promise<readonly string[]> {
  const id = service.arn.slice(service.arn.lastIndexOf('/') + 1)
  const group = (name: string) => `/aws/apprunner/${service.name}/${id}/${name}`
  const [events, application] = await Promise.all([
    cloud.logs.recent(group('service'), since, LOG_LINES),
    cloud.logs.recent(group('application'), since, LOG_LINES),
  ])
  return [...events, ...application]
}

/** The line to quote: Langfuse's own lines are more specific than App Runner's. */
export function tellingLine(evidence: readonly string[]): string | undefined {
  const telling = evidence.filter(line => /error|failed|invalid|cannot|dirty|P[13]\d{3}/i.test(line))
  return (telling.find(line => !line.includes('[AppRunner]')) ?? telling[0])?.trim()
}

import type { AppRunnerService, Cloud, Container, EcsTask } from '../ports/cloud.ts'
import { logLocation } from './task-log.ts'

const LOG_LINES = 12

/** Why tasks of a deployment died: ECS's reason, the exit code, and the last lines that the container printed. */
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

/** What ECS says of a task that has ended. */
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

/** What App Runner and the web wrote about an update since `since` (epoch milliseconds). */
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

/** The line to quote. What Langfuse itself printed says more than App Runner, which only knows that it ended. */
export function tellingLine(evidence: readonly string[]): string | undefined {
  const telling = evidence.filter(line => /error|failed|invalid|cannot|dirty|P[13]\d{3}/i.test(line))
  return (telling.find(line => !line.includes('[AppRunner]')) ?? telling[0])?.trim()
}

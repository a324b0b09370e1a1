import type { EcsService } from '../ports/cloud.ts'
import type { Stack, WebComponent } from '../stack/stack.ts'
import { aws, failing, quote } from './shell.ts'

type Part = 'web' | 'worker' | 'clickhouse'

/** In the sequence of a stop; they start in the reverse. */
const STOPPING: readonly Part[] = ['web', 'worker', 'clickhouse']

/** Stops parts of Langfuse: the web first, so that nothing new arrives, and ClickHouse last. */
export function stopParts(stack: Stack, parts: readonly Part[]): readonly string[] {
  return STOPPING.filter(part => parts.includes(part)).flatMap(part => changed(stack, part, 'stop'))
}

/** Starts them again, each with the tasks that it has now. */
export function startParts(stack: Stack, parts: readonly Part[]): readonly string[] {
  return STOPPING.filter(part => parts.includes(part))
    .reverse()
    .flatMap(part => changed(stack, part, 'start'))
}

function changed(stack: Stack, part: Part, change: 'stop' | 'start'): readonly string[] {
  const found = stack[part]
  if ('platform' in found && found.platform === 'app-runner') return onAppRunner(found.service.arn, change)
  const { service } = found as Exclude<WebComponent, { platform: 'app-runner' }>
  return onEcs(service, stack.cluster, change === 'stop' ? 0 : Math.max(1, service.desiredCount))
}

function onEcs({ name }: EcsService, cluster: string, count: number): readonly string[] {
  return [
    aws('ecs update-service', ['cluster', cluster], ['service', name], ['desired-count', String(count)]),
    aws('ecs wait services-stable', ['cluster', cluster], ['services', name]),
  ]
}

/** https://docs.aws.amazon.com/apprunner/latest/dg/manage-pause.html: it keeps its settings and its URL. */
function onAppRunner(arn: string, change: 'stop' | 'start'): readonly string[] {
  const [command, wanted] = change === 'stop' ? ['pause-service', 'PAUSED'] : ['resume-service', 'RUNNING']
  const status = `aws apprunner describe-service --service-arn ${quote(arn)} --query Service.Status --output text`
  return [
    aws(`apprunner ${command}`, ['service-arn', arn]),
    'for _ in $(seq 120); do',
    `  [ "$(${status})" != ${wanted} ] || break`,
    '  sleep 10',
    'done',
    `[ "$(${status})" = ${wanted} ] || ${failing(`App Runner did not reach ${wanted} within 20 minutes.`)}`,
  ]
}

import type { AppRunnerOperation, AppRunnerService } from './types.ts'
import type { AppRunner } from './world.ts'

/** What App Runner itself says: stream `events`, and one stream a deployment. */
export function logService(world: AppRunner, service: AppRunnerService, operation: AppRunnerOperation) {
  const group = `/aws/apprunner/${service.name}/${service.id}/service`
  const write = (stream: string) => (line: string) => world.logs.append(group, stream, `[AppRunner] ${line}`)
  return { event: write('events'), deployment: write(`deployment/${operation.id}`) }
}

/** What the application prints: one stream an instance. */
export function logApplication(world: AppRunner, service: AppRunnerService, instanceId: string) {
  const group = `/aws/apprunner/${service.name}/${service.id}/application`
  return (line: string) => world.logs.append(group, `instance/${instanceId}`, line)
}

import type { DeploymentSettings, EcsService } from '../ports/cloud.ts'

/**
 * ClickHouse on EFS must stop before the next one starts: two servers on one directory end in "Cannot lock
 * file …/status. Another server instance in same directory is already running" (ClickHouse#29607), and with
 * ECS's default of 100 % and 200 % that rollout never ends.
 */
export function singleWriterSettings(service: EcsService): DeploymentSettings | undefined {
  const { minimumHealthyPercent, maximumPercent } = service.settings
  if (minimumHealthyPercent === 0 && maximumPercent === 100) return undefined
  return { ...service.settings, minimumHealthyPercent: 0, maximumPercent: 100 }
}

export function describeSettings(settings: DeploymentSettings): string {
  return `minimum ${settings.minimumHealthyPercent} %, maximum ${settings.maximumPercent} %`
}

export function whySingleWriter(service: EcsService): string {
  return `ECS service ${service.name} is deployed with ${describeSettings(service.settings)}, so a new task starts beside the old one, and two ClickHouse servers on one EFS refuse to start.`
}

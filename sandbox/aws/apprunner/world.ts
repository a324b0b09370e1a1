import type { Network } from '../../vpc/network.ts'
import type { Clock } from '../clock.ts'
import type { Ids } from '../ids.ts'
import { type Images, parseReference } from '../images.ts'
import type { Logs } from '../logs.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Secrets } from '../secrets.ts'
import { viewOf } from './configuration.ts'
import { beginDeployment } from './operations.ts'
import type { AppRunnerService } from './types.ts'

/** App Runner: services, and a deployment of its own when a deployed tag is pushed again. */
export function makeAppRunner(parts: AppRunnerParts): AppRunner {
  const services = new Map<string, AppRunnerService>()
  const appRunner = { ...parts, services, connectors: new Map<string, VpcConnector>() }
  parts.images.onPush((repository, tags) => {
    for (const service of services.values())
      if (service.status === 'RUNNING' && follows(service, repository, tags))
        beginDeployment(appRunner, service, { type: 'START_DEPLOYMENT' })
  })
  return appRunner
}

export type AppRunnerParts = {
  readonly ids: Ids
  readonly clock: Clock
  readonly images: Images
  readonly secrets: Secrets
  readonly logs: Logs
  readonly network: Network
  readonly runtime: Runtime
  /** How late ListOperations shows a new operation. */
  readonly listLagSeconds: () => number
}

export type AppRunner = AppRunnerParts & {
  readonly services: Map<string, AppRunnerService>
  /** By ARN. */
  readonly connectors: Map<string, VpcConnector>
}

export type VpcConnector = {
  readonly arn: string
  readonly subnets: readonly string[]
  readonly securityGroups: readonly string[]
}

function follows(service: AppRunnerService, repository: string, tags: readonly string[]): boolean {
  const view = viewOf(service.configuration)
  const reference = parseReference(view.image)
  if (!view.autoDeploy || !reference || reference.digest !== undefined) return false
  return reference.repository === repository && tags.includes(reference.tag)
}

import type { Cloud } from '../ports/cloud.ts'
import type { Cancel } from './cancel.ts'
import { once } from './clients.ts'
import { sizeOfDerived } from './derive-task.ts'

/**
 * AWS in one region. Each client is loaded on first use, because clients dominate the start-up time. The adapters import
 * the SDK as `Sdk`: the build bundles only the commands that they name.
 */
export function createCloud(region: string, cancel?: Cancel): Cloud {
  return {
    region,
    ecs: Object.assign(
      Object.create(lazy(async () => (await import('./aws-ecs.ts')).ecsAdapter(region, cancel))),
      {
        sizeOfDerived,
      },
    ),
    appRunner: lazy(async () => (await import('./aws-apprunner.ts')).appRunnerAdapter(region, cancel)),
    ec2: lazy(async () => (await import('./aws-ec2.ts')).ec2Adapter(region, cancel)),
    efs: lazy(async () => (await import('./aws-efs.ts')).efsAdapter(region, cancel)),
    cloudMap: lazy(async () => (await import('./aws-cloud-map.ts')).cloudMapAdapter(region, cancel)),
    ecr: lazy(async () => (await import('./aws-ecr.ts')).ecrAdapter(region, cancel)),
    logs: lazy(async () => (await import('./aws-logs.ts')).logsAdapter(region, cancel)),
    rds: lazy(async () => (await import('./aws-rds.ts')).rdsAdapter(region, cancel)),
    backup: lazy(async () => (await import('./aws-backup.ts')).backupAdapter(region, cancel)),
  }
}

/** A port whose adapter is loaded at its first call. All of its functions are asynchronous. */
function lazy<Port extends object>(load: () => Promise<Port>): Port {
  const adapter = once<object>(load)
  return new Proxy({} as Port, {
    get:
      (_, name) =>
      async (...given: readonly unknown[]) => {
        const port = await adapter()
        return Reflect.apply(Reflect.get(port, name), port, given)
      },
  })
}

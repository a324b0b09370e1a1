import type { Image } from '../images.ts'
import type { Running } from '../runtime/program.ts'
import type { ConfigurationView } from './configuration.ts'
import { logApplication } from './logs.ts'
import type { AppRunnerService, Instance } from './types.ts'
import type { AppRunner } from './world.ts'

/** Starts an instance and waits until its health check passes, it ends, or App Runner loses patience. */
export async function startInstance(
  world: AppRunner,
  service: AppRunnerService,
  what: { image: Image; view: ConfigurationView; log: { deployment(line: string): void } },
): Promise<Instance | { readonly failure: string }> {
  const { view, log } = what
  const id = world.ids.hex(32)
  const environment = environmentOf(world, view)
  if (environment.failure !== undefined) {
    log.deployment(environment.failure)
    return { failure: environment.failure }
  }
  const running = await world.runtime.start({
    image: what.image,
    environment: { PORT: String(view.port), ...environment.values },
    entryPoint: [],
    command: view.command,
    ports: [view.port],
    mount: undefined,
    source: view.inVpc ? `apprunner/${service.name}/${id}` : 'internet',
    hostname: `ip-${id.slice(0, 8)}`,
    onLine: logApplication(world, service, id),
  })
  const { protocol, path } = view.health
  const where = protocol === 'HTTP' ? `[Path: '${path}'], [Port: '${view.port}']` : `[Port: '${view.port}']`
  log.deployment(`Performing health check on protocol \`${protocol}\` ${where}.`)
  const result = await becomesHealthy(world, running, view)
  if (result === 'healthy') return { id, running, port: running.ports.get(view.port) ?? 0 }
  if (result !== 'unhealthy') return stoppedOnStart(log, result.code)
  log.deployment(
    `Health check failed on protocol \`${protocol}\` ${where}. Check your configured port number.`,
  )
  running.stop(0)
  return { failure: 'Health check failed.' }
}

export function stoppedOnStart(log: { deployment(line: string): void }, code: number) {
  log.deployment(
    `Your application stopped or failed to start. See logs for more information.  Container exit code: ${code}`,
  )
  return { failure: `Container exit code: ${code}` }
}

function environmentOf(world: AppRunner, view: ConfigurationView) {
  const values: Record<string, string> = { ...view.environment }
  for (const [name, reference] of Object.entries(view.secrets)) {
    try {
      values[name] = world.secrets.read(reference)
    } catch {
      return { failure: `Failed to retrieve secret ${reference} for environment variable ${name}.` }
    }
  }
  return { values }
}

/** Unhealthy after `unhealthyThreshold` failed probes, one an interval. */
async function becomesHealthy(
  world: AppRunner,
  running: Running,
  view: ConfigurationView,
): Promise<'healthy' | 'unhealthy' | { readonly code: number }> {
  const { health } = view
  const target = { port: view.port, ...(health.protocol === 'HTTP' ? { path: health.path } : {}) }
  let ended: { readonly code: number } | undefined
  void running.exited.then(exit => {
    ended = exit
  })
  for (let failures = 0; failures < health.unhealthyThreshold; failures += 1) {
    await Promise.race([world.clock.sleep(health.interval), running.exited])
    if (ended) return ended
    if (await running.probe({ ...target, timeoutSeconds: health.timeout })) return ended ?? 'healthy'
  }
  return 'unhealthy'
}

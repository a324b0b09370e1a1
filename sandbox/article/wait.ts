import type { World } from '../aws/world.ts'

/** Waits up to three real minutes; the error then carries what the sandbox knows about the failure. */
export async function until(options: {
  readonly what: string
  readonly world: World
  readonly done: () => boolean
}) {
  const deadline = Date.now() + 180_000
  while (!options.done()) {
    const failure =
      Date.now() > deadline ? 'did not become steady within 3 minutes' : failureIn(options.world)
    if (failure) throw new Error(`In the sandbox ${options.what} ${failure}\n${lastLines(options.world)}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

export function isSteady(world: World, service: string): boolean {
  return world.ecs.clusters.get('langfuse')?.services.get(service)?.steady ?? false
}

export function operationStatus(world: World, serviceArn: string): string | undefined {
  return world.appRunner.services.get(serviceArn)?.operations[0]?.status
}

function failureIn(world: World): string | undefined {
  const failed = [...world.appRunner.services.values()].some(service => service.status === 'CREATE_FAILED')
  const services = [...(world.ecs.clusters.get('langfuse')?.services.values() ?? [])]
  const looping = services.find(service => service.failuresInRow >= 3)
  if (looping) return `failed: ${looping.events[0]?.message}`
  return failed ? 'failed: CREATE_FAILED' : undefined
}

function lastLines(world: World): string {
  return [...world.logs.groups.keys()]
    .map(group => `${group}:\n${world.logs.text(group).split('\n').slice(-15).join('\n')}`)
    .join('\n')
}

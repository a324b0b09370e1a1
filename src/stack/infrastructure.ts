import type { Cloud } from '../ports/cloud.ts'
import { observeRestorePoints, type RestorePoints } from './observe-backups.ts'
import { findImage, observeRegistry, type Registry } from './observe-images.ts'
import { type Beside, type Network, observeNetwork } from './observe-network.ts'
import { observeStopped, observeStorage, type Stopped, type Storage } from './observe-storage.ts'
import { type Components, known, type Observed, type Unseen, unknown } from './stack.ts'

/** The infrastructure around the components. Only verify observes it: it is about the set-up, not about a rollout. */
export type Infrastructure = {
  readonly network: Observed<Network>
  readonly storage: Observed<Storage>
  readonly stopped: Observed<Stopped>
  /** What the registry keeps of the running images, and for how long. */
  readonly registry: Observed<Registry>
  readonly backups: RestorePoints
}

/** Runs in parallel with the other observations. Never throws. */
export type ObserveInfrastructure = (stack: Components, beside: Beside) => Promise<Infrastructure>

export async function observeInfrastructure(
  stack: Components,
  cloud: Cloud,
  about: Beside & { readonly now: number },
): Promise<Infrastructure> {
  const { inside, now } = about
  const [network, storage, stopped, registry, backups] = await Promise.all([
    observeNetwork(stack, cloud, about),
    observeStorage(stack, cloud),
    observeStopped(stack, cloud),
    observeRegistry(stack, cloud, now),
    observeRestorePoints(stack, cloud, { inside, now }),
  ])
  return { network: known(network, 'AWS'), storage, stopped: known(stopped, 'ECS'), registry, backups }
}

export function unseenInfrastructure(reason: string, because: Unseen): Infrastructure {
  const nothing = unknown<never>(reason, because)
  const backups = { database: nothing, files: nothing, at: 0 }
  return { network: nothing, storage: nothing, stopped: nothing, registry: nothing, backups }
}

/** The same cloud for one observation: answers that several parts need are requested once. */
export function memoizeCloud(cloud: Cloud): Cloud {
  const { ecr, rds } = cloud
  const images = memoized(ecr.images)
  return {
    ...cloud,
    rds: withMethods(rds, {
      clusters: memoized(rds.clusters),
      instances: memoized(rds.instances),
      behindProxy: memoized(rds.behindProxy),
    }),
    ecr: withMethods(ecr, {
      images,
      // All images of a repository are read anyway.
      image: async (repository, wanted) => findImage({ images: await images(repository) }, wanted),
    }),
  }
}

/** Inherits the others: those of an adapter that is not loaded yet cannot be listed. */
function withMethods<Port extends object>(port: Port, methods: Partial<Port>): Port {
  return Object.assign(Object.create(port), methods)
}

function memoized<Asked extends readonly unknown[], Answer>(
  ask: (...asked: Asked) => Promise<Answer>,
): (...asked: Asked) => Promise<Answer> {
  const answers = new Map<string, Promise<Answer>>()
  return (...asked) => {
    const key = JSON.stringify(asked)
    const answer = answers.get(key) ?? ask(...asked)
    answers.set(key, answer)
    return answer
  }
}

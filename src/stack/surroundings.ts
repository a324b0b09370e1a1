import type { StackConfig } from '../inputs/config.ts'
import type { Cloud } from '../ports/cloud.ts'
import { databaseHosts } from './backup.ts'
import { type Network, observeNetwork } from './network.ts'
import { observeRegistry, type Registry } from './registry.ts'
import { observeRestorePoints, type RestorePoints } from './restore-points.ts'
import type { Observed, Stack, Unseen } from './stack.ts'
import { known, unknown } from './stack.ts'
import { observeStopped, observeStorage, type Stopped, type Storage } from './storage.ts'

/** What lies around the components. Only verify looks at it: it says whether the set-up is sound, not whether a rollout was. */
export type Surroundings = {
  /** Subnets, security groups and DNS of the VPC. */
  readonly network: Observed<Network>
  /** Access points, policy and doors of ClickHouse's file system. */
  readonly storage: Observed<Storage>
  /** Tasks that stopped in the last hour. */
  readonly stopped: Observed<Stopped>
  /** What the registry holds of the images that run, and for how long. */
  readonly registry: Observed<Registry>
  /** What a restore could start from. */
  readonly backups: RestorePoints
}

/** The same stack with what lies around it. Reads only. */
export async function observeSurroundings(
  stack: Stack,
  cloud: Cloud,
  about: { readonly config: StackConfig; readonly now: number },
): Promise<Stack> {
  const shared = sharing(cloud)
  const [network, storage, stopped, registry, backups] = await Promise.all([
    observeNetwork(stack, shared, databaseHosts(about.config, stack)),
    observeStorage(stack, shared),
    observeStopped(stack, shared),
    observeRegistry(stack, shared, about.now),
    observeRestorePoints(stack, shared, about),
  ])
  return {
    ...stack,
    surroundings: {
      ...stack.surroundings,
      network: known(network, 'AWS'),
      storage,
      stopped: known(stopped, 'ECS'),
      registry,
      backups,
    },
  }
}

/** Answers that several parts ask for are asked for once. */
function sharing(cloud: Cloud): Cloud {
  let clusters: ReturnType<Cloud['aurora']['clusters']> | undefined
  return {
    ...cloud,
    aurora: {
      ...cloud.aurora,
      clusters: () => {
        clusters ??= cloud.aurora.clusters()
        return clusters
      },
    },
  }
}

export function unseenSurroundings(reason: string, because: Unseen): Surroundings {
  const nothing = unknown<never>(reason, because)
  return {
    network: nothing,
    storage: nothing,
    stopped: nothing,
    registry: nothing,
    backups: { database: nothing, files: nothing, at: 0 },
  }
}

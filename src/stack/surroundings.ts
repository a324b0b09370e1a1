import type { Cloud } from '../ports/cloud.ts'
import { type Network, observeNetwork } from './network.ts'
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
  readonly registry: Observed<unknown>
  /** What a restore could start from. */
  readonly backups: Observed<unknown>
}

/** The same stack with what lies around it. Reads only. */
export async function observeSurroundings(stack: Stack, cloud: Cloud): Promise<Stack> {
  const shared = sharing(cloud)
  const [network, storage, stopped] = await Promise.all([
    observeNetwork(stack, shared),
    observeStorage(stack, shared),
    observeStopped(stack, shared),
  ])
  return {
    ...stack,
    surroundings: {
      ...stack.surroundings,
      network: known(network, 'AWS'),
      storage,
      stopped: known(stopped, 'ECS'),
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
  return { network: nothing, storage: nothing, stopped: nothing, registry: nothing, backups: nothing }
}

import type { StackConfig } from '../inputs/config.ts'
import type { Cloud } from '../ports/cloud.ts'
import { databaseHosts } from './backup.ts'
import { type Beside, type Network, observeNetwork } from './network.ts'
import { observeRegistry, type Registry } from './registry.ts'
import { observeRestorePoints, type RestorePoints } from './restore-points.ts'
import type { Components, Observed, Unseen } from './stack.ts'
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

/** Looks around while others look inside. Reads only, never throws. */
export type LookAround = (stack: Components, beside: Beside) => Promise<Surroundings>

export async function observeSurroundings(
  stack: Components,
  cloud: Cloud,
  about: Beside & { readonly config: StackConfig; readonly now: number },
): Promise<Surroundings> {
  const { config, now } = about
  const [network, storage, stopped, registry, backups] = await Promise.all([
    observeNetwork(stack, cloud, { ...about, databaseHosts: databaseHosts(config, stack) }),
    observeStorage(stack, cloud),
    observeStopped(stack, cloud),
    observeRegistry(stack, cloud, now),
    observeRestorePoints(stack, cloud, { config, now }),
  ])
  return {
    network: known(network, 'AWS'),
    storage,
    stopped: known(stopped, 'ECS'),
    registry,
    backups,
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

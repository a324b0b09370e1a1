import type { StackConfig } from '../inputs/config.ts'
import type { Cloud } from '../ports/cloud.ts'
import { databaseHosts } from './observe-backups.ts'
import { type Beside, type Network, observeNetwork } from './observe-network.ts'
import { observeRegistry, type Registry } from './observe-registry.ts'
import { observeStopped, observeStorage, type Stopped, type Storage } from './observe-storage.ts'
import { observeRestorePoints, type RestorePoints } from './restore-points.ts'
import type { Components, Observed, Unseen } from './stack.ts'
import { known, unknown } from './stack.ts'

/** The infrastructure around the components. Only verify observes it: it is about the set-up, not about a rollout. */
export type Infrastructure = {
  /** Subnets, security groups and DNS of the VPC. */
  readonly network: Observed<Network>
  /** Access point, policy and volume of ClickHouse's file system. */
  readonly storage: Observed<Storage>
  /** Tasks that stopped in the last hour. */
  readonly stopped: Observed<Stopped>
  /** What the registry keeps of the running images, and for how long. */
  readonly registry: Observed<Registry>
  /** What a restore could start from. */
  readonly backups: RestorePoints
}

/** Runs in parallel with the other observations. Never throws. */
export type ObserveInfrastructure = (stack: Components, beside: Beside) => Promise<Infrastructure>

export async function observeInfrastructure(
  stack: Components,
  cloud: Cloud,
  about: Beside & { readonly config: StackConfig; readonly now: number },
): Promise<Infrastructure> {
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

export function unseenInfrastructure(reason: string, because: Unseen): Infrastructure {
  const nothing = unknown<never>(reason, because)
  return {
    network: nothing,
    storage: nothing,
    stopped: nothing,
    registry: nothing,
    backups: { database: nothing, files: nothing, at: 0 },
  }
}

import type { StackConfig } from '../inputs/config.ts'
import type { Cloud } from '../ports/cloud.ts'
import { observeRegistry, type Registry } from './registry.ts'
import { observeRestorePoints, type RestorePoints } from './restore-points.ts'
import type { Observed, Stack, Unseen } from './stack.ts'
import { unknown } from './stack.ts'

/** What lies around the components. Only verify looks at it: it says whether the set-up is sound, not whether a rollout was. */
export type Surroundings = {
  /** Subnets, security groups and DNS of the VPC. */
  readonly network: Observed<unknown>
  /** Access points, policy and doors of ClickHouse's file system. */
  readonly storage: Observed<unknown>
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
  const [registry, backups] = await Promise.all([
    observeRegistry(stack, cloud, about.now),
    observeRestorePoints(stack, cloud, about),
  ])
  return { ...stack, surroundings: { ...stack.surroundings, registry, backups } }
}

export function unseenSurroundings(reason: string, because: Unseen): Surroundings {
  const nothing = unknown<never>(reason, because)
  return {
    network: nothing,
    storage: nothing,
    registry: nothing,
    backups: { database: nothing, files: nothing, at: 0 },
  }
}

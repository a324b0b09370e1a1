import type { Cloud } from '../ports/cloud.ts'
import type { Observed, Stack, Unseen } from './stack.ts'
import { unknown } from './stack.ts'

/** What lies around the components. Only verify looks at it: it says whether the set-up is sound, not whether a rollout was. */
export type Surroundings = {
  /** Subnets, security groups and DNS of the VPC. */
  readonly network: Observed<unknown>
  /** Access points, policy and doors of ClickHouse's file system. */
  readonly storage: Observed<unknown>
  /** What the registry holds of the images that run, and for how long. */
  readonly registry: Observed<unknown>
  /** What a restore could start from. */
  readonly backups: Observed<unknown>
}

/** The same stack with what lies around it. Reads only. */
export async function observeSurroundings(stack: Stack, _cloud: Cloud): Promise<Stack> {
  return stack
}

export function unseenSurroundings(reason: string, because: Unseen): Surroundings {
  const nothing = unknown<never>(reason, because)
  return { network: nothing, storage: nothing, registry: nothing, backups: nothing }
}

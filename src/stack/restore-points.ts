import { explain } from '../errors/errors.ts'
import type { StackConfig } from '../inputs/config.ts'
import type { Cloud, DatabaseCluster, RecoveryPoint } from '../ports/cloud.ts'
import { fileSystemArn, observeDatabase } from './observe-backups.ts'
import type { Components, Observed } from './stack.ts'
import { known, unknown } from './stack.ts'

/** What a restore can start from. `undefined` in a known fact: there is no such resource. */
export type RestorePoints = {
  readonly database: Observed<DatabaseCluster | undefined>
  readonly files: Observed<readonly RecoveryPoint[] | undefined>
  /** Epoch milliseconds. */
  readonly at: number
}

export async function observeRestorePoints(
  stack: Components,
  cloud: Cloud,
  { config, now }: { readonly config: StackConfig; readonly now: number },
): Promise<RestorePoints> {
  const [database, files] = await Promise.all([
    observeDatabase(config, stack, cloud),
    recoveryPoints(stack, cloud),
  ])
  return { database, files, at: now }
}

async function recoveryPoints(
  stack: Components,
  cloud: Cloud,
): Promise<Observed<readonly RecoveryPoint[] | undefined>> {
  const [volume] = stack.clickhouse.taskDefinition.volumes
  if (volume === undefined) return known(undefined, stack.clickhouse.taskDefinition.arn)
  try {
    const points = await cloud.backup.recoveryPoints(fileSystemArn(volume.fileSystemId, stack))
    return known(points, 'backup:ListRecoveryPointsByResource')
  } catch (error) {
    return unknown(
      `the recovery points of ${volume.fileSystemId} cannot be read: ${explain(error)}`,
      'unreachable',
    )
  }
}

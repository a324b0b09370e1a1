import { RolloutError } from '../errors/errors.ts'
import type { RollbackConfig } from '../inputs/config.ts'
import type { Cloud } from '../ports/cloud.ts'
import type { DeploymentRecord, Records } from '../ports/github.ts'
import { pinned } from '../release/image.ts'
import { type Release, releaseOf } from '../release/release.ts'
import { observeImage } from './observe-images.ts'
import { observed, type Stack } from './stack.ts'
import type { Wanted } from './targets.ts'

/** The release and images of a rollback, and the source of this information. */
export type RollbackTarget = {
  readonly release: Release
  readonly wanted: Wanted
  readonly source: string
  /** The deployment record that the rollback undoes, if there is one. */
  readonly record: string | undefined
  /** PostgreSQL's snapshot from before the upgrade, if the deployment record names one. */
  readonly snapshot?: string | undefined
  readonly snapshotOf?: DeploymentRecord['snapshotOf'] | undefined
  /** The migrations that were there before the deploy that is rolled back; undefined: what the release knows. */
  readonly migrations?: MigrationsBefore | undefined
  /** ARN of the recovery point of ClickHouse's files from before the upgrade, if the record names one. */
  readonly recoveryPoint?: string | undefined
  readonly warnings: readonly string[]
}

/** What a stack had beyond the release before a deploy: an undo leaves it as it was. */
export type MigrationsBefore = {
  readonly postgresAhead: readonly string[]
  readonly clickhouseHead: number | undefined
}

export async function findRollbackTarget(
  config: RollbackConfig,
  stack: Stack,
  ports: { readonly cloud: Cloud; readonly records: Records | undefined },
): Promise<RollbackTarget> {
  const { records } = ports
  // A rollback does not fail because deployments cannot be read.
  const latest = await observed('GitHub', async () => records?.latest())
  const recorded = latest.known ? latest.value : undefined
  if (config.to === 'previous') await refuseUndone(records)
  const from = releaseOf(recorded?.record.from)
  if (recorded !== undefined && from !== undefined && (config.to === 'previous' || config.to === from)) {
    return {
      release: from,
      wanted: imagesOf(recorded.record),
      source: `deployment record ${recorded.id} (${records?.location})`,
      record: recorded.id,
      snapshot: recorded.record.snapshot,
      snapshotOf: recorded.record.snapshotOf,
      migrations: migrationsOf(recorded.record),
      recoveryPoint: recorded.record.recoveryPoint,
      warnings: [],
    }
  }
  const target = config.to === 'previous' ? await fromTaskDefinitions(stack, ports.cloud) : exact(config.to)
  if (latest.known) return target
  const unread = `The deployment records in ${records?.location} cannot be read (${latest.reason}).`
  return { ...target, warnings: [unread, ...target.warnings] }
}

/** An older record would lead further back than the release before the last deploy. */
async function refuseUndone(records: Records | undefined): Promise<void> {
  const undone = await observed('GitHub', async () => records?.undone())
  if (!undone.known || undone.value === undefined) return
  const { from, to } = undone.value
  throw new RolloutError(
    `There is nothing to go back to: the last deploy (Langfuse ${to}) was already rolled back to ${from ?? 'the release before it'}. To go further back, set \`to\` to the exact release.`,
  )
}

/** What ran before that deploy. */
export function imagesOf({ images: { web, worker, clickhouse } }: DeploymentRecord): Wanted {
  return { web: { reference: web }, worker: { reference: worker }, clickhouse: { reference: clickhouse } }
}

export function migrationsOf({ postgresAhead, clickhouseHead }: DeploymentRecord): MigrationsBefore {
  return { postgresAhead: postgresAhead ?? [], clickhouseHead: clickhouseHead ?? undefined }
}

function exact(release: Release): RollbackTarget {
  return {
    release,
    wanted: { web: { tag: release }, worker: { tag: release } },
    source: 'input `to`',
    record: undefined,
    warnings: ['ClickHouse keeps its version, because no deployment record names the previous one.'],
  }
}

/**
 * Without a record: the worker's task definition before the current one names the release. App Runner keeps no
 * history of images, and an older ClickHouse revision may be of any age, so neither is asked.
 */
async function fromTaskDefinitions(stack: Stack, cloud: Cloud): Promise<RollbackTarget> {
  const { family, revision } = stack.worker.taskDefinition
  const remedy = 'set `to` to the exact release'
  if (revision <= 1) {
    throw new RolloutError(
      `Input \`to\` is \`previous\`, but there is no deployment record and task definition ${family}:${revision} is the worker's first: ${remedy}.`,
    )
  }
  const previous = await cloud.ecs.taskDefinition(`${family}:${revision - 1}`)
  const container = previous.containers.find(item => item.name === stack.worker.container.name)
  const image = container && (await observeImage(container.image, undefined, cloud))
  const release = releaseOf(image?.version)
  if (image === undefined || release === undefined) {
    throw new RolloutError(
      `Input \`to\` is \`previous\`, but there is no deployment record and the image of task definition ${family}:${revision - 1} (${container?.image ?? 'none'}) names no exact release: ${remedy}.`,
    )
  }
  return {
    ...exact(release),
    wanted: { web: { tag: release }, worker: { reference: pinned(image) } },
    source: `task definition ${family}:${revision - 1} (there is no deployment record)`,
  }
}

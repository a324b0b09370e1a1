import { explain } from '../errors/errors.ts'
import type { StackConfig } from '../inputs/config.ts'
import {
  type Artifact,
  type DeploymentRecord,
  type RecordState,
  type Records,
  withArtifact,
} from '../ports/github.ts'
import type { Ports } from './ports.ts'

export type OpenRecord = {
  readonly id: string | undefined
  readonly warnings: readonly string[]
  /** Adds what there is to restore from, as soon as it is there. */
  keep(artifact: Artifact): Promise<void>
  close(state: RecordState, sentence: string, url?: string): Promise<void>
}

/**
 * Writes the way back down before the first change: to GitHub when that is possible, and always to a file, so
 * that a run without permission still leaves it somewhere.
 */
export async function openRecord(
  record: DeploymentRecord,
  config: StackConfig,
  ports: Ports,
): Promise<OpenRecord> {
  const path = await writeFile(record, ports)
  const keepInFile = fileKeeper(record, ports)
  const records = ports.records(config)
  if (records === undefined) {
    return withoutGitHub(
      keepInFile,
      `There is no \`github-token\`, so the deployment record is only in ${path}.`,
    )
  }
  try {
    const id = await openOrReopen(record, records)
    ports.runner.info(`Deployment record ${id} in ${records.location}`)
    return {
      id,
      warnings: [],
      keep: async artifact => {
        await keepInFile(artifact)
        await records.keep(id, artifact).catch(error => {
          ports.runner.info(
            `Warning: deployment record ${id} does not name ${artifact.id}: ${explain(error)}`,
          )
        })
      },
      close: (state, sentence, url) =>
        records.mark(id, state, sentence, url).catch(error => {
          ports.runner.info(`Warning: deployment record ${id} could not be closed: ${explain(error)}`)
        }),
    }
  } catch (error) {
    return withoutGitHub(
      keepInFile,
      `The deployment record could not be written to ${records.location} (${explain(error)}), so it is only in ${path}: give the job \`permissions: deployments: write\`.`,
    )
  }
}

function withoutGitHub(keep: OpenRecord['keep'], warning: string): OpenRecord {
  return {
    id: undefined,
    warnings: [warning],
    keep,
    close: async () => undefined,
  }
}

function fileKeeper(record: DeploymentRecord, ports: Ports): (artifact: Artifact) => Promise<void> {
  let kept = record
  return async artifact => {
    kept = withArtifact(kept, artifact)
    await writeFile(kept, ports)
  }
}

/** Returns the path. */
function writeFile(record: DeploymentRecord, { runner }: Ports): Promise<string> {
  return runner.file('deployment-record.json', `${JSON.stringify(record, undefined, 2)}\n`)
}

/**
 * A deploy that goes on where an earlier run stopped keeps that run's record: what ran before the first change is
 * only known there.
 */
async function openOrReopen(record: DeploymentRecord, records: Records): Promise<string> {
  const latest = await records.latest()
  if (latest === undefined || latest.record.to !== record.to || latest.state === 'success')
    return records.open(record)
  await records.mark(latest.id, 'in_progress', `Langfuse ${record.to} is being rolled out again`)
  return latest.id
}

/** A run that was killed when all was done could not say so any more: the one that finds nothing to do does. */
export async function closeLeftOpen(
  to: string,
  records: Records | undefined,
  { runner }: Ports,
): Promise<void> {
  try {
    const latest = await records?.latest()
    if (latest?.state !== 'in_progress' || latest.record.to !== to) return
    await records?.mark(latest.id, 'success', `Langfuse ${to} runs on web and worker.`)
  } catch (error) {
    runner.info(`Warning: a deployment record that is left open could not be closed: ${explain(error)}`)
  }
}

import { explain } from '../errors/explain.ts'
import type { StackConfig } from '../inputs/config.ts'
import type { DeploymentRecord, Records } from '../ports/records.ts'
import type { Ports } from './ports.ts'

export type OpenRecord = {
  readonly id: string | undefined
  readonly warnings: readonly string[]
  close(state: 'success' | 'failure', sentence: string): Promise<void>
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
  const path = await ports.runner.file('deployment-record.json', `${JSON.stringify(record, undefined, 2)}\n`)
  const records = ports.records(config)
  if (records === undefined) {
    return withoutGitHub(`There is no \`github-token\`, so the deployment record is only in ${path}.`)
  }
  try {
    const id = await openOrReopen(record, records)
    ports.runner.info(`Deployment record ${id} in ${records.place}`)
    return {
      id,
      warnings: [],
      close: (state, sentence) =>
        records.mark(id, state, sentence).catch(error => {
          ports.runner.info(`Warning: deployment record ${id} could not be closed: ${explain(error)}`)
        }),
    }
  } catch (error) {
    return withoutGitHub(
      `The deployment record could not be written to ${records.place} (${explain(error)}), so it is only in ${path}: give the job \`permissions: deployments: write\`.`,
    )
  }
}

function withoutGitHub(warning: string): OpenRecord {
  return { id: undefined, warnings: [warning], close: async () => undefined }
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

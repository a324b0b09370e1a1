import { explain } from '../errors/errors.ts'
import type { StackConfig } from '../inputs/config.ts'
import {
  type Artifact,
  type DeploymentRecord,
  type KeptRecord,
  type RecordState,
  type Records,
  withArtifact,
} from '../ports/github.ts'
import type { Ports } from './ports.ts'

/** Why there are no records and no issues, inside a sentence. */
export const NO_GITHUB = 'input `github-token` is empty, or this job runs outside a GitHub repository'

export type OpenRecord = {
  readonly id: string | undefined
  readonly warnings: readonly string[]
  /** Adds a snapshot or recovery point to the record as soon as it exists. */
  keep(artifact: Artifact): Promise<void>
  close(state: RecordState, sentence: string, url?: string): Promise<void>
}

/**
 * Records what runs before the first change, so that a rollback can restore it: on GitHub if possible, and always in a
 * file, so that a run without permission keeps it too.
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
      `The deployment record exists only in the file ${path}, because ${NO_GITHUB}.`,
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
            `Warning: could not add ${artifact.id} to deployment record ${id}: ${explain(error)}`,
          )
        })
      },
      close: (state, sentence, url) =>
        records.mark(id, state, sentence, url).catch(error => {
          ports.runner.info(`Warning: could not close deployment record ${id}: ${explain(error)}`)
        }),
    }
  } catch (error) {
    return withoutGitHub(
      keepInFile,
      `Could not write the deployment record to ${records.location} (${explain(error)}). It exists only in the file ${path}. Give the job \`permissions: deployments: write\`.`,
    )
  }
}

function withoutGitHub(keep: OpenRecord['keep'], warning: string): OpenRecord {
  return { id: undefined, warnings: [warning], keep, close: async () => undefined }
}

function fileKeeper(record: DeploymentRecord, ports: Ports): (artifact: Artifact) => Promise<void> {
  let kept = record
  return async artifact => {
    kept = withArtifact(kept, artifact)
    await writeFile(kept, ports)
  }
}

function writeFile(record: DeploymentRecord, { runner }: Ports): Promise<string> {
  return runner.file('deployment-record.json', `${JSON.stringify(record, undefined, 2)}\n`)
}

/**
 * A deploy that resumes an earlier run keeps that run's record, because only it knows what ran before the first change.
 */
async function openOrReopen(record: DeploymentRecord, records: Records): Promise<string> {
  const latest = await records.latest()
  if (latest === undefined || latest.record.to !== record.to || latest.state === 'success')
    return records.open(record)
  await records.mark(latest.id, 'in_progress', `Langfuse ${record.to} is being deployed again`)
  return latest.id
}

/** Closes the record of a run that was killed after its last step but before it could close it. */
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
    runner.info(`Warning: could not close the deployment record of an earlier run: ${explain(error)}`)
  }
}

/** Refuses a second run on the same stack: returns the sentence, or undefined if no other run is in progress. */
export async function otherRun(records: Records | undefined, { runner }: Ports): Promise<string | undefined> {
  // Without permission to read records no run is visible; opening this run's record reports that.
  const latest = await records?.latest().catch(() => undefined)
  const active = records && (await activeRun(latest, records, runner))
  if (active === undefined) return undefined
  const { run, release, record, certain } = active
  if (certain) {
    return `Workflow run ${run} is deploying Langfuse ${release} on this stack (deployment record ${record}). Wait until it ends, or cancel it. Then run this job again.`
  }
  runner.info(
    `Warning: cannot tell whether workflow run ${run}, which deploys Langfuse ${release}, is still in progress. Give the job \`permissions: actions: read\`.`,
  )
  return undefined
}

type ActiveRun = {
  readonly run: string
  readonly release: string
  /** Id of its deployment record. */
  readonly record: string
  /** False: GitHub does not let this job see whether the run is in progress. */
  readonly certain: boolean
}

/** The other workflow run that changes this stack. A killed run leaves its record open, but is no longer running. */
export async function activeRun(
  latest: KeptRecord | undefined,
  records: Records,
  runner: Ports['runner'],
): Promise<ActiveRun | undefined> {
  const run = latest?.record.run
  if (latest?.state !== 'in_progress' || run === undefined) return undefined
  if (run === runner.environment('GITHUB_RUN_ID')) return undefined
  const running = await records.isRunning(run)
  if (running === false) return undefined
  return { run, release: latest.record.to, record: latest.id, certain: running === true }
}

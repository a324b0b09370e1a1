import { explain, GitHubFailure, RolloutError } from '../errors/errors.ts'
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
  /** The record of an earlier run that this one resumes. */
  readonly earlier: DeploymentRecord | undefined
  readonly warnings: readonly string[]
  /** Adds a snapshot or recovery point to the record as soon as it exists. */
  keep(artifact: Artifact): Promise<void>
  close(state: RecordState, sentence: string, url?: string): Promise<void>
}

/**
 * Records what runs before the first change, so that a rollback can restore it: on GitHub, unless `github-token` is
 * empty, and always in a file.
 * @throws GitHubFailure, or RolloutError if another run was faster; nothing was changed then.
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
    const warning = `The deployment record exists only in the file ${path}, because ${NO_GITHUB}.`
    return {
      id: undefined,
      earlier: undefined,
      warnings: [warning],
      keep: keepInFile,
      close: async () => undefined,
    }
  }
  const { id, earlier } = await openOrReopen(record, records, ports)
  ports.runner.info(`Deployment record ${id} in ${records.location}`)
  return {
    id,
    earlier,
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
 * Of two runs that open a record at the same time, the one with the older record continues.
 */
async function openOrReopen(
  record: DeploymentRecord,
  records: Records,
  ports: Ports,
): Promise<Pick<OpenRecord, 'earlier'> & { readonly id: string }> {
  const latest = await records.latest()
  const resumes = latest !== undefined && latest.record.to === record.to && latest.state !== 'success'
  if (resumes) {
    await records.mark(latest.id, 'in_progress', `Langfuse ${record.to} is being deployed again`)
    return { id: latest.id, earlier: latest.record }
  }
  const id = await records.open(record)
  const faster = await busyWith(await records.latest({ before: id }), records, ports)
  if (faster === undefined) return { id, earlier: undefined }
  await records.mark(id, 'inactive', 'another run was faster')
  throw new RolloutError(faster)
}

/**
 * The record of a run of this deploy that did not see its end: it was killed or cancelled, or its checks did not pass.
 * undefined: there is none, or GitHub cannot be read.
 */
export async function leftOpen(
  to: string,
  records: Records | undefined,
  { runner }: Ports,
): Promise<KeptRecord | undefined> {
  try {
    const latest = await records?.latest()
    return latest === undefined || latest.state === 'success' || latest.record.to !== to ? undefined : latest
  } catch (error) {
    runner.info(`Warning: could not read the deployment record of an earlier run: ${explain(error)}`)
    return undefined
  }
}

/** Closes such a record once its deploy is seen to be complete. */
export async function closeLeftOpen(
  { id, record }: KeptRecord,
  records: Records | undefined,
  { runner }: Ports,
): Promise<void> {
  try {
    await records?.mark(id, 'success', `Langfuse ${record.to} runs on web and worker.`)
  } catch (error) {
    runner.info(`Warning: could not close the deployment record of an earlier run: ${explain(error)}`)
  }
}

/** An outage of GitHub is waited out for so long; a rate limit for at most half of the run's time. */
const OUTAGE_MS = 5 * 60_000
const FIRST_PAUSE_MS = 5_000

/**
 * Waits until GitHub shows the deployment records, because a run that cannot see other runs must change nothing.
 * @throws GitHubFailure if it does not in time
 */
export async function awaitGitHub(
  records: Records | undefined,
  { clock, signal, runner }: Pick<Ports, 'clock' | 'signal' | 'runner'>,
  deadline: number,
): Promise<void> {
  const begun = clock.now()
  const until = {
    'rate-limit': (begun + deadline) / 2,
    outage: Math.min(begun + OUTAGE_MS, deadline),
    denied: 0,
  }
  for (let pause = FIRST_PAUSE_MS; ; pause *= 2) {
    try {
      await records?.latest()
      return
    } catch (error) {
      if (!(error instanceof GitHubFailure)) throw error
      const retryAt = error.retryAt ?? clock.now() + pause
      if (retryAt > until[error.kind] || signal.aborted) throw withoutRecords(error)
      const seconds = Math.max(1, Math.ceil((retryAt - clock.now()) / 1_000))
      runner.info(`${error.message} This run waits ${seconds} s and asks again.`)
      await clock.sleep(seconds * 1_000 * (1 + 0.1 * clock.random()), signal)
    }
  }
}

/** The caller's choice stays possible: the lock in the databases remains. */
function withoutRecords(error: GitHubFailure): RolloutError {
  return new RolloutError(
    `${error.message} Without the records, this run cannot see whether another run changes this stack. In an emergency set \`github-token\` to an empty text: then only the lock in PostgreSQL protects the stack.`,
    { cause: error.cause },
  )
}

/** Refuses a second run on the same stack: returns the sentence, or undefined if no other run is in progress. */
export async function otherRun(records: Records | undefined, ports: Ports): Promise<string | undefined> {
  return records && busyWith(await records.latest(), records, ports)
}

/** Only GitHub's word that the other run has ended frees the stack. */
async function busyWith(
  latest: KeptRecord | undefined,
  records: Records,
  { runner }: Ports,
): Promise<string | undefined> {
  const active = await activeRun(latest, records, runner)
  if (active === undefined) return undefined
  const { run, release, record, certain } = active
  return certain
    ? `Workflow run ${run} is deploying Langfuse ${release} on this stack, or rolls it back (deployment record ${record}). Wait until it ends, or cancel it. Then run this job again.`
    : `Workflow run ${run} deploys Langfuse ${release} on this stack, or rolls it back (deployment record ${record}), and GitHub does not show this job whether that run has ended. Give the job \`permissions: actions: read\`. If the run is gone, set the record to inactive: \`gh api repos/{owner}/{repo}/deployments/${record}/statuses -f state=inactive\`.`
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
  const run = latest?.run
  if (latest?.state !== 'in_progress' || run === undefined) return undefined
  if (run === runner.environment('GITHUB_RUN_ID')) return undefined
  const running = await records.isRunning(run)
  if (running === false) return undefined
  return { run, release: latest.record.to, record: latest.id, certain: running === true }
}

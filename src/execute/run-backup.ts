import { createHash } from 'node:crypto'
import { Denied, explain, Interrupted } from '../errors/errors.ts'
import type { BackupDatabase, BackupFiles } from '../plan/plan.ts'
import type { BackupJob, DatabaseSnapshot } from '../ports/cloud.ts'
import type { Done, Execution } from './execution.ts'
import { StepFailed } from './execution.ts'
import { waitFor } from './wait.ts'

/** A younger snapshot of the same plan and record comes from a killed run, so it is reused. */
const REUSE_MS = 60 * 60_000
/** A backup takes minutes. */
const EVERY_MS = 15_000
const RECORD_TAG = 'langfuse-rollout:record'
const PLAN_TAG = 'langfuse-rollout:plan'

/** Takes a snapshot of PostgreSQL's cluster or instance and waits until it can be restored from. */
export async function backupDatabase(step: BackupDatabase, execution: Execution): Promise<Done> {
  const { database, title } = step
  const id = await orRefuse(
    title,
    async () => (await unfinished(step, execution)) ?? (await beginSnapshot(step, execution)),
  )
  const snapshot = await waitFor(
    async () => {
      const seen = await execution.cloud.rds.snapshot(database.kind, id)
      if (seen === undefined) return { state: 'waiting', note: 'RDS does not show the snapshot yet' }
      if (seen.status === 'creating' || seen.status === 'backing-up') {
        return { state: 'waiting', note: progress(seen.status, seen.percent), every: EVERY_MS }
      }
      return { state: 'settled', value: seen }
    },
    { ...execution, what: `snapshot ${id} of ${title}` },
  )
  if (snapshot.status !== 'available') {
    throw new StepFailed(
      `Snapshot ${id} of ${title} is ${snapshot.status} instead of available. Nothing else was changed. Check the events of ${title} and run again, or take the snapshot yourself and set \`backup: false\`.`,
    )
  }
  const kind = database.kind === 'cluster' ? 'aurora-snapshot' : 'rds-snapshot'
  return { sentence: `snapshot ${id} of ${title} is available`, artifact: { kind, id } }
}

/** The newest usable snapshot that an earlier run began for this record and this very plan. */
async function unfinished({ database }: BackupDatabase, execution: Execution): Promise<string | undefined> {
  if (execution.record === undefined) return undefined
  const ours = (await execution.cloud.rds.snapshots(database))
    .filter(snapshot => isOurs(snapshot, execution))
    .sort((left, right) => (takenAt(right.id) ?? 0) - (takenAt(left.id) ?? 0))
  const [newest] = ours
  if (newest === undefined) return undefined
  execution.say(
    `this run uses snapshot ${newest.id} (${newest.status}), which an earlier run of this deploy started`,
  )
  return newest.id
}

function isOurs({ id, status, tags }: DatabaseSnapshot, { clock, record, plan }: Execution): boolean {
  const at = takenAt(id)
  return (
    (status === 'creating' || status === 'available') &&
    at !== undefined &&
    clock.now() - at < REUSE_MS &&
    tags[RECORD_TAG] === record &&
    tags[PLAN_TAG] === plan.digest
  )
}

async function beginSnapshot({ database, prefix }: BackupDatabase, execution: Execution): Promise<string> {
  const id = `${prefix}-${stamp(execution.clock.now())}`
  await execution.cloud.rds.createSnapshot({ database, id, tags: tagsOf(execution) })
  execution.say(`RDS started snapshot ${id}`)
  return id
}

function tagsOf({ plan, record }: Execution): Readonly<Record<string, string>> {
  return {
    'langfuse-rollout:from': plan.from ?? 'unknown',
    'langfuse-rollout:to': plan.to,
    [PLAN_TAG]: plan.digest,
    ...(record !== undefined && { [RECORD_TAG]: record }),
  }
}

/** UTC to the second, in characters that a snapshot name allows. */
function stamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')
}

/** When our snapshot started, from its name: RDS reports the time only once it is available. */
function takenAt(id: string): number | undefined {
  const match = /-(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)$/.exec(id)
  if (match === null) return undefined
  const [year = 0, month = 0, day = 0, hour, minute, second] = match.slice(1).map(Number)
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

const ENDED_BADLY = ['FAILED', 'ABORTED', 'ABORTING', 'EXPIRED', 'PARTIAL']

/** Starts a recovery point of ClickHouse's file system and waits for it. */
export async function backupFiles(step: BackupFiles, execution: Execution): Promise<Done> {
  const jobId = await orRefuse(`EFS file system ${step.fileSystem}`, () => startJob(step, execution))
  const job = await waitFor(
    async () => {
      const seen = await execution.cloud.backup.job(jobId)
      if (seen === undefined) return { state: 'waiting', note: 'AWS Backup does not show the job yet' }
      return seen.state === 'COMPLETED' || ENDED_BADLY.includes(seen.state)
        ? { state: 'settled', value: seen }
        : { state: 'waiting', note: progress(seen.state, seen.percent), every: EVERY_MS }
    },
    { ...execution, what: `backup job ${jobId} of ${step.fileSystem}` },
  )
  if (job.state !== 'COMPLETED') throw new StepFailed(describeFailure(job, step))
  const id = job.recoveryPoint ?? jobId
  return {
    sentence: `${step.fileSystem} has recovery point ${id} in vault ${step.vault}`,
    artifact: { kind: 'efs-recovery-point', id },
  }
}

/** AWS Backup returns the same job for the same token, so a re-run follows the killed run's job unless that failed. */
async function startJob(step: BackupFiles, execution: Execution): Promise<string> {
  const { cloud, clock, plan, record, rollbackId, say } = execution
  const now = stamp(clock.now())
  // Without a record no other run can be known to be of the same deploy.
  const deploy =
    record === undefined
      ? `${step.prefix}-${hashOf(rollbackId)}`
      : `langfuse-rollout-${record}-${plan.digest.slice(-12)}`
  const wanted = {
    vault: step.vault,
    resource: step.resource,
    role: step.role,
    tags: tagsOf(execution),
  }
  const first = await cloud.backup.start({ ...wanted, token: deploy })
  const seen = await cloud.backup.job(first.jobId)
  if (seen === undefined || !ENDED_BADLY.includes(seen.state)) {
    say(`AWS Backup is running job ${first.jobId} in vault ${step.vault}`)
    return first.jobId
  }
  const again = await cloud.backup.start({ ...wanted, token: `${deploy}-${now}` })
  say(`AWS Backup started job ${again.jobId}, because job ${first.jobId} of an earlier run is ${seen.state}`)
  return again.jobId
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

function describeFailure({ id, state, message }: BackupJob, { fileSystem, vault }: BackupFiles): string {
  return `Backup job ${id} of ${fileSystem} in vault ${vault} ended as ${state}: ${message ?? 'no reason given'}. Nothing else was changed. Fix the cause and run again, or set \`backup: false\`.`
}

function progress(status: string, percent: number | string | undefined): string {
  return percent === undefined || percent === '' ? status : `${status}, ${percent} %`
}

/** A backup that AWS does not start ends the deploy before its first change. */
async function orRefuse<Value>(what: string, begin: () => Promise<Value>): Promise<Value> {
  try {
    return await begin()
  } catch (error) {
    if (error instanceof Interrupted) throw error
    const remedy =
      error instanceof Denied
        ? `grant ${error.permission} to the role of this job`
        : 'fix the cause and run again'
    throw new StepFailed(
      `AWS did not start a backup of ${what} (${explain(error)}), so nothing was changed: ${remedy}, or take the backup yourself and set \`backup: false\`.`,
    )
  }
}

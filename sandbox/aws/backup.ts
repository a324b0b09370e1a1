import type { Clock } from './clock.ts'
import { arn, type Ids } from './ids.ts'

/** AWS Backup: vaults, jobs, recovery points. An account has no vault until somebody makes one. */
export function makeBackup(options: { readonly ids: Ids; readonly clock: Clock }): Backup {
  const { ids, clock } = options
  const vaults = new Map<string, Vault>()
  const jobs = new Map<string, BackupJob>()
  let failing = 0

  const createVault = (name: string) => {
    const made = { name, arn: arn('backup', `backup-vault:${name}`), createdAt: clock.now() }
    vaults.set(name, made)
    return made
  }

  const startJob = (spec: BackupJobSpec) => {
    const made: BackupJob = {
      ...spec,
      id: ids.uuid().toUpperCase(),
      recoveryPointArn: arn('backup', `recovery-point:${ids.uuid()}`),
      createdAt: clock.now(),
      state: 'CREATED',
      percent: 0,
      completedAt: undefined,
      message: undefined,
    }
    jobs.set(made.id, made)
    const fails = failing > 0
    if (fails) failing -= 1
    void progress(clock, made, fails)
    return made
  }

  const addRecoveryPoint = (spec: BackupJobSpec) => {
    const createdAt = clock.now()
    const made: BackupJob = {
      ...spec,
      id: ids.uuid().toUpperCase(),
      recoveryPointArn: arn('backup', `recovery-point:${ids.uuid()}`),
      createdAt,
      state: 'COMPLETED',
      percent: 100,
      completedAt: createdAt,
      message: undefined,
    }
    jobs.set(made.id, made)
    return made
  }

  const failNextJob = () => {
    failing += 1
  }
  return { vaults, jobs, createVault, startJob, addRecoveryPoint, failNextJob }
}

export type Backup = {
  readonly vaults: ReadonlyMap<string, Vault>
  readonly jobs: Map<string, BackupJob>
  createVault(name: string): Vault
  startJob(spec: BackupJobSpec): BackupJob
  /** As one that AWS Backup made by its own plan. */
  addRecoveryPoint(spec: BackupJobSpec): BackupJob
  /** The next job ends `FAILED`. */
  failNextJob(): void
}

export type Vault = { readonly name: string; readonly arn: string; readonly createdAt: Date }

export type BackupJobSpec = { readonly vault: Vault; readonly resourceArn: string; readonly roleArn: string }

export type BackupJob = BackupJobSpec & {
  readonly id: string
  readonly recoveryPointArn: string
  createdAt: Date
  state: 'CREATED' | 'RUNNING' | 'COMPLETED' | 'FAILED'
  percent: number
  completedAt: Date | undefined
  message: string | undefined
}

/** [KNOW] A small file system takes some minutes; virtual seconds. */
const TIMES = { create: 20, run: 160 }
const STEPS = 4

async function progress(clock: Clock, job: BackupJob, fails: boolean) {
  await clock.sleep(TIMES.create)
  job.state = 'RUNNING'
  for (let step = 1; step <= STEPS; step += 1) {
    await clock.sleep(TIMES.run / STEPS)
    if (fails && step === STEPS / 2) {
      job.state = 'FAILED'
      job.message = 'Your backup job failed as AWS Backup does not have permission to describe the resource.'
      job.completedAt = clock.now()
      return
    }
    job.percent = (100 * step) / STEPS
  }
  job.state = 'COMPLETED'
  job.completedAt = clock.now()
}

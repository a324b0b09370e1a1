import { expect, test } from '@jest/globals'
import { Denied } from '../../src/errors/errors.ts'
import { execute } from '../../src/execute/execute.ts'
import type { Execution, StepResult } from '../../src/execute/execution.ts'
import type { BackupDatabase, BackupFiles, Step } from '../../src/plan/plan.ts'
import type { Backup, BackupJob, DatabaseSnapshot, Rds } from '../../src/ports/cloud.ts'
import type { Artifact } from '../../src/ports/github.ts'
import type { Clock } from '../../src/ports/runner.ts'
import { executionOf, jumpingClock } from '../support/execution.ts'

const NOON = Date.UTC(2026, 10, 22, 12, 0, 0)
const DATABASE: BackupDatabase = {
  kind: 'backup-database',
  database: { kind: 'cluster', id: 'langfuse-postgres' },
  title: 'Aurora cluster langfuse-postgres',
  prefix: 'langfuse-rollout-2-93-7-to-3-0-0',
  reason: 'Why.',
}
const FILES: BackupFiles = {
  kind: 'backup-files',
  fileSystem: 'fs-1',
  resource: 'arn:aws:elasticfilesystem:ap-northeast-1:123456789012:file-system/fs-1',
  role: 'arn:aws:iam::123456789012:role/service-role/AWSBackupDefaultServiceRole',
  vault: 'Default',
  prefix: 'langfuse-rollout-2-93-7-to-3-0-0',
  reason: 'Why.',
}

type World = {
  readonly snapshots: Map<string, DatabaseSnapshot & { readonly from: number; readonly ends: string }>
  readonly jobs: Map<
    string,
    BackupJob & { readonly token: string; readonly from: number; readonly ends: string }
  >
  /** Permissions that IAM refuses. */
  readonly denied: Set<string>
  /** How the next snapshot and the next job end. */
  ends: { snapshot: string; job: string }
  readonly rds: Rds
  readonly backup: Backup
  readonly clock: Clock
}

/** Aurora and AWS Backup in small: a snapshot takes three minutes, a job takes two, both show progress. */
function worldAt(start = NOON): World {
  const clock = jumpingClock(start)
  const world: World = {
    snapshots: new Map(),
    jobs: new Map(),
    denied: new Set(),
    ends: { snapshot: 'available', job: 'COMPLETED' },
    clock,
    rds: {
      clusters: async () => [],
      instances: async () => [],
      behindProxy: async () => undefined,
      settings: async () => undefined,
      snapshots: async () => [...world.snapshots.values()].map(seen),
      snapshot: async (_kind, id) => {
        const found = world.snapshots.get(id)
        return found && seen(found)
      },
      createSnapshot: async ({ id, tags }) => {
        allow('rds:CreateDBClusterSnapshot')
        world.snapshots.set(id, {
          id,
          tags,
          status: 'creating',
          percent: 0,
          from: clock.now(),
          ends: world.ends.snapshot,
        })
      },
    },
    backup: {
      vaults: async () => ['Default'],
      recoveryPoints: async () => [],
      start: async ({ token }) => {
        allow('backup:StartBackupJob')
        const same = [...world.jobs.values()].find(job => job.token === token)
        const jobId = same?.id ?? `job-${world.jobs.size + 1}`
        if (same === undefined) {
          world.jobs.set(jobId, {
            id: jobId,
            token,
            state: 'RUNNING',
            percent: '0.0',
            message: undefined,
            recoveryPoint: `arn:aws:backup:::recovery-point:${jobId}`,
            from: clock.now(),
            ends: world.ends.job,
          })
        }
        return { jobId }
      },
      job: async id => {
        const job = world.jobs.get(id)
        if (job === undefined) return undefined
        const over = clock.now() - job.from >= 120_000
        const message =
          over && job.ends !== 'COMPLETED' ? 'no permission to describe the resource' : undefined
        return { ...job, state: over ? job.ends : 'RUNNING', percent: over ? '100.0' : '50.0', message }
      },
    },
  }
  return world

  function allow(permission: string): void {
    if (world.denied.has(permission)) throw new Denied(permission, new Error('User is not authorized'))
  }

  function seen(snapshot: DatabaseSnapshot & { from: number; ends: string }): DatabaseSnapshot {
    const over = clock.now() - snapshot.from >= 180_000
    return { ...snapshot, status: over ? snapshot.ends : 'creating', percent: over ? 100 : 40 }
  }
}

async function run(
  steps: readonly Step[],
  world: World,
  over: Partial<Execution> = {},
): Promise<{ results: readonly StepResult[]; said: readonly string[] }> {
  const { rds, backup, clock } = world
  const execution = executionOf(steps, { rds, backup }, { clock, ...over })
  const results = await execute(execution, (_title, work) => work())
  return { results, said: execution.said }
}

test('a snapshot is taken, waited for with its progress, tagged, and handed on', async () => {
  const world = worldAt()
  const kept: Artifact[] = []
  const { results, said } = await run([DATABASE], world, {
    record: '7',
    keep: async artifact => void kept.push(artifact),
  })
  const id = 'langfuse-rollout-2-93-7-to-3-0-0-20261122-120000'
  expect(results).toMatchObject([{ state: 'done', artifact: { kind: 'aurora-snapshot', id } }])
  expect(world.snapshots.get(id)?.tags).toEqual({
    'langfuse-rollout:from': '2.93.7',
    'langfuse-rollout:to': '3.0.0',
    'langfuse-rollout:record': '7',
    'langfuse-rollout:plan': executionOf([DATABASE], {}).plan.digest,
  })
  expect(said).toEqual(expect.arrayContaining([`RDS started snapshot ${id}`, 'creating, 40 %']))
  expect(kept).toEqual([{ kind: 'aurora-snapshot', id }])
  expect(world.clock.now() - NOON).toBeGreaterThanOrEqual(180_000)
})

const PLAN = executionOf([DATABASE], {}).plan.digest
const YOUNG = 'langfuse-rollout-2-93-7-to-3-0-0-20261122-115900'

/** A snapshot that is already there, by name and tags. */
function withSnapshot(
  name: string,
  {
    record = '7',
    plan = PLAN,
    status = 'available',
  }: { record?: string; plan?: string; status?: string } = {},
): World {
  const world = worldAt()
  const tags = {
    ...(record !== '' && { 'langfuse-rollout:record': record }),
    ...(plan !== '' && { 'langfuse-rollout:plan': plan }),
  }
  world.snapshots.set(name, { id: name, status, percent: 100, tags, from: 0, ends: status })
  return world
}

test('a snapshot that a killed run began for this record and this plan is used', async () => {
  const world = withSnapshot('langfuse-rollout-2-93-7-to-3-0-0-20261122-110100')
  const before = [...world.snapshots.keys()]
  const { results, said } = await run([DATABASE], world, { record: '7' })
  expect(results).toMatchObject([{ state: 'done', artifact: { id: before[0] } }])
  expect([...world.snapshots.keys()]).toEqual(before)
  expect(said.join()).toMatch(/this run uses snapshot .* which an earlier run of this deploy started/)
})

test.each<readonly [string, World, string | undefined]>([
  ['is an hour old', withSnapshot('langfuse-rollout-2-93-7-to-3-0-0-20261122-110000'), '7'],
  ['is of another record', withSnapshot(YOUNG, { record: '6' }), '7'],
  ['is of another plan', withSnapshot(YOUNG, { plan: 'sha256:0' }), '7'],
  ['has no tags', withSnapshot(YOUNG, { record: '', plan: '' }), '7'],
  ['has no record, as this run', withSnapshot(YOUNG, { record: '' }), undefined],
  ['failed', withSnapshot(YOUNG, { status: 'failed' }), '7'],
])('a snapshot that %s is not used', async (_what, world, record) => {
  const { results } = await run([DATABASE], world, { record })
  expect(results).toMatchObject([{ artifact: { id: 'langfuse-rollout-2-93-7-to-3-0-0-20261122-120000' } }])
})

test('an instance of RDS gets a snapshot of its own kind', async () => {
  const world = worldAt()
  const asked: unknown[] = []
  const { createSnapshot } = world.rds
  const rds: Rds = {
    ...world.rds,
    createSnapshot: wanted => {
      asked.push(wanted.database)
      return createSnapshot(wanted)
    },
  }
  const database = { kind: 'instance', id: 'langfuse' } as const
  const { results } = await run([{ ...DATABASE, database, title: 'RDS instance langfuse' }], {
    ...world,
    rds,
  })
  expect(asked).toEqual([database])
  expect(results).toMatchObject([{ state: 'done', artifact: { kind: 'rds-snapshot' } }])
})

test('a snapshot that fails ends the deploy before its first change', async () => {
  const world = worldAt()
  world.ends.snapshot = 'failed'
  const { results } = await run([DATABASE, FILES], world)
  expect(results.map(result => result.state)).toEqual(['failed', 'not-started'])
  expect(results[0]?.sentence).toMatch(/is failed instead of available\. Nothing else was changed/)
  expect(results[0]?.artifact).toBeUndefined()
})

test.each([
  [
    'rds:CreateDBClusterSnapshot',
    DATABASE,
    /^AWS did not start a backup of Aurora cluster langfuse-postgres/,
  ],
  ['backup:StartBackupJob', FILES, /^AWS did not start a backup of EFS file system fs-1/],
] as const)(
  '%s denied by IAM stops the deploy and says what to grant',
  async (permission, step, sentence) => {
    const world = worldAt()
    world.denied.add(permission)
    const { results } = await run([step], world)
    expect(results[0]?.state).toBe('failed')
    expect(results[0]?.sentence).toMatch(sentence)
    expect(results[0]?.sentence).toMatch(
      new RegExp(
        `nothing was changed: grant ${permission} .* or take the backup yourself and set \`backup: false\``,
      ),
    )
  },
)

test('a recovery point is waited for and named', async () => {
  const world = worldAt()
  const { results, said } = await run([FILES], world, { record: '7' })
  expect(results).toMatchObject([
    {
      state: 'done',
      artifact: { kind: 'efs-recovery-point', id: 'arn:aws:backup:::recovery-point:job-1' },
    },
  ])
  expect(said).toEqual(expect.arrayContaining(['RUNNING, 50.0 %']))
})

test('the job of a killed run is followed only with the same record and plan', async () => {
  const jobsAfter = async (first: Partial<Execution>, second: Partial<Execution>) => {
    const world = worldAt()
    await run([FILES], world, first)
    const { results } = await run([FILES], world, second)
    expect(results).toMatchObject([{ state: 'done' }])
    return world.jobs.size
  }
  const { plan } = executionOf([FILES], {})
  expect(await jobsAfter({ record: '7' }, { record: '7' })).toBe(1)
  expect(await jobsAfter({ record: '7' }, { record: '8' })).toBe(2)
  expect(await jobsAfter({ record: '7' }, { record: '7', plan: { ...plan, digest: 'sha256:0' } })).toBe(2)
  expect(await jobsAfter({ rollbackId: 'run-1-1' }, { rollbackId: 'run-2-1' })).toBe(2)
})

test('a job that failed says why, and the next run starts another', async () => {
  const world = worldAt()
  world.ends.job = 'FAILED'
  const first = await run([FILES], world, { record: '7' })
  expect(first.results[0]?.sentence).toMatch(
    /ended as FAILED: no permission to describe the resource\. Nothing else was changed/,
  )
  world.ends.job = 'COMPLETED'
  const second = await run([FILES], world, { record: '7' })
  expect(second.results).toMatchObject([{ state: 'done' }])
  expect(world.jobs.size).toBe(2)
})

test('what is not there at the deadline is said to be still going on', async () => {
  const world = worldAt()
  const { results } = await run([DATABASE], world, { deadline: NOON + 60_000 })
  expect(results[0]?.state).toBe('rolling')
  expect(results[0]?.sentence).toMatch(
    /timeout passed while waiting for snapshot .* last seen: creating, 40 %/,
  )
})

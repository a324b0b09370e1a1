import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { Pool } from 'pg'
import { openStage, type Stage, type StageRun } from '../../sandbox/rehearse.ts'
import { isWrite, lostAt, step } from './support.ts'

/** Backups before an upgrade, and background migrations after it, through `dist/`. */
let folder: string
let stage: Stage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backup-'))
  stage = await openStage({ folder })
})

afterEach(() => stage.stack.sandbox.world.faults.clear())

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

const UPGRADE = { version: '3.0.0' }

async function deploy(inputs: Readonly<Record<string, string>>, options: StageRun = {}) {
  const { requests } = stage.stack.sandbox
  const from = requests.length
  const result = await stage.run('deploy', inputs, options)
  const writes = requests.slice(from).filter(isWrite)
  return { result, writes: writes.map(write => write.operation) }
}

const problemsOf = (report: unknown) => (report as { problems: readonly string[] }).problems.join('\n')

const TRACES = '20241024_1730_migrate_traces_from_pg_to_ch'

async function query<Row>(sql: string): Promise<readonly Row[]> {
  const pool = new Pool({ connectionString: stage.stack.databaseUrlLocal, max: 1 })
  try {
    return (await pool.query(sql)).rows as Row[]
  } finally {
    await pool.end()
  }
}

const finishedAt = async () => {
  const [row] = await query<{ at: Date | null }>(
    `SELECT finished_at AS at FROM background_migrations WHERE name = '${TRACES}'`,
  )
  return row?.at?.getTime()
}

test('without a vault the plan has the snapshot, and a warning says what stays unprotected', async () => {
  const { result, writes } = await deploy({ ...UPGRADE, 'dry-run': 'true' })
  const { plan } = result.report as { plan: { steps: { kind: string }[] } }
  expect(plan.steps[0]).toMatchObject({
    kind: 'backup-database',
    database: { kind: 'cluster', id: 'langfuse-postgres' },
    prefix: 'langfuse-rollout-2-93-7-to-3-0-0',
  })
  expect(plan.steps.map(step => step.kind)).not.toContain('backup-files')
  expect(result.summary).toMatch(/ClickHouse's data on fs-[0-9a-f]+ gets no recovery point/)
  expect(writes).toEqual([])
})

test('a cluster that may not be looked at is a refusal with the remedy; `backup: false` takes it', async () => {
  const { world } = stage.stack.sandbox
  world.faults.add({
    operation: 'DescribeDBClusters',
    kind: 'access-denied',
    times: Number.POSITIVE_INFINITY,
  })
  const { result, writes } = await deploy(UPGRADE)
  expect(result.outputs).toMatchObject({ outcome: 'refused', 'snapshot-id': '' })
  expect(problemsOf(result.report)).toMatch(
    /Cannot take a snapshot of PostgreSQL: .* AWS denied rds:DescribeDBClusters\. .*not authorized.*set `backup: false`/,
  )
  const without = await deploy({ ...UPGRADE, backup: 'false', 'dry-run': 'true' })
  expect(without.result.outputs['outcome']).toBe('planned')
  expect([...writes, ...without.writes]).toEqual([])
})

test('a snapshot that may not be taken stops the deploy before its first change', async () => {
  const { world } = stage.stack.sandbox
  world.faults.add({ operation: 'CreateDBClusterSnapshot', kind: 'access-denied' })
  const { result, writes } = await deploy({ ...UPGRADE, 'on-failure': 'stop' })
  expect(result.outputs).toMatchObject({ outcome: 'failed', 'snapshot-id': '', 'current-version': '2.93.7' })
  expect(result.commands.filter(({ command }) => command === 'error').map(error => error.message)).toEqual([
    expect.stringMatching(
      /nothing was changed: grant rds:CreateDBClusterSnapshot \(and rds:AddTagsToResource\) to the role of this job/,
    ),
  ])
  expect(writes).toEqual(['CreateDBClusterSnapshot'])
  expect(world.rds.snapshots.size).toBe(0)
})

test('a snapshot that fails stops it, too', async () => {
  const { world } = stage.stack.sandbox
  world.rds.failNextSnapshot()
  const { result, writes } = await deploy({ ...UPGRADE, 'on-failure': 'stop' })
  expect(result.outputs).toMatchObject({ outcome: 'failed', 'snapshot-id': '' })
  expect(writes).toEqual(['CreateDBClusterSnapshot'])
})

test('behind a proxy and a custom name the cluster is found; an instance of RDS gets its own snapshot', async () => {
  const { world } = stage.stack.sandbox
  const { rds, network } = world
  const [cluster] = rds.clusters.values()
  if (cluster === undefined) throw new Error('The stage has no cluster')
  await step('a custom name that is an alias of a proxy', async () => {
    const proxy = 'langfuse.proxy-c3xq7mzk0e1v.ap-northeast-1.rds.amazonaws.com'
    rds.createCluster({
      ...cluster,
      identifier: 'langfuse',
      endpoint: 'langfuse.cluster-x.rds.amazonaws.com',
    })
    rds.createProxy({
      name: 'langfuse',
      endpoint: proxy,
      endpoints: [],
      target: { cluster: cluster.identifier },
    })
    network.publishAlias(proxy, cluster.endpoint)
    network.publishAlias('postgres.langfuse.internal', proxy)
    const url = new URL(stage.stack.databaseUrl)
    url.hostname = 'postgres.langfuse.internal'
    const { result } = await deploy({ ...UPGRADE, 'database-url': url.href, 'dry-run': 'true' })
    const { plan } = result.report as { plan: { steps: object[] } }
    expect(plan.steps[0]).toMatchObject({ database: { kind: 'cluster', id: cluster.identifier } })
    rds.clusters.delete('langfuse')
  })
  await step('an instance', async () => {
    rds.clusters.delete(cluster.identifier)
    rds.createInstance({ ...cluster, identifier: 'langfuse-instance', engine: 'postgres' })
    world.faults.add({ operation: 'RegisterTaskDefinition', kind: 'access-denied', times: 2 })
    const { result, writes } = await deploy({ ...UPGRADE, 'on-failure': 'stop' })
    const [snapshot] = rds.instanceSnapshots.values()
    expect(snapshot).toMatchObject({ status: 'available', of: { identifier: 'langfuse-instance' } })
    expect(result.outputs).toMatchObject({ outcome: 'failed', 'snapshot-id': snapshot?.identifier })
    expect(writes[0]).toBe('CreateDBSnapshot')
    expect(stage.github.deployments.at(-1)?.statuses.map(({ description }) => description)).toContain(
      `RDS snapshot: ${snapshot?.identifier}`,
    )
    rds.instances.delete('langfuse-instance')
    rds.clusters.set(cluster.identifier, cluster)
  })
})

/** The last, which leaves the stage on 3.0.0. */
test('a run killed at its snapshot is gone on with, and on 3.0.0 a background migration runs again', async () => {
  await step(
    'a run killed at its snapshot, its answer lost: the next one goes on with that very snapshot',
    async () => {
      const { world } = stage.stack.sandbox
      world.backup.createVault('Default')
      // A person's, or another stack's: of the same name and age, without this deploy's tags.
      const now = world.clock.now().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')
      world.rds.createSnapshot({
        identifier: `langfuse-rollout-2-93-7-to-3-0-0-${now}`,
        cluster: 'langfuse-postgres',
        tags: [],
      })
      const before = world.rds.snapshots.size
      world.faults.add({ operation: 'CreateDBClusterSnapshot', kind: 'lost-answer' })
      let created = false
      await lostAt(stage, {
        at: ({ operation }) => {
          created ||= operation === 'CreateDBClusterSnapshot'
          return created && operation === 'DescribeDBClusterSnapshots'
        },
        run: async options => (await deploy(UPGRADE, options)).result,
      })
      expect(world.rds.snapshots.size).toBe(before + 1)
      const { result, writes } = await deploy(UPGRADE)
      const [snapshot] = [...world.rds.snapshots.values()].slice(-1)
      expect(world.rds.snapshots.size).toBe(before + 1)
      expect(result.outputs).toMatchObject({
        outcome: 'deployed',
        'current-version': '3.0.0',
        'snapshot-id': snapshot?.identifier,
      })
      expect(snapshot).toMatchObject({ status: 'available' })
      expect(snapshot?.tags).toEqual(
        expect.arrayContaining([
          { key: 'langfuse-rollout:to', value: '3.0.0' },
          { key: 'langfuse-rollout:plan', value: result.outputs['plan-digest'] },
          { key: 'langfuse-rollout:record', value: String(stage.github.deployments.at(-1)?.id) },
        ]),
      )
      expect(writes.slice(0, 2)).toEqual(['StartBackupJob', 'RegisterTaskDefinition'])
      expect([...world.backup.jobs.values()]).toMatchObject([{ state: 'COMPLETED' }])
    },
  )

  await step('record and report say what there is to restore from', async () => {
    const [snapshot] = [...stage.stack.sandbox.world.rds.snapshots.values()].slice(-1)
    const sentences = stage.github.deployments.at(-1)?.statuses.map(status => status.description)
    expect(sentences).toEqual(
      expect.arrayContaining([
        `Aurora snapshot: ${snapshot?.identifier}`,
        expect.stringMatching(/^EFS recovery point: arn:aws:backup:/),
      ]),
    )
  })

  await step('the same deploy again backs nothing up: there is nothing to do', async () => {
    const { result, writes } = await deploy(UPGRADE)
    expect(result.outputs).toMatchObject({ outcome: 'unchanged', 'snapshot-id': '' })
    expect(writes).toEqual([])
  })

  await step(
    'a background migration runs again on a version that runs already: re-armed, worker restarted, taken up',
    async () => {
      const before = await finishedAt()
      expect(before).toBeGreaterThan(0)
      const { result, writes } = await deploy({
        ...UPGRADE,
        backup: 'false',
        'rerun-background-migrations': TRACES,
      })
      expect(result.outputs).toMatchObject({ outcome: 'deployed', 'current-version': '3.0.0' })
      expect(writes).toEqual(['UpdateService'])
      expect(result.stdout).toMatch(new RegExp(`✔ .*${TRACES} is (active|finished)`))
      const deadline = Date.now() + 60_000
      while (((await finishedAt()) ?? 0) <= (before ?? 0) && Date.now() < deadline) await setTimeout(500)
      expect(await finishedAt()).toBeGreaterThan(before ?? 0)
    },
  )

  await step('a name that is not in the table is refused, and nothing is written', async () => {
    const { result, writes } = await deploy({ ...UPGRADE, 'rerun-background-migrations': '2024_x' })
    expect(result.outputs['outcome']).toBe('refused')
    expect(problemsOf(result.report)).toMatch(
      /2024_x, which table background_migrations does not contain\. It contains: 2024/,
    )
    expect(writes).toEqual([])
  })
})

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Pool } from 'pg'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import { clickhouseClient } from '../../sandbox/langfuse/clickhouse-http.ts'
import { openStage, type Stage, type StageRun } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { clickhouseAccess } from '../../sandbox/stack-snapshot.ts'
import { lostAt, step } from './support.ts'

/** `migrate: task` through `dist/` on the article's stack. */
let folder: string
let stage: Stage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migrate-'))
  stage = await openStage({ folder, seed: false })
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

const UPGRADE = { version: '3.0.0', 'clickhouse-version': '24.12.3', backup: 'false', 'on-failure': 'stop' }
/** A runner outside of the VPC. */
const BLIND = { network: 'auto', 'database-url': '', 'clickhouse-url': '', 'clickhouse-password': '' }
const WRITES = /^(Create|Update|Register|Deregister|Delete|Run|Start|Stop|Pause|Resume|Put|Tag)/

type Write = { readonly operation: string; readonly input: Record<string, unknown> }

async function deploy(
  inputs: Readonly<Record<string, string>>,
  options: StageRun = {},
): Promise<{ result: RunResult; writes: readonly Write[] }> {
  const from = stage.stack.sandbox.requests.length
  const result = await stage.run('deploy', inputs, options)
  const writes = stage.stack.sandbox.requests
    .slice(from)
    .filter(request => WRITES.test(request.operation))
    .map(({ operation, input }) => ({ operation, input: input as Record<string, unknown> }))
  return { result, writes }
}

const operations = (writes: readonly Write[]) => writes.map(write => write.operation)

/** Where both databases are. */
async function heads(): Promise<{ postgres: number; clickhouse: string }> {
  const pool = new Pool({ connectionString: stage.stack.databaseUrlLocal, max: 1 })
  try {
    const { rows } = await pool.query(
      'SELECT count(*)::int AS count FROM _prisma_migrations WHERE finished_at IS NOT NULL',
    )
    const [head] = await clickhouse().query(
      'SELECT version, dirty FROM schema_migrations ORDER BY sequence DESC LIMIT 1',
    )
    return {
      postgres: Number(rows[0]?.count),
      clickhouse: `${head?.version}${Number(head?.dirty) === 1 ? ' dirty' : ''}`,
    }
  } finally {
    await pool.end()
  }
}

const clickhouse = () => clickhouseClient(clickhouseAccess(stage.stack))

/** What golang-migrate would have written. */
async function setClickHouseVersion(version: number, dirty: boolean): Promise<void> {
  await clickhouse().execute(
    `INSERT INTO schema_migrations SELECT ${version}, ${dirty ? 1 : 0}, max(sequence) + 1 FROM schema_migrations`,
  )
}

function webLog(): string {
  const { world } = stage.stack.sandbox
  const [service] = world.appRunner.services.values()
  return world.logs.text(`/aws/apprunner/${service?.name}/${service?.id}/application`)
}

function activeMigrationDefinitions(): number {
  const { world } = stage.stack.sandbox
  const revisions = world.ecs.families.get('langfuse-worker-migrate') ?? []
  return revisions.filter(revision => revision.status === 'ACTIVE').length
}

test('migrate: task, and back', async () => {
  await step(
    'the migrations are done before any component changes, and the new web finds nothing to migrate',
    async () => {
      const seen: { postgres: number; clickhouse: string }[] = []
      const unwatch = stage.stack.sandbox.world.onRequest(async ({ phase, operation }) => {
        if (phase === 'before' && operation === 'UpdateService') seen.push(await heads())
      })
      const before = webLog().length
      const { result, writes } = await deploy(UPGRADE)
      unwatch()
      expect(result.outputs).toMatchObject({ outcome: 'deployed', 'current-version': '3.0.0' })
      // It was true until the new web served.
      expect(result.stdout).toMatch(
        /Warning: After the migrations, the web of Langfuse 2\.93\.7 .* cannot restart/,
      )
      expect(result.summary).not.toMatch(/cannot restart/)
      expect(operations(writes).slice(0, 3)).toEqual([
        'RegisterTaskDefinition',
        'RunTask',
        'DeregisterTaskDefinition',
      ])
      expect(operations(writes).slice(3)).toEqual([
        'RegisterTaskDefinition',
        'UpdateService',
        'RegisterTaskDefinition',
        'UpdateService',
        'UpdateService',
      ])
      // The new worker starts four background migrations, which ClickHouse must not stop under.
      const updated = writes.filter(({ operation }) => operation === 'UpdateService')
      expect(updated.map(({ input }) => input['service'] ?? 'web')).toEqual([
        'clickhouse',
        'langfuse_worker',
        'web',
      ])
      expect(result.stdout).toMatch(
        /ClickHouse is deployed before the worker, because .* starts 4 background/,
      )
      expect(seen[0]).toEqual({ postgres: 273, clickhouse: '6' })
      expect(result.stdout).toMatch(/│ Applying migration `20241206115829_/)
      expect(result.stdout).toMatch(/✔ .*2 Postgres migrations and 1 ClickHouse migration applied/)
      expect(webLog().slice(before)).toMatch(/No pending migrations to apply\.[\s\S]*no change/)
      expect(webLog().slice(before)).not.toMatch(/Applying migration/)
      expect(activeMigrationDefinitions()).toBe(0)
    },
  )

  await step(
    'the task is the web image by digest in the place of the worker, and nothing in it is shown',
    async () => {
      const { requests } = stage.stack.sandbox
      const registered = requests.find(({ operation }) => operation === 'RegisterTaskDefinition')?.input
      expect(registered).toMatchObject({
        family: 'langfuse-worker-migrate',
        cpu: '2048',
        memory: '4096',
        networkMode: 'awsvpc',
        runtimePlatform: { cpuArchitecture: 'X86_64' },
        containerDefinitions: [
          { name: 'migrate', image: expect.stringMatching(/langfuse-web@sha256:/), command: ['true'] },
        ],
        tags: expect.arrayContaining([{ key: 'langfuse-rollout', value: 'migrate' }]),
      })
      expect(JSON.stringify(registered)).not.toMatch(/mountPoints|portMappings|healthCheck|entryPoint/)
      const ran = requests.find(({ operation }) => operation === 'RunTask')?.input
      expect(ran).toMatchObject({
        launchType: 'FARGATE',
        startedBy: expect.stringMatching(/^langfuse-rollout-migrate\/\w{10}$/),
        networkConfiguration: { awsvpcConfiguration: { assignPublicIp: 'DISABLED' } },
      })
    },
  )

  await step('back on 2.93.7', async () => {
    const result = await stage.run('rollback', { to: 'previous' })
    expect(result.outputs).toMatchObject({ outcome: 'rolled-back', 'current-version': '2.93.7' })
    expect(await heads()).toEqual({ postgres: 271, clickhouse: '5' })
  })
})

/** Leaves PostgreSQL migrated, as a failed deploy does. */
test('a dirty ClickHouse that only the task can see: failed with cause and fix, and nothing else is changed', async () => {
  await setClickHouseVersion(5, true)
  const { taskFaults } = stage.stack.sandbox.world
  const stoppedReason = 'CannotPullContainerError: ref x: not found'
  taskFaults.add({ family: 'langfuse-worker-agent', times: Number.POSITIVE_INFINITY, stoppedReason })
  const { result, writes } = await deploy({ ...UPGRADE, ...BLIND })
  taskFaults.clear()
  expect(result.exitCode).toBe(1)
  expect(result.outputs).toMatchObject({ outcome: 'failed', 'current-version': '2.93.7' })
  const errors = result.commands.filter(({ command }) => command === 'error')
  expect(errors.map(error => error.message)).toEqual([
    expect.stringMatching(
      /ClickHouse's schema is dirty: migration 5 started but did not finish.*force the schema version to 4.* exit code 1.*Not started: ClickHouse .*, worker/,
    ),
  ])
  expect(result.summary).toMatch(/Dirty database version 5/)
  // An agent that cannot look, the migrations, and another that cannot look.
  const oneTask = ['RegisterTaskDefinition', 'RunTask', 'DeregisterTaskDefinition']
  expect(operations(writes)).toEqual([...oneTask, ...oneTask, ...oneTask])
  expect((result.report as { warnings: string[] }).warnings.join()).toMatch(
    /state of ClickHouse was not checked: the databases were not observed, because the agent .* never started .*The image does not exist/,
  )
  expect(activeMigrationDefinitions()).toBe(0)
  await setClickHouseVersion(5, false)
})

test('a migration task that dies of something unknown: its last lines are where a person looks first', async () => {
  const { world } = stage.stack.sandbox
  const found = world.images.find(`${REGISTRY}/langfuse-web:3.0.0`)
  if (!found.found) throw new Error('no web image')
  const lines = Array.from({ length: 11 }, (_, at) => `strange line ${at}`)
  world.images.remove(`${REGISTRY}/langfuse-web:3.0.0`)
  world.pushImage({ ...found.image, program: { kind: 'scripted', exitAfter: 2, exitCode: 7, log: lines } })
  const { result } = await deploy({ ...UPGRADE, 'on-failure': 'stop' })
  world.images.remove(`${REGISTRY}/langfuse-web:3.0.0`)
  world.pushImage(found.image)
  expect(result.outputs['outcome']).toBe('failed')
  for (const text of [result.commands.at(-1)?.message, result.summary, JSON.stringify(result.report)]) {
    expect(text).toMatch(/exit code 7[\s\S]*│ strange line 1\b[\s\S]*│ strange line 10\b/)
    expect(text).not.toContain('│ strange line 0')
  }
})

/** The last, which leaves the stage on 3.0.0. */
test('a run that is killed while the task runs: the next one follows it instead of starting a second', async () => {
  const killed = await lostAt(stage, {
    at: ({ operation, input }) =>
      operation === 'RunTask' && JSON.stringify(input).includes('langfuse-worker-migrate'),
    run: options => stage.run('deploy', { ...UPGRADE, ...BLIND }, options),
  })
  expect(killed.exitCode).not.toBe(0)
  const again = await deploy(UPGRADE)
  expect(again.result.stdout).toMatch(
    /follows migration task \w+, which an earlier run started with the same image/,
  )
  expect(operations(again.writes)).not.toContain('RunTask')
  expect(again.result.outputs).toMatchObject({ outcome: 'deployed', 'current-version': '3.0.0' })
  expect(await heads()).toEqual({ postgres: 273, clickhouse: '6' })
  expect(activeMigrationDefinitions()).toBe(0)
})

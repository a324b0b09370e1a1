import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Pool } from 'pg'
import { until } from '../../sandbox/article/wait.ts'
import { clickhouseClient } from '../../sandbox/langfuse/clickhouse-http.ts'
import { ingest } from '../../sandbox/langfuse/ingest.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import {
  clickhouseAccess,
  compareSnapshots,
  type StackSnapshot,
  takeSnapshot,
} from '../../sandbox/stack-snapshot.ts'
import { type Schema, violations } from '../report/json-schema.ts'
import { step } from './support.ts'

/**
 * The article's upgrade and the way back through `dist/`, on one stack: each step is the next thing that happens.
 */
let folder: string
let stage: Stage
let before: StackSnapshot
let onV3: StackSnapshot

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'article-'))
  stage = await openStage({ folder })
  before = await takeSnapshot(stage.stack)
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

const reports: unknown[] = []

/** Asked again and again while something takes its time. */
const WAITED =
  /^(DescribeServices|DescribeTasks|GetLogEvents|ListOperations|ListInstances|GetInstancesHealthStatus|DescribeDBClusterSnapshots)$/

/** How many calls a run made besides asking the same thing once more while it waits. */
function callsBesidePolls(from: number): number {
  const asked = new Map<string, string>()
  return stage.stack.sandbox.requests.slice(from).filter(({ operation, input }) => {
    const before = asked.get(operation)
    asked.set(operation, JSON.stringify(input))
    return !WAITED.test(operation) || before !== asked.get(operation)
  }).length
}

const WRITES = /^(Create|Update|Register|Deregister|Delete|Run|Start|Stop|Pause|Resume|Put|Tag)/

/** The AWS calls that change something, made while `work` runs. */
async function writesDuring(
  work: () => Promise<RunResult>,
): Promise<{ result: RunResult; writes: readonly { operation: string; input: Record<string, unknown> }[] }> {
  const from = stage.stack.sandbox.requests.length
  const result = await work()
  reports.push(result.report)
  const writes = stage.stack.sandbox.requests
    .slice(from)
    .filter(request => WRITES.test(request.operation))
    .map(({ operation, input }) => ({ operation, input: input as Record<string, unknown> }))
  return { result, writes }
}

/** Lets a run write its peak memory when it ends. */
async function reportPeak(): Promise<Record<string, string>> {
  const hook = join(folder, 'peak.mjs')
  await writeFile(
    hook,
    `import { writeFileSync } from 'node:fs'
    process.on('exit', () => writeFileSync(${JSON.stringify(join(folder, 'peak'))}, String(process.resourceUsage().maxRSS)))`,
  )
  return { NODE_OPTIONS: `${stage.stack.sandbox.vpcEnv['NODE_OPTIONS']} --import ${hook}` }
}

/** In megabytes; the sandbox's own modules in the process are some 15 of them. */
async function peakMemory(): Promise<number> {
  return Number(await readFile(join(folder, 'peak'), 'utf8')) / 1024
}

const UPGRADE = { version: '3.0.0', 'clickhouse-version': '24.12.3' }
let approved = ''
let planWarns: readonly string[] = []
/** Over as soon as the new web runs. */
const ONLY_BETWEEN = expect.stringMatching(/^After the migrations, the web of .* cannot restart/)

function warningsOf({ report }: RunResult): readonly string[] {
  return (report as { readonly warnings: readonly string[] }).warnings
}

/** Task definitions and App Runner's source configuration are what they were, but for the image. */
async function onlyTheImageChanged(
  writes: readonly { operation: string; input: Record<string, unknown> }[],
): Promise<void> {
  const { world } = stage.stack.sandbox
  for (const { input } of writes.filter(write => write.operation === 'RegisterTaskDefinition')) {
    const describe = (revision: number) =>
      world.call('ecs', 'DescribeTaskDefinition', {
        taskDefinition: `${input['family']}:${revision}`,
        include: ['TAGS'],
      })
    expect(comparable(await describe(2))).toEqual(comparable(await describe(1)))
  }
  const update = writes.at(-1)?.input
  expect(update).toMatchObject({
    SourceConfiguration: {
      ImageRepository: {
        ImageIdentifier: expect.stringMatching(/langfuse-web@sha256:[0-9a-f]{64}$/),
        ImageConfiguration: {
          RuntimeEnvironmentVariables: { HOSTNAME: '0.0.0.0' },
          RuntimeEnvironmentSecrets: { DATABASE_URL: expect.any(String) },
        },
      },
    },
  })
}

/** A described task definition without what a new revision has of its own. */
function comparable(described: unknown): unknown {
  const own = ['image', 'revision', 'taskDefinitionArn', 'registeredAt']
  return JSON.parse(JSON.stringify(described, (key, value) => (own.includes(key) ? undefined : value)))
}

test('the article: planned, deployed, used, gone back from, and deployed again', async () => {
  await step('the stack as Terraform leaves it: verify passes and warns of what will hurt', async () => {
    const { result, writes } = await writesDuring(() => stage.run('verify'))
    expect(result.outputs).toMatchObject({ outcome: 'passed', failed: '0', 'current-version': '2.93.7' })
    expect(result.exitCode).toBe(0)
    expect(result.summary).toMatch(
      /minimum 100 %, maximum 200 %, so a new task starts before the old one stops/,
    )
    expect(writes).toEqual([])
  })

  await step(
    'a dry run plans backup, migrations, ClickHouse with 0 % and 100 %, worker, web; it says whether it goes back, and writes nothing',
    async () => {
      const { result, writes } = await writesDuring(() =>
        stage.run('deploy', { ...UPGRADE, 'dry-run': 'true' }),
      )
      expect(result.outputs).toMatchObject({
        outcome: 'planned',
        'previous-version': '2.93.7',
        'rollback-class': 'schema',
      })
      const { plan } = result.report as { plan: { steps: Record<string, unknown>[] } }
      expect(plan.steps.map(step => step['component'] ?? step['kind'])).toEqual([
        'backup-database',
        'migrate',
        'clickhouse',
        'worker',
        'web',
      ])
      const [first, second] = result.stdout.slice(result.stdout.indexOf('Plan sha256:')).split('\n')
      expect(first).toMatch(/2\.93\.7 → 3\.0\.0, rollback class schema/)
      expect(second).toMatch(/^ {2}Goes back by itself: yes, because it can undo 3 migrations without losing/)
      expect(result.summary).toMatch(/\nPlan `sha256:\w+`\n\n\*\*Goes back by itself: yes\*\*, because/)
      expect(plan).toMatchObject({ goesBack: { answer: 'yes' } })
      expect(plan.steps[2]).toMatchObject({ settings: { minimumHealthyPercent: 0, maximumPercent: 100 } })
      expect(writes).toEqual([])
      expect(stage.github.deployments).toEqual([])
      approved = result.outputs['plan-digest'] ?? ''
      planWarns = warningsOf(result)
      expect(planWarns).toContainEqual(ONLY_BETWEEN)
    },
  )

  await step(
    'the approved plan is deployed: in order, pinned by digest, recorded before the first change',
    async () => {
      const from = stage.stack.sandbox.requests.length
      const { result, writes } = await writesDuring(async () =>
        stage.run('deploy', { ...UPGRADE, 'plan-digest': approved }, { env: await reportPeak() }),
      )
      expect(await peakMemory()).toBeLessThan(100)
      expect(callsBesidePolls(from)).toBeLessThanOrEqual(60)
      expect(result.outputs).toMatchObject({
        outcome: 'deployed',
        'previous-version': '2.93.7',
        'current-version': '3.0.0',
        'plan-digest': approved,
      })
      expect(result.exitCode).toBe(0)
      expect(warningsOf(result)).not.toContainEqual(ONLY_BETWEEN)
      expect(warningsOf(result).length).toBeLessThan(planWarns.length)
      expect(writes.map(write => write.operation)).toEqual([
        'CreateDBClusterSnapshot',
        'RegisterTaskDefinition',
        'RunTask',
        'DeregisterTaskDefinition',
        'RegisterTaskDefinition',
        'UpdateService',
        'RegisterTaskDefinition',
        'UpdateService',
        'UpdateService',
      ])
      expect(stage.github.deployments[0]).toMatchObject({
        payload: { from: '2.93.7', to: '3.0.0', postgresMigrations: 271, clickhouseHead: 5 },
      })
      expect(stage.github.deployments[0]?.statuses[0]).toMatchObject({
        state: 'success',
        environment_url: stage.stack.webUrl,
      })
      await onlyTheImageChanged(writes.slice(4))
    },
  )

  await step('the same deploy again changes nothing', async () => {
    const { result, writes } = await writesDuring(() => stage.run('deploy', UPGRADE))
    expect(result.outputs).toMatchObject({ outcome: 'unchanged', 'current-version': '3.0.0' })
    expect(writes).toEqual([])
  })

  await step('after the upgrade verify passes on 3.0.0', async () => {
    const result = await stage.run('verify')
    expect(result.outputs).toMatchObject({ outcome: 'passed', 'current-version': '3.0.0' })
  })

  await step(
    'v3 lives on: traces and scores in ClickHouse only, sessions that Postgres does not know',
    async () => {
      const pool = new Pool({ connectionString: stage.stack.databaseUrlLocal, max: 1 })
      try {
        const written = await ingest({
          pool,
          clickhouse: clickhouseClient(clickhouseAccess(stage.stack)),
          count: 25,
        })
        expect(written.traceIds).toHaveLength(25)
      } finally {
        await pool.end()
      }
      onV3 = await takeSnapshot(stage.stack)
    },
  )

  await step(
    'the naive way back, redeploying the old web image, ends where App Runner says RUNNING and the new web serves',
    async () => {
      const { world } = stage.stack.sandbox
      const [service] = world.appRunner.services.values()
      if (service === undefined) throw new Error('no web service')
      const source = service.configuration['SourceConfiguration'] as { ImageRepository: object }
      const repository = {
        ...source.ImageRepository,
        ImageIdentifier: '123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/langfuse-web:2.93.7',
      }
      const naive = {
        ServiceArn: service.arn,
        SourceConfiguration: { ...source, ImageRepository: repository },
      }
      await world.call('apprunner', 'UpdateService', naive)
      await until({
        what: 'the end of the naive rollback',
        world,
        done: () =>
          service.operations[0]?.status !== 'PENDING' &&
          service.status === 'RUNNING' &&
          service.operations[0]?.endedAt !== undefined,
      })
      expect(service.operations[0]?.status).toBe('ROLLBACK_SUCCEEDED')
      expect(service.status).toBe('RUNNING')
      const health = await fetch(`${stage.stack.webUrl}/api/public/health`)
      expect(await health.json()).toMatchObject({ version: '3.0.0' })
      const logs = await world.call('logs', 'FilterLogEvents', {
        logGroupName: `/aws/apprunner/${service.name}/${service.id}/application`,
      })
      expect(JSON.stringify(logs)).toMatch(/no migration found for version 6/)
    },
  )

  await step(
    'the rollback action goes back to the recorded release: down SQL around the images, in reverse order',
    async () => {
      const { result, writes } = await writesDuring(() => stage.run('rollback', { to: 'previous' }))
      expect(result.outputs).toMatchObject({
        outcome: 'rolled-back',
        'previous-version': '3.0.0',
        'current-version': '2.93.7',
        'rollback-class': 'schema',
        'postgres-reverted': '2',
        'clickhouse-reverted': '1',
        'archive-schema': 'langfuse_rollout',
      })
      expect(Number(result.outputs['archived-rows'])).toBeGreaterThanOrEqual(25)
      expect(result.exitCode).toBe(0)
      const rolled = writes
        .filter(write => write.operation === 'UpdateService')
        .map(({ input }) => String(input['ServiceArn'] ?? input['service']))
      expect(rolled.map(name => name.split('/').at(-2) ?? name)).toHaveLength(3)
      expect(rolled[0]).toMatch(/apprunner/)
      expect(rolled.slice(1)).toEqual(['clickhouse', 'langfuse_worker'])
      expect(result.summary).not.toMatch(/Goes back by itself/)
      const states = stage.github.deployments[0]?.statuses.map(({ state }) => state)
      expect(states?.slice(0, 2)).toEqual(['inactive', 'in_progress'])
    },
  )

  await step('everything is what it was: images, both schemas, and no row is lost', async () => {
    const after = await takeSnapshot(stage.stack)
    const comparison = compareSnapshots(before, after)
    expect(comparison.rows.filter(([, , , same]) => !same)).toEqual([])
    expect(comparison.details).toEqual([])
    const sinceV3 = compareSnapshots(onV3, after).rows.find(([what]) => what === 'rows lost')
    expect(sinceV3).toEqual(['rows lost', '0', '0', true])
  })

  await step('what had to be taken out of rows is in the archive', async () => {
    const pool = new Pool({ connectionString: stage.stack.databaseUrlLocal, max: 1 })
    try {
      const { rows } = await pool.query(
        `SELECT relation, count(*)::int AS count FROM langfuse_rollout.archived_rows GROUP BY relation ORDER BY relation`,
      )
      expect(rows).toEqual(
        expect.arrayContaining([{ relation: expect.stringMatching(/job_executions/), count: 25 }]),
      )
    } finally {
      await pool.end()
    }
  })

  await step('the same rollback again changes nothing, and verify passes on 2.93.7', async () => {
    const { result, writes } = await writesDuring(() => stage.run('rollback', { to: '2.93.7' }))
    expect(result.outputs['outcome']).toBe('unchanged')
    expect(writes).toEqual([])
    expect((await stage.run('verify')).outputs).toMatchObject({
      outcome: 'passed',
      'current-version': '2.93.7',
    })
  })

  await step('the upgrade works again after the rollback', async () => {
    const result = await stage.run('deploy', UPGRADE)
    expect(result.outputs).toMatchObject({ outcome: 'deployed', 'current-version': '3.0.0' })
  })

  await step('every report of these runs fits the schema of reports', async () => {
    const schema = JSON.parse(await readFile('docs/report.schema.json', 'utf8')) as Schema
    expect(reports.length).toBeGreaterThan(5)
    for (const report of reports) expect(violations(report, schema)).toEqual([])
  })
}, 240_000)

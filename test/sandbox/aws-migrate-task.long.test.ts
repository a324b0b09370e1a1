import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { Client } from 'pg'
import { type ArticleStack, startArticleStack } from '../../sandbox/article.ts'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import { isObject, type JsonObject } from '../../sandbox/aws/json.ts'
import { definition, ECS, NETWORK, push, send, type TaskView, until, withSandbox } from './aws-helpers.ts'

/** The worker's task definition with the web image, `true` for a command, and a family of its own. */
async function derived(stack: ArticleStack, change: JsonObject = {}): Promise<string> {
  const { body } = await send(stack.sandbox, `${ECS}.DescribeTaskDefinition`, {
    taskDefinition: 'langfuse-worker',
  })
  const worker = isObject(body.taskDefinition) ? body.taskDefinition : {}
  const [container] = worker.containerDefinitions as JsonObject[]
  const answer = await send(stack.sandbox, `${ECS}.RegisterTaskDefinition`, {
    ...worker,
    family: 'langfuse-migrate',
    containerDefinitions: [
      { ...container, name: 'migrate', image: `${REGISTRY}/langfuse-web:3.0.0`, command: ['true'] },
    ],
    ...change,
  })
  const made = isObject(answer.body.taskDefinition) ? answer.body.taskDefinition : {}
  return String(made.taskDefinitionArn)
}

async function runMigration(stack: ArticleStack, taskDefinition: string, clientToken: string) {
  const { sandbox } = stack
  const { body } = await send(sandbox, `${ECS}.DescribeServices`, {
    cluster: 'langfuse',
    services: ['langfuse_worker'],
  })
  const [worker] = body.services as { networkConfiguration: JsonObject }[]
  const input = {
    cluster: 'langfuse',
    taskDefinition,
    launchType: 'FARGATE',
    networkConfiguration: worker?.networkConfiguration,
    startedBy: 'langfuse-rollout/migrate',
    clientToken,
  }
  const [first, again] = [
    await send(sandbox, `${ECS}.RunTask`, input),
    await send(sandbox, `${ECS}.RunTask`, input),
  ]
  expect(again.body).toEqual(first.body)
  const [{ taskArn }] = first.body.tasks as [TaskView]
  const task = await until(
    () => describeTask(stack, taskArn),
    seen => seen?.lastStatus === 'STOPPED',
    60,
  )
  return { task, log: await logOf(stack, taskArn) }
}

async function describeTask(stack: ArticleStack, taskArn: string) {
  const { body } = await send(stack.sandbox, `${ECS}.DescribeTasks`, {
    cluster: 'langfuse',
    tasks: [taskArn],
  })
  const [task] = body.tasks as TaskView[]
  return task
}

async function logOf(stack: ArticleStack, taskArn: string) {
  const { body } = await send(stack.sandbox, 'Logs_20140328.GetLogEvents', {
    logGroupName: '/aws/ecs/langfuse_worker_log',
    logStreamName: `langfuse-worker/migrate/${taskArn.split('/').at(-1)}`,
    startFromHead: true,
  })
  return ((body.events ?? []) as { message: string }[]).map(event => event.message).join('\n')
}

async function clickhouse(stack: ArticleStack, sql: string) {
  const headers = { 'X-ClickHouse-User': stack.clickhouseUser, 'X-ClickHouse-Key': stack.clickhousePassword }
  const response = await fetch(`${stack.clickhouseUrlLocal}/`, { method: 'POST', body: sql, headers })
  return (await response.text()).trim()
}

function digestOf(stack: ArticleStack, image: string): string {
  const found = stack.sandbox.world.images.find(`${REGISTRY}/${image}`)
  return found.found ? found.image.digest : found.reason
}

async function migrations(stack: ArticleStack): Promise<number> {
  const client = new Client({ connectionString: stack.databaseUrlLocal })
  await client.connect()
  const { rows } = await client.query(
    'SELECT count(*)::int AS n FROM _prisma_migrations WHERE finished_at IS NOT NULL',
  )
  await client.end()
  return Number(rows[0]?.n)
}

test('the 3.0.0 web image as a one-off task migrates both databases, and says why it cannot', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-migrate-'))
  const stack = await startArticleStack({ folder })
  const { sandbox } = stack
  try {
    const before = await migrations(stack)
    const migrate = await derived(stack)
    const good = await runMigration(stack, migrate, 'first')
    expect(good.task).toMatchObject({
      stopCode: 'EssentialContainerExited',
      stoppedReason: 'Essential container in task exited',
      startedBy: 'langfuse-rollout/migrate',
      group: 'family:langfuse-migrate',
      containers: [{ exitCode: 0, imageDigest: digestOf(stack, 'langfuse-web:3.0.0') }],
    })
    expect(good.log).toContain('All migrations have been successfully applied.')
    expect(await migrations(stack)).toBeGreaterThan(before)
    const head = await clickhouse(
      stack,
      'SELECT version, dirty FROM schema_migrations ORDER BY sequence DESC LIMIT 1',
    )
    expect(head).toMatch(/^\d+\t0$/)

    const version = head.split('\t')[0]
    const dirty = `INSERT INTO schema_migrations (version, dirty, sequence) VALUES (${version}, 1, ${Date.now()}000000)`
    await clickhouse(stack, dirty)
    const bad = await runMigration(stack, migrate, 'second')
    expect(bad.task).toMatchObject({
      stopCode: 'EssentialContainerExited',
      containers: [{ exitCode: 1 }],
    })
    expect(bad.log).toContain(`error: Dirty database version ${version}. Fix and force version.`)

    const wrong = await derived(stack, {
      runtimePlatform: { operatingSystemFamily: 'LINUX', cpuArchitecture: 'X86_64' },
    })
    sandbox.world.pushImage({
      repository: 'langfuse-web',
      tags: ['3.0.0'],
      program: { kind: 'web', release: '3.0.0' },
      platforms: ['linux/arm64'],
    })
    const unfit = await runMigration(stack, wrong, 'third')
    expect(unfit.task).toMatchObject({
      stopCode: 'TaskFailedToStart',
      stoppedReason:
        "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'",
    })
    const gone = await send(sandbox, `${ECS}.DeregisterTaskDefinition`, { taskDefinition: migrate })
    expect(gone.body).toMatchObject({ taskDefinition: { status: 'INACTIVE' } })
    expect(
      await send(sandbox, `${ECS}.RunTask`, { cluster: 'langfuse', taskDefinition: migrate }),
    ).toMatchObject({ status: 400, body: { message: 'TaskDefinition is inactive' } })
  } finally {
    await stack.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  expect(sandbox.world.runtime.alive()).toBe(0)
})

test('a one-off task that is stopped ends by SIGTERM, and a request that is too large is refused', async () => {
  await withSandbox({ speed: 100 }, async sandbox => {
    push(sandbox, 'long', { kind: 'command', command: ['node', '-e', 'setInterval(() => 0, 1000)'] })
    await sandbox.world.call('ecs', 'CreateCluster', { clusterName: 'c' })
    const taskDefinition = await sandbox.world.registerTaskDefinition(definition('long'))
    const run = (more: JsonObject) =>
      send(sandbox, `${ECS}.RunTask`, {
        cluster: 'c',
        taskDefinition,
        networkConfiguration: NETWORK,
        ...more,
      })
    const huge = { containerOverrides: [{ name: 'app', command: ['x'.repeat(8192)] }] }
    expect(await run({ overrides: huge })).toMatchObject({
      body: { message: 'Container Overrides length must be at most 8192' },
    })
    const { body } = await run({ clientToken: 'one' })
    expect(await run({ clientToken: 'one', count: 2 })).toMatchObject({
      body: { __type: 'com.amazonaws.ecs#ConflictException' },
    })
    const [{ taskArn: task }] = body.tasks as [TaskView]
    const describe = async () => {
      const answer = await send(sandbox, `${ECS}.DescribeTasks`, { cluster: 'c', tasks: [task] })
      return (answer.body.tasks as TaskView[])[0]
    }
    await until(describe, seen => seen?.lastStatus === 'RUNNING')
    await send(sandbox, `${ECS}.StopTask`, { cluster: 'c', task, reason: 'cancelled' })
    const ended = await until(describe, seen => seen?.lastStatus === 'STOPPED')
    expect(ended).toMatchObject({
      stopCode: 'UserInitiated',
      stoppedReason: 'cancelled',
      containers: [{ exitCode: 143 }],
    })
  })
})

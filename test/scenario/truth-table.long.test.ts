import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import {
  type AppRunnerOutcome,
  arrangeAppRunner,
  arrangeEcs,
  type EcsOutcome,
} from '../../sandbox/aws/outcomes.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { isWrite, putBack, restoreImages, type Setup, setupOf, webService } from './support.ts'

/** Every way in which AWS can end a rollout, and what the built action makes of it. */
let folder: string
let stage: Stage
let setup: Setup

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'truth-'))
  await open('app-runner')
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
  printTable()
})

async function open(webPlatform: 'app-runner' | 'ecs-express'): Promise<void> {
  await stage?.stop()
  stage = await openStage({ folder: join(folder, webPlatform), seed: false, webPlatform })
  setup = setupOf(stage.stack.sandbox.world)
}

type Outcome = 'deployed' | 'refused' | 'failed'

type Cell = {
  readonly platform: 'ECS' | 'App Runner' | 'ECS Express'
  readonly what: string
  readonly arrange: () => Promise<unknown>
  readonly inputs?: Readonly<Record<string, string>>
  readonly outcome: Outcome
  /** What the log and the summary have to say. */
  readonly cause: readonly RegExp[]
}

/** What the container that dies prints. */
const INVALID = /Invalid environment variables: \{ SALT/

const WEB_FIRST = { order: 'web,worker,clickhouse' }
const CLICKHOUSE_FIRST = { order: 'clickhouse,worker,web', 'clickhouse-version': '24.12.3' }

const worker = (outcome: EcsOutcome, late = false) => ({
  platform: 'ECS' as const,
  arrange: () =>
    arrangeEcs(stage.stack.sandbox.world, {
      cluster: 'langfuse',
      service: 'langfuse_worker',
      image: `${REGISTRY}/langfuse-worker:3.0.0`,
      outcome,
      late,
    }),
})

const clickhouse = (outcome: EcsOutcome) => ({
  platform: 'ECS' as const,
  inputs: CLICKHOUSE_FIRST,
  arrange: () =>
    arrangeEcs(stage.stack.sandbox.world, {
      cluster: 'langfuse',
      service: 'clickhouse',
      image: `${REGISTRY}/clickhouse:24.12.3`,
      outcome,
    }),
})

const web = (outcome: AppRunnerOutcome) => ({
  platform: 'App Runner' as const,
  inputs: WEB_FIRST,
  arrange: () => arrangeWeb(outcome),
})

async function arrangeWeb(outcome: AppRunnerOutcome): Promise<void> {
  const { world } = stage.stack.sandbox
  const image = `${REGISTRY}/langfuse-web:3.0.0`
  const { ends } = await arrangeAppRunner(world, { serviceArn: webService(world).arn, image, outcome })
  // A success is Langfuse's own: the checks after it ask what it reports.
  if (ends === 'SUCCEEDED') restoreImages(world, setup.images)
}

/** Arranged when UpdateService of App Runner is on its way: after the preflight. */
const lateWeb = (happens: () => unknown) => ({
  platform: 'App Runner' as const,
  inputs: WEB_FIRST,
  arrange: async () => {
    const end = stage.stack.sandbox.world.onRequest(async ({ phase, service, operation }) => {
      if (phase !== 'before' || service !== 'apprunner' || operation !== 'UpdateService') return
      end()
      await happens()
    })
  },
})

const CELLS: readonly Cell[] = [
  {
    ...worker('breaker-rolled-back'),
    what: 'breaker rolled back',
    outcome: 'failed',
    cause: [/ROLLBACK_\w+/, INVALID],
  },
  {
    ...worker('breaker-rolled-back'),
    arrange: async () => {
      stage.stack.sandbox.world.faults.add({
        operation: 'DescribeServiceDeployments',
        kind: 'access-denied',
        times: Number.POSITIVE_INFINITY,
      })
      await worker('breaker-rolled-back').arrange()
    },
    what: 'breaker rolled back, seen without DescribeServiceDeployments',
    outcome: 'failed',
    cause: [/(ECS rolled back to deployment|as FAILED)/, INVALID],
  },
  {
    ...worker('breaker-without-rollback'),
    what: 'breaker without rollback',
    outcome: 'failed',
    cause: [/as FAILED: ECS deployment circuit breaker/, INVALID],
  },
  {
    ...worker('never-starts'),
    what: 'never starts, no breaker',
    outcome: 'failed',
    cause: [/no running task; ECS retries forever because the service has no circuit breaker/, INVALID],
  },
  {
    ...worker('superseded'),
    what: 'superseded by another deployment',
    outcome: 'failed',
    cause: [/deployment ecs-svc\/\d+ .* replaced ecs-svc\/\d+/],
  },
  {
    ...worker('stopped-abort'),
    what: 'stopped by a person (ABORT)',
    outcome: 'failed',
    cause: [/stopped by a user|someone stopped the deployment/],
  },
  {
    ...worker('stopped-rollback'),
    what: 'stopped by a person (ROLLBACK)',
    outcome: 'failed',
    cause: [/(rolled back|stopped) by a user|someone asked ECS to roll the deployment back/],
  },
  {
    ...worker('image-missing'),
    what: 'image missing',
    outcome: 'refused',
    cause: [/worker image `.*langfuse-worker:3\.0\.0` does not exist in its registry\. Push it first/],
  },
  {
    ...worker('image-missing', true),
    what: 'image missing, late',
    outcome: 'failed',
    cause: [/The image does not exist in its registry/, /CannotPullContainerError.*: not found/],
  },
  {
    ...worker('wrong-platform'),
    what: 'wrong platform',
    outcome: 'refused',
    cause: [/worker image .* is built for linux\/amd64, but .* runs on linux\/arm64/],
  },
  {
    ...worker('wrong-platform', true),
    what: 'wrong platform, late',
    outcome: 'failed',
    cause: [/The image has no variant for linux\/arm64/],
  },
  {
    ...worker('out-of-memory'),
    what: 'out of memory',
    outcome: 'failed',
    cause: [/out of memory|OutOfMemoryError/i],
  },
  {
    ...clickhouse('efs-unresolved'),
    what: 'EFS mount failure (name)',
    outcome: 'failed',
    cause: [/EFS file system fs-\w+ does not resolve/],
  },
  {
    ...clickhouse('efs-access-denied'),
    what: 'EFS mount failure (access)',
    outcome: 'failed',
    cause: [/EFS refused the mount/],
  },
  {
    ...web('rolled-back'),
    what: 'rolled back',
    outcome: 'failed',
    cause: [/ROLLBACK_\w+/, INVALID],
  },
  {
    ...web('rollback-failed'),
    what: 'rollback failed',
    outcome: 'failed',
    cause: [/ROLLBACK_\w+/, INVALID],
  },
  {
    ...web('failed'),
    what: 'failed',
    outcome: 'failed',
    cause: [/App Runner's operation \w+ failed/, INVALID],
  },
  {
    ...web('busy'),
    what: 'service busy',
    outcome: 'refused',
    cause: [/App Runner service langfuse_web is busy: START_DEPLOYMENT .*\. Wait until it has ended/],
  },
  {
    ...lateWeb(() => arrangeWeb('busy')),
    what: 'service busy, late',
    outcome: 'failed',
    cause: [/Service cannot be updated in the current state: OPERATION_IN_PROGRESS/],
  },
  {
    ...web('paused'),
    what: 'paused',
    outcome: 'refused',
    cause: [/App Runner service langfuse_web is PAUSED, .*: resume or repair it/],
  },
  {
    // At once: the clock stands still while the deploy waits for its answer.
    ...lateWeb(() =>
      Object.assign(webService(stage.stack.sandbox.world), { status: 'PAUSED', instance: undefined }),
    ),
    what: 'paused, late',
    outcome: 'failed',
    cause: [/Service cannot be updated in the current state: PAUSED/],
  },
  {
    ...web('create-failed'),
    what: 'create failed',
    outcome: 'refused',
    cause: [/App Runner service langfuse_web is CREATE_FAILED, .*: resume or repair it/],
  },
]

/** They change the databases, so they come last, with a rollback between. */
const SUCCESSES: readonly Cell[] = [
  {
    ...worker('success'),
    arrange: async () => undefined,
    what: 'success',
    outcome: 'deployed',
    cause: [/✔ worker \(ECS service langfuse_worker\): runs langfuse-worker@sha256:\w+ \(deployment ecs-svc/],
  },
  {
    ...web('success'),
    what: 'success',
    outcome: 'deployed',
    cause: [/✔ web \(App Runner service langfuse_web\): runs langfuse-web@sha256:\w+ \(operation /],
  },
  {
    ...web('beyond-first-page'),
    what: 'operation beyond the first page',
    outcome: 'deployed',
    cause: [/✔ web \(App Runner service langfuse_web\): runs langfuse-web@sha256:\w+ \(operation /],
  },
]

const express = (outcome: EcsOutcome) => ({
  platform: 'ECS Express' as const,
  inputs: WEB_FIRST,
  arrange: () =>
    arrangeEcs(stage.stack.sandbox.world, {
      cluster: 'langfuse',
      service: 'langfuse_web',
      image: `${REGISTRY}/langfuse-web:3.0.0`,
      outcome,
    }),
})

/** On a stage of their own. */
const EXPRESS: readonly Cell[] = [
  {
    ...express('breaker-rolled-back'),
    what: 'rolled back',
    outcome: 'failed',
    cause: [/ROLLBACK_\w+/, INVALID],
  },
  {
    ...express('success'),
    arrange: async () => undefined,
    what: 'success',
    outcome: 'deployed',
    cause: [/✔ web \(ECS service langfuse_web\): runs langfuse-web@sha256:\w+ \(deployment ecs-svc/],
  },
]

const name = (cell: Cell) => [`${cell.platform}: ${cell.what}`, cell] as const

/** Putting ClickHouse back takes a busy machine a while. */
const SETTLE_MS = 300_000

test.each(CELLS.map(name))('%s', failsAsItShould, SETTLE_MS)

test.each(SUCCESSES.map(name))(
  '%s',
  async (_, cell) => {
    await succeeds(cell)
    const back = await stage.run('rollback', { to: '2.93.7' })
    expect(back.outputs['outcome']).toBe('rolled-back')
    setup = setupOf(stage.stack.sandbox.world)
  },
  SETTLE_MS,
)

test.each(EXPRESS.map(name))(
  '%s',
  async (title, cell) => {
    if (setup.web !== undefined) await open('ecs-express')
    await (cell.outcome === 'deployed' ? succeeds(cell) : failsAsItShould(title, cell))
  },
  SETTLE_MS,
)

async function failsAsItShould(_: string, cell: Cell): Promise<void> {
  const { result, writes } = await deploy(cell)
  for (const cause of cell.cause) {
    expect(result.stdout).toMatch(cause)
    expect(plain(result.summary)).toMatch(cause)
  }
  expect(result.outputs['current-version']).toBe('2.93.7')
  if (cell.outcome === 'refused') expect(writes).toEqual([])
  seen.set(cell, { ...told(result), named: true })
}

async function succeeds(cell: Cell): Promise<void> {
  const { result } = await deploy(cell)
  for (const cause of cell.cause) expect(result.stdout).toMatch(cause)
  expect(result.outputs['current-version']).toBe('3.0.0')
  seen.set(cell, { ...told(result), named: true })
}

async function deploy(cell: Cell): Promise<{ result: RunResult; writes: readonly string[] }> {
  await putBack(stage, setup)
  await cell.arrange()
  const { requests } = stage.stack.sandbox
  const from = requests.length
  const result = await stage.run('deploy', { ...UPGRADE, ...cell.inputs })
  seen.set(cell, { ...told(result), named: false })
  expect(told(result)).toEqual({ outcome: cell.outcome, exitCode: cell.outcome === 'deployed' ? 0 : 1 })
  const writes = requests
    .slice(from)
    .filter(isWrite)
    .map(request => request.operation)
  return { result, writes }
}

const UPGRADE = { version: '3.0.0', 'on-failure': 'stop', backup: 'false', migrate: 'boot', timeout: '30m' }

function told(result: RunResult) {
  return { outcome: result.outputs['outcome'], exitCode: result.exitCode }
}

/** A summary without its Markdown. */
function plain(summary: string): string {
  return summary.replaceAll('\\', '').replaceAll('&nbsp;', ' ').replaceAll('&#39;', "'")
}

const seen = new Map<Cell, { outcome: string | undefined; exitCode: number; named: boolean }>()

/** What a reader of the log of CI sees, good or bad. */
function printTable(): void {
  const rows = [...CELLS, ...SUCCESSES, ...EXPRESS].map(cell => {
    const { outcome = 'none', exitCode = -1, named = false } = seen.get(cell) ?? {}
    const right = named && outcome === cell.outcome
    return [cell.platform, cell.what, outcome, String(exitCode), named ? 'named' : '-', right ? 'OK' : 'NG']
  })
  const header = ['runs on', 'AWS ends with', 'outcome', 'exit', 'cause', '']
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map(row => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]) =>
    row.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  ')
  const right = rows.filter(row => row[5] === 'OK').length
  process.stdout.write(`\n${[header, ...rows].map(line).join('\n')}\n${right}/${rows.length} cells right\n`)
}

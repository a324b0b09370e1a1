import { mkdtemp, readFile, rm } from 'node:fs/promises'
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
import type { World } from '../../sandbox/aws/world.ts'
import { openStage, type Stage, type StageRun } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { strangeWeb } from '../support/strange-web.ts'
import {
  cancelledAt,
  ecsService,
  isWrite,
  putBack,
  restoreImages,
  type Setup,
  setupOf,
  webService,
} from './support.ts'

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
  stage = await openStage({ folder: join(folder, webPlatform), seed: false, webPlatform, speed: 60 })
  setup = setupOf(stage.stack.sandbox.world)
}

type Outcome = 'deployed' | 'refused' | 'failed'

type Platform = 'ECS' | 'App Runner' | 'ECS Express'

type Cell = {
  readonly platform: Platform
  /** The service whose rollout the cell is about. */
  readonly service: string
  readonly what: string
  readonly arrange: () => Promise<unknown>
  readonly inputs?: Readonly<Record<string, string>>
  /** The operation of AWS at which a person cancels the run. */
  readonly cancelledAt?: string
  /** What answers at the web's URL instead of it. */
  readonly url?: Parameters<typeof strangeWeb>[0] | 'refused'
  readonly outcome: Outcome
  /** The release that the output names; 2.93.7 after a failure by default. */
  readonly runs?: string
  /** What the log and the summary have to say. */
  readonly cause: readonly RegExp[]
}

/** What the container that dies prints. */
const INVALID = /Invalid environment variables: \{ SALT/

const WEB_FIRST = { order: 'web,worker,clickhouse' }
const CLICKHOUSE_FIRST = { order: 'clickhouse,worker,web', 'clickhouse-version': '24.12.3' }

const worker = (outcome: EcsOutcome, late = false) => ({
  platform: 'ECS' as const,
  service: 'langfuse_worker',
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
  service: 'clickhouse',
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
  service: 'langfuse_web',
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
  service: 'langfuse_web',
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
    ...worker('success'),
    arrange: async () => stage.stack.sandbox.world.images.pullSeconds.set('langfuse-worker', 100_000),
    inputs: { timeout: '10m' },
    what: 'hangs',
    outcome: 'failed',
    cause: [
      /waiting for deployment ecs-svc\/\d+ of ECS service langfuse_worker; last seen: 0 of 1 tasks running/,
    ],
  },
  {
    ...worker('success'),
    arrange: async () => undefined,
    what: 'cancelled (SIGINT)',
    cancelledAt: 'UpdateService',
    // A cancelled run has no time to ask the web.
    runs: '',
    outcome: 'failed',
    cause: [/[Cc]ancelled/],
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
    ...worker('success'),
    arrange: async () => undefined,
    url: 'Langfuse 3.0.0',
    what: 'URL of another environment',
    outcome: 'refused',
    cause: [/reports Langfuse 3\.0\.0, but the web's image .* is 2\.93\.7/],
  },
  {
    ...web('create-failed'),
    what: 'create failed',
    outcome: 'refused',
    cause: [/App Runner service langfuse_web is CREATE_FAILED, .*: resume or repair it/],
  },
]

const WORKER_RUNS = [
  /✔ worker \(ECS service langfuse_worker\): runs langfuse-worker@sha256:\w+ \(deployment ecs-svc/,
]
const WEB_RUNS = [/✔ web \(App Runner service langfuse_web\): runs langfuse-web@sha256:\w+ \(operation /]

/** What AWS's own pace, or trouble that passes, may not turn into a failure. */
const goesWell = (what: string, arrange: (world: World) => unknown): Cell => ({
  ...worker('success'),
  arrange: async () => arrange(stage.stack.sandbox.world),
  what,
  outcome: 'deployed',
  cause: WORKER_RUNS,
})

const UNREADABLE = [
  ['login', /cannot read the web's URL, because .*redirects to login\.example\.com/],
  ['basic auth', /cannot read the web's URL, because .*401/],
  ['self-signed', /cannot read the web's URL, because .*(SELF_SIGNED|self-signed|certificate)/],
  ['refused', /cannot read the web's URL, because .*ECONNREFUSED/],
  ['HTML of another product', /cannot read the web's URL, because /],
] as const

/** They change the databases, so they come last, with a rollback between. */
const SUCCESSES: readonly Cell[] = [
  // Provisioning and the old task's end take the rest.
  ...[20, 47, 180].map(seconds =>
    goesWell(`success after about ${seconds} s`, world =>
      world.images.pullSeconds.set('langfuse-worker', Math.max(1, seconds - 20)),
    ),
  ),
  goesWell('reads are 5 s old', ({ faults }) => {
    faults.lag({ of: 'ecs', seconds: 5 })
    faults.lag({ of: 'apprunner', seconds: 5 })
  }),
  goesWell('six throttles in a row', ({ faults }) =>
    faults.add({ operation: '*', kind: 'throttle', times: 6, each: 'distinct' }),
  ),
  goesWell('two errors 500 on each call', ({ faults }) =>
    faults.add({ operation: '*', kind: 'server-error', times: 2, each: 'call' }),
  ),
  ...UNREADABLE.map(
    ([url, reason]): Cell => ({
      ...goesWell(`URL unreadable: ${url}`, () => undefined),
      url,
      cause: [...WORKER_RUNS, reason],
    }),
  ),
  {
    ...lateWeb(() => undefined),
    arrange: async () => stage.stack.sandbox.world.faults.lag({ of: 'apprunner.ListOperations', seconds: 3 }),
    what: 'operation listed 3 s late',
    outcome: 'deployed',
    cause: WEB_RUNS,
  },
  {
    ...lateWeb(() => undefined),
    arrange: async () => stage.stack.sandbox.world.images.pullSeconds.set('langfuse-web', 120),
    what: 'success after more than 180 s',
    outcome: 'deployed',
    cause: WEB_RUNS,
  },
  {
    ...web('success'),
    what: 'success',
    outcome: 'deployed',
    cause: WEB_RUNS,
  },
  {
    ...web('beyond-first-page'),
    what: 'operation beyond the first page',
    outcome: 'deployed',
    cause: WEB_RUNS,
  },
]

const express = (outcome: EcsOutcome) => ({
  platform: 'ECS Express' as const,
  service: 'langfuse_web',
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
  expect(result.outputs['current-version'] ?? '').toBe(cell.runs ?? '2.93.7')
  if (cell.outcome === 'refused') expect(writes).toEqual([])
  isRight(cell)
}

async function succeeds(cell: Cell): Promise<void> {
  const { result } = await deploy(cell)
  for (const cause of cell.cause) expect(result.stdout).toMatch(cause)
  expect(result.outputs['current-version']).toBe('3.0.0')
  isRight(cell)
}

async function deploy(cell: Cell): Promise<{ result: RunResult; writes: readonly string[] }> {
  await putBack(stage, setup)
  await cell.arrange()
  const { requests, world, vpcEnv } = stage.stack.sandbox
  const from = requests.length
  const watch = watchRollout(world, cell)
  const peak = join(folder, 'peak')
  await rm(peak, { force: true })
  const env = { NODE_OPTIONS: `${vpcEnv['NODE_OPTIONS']} --import ${PEAK}`, PEAK_FILE: peak }
  const strange = cell.url === undefined || cell.url === 'refused' ? undefined : await strangeWeb(cell.url)
  const url = cell.url === 'refused' ? 'http://127.0.0.1:1' : strange?.url
  const run = (options: StageRun) =>
    stage.run(
      'deploy',
      { ...UPGRADE, ...cell.inputs, ...(url !== undefined && { url }) },
      { ...options, env, onLine: line => watch.read(line) },
    )
  const { cancelledAt: at } = cell
  const result = await (at === undefined
    ? run({})
    : cancelledAt(stage, { at: call => call.operation === at, run }))
  watch.end()
  await strange?.close()
  const mine = requests.slice(from)
  seen.set(cell, {
    ...told(result),
    named: false,
    late: watch.late(),
    calls: mine.length,
    peak: Number(await readFile(peak, 'utf8').catch(() => Number.NaN)),
  })
  expect(told(result)).toEqual({ outcome: cell.outcome, exitCode: cell.outcome === 'deployed' ? 0 : 1 })
  return { result, writes: mine.filter(isWrite).map(request => request.operation) }
}

const UPGRADE = { version: '3.0.0', 'on-failure': 'stop', backup: 'false', migrate: 'boot', timeout: '30m' }

/** Writes the process's peak memory in MB when it ends. */
const PEAK = `data:text/javascript,${encodeURIComponent(`
  import { writeFileSync } from 'node:fs'
  process.on('exit', () => writeFileSync(process.env.PEAK_FILE, String(process.resourceUsage().maxRSS / 1024)))
`)}`

/** How many seconds of the world pass between AWS's end of the rollout and the line of the step. */
function watchRollout(world: World, { platform, service }: Cell) {
  const known = stateOf(world, platform, service)
  let ended: number | undefined
  let told: number | undefined
  const now = () => world.clock.now().getTime() / 1_000
  const look = () => {
    const state = stateOf(world, platform, service)
    const over = state.id !== known.id && !/^(PENDING|IN_PROGRESS)$/.test(state.status)
    ended ??= over ? now() : undefined
  }
  return {
    end: world.clock.every(1, look),
    read: (line: string) => {
      if (!/^[✔✘] /.test(line) || !line.includes(service)) return
      // The run may see the end before the next look here.
      look()
      told ??= now()
    },
    late: () => (ended === undefined || told === undefined ? undefined : told - ended),
  }
}

/** The newest rollout of a service, and what AWS shows of it. */
function stateOf(world: World, platform: Platform, name: string): { id: string; status: string } {
  if (platform === 'App Runner') {
    // Other operations come and go beside it.
    const operation = webService(world).operations.find(({ type }) => type === 'UPDATE_SERVICE')
    return { id: operation?.id ?? '', status: operation?.status ?? '' }
  }
  const { deployments, serviceDeployments } = ecsService(world, name)
  const [newest] = serviceDeployments
  const deployment = deployments.find(({ id }) => id === newest?.deployment.id)
  const status = deployment?.rolloutState === 'FAILED' ? 'FAILED' : (newest?.status ?? '')
  return { id: newest?.arn ?? '', status }
}

function told(result: RunResult) {
  return { outcome: result.outputs['outcome'], exitCode: result.exitCode }
}

/** A summary without its Markdown. */
function plain(summary: string): string {
  return summary.replaceAll('\\', '').replaceAll('&nbsp;', ' ').replaceAll('&#39;', "'")
}

type Seen = {
  readonly outcome: string | undefined
  readonly exitCode: number
  readonly named: boolean
  readonly late: number | undefined
  readonly calls: number
  readonly peak: number
}

const seen = new Map<Cell, Seen>()

function isRight(cell: Cell): void {
  const before = seen.get(cell)
  if (before !== undefined) seen.set(cell, { ...before, named: true })
}

const HEADER = ['runs on', 'AWS ends with', 'outcome', 'exit', 'cause', 's after', 'calls', 'peak MB', '']

/** What a reader of the log of CI sees, good or bad. `s after`: world's seconds between AWS's end and the step's. */
function printTable(): void {
  const rows = [...CELLS, ...SUCCESSES, ...EXPRESS].map(cell => {
    const { outcome = 'none', exitCode = -1, named = false, late, calls, peak } = seen.get(cell) ?? {}
    const right = named && outcome === cell.outcome
    const numbers = [late?.toFixed(1), calls, peak?.toFixed(0)].map(number => String(number ?? '-'))
    return [
      cell.platform,
      cell.what,
      outcome,
      String(exitCode),
      named ? 'named' : '-',
      ...numbers,
      right ? 'OK' : 'NG',
    ]
  })
  const widths = HEADER.map((_, column) =>
    Math.max(...[HEADER, ...rows].map(row => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]) =>
    row.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  ')
  const right = rows.filter(row => row.at(-1) === 'OK').length
  process.stdout.write(`\n${[HEADER, ...rows].map(line).join('\n')}\n${right}/${rows.length} cells right\n`)
}

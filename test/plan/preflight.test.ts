import { expect, test } from '@jest/globals'
import { BadInput } from '../../src/errors/errors.ts'
import { readDeployConfig } from '../../src/inputs/config.ts'
import type { Plan, Refusal } from '../../src/plan/plan.ts'
import { planDeploy } from '../../src/plan/plan-deploy.ts'
import type { BackgroundMigration, Stack } from '../../src/stack/stack.ts'
import { known, unknown } from '../../src/stack/stack.ts'
import type { Targets } from '../../src/stack/targets.ts'
import { fakeRunner } from '../support/runner.ts'
import { DIGEST, onRelease } from '../support/stack.ts'
import { CATALOG, image, stackOn, targetsFor } from '../support/stack-on.ts'

type Inputs = { readonly version: string } & Readonly<Record<string, string>>

/** The plan that deploy would make of these inputs on this stack, with the project's own catalog. */
function plan(stack: Stack, inputs: Inputs, targets?: Targets): Plan | Refusal {
  const config = readDeployConfig(fakeRunner('deploy', inputs))
  const wanted = targets ?? targetsFor(inputs.version, inputs['clickhouse-version'])
  return planDeploy({ config, stack, targets: wanted, facts: CATALOG })
}

function problems(result: Plan | Refusal): readonly string[] {
  return result.kind === 'refusal' ? result.problems : []
}

function warningsOf(result: Plan | Refusal): readonly string[] {
  if (result.kind === 'refusal') throw new Error(result.problems.join('\n'))
  return result.warnings
}

const newestV3 = CATALOG.releases.filter(({ version }) => version.startsWith('3.')).at(-1)?.version ?? ''
const newestV4 = CATALOG.releases.at(-1)?.version ?? ''

const row = (
  name: string,
  state: BackgroundMigration['state'],
  gate: string | undefined = undefined,
): BackgroundMigration => ({ name, state, gate })
const TRACES = '20241024_1730_migrate_traces_from_pg_to_ch'
const RUN_ITEMS = '20250814_1001_migrate_dataset_run_items_rmt_pg_to_ch'

test.each(['3', '3.225', 'v4', 'latest', 'main'])(
  'a floating tag (%s) is refused before anything is looked at',
  version => {
    expect(() => readDeployConfig(fakeRunner('deploy', { version }))).toThrow(BadInput)
    expect(() => readDeployConfig(fakeRunner('deploy', { version }))).toThrow(
      /floating tag that can move to another major version\. Set it to an exact release/,
    )
  },
)

test('all that stands in the way is said at once: the stop, the ClickHouse, the environment, the images', () => {
  const { container, ...worker } = stackOn('2.93.7').worker
  const stack = {
    ...stackOn('2.93.7', { clickhouse: '24.3.18' }),
    worker: { ...worker, container: { ...container, environment: {} } },
  }
  const targets = { web: image('langfuse-web', newestV4, DIGEST.web3, { presence: 'missing' }) }
  expect(problems(plan(stack, { version: newestV4 }, targets))).toEqual([
    expect.stringMatching(/Deploy 3\.29\.0 first/),
    expect.stringMatching(/needs ClickHouse 25\.12 or newer/),
    expect.stringMatching(/web image `\S+` does not exist/),
    expect.stringMatching(/worker of Langfuse \S+ does not start without `CLICKHOUSE_URL`/),
  ])
  expect(problems(plan(stackOn('2.93.7'), { version: '3.207.0' }))).toEqual([
    expect.stringMatching(/Deploy 3\.29\.0 first/),
    expect.stringMatching(/with data on EFS/),
  ])
})

type Row = readonly [name: string, stack: Stack, inputs: Inputs, sentence: RegExp]

const REFUSALS: readonly Row[] = [
  [
    'a release that the catalog does not know',
    stackOn('3.0.0'),
    { version: '3.0.1' },
    /^Langfuse 3\.0\.1 is not in this action's catalog \(newest: \S+\), .*\. Use a newer version of this action, or deploy/,
  ],
  [
    'a pre-release',
    stackOn('3.225.4', { clickhouse: '25.12.3' }),
    { version: '4.0.0-rc.0' },
    /4\.0\.0-rc\.0 is a pre-release\. .*\. Deploy a final release/,
  ],
  [
    'an older release',
    stackOn('3.29.0'),
    { version: '3.0.0' },
    /3\.29\.0 is running, and 3\.0\.0 is older\. .*Use the rollback action with `to: 3\.0\.0`/,
  ],
  [
    '3.28.2, which holds 2.95.1',
    stackOn('3.0.0'),
    { version: '3.28.2' },
    /images of Langfuse 3\.28\.2 contain 2\.95\.1: they were published under a wrong tag\. .*\. Deploy 3\.28\.3\.$/,
  ],
  [
    'v2 that is too old for a v3 beside it',
    onRelease(stackOn('2.93.7'), '2.90.0'),
    { version: '3.0.0' },
    /3\.0\.0 cannot be deployed directly over 2\.90\.0, because v3 can run alongside v2 only from 2\.92\.0 on\. Deploy 2\.95\.12 first/,
  ],
  [
    'v2 past the stop at 3.29.0',
    stackOn('2.93.7'),
    { version: '3.29.1' },
    /because v3 releases after 3\.29\.0 remove database objects that v2 still uses\. Deploy 3\.29\.0 first, wait until its background migrations have finished, then deploy 3\.29\.1\.$/,
  ],
  [
    'v2 to v4, past both stops',
    stackOn('2.93.7', { clickhouse: '25.12.3' }),
    { version: newestV4 },
    new RegExp(`Deploy 3\\.29\\.0 first, wait .*, then deploy ${newestV3}, then ${newestV4}\\.$`),
  ],
  [
    'a v3 before the newest one to v4',
    stackOn('3.100.0', { clickhouse: '25.12.3' }),
    { version: newestV4 },
    new RegExp(`v4 drops the tables that v3's background migrations copy from\\. Deploy ${newestV3} first`),
  ],
  [
    'v4 on ClickHouse 24.3',
    stackOn(newestV3, { clickhouse: '24.3.18' }),
    { version: newestV4 },
    /needs ClickHouse 25\.12 or newer, but 24\.3\.18 is older\. Set `clickhouse-version` to 25\.12 or newer/,
  ],
  [
    'a ClickHouse version that is still too old',
    stackOn(newestV3, { clickhouse: '24.3.18' }),
    { version: newestV4, 'clickhouse-version': '25.11.9' },
    /needs ClickHouse 25\.12 or newer, but 25\.11\.9 is older\. Set `clickhouse-version`/,
  ],
  [
    'v3 on ClickHouse 23.8',
    stackOn('2.93.7', { clickhouse: '23.8.1' }),
    { version: '3.0.0' },
    /needs ClickHouse 24\.3 or newer, but 23\.8\.1 is older/,
  ],
  ...['3.207.0', '3.212.0'].map(
    (version): Row => [
      `${version} with ClickHouse's data on EFS`,
      stackOn('3.206.0'),
      { version },
      /Langfuse 3\.2\S+ fails in ClickHouse migration 36 with data on EFS, .*: deploy 3\.213\.0 or newer\.$/,
    ],
  ),
  [
    "ClickHouse's schema from the future",
    {
      ...stackOn('3.28.3'),
      clickhouseStore: known({ version: '24.8.7', timezone: 'UTC', head: 8, dirty: false }, 'x'),
    },
    { version: '3.28.3' },
    /schema is at version 8, but Langfuse 3\.28\.3 knows only 7, .*\. Deploy the release that migrated to 8/,
  ],
  [
    'v2 to beyond 3.29.0 with its data not copied yet',
    stackOn('3.29.0', { background: [row(TRACES, 'unfinished')] }),
    { version: '3.30.0' },
    /migration 20241024_1730_\S+ has not finished\. Langfuse requires it to finish on 3\.29\.0 .*\. Wait until it has/,
  ],
  [
    'v4 while a copy from a table that it drops has not finished',
    stackOn(newestV3, { clickhouse: '25.12.3', background: [row(RUN_ITEMS, 'unfinished')] }),
    { version: newestV4 },
    /20250814_1001_\S+ has not finished\. Langfuse 4\.0\.0 drops its source tables, .*lost\. Wait until it has/,
  ],
  [
    'v4 while such a copy has failed',
    stackOn(newestV3, { clickhouse: '25.12.3', background: [row(TRACES, 'failed')] }),
    { version: newestV4 },
    /20241024_1730_\S+ failed\. Langfuse 4\.0\.0 drops .*\. Read `failed_reason` .* and fix the cause\. Retry the migration/,
  ],
]

test.each(REFUSALS)('refuses %s, with the remedy, and nothing else', (_name, stack, inputs, sentence) => {
  expect(problems(plan(stack, inputs))).toEqual([expect.stringMatching(sentence)])
})

test.each<readonly [string, Stack, Inputs]>([
  ['v2 to the stop', stackOn('2.93.7'), { version: '3.29.0' }],
  ['the newest v2 to an early v3', stackOn('2.95.12'), { version: '3.0.0' }],
  ['the stop to the newest v3', stackOn('3.29.0'), { version: newestV3 }],
  ['an early v3 that is not at the stop to a later one', stackOn('3.0.0'), { version: '3.100.0' }],
  ['the newest v3 to v4', stackOn(newestV3, { clickhouse: '25.12.3' }), { version: newestV4 }],
  ['v4 to v4', stackOn('4.0.0', { clickhouse: '25.12.3' }), { version: newestV4 }],
  ['3.206 to 3.213 on EFS', stackOn('3.206.0'), { version: '3.213.0' }],
  ['3.207 to 3.208 on EFS, where its migration has run', stackOn('3.207.0'), { version: '3.208.0' }],
  [
    '3.207.0 without EFS',
    {
      ...stackOn('3.206.0'),
      clickhouse: {
        ...stackOn('3.206.0').clickhouse,
        taskDefinition: { ...stackOn('3.206.0').clickhouse.taskDefinition, volumes: [] },
      },
    },
    { version: '3.207.0' },
  ],
])('lets %s through', (_name, stack, inputs) => {
  expect(problems(plan(stack, inputs))).toEqual([])
})

test('the class of the way back is the worst of its migrations, and what is lost for good is named', () => {
  expect(plan(stackOn('3.0.0'), { version: '3.1.0' })).toMatchObject({ rollbackClass: 'images', losses: [] })
  expect(plan(stackOn('3.29.0'), { version: '3.100.0' })).toMatchObject({
    rollbackClass: 'schema',
    losses: [],
  })
  const unseen = unknown<never>('no agent may run', 'not-asked')
  expect(plan({ ...stackOn('3.29.0'), postgres: unseen }, { version: '3.100.0' })).toMatchObject({
    rollbackClass: 'lossy',
    losses: expect.arrayContaining([expect.stringContaining('20250321102240_drop_queue_backup_table: ')]),
  })
  const toV4 = stackOn(newestV3, { clickhouse: '25.12.3' })
  expect(plan(toV4, { version: '4.0.0' })).toMatchObject({
    rollbackClass: 'restore',
    losses: [expect.stringContaining('0039: in the older release, everything written while')],
  })
})

const V4_1 = '20260701_v4_step_1_create_root_spans_from_traces'
const BACKFILL = 'LANGFUSE_BACKGROUND_MIGRATION_V4_ENABLE_HISTORIC_BACKFILL'

function withWorkerVariable(stack: Stack, name: string, value: string): Stack {
  const { container } = stack.worker
  const environment = { ...container.environment, [name]: value }
  return { ...stack, worker: { ...stack.worker, container: { ...container, environment } } }
}

test.each<readonly [string, string, string | undefined, boolean]>([
  ['v3, gate not set: dormant', newestV3, undefined, false],
  ['v3, gate "false": dormant', newestV3, 'false', false],
  ['v3, gate "true": runs', newestV3, 'true', true],
  ['v4, gate not set: runs, it is the default there', '4.0.0', undefined, true],
  ['v4, gate "false": dormant', '4.0.0', 'false', false],
])('a background migration behind a gate: %s', (_name, release, value, warned) => {
  const bare = stackOn(release, { clickhouse: '25.12.3', background: [row(V4_1, 'unfinished', BACKFILL)] })
  const stack = value === undefined ? bare : withWorkerVariable(bare, BACKFILL, value)
  const found = warningsOf(plan(stack, { version: newestV4 })).filter(sentence => sentence.includes(V4_1))
  expect(found).toEqual(
    warned
      ? [expect.stringMatching(/requires all background migrations to finish before the next upgrade\. Wait/)]
      : [],
  )
})

test('rows that v2 leaves to v3 are no reason to wait; a v3 worker that runs none has to be told to', () => {
  const about = (stack: Stack, version: string) =>
    warningsOf(plan(stack, { version })).filter(sentence => sentence.includes(TRACES))
  const background = [row(TRACES, 'unfinished')]
  expect(about(stackOn('2.93.7', { background }), '3.0.0')).toEqual([])
  const off = withWorkerVariable(
    stackOn('3.0.0', { background }),
    'LANGFUSE_ENABLE_BACKGROUND_MIGRATIONS',
    'false',
  )
  expect(about(off, '3.1.0')).toEqual([
    expect.stringMatching(/Set the worker's LANGFUSE_ENABLE_BACKGROUND_MIGRATIONS to `true` and wait/),
  ])
})

test('a plan on v2 never advises to wait for what v2 does not run; what failed on v3 is to be re-run', () => {
  const names = [TRACES, 'b2', 'b3', 'b4']
  const open = stackOn('2.93.7', { background: names.map(name => row(name, 'unfinished')) })
  expect(plan(open, { version: '3.100.0' })).toMatchObject({
    kind: 'refusal',
    problems: [expect.stringMatching(/Deploy 3\.29\.0 first/)],
  })
  const failed = stackOn('2.93.7', { background: names.map(name => row(name, 'failed')) })
  const about = (result: Plan | Refusal) =>
    warningsOf(result).filter(warning => warning.includes('ackground migration'))
  expect(about(plan(failed, { version: '3.0.0' }))).toEqual([
    expect.stringContaining(`\`rerun-background-migrations: ${names.join(',')}\``),
  ])
  const rerun = { version: '3.0.0', 'rerun-background-migrations': names.join(',') }
  expect(about(plan(failed, rerun))).toEqual([])
})

test('a background migration that nothing depends on yet is a warning', () => {
  const background = [row('20250711_1347_patch_llm_tool_schema_audit_logs', 'failed')]
  expect(warningsOf(plan(stackOn('3.100.0', { background }), { version: '3.101.0' }))).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/20250711_1347_\S+ failed\. .*\. Read `failed_reason` .* and fix the cause/),
    ]),
  )
})

test('ClickHouse goes first when the target needs a newer one, and the plan says why', () => {
  const stack = stackOn(newestV3, { clickhouse: '25.3.2' })
  const result = plan(stack, { version: newestV4, 'clickhouse-version': '25.12.3' })
  if (result.kind === 'refusal') throw new Error(result.problems.join('\n'))
  const rolled = result.steps.flatMap(step => ('component' in step ? [step.component] : []))
  expect(rolled).toEqual(['clickhouse', 'worker', 'web'])
  const kinds = result.steps.map(step => step.kind)
  expect(kinds.indexOf('migrate')).toBeGreaterThan(kinds.indexOf('roll-ecs'))
  expect(result.steps.find(step => 'component' in step && step.component === 'clickhouse')?.reason).toMatch(
    /ClickHouse is deployed first, although `order` is `worker,clickhouse,web`, because Langfuse \S+ needs ClickHouse 25\.12 or newer and 25\.3\.2 is running\./,
  )
})

test('a newer ClickHouse that the target does not need keeps its place', () => {
  const result = plan(stackOn('3.100.0'), { version: '3.101.0', 'clickhouse-version': '25.3.2' })
  if (result.kind === 'refusal') throw new Error(result.problems.join('\n'))
  const rolled = result.steps.flatMap(step => ('component' in step ? [step.component] : []))
  expect(rolled).toEqual(['worker', 'clickhouse', 'web'])
})

function rolledBy(result: Plan | Refusal) {
  if (result.kind === 'refusal') throw new Error(result.problems.join('\n'))
  return result.steps.flatMap(step =>
    step.kind === 'roll-ecs' || step.kind === 'roll-app-runner' ? [step] : [],
  )
}

test.each<readonly [string, Stack, Inputs, RegExp | undefined]>([
  [
    "v2's copies, which no v2 runs",
    stackOn('2.93.7', { background: [row(TRACES, 'unfinished')] }),
    { version: '3.0.0' },
    /^Change ClickHouse .*ClickHouse is deployed before the worker, because the worker of Langfuse 3\.0\.0 starts 1 background migration \(20241024_1730_\S+ first\), and they would fail when ClickHouse stops\.$/,
  ],
  [
    'rows that the target brings',
    stackOn('3.29.0'),
    { version: '3.225.4' },
    /starts 6 background migrations \(20250417_1737_\S+ first\)/,
  ],
  [
    'databases that are not seen, on v2',
    { ...stackOn('2.93.7'), postgres: unknown('no agent', 'not-asked') },
    { version: '3.0.0' },
    /starts 4 background migrations/,
  ],
  [
    'rows that have finished',
    stackOn('3.0.0', { background: [row(TRACES, 'finished')] }),
    { version: '3.1.0' },
    undefined,
  ],
  [
    'rows behind a gate that is closed',
    stackOn('3.224.0', { background: [row(V4_1, 'unfinished', BACKFILL)] }),
    { version: '3.225.4' },
    undefined,
  ],
  [
    'a worker that runs none',
    withWorkerVariable(
      stackOn('2.93.7', { background: [row(TRACES, 'unfinished')] }),
      'LANGFUSE_ENABLE_BACKGROUND_MIGRATIONS',
      'false',
    ),
    { version: '3.0.0' },
    undefined,
  ],
])('what the new worker sets going is not disturbed: %s', (_name, stack, inputs, why) => {
  const rolled = rolledBy(plan(stack, { ...inputs, 'clickhouse-version': '25.3.2' }))
  expect(rolled.map(({ component }) => component)).toEqual(
    why === undefined ? ['worker', 'clickhouse', 'web'] : ['clickhouse', 'worker', 'web'],
  )
  const reason = rolled.find(({ component }) => component === 'clickhouse')?.reason
  if (why === undefined) expect(reason).not.toMatch(/before the worker/)
  else expect(reason).toMatch(why)
})

test('an order that was asked for is kept, with what goes wrong in it', () => {
  const stack = stackOn('2.93.7', { background: [row(TRACES, 'unfinished')] })
  const inputs = { version: '3.0.0', 'clickhouse-version': '25.3.2', order: 'worker,web,clickhouse' }
  const result = plan(stack, inputs)
  expect(rolledBy(result).map(({ component }) => component)).toEqual(['worker', 'web', 'clickhouse'])
  expect(warningsOf(result)).toContainEqual(
    expect.stringMatching(
      /^Input `order` is `worker,web,clickhouse`, so ClickHouse stops after .* may fail\. Set `order: clickhouse,worker,web`\.$/,
    ),
  )
})

test('a copy that runs now is not stopped under: with a new ClickHouse it is a refusal, without one it is none', () => {
  const stack = stackOn('3.29.0', { background: [{ ...row(TRACES, 'unfinished'), active: true }] })
  expect(problems(plan(stack, { version: '3.29.0', 'clickhouse-version': '25.3.2' }))).toEqual([
    expect.stringMatching(/1730_\S+ is running, and would fail when this deploy stops ClickHouse\. Wait/),
  ])
  expect(problems(plan(stack, { version: '3.29.0' }))).toEqual([])
})

test.each<readonly [string, string, string, RegExp | undefined]>([
  ['over more than a year', '24.8.7', '25.12.3', /jumps from 24\.8\.7 to 25\.12\.3, .*EFS recovery point/],
  ['within a year', '25.3.2', '25.12.3', undefined],
  ['backwards', '25.3.2', '24.8.7', /changes from 25\.3\.2 to the older 24\.8\.7 on the same data/],
])('an upgrade of ClickHouse %s', (_name, from, to, sentence) => {
  const stack = stackOn('3.100.0', { clickhouse: from })
  const found = warningsOf(plan(stack, { version: '3.101.0', 'clickhouse-version': to })).filter(text =>
    /^ClickHouse (jumps|changes from)/.test(text),
  )
  expect(found).toEqual(sentence === undefined ? [] : [expect.stringMatching(sentence)])
})

test('what cannot be told is a warning: the release that runs, the ClickHouse that runs', () => {
  const stack = stackOn('3.100.0')
  const blank = { version: undefined }
  const blind: Stack = {
    ...stack,
    health: unknown('no answer', 'unreachable'),
    web: { ...stack.web, image: { ...stack.web.image, ...blank } },
    worker: { ...stack.worker, image: { ...stack.worker.image, ...blank } },
    clickhouse: { ...stack.clickhouse, image: { ...stack.clickhouse.image, ...blank } },
    clickhouseStore: unknown('not asked', 'not-asked'),
  }
  expect(warningsOf(plan(blind, { version: '3.101.0' }))).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^The running release is unknown: .*Mandatory stops .* were not checked/),
      expect.stringMatching(/^The running ClickHouse version is unknown: .*needs 24\.3 or newer/),
    ]),
  )
  const newer = onRelease(stack, '3.999.0')
  expect(problems(plan(newer, { version: '3.101.0' }))).toEqual([expect.stringMatching(/is older/)])
  const ahead = onRelease(stack, '3.100.99')
  expect(warningsOf(plan(ahead, { version: '3.101.0' }))).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/3\.100\.99 is running, which is not in this action's catalog/),
    ]),
  )
})

const to = '3.101.0'

test.each<readonly [string, Targets, RegExp]>([
  [
    'a web image without linux/amd64 on App Runner',
    { web: image('langfuse-web', to, DIGEST.web3, { platforms: ['linux/arm64'] }) },
    /web image `\S+` is built for linux\/arm64, but App Runner service langfuse_web runs linux\/amd64 only\. Push an image for linux\/amd64/,
  ],
  [
    'a worker image without the architecture of its task definition',
    { worker: image('langfuse-worker', to, DIGEST.worker3, { platforms: ['linux/amd64'] }) },
    /worker image `\S+` is built for linux\/amd64, but task definition langfuse_worker:1 runs on linux\/arm64\. Push/,
  ],
  [
    'a ClickHouse image of the wrong architecture',
    { clickhouse: image('clickhouse', '25.3.2', DIGEST.clickhouseNew, { platforms: ['linux/amd64'] }) },
    /ClickHouse image `\S+` is built for linux\/amd64, but task definition clickhouse:1 runs on linux\/arm64/,
  ],
  [
    'an image that does not exist',
    { web: image('langfuse-web', to, DIGEST.web3, { presence: 'missing' }) },
    /web image `\S+` does not exist in its registry\. Push it first, or set `web-image` to another image/,
  ],
])('refuses %s', (_name, over, sentence) => {
  const targets = { ...targetsFor(to), ...over }
  expect(problems(plan(stackOn('3.100.0'), { version: to }, targets))).toEqual([
    expect.stringMatching(sentence),
  ])
})

test('an image whose platforms are not known is let through; one outside ECR is a warning', () => {
  const web = image('langfuse-web', to, DIGEST.web3, { platforms: undefined })
  expect(problems(plan(stackOn('3.100.0'), { version: to }, { ...targetsFor(to), web }))).toEqual([])
  const elsewhere = { ...web, presence: 'unchecked' as const }
  expect(
    warningsOf(plan(stackOn('3.100.0'), { version: to }, { ...targetsFor(to), web: elsewhere })),
  ).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/is not in ECR, so its existence and its platforms were not checked/),
    ]),
  )
})

test("an image that carries another release's tag is a warning", () => {
  const worker = image('langfuse-worker', '3.99.0', DIGEST.worker3)
  expect(warningsOf(plan(stackOn('3.100.0'), { version: to }, { ...targetsFor(to), worker }))).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/worker image `\S+` has the tag 3\.99\.0, but `version` is 3\.101\.0/),
    ]),
  )
})

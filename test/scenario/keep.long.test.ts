import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { HOSTED, nothingIsLeft, OUTSIDE } from './agent-support.ts'
import {
  asSuperuser,
  type KeepStage,
  messageOf,
  NEWER,
  OLDER,
  openKeepStage,
  planOf,
  schemaSteps,
  UPGRADE,
  upgradeByHand,
} from './keep-support.ts'
import { breakWebAtUpdate, isWrite, lostAt, putBack, type Setup, setupOf } from './support.ts'

/** What v4's migrations delete is kept before them. Each test but the last leaves the stage as it found it. */
let keep: KeepStage
let setup: Setup

beforeAll(async () => {
  keep = await openKeepStage()
  setup = setupOf(keep.stage.stack.sandbox.world)
})

afterEach(() => putBack(keep.stage, setup))

afterAll(() => keep?.close())

const MINUTES = 300_000

test(
  'the plan lists what is kept, how much of it and for how long, and that the deploy goes back by itself',
  async () => {
    const result = await keep.stage.run('deploy', { ...UPGRADE, 'dry-run': 'true' })
    expect(result.outputs['outcome']).toBe('planned')
    const plan = planOf(result)
    expect(plan?.steps.map(({ kind, phase }) => phase ?? kind).slice(0, 3)).toEqual([
      'keep',
      'migrate',
      'close',
    ])
    for (const said of [
      '302 rows of traces',
      '2 rows of dataset_run_items',
      '3 rows of event_log',
      '30 days',
    ])
      expect(plan?.steps[0]?.reason).toContain(said)
    expect(plan?.goesBack).toMatchObject({ answer: 'yes' })
    expect(plan?.losses).toEqual([expect.stringMatching(/^0039: .*events_only/)])
    expect(await keep.kept()).toEqual([])
  },
  MINUTES,
)

type Obstacle = {
  readonly what: string
  readonly says: RegExp
  readonly arrange: () => Promise<unknown>
  readonly tidy: () => Promise<unknown>
}

const OBSTACLES: readonly Obstacle[] = [
  {
    what: 'a table of somebody else in PostgreSQL',
    says: /20260723124010_drop_dataset_run_items_table failed.*permission denied for table dataset_run_items/,
    arrange: () => asSuperuser(keep.stage, 'ALTER TABLE dataset_run_items OWNER TO postgres'),
    tidy: () => asSuperuser(keep.stage, 'ALTER TABLE dataset_run_items OWNER TO langfuse'),
  },
  {
    what: 'a table in ClickHouse whose engine has no partitions',
    says: /ClickHouse migration 0044 failed.*Of 3 rows that are kept of table event_log/,
    arrange: async () => {
      await keep.inClickHouse('RENAME TABLE event_log TO theirs')
      await keep.inClickHouse('CREATE TABLE event_log ENGINE = Log AS SELECT * FROM theirs')
    },
    tidy: async () => {
      await keep.inClickHouse('DROP TABLE event_log')
      await keep.inClickHouse('RENAME TABLE theirs TO event_log')
    },
  },
]

test.each(OBSTACLES)(
  'what cannot be kept stops the deploy before anything else changes: $what',
  async ({ arrange, tidy, says }) => {
    await arrange()
    const from = keep.stage.stack.sandbox.requests.length
    const result = await keep.stage.run('deploy', UPGRADE)
    await tidy()
    expect(result.exitCode).toBe(1)
    expect(result.outputs).toMatchObject({ 'current-version': OLDER })
    expect(messageOf(result)).toMatch(says)
    expect(schemaSteps(result)).toEqual([
      'keep failed',
      'migrate not-started',
      'close not-started',
      'reverse done',
    ])
    expect(keep.stage.stack.sandbox.requests.slice(from).filter(isWrite)).toEqual([])
    await keep.isBack()
    expect(await keep.kept()).toEqual([])
  },
  MINUTES,
)

test.each([
  ['inside', {}, {}],
  ['outside', OUTSIDE, { env: HOSTED }],
] as const)(
  'a web that does not become healthy: all that v4 deleted is back by itself, from %s of the VPC',
  async (_, inputs, options) => {
    const spoiled = breakWebAtUpdate(keep.stage.stack.sandbox.world, NEWER)
    const result = await keep.stage.run('deploy', { ...UPGRADE, ...inputs }, options)
    spoiled.repair()
    expect(messageOf(result)).toContain(`Rolled back: Langfuse ${OLDER} is running again.`)
    expect(result.outputs).toMatchObject({ outcome: 'rolled-back', 'current-version': OLDER })
    expect(schemaSteps(result)).toEqual([
      'keep done',
      'migrate done',
      'close done',
      'expand done',
      'contract done',
      'validate done',
    ])
    await keep.isBack()
    expect(await keep.kept()).toEqual(['given back'])
    await nothingIsLeft(keep.stage)
  },
  MINUTES,
)

test(
  'a run that is lost between keeping and the migrations is run again, and a person goes back without accepting a loss',
  async () => {
    await lostAt(keep.stage, {
      at: ({ operation }) => operation === 'RunTask',
      run: options => keep.stage.run('deploy', UPGRADE, options),
    })
    expect(await keep.kept()).toEqual(['open'])
    await keep.usable()
    expect((await keep.stage.run('verify')).outputs).toMatchObject({ outcome: 'passed', failed: '0' })
    const again = await keep.stage.run('deploy', UPGRADE)
    expect(messageOf(again)).toBe('')
    expect(again.outputs).toMatchObject({ outcome: 'deployed' })
    expect(await keep.kept()).toEqual(['complete'])

    const planned = await keep.stage.run('rollback', { to: 'previous', 'dry-run': 'true' })
    expect(planned.outputs).toMatchObject({ outcome: 'planned', 'rollback-class': 'schema' })
    expect(planOf(planned)?.losses.join('\n')).toMatch(/traces \(302 rows\)/)
    const back = await keep.stage.run('rollback', { to: 'previous' })
    expect(back.outputs).toMatchObject({ outcome: 'rolled-back', 'rollback-class': 'schema' })
    await keep.isBack()
  },
  MINUTES,
)

test(
  'a run that is lost between the migrations and their end: the rollback closes what is kept, and gives it back',
  async () => {
    const { world } = keep.stage.stack.sandbox
    const tasks = () => [...(world.ecs.clusters.get('langfuse')?.tasks.values() ?? [])]
    const before = new Set(tasks())
    const hasMigrated = () =>
      tasks().some(
        task =>
          !before.has(task) &&
          task.taskDefinition.family === 'langfuse-worker-migrate' &&
          task.lastStatus === 'STOPPED',
      )
    await lostAt(keep.stage, {
      at: ({ operation }) => operation === 'DescribeTasks' && hasMigrated(),
      run: options => keep.stage.run('deploy', UPGRADE, options),
    })
    expect(await keep.kept()).toEqual(['open'])
    const back = await keep.stage.run('rollback', { to: OLDER })
    expect(messageOf(back)).toBe('')
    expect(back.outputs).toMatchObject({ outcome: 'rolled-back', 'rollback-class': 'schema' })
    expect(schemaSteps(back)[0]).toBe('close done')
    // What is given back is in no archive.
    expect(back.outputs['archived-rows']).toBe('0')
    await keep.isBack()
  },
  MINUTES,
)

test(
  'what v4 alone has written is counted before a person accepts that v3 does not show it; the rest comes back',
  async () => {
    expect((await keep.stage.run('deploy', UPGRADE)).outputs).toMatchObject({ outcome: 'deployed' })
    await keep.inClickHouse(
      `INSERT INTO events_full (project_id, trace_id, span_id, created_at)
       SELECT 'project-new', 'trace-new', toString(number), now64(6) + toIntervalYear(1) FROM numbers(4)`,
    )
    const refused = await keep.stage.run('rollback', { to: 'previous' })
    expect(refused.outputs['outcome']).toBe('refused')
    expect(messageOf(refused)).toMatch(/class `restore` \(0039: .*events_only.*Set `accept: restore`/)
    const accepted = { to: 'previous', accept: 'restore' }
    const planned = await keep.stage.run('rollback', { ...accepted, 'dry-run': 'true' })
    expect(planOf(planned)?.losses.join('\n')).toMatch(
      /\(.*; 4 events written after the last row of traces, which the older release does not show\)/,
    )
    const back = await keep.stage.run('rollback', accepted)
    expect(back.outputs).toMatchObject({ outcome: 'rolled-back', 'rollback-class': 'restore' })
    await keep.isBack()
  },
  MINUTES,
)

test(
  'a stack that somebody upgraded by hand has nothing kept: its class is the old one, and the tables come back empty',
  async () => {
    await upgradeByHand(keep.stage, NEWER)
    const refused = await keep.stage.run('rollback', { to: OLDER })
    expect(refused.outputs['outcome']).toBe('refused')
    expect(messageOf(refused)).toMatch(
      /This rollback has class `restore` \(20260723150000_drop_legacy_tracing_tables.*Set `accept: restore`/,
    )
    const back = await keep.stage.run('rollback', { to: OLDER, accept: 'restore' })
    expect(back.outputs).toMatchObject({ outcome: 'rolled-back', 'rollback-class': 'restore' })
    expect(await keep.query('SELECT FROM traces')).toEqual([])
    expect(await keep.inClickHouse('SELECT id FROM event_log')).toEqual([])
  },
  MINUTES,
)

import { expect, test } from '@jest/globals'
import { type DeployConfig, readDeployConfig } from '../../src/inputs/config.ts'
import type { GoesBack, Plan } from '../../src/plan/plan.ts'
import { goesBackLine } from '../../src/plan/plan.ts'
import { planDeploy } from '../../src/plan/plan-deploy.ts'
import { planRollback, planUndo } from '../../src/plan/plan-rollback.ts'
import { clickhouseName, withRelease } from '../../src/release/facts.ts'
import type { Release } from '../../src/release/release.ts'
import { known, type Stack, unknown } from '../../src/stack/stack.ts'
import { fakeRunner } from '../support/runner.ts'
import { CATALOG, keptOf, type StackOptions, stackOn, targetsFor, withKept } from '../support/stack-on.ts'

const FACTS = withRelease(CATALOG, {
  version: '4.17.0',
  tree: {
    postgres: [...CATALOG.postgresMigrations('4.16.0').map(({ name }) => name), '20990101000000_newer'],
    clickhouse: Array.from({ length: CATALOG.clickhouseHead('4.16.0') }, (_, index) => index + 1),
  },
  readFrom: 'https://github.com/langfuse/langfuse',
})

const configOf = (inputs: Record<string, string> = {}): DeployConfig =>
  readDeployConfig(fakeRunner('deploy', { version: '3.0.0', ...inputs }))

function deploy(
  stack: Stack,
  version: string,
  inputs: Record<string, string> | DeployConfig = {},
): Plan | undefined {
  const given = 'onFailure' in inputs ? (inputs as DeployConfig) : configOf(inputs as Record<string, string>)
  const config = { ...given, version: version as Release }
  const plan = planDeploy({ config, stack, targets: targetsFor(version), facts: FACTS })
  return plan.kind === 'plan' ? plan : undefined
}

const CLICKHOUSE = { clickhouse: '25.12.3' }
const goesBack = (...given: Parameters<typeof deploy>): GoesBack | undefined => deploy(...given)?.goesBack
const lineOf = (...given: Parameters<typeof deploy>): string | undefined => {
  const found = goesBack(...given)
  return found && goesBackLine(found)
}

test.each<readonly [string, string, Record<string, string>, string]>([
  [
    '2.93.7',
    '3.0.0',
    {},
    'yes, because it can undo 3 migrations without losing data. If a migration stops halfway, a person must repair it first.',
  ],
  ['3.0.0', '3.1.0', {}, 'yes, because only the images change.'],
  [
    '2.93.7',
    '3.29.0',
    {},
    'yes, because it can undo 17 migrations without losing data. If a migration stops halfway, a person must repair it first.',
  ],
  [
    '2.93.7',
    '3.29.0',
    { accept: 'lossy' },
    'yes, because it can undo 17 migrations without losing data. If a migration stops halfway, a person must repair it first.',
  ],
  [
    '3.225.4',
    '4.16.0',
    { accept: 'lossy' },
    'yes, because it can undo 17 migrations. What only the new release writes until then stays in the archive, and Langfuse 3.225.4 does not show it. If a migration stops halfway, a person must repair it first.',
  ],
  [
    '2.93.7',
    '3.0.0',
    { 'on-failure': 'stop' },
    'no, because `on-failure` is `stop`. Fix the cause and re-run this deploy, or run the rollback action with `to: 2.93.7`.',
  ],
  [
    '4.16.0',
    '4.17.0',
    {},
    'yes, because Langfuse 4.16.0 starts although Postgres migration 20990101000000_newer stays applied: only the images go back. If a migration stops halfway, a person must repair it first.',
  ],
])('%s → %s with %j says whether it goes back by itself', (from, to, inputs, line) => {
  expect(lineOf(stackOn(from, CLICKHOUSE), to, inputs)).toBe(`Goes back by itself: ${line}`)
})

const BLIND = {
  postgres: unknown<never>('no agent may run', 'not-asked'),
  clickhouseStore: unknown<never>('no agent may run', 'not-asked'),
}

test('what the run does not see decides nothing: without databases, only a deploy without migrations goes back', () => {
  expect(lineOf({ ...stackOn('2.93.7', CLICKHOUSE), ...BLIND }, '3.0.0')).toBe(
    'Goes back by itself: no, because this run does not reach PostgreSQL and ClickHouse, so it cannot undo migrations. Give this run access to PostgreSQL and ClickHouse, or after a failure run the rollback action with `to: 2.93.7` where it has access. Or fix the cause and re-run this deploy. A failure before the migrations still goes back.',
  )
  expect(goesBack({ ...stackOn('3.0.0', CLICKHOUSE), ...BLIND }, '3.1.0')?.answer).toBe('yes')
})

test('an older image that is gone from its registry: no, and it is named', () => {
  const stack = stackOn('2.93.7', CLICKHOUSE)
  const { tags: _, ...image } = stack.worker.image
  const gone = { ...stack, worker: { ...stack.worker, image } }
  expect(goesBack(gone, '3.0.0')).toMatchObject({
    answer: 'no',
    because: 'the image that worker runs is not in its registry any more.',
  })
  const unread = { ...stack, worker: { ...stack.worker, image: { ...image, unseen: 'denied' } } }
  expect(goesBack(unread, '3.0.0')?.answer).toBe('yes')
})

test('nothing to do: yes, because nothing changes; and a rollback that fails stops where it is', () => {
  const stack = stackOn('3.0.0', CLICKHOUSE)
  expect(lineOf({ ...stack, ...atRest(stack) }, '3.0.0')).toBe(
    'Goes back by itself: yes, because it changes nothing.',
  )
  const plan = planRollback(rollbackTo('2.93.7', stack, new Set()))
  expect(plan.kind === 'plan' && goesBackLine(plan.goesBack)).toBe(
    'Goes back by itself: no, because a rollback that fails stops at that step. Fix the cause and re-run it: it resumes. To go forward again instead, deploy 3.0.0.',
  )
})

test('who approves the steps approves how a failure ends, too', () => {
  const digests = [{}, { accept: 'lossy' }, { 'on-failure': 'stop' }].map(
    inputs => deploy(stackOn('2.93.7', CLICKHOUSE), '3.29.0', inputs)?.digest,
  )
  expect(digests[0]).toBe(digests[1])
  expect(digests[2]).not.toBe(digests[0])
})

/** Of the official route, and a release that the catalog does not know. */
const STOPS = ['3.29.0', '3.225.4', '4.16.0', '4.17.0']

/** Releases that bring something to either database, the oldest, and one that the catalog does not know. */
const RELEASES = FACTS.releases.filter(({ version, clickhouseHead, mislabelled }, index, all) => {
  const before = all.slice(0, index).findLast(item => item.mislabelled === undefined)
  if (mislabelled !== undefined) return false
  return (
    STOPS.includes(version) ||
    before === undefined ||
    clickhouseHead !== before.clickhouseHead ||
    namesOf(version) !== namesOf(before.version)
  )
})

/** From one release in ten and from the stops: to the next one, to the stops of the official route, and to the newest. */
const PAIRS = RELEASES.flatMap(({ version: from }, index) =>
  index % 10 === 0 || STOPS.includes(from)
    ? RELEASES.slice(index + 1)
        .filter(({ version: to }, distance) => distance === 0 || STOPS.includes(to))
        .map(({ version: to }) => [from, to] as const)
    : [],
)

function namesOf(version: string): string {
  return FACTS.postgresMigrations(version)
    .map(({ name }) => name)
    .join()
}

test('the answer is what the undo really does after the last step, for each pair of releases and each setting', () => {
  const settings = [
    { config: configOf(), seen: true },
    { config: configOf({ accept: 'lossy' }), seen: true },
    { config: configOf({ accept: 'lossy' }), seen: false },
  ]
  const found = settings.flatMap(({ config, seen }) =>
    PAIRS.flatMap(([from, to]) => {
      const plan = deploy(onRelease(from, seen), to, config)
      if (plan === undefined) return []
      const after = afterKeeping(onRelease(to, seen), plan)
      const really = planUndo(rollbackTo(from, after, config.accept)).kind === 'plan'
      return { from, to, seen, really: really ? 'yes' : 'no', plan }
    }),
  )
  const wrong = found.filter(({ plan, really }) => plan.goesBack.answer !== really)
  expect(
    wrong.map(({ from, to, seen, plan }) => `${from} → ${to}, ${seen}: ${goesBackLine(plan.goesBack)}`),
  ).toEqual([])
  const kinds = new Set(found.map(({ plan, really }) => `${really} ${plan.rollbackClass}`))
  // Of class restore only what v4 itself has written is left; what is lossy was kept, wherever it could be.
  const all = ['yes schema', 'no schema', 'yes restore', 'no restore', 'no lossy']
  expect([...kinds].sort()).toEqual(expect.arrayContaining(all))
})

/** What the deploy has kept. */
function afterKeeping(stack: Stack, { steps }: Plan): Stack {
  const kept = steps.flatMap(step =>
    step.kind === 'keep-data' && step.phase === 'close'
      ? [...step.postgres, ...step.clickhouse.map(clickhouseName)].flatMap(migration => keptOf(migration))
      : [],
  )
  return withKept(stack, kept)
}

function onRelease(version: string, seen: boolean, options: StackOptions = CLICKHOUSE): Stack {
  const catalogued = CATALOG.release(version) === undefined ? '4.16.0' : version
  const stack = stackOn(catalogued, options)
  if (!stack.postgres.known) throw new Error('unreachable')
  const migrations = FACTS.postgresMigrations(version).map(row => ({ ...row, state: 'applied' as const }))
  const at = { ...stack.web.image, version }
  return {
    ...stack,
    worker: { ...stack.worker, image: { ...stack.worker.image, version } },
    web: { ...stack.web, image: at },
    health: known({ status: 200, version }, 'health'),
    postgres: known({ ...stack.postgres.value, migrations }, 'aurora'),
    ...(seen ? {} : BLIND),
  }
}

const ROLLBACK = configOf()

function rollbackTo(
  release: string,
  stack: Stack,
  accept: ReadonlySet<string>,
): Parameters<typeof planUndo>[0] {
  return {
    config: { ...ROLLBACK, to: release as Release, sql: 'auto', accept, dryRun: false },
    stack,
    target: { release: release as Release, wanted: {}, source: 'test', record: undefined, warnings: [] },
    targets: targetsFor(release),
    facts: FACTS,
  }
}

/** Runs the images of `targetsFor`, and ClickHouse is safe. */
function atRest(stack: Stack): Pick<Stack, 'web' | 'worker' | 'clickhouse'> {
  const targets = targetsFor('3.0.0')
  const { service } = stack.clickhouse
  return {
    web: { ...stack.web, image: { ...stack.web.image, digest: targets.web?.digest } },
    worker: { ...stack.worker, image: { ...stack.worker.image, digest: targets.worker?.digest } },
    clickhouse: {
      ...stack.clickhouse,
      service: {
        ...service,
        settings: { ...service.settings, minimumHealthyPercent: 0, maximumPercent: 100 },
      },
    },
  }
}

import { expect, test } from '@jest/globals'
import { acceptAsBaseline, keepBaseline, observeDeployed } from '../../src/entries/keep-baseline.ts'
import type { Ports } from '../../src/entries/ports.ts'
import { GitHubFailure } from '../../src/errors/errors.ts'
import { readVerifyConfig } from '../../src/inputs/config.ts'
import type { Baseline, KeptRecord, Records } from '../../src/ports/github.ts'
import type { Stack } from '../../src/stack/stack.ts'
import { unknown } from '../../src/stack/stack.ts'
import { fakeRunner } from '../support/runner.ts'
import { FACTS, stackOn2 } from '../support/stack.ts'

/** Records in memory; `record` is the way back of the last deploy. */
function fakeRecords(over: Partial<Records> = {}) {
  const kept: Baseline[] = []
  const state: { record: KeptRecord | undefined; running: boolean | undefined } = {
    record: undefined,
    running: undefined,
  }
  const records: Records = {
    location: 'GitHub environment langfuse of acme/infra',
    open: async () => '1',
    mark: async () => undefined,
    keep: async () => undefined,
    latest: async () => state.record,
    undone: async () => undefined,
    keepBaseline: async baseline => String(kept.push(baseline)),
    baseline: async () => {
      const baseline = kept.at(-1)
      return baseline && { id: String(kept.length), baseline }
    },
    isRunning: async () => state.running,
    ...over,
  }
  return { kept, state, records }
}

const runner = fakeRunner('verify', {}, { AWS_REGION: 'eu-west-1', GITHUB_RUN_ID: '5' })
const config = readVerifyConfig(runner)
const portsOf = (records: Records | undefined): Ports =>
  ({ runner, facts: FACTS, records: () => records }) as unknown as Ports

const scaled = (stack: Stack): Stack => ({
  ...stack,
  worker: { ...stack.worker, service: { ...stack.worker.service, desiredCount: 7 } },
})

function inProgress(run: string): KeptRecord {
  const images = { web: 'w', worker: 'w', clickhouse: 'c' }
  const record = { schema: 1 as const, from: '2.93.7', to: '3.0.0', images, taskDefinitions: {}, run }
  return {
    id: '9',
    state: 'in_progress',
    run,
    record: { ...record, postgresMigrations: 1, clickhouseHead: 1 },
  }
}

test('the baseline names the run that left it', async () => {
  const { records, kept } = fakeRecords()
  expect(await keepBaseline(stackOn2(), { by: 'rollback', config, ports: portsOf(records) })).toEqual([])
  expect(kept).toMatchObject([{ by: 'rollback', run: '5', release: '2.93.7' }])
})

test('a baseline that cannot be saved is a warning with the permission to give', async () => {
  const denied = async () => {
    throw new GitHubFailure('It is refused. Give the job `permissions: deployments: write`.', {
      kind: 'denied',
      cause: new Error('Resource not accessible by integration'),
    })
  }
  const { records } = fakeRecords({ keepBaseline: denied, baseline: denied })
  const warnings = await keepBaseline(stackOn2(), { by: 'deploy', config, ports: portsOf(records) })
  expect(warnings).toEqual([expect.stringMatching(/`permissions: deployments: write`.*not accessible/)])
  expect(await acceptAsBaseline(stackOn2(), config, portsOf(records))).toEqual([
    expect.stringMatching(
      /^Could not read the drift baseline in GitHub environment langfuse of acme\/infra.*: .*Resource not accessible/,
    ),
  ])
})

test('without GitHub, or without an observation, nothing is written and nothing is reported', async () => {
  expect(await keepBaseline(stackOn2(), { by: 'deploy', config, ports: portsOf(undefined) })).toEqual([])
  expect(
    await keepBaseline(undefined, { by: 'deploy', config, ports: portsOf(fakeRecords().records) }),
  ).toEqual([])
})

test('a deploy without anything to do writes a baseline once, and again only when something differs', async () => {
  const { records, kept } = fakeRecords()
  const ports = portsOf(records)
  expect(await acceptAsBaseline(stackOn2(), config, ports)).toEqual([])
  expect(await acceptAsBaseline(stackOn2(), config, ports)).toEqual([])
  expect(kept).toHaveLength(1)
  expect(await acceptAsBaseline(scaled(stackOn2()), config, ports)).toEqual([
    expect.stringMatching(
      /^Accepted into the baseline and no longer reported as drift: worker desired count: `1` → `7`\.$/,
    ),
  ])
  expect(kept).toHaveLength(2)
})

test('an observation with less than the one before does not replace it', async () => {
  const { records, kept } = fakeRecords()
  await acceptAsBaseline(stackOn2(), config, portsOf(records))
  const blind = stackOn2({ postgres: unknown('no agent is allowed', 'not-asked') })
  await acceptAsBaseline(blind, config, portsOf(records))
  expect(kept).toHaveLength(1)
  await acceptAsBaseline(scaled(blind), config, portsOf(records))
  expect(kept).toHaveLength(2)
  expect(kept[1]?.fingerprint.parts.postgres).toEqual(kept[0]?.fingerprint.parts.postgres)
})

test('a deploy that ends during the observation is not drift', async () => {
  const { records } = fakeRecords()
  const ports = portsOf(records)
  await keepBaseline(stackOn2(), { by: 'deploy', config, ports })
  const observeStack = async () => {
    await keepBaseline(scaled(stackOn2()), { by: 'deploy', config, ports })
    return stackOn2()
  }
  const { deployed } = await observeDeployed(config, ports, observeStack)
  expect(deployed).toMatchObject({ known: true, value: { underway: { certain: true } } })
})

test.each([
  ['begins', undefined, inProgress('6')],
  ['ends', inProgress('6'), undefined],
] as const)('a deploy that %s during the observation is reported', async (_word, before, after) => {
  const { records, state } = fakeRecords()
  Object.assign(state, { record: before, running: true })
  const { deployed } = await observeDeployed(config, portsOf(records), async () => {
    state.record = after
    return stackOn2()
  })
  expect(deployed).toMatchObject({
    value: {
      underway: {
        certain: true,
        sentence: expect.stringMatching(/^Workflow run 6 is deploying Langfuse 3\.0\.0/),
      },
    },
  })
})

test.each([
  ['its run is over', '6', false],
  ['it is of this very run', '5', true],
] as const)('an open record is not a deploy in progress when %s', async (_why, run, running) => {
  const { records, state } = fakeRecords()
  Object.assign(state, { record: inProgress(run), running })
  const { deployed } = await observeDeployed(config, portsOf(records), async () => stackOn2())
  expect(deployed).toMatchObject({ known: true, value: { underway: undefined } })
})

test('denied records are no evidence, and the stack is observed all the same', async () => {
  const denied = async () => {
    throw new GitHubFailure('It is refused. Give the job `permissions: deployments: write`.', {
      kind: 'denied',
      cause: new Error('Resource not accessible by integration'),
    })
  }
  const { records } = fakeRecords({ latest: denied })
  const { stack, deployed } = await observeDeployed(config, portsOf(records), async () => stackOn2())
  expect(stack.cluster).toBe('langfuse')
  expect(deployed).toMatchObject({ known: false, because: 'no-evidence' })
})

import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import { createCloud } from '../../src/adapters/aws.ts'
import { createHttp } from '../../src/adapters/machine.ts'
import { createAgent } from '../../src/agent/agent.ts'
import type { Execution } from '../../src/execute/execution.ts'
import { readVerifyConfig } from '../../src/inputs/config.ts'
import type { UndoSchema } from '../../src/plan/plan.ts'
import type { Clock } from '../../src/ports/runner.ts'
import type { DownSql } from '../../src/schema/down-sql.ts'
import type { Loss } from '../../src/stack/count-losses.ts'
import { observe } from '../../src/stack/observe.ts'
import { unseenInside } from '../../src/stack/probe-inside.ts'
import type { Stack } from '../../src/stack/stack.ts'
import { FAMILY, nothingIsLeft } from '../scenario/agent-support.ts'
import { fakeRunner } from '../support/runner.ts'
import { FACTS } from '../support/stack.ts'

/** Down SQL that is longer than a task definition, on the sandbox's ECS and a real PostgreSQL. */
let folder: string
let stage: Stage
let stack: Stack
const cloud = createCloud('ap-northeast-1')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kept-'))
  stage = await openStage({ folder, seed: false })
  Object.assign(process.env, stage.stack.sandbox.env)
  const config = readVerifyConfig(fakeRunner('verify', { url: stage.stack.webUrl }))
  const nothing = unseenInside('not the subject', 'not-asked')
  stack = await observe(config, {
    cloud,
    http: createHttp(),
    probeInside: async () => nothing,
    probeIsExpensive: false,
  })
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** The agents' runner lives in the sandbox's time, as an action does, while `work` goes on. */
async function inItsTime<Result>(work: () => Promise<Result>): Promise<Result> {
  const participant = stage.stack.sandbox.join()
  time = participant.env['SANDBOX_TIME'] ?? ''
  return work().finally(participant.leave)
}

let time = ''
const clock: Clock = {
  now: () => stage.stack.sandbox.world.clock.now().getTime(),
  sleep: async milliseconds => void (await fetch(`${time}&sleep=${milliseconds / 1000}`)),
  random: Math.random,
  every: () => () => undefined,
}

const ROWS = 5_800

/** Some 300 kB in which nothing repeats: of random digits nothing can be compressed but their being digits. */
function longSql(): string {
  const row = (index: number) => createHash('sha256').update(String(index)).digest('hex').slice(0, 40)
  const values = Array.from({ length: ROWS }, (_, index) => `(${index}, '${row(index)}')`)
  return `CREATE TABLE IF NOT EXISTS synthetic (n int PRIMARY KEY, v text);
INSERT INTO synthetic VALUES ${values.join(',\n')} ON CONFLICT DO NOTHING;`
}

const STEP: UndoSchema = {
  kind: 'undo-schema',
  phase: 'expand',
  postgres: ['20991231000000_synthetic'],
  clickhouse: [],
  clickhouseHead: undefined,
  reason: '',
}

function executionOf(steps: readonly UndoSchema[], sql: string, said: string[]): Execution {
  const file: DownSql = {
    migration: '20991231000000_synthetic',
    class: 'schema',
    loses: 'nothing',
    counts: [],
    sections: { keep: '', expand: sql, prepare: '', contract: 'SELECT 1;', validate: '' },
  }
  const facts = { ...FACTS, downSql: () => file }
  return {
    plan: { steps },
    stack,
    facts,
    clock,
    deadline: clock.now() + 3_600_000,
    signal: new AbortController().signal,
    rollbackId: 'synthetic-1',
    say: (line: string) => said.push(line),
  } as unknown as Execution
}

const agent = (said: string[]) =>
  createAgent({
    cloud,
    clock,
    signal: new AbortController().signal,
    say: line => said.push(line),
    program: name => readFile(`dist/agent/${name}.js`, 'utf8'),
    optional: false,
    publicKey: undefined,
  })

async function query(sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: stage.stack.databaseUrlLocal })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

const definitions = () =>
  stage.stack.sandbox.requests.filter(
    ({ operation, input }) =>
      operation === 'RegisterTaskDefinition' && JSON.stringify(input).includes(FAMILY),
  )

test('300 kB of down SQL goes to PostgreSQL in parts, and runs from there', async () => {
  const sql = longSql()
  expect(sql.length).toBeGreaterThan(300_000)
  const said: string[] = []
  await inItsTime(() => agent(said).undo(STEP, executionOf([STEP], sql, said)))
  const parts = Number(/: (\d+) agents store it in PostgreSQL first/.exec(said.join('\n'))?.[1])
  expect(parts).toBeGreaterThan(3)
  expect(definitions()).toHaveLength(parts + 1)
  const sizes = definitions().map(({ input }) => Buffer.byteLength(JSON.stringify(input)))
  expect(Math.max(...sizes)).toBeLessThan(64 * 1024)
  expect(
    await query('SELECT count(*)::int AS count, md5(string_agg(v, $$,$$ ORDER BY n)) AS hash FROM synthetic'),
  ).toEqual([{ count: ROWS, hash: hashOf() }])
  expect(await query('SELECT phase FROM langfuse_rollout.journal')).toEqual([{ phase: 'expand' }])
  expect(await query('SELECT id FROM langfuse_rollout.agent_texts')).toEqual([])
  await nothingIsLeft(stage)
})

function hashOf(): string {
  const all = [...longSql().matchAll(/'([0-9a-f]{40})'/g)].map(match => match[1])
  return createHash('md5').update(all.join(',')).digest('hex')
}

test('parts that are not whole run nothing', async () => {
  await query('DROP TABLE IF EXISTS synthetic')
  const said: string[] = []
  const lost = stage.stack.sandbox.world.onRequest(async ({ phase, operation }) => {
    // Between the parts and the agent that runs them, one part is lost.
    if (phase !== 'before' || operation !== 'RunTask') return
    const [row] = await query('SELECT count(*)::int AS count FROM langfuse_rollout.agent_texts')
    if (Number(row?.['count']) > 3) await query('DELETE FROM langfuse_rollout.agent_texts WHERE part = 1')
  })
  const undone = inItsTime(() => agent(said).undo(STEP, executionOf([STEP], longSql(), said)))
  await expect(undone).rejects.toThrow(/is incomplete \(\d+ of \d+ parts\), so none of it ran/)
  lost()
  expect(await query('SELECT to_regclass($$synthetic$$) AS there')).toEqual([{ there: null }])
})

test('what is short goes with the task, and phases that follow each other are one task', async () => {
  const said: string[] = []
  const before = definitions().length
  const contract = { ...STEP, phase: 'contract' as const }
  const execution = executionOf([STEP, contract], 'SELECT 1;', said)
  const { undo } = agent(said)
  expect(await inItsTime(() => undo(STEP, execution))).toMatchObject({ postgres: 0 })
  expect(await inItsTime(() => undo(contract, execution))).toMatchObject({ postgres: 1 })
  expect(definitions().length - before).toBe(1)
  expect(said.join('\n')).not.toMatch(/store it in PostgreSQL/)
})

/** A SELECT for each, with a comment that cannot be compressed; the third counts what is not there. */
function manyLosses(): readonly Loss[] {
  return Array.from({ length: 300 }, (_, index) => ({
    store: index % 4 === 0 ? ('clickhouse' as const) : ('postgres' as const),
    migration: 'm',
    what: 'rows',
    sql:
      index === 2
        ? 'SELECT count(*) FROM not_there'
        : `SELECT ${index} /* ${createHash('sha512').update(String(index)).digest('hex')} */`,
  }))
}

test('what is counted may take several agents, and what cannot be counted stays open', async () => {
  const said: string[] = []
  const before = definitions().length
  const counted = await inItsTime(() => agent(said).count(manyLosses(), stack.worker))
  expect(definitions().length - before).toBeGreaterThan(1)
  expect(counted.map(({ count }) => count)).toEqual(
    manyLosses().map((_, index) => (index === 2 ? undefined : index)),
  )
  await nothingIsLeft(stage)
})

test('an agent that does not come leaves all numbers open, and says why', async () => {
  const said: string[] = []
  stage.stack.sandbox.world.taskFaults.add({
    family: FAMILY,
    stoppedReason: 'CannotPullContainerError: pull image manifest has been retried 7 time(s)',
  })
  const counted = await inItsTime(() => agent(said).count(manyLosses().slice(0, 3), stack.worker))
  expect(counted.map(({ count }) => count)).toEqual([undefined, undefined, undefined])
  expect(said.join('\n')).toMatch(
    /could not count what a rollback would archive, because .*CannotPullContainerError/,
  )
  stage.stack.sandbox.world.taskFaults.add({ family: FAMILY, stoppedReason: 'Task failed to start' })
  const rearmed = inItsTime(() => agent(said).rearm.rearm(['x'], executionOf([], '', said)))
  await expect(rearmed).rejects.toThrow(
    /needs an agent inside the VPC to re-arm background migrations: .*Run again: migrations that are already re-armed/,
  )
})

test('nothing to count starts no agent', async () => {
  const before = definitions().length
  expect(await agent([]).count([], stack.worker)).toEqual([])
  expect(definitions().length).toBe(before)
})

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { type Postgres as Engine, startPostgres } from '../../sandbox/engines/postgres.ts'
import { createPostgres } from '../../src/adapters/postgres.ts'
import { execute } from '../../src/execute/execute.ts'
import type { StepResult } from '../../src/execute/execution.ts'
import type { RerunBackgroundMigrations } from '../../src/plan/plan.ts'
import type { Ecs, EcsService, ServiceChange } from '../../src/ports/cloud.ts'
import { observePostgres } from '../../src/stack/observe-databases.ts'
import { executionOf } from '../support/execution.ts'
import { ecsService } from '../support/stack.ts'

/** The real statements on a real table, with a worker that takes rows as Langfuse's manager does. */
let engine: Engine
let folder: string
let client: Client

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rerun-'))
  engine = await startPostgres({ folder })
  client = new Client({ connectionString: engine.url })
  await client.connect()
  await client.query(`CREATE TABLE background_migrations (id text PRIMARY KEY, name text UNIQUE, script text NOT NULL DEFAULT 'x', args jsonb NOT NULL,
    state jsonb NOT NULL DEFAULT '{}', finished_at timestamp(3), failed_at timestamp(3), failed_reason text,
    worker_id text, locked_at timestamp(3))`)
})

afterAll(async () => {
  await client?.end()
  await engine?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** A finished one, a failed one, one that a worker is at, and one that a killed worker left. */
beforeEach(async () => {
  await client.query(`TRUNCATE background_migrations`)
  await client.query(`INSERT INTO background_migrations (id, name, args, state, finished_at, failed_at, failed_reason, worker_id, locked_at) VALUES
    ('1', '2024_a', '{}', '{"maxDate":"2024"}', timestamp '2024-12-01', NULL, NULL, 'w1', NULL),
    ('2', '2024_b', '{}', '{"maxDate":"2024"}', NULL, timestamp '2024-12-02', 'socket hang up', 'w1', NULL),
    ('3', '2024_c', '{}', '{"maxDate":"2024"}', NULL, NULL, NULL, 'w1', now() AT TIME ZONE 'UTC'),
    ('4', '2024_d', '{}', '{"maxDate":"2024"}', NULL, NULL, NULL, 'w1', now() AT TIME ZONE 'UTC' - interval '61 s')`)
})

type Worker = (client: Client) => Promise<void>

const OPEN = 'finished_at IS NULL AND failed_at IS NULL'
/** At each start: the first open row is locked, unless another worker has it. */
const takesTheFirst: Worker = async db => {
  await db.query(`UPDATE background_migrations SET worker_id = 'w2', locked_at = now() AT TIME ZONE 'UTC'
    WHERE name = (SELECT min(name) FROM background_migrations WHERE ${OPEN})`)
}
const finishesAll: Worker = async db => {
  await db.query(
    `UPDATE background_migrations SET worker_id = 'w2', finished_at = now(), locked_at = NULL WHERE ${OPEN}`,
  )
}
const failsAll: Worker = async db => {
  await db.query(
    `UPDATE background_migrations SET failed_at = now(), failed_reason = 'traces table does not exist', locked_at = NULL WHERE ${OPEN}`,
  )
}
const doesNothing: Worker = async db => {
  await db.query(`UPDATE background_migrations SET locked_at = NULL WHERE ${OPEN}`)
}
const losesTheTable: Worker = async db => {
  await db.query(`DELETE FROM background_migrations`)
}

/** An ECS whose forced deployment is a restart of the worker. */
function ecsWith(worker: Worker): { ecs: Ecs; changes: ServiceChange[] } {
  const changes: ServiceChange[] = []
  let service: EcsService = ecsService('langfuse_worker', { taskDefinition: 'langfuse-worker:7' })
  const ecs: Partial<Ecs> = {
    service: async () => service,
    tasks: async () => [],
    updateService: async change => {
      changes.push(change)
      const deploymentId = `ecs-svc/${changes.length + 1}`
      const [current] = service.deployments
      if (current === undefined) throw new Error('no deployment')
      service = {
        ...service,
        deployments: [{ ...current, id: deploymentId, taskDefinition: 'langfuse-worker:7' }],
      }
      await worker(client)
      return { deploymentId }
    },
  }
  return { ecs: ecs as Ecs, changes }
}

async function rerun(
  names: readonly string[],
  worker: Worker,
): Promise<{ result: StepResult | undefined; said: readonly string[]; changes: readonly ServiceChange[] }> {
  const step: RerunBackgroundMigrations = {
    kind: 'rerun-background-migrations',
    component: 'worker',
    service: 'langfuse_worker',
    names,
    reason: 'Why.',
  }
  const { ecs, changes } = ecsWith(worker)
  const execution = executionOf([step], { ecs }, { postgres: createPostgres(engine.url) })
  const [result] = await execute(execution, (_title, work) => work())
  return { result, said: execution.said, changes }
}

const rowsNow = async () => {
  const { rows } = await client.query(
    `SELECT name, state, finished_at IS NOT NULL AS finished, failed_at IS NOT NULL AS failed, failed_reason AS reason, worker_id AS worker
       FROM background_migrations ORDER BY name`,
  )
  return rows
}

test('finished and failed rows start from their beginning, and nothing else is touched', async () => {
  const { result, said } = await rerun(['2024_a', '2024_b'], async () => undefined)
  expect(said).toContain('re-armed 2024_a, 2024_b')
  const fresh = { state: {}, finished: false, failed: false, reason: null, worker: null }
  const open = { finished: false, failed: false, reason: null, state: { maxDate: '2024' }, worker: 'w1' }
  expect(await rowsNow()).toEqual([
    { name: '2024_a', ...fresh },
    { name: '2024_b', ...fresh },
    { name: '2024_c', ...open },
    { name: '2024_d', ...open },
  ])
  expect(result?.state).toBe('done')
})

test('a row that a worker holds is left to it', async () => {
  await client.query(
    `UPDATE background_migrations SET locked_at = now() AT TIME ZONE 'UTC' WHERE name = '2024_a'`,
  )
  await rerun(['2024_a'], async () => undefined)
  expect(await rowsNow()).toContainEqual(expect.objectContaining({ name: '2024_a', finished: true }))
})

test('the worker is restarted with the task definition that it has by now, and its deployment is followed', async () => {
  const { result, changes, said } = await rerun(['2024_b'], finishesAll)
  expect(changes).toEqual([{ cluster: 'langfuse', service: 'langfuse_worker', force: true }])
  expect(said).toContain('ECS started deployment ecs-svc/2, which restarts the worker')
  expect(result).toMatchObject({ state: 'done', sentence: '2024_b is finished' })
})

test('the worker takes one after the other: the first is active, the rest is queued behind it', async () => {
  await client.query(`DELETE FROM background_migrations WHERE name IN ('2024_c', '2024_d')`)
  const { result } = await rerun(['2024_a', '2024_b'], takesTheFirst)
  expect(result).toMatchObject({ state: 'done', sentence: '2024_a is active, 2024_b is queued' })
})

test('a row that is open already is taken up, not re-armed: an earlier run may have been killed', async () => {
  const { result, said } = await rerun(['2024_d'], finishesAll)
  expect(said).toContain('all of them were already re-armed')
  expect(result).toMatchObject({ state: 'done', sentence: '2024_d is finished' })
})

test.each<readonly [string, Worker, RegExp]>([
  ['fails again', failsAll, /^Background migration 2024_a failed again: traces table does not exist\./],
  [
    'is taken up by nobody',
    doesNothing,
    /did not start background migration 2024_a: search its log for "Error running/,
  ],
  ['is removed by a migration', losesTheTable, /2024_a is no longer in table background_migrations/],
])('one that %s is a failure that says so', async (_what, worker, sentence) => {
  const { result } = await rerun(['2024_a'], worker)
  expect(result).toMatchObject({ state: 'failed', sentence: expect.stringMatching(sentence) })
})

test('what is seen of the table tells active from stalled', async () => {
  const seen = await observePostgres(createPostgres(engine.url))
  expect(seen.known && seen.value.backgroundMigrations).toMatchObject([
    { name: '2024_a', state: 'finished', active: false },
    { name: '2024_b', state: 'failed', active: false },
    { name: '2024_c', state: 'unfinished', active: true },
    { name: '2024_d', state: 'unfinished', active: false },
  ])
})

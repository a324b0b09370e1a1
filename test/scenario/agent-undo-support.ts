import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { Client, Pool } from 'pg'
import { CACHE, CACHE_TOKEN } from '../../sandbox/article/settings.ts'
import { clickhouseClient } from '../../sandbox/langfuse/clickhouse-http.ts'
import { ingest } from '../../sandbox/langfuse/ingest.ts'
import { openStage, type Stage, type StageRun } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import {
  clickhouseAccess,
  compareSnapshots,
  type StackSnapshot,
  takeSnapshot,
} from '../../sandbox/stack-snapshot.ts'
import type { CheckId } from '../../src/checks/run.ts'
import { HOSTED, OUTSIDE } from './agent-support.ts'

/** The article's stage on 2.93.7, with what it is to be again after every rollback. */
export async function openUndoStage(): Promise<UndoStage> {
  const folder = await mkdtemp(join(tmpdir(), 'agent-undo-'))
  const stage = await openStage({ folder })
  const before = await takeSnapshot(stage.stack)
  return {
    stage,
    rollback: (options = {}) =>
      stage.run('rollback', { ...OUTSIDE, to: '2.93.7' }, { env: HOSTED, ...options }),
    upgrade: () => upgrade(stage),
    isBack: () => isBack(stage, before),
    query: sql => query(stage, sql),
    close: async () => {
      await stage.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type UndoStage = {
  readonly stage: Stage
  /** To 2.93.7, from outside of the VPC. */
  rollback(options?: StageRun): Promise<RunResult>
  /** To 3.0.0, which then runs for a while and writes what breaks both foreign keys. */
  upgrade(): Promise<void>
  /** Schemas and images are what they were; rows that 3.0.0 wrote stay. */
  isBack(): Promise<void>
  query(sql: string): Promise<readonly Record<string, unknown>[]>
  close(): Promise<void>
}

/** ClickHouse stays: a worker whose ClickHouse is replaced while it copies may fail a background migration. */
export const UPGRADE = { version: '3.0.0', backup: 'false' }
export const INSIDE = { 'redis-url': `redis://:${CACHE_TOKEN}@${CACHE}:6379` }

async function upgrade(stage: Stage): Promise<void> {
  const result = await stage.run('deploy', { ...UPGRADE, ...INSIDE })
  // The sentence stands beside the outcome so that a failure says why.
  const { outcome } = result.outputs
  expect(outcome === 'deployed' ? outcome : result.commands.at(-1)?.message).toBe('deployed')
  const pool = new Pool({ connectionString: stage.stack.databaseUrlLocal, max: 1 })
  try {
    await ingest({ pool, clickhouse: clickhouseClient(clickhouseAccess(stage.stack)), count: 25 })
  } finally {
    await pool.end()
  }
}

async function isBack(stage: Stage, before: StackSnapshot): Promise<void> {
  const comparison = compareSnapshots(before, await takeSnapshot(stage.stack))
  expect(comparison.rows.filter(([what, , , same]) => !same && what !== 'rows')).toEqual([])
}

async function query(stage: Stage, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: stage.stack.databaseUrlLocal })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

type Report = {
  readonly plan: { readonly losses: readonly string[] }
  readonly warnings: readonly string[]
  readonly steps: readonly {
    step: { kind: string; phase?: string }
    state: string
    sentence: string
    counts: object
  }[]
  readonly checks: readonly { id: CheckId; state: string; sentence: string }[]
}

export const stepsOf = (result: RunResult) =>
  (result.report as Report).steps.map(
    ({ step, state }) => `${step.kind}${step.phase === undefined ? '' : ` ${step.phase}`} ${state}`,
  )

export const lossesOf = (result: RunResult) => (result.report as Report).plan.losses

/** What a report says, without what is new in each run: ids, digests of revisions, free space. */
export function comparable(result: RunResult): object {
  const { plan, warnings, steps, checks } = result.report as Report
  const plain = (text: string) =>
    text.replace(
      /\b[0-9a-f]{32}\b|ecs-svc\/\d+|:\d+ answers|worker:\d+|clickhouse:\d+|[\d.]+ GiB|10\.0\.[\d.]+/g,
      '…',
    )
  return {
    outputs: { ...result.outputs, report: '', 'plan-digest': '' },
    losses: plan.losses,
    warnings,
    steps: steps.map(({ step, state, sentence, counts }) => [
      step.kind,
      step.phase,
      state,
      plain(sentence),
      counts,
    ]),
    checks: checks.map(({ id, state, sentence }) => [id, state, plain(sentence)]),
  }
}

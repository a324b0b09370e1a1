import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clickhouseClient } from '../../sandbox/langfuse/clickhouse-http.ts'
import { openStage, type Stage, type StageRun } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { clickhouseAccess } from '../../sandbox/stack-snapshot.ts'
import type { CheckId } from '../../src/checks/run.ts'
import { WRITE_MODE } from '../../src/release/v4-flags.ts'

/** A stage of one release with a project's key, and verify with the canary on it. */
export type CanaryStage = {
  readonly stage: Stage
  readonly key: { readonly publicKey: string; readonly secretKey: string }
  verify(inputs?: Readonly<Record<string, string>>, run?: StageRun): Promise<RunResult>
  /** Rows of ClickHouse that are of a canary, once what is queued has been carried out. */
  rowsLeft(): Promise<number>
  stop(): Promise<void>
}

export async function openCanaryStage(release: string, mode?: string): Promise<CanaryStage> {
  const folder = await mkdtemp(join(tmpdir(), 'canary-'))
  const flags = mode === undefined ? {} : { [WRITE_MODE.name]: mode }
  const settings = { release, pushed: [release], clickhouse: '25.12.3', sound: true }
  const stage = await openStage({ folder, ...settings, web: flags, worker: flags })
  const key = await stage.stack.createApiKey()
  const inputs = { 'langfuse-public-key': key.publicKey, 'langfuse-secret-key': key.secretKey }
  return {
    stage,
    key,
    verify: (more, run) => stage.run('verify', { ...inputs, ...more }, run),
    rowsLeft: () => rowsLeft(stage, release),
    stop: async () => {
      await stage.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function rowsLeft({ stack }: Stage, release: string): Promise<number> {
  const { lists, sets } = stack.valkey.state
  const isIdle = () => [...lists.values(), ...sets.values()].every(jobs => jobs.length === 0)
  const deadline = Date.now() + 60_000
  while (!isIdle() && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 50))
  const clickhouse = clickhouseClient(clickhouseAccess(stack))
  const tables = [
    'traces',
    'observations',
    'scores',
    ...(release.startsWith('4.') ? ['events_full', 'events_core'] : []),
  ]
  const counts = await Promise.all(
    tables.map(table => clickhouse.query(`SELECT count() AS rows FROM ${table}`)),
  )
  return counts.reduce((sum, [row]) => sum + Number(row?.['rows']), 0)
}

export type Seen = { readonly id: CheckId; readonly state: string; readonly sentence: string }

export function canaryIn(result: RunResult): Seen | undefined {
  const { checks = [] } = result.report as { readonly checks?: readonly Seen[] }
  return checks.find(({ id }) => id === 'canary')
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import type { RunResult } from '../../sandbox/runner.ts'
import { CLUSTER, hasMoto, type Moto, startMoto } from '../support/moto.ts'

/** The sandbox agrees with this project. moto, an AWS emulator that others wrote, does not have to. */
const there = hasMoto ? test : test.skip

let folder: string
/** For its databases and GitHub only. */
let stage: Stage
let moto: Moto

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moto-'))
  if (!hasMoto) return
  stage = await openStage({ folder, release: '3.100.0', seed: false, webPlatform: 'ecs' })
  const { databaseUrl, clickhouseUrl } = stage.stack
  const environment = { DATABASE_URL: databaseUrl, CLICKHOUSE_URL: clickhouseUrl }
  moto = await startMoto({ release: '3.100.0', pushed: ['3.101.0'], environment })
}, 120_000)

afterAll(async () => {
  await moto?.stop()
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

const run = (action: 'deploy' | 'verify', inputs: Readonly<Record<string, string>>) =>
  stage.run(
    action,
    // The stage's ClickHouse has the address of another task than moto's.
    { url: moto.url, 'web-platform': 'ecs', cluster: CLUSTER, 'clickhouse-url': '', ...inputs },
    { env: moto.env },
  )

const named = (result: RunResult, state: string) =>
  (result.report as { readonly checks: readonly { readonly id: string; readonly state: string }[] }).checks
    .filter(check => check.state === state)
    .map(check => check.id)

there(
  'verify reads a stack on another AWS: only what that one cannot show does not pass',
  async () => {
    const result = await run('verify', { checks: 'control-plane,public' })
    // moto shows ClickHouse's task under every service.
    expect(named(result, 'failed')).toEqual(['web-steady', 'worker-steady'])
    // The database is on the stage, and moto answers operations of AWS Backup with HTML.
    const unseen = ['database-backups', 'file-backups', 'database-version', 'path-to-postgres']
    expect(named(result, 'inconclusive')).toEqual(unseen)
    expect(named(result, 'passed').length).toBeGreaterThan(20)
  },
  60_000,
)

there(
  'a rollout that this AWS accepts and never carries out is no success',
  async () => {
    const result = await run('deploy', { version: '3.101.0', backup: 'false', 'on-failure': 'stop' })
    expect(result.outputs['outcome']).toBe('failed')
    expect(result.stdout).toMatch(
      /worker did not roll out: deployment ecs-svc\/\d+ .*langfuse_worker:1 instead of .*langfuse_worker:2/,
    )
  },
  120_000,
)

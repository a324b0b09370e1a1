import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import { runComposite } from '../workflows/run-workflow.ts'
import { checksOf } from './agent-support.ts'
import { sql } from './rollback-refusals-support.ts'
import { expectDeployedUnseen, runAt, UPGRADE } from './url-support.ts'

/** A URL that leads to something else than the web: the tests build on each other. */
let folder: string
let stage: Stage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'url-'))
  stage = await openStage({ folder, seed: false })
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('the URL of another environment: deploy and rollback are refused before any write, and verify fails', async () => {
  for (const [action, inputs] of [
    ['deploy', UPGRADE],
    ['rollback', { to: '2.93.7' }],
  ] as const) {
    const { outputs, writes, commands } = await runAt('Langfuse 3.0.0', stage, action, inputs)
    expect(outputs).toMatchObject({ outcome: 'refused', 'previous-version': '2.93.7' })
    expect(commands.at(-1)?.message).toMatch(
      /http:\/\/127.* reports Langfuse 3\.0\.0, but the web's image `langfuse-web:latest` is 2\.93\.7 .*points to another environment, a cache answers.*`accept: contradiction`/,
    )
    expect(writes).toEqual([])
  }
  const verified = await runAt('Langfuse 3.0.0', stage, 'verify')
  expect(verified.outputs['outcome']).toBe('failed')
  expect(checksOf(verified).find(({ id }) => id === 'web-version')).toMatchObject({
    state: 'failed',
    sentence: expect.stringMatching(/reports 3\.0\.0, not 2\.93\.7.*points to another environment/),
  })
})

test('where App Runner may not be asked and no ECS service has the name, both remedies are named at once', async () => {
  const { faults } = stage.stack.sandbox.world
  faults.add({ operation: 'apprunner.ListServices', kind: 'access-denied', times: Infinity })
  const { outputs, commands } = await stage.run('deploy', UPGRADE)
  faults.clear()
  expect(outputs).toMatchObject({ outcome: 'refused' })
  expect(commands.at(-1)?.message).toMatch(
    /`langfuse_web`, but AWS denied apprunner:ListServices, and there is no ECS service.*`web-platform: ecs`.*grant `apprunner:ListServices`/,
  )
})

test('a login in front of the web: the upgrade succeeds, and says what it did not see', async () => {
  await expectDeployedUnseen(stage, 'login', /redirects to login\.example\.com/)
  const verified = await runAt('login', stage, 'verify', { checks: 'web-health,web-version,one-release' })
  expect(verified.outputs['outcome']).toBe('inconclusive')
  const states = checksOf(verified).map(({ state }) => state)
  const counts = ['passed', 'failed', 'warned', 'skipped', 'inconclusive'].map(name =>
    Number(verified.outputs[name]),
  )
  expect(Number(verified.outputs['inconclusive'])).toBe(
    states.filter(state => state === 'inconclusive').length,
  )
  expect(counts.reduce((sum, count) => sum + count)).toBe(states.length)
  expect(new Set(states).size).toBeGreaterThan(1)
})

test('an emergency rollback is not stopped by a cached URL that is accepted, and goes where it should', async () => {
  const { outputs } = await runAt('Langfuse 2.93.7', stage, 'rollback', { accept: 'contradiction' })
  expect(outputs).toMatchObject({
    outcome: 'rolled-back',
    'previous-version': '3.0.0',
    'current-version': '2.93.7',
    'clickhouse-reverted': '1',
  })
})

test('background migrations of v3, back on v2: nobody is told to wait for what v2 never runs', async () => {
  const all = 'UPDATE background_migrations SET'
  const first = 'WHERE name = (SELECT min(name) FROM background_migrations)'
  await sql(stage, `${all} finished_at = NULL, failed_at = NULL, failed_reason = NULL`)
  await sql(stage, `${all} failed_at = now(), failed_reason = 'socket hang up' ${first}`)
  const verified = await stage.run('verify', { checks: 'background-migrations' })
  expect(checksOf(verified)).toEqual([
    expect.objectContaining({
      state: 'passed',
      sentence: expect.stringMatching(
        /failed on Langfuse 3, and Langfuse 2 does not run it.*`rerun-background/,
      ),
    }),
  ])
  const planned = await stage.run('deploy', { ...UPGRADE, 'dry-run': 'true' })
  expect(planned.outputs['outcome']).toBe('planned')
  const { warnings } = planned.report as { readonly warnings: readonly string[] }
  expect(warnings).toContainEqual(
    expect.stringMatching(/^Background migrations that failed on an earlier Langfuse 3 do not start again/),
  )
  expect(JSON.stringify([warnings, checksOf(verified)])).not.toMatch(/[Ww]ait until|waits for/)
  await sql(stage, `${all} failed_at = NULL, failed_reason = NULL`)
})

/** The one-step action, with the built actions. */
async function oneStep(given: Readonly<Record<string, string>>) {
  const ran: string[] = []
  const act = async (action: string, inputs: Readonly<Record<string, string>>) => {
    ran.push(action)
    const set = Object.entries(inputs).filter(([name, value]) => value !== '' && name !== 'github-token')
    const result = await stage.run(action as 'deploy', Object.fromEntries(set))
    return { outputs: result.outputs, success: result.exitCode === 0 }
  }
  return { ...(await runComposite('action.yml', given, { act, approve: () => true })), ran }
}

test('`fail-on: warning` makes the run red for the warnings of before, and undoes nothing', async () => {
  const { outputs, success, ran } = await oneStep({
    ...UPGRADE,
    'fail-on': 'warning',
    'clickhouse-user': stage.stack.clickhouseUser,
  })
  expect(ran).toEqual(['deploy', 'verify'])
  expect(success).toBe(false)
  expect(outputs).toMatchObject({ outcome: 'failed', failed: '0', 'current-version': '3.0.0' })
})

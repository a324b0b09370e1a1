import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import { arrangeEcs } from '../../sandbox/aws/outcomes.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'

/** App Runner takes no new customers: newer stacks have their web on an ECS service, or on ECS Express Mode. */
let folder: string
let stage: Stage | undefined

async function open(webPlatform: 'ecs' | 'ecs-express'): Promise<Stage> {
  folder = await mkdtemp(join(tmpdir(), 'web-platform-'))
  stage = await openStage({ folder, seed: false, webPlatform })
  return stage
}

afterEach(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

const UPGRADE = { version: '3.0.0', backup: 'false' }

test.each(['ecs', 'ecs-express'] as const)(
  'a web on %s is found, upgraded, verified and rolled back',
  async platform => {
    const { run } = await open(platform)
    const deployed = await run('deploy', UPGRADE)
    expect(deployed.outputs).toMatchObject({
      outcome: 'deployed',
      'previous-version': '2.93.7',
      'current-version': '3.0.0',
    })
    expect(deployed.summary).toMatch(platform === 'ecs' ? /web · ECS/ : /web · ECS Express/)
    const verified = await run('verify')
    expect(verified.outputs).toMatchObject({ outcome: 'passed', 'current-version': '3.0.0' })
    const back = await run('rollback')
    expect(back.outputs).toMatchObject({
      outcome: 'rolled-back',
      'current-version': '2.93.7',
      'clickhouse-reverted': '1',
    })
  },
)

test('an Express Mode rollout that rolls back is a failure with its cause, not a green run', async () => {
  const { run, stack } = await open('ecs-express')
  const target = { cluster: 'langfuse', service: 'langfuse_web', image: `${REGISTRY}/langfuse-web:3.0.0` }
  await arrangeEcs(stack.sandbox.world, { ...target, outcome: 'breaker-rolled-back' })
  const result = await run('deploy', { ...UPGRADE, migrate: 'boot', 'on-failure': 'stop' })
  expect(result.exitCode).toBe(1)
  expect(result.outputs).toMatchObject({ outcome: 'failed', 'current-version': '2.93.7' })
  expect(result.commands.at(-1)?.message).toMatch(
    /web did not roll out: ECS (is rolling back or has rolled back|rolled back)/,
  )
  expect(result.summary).toMatch(/Invalid environment variables/)
})

test('a web on plain ECS without `url` cannot be asked, and the sentence says which input is missing', async () => {
  const { run } = await open('ecs')
  const result = await run('verify', { url: '' })
  expect(result.outputs['outcome']).toBe('inconclusive')
  expect(result.commands.at(-1)?.message).toMatch(
    /runs on ECS service langfuse_web, which has no known public address: set input `url`/,
  )
})

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { REGISTRY } from '../../sandbox/aws/ids.ts'
import { arrangeEcs } from '../../sandbox/aws/outcomes.ts'
import { openStage, type Stage } from '../../sandbox/rehearse.ts'
import { expectThereAndBack, UPGRADE } from './web-platform-support.ts'

/** A web on ECS Express Mode. */
let folder: string
let stage: Stage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'web-platform-'))
  stage = await openStage({ folder, seed: false, webPlatform: 'ecs-express' })
})

afterAll(async () => {
  await stage?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('a web on ecs-express is found, upgraded, verified and rolled back', async () => {
  await expectThereAndBack(stage, 'ecs-express')
})

/** The last, which leaves the stage half-way. */
test('an Express Mode rollout that rolls back is a failure with its cause, not a green run', async () => {
  const { run, stack } = stage
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
